"""Sentences on what a comparison shows and what it does not."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from coreset_studio.core.descriptions import registry
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.results import Difference, Row, RunResult, split_word, splits_words
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.metric import Metric
from coreset_studio.core.words import percent

CONTROL_WORDS = {"stratified": "stratified random"}


def sampler_words(name: str) -> str:
    """Return a sampler's name as a sentence has it."""
    if name.startswith("matched:"):
        return f"random with the class budgets of {name.removeprefix('matched:')}"
    return CONTROL_WORDS.get(name, name)


def network_words(name: str, *, first: bool = False) -> str:
    """Return a network's name as a sentence has it, or as one begins with it."""
    words = NETWORKS[name].words if name in NETWORKS else name
    return words[:1].upper() + words[1:] if first else words


def difference_sentence(
    network: str,
    sampler: str,
    control: str,
    fraction: float,
    metric: Metric,
    difference: float,
    low: float,
    high: float,
    *,
    pairs: Sequence[int],
    needed: int | None,
    beyond: bool = False,
    of_interest: float,
    why_not: str = "there are too few test images",
    folds: int = 0,
) -> str:
    """Return one difference in words, with its interval and its basis.

    Parameters
    ----------
    pairs : sequence of int
        Paired repetitions of each split.
    needed : int or None
        Repetitions, or splits where there are several, that would show a difference of `of_interest`.
    beyond : bool
        Whether no number of splits would.
    why_not : str
        Why there is no difference, if there is none.
    folds : int
        Number of folds that the images are divided into, each of which is a split; 0 without folds.
    """
    if math.isnan(difference) or math.isnan(low):
        return f"The {metric.in_words} of {sampler} cannot be compared: {why_not}."
    where = f"{network_words(network, first=True)}, {percent(fraction)}"
    what = f"{metric.in_words} of {sampler_words(sampler)} against {sampler_words(control)}"
    figures = _figures(metric, difference, low, high)
    if sum(pairs) < 2:
        return (
            f"{where}: {what}: {figures}, from the test images alone. One repetition does not distinguish a "
            "difference from the random variation of one draw and one training; repeat it with more seeds."
        )
    based = basis_words(pairs, what="paired repetition", folds=folds)
    if low > 0 or high < 0:
        return f"{where}: {what}: {figures} ({based})."
    more = _range_note(metric, low, high)
    units, have = ("splits", len(pairs)) if len(pairs) > 1 else ("repetitions", pairs[0])
    interest = points_words(of_interest, sign=False)
    if needed is not None and needed > have:
        more += f" About {needed:,} {units} would be required to show a difference of {interest}."
    elif beyond:
        more += (
            f" More {split_word(folds)}s of the same images would probably not show a difference of {interest}; more "
            "images could."
        )
    return f"{where}: {what}: no difference shown ({figures}; {based}).{more}"


def basis_words(repetitions: Sequence[int], *, what: str = "repetition", folds: int = 0) -> str:
    """Return what a row or a difference rests on, such as ``"5 splits, 3 repetitions each"``.

    Parameters
    ----------
    repetitions : sequence of int
        Of each split.
    what : str
        What one is called.
    folds : int
        Number of folds that the images are divided into, each of which is a split; 0 without folds.
    """
    even = len(set(repetitions)) == 1
    n = repetitions[0] if even else sum(repetitions)
    words = f"{n:,} {what}{'' if n == 1 else 's'}"
    if len(repetitions) < 2 and not folds:
        return words
    return f"{splits_words(len(repetitions), folds)}, {words} {'each' if even else 'in all'}"


def repetitions_by_split(runs: Iterable[RunResult], row: Row) -> list[int]:
    """Return how many of a row's runs each split has."""
    key = (row.network, row.sampler, row.fraction)
    found = Counter(run.key.split for run in runs if (run.key.network, run.key.sampler, run.key.fraction) == key)
    return [found[split] for split in sorted(found)]


def splits_sentence(runs: Sequence[RunResult], rows: Sequence[Row], folds: int = 0) -> tuple[str, ...]:
    """Return what intervals over several splits or folds hold; nothing where there is one split."""
    most = max(rows, key=lambda row: (row.n_splits, row.n_repetitions))
    if most.n_splits < 2:
        return ()
    fewer = any((row.n_splits, row.n_repetitions) != (most.n_splits, most.n_repetitions) for row in rows)
    shares = (
        f"folds share their training images; their variation is taken to be that of random splits that test on "
        f"1/{folds:,} of the images."
        if folds
        else "splits of the same images share test images."
    )
    basis = (
        f"Measured over {basis_words(repetitions_by_split(runs, most), folds=folds)}: intervals include the variation "
        f"between splits; {shares}"
    )
    return (f"{basis} Some rows are based on fewer, because their trainings are not finished." if fewer else basis,)


def backbone_sentences(training: TrainingSettings, networks: Iterable[str]) -> tuple[str, ...]:
    """Return sentences on networks of the paper with another backbone, whose results are not comparable."""
    sentences = []
    for network in (NETWORKS[name] for name in dict.fromkeys(networks) if name in NETWORKS):
        if not (network.listing and network.needs_backbone):
            continue
        used, papers = network.extractor(training), network.extractor(TrainingSettings())
        if used != papers:
            titles = registry("extractor").titles([used, papers])
            sentences.append(
                f"The {network.words} uses {titles[used]}; that of the paper uses {titles[papers]}, so its results "
                "are not comparable with the table of the paper."
            )
    return tuple(sentences)


def weights_sentences(runs: Iterable[RunResult]) -> tuple[str, ...]:
    """Return sentences on networks with untrained or unverified weights."""
    words = {"unverified": "unverified weights, whose digest is unknown", "untrained": "untrained weights"}
    found = {
        (
            run.key.network,
            f"the unverified model {used.model.title}" if used.model is not None else words[used.state],
        ): None
        for run in runs
        if (used := run.weights) is not None and used.state in words
    }
    return tuple(f"The {network_words(network)} uses {what}." for network, what in found)


def opening_sentences(
    rows: Sequence[Row],
    differences: Sequence[Difference],
    *,
    chosen_by: Sequence[str],
    probe_extractors: Mapping[str, str],
) -> tuple[str, ...]:
    """Return the answer in words: what each coreset costs against everything, then the differences in accuracy.

    Last are remarks: networks that use the features of the selection, and the remarks of the networks.
    """
    sentences = []
    everything = {row.network: row for row in rows if row.sampler == "everything"}
    for row in rows:
        whole = everything.get(row.network)
        if whole is None or row is whole or row.sampler.startswith("matched:"):
            continue
        lost = row.means["accuracy"] - whole.means["accuracy"]
        sentences.append(
            f"{network_words(row.network, first=True)}: {percent(row.fraction)} selected by "
            f"{sampler_words(row.sampler)} reaches an accuracy of {row.means['accuracy']:.3f}, the whole pool "
            f"{whole.means['accuracy']:.3f} ({points_words(lost)} points)."
        )
    sentences += [one.sentence for one in differences if one.metric == "accuracy"]
    shown = [network for name, network in NETWORKS.items() if any(row.network == name for row in rows)]
    for network in shown:
        seen = probe_extractors.get(network.name, "")
        if network.sees_embeddings and seen:
            sentences += independence_sentences(network.words, seen, chosen_by)
    if differences:
        sentences += [network.remark for network in shown if network.remark]
    return tuple(sentences)


def independence_sentences(words: str, seen: str, chosen_by: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence on whether a probe sees other features than the selection did.

    Parameters
    ----------
    words : str
        The probe, as a sentence has it.
    seen : str
        Extractor whose features it sees.
    chosen_by : sequence of str
        Extractors of the selection; empty if unknown, and then no sentence is written.
    """
    other = "Its gains may be smaller for a network with other features; also evaluate with another extractor."
    if not chosen_by:
        return ()
    if seen in chosen_by:
        return (f"The {words} uses the same features ({seen}) as the selection. {other}",)
    weights = EXTRACTORS[seen].weights if seen in EXTRACTORS else ""
    alike = [name for name in chosen_by if weights and name in EXTRACTORS and EXTRACTORS[name].weights == weights]
    if alike:
        return (f"The {words} uses features ({seen}) of the same network as the selection ({alike[0]}). {other}",)
    return (f"The {words} uses features ({seen}) that the selection did not use ({', '.join(chosen_by)}).",)


def _range_note(metric: Metric, low: float, high: float) -> str:
    """Return a note if an interval reaches the ends of the possible range."""
    widest = metric.most - metric.least
    ends = (low <= -widest) + (high >= widest)
    if not ends or not math.isfinite(widest):
        return ""
    how = "both ends" if ends == 2 else "one end"
    return f" The interval reaches {how} of the possible range: these runs do not show how large the difference is."


def _figures(metric: Metric, difference: float, low: float, high: float) -> str:
    if metric.in_points:
        return f"{points_words(difference)} points, 95 % interval {points_words(low)} to {points_words(high)}"
    unit = f" {metric.unit}" if metric.unit else ""
    value, start, end = (f"{number:+.3g}".replace("-", "−") for number in (difference, low, high))
    return f"{value}{unit}, 95 % interval {start} to {end}{'' if metric.higher_is_better else '; lower is better'}"


def points_words(value: float, *, sign: bool = True) -> str:
    """Return a share as percentage points, with a real minus."""
    plain = f"{100 * value:.3g}"
    text = f"{100 * value:+.1f}" if sign else f"{plain} point{'' if plain == '1' else 's'}"
    return text.replace("-", "−")
