"""The teacher of soft labels: class probabilities of the pool, each image evaluated by a probe that never saw it."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from coreset_studio.core.data.duplicates import near_pairs
from coreset_studio.core.data.units import Ties, find_ties, units
from coreset_studio.core.errors import TrainingError
from coreset_studio.core.estimate import pool_reduction_bytes
from coreset_studio.core.features.pool_pca import PoolPca
from coreset_studio.core.features.views import FeatureRows, join, mean_square, view_scales
from coreset_studio.core.memory import LIBRARY_BYTES, memory_for
from coreset_studio.core.progress import NO_PROGRESS, PartProgress, Progress, StepProgress
from coreset_studio.core.results import Dataset, FloatArray, IntArray, Teacher
from coreset_studio.core.seeds import generator
from coreset_studio.core.settings import DataSettings
from coreset_studio.core.training.architectures.head.logistic import fit_head

# Part of what a teacher is known by: raise it when the numbers change.
VERSION = 1
FOLDS, INNER_FOLDS = 5, 3
N_COMPONENTS = 50
# scikit-learn's C, the inverse strength of the L2 penalty, from strong to weak. Embeddings have mean squared norm 1.
STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)
# Where a fold of the pool cannot be divided again.
USUAL_STRENGTH = 10.0
# No probability counts as less in the loss by which the penalty is selected.
LEAST_PROBABILITY = 1e-12
FITTING = "Fitting the teacher of soft labels: folds"


@dataclass(frozen=True)
class Units:
    """Units of the pool, which stay in one fold.

    Attributes
    ----------
    indices : ndarray of shape (n,), int64
        The pool, ascending.
    numbers : ndarray of shape (n,), int64
        Images of one number stay together.
    notes : tuple of str
        Sentences for the user.
    """

    indices: IntArray
    numbers: IntArray
    notes: tuple[str, ...] = ()


def pool_units(dataset: Dataset, pool: IntArray, settings: DataSettings) -> Units:
    """Return what of the pool stays in one fold: copies, groups such as patients, and near-duplicates.

    Near-duplicates count whether or not the split keeps them together, with the tolerance of its settings. Where they
    link more than one fold's share of the pool, they are ignored, and only copies and groups count.

    Raises
    ------
    SplitError
        If the group pattern is not a regular expression, or finds no group in any path.
    """
    indices = np.sort(pool).astype(np.int64)
    keys = find_ties(dataset, replace(settings, near_duplicates_together=False)).keys
    pairs = near_pairs([dataset.images[index].perceptual for index in indices], settings.near_duplicate_bits)
    near = [(int(indices[first]), int(indices[second])) for first, second in pairs]
    found, alone = (units(indices.tolist(), Ties(keys, ties)) for ties in (near, []))
    notes: tuple[str, ...] = ()
    largest = max((len(unit) for unit in found), default=0)
    if largest * FOLDS > len(indices) and largest > max(map(len, alone)):
        found = alone
        notes = (_chained(largest, len(indices)),)
    numbers = np.empty(len(indices), dtype=np.int64)
    for number, unit in enumerate(found):
        numbers[np.searchsorted(indices, unit)] = number
    return Units(indices, numbers, notes)


def _chained(n_chained: int, n_images: int) -> str:
    return (
        f"Near-duplicates link {n_chained:,} of the {n_images:,} images of the pool, too many for one fold of "
        "the teacher, so its folds keep copies and groups together, but not near-duplicates. --near-duplicate-bits "
        "(“Near-duplicate tolerance”) sets how similar they are."
    )


def grouped_folds(labels: IntArray, groups: IntArray, n_folds: int, seed: int) -> IntArray | None:
    """Divide images into folds that keep groups whole and classes as evenly as groups allow.

    Parameters
    ----------
    labels, groups : ndarray of shape (n,), int64
    n_folds : int
        >= 2; fewer where there are fewer groups, or no class has that many images.
    seed : int
        >= 0.

    Returns
    -------
    ndarray of shape (n,), int64, or None
        Fold of each image; None where they cannot be divided.
    """
    n_folds = min(n_folds, len(np.unique(groups)), int(np.bincount(labels).max(initial=0)))
    if n_folds < 2:
        return None
    drawn = int(generator(seed, "teacher folds", n_folds).integers(2**31))
    splitter = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=drawn)
    folds = np.zeros(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        # Of a class with fewer images than there are folds: it is in some of them.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for number, (_, held) in enumerate(splitter.split(np.zeros((len(labels), 1)), labels, groups)):
            folds[held] = number
    return folds if len(np.unique(folds)) > 1 else None


def fit_teacher(
    dataset: Dataset,
    extracted: Sequence[FeatureRows],
    together: Units,
    *,
    seed: int = 0,
    progress: Progress = NO_PROGRESS,
) -> Teacher:
    """Fit the teacher and let it evaluate every image of the pool out of fold.

    The pool is divided into five folds by `grouped_folds`. For each fold all is fitted on the images of the other four
    alone: a PCA of each view (at most 50 components), the scales that join the views, the penalty, and a multinomial
    logistic regression. The penalty is the one of the least log loss in three folds of those images, grouped and
    stratified likewise, the strongest penalty first, until a weaker one is no better; these share the PCA.

    A fold that lacks a class: where all images of a class are in one fold, as those of a single patient, the probe of
    that fold has not seen the class and gives it probability 0; `Teacher.knows` marks the images.

    Parameters
    ----------
    dataset : Dataset
    extracted : sequence of Extracted
        One or several extractors; each block of each is a view.
    together : Units
        The pool; see `pool_units`.
    seed : int
        >= 0; seed of the folds.
    progress : Progress

    Raises
    ------
    TrainingError
        If the pool cannot be divided into folds.
    FeatureError
        If features are not finite.
    MemoryShortError
        If it requires more memory than is available.

    Notes
    -----
    All sums are taken on one thread, so that the same images give the same probabilities on any number of them.

    References
    ----------
    Soft labels of a teacher: Hinton, Vinyals and Dean, arXiv 1503.02531; with data pruning, arXiv 2403.07854.
    """
    indices, labels = together.indices, dataset.labels[together.indices]
    folds = grouped_folds(labels, together.numbers, FOLDS, seed)
    if folds is None:
        raise TrainingError(_undivided(together, labels))
    started = time.perf_counter()
    n_classes = len(dataset.classes)
    probabilities = np.zeros((len(indices), n_classes), dtype=np.float32)
    knows = np.zeros(len(indices), dtype=bool)
    sizes = [one.rows(block, indices[:1]).shape[1] for one in extracted for block in one.block_names]
    doing = f"Fitting the teacher of soft labels ({len(indices):,} images)"
    with memory_for(doing, teacher_bytes(len(indices), sizes, n_classes)), threadpool_limits(limits=1):
        numbers = np.unique(folds)
        for step, fold in enumerate(numbers):
            step_progress = PartProgress(progress, step / len(numbers), (step + 1) / len(numbers), message=FITTING)
            inside, outside = folds != fold, folds == fold
            rows = embedded_by(extracted, indices, inside, PartProgress(step_progress, 0, 0.6))
            choosing = PartProgress(step_progress, 0.6, 1)
            strength = penalty_of(rows[inside], labels[inside], together.numbers[inside], n_classes, seed, choosing)
            probe = fit_head(rows[inside], labels[inside], n_classes, strength)
            probabilities[outside] = probe.probabilities(rows[outside])
            knows[outside] = np.isin(labels[outside], probe.seen)
        progress.report(1, 1, FITTING)
    notes = (*together.notes, *_unseen_notes(dataset, labels, knows))
    return Teacher(dataset.classes, indices, probabilities, knows, time.perf_counter() - started, notes)


def teacher_bytes(n_images: int, n_features: Sequence[int], n_classes: int) -> int:
    """Return what fitting the teacher takes at its peak, in bytes.

    Parameters
    ----------
    n_images : int
        Of the pool.
    n_features : sequence of int
        Of each view.
    n_classes : int
    """
    reducing = max(pool_reduction_bytes(n_images, size, N_COMPONENTS) for size in n_features)
    joined = n_images * N_COMPONENTS * len(n_features)
    # Rows of a fold in float32 and float64; scores of the classes and their gradients.
    fitting = 10 * joined + 32 * n_images * n_classes + LIBRARY_BYTES
    # In addition, either the views or their concatenation.
    return 8 * joined + max(reducing, fitting) + 16 * n_images * n_classes


def embedded_by(
    extracted: Sequence[FeatureRows], indices: IntArray, inside: NDArray[np.bool_], progress: Progress
) -> FloatArray:
    """Return all images on the components of those `inside`, views scaled and joined as these require it.

    Parameters
    ----------
    extracted : sequence of Extracted
        Each block of each is a view.
    indices : ndarray of shape (n,), int64
        Images of the dataset.
    inside : ndarray of shape (n,), bool
        Those that everything is fitted on.
    progress : Progress

    Returns
    -------
    ndarray of shape (n, n_components), float32

    Raises
    ------
    FeatureError
        If features are not finite.
    """
    views = [(one, block) for one in extracted for block in one.block_names]
    scores = []
    for step, (one, block) in enumerate(views):
        read = partial(one.rows, block)
        n_features = read(indices[:1]).shape[1]
        step_progress = StepProgress(progress, step, len(views))
        scores.append(PoolPca(read, indices[inside], n_features, N_COMPONENTS, progress=step_progress).project(indices))
    squares = [mean_square(each[inside]) for each in scores]
    return join(scores, view_scales([one.extractor for one, _ in views], squares))


def penalty_of(
    rows: FloatArray, labels: IntArray, groups: IntArray, n_classes: int, seed: int, progress: Progress
) -> float:
    """Return the penalty of the least log loss in grouped folds of some images.

    Parameters
    ----------
    rows : ndarray of shape (n, n_components), float32
    labels, groups : ndarray of shape (n,), int64
    n_classes : int
    seed : int
        >= 0; seed of the folds.
    progress : Progress

    Returns
    -------
    float
        scikit-learn's C.
    """
    folds = grouped_folds(labels, groups, INNER_FOLDS, seed)
    if folds is None:
        return USUAL_STRENGTH
    best, least = USUAL_STRENGTH, np.inf
    numbers = np.unique(folds)
    for step, strength in enumerate(STRENGTHS):
        loss, n_evaluated = 0.0, 0
        for at, fold in enumerate(numbers):
            progress.report(step * len(numbers) + at, len(STRENGTHS) * len(numbers))
            inside = folds != fold
            probe = fit_head(rows[inside], labels[inside], n_classes, strength)
            # Of a class that the probe has not seen no penalty knows more.
            outside = ~inside & np.isin(labels, probe.seen)
            found = probe.probabilities(rows[outside])[np.arange(outside.sum()), labels[outside]]
            loss -= float(np.log(np.maximum(found, LEAST_PROBABILITY), dtype=np.float64).sum())
            n_evaluated += len(found)
        if n_evaluated == 0 or loss >= least:
            break
        best, least = strength, loss
    return best


def _undivided(together: Units, labels: IntArray) -> str:
    """Return why there are no folds, and what to do."""
    n_images, n_units = len(together.indices), len(np.unique(together.numbers))
    if n_units < 2:
        what = f"all {n_images:,} images of the pool are copies or of one group"
    else:
        what = f"no class has two of the {n_images:,} images of the pool" if len(labels) else "the pool is empty"
    return (
        "The teacher of soft labels evaluates each image with a probe that has not seen it, which requires at "
        f"least two groups of images and a class of two images; here {what}. Add images, or turn soft labels off "
        "(--soft-labels 0, and no --probabilities-and-weights)."
    )


def _unseen_notes(dataset: Dataset, labels: IntArray, knows: NDArray[np.bool_]) -> tuple[str, ...]:
    counts = {name: int(((labels == place) & ~knows).sum()) for place, name in enumerate(dataset.classes)}
    return tuple(
        f"{n:,} image{'s' * (n != 1)} of class {name} {'have' if n != 1 else 'has'} no soft label: all images of "
        "the class are in one fold, so every probe that has not seen them lacks the class."
        for name, n in counts.items()
        if n
    )
