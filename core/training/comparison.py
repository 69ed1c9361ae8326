"""Compare runs as a sceptical reviewer would: paired, with intervals, and in words."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.results import Answer, Comparison, Difference, Row, RunResult
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.answer import Costs, answer, beside, samplers_to_answer_for
from coreset_studio.core.training.class_measures import class_measures, curves_of
from coreset_studio.core.training.comparison_words import difference_sentence, opening_sentences, splits_sentence
from coreset_studio.core.training.equivalence import least_half_width
from coreset_studio.core.training.evidence import Values
from coreset_studio.core.training.intervals import (
    Resampled,
    Unit,
    by_split_of,
    correlation,
    mean_and_interval,
    shared_tests,
)
from coreset_studio.core.training.metric import Metric
from coreset_studio.core.training.metrics import METRICS, shown_in

EVERYTHING = "everything"
STRATIFIED = "stratified"
MATCHED = "matched:"
# z of a two-sided 5 % test and of 80 % power.
Z_LEVEL, Z_POWER = 1.96, 0.84


@dataclass(frozen=True)
class _Group:
    """The runs of one row, by split and repetition."""

    network: str
    sampler: str
    fraction: float
    runs: Mapping[Unit, RunResult]


def compare(
    runs: Sequence[RunResult],
    settings: ComparisonSettings,
    *,
    chosen_by: Sequence[str] = (),
    probe_extractors: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    folds: int = 0,
    steps: str = "",
) -> Comparison:
    """Put finished runs into rows with 95 % intervals and compute the paired differences from their controls.

    Parameters
    ----------
    runs : sequence of RunResult
        Those of one split of the same test images.
    settings : ComparisonSettings
        For the difference of interest.
    chosen_by : sequence of str
        Extractors that the coresets were selected by.
    probe_extractors : mapping of str to str, optional
        Extractor that each network sees that sees embeddings.
    notes : sequence of str
        Sentences on stored runs that could not be read; they become its last ones.
    folds : int
        Number of folds that the images are divided into, each of which is a split; 0 without folds.
    steps : str
        See `Comparison`; all runs are of this mode.

    Returns
    -------
    Comparison
        Differences are from stratified random and, for a sampler with budgets of its own, from matched random.

    Raises
    ------
    TrainingError
        If runs of one split were tested on different images, or those of several splits answer different classes.

    Notes
    -----
    Of one split the interval is that of a paired bootstrap: 2,000 resamples of repetitions and, independently, of test
    images, so that a small test set widens it too, and few repetitions as Student's t does. Of several splits, each
    counts as one: the mean of its repetitions, which share their test images. The interval is that of
    `corrected_interval`, since splits of the same images share test images too, and folds share training images; it
    contains what resampling the test images of all splits gives. A difference is *shown* where its interval leaves zero
    out. With s_d the standard deviation of the paired difference over repetitions, showing a difference of δ takes
    ((1.96 + 0.84) s_d / δ)² of them.
    """
    if not runs:
        return Comparison((), (), (), tuple(notes), tuple(notes), folds=folds, steps=steps)
    groups = _groups(runs)
    resampled = Resampled({run.key.split: run.test_indices for run in reversed(runs)}, folds)
    everything = {group.network: group for group in groups if group.sampler == EVERYTHING}
    rows = tuple(_row(group, resampled, everything.get(group.network)) for group in groups)
    differences = tuple(_differences(groups, resampled, settings))
    sentences = opening_sentences(rows, differences, chosen_by=chosen_by, probe_extractors=probe_extractors or {})
    failed = {name: sentence for run in runs for name, sentence in run.metrics.failed.items()}
    notes = (*(failed | dict(resampled.failed)).values(), *notes)
    answers = tuple(_answers(groups, rows, resampled, settings))
    sentences = (*(one.sentence for one in answers), *sentences, *splits_sentence(runs, rows, folds), *notes)
    return Comparison(tuple(runs), rows, differences, sentences, notes, answers, folds, steps)


def _answers(
    groups: Sequence[_Group], rows: Sequence[Row], resampled: Resampled, settings: ComparisonSettings
) -> Iterator[Answer]:
    """Yield what each coreset costs against everything, of every network in its order."""
    everything = {group.network: group for group in groups if group.sampler == EVERYTHING}
    networks = {group.network for group in groups}
    samplers = samplers_to_answer_for([group.sampler for group in groups])
    for group, row in zip(groups, rows, strict=True):
        if group.sampler not in samplers:
            continue
        same_size = (one for one in rows if (one.network, one.fraction) == (row.network, row.fraction))
        yield answer(
            group.network,
            group.sampler,
            group.fraction,
            row.n_images,
            row.means["accuracy"],
            _costs(group, everything.get(group.network), resampled),
            beside(group.sampler, {one.sampler: one.means["accuracy"] for one in same_size}),
            margin=settings.difference_of_interest,
            names_network=len(networks) > 1,
        )


def _costs(group: _Group, whole: _Group | None, resampled: Resampled) -> Costs | None:
    """Return what is known of a coreset against everything; None where everything was not trained likewise."""
    shared = sorted(set(group.runs) & set(whole.runs)) if whole is not None else []
    if whole is None or not shared:
        return None
    ours, whole_runs = (
        [group.runs[unit] for unit in shared],
        {id(group.runs[unit]): whole.runs[unit] for unit in shared},
    )
    paired = [run.metrics["accuracy"] - whole_runs[id(run)].metrics["accuracy"] for run in ours]

    def under_resampling(run: RunResult, *, together: bool) -> Values:
        other = whole_runs[id(run)]
        return resampled.of(run, "accuracy", together=together) - resampled.of(other, "accuracy", together=together)

    within = (-1.0, 1.0)  # few repetitions alone could stretch an interval beyond what accuracies can differ by
    folds = resampled.folds
    difference, low, high = mean_and_interval(shared, paired, ours, under_resampling, within, folds=folds)
    _, low_90, high_90 = mean_and_interval(shared, paired, ours, under_resampling, within, level=0.9, folds=folds)
    # Resamples of images on which nothing differs never differ either, but so few images exclude no difference.
    floor = least_half_width(len(np.unique(np.concatenate([run.test_indices for run in ours]))))
    low_90, high_90 = min(low_90, max(-1.0, difference - floor)), max(high_90, min(1.0, difference + floor))
    seconds = [float(np.mean([run.train_seconds for run in runs])) for runs in (ours, whole_runs.values())]
    return Costs(
        everything=float(np.mean([run.metrics["accuracy"] for run in whole_runs.values()])),
        difference=difference,
        low=low,
        high=high,
        low_90=low_90,
        high_90=high_90,
        n_pairs=len(shared),
        time_share=seconds[0] / seconds[1] if seconds[1] > 0 else float("nan"),
        teacher_seconds=float(np.mean([run.teacher_seconds for run in ours])),
    )


def _groups(runs: Sequence[RunResult]) -> list[_Group]:
    """Collect runs into rows: by network, fraction and sampler; everything last of its network."""
    first_of_split: dict[int, RunResult] = {}
    found: dict[tuple[str, float, str], dict[Unit, RunResult]] = {}
    for run in runs:
        _check_comparable(run, first_of_split.setdefault(run.key.split, run), runs[0])
        key = (run.key.network, run.key.fraction, run.key.sampler)
        found.setdefault(key, {})[run.key.split, run.key.repetition] = run
    networks = list(dict.fromkeys(run.key.network for run in runs))
    order = sorted(found, key=lambda key: (networks.index(key[0]), key[1], key[2] == EVERYTHING))
    return [
        _Group(network, sampler, fraction, found[network, fraction, sampler]) for network, fraction, sampler in order
    ]


def _check_comparable(run: RunResult, of_split: RunResult, of_all: RunResult) -> None:
    same = np.array_equal(run.test_indices, of_split.test_indices) and np.array_equal(run.true, of_split.true)
    if not same:
        raise TrainingError(
            "The runs were tested on different images, so they cannot be compared. "
            "Train them again with one split, or compare each split separately."
        )
    if run.classes != of_all.classes:
        raise TrainingError(
            f"The runs have different classes ({len(run.classes)} and {len(of_all.classes)}), so they cannot be "
            "compared. Train them again on the same classes."
        )


def _row(group: _Group, resampled: Resampled, everything: _Group | None) -> Row:
    units = sorted(group.runs)
    runs = [group.runs[unit] for unit in units]
    means, lows, highs = {}, {}, {}
    for name, metric in METRICS.items():
        values = [run.metrics[name] for run in runs]
        within = (metric.least, metric.most)
        means[name], lows[name], highs[name] = mean_and_interval(
            units, values, runs, partial(resampled.of, metric=name), within, folds=resampled.folds
        )
    select_seconds = float(np.mean([run.select_seconds for run in runs]))
    train_seconds = float(np.mean([run.train_seconds for run in runs]))
    teacher_seconds = float(np.mean([run.teacher_seconds for run in runs]))
    return Row(
        network=group.network,
        sampler=group.sampler,
        fraction=group.fraction,
        n_images=round(float(np.mean([run.n_images for run in runs]))),
        n_repetitions=len(runs),
        means=means,
        lows=lows,
        highs=highs,
        select_seconds=select_seconds,
        train_seconds=train_seconds,
        pays_after=_pays_after(group, select_seconds + teacher_seconds, train_seconds, everything),
        n_splits=len({split for split, _ in units}),
        teacher_seconds=teacher_seconds,
        validation_seconds=float(np.mean([run.validation_seconds for run in runs])),
        feature_seconds=float(np.sum([run.feature_seconds for run in runs])),
        class_measures=class_measures(runs),
        unknown={name: why for run in reversed(runs) for name, why in run.metrics.unknown.items()},
        curves=curves_of(runs),
    )


def _pays_after(group: _Group, once_seconds: float, train_seconds: float, everything: _Group | None) -> int | None:
    """Return after how many trainings the one-time costs are lower than the savings, without features.

    That is the selection and the teacher of soft labels. Everything is trained with the teacher here, too, but could be
    trained without.
    """
    if everything is None or group.sampler == EVERYTHING:
        return None
    saved = float(np.mean([run.train_seconds for run in everything.runs.values()])) - train_seconds
    return max(1, math.ceil(once_seconds / saved)) if saved > 0 else None


def _differences(groups: Sequence[_Group], resampled: Resampled, settings: ComparisonSettings) -> list[Difference]:
    by_key = {(group.network, group.fraction, group.sampler): group for group in groups}
    found = []
    for group in groups:
        if group.sampler in (EVERYTHING, STRATIFIED) or group.sampler.startswith(MATCHED):
            continue
        for control_name in (STRATIFIED, f"{MATCHED}{group.sampler}"):
            control = by_key.get((group.network, group.fraction, control_name))
            shared = sorted(set(group.runs) & set(control.runs)) if control is not None else []
            if control is None or not shared:
                continue
            found += [
                _difference(group, control, shared, metric, resampled, settings) for metric in shown_in("differences")
            ]
    return found


def _difference(
    group: _Group,
    control: _Group,
    shared: Sequence[Unit],
    metric: Metric,
    resampled: Resampled,
    settings: ComparisonSettings,
) -> Difference:
    ours = [group.runs[unit] for unit in shared]
    beside = {id(group.runs[unit]): control.runs[unit] for unit in shared}
    name = metric.name
    paired = [run.metrics[name] - beside[id(run)].metrics[name] for run in ours]

    def under_resampling(run: RunResult, *, together: bool) -> Values:
        other = beside[id(run)]
        return resampled.of(run, name, together=together) - resampled.of(other, name, together=together)

    folds = resampled.folds
    difference, low, high = mean_and_interval(shared, paired, ours, under_resampling, folds=folds)
    # Few repetitions alone could stretch it beyond what two values can differ by.
    widest = metric.most - metric.least
    low, high = (float(np.clip(end, -widest, widest)) for end in (low, high))
    pairs = [len(found) for found in by_split_of(shared, paired)]
    # One repetition's interval knows the chance of the test images alone, not that of the draw and the training.
    shown = len(shared) > 1 and bool(low > 0 or high < 0)
    # The difference of interest is set in points.
    of_interest = settings.difference_of_interest if metric.in_points else 0.0
    needed, beyond = _needed(shared, paired, ours, of_interest, folds)
    return Difference(
        network=group.network,
        sampler=group.sampler,
        control=control.sampler,
        fraction=group.fraction,
        metric=name,
        difference=difference,
        low=low,
        high=high,
        n_repetitions=len(shared),
        shown=shown,
        repetitions_needed=needed,
        sentence=difference_sentence(
            group.network, group.sampler, control.sampler, group.fraction, metric, difference, low, high,
            pairs=pairs, needed=needed, beyond=beyond, of_interest=of_interest,
            why_not=_why_unknown(metric, [*ours, *beside.values()], resampled), folds=folds,
        ),
        n_splits=len(pairs),
    )  # fmt: skip


def _why_unknown(metric: Metric, runs: Sequence[RunResult], resampled: Resampled) -> str:
    if metric.name in resampled.failed or any(metric.name in run.metrics.failed for run in runs):
        return "the plugin's metric failed"
    if "probabilities" in metric.needs and any(run.probabilities is None for run in runs):
        return "it requires the probabilities of all classes, which a stored run does not contain"
    return "there are too few test images"


def _needed(
    units: Sequence[Unit], paired: Sequence[float], runs: Sequence[RunResult], of_interest: float, folds: int
) -> tuple[int | None, bool]:
    """Return the number of repetitions to show a difference of `of_interest`, and whether none is enough.

    Repetitions, or splits where there are several: ((1.96 + 0.84) s_d / δ)² of them if they were independent. Splits
    that share test images are not, and of the same images no number of splits may be enough. Of folds no number is
    named: all together they test on every image once, however many they are.
    """
    by_split = by_split_of(units, paired)
    values = paired if len(by_split) == 1 else [float(np.mean(found)) for found in by_split]
    if len(values) < 2 or of_interest <= 0 or not np.isfinite(values).all():
        return None, False
    independent = ((Z_LEVEL + Z_POWER) * float(np.std(values, ddof=1)) / of_interest) ** 2
    if len(by_split) == 1:
        return max(2, math.ceil(independent)), False
    if folds:
        shared = correlation(units, runs, folds)
        return None, independent * (1 / folds + shared / (1 - shared)) > 1
    shared = shared_tests(units, runs)
    left = 1 - independent * shared / (1 - shared) if shared < 1 else 0.0
    return (max(2, math.ceil(independent / left)), False) if left > 0 else (None, True)
