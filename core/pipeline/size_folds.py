"""One fold of a measurement of sizes: selection from its training part, and the linear probe."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.features.extraction import Extracted
from coreset_studio.core.features.reduction import embed_classes, embed_pool
from coreset_studio.core.pipeline.stages import cached_difficulty, cluster_classes
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset, IntArray, Split
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.selection.selecting import find_sampler, select
from coreset_studio.core.settings import SelectionSettings
from coreset_studio.core.training.architectures.head.logistic import fit_head
from coreset_studio.core.training.teacher import Units, embedded_by, penalty_of

_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class SizePool:
    """The pool of a study, its features, and its folds.

    Attributes
    ----------
    study : Study
    dataset : Dataset
    split : Split
    extracted : tuple of Extracted
    together : Units
        Units of the pool, each of which is in one fold.
    folds : ndarray of shape (n_pool,), int64
        Fold in which each image is held out.
    """

    study: Study
    dataset: Dataset
    split: Split
    extracted: tuple[Extracted, ...]
    together: Units
    folds: IntArray

    @property
    def labels(self) -> IntArray:
        """Class of each image of the pool, shape (n_pool,), int64."""
        return self.dataset.labels[self.together.indices]


def without_named_images(settings: SelectionSettings) -> SelectionSettings:
    """Return the settings without pins and earlier coreset, whose images may be held out.

    Parameters
    ----------
    settings : SelectionSettings
    """
    return replace(settings, pinned_in=(), pinned_out=(), continue_from=None)


class Chooser:
    """Selects coresets from the training part of a fold.

    Parameters
    ----------
    pool : SizePool
    inside : ndarray of shape (n_pool,), bool
    progress : Progress
    """

    def __init__(self, pool: SizePool, inside: NDArray[np.bool_], progress: Progress) -> None:
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
        self._difficulty = (
            cached_difficulty(pool.dataset, self._across, cache, settings.clusters)
            if self._across is not None
            else None
        )
        self._orders = OrderCache()
        self._exact_up_to = settings.clusters.exact_up_to

    def choose(self, settings: SelectionSettings, n_images: int) -> IntArray:
        """Return the indices of a coreset."""
        coreset = select(
            self._dataset,
            self._split,
            self._embeddings,
            self._clusters,
            replace(without_named_images(settings), images=n_images),
            difficulty=self._difficulty,
            across=self._across,
            orders=self._orders,
            exact_up_to=self._exact_up_to,
        )
        return coreset.indices


class Probe:
    """The linear probe of a fold, with the components and penalty of all images of its training part.

    Parameters
    ----------
    pool : SizePool
    inside : ndarray of shape (n_pool,), bool
    progress : Progress
    """

    def __init__(self, pool: SizePool, inside: NDArray[np.bool_], progress: Progress) -> None:
        self._labels, self._n_classes = pool.labels, len(pool.dataset.classes)
        self._indices, self._outside = pool.together.indices, ~inside
        self._rows = embedded_by(pool.extracted, self._indices, inside, progress)
        groups = pool.together.numbers[inside]
        self._penalty = penalty_of(self._rows[inside], self._labels[inside], groups, self._n_classes, 0, NO_PROGRESS)

    def right(self, chosen: IntArray, seed: int, progress: Progress) -> NDArray[np.bool_]:  # noqa: ARG002
        """Return which held-out images are classified correctly by a probe fitted on the selected ones."""
        rows = np.searchsorted(self._indices, np.sort(chosen))
        probe = fit_head(self._rows[rows], self._labels[rows], self._n_classes, self._penalty)
        found = probe.probabilities(self._rows[self._outside]).argmax(axis=1)
        return np.asarray(found == self._labels[self._outside])
