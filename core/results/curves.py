"""ROC and reliability curves of a network, small enough to be sent to the window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results.arrays import FloatArray

N_BINS = 10
"""Bins of equal width by which confidence and accuracy are compared."""
ROC_RATES: NDArray[np.float64] = np.linspace(0, 1, 201)
"""False-positive rates, 1 − specificity, at which ROC curves are kept; shape (n_rates,)."""


@dataclass(frozen=True, eq=False)
class Curves:
    """ROC and reliability curves of one run, or their means over runs.

    Attributes
    ----------
    roc : ndarray of shape (n_classes, n_rates), float32
        Sensitivity of each class against all others at each of `ROC_RATES`; NaN for a class without a curve.
    reliability : ndarray of shape (n_bins, 3), float64
        For each bin of confidence the number of images, the number of correct predictions, and the sum of the
        confidence.
    """

    roc: FloatArray
    reliability: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Curves):
            return NotImplemented
        pairs = ((self.roc, other.roc), (self.reliability, other.reliability))
        return all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in pairs)

    __hash__ = None  # type: ignore[assignment]

    @property
    def macro(self) -> NDArray[np.float64]:
        """Mean ROC curve of the classes that have one, shape (n_rates,); NaN if none has."""
        known = ~np.isnan(self.roc).any(axis=1)
        return self.roc[known].mean(axis=0, dtype=np.float64) if known.any() else np.full(self.roc.shape[1], np.nan)

    def bins(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return mean confidence, accuracy and number of images of each bin with images, shape (n,) each."""
        images, hits, confidence = self.reliability[self.reliability[:, 0] > 0].T
        return confidence / images, hits / images, images


def mean_curves(found: Sequence[Curves]) -> Curves:
    """Return ROC curves averaged over runs, at equal false-positive rates, and bins of the mean counts.

    Parameters
    ----------
    found : sequence of Curves
        At least one, all of the same classes. The mean of a class is over the runs in which it has a curve.

    Notes
    -----
    Counts of bins are means instead of sums, since repetitions are tested on the same images.
    """
    roc = np.stack([one.roc for one in found])
    known = ~np.isnan(roc)
    with np.errstate(invalid="ignore"):
        mean = np.where(known, roc, 0).sum(axis=0) / known.sum(axis=0)
    return Curves(mean.astype(np.float32), np.mean([one.reliability for one in found], axis=0))
