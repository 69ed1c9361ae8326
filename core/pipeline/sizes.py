"""Learning curves over the pool: each image is classified by coresets that were selected without it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from core.cache import ArrayCache, fingerprint
from core.errors import TrainingError
from core.features.extraction import Extracted, without_failed
from core.features.reduction import embed_classes, embed_pool
from core.memory import memory_for
from core.pipeline.outlook import plan_view
from core.pipeline.stages import (
    cached_difficulty,
    cluster_classes,
    extract_features,
    open_dataset,
    split_dataset,
)
from core.pipeline.study import Study
from core.progress import NO_PROGRESS, PartProgress, Progress
from core.results import Dataset, IntArray, Split
from core.results.sizes import Sizes
from core.selection.budgets import share_of
from core.selection.orders import OrderCache
from core.selection.selecting import STRATIFIED, find_sampler, select
from core.settings import ComparisonSettings, SelectionSettings, settings_to_dict
from core.training.architectures import NETWORKS
from core.training.architectures.head.logistic import fit_head
from core.training.size_curve import Held, everything_point, size_curve, unfitted_sizes
from core.training.teacher import Units, embedded_by, grouped_folds, penalty_of, pool_units, teacher_bytes

STAGE = "sizes"
VERSION = 1
FOLDS = 5
DRAWS = 3
"""Of a sampler with chance, and of stratified random."""
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7)
LEAST_SIZES = 3
LEAST_IMAGES = 20
MEASURING = "Measuring learning curves: folds"
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class _Pool:
    """The pool of a study, its features, and its folds."""

    study: Study
    dataset: Dataset
    split: Split
    extracted: tuple[Extracted, ...]
    together: Units
    folds: IntArray

    @property
    def labels(self) -> IntArray:
        """The class of each image of the pool."""
        return self.dataset.labels[self.together.indices]


def find_sizes(study: Study, *, network: str = "", progress: Progress = NO_PROGRESS) -> Sizes:
    """Measure the learning curves of the sampler of the settings and of stratified random, by the linear probe.

    The pool is divided into five folds, grouped and stratified. For each fold all is made from the images of the other
    four alone: features per class, clusters, coresets of up to eight sizes, the components that the probe sees, its
    penalty. The probe is fitted on each coreset, and on everything, and classifies the held-out images, so that no
    image is classified by a coreset that it was a candidate for, and all sizes are measured on the same images.

    Parameters
    ----------
    study : Study
        Pins of the settings are not used, as a pinned image may be held out; nor is the size.
    network : str
        Whose training time is estimated; empty: the first network of the comparison.
    progress : Progress

    Raises
    ------
    TrainingError
        If the pool has one class or too few images, or cannot be divided into folds.
    SelectionError
        If the sampler is not known.
    MemoryShortError
        If it needs more memory than there is.

    Notes
    -----
    All sums are taken on one thread, so the same images give the same result on any number of them. What was measured
    is kept in the cache, so that another margin costs nothing.
    """
    find_sampler(study.settings.selection.sampler)
    pool = _open(study, progress)
    chosen, random = _held(pool, progress)
    n_pool = len(pool.together.indices)
    curves = [
        size_curve(name, held, n_pool)
        for name, held in ((study.settings.selection.sampler, chosen), (STRATIFIED, random))
    ]
    name = network or study.settings.comparison.networks[0]
    split = pool.split
    seconds = _training_seconds(study, name, curves[0].sizes, len(split.validation), len(split.test))
    notes = _notes(pool)
    for curve, title in zip(curves, ("of the sampler", "of random selection"), strict=True):
        missed = unfitted_sizes(curve)
        if missed:
            notes.append(
                f"The fitted curve {title} does not agree with the accuracy measured at "
                f"{', '.join(f'{n:,}' for n in missed)} images; rely on the measured values there."
            )
    return Sizes(
        curves[0],
        curves[1],
        everything_point(chosen),
        n_pool,
        len(np.unique(pool.folds)),
        len(split.validation) + len(split.test),
        NETWORKS[name].words if name in NETWORKS else name,
        seconds,
        tuple(notes),
    )


def _open(study: Study, progress: Progress) -> _Pool:
    settings = study.settings
    dataset = open_dataset(study.source, study.cache_folder, progress, settings=settings.data)
    split = split_dataset(dataset, settings, study.fold)
    extracted = extract_features(study, dataset, split, progress=progress)
    split = without_failed(split, extracted)
    together = pool_units(dataset, split.pool, settings.data)
    labels = dataset.labels[together.indices]
    n_classes, n_images = len(np.unique(labels)), len(labels)
    if n_classes < 2:
        what = "has no image" if n_images == 0 else f"has one class, {dataset.classes[int(labels[0])]}"
        raise TrainingError(
            f"The required number of images is measured by how well classes are separated, but the pool {what}. Add "
            "images of another class to the training images."
        )
    folds = grouped_folds(labels, together.numbers, FOLDS, 0)
    if folds is None or n_images < LEAST_IMAGES:
        n_groups = len(np.unique(together.numbers))
        raise TrainingError(
            f"The pool has {n_images:,} images in {n_groups:,} groups; at least {LEAST_IMAGES} "
            "images, two groups and a class of two images are required to measure how many images are enough. Add "
            "images, or lower the test and validation fractions."
        )
    return _Pool(study, dataset, split, extracted, together, folds)


def _held(pool: _Pool, progress: Progress) -> tuple[Held, Held]:
    """Return what was right of the coresets of the sampler, and of stratified random; from the cache if it is there."""
    numbers = np.unique(pool.folds)
    n_least = min(int((pool.folds != fold).sum()) for fold in numbers)
    least = max(2, len(np.unique(pool.labels)))
    sizes = sorted({max(least, share_of(fraction, n_least)) for fraction in FRACTIONS})
    sizes = [size for size in sizes if size < n_least]
    if len(sizes) < LEAST_SIZES:
        raise TrainingError(
            f"The pool has {len(pool.labels):,} images of {least:,} classes, too few to compare coresets of several "
            f"sizes. Add images: about {8 * least:,} are enough."
        )
    cache, key = ArrayCache(pool.study.cache_folder), _key(pool, sizes)
    stored = cache.load(STAGE, key)
    if stored is None:
        stored = cache.store(STAGE, key, _measure(pool, sizes, progress), {})
    everything = np.array(stored.arrays["everything"]).astype(bool)
    n_everything = round(float(np.mean([(pool.folds != fold).sum() for fold in numbers])))
    chosen, random = (
        Held(
            tuple(sizes),
            np.array(stored.arrays[name]).astype(bool),
            everything,
            pool.folds,
            pool.together.numbers,
            n_everything,
        )
        for name in ("chosen", "random")
    )
    return chosen, random


def _key(pool: _Pool, sizes: Sequence[int]) -> str:
    """Return what the measurement is kept under: all that it is made from."""
    settings = pool.study.settings
    selection = settings_to_dict(replace(settings.selection, fraction=1.0, images=None, pinned_in=(), pinned_out=()))
    clusters = settings_to_dict(settings.clusters) if find_sampler(settings.selection.sampler).uses_clusters else {}
    images = [pool.dataset.images[index] for index in pool.together.indices]
    return fingerprint(
        VERSION,
        list(sizes),
        DRAWS,
        [[one.fingerprint, one.extractor, list(one.block_names)] for one in pool.extracted],
        [[image.path, image.pixels, image.class_name] for image in images],
        pool.folds,
        pool.together.numbers,
        selection,
        clusters,
        settings.features.variance,
    )


def _measure(pool: _Pool, sizes: Sequence[int], progress: Progress) -> dict[str, NDArray[Any]]:
    """Return for each size, draw and image of the pool whether it was right, and for everything."""
    settings, n = pool.study.settings.selection, len(pool.labels)
    n_classes = len(pool.dataset.classes)
    samplers = {
        "chosen": (settings, DRAWS if find_sampler(settings.sampler).uses_seed else 1),
        "random": (replace(settings, sampler=STRATIFIED, budget_over_classes="sampler"), DRAWS),
    }
    found: dict[str, NDArray[Any]] = {
        name: np.zeros((len(sizes), draws, n), dtype=np.uint8) for name, (_, draws) in samplers.items()
    }
    found["everything"] = np.zeros(n, dtype=np.uint8)
    widths = [
        one.rows(block, pool.together.indices[:1]).shape[1] for one in pool.extracted for block in one.block_names
    ]
    doing = f"Measuring learning curves ({n:,} images)"
    numbers = np.unique(pool.folds)
    for step, fold in enumerate(numbers):
        told = PartProgress(progress, step / len(numbers), (step + 1) / len(numbers), message=MEASURING, hands_on=False)
        inside = pool.folds != fold
        chooser = _Chooser(pool, inside, PartProgress(told, 0, 0.5))
        with memory_for(doing, teacher_bytes(n, widths, n_classes)), threadpool_limits(limits=1):
            probe = _Probe(pool, inside, PartProgress(told, 0.5, 0.8))
            found["everything"][~inside] = probe.right(pool.together.indices[inside])
            for name, (of, draws) in samplers.items():
                for draw in range(draws):
                    # The largest first: smaller coresets of a nested sampler are cut from its ranking.
                    for place in reversed(range(len(sizes))):
                        told.report(8 + (name == "random"), 10)
                        indices = chooser.choose(replace(of, seed=of.seed + draw), sizes[place])
                        found[name][place, draw, ~inside] = probe.right(indices)
    progress.report(1, 1, MEASURING)
    return found


class _Chooser:
    """Selects coresets from the images of the pool that are inside a fold's training part."""

    def __init__(self, pool: _Pool, inside: NDArray[np.bool_], progress: Progress) -> None:
        study, settings = pool.study, pool.study.settings
        self._dataset = pool.dataset
        self._split = Split(pool.together.indices[inside], _NONE, _NONE)
        sampler = find_sampler(settings.selection.sampler)
        cache = study.cache_folder
        given = pool.dataset, self._split, pool.extracted
        self._embeddings = (
            embed_classes(*given, settings.features, cache_folder=cache, progress=progress)
            if sampler.uses_embedding or sampler.uses_clusters
            else ()
        )
        self._clusters = cluster_classes(self._embeddings, settings, cache, progress) if sampler.uses_clusters else ()
        rule = sampler.budget_rule(settings.selection.budget_over_classes)
        is_across = sampler.scope == "joint" or "difficulty" in rule
        self._across = embed_pool(*given, cache_folder=cache, progress=progress) if is_across else None
        self._difficulty = cached_difficulty(pool.dataset, self._across, cache) if self._across is not None else None
        self._orders = OrderCache()

    def choose(self, settings: SelectionSettings, n_images: int) -> IntArray:
        """Return the indices of a coreset of so many images."""
        coreset = select(
            self._dataset,
            self._split,
            self._embeddings,
            self._clusters,
            replace(settings, images=n_images, pinned_in=(), pinned_out=()),
            difficulty=self._difficulty,
            across=self._across,
            orders=self._orders,
        )
        return coreset.indices


class _Probe:
    """The linear probe of a fold: its components and penalty are those of all images inside."""

    def __init__(self, pool: _Pool, inside: NDArray[np.bool_], progress: Progress) -> None:
        self._labels, self._n_classes = pool.labels, len(pool.dataset.classes)
        self._indices, self._outside = pool.together.indices, ~inside
        self._rows = embedded_by(pool.extracted, self._indices, inside, progress)
        groups = pool.together.numbers[inside]
        self._penalty = penalty_of(self._rows[inside], self._labels[inside], groups, self._n_classes, 0, NO_PROGRESS)

    def right(self, chosen: IntArray) -> NDArray[np.bool_]:
        """Return which held-out images a probe that is fitted on the selected ones classifies correctly."""
        rows = np.searchsorted(self._indices, np.sort(chosen))
        probe = fit_head(self._rows[rows], self._labels[rows], self._n_classes, self._penalty)
        found = probe.probabilities(self._rows[self._outside]).argmax(axis=1)
        return np.asarray(found == self._labels[self._outside])


def _training_seconds(
    study: Study, network: str, sizes: Sequence[int], n_validation: int, n_test: int
) -> tuple[float, ...]:
    """Return the estimated seconds of one training for each size; the last one is everything."""
    settings = study.settings
    comparison = ComparisonSettings(
        samplers=(STRATIFIED,),
        networks=(network,),
        fractions=tuple(min(1.0, n / sizes[-1]) for n in sizes),
        controls=False,
    )
    planned = plan_view(
        replace(study, settings=replace(settings, comparison=comparison)), sizes[-1], n_validation, n_test
    )
    by_size = {run.n_images: run.estimate.seconds for run in planned.runs}
    return tuple(by_size.get(n, float("nan")) for n in sizes) if set(sizes) <= set(by_size) else ()


def _notes(pool: _Pool) -> list[str]:
    notes = []
    if pool.together.notes:
        notes.append(
            "Near-duplicates link too many images for folds, so only copies and groups are held out "
            "together; --near-duplicate-bits (“Near-duplicate tolerance”) sets how similar they are."
        )
    unseen = [
        name
        for place, name in enumerate(pool.dataset.classes)
        if any(
            not ((pool.labels == place) & (pool.folds != fold)).any()
            for fold in np.unique(pool.folds[pool.labels == place])
        )
    ]
    if unseen:
        notes.append(
            f"All images of {'class' if len(unseen) == 1 else 'the classes'} {', '.join(unseen)} are in one fold, so "
            "they count as wrong for every size: no training image of the fold shows them."
        )
    small = [name for place, name in enumerate(pool.dataset.classes) if 0 < int((pool.labels == place).sum()) < FOLDS]
    few = [name for name in small if name not in unseen]
    if few:
        notes.append(
            f"{'Class' if len(few) == 1 else 'The classes'} {', '.join(few)} {'has' if len(few) == 1 else 'have'} "
            f"fewer than {FOLDS} images in the pool; the loss of a coreset there is hardly measured."
        )
    if pool.study.settings.selection.pinned_in or pool.study.settings.selection.pinned_out:
        notes.append("Pinned images are not considered when sizes are measured.")
    notes.append(
        "Measured with the linear probe on the features that images are selected by. A network that learns its own "
        "features may need more images: check the size by training once."
    )
    return notes
