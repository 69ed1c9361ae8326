"""Stability: how often each image is selected over splits and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.pipeline.planning import study_of_split
from coreset_studio.core.pipeline.stages import choose, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Progress, StepProgress
from coreset_studio.core.results import Dataset, IntArray
from coreset_studio.core.results.stability import Stability
from coreset_studio.core.selection.samplers import SAMPLERS

LEVELS = ("always", "at least half of the times", "less than half of the times", "never")


@dataclass(frozen=True, eq=False)
class StabilityOfDataset:
    """Stability with the dataset that it is of."""

    stability: Stability
    dataset: Dataset


def measure_stability(
    study: Study, n_splits: int, n_seeds: int, progress: Progress = NO_PROGRESS
) -> StabilityOfDataset:
    """Select a coreset for each of several splits and seeds, and count how often each image is selected.

    Parameters
    ----------
    study : Study
        Sampler, fraction and budgets are those of its settings; images of an earlier coreset are kept each time.
    n_splits : int
        >= 1: split seeds s, s + 1, …, where s is that of the settings. Features are cached by image; reduction and
        clusters are computed for each split.
    n_seeds : int
        >= 1: seeds of the selection for each split, counted in the same way; a sampler that draws nothing has one.
    progress : Progress

    Returns
    -------
    StabilityOfDataset

    Raises
    ------
    SelectionError
        If the coreset would be selected only once, or folds are set.
    """
    selection = study.settings.selection
    if n_splits < 1 or n_seeds < 1:
        raise SelectionError(
            f"Stability requires at least 1 split and 1 seed; found {n_splits:,} splits and {n_seeds:,} seeds."
        )
    if study.settings.data.folds:
        raise SelectionError("Stability is measured over splits; set the number of folds to 0.")
    sampler = SAMPLERS.get(selection.sampler)
    draws = sampler is None or sampler.uses_seed
    seeds = range(n_seeds if draws else 1)
    if n_splits * len(seeds) < 2:
        raise SelectionError(
            f"The coreset would be selected once, so that no stability can be measured: {n_splits:,} split"
            + (" and 1 seed" if draws else f", and the sampler {selection.sampler} draws nothing")
            + ". Use more splits" + (" or seeds." if draws else ".")
        )  # fmt: skip
    in_pool: IntArray = np.zeros(0, dtype=np.int64)
    chosen = in_pool
    pools: list[IntArray] = []
    dataset: Dataset | None = None
    for split in range(n_splits):
        one = StepProgress(progress, split, n_splits)
        prepared = prepare(study_of_split(study, split), one, dataset=dataset)
        if dataset is None:
            dataset = prepared.dataset
            in_pool, chosen = np.zeros((2, len(dataset.images)), dtype=np.int64)
        pools.append(prepared.split.pool)
        for seed in seeds:
            coreset = choose(prepared, replace(selection, seed=selection.seed + seed), one)
            in_pool[prepared.split.pool] += 1
            chosen[coreset.indices] += 1
    progress.report(n_splits, n_splits, "Selecting coresets: splits")
    if dataset is None:
        raise SelectionError("No split was made.")
    return StabilityOfDataset(
        Stability(in_pool, chosen, n_splits, len(seeds), _notes(pools, n_seeds, draws, selection.sampler)), dataset
    )


def _notes(pools: Sequence[IntArray], n_seeds: int, draws: bool, sampler: str) -> tuple[str, ...]:
    notes = []
    if len(pools) > 1 and all(np.array_equal(pools[0], pool) for pool in pools[1:]):
        notes.append("All splits have the same pool, because the split is predefined; they say nothing on stability.")
    if not draws and n_seeds > 1:
        notes.append(f"The sampler {sampler} draws nothing: it selects the same images for each seed, so one was used.")
    return tuple(notes)


def level_counts(shares: NDArray[np.float64]) -> tuple[int, ...]:
    """Return how many images have each of `LEVELS`; images that were never in the pool (NaN) are not counted."""
    known = shares[~np.isnan(shares)]
    always, never = known == 1, known == 0
    half = (known >= 0.5) & ~always
    return tuple(int(np.count_nonzero(each)) for each in (always, half, (known < 0.5) & ~never, never))
