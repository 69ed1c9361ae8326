"""Two one-sided tests of a paired loss of accuracy on test images."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from coreset_studio.core.results import IntArray
from coreset_studio.core.results.sizes import PairedLoss

LEVEL = 0.05
"""Error rate of each of the two tests."""


def paired_loss(right: NDArray[np.bool_], of_everything: NDArray[np.bool_], groups: IntArray) -> PairedLoss:
    """Return the loss of accuracy against everything and its 90 % interval.

    Parameters
    ----------
    right, of_everything : ndarray of shape (n,), bool
        Which test images each classifier was right about; n >= 1.
    groups : ndarray of shape (n,), int64
        Images of one number belong together, such as those of one patient.

    Notes
    -----
    Of single images the interval is that of Student's t of the paired differences; it is inside the margin exactly if
    both one-sided t-tests at 5 % reject. Groups count as the units that were drawn: the variance is that of a ratio of
    their sums, with as many degrees of freedom as there are groups, less one. It is never narrower than what no
    difference on n groups allows, 1 − 0.05^(1/n). Of one group nothing can be said: from −1 to 1.

    References
    ----------
    Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).
    """
    difference = of_everything.astype(np.float64) - right
    n, loss = len(difference), float(difference.mean())
    numbers = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(numbers, weights=difference - loss)
    n_groups = len(sums)
    if n_groups < 2:
        return PairedLoss(loss, -1.0, 1.0, float("nan"), n, n_groups)
    variance = float(n_groups / (n_groups - 1) * (sums**2).sum() / n)
    half = float(stats.t.ppf(1 - LEVEL, n_groups - 1) * np.sqrt(variance / n))
    half = max(half, least_half_width(n_groups))
    return PairedLoss(loss, max(-1.0, loss - half), min(1.0, loss + half), variance, n, n_groups)


def least_half_width(n: int) -> float:
    """Return what no difference on n images leaves open at 5 %: 1 − 0.05^(1/n), about 3 / n.

    An interval of equality is never narrower to either side.

    Parameters
    ----------
    n : int
        >= 1; images, or groups that were drawn whole.

    References
    ----------
    Hanley and Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249 (1983).
    """
    return float(1 - LEVEL ** (1 / n))
