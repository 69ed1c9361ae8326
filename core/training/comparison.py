"""Compare runs as a sceptical reviewer would: paired, with intervals, and in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import TrainingError
from core.results import Comparison, Difference, Row, RunResult
from core.settings import ComparisonSettings
from core.training.bootstrap import METRICS, ImageResamples, Resampled, interval, repetition_weights
from core.training.comparison_words import difference_sentence, opening_sentences

EVERYTHING = "everything"
STRATIFIED = "stratified"
MATCHED = "matched:"
DIFFERENCES_IN = ("accuracy", "balanced_accuracy", "f1", "worst_class_recall", "worst_cluster_recall")
# z of a two-sided 5 % test and of 80 % power.
Z_LEVEL, Z_POWER = 1.96, 0.84


@dataclass(frozen=True)
class _Group:
    """The runs of one row, by repetition."""

    network: str
    sampler: str
    fraction: float
    runs: Mapping[int, RunResult]


def compare(
    runs: Sequence[RunResult],
    settings: ComparisonSettings,
    *,
    chosen_by: Sequence[str] = (),
    judged_by: str = "",
) -> Comparison:
    """Put finished runs into rows with 95 % intervals and tell the paired differences from their controls.

    Parameters
    ----------
    runs : sequence of RunResult
        Of the same test images.
    settings : ComparisonSettings
        For the difference of interest.
    chosen_by : sequence of str
        Extractors that the coresets were chosen by.
    judged_by : str
        Extractor that `head` sees.

    Returns
    -------
    Comparison
        Differences are from stratified random and, for a sampler with budgets of its own, from matched random.

    Raises
    ------
    TrainingError
        If the runs were tested on different images.

    Notes
    -----
    The interval is that of a paired bootstrap: 2,000 resamples of repetitions and, independently, of test images, so
    that a small test set widens it too, and few repetitions as Student's t does. A difference is *shown* where its
    interval leaves zero out. With s_d the standard deviation of the paired difference over repetitions, showing a
    difference of δ takes ((1.96 + 0.84) s_d / δ)² repetitions.
    """
    if not runs:
        return Comparison((), (), (), ())
    groups = _groups(runs)
    images = ImageResamples(len(runs[0].true))
    resampled = {id(run): images.metrics_of(run) for group in groups for run in group.runs.values()}
    everything = {group.network: group for group in groups if group.sampler == EVERYTHING}
    rows = tuple(_row(group, resampled, everything.get(group.network)) for group in groups)
    differences = tuple(_differences(groups, resampled, settings))
    sentences = opening_sentences(rows, differences, chosen_by=chosen_by, judged_by=judged_by)
    return Comparison(tuple(runs), rows, differences, sentences)


def _groups(runs: Sequence[RunResult]) -> list[_Group]:
    """Collect runs into rows: by network, fraction and sampler; everything last of its network."""
    first = runs[0]
    found: dict[tuple[str, float, str], dict[int, RunResult]] = {}
    for run in runs:
        if not np.array_equal(run.test_indices, first.test_indices) or not np.array_equal(run.true, first.true):
            raise TrainingError(
                "The runs were tested on different images, so they cannot be compared. "
                "Train them again with one split, or compare each split for itself."
            )
        key = (run.key.network, run.key.fraction, run.key.sampler)
        found.setdefault(key, {})[run.key.repetition] = run
    networks = list(dict.fromkeys(run.key.network for run in runs))
    order = sorted(found, key=lambda key: (networks.index(key[0]), key[1], key[2] == EVERYTHING))
    return [
        _Group(network, sampler, fraction, found[network, fraction, sampler]) for network, fraction, sampler in order
    ]


def _row(group: _Group, resampled: Mapping[int, Resampled], everything: _Group | None) -> Row:
    runs = [group.runs[repetition] for repetition in sorted(group.runs)]
    weights = repetition_weights(sorted(group.runs))
    means, lows, highs = {}, {}, {}
    for metric in METRICS:
        means[metric] = float(np.mean([getattr(run.metrics, metric) for run in runs]))
        values = np.stack([resampled[id(run)].values[metric] for run in runs], axis=1)
        # All of these are shares; few repetitions alone could stretch an interval beyond that.
        lows[metric], highs[metric] = interval(np.clip((weights * values).sum(axis=1), 0.0, 1.0))
    select_seconds = float(np.mean([run.select_seconds for run in runs]))
    train_seconds = float(np.mean([run.train_seconds for run in runs]))
    return Row(
        network=group.network,
        sampler=group.sampler,
        fraction=group.fraction,
        n_images=runs[0].n_images,
        n_repetitions=len(runs),
        means=means,
        lows=lows,
        highs=highs,
        select_seconds=select_seconds,
        train_seconds=train_seconds,
        pays_after=_pays_after(group, select_seconds, train_seconds, everything),
    )


def _pays_after(group: _Group, select_seconds: float, train_seconds: float, everything: _Group | None) -> int | None:
    """Return after how many trainings the selection has cost less than it saved; features apart."""
    if everything is None or group.sampler == EVERYTHING:
        return None
    saved = float(np.mean([run.train_seconds for run in everything.runs.values()])) - train_seconds
    return max(1, math.ceil(select_seconds / saved)) if saved > 0 else None


def _differences(
    groups: Sequence[_Group], resampled: Mapping[int, Resampled], settings: ComparisonSettings
) -> list[Difference]:
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
            found += [_difference(group, control, shared, metric, resampled, settings) for metric in DIFFERENCES_IN]
    return found


def _difference(
    group: _Group,
    control: _Group,
    shared: Sequence[int],
    metric: str,
    resampled: Mapping[int, Resampled],
    settings: ComparisonSettings,
) -> Difference:
    ours = [group.runs[repetition] for repetition in shared]
    theirs = [control.runs[repetition] for repetition in shared]
    paired = np.array(
        [getattr(a.metrics, metric) - getattr(b.metrics, metric) for a, b in zip(ours, theirs, strict=True)]
    )
    values = np.stack(
        [resampled[id(a)].values[metric] - resampled[id(b)].values[metric] for a, b in zip(ours, theirs, strict=True)],
        axis=1,
    )
    low, high = interval((repetition_weights(shared) * values).sum(axis=1))
    # One repetition's interval knows the chance of the test images alone, not that of the draw and the training.
    shown = len(shared) > 1 and bool(low > 0 or high < 0)
    needed = _needed(paired, settings.difference_of_interest)
    difference = float(paired.mean())
    return Difference(
        network=group.network,
        sampler=group.sampler,
        control=control.sampler,
        fraction=group.fraction,
        metric=metric,
        difference=difference,
        low=low,
        high=high,
        n_repetitions=len(shared),
        shown=shown,
        repetitions_needed=needed,
        sentence=difference_sentence(
            group.network, group.sampler, control.sampler, group.fraction, metric, difference, low, high,
            n_repetitions=len(shared), needed=needed, of_interest=settings.difference_of_interest,
        ),
    )  # fmt: skip


def _needed(paired: np.ndarray, of_interest: float) -> int | None:
    """Return the repetitions that show a difference of `of_interest`; None with fewer than two or without any."""
    if len(paired) < 2 or of_interest <= 0 or not np.isfinite(paired).all():
        return None
    return max(2, math.ceil(((Z_LEVEL + Z_POWER) * float(paired.std(ddof=1)) / of_interest) ** 2))
