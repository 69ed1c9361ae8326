"""How well probabilities rank the images of a class above all others: areas under ROC curves, and the curves."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.results.curves import ROC_RATES

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

_MOST_COUNTS = 4_000_000
"""Counts that are held at once, for resamples and groups of images."""


def auc_by_class(evidence: "Evidence") -> "Values":
    """Return the area under the ROC curve of each class against all others, shape (n_resamples, n_classes).

    It is the probability that an image of the class has a higher probability of the class than another image, where
    equal probabilities count half (Mann and Whitney). NaN for a class without images, for one that all images belong
    to, and where probabilities are not numbers.

    Notes
    -----
    Images that follow each other in the ranking and are all of the class, or all of others, are counted together,
    which changes nothing: a good ranking has few such groups, so that thousands of resamples cost little.
    """
    areas = np.full((evidence.n_resamples, evidence.n_classes), np.nan)
    if evidence.probabilities is None or not evidence.has_numbers:
        return areas
    ranked = {}
    for position in range(evidence.n_classes):
        is_class = evidence.true == position
        if is_class.any() and not is_class.all():
            ranked[position] = _ranked_groups(evidence.probabilities[:, position], is_class)
    step = max(1, _MOST_COUNTS // max([len(evidence.true), *(members.shape[0] for members in ranked.values())]))
    for start in range(0, evidence.n_resamples, step):
        weights = np.ascontiguousarray(evidence.weights[start : start + step].T, dtype=np.float32)
        for position, members in ranked.items():
            areas[start : start + step, position] = _areas(members, weights)
    return areas


def roc_curves(true: IntArray, probabilities: FloatArray) -> FloatArray:
    """Return the sensitivity of each class against all others at each of `ROC_RATES`, shape (n_classes, n_rates).

    Parameters
    ----------
    true : ndarray of shape (n_test,), int64
    probabilities : ndarray of shape (n_test, n_classes)

    Returns
    -------
    ndarray of float32
        NaN for a class without images, for one that all images belong to, and where probabilities are not numbers.
    """
    from sklearn.metrics import roc_curve

    curves = np.full((probabilities.shape[1], len(ROC_RATES)), np.nan, dtype=np.float32)
    if not np.isfinite(probabilities).all():
        return curves
    for position in range(len(curves)):
        is_class = true == position
        if is_class.any() and not is_class.all():
            false_rates, true_rates, _ = roc_curve(is_class, probabilities[:, position])
            # Of several points at one rate the highest counts, and between two rates the line that joins them.
            curves[position] = np.interp(ROC_RATES, false_rates, true_rates)
    return curves


def _ranked_groups(scores: FloatArray, is_class: np.ndarray) -> sparse.csr_matrix:
    """Return which images are in which group of the ranking, in ascending order of the scores.

    Returns
    -------
    csr_matrix of shape (2 · n_groups, n_test)
        Images of the class above, images of the others below.
    """
    order = np.argsort(scores, kind="stable")
    level = np.cumsum(np.r_[0, np.diff(scores[order]) != 0])
    n_levels = int(level[-1]) + 1
    of_class = np.bincount(level, weights=is_class[order], minlength=n_levels)
    size = np.bincount(level, minlength=n_levels)
    kind = np.where(of_class == 0, 0, np.where(of_class == size, 1, 2))  # others alone, the class alone, both
    begins = np.r_[True, (kind[1:] != kind[:-1]) | (kind[1:] == 2)]
    group_of_level = np.cumsum(begins) - 1
    n_groups = int(group_of_level[-1]) + 1
    rows = group_of_level[level] + np.where(is_class[order], 0, n_groups)
    ones = np.ones(len(scores), dtype=np.float32)
    return sparse.csr_matrix((ones, (rows, order)), shape=(2 * n_groups, len(scores)))


def _areas(members: sparse.csr_matrix, weights: FloatArray) -> "Values":
    """Return the area under each resample, shape (n_resamples,), from weights of shape (n_test, n_resamples)."""
    # Counts are whole numbers, so that float32 holds them exactly; their products want float64.
    inside, outside = np.split(np.asarray(members @ weights, dtype=np.float64), 2)
    below = outside.cumsum(axis=0) - outside / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.einsum("gb,gb->b", inside, below) / (inside.sum(axis=0) * outside.sum(axis=0)))
