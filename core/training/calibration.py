"""Whether probabilities are frequencies: of the predictions made with 80 % confidence, 80 % should be correct."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.results.curves import N_BINS

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values


def expected_calibration_error(evidence: "Evidence") -> "Values":
    """Return the mean distance of accuracy from confidence over the bins, weighted by their images; (n_resamples,).

    Confidence is the probability of the predicted class. The bins are `N_BINS` of equal width, each without its lower
    and with its upper end. NaN where probabilities are not numbers.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017, equation 3.
    """
    if evidence.probabilities is None or not evidence.has_numbers:
        return np.full(evidence.n_resamples, np.nan)
    confidence, bins = _confidence(evidence.probabilities, evidence.predicted)
    # Of each image what it adds to the distance of its bin: 1 for a hit, less the confidence.
    signed = (evidence.true == evidence.predicted) - confidence
    rows = np.arange(len(bins))
    members = sparse.csr_matrix((signed, (bins, rows)), shape=(N_BINS, len(bins)))
    sums = np.asarray(members @ evidence.weights.T)
    return np.asarray(np.abs(sums).sum(axis=0) / evidence.n_images)


def reliability(true: IntArray, predicted: IntArray, probabilities: FloatArray) -> "Values":
    """Return images, hits and summed confidence of each bin, shape (n_bins, 3), float64.

    NaN where probabilities are not numbers.
    """
    if not np.isfinite(probabilities).all():
        return np.full((N_BINS, 3), np.nan)
    confidence, bins = _confidence(probabilities, predicted)
    columns = (np.ones(len(bins)), true == predicted, confidence)
    return np.stack([np.bincount(bins, weights=column, minlength=N_BINS) for column in columns], axis=1)


def _confidence(probabilities: FloatArray, predicted: IntArray) -> tuple[np.ndarray, IntArray]:
    """Return the probability of each predicted class, and its bin."""
    confidence = probabilities[np.arange(len(predicted)), predicted].astype(np.float64)
    ends = np.linspace(0, 1, N_BINS + 1)
    return confidence, np.searchsorted(ends[1:-1], confidence).astype(np.int64)
