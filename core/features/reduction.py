"""Embeddings per class and across classes: every view reduced by PCA, scaled, joined and cached.

PCA is fitted on the pool only; validation and test images are projected with it.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.cache import ArrayCache, CachedArrays, fingerprint
from coreset_studio.core.errors import FeatureError
from coreset_studio.core.estimate import class_reduction_bytes, pool_reduction_bytes
from coreset_studio.core.features.extractors import EXTRACTORS, recommended_without_weights
from coreset_studio.core.features.pca import BLOCK_ROWS, ClassPca, ReadRows
from coreset_studio.core.features.pool_pca import PoolPca
from coreset_studio.core.features.views import FeatureRows, join, mean_square, view_scales
from coreset_studio.core.memory import memory_for
from coreset_studio.core.progress import NO_PROGRESS, Progress, StepProgress
from coreset_studio.core.results import (
    ClassEmbedding,
    Dataset,
    FloatArray,
    IntArray,
    PoolEmbedding,
    Split,
    ViewReduction,
)
from coreset_studio.core.settings import FeatureSettings

# Part of every cache key: raise it when the numbers change.
VERSION = 1
CLASS_VIEW_STAGE = "class-view"
CLASS_STAGE = "class-embedding"
POOL_VIEW_STAGE = "pool-view"
POOL_STAGE = "pool-embedding"
HEAD_COMPONENTS = 300


def embed_classes(
    dataset: Dataset,
    split: Split,
    extracted: Sequence[FeatureRows],
    settings: FeatureSettings,
    *,
    cache_folder: Path,
    progress: Progress = NO_PROGRESS,
) -> tuple[ClassEmbedding, ...]:
    """Reduce the images of every class on their own (paper 4.2) and join the views.

    Parameters
    ----------
    extracted : sequence of Extracted
        One or several extractors; each block of each is a view.
    cache_folder : Path
        Views and joined embeddings are kept there, and returned as memory maps.

    Returns
    -------
    tuple of ClassEmbedding
        Sorted by class; classes without images in the pool are excluded.

    Raises
    ------
    FeatureError
        If the pool is empty or features are not finite.

    Notes
    -----
    Only one class's rows of one view are in memory at a time: 234 MB for 2,330 images of 25,088 features.
    """
    _need_pool(split, extracted)
    cache = ArrayCache(cache_folder)
    names = [name for position, name in enumerate(dataset.classes) if (dataset.labels[split.pool] == position).any()]
    result = []
    for step, name in enumerate(names):
        embedding = _embed_class(
            dataset, split, name, extracted, settings.variance, cache, StepProgress(progress, step, len(names))
        )
        result.append(embedding)
    progress.report(len(names), len(names), "Reducing: classes")
    return tuple(result)


def embed_pool(
    dataset: Dataset,
    split: Split,
    extracted: Sequence[FeatureRows],
    *,
    n_components: int = 50,
    cache_folder: Path,
    progress: Progress = NO_PROGRESS,
) -> PoolEmbedding:
    """Reduce the whole pool together, for everything that compares images across classes.

    Parameters
    ----------
    extracted : sequence of Extracted
        One or several extractors; each block of each is a view with a PCA of its own.
    n_components : int
        At most this many per view: 50, and `HEAD_COMPONENTS` for the head.

    Returns
    -------
    PoolEmbedding
        Validation and test images are projected with the pool's PCA. Scaled as the views of a class are.

    Raises
    ------
    FeatureError
        If the pool is empty or features are not finite.
    """
    _need_pool(split, extracted)
    cache = ArrayCache(cache_folder)
    indices = np.sort(np.concatenate([split.pool, split.validation, split.test])).astype(np.int64)
    in_pool = np.isin(indices, split.pool)
    pixels = [_pixels(dataset, indices), in_pool.astype(np.uint8)]
    views = [(one, block) for one in extracted for block in one.block_names]
    keys = [[one.fingerprint, one.extractor, block] for one, block in views]
    key = fingerprint(VERSION, n_components, keys, *pixels)
    stored = cache.load(POOL_STAGE, key)
    if stored is None:
        scores, squares = [], []
        for step, (one, block) in enumerate(views):
            view_key = fingerprint(VERSION, n_components, keys[step], *pixels)
            view = cache.load(POOL_VIEW_STAGE, view_key)
            if view is None:
                doing = f"Reducing {one.extractor} of the pool ({len(split.pool):,} images)"
                needed = partial(pool_reduction_bytes, len(split.pool), n_components=n_components)
                with _memory_for(doing, one, block, split.pool, needed):
                    reduced = _reduce_pool_view(
                        partial(one.rows, block),
                        indices,
                        split.pool,
                        n_components,
                        StepProgress(progress, step, len(views)),
                    )
                    view = cache.store(POOL_VIEW_STAGE, view_key, {"scores": reduced}, {})
            scores.append(view.arrays["scores"])
            squares.append(mean_square(scores[-1][in_pool]))
        joined = join(scores, view_scales([one.extractor for one, _ in views], squares))
        stored = cache.store(POOL_STAGE, key, {"embedding": joined}, {})
    progress.report(1, 1, "Reducing the pool")
    return PoolEmbedding(indices=indices, embedding=stored.arrays["embedding"], in_pool=in_pool)


def _memory_for(
    doing: str, one: FeatureRows, block: str, some: IntArray, needed: Callable[[int], int]
) -> AbstractContextManager[None]:
    """Return what stops before a reduction that needs more memory than there is, naming an extractor that needs less.

    `needed` returns the memory for a number of features.
    """

    def ways(free: int) -> list[str]:
        fitting = [
            each.title
            for each in EXTRACTORS.values()
            if each.name != one.extractor
            and not each.from_file
            and max(map(needed, each.blocks.values()), default=0) < free
        ]
        return [f"select an extractor with fewer features, such as {fitting[0]}"] if fitting else []

    return memory_for(doing, needed(one.rows(block, some[:1]).shape[1]), ways)


def _reduce_pool_view(
    read: ReadRows, indices: IntArray, pool: IntArray, n_components: int, progress: Progress
) -> FloatArray:
    n_features = read(pool[:1]).shape[1]
    return PoolPca(read, pool, n_features, n_components, progress=progress).project(indices)


def _embed_class(
    dataset: Dataset,
    split: Split,
    name: str,
    extracted: Sequence[FeatureRows],
    variance: float,
    cache: ArrayCache,
    progress: Progress,
) -> ClassEmbedding:
    label = dataset.classes.index(name)
    inside = np.sort(split.pool).astype(np.int64)
    inside = inside[dataset.labels[inside] == label]
    outside = np.sort(np.concatenate([split.validation, split.test])).astype(np.int64)
    outside = outside[dataset.labels[outside] == label]
    pixels = (_pixels(dataset, inside), _pixels(dataset, outside))
    views = [(one, block) for one in extracted for block in one.block_names]
    keys = [[one.fingerprint, one.extractor, block] for one, block in views]
    stored = cache.load(CLASS_STAGE, key := fingerprint(VERSION, variance, keys, *pixels))
    if stored is None:
        reduced = []
        for step, (one, block) in enumerate(views):
            progress.report(step, len(views), f"Reducing {name}: views")
            view_key = fingerprint(VERSION, variance, keys[step], *pixels)
            view = cache.load(CLASS_VIEW_STAGE, view_key)
            if view is None:
                needed = partial(class_reduction_bytes, len(inside), n_outside=len(outside))
                doing = f"Reducing {one.extractor} of class {name} ({len(inside):,} images)"
                with _memory_for(doing, one, block, inside, needed):
                    view = cache.store(CLASS_VIEW_STAGE, view_key, *reduce_view(one, block, inside, outside, variance))
            reduced.append(view)
        stored = cache.store(CLASS_STAGE, key, *_joined([one.extractor for one, _ in views], reduced))
    progress.report(len(views), len(views), f"Reducing {name}: views")
    return ClassEmbedding(
        class_name=name,
        indices=inside,
        embedding=stored.arrays["embedding"],
        other_indices=outside,
        other_embedding=stored.arrays["other_embedding"],
        views=_reductions(views, stored),
    )


def reduce_view(
    one: FeatureRows, block: str, inside: IntArray, outside: IntArray, variance: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit one view of one class and project the class's other images, a block of rows at a time.

    Parameters
    ----------
    one : Extracted
        The extractor's output.
    block : str
        Of it.
    inside, outside : ndarray of int64
        The images of the class in the pool, and those that are projected.
    variance : float
        See `ClassPca`.

    Returns
    -------
    arrays, facts : dict
        As they are kept in the cache.
    """
    rows = one.rows(block, inside)
    n_features = rows.shape[1]
    pca = ClassPca(rows, variance)
    others = [pca.project(one.rows(block, part)) for part in _parts(outside)]
    other_scores = np.concatenate(others) if others else np.zeros((0, pca.scores.shape[1]), dtype=np.float32)
    arrays = {"scores": pca.scores, "other_scores": other_scores, "explained": pca.explained}
    return arrays, {"n_features": n_features}


def _parts(indices: IntArray) -> list[IntArray]:
    return [indices[start : start + BLOCK_ROWS] for start in range(0, len(indices), BLOCK_ROWS)]


def _joined(extractors: Sequence[str], reduced: Sequence[CachedArrays]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the joined arrays of a class, with the facts of its views."""
    scales = view_scales(extractors, [mean_square(view.arrays["scores"]) for view in reduced])
    arrays = {
        "embedding": join([view.arrays["scores"] for view in reduced], scales),
        "other_embedding": join([view.arrays["other_scores"] for view in reduced], scales),
    }
    arrays |= {f"explained{position}": view.arrays["explained"] for position, view in enumerate(reduced)}
    facts = {
        "scales": list(scales),
        "n_features": [view.facts["n_features"] for view in reduced],
        "n_components": [view.arrays["scores"].shape[1] for view in reduced],
    }
    return arrays, facts


def _reductions(views: Sequence[tuple[FeatureRows, str]], stored: CachedArrays) -> tuple[ViewReduction, ...]:
    return tuple(
        ViewReduction(
            extractor=one.extractor,
            block=block,
            n_features=stored.facts["n_features"][position],
            n_components=stored.facts["n_components"][position],
            explained=np.asarray(stored.arrays[f"explained{position}"]),
            scale=stored.facts["scales"][position],
        )
        for position, (one, block) in enumerate(views)
    )


def _pixels(dataset: Dataset, indices: IntArray) -> list[str]:
    return [dataset.images[int(index)].pixels for index in indices]


def _need_pool(split: Split, extracted: Sequence[FeatureRows]) -> None:
    if len(split.pool) == 0:
        raise FeatureError(
            "The pool is empty: every image is excluded or set aside for validation and test. "
            "Lower the test or validation fraction, or add images."
        )
    if not extracted:
        raise FeatureError(
            "No features are extracted; select at least one extractor, such as "
            f"{' or '.join(recommended_without_weights())}."
        )
