"""How well probabilities rank the images of a class above all others: areas under ROC curves, and the curves."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from core.results import FloatArray, IntArray
from core.results.curves import ROC_RATES

if TYPE_CHECKING:
    from core.training.evidence import Evidence, Values


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
    n_classes = evidence.n_classes
    probabilities = evidence.probabilities
    areas = np.full((evidence.n_resamples, n_classes), np.nan)
    if probabilities is None or not np.isfinite(probabilities).all():
        return areas
    for position in range(n_classes):
        is_class = evidence.true == position
        if is_class.all() or not is_class.any():
            continue
        groups, n_groups = _ranked_groups(probabilities[:, position], is_class)
        inside = _counted(evidence.weights, groups, n_groups, is_class)
        outside = _counted(evidence.weights, groups, n_groups, ~is_class)
        below = outside.cumsum(axis=1) - outside / 2
        n_pairs = inside.sum(axis=1) * outside.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            areas[:, position] = (inside * below).sum(axis=1) / n_pairs
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


def _ranked_groups(scores: FloatArray, is_class: np.ndarray) -> tuple[IntArray, int]:
    """Return the group of each image in ascending order of the scores, and how many groups there are."""
    order = np.argsort(scores, kind="stable")
    level = np.cumsum(np.r_[0, np.diff(scores[order]) != 0])
    n_levels = int(level[-1]) + 1
    of_class = np.bincount(level, weights=is_class[order], minlength=n_levels)
    size = np.bincount(level, minlength=n_levels)
    kind = np.where(of_class == 0, 0, np.where(of_class == size, 1, 2))  # others alone, the class alone, both
    begins = np.r_[True, (kind[1:] != kind[:-1]) | (kind[1:] == 2)]
    group_of_level = np.cumsum(begins) - 1
    groups = np.empty(len(scores), dtype=np.int64)
    groups[order] = group_of_level[level]
    return groups, int(group_of_level[-1]) + 1


def _counted(weights: np.ndarray, groups: IntArray, n_groups: int, taken: np.ndarray) -> "Values":
    """Return how many of the images that are `taken` each group has, shape (n_resamples, n_groups)."""
    rows = np.flatnonzero(taken)
    members = sparse.csr_matrix((np.ones(len(rows)), (groups[rows], rows)), shape=(n_groups, len(groups)))
    return np.asarray((members @ weights.T).T, dtype=np.float64)
