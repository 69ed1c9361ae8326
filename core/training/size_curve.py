"""Learning curves over the size of the coreset: a power law fitted to held-out accuracies, and its intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results import IntArray
from coreset_studio.core.results.sizes import SizeCurve, SizePoint
from coreset_studio.core.seeds import generator
from coreset_studio.core.training.bootstrap import corrected_interval

EXPONENTS = np.geomspace(0.1, 3.0, 117)
RESAMPLES = 1000
GRID = 240
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """How often each image was classified correctly while it was held out.

    Attributes
    ----------
    sizes : tuple of int
        Ascending, without everything.
    right : ndarray of shape (n_sizes, n_draws, n_images), bool
        By coresets of each size, in each draw.
    everything : ndarray of shape (n_images,), bool
        By all training images of the fold.
    folds, units : ndarray of shape (n_images,), int64
        Fold that each image was held out in, and the group that it stays in one fold with.
    n_everything : int
        Training images of a fold, more than any size.
    """

    sizes: tuple[int, ...]
    right: NDArray[np.bool_]
    everything: NDArray[np.bool_]
    folds: IntArray
    units: IntArray
    n_everything: int


@dataclass(frozen=True)
class PowerLaw:
    """Power laws ``asymptote - scale * m ** -exponent``, one of each row of values.

    Attributes
    ----------
    asymptote, scale, exponent : ndarray of shape (n_rows,)
        The asymptote is at most 1, and the scale at least 0: more images do no harm.
    """

    asymptote: Values
    scale: Values
    exponent: Values

    def losses(self, sizes: Values, n_all: int) -> Values:
        """Return the loss of each size against `n_all` images, shape (n_rows, n_sizes)."""
        exponent = self.exponent[:, None]
        return np.asarray(self.scale[:, None] * (sizes[None, :] ** -exponent - float(n_all) ** -exponent))


def fit_power_law(sizes: Sequence[int], values: Values) -> PowerLaw:
    """Fit a power law with an asymptote to each row of values, by weighted least squares.

    Parameters
    ----------
    sizes : sequence of int
        Ascending, at least three.
    values : ndarray of shape (n_rows, n_sizes)
        Accuracies.

    Notes
    -----
    The j-th of J sizes weighs j / J, since the curve matters where it is flat and power laws describe very small sizes
    worst (Figueroa et al.). For each exponent of a grid from 0.1 to 3 the other two have a closed solution, so the fit
    has no start values and cannot miss the best one.

    References
    ----------
    Figueroa, Zeng-Treitler, Kandula and Ngo, Predicting sample size required for classification performance, BMC
    Medical Informatics and Decision Making 12 (2012), 8. Viering and Loog, The shape of learning curves: a review, IEEE
    Transactions on Pattern Analysis and Machine Intelligence 45 (2023).
    """
    x = np.asarray(sizes, dtype=np.float64)
    weights = np.arange(1, len(x) + 1) / len(x)
    best = np.full(len(values), np.inf)
    kept = np.zeros((3, len(values)))
    for exponent in EXPONENTS:
        # Of order 1, so that the sums are well conditioned.
        z = (x / x[0]) ** -exponent
        mean_z, mean = weights @ z / weights.sum(), values @ weights / weights.sum()
        slope = (values - mean[:, None]) @ (weights * (z - mean_z)) / (weights @ (z - mean_z) ** 2)
        scale = np.maximum(-slope, 0.0)
        asymptote = mean + scale * mean_z
        above = asymptote > 1
        at_one = np.maximum((1 - values) @ (weights * z) / (weights @ z**2), 0.0)
        scale, asymptote = np.where(above, at_one, scale), np.minimum(asymptote, 1.0)
        wrong = ((values - asymptote[:, None] + scale[:, None] * z) ** 2) @ weights
        # By more than rounding: where all exponents serve alike the first is kept.
        better = wrong < best - 1e-15
        best = np.where(better, wrong, best)
        kept = np.where(better, [asymptote, scale * x[0] ** exponent, np.full(len(values), exponent)], kept)
    return PowerLaw(*kept)


def grid_of_sizes(least: int, n_pool: int) -> IntArray:
    """Return at most 240 sizes from `least` to the whole pool, evenly spaced on a logarithmic scale."""
    return np.unique(np.round(np.geomspace(max(1, least), n_pool, GRID)).astype(np.int64))


def size_curve(sampler: str, held: Held, n_pool: int) -> SizeCurve:
    """Fit the learning curve of a sampler and compute its intervals.

    Parameters
    ----------
    sampler : str
    held : Held
        At least two sizes and two folds.
    n_pool : int
        Images of the whole pool, more than a fold trains on: the loss is that against training on all of them.

    Notes
    -----
    An interval is the widest of three. One is that of the corrected resampled t-test over folds, the curve being fitted
    in each: mean ± t·s·√(1/K + 1/(K − 1)), see `core.training.bootstrap.corrected_interval`. One is the percentile
    interval of 1,000 resamples of the held-out images, the curve being fitted to each; groups are drawn whole. Both
    rely on the shape of the curve to average over sizes; the third does not: the normal interval of a paired
    difference on n images at that size alone, 1.645·√(variance/n). It is also at least as wide as what no difference on
    any of the n groups allows, 1 − 0.05^(1/n), about 3/n.
    """
    means, by_fold, drawn = _accuracies(held)
    measured = [*held.sizes, held.n_everything]
    grid = grid_of_sizes(held.sizes[0], n_pool)
    law = fit_power_law(measured, np.vstack([means, by_fold, drawn]))
    losses = law.losses(grid.astype(np.float64), n_pool)
    loss, n_folds = losses[0], len(by_fold)
    n_units = len(np.unique(held.units))
    low, high = _interval(loss, losses[1 : 1 + n_folds], losses[1 + n_folds :], 0.9, n_units)
    variance = np.interp(np.log(grid), np.log(held.sizes), _variances(held))
    alone = NormalDist().inv_cdf(0.95) * np.sqrt(variance / len(held.everything))
    low, high = np.minimum(low, loss - alone), np.maximum(high, loss + alone)
    return SizeCurve(
        sampler,
        _points(held, means, by_fold, drawn),
        float(law.asymptote[0]),
        float(law.scale[0]),
        float(law.exponent[0]),
        tuple(grid.tolist()),
        tuple(loss.tolist()),
        tuple(low.tolist()),
        tuple(high.tolist()),
        tuple(variance.tolist()),
    )


def everything_point(held: Held) -> SizePoint:
    """Return what all training images of the folds reached, with its 95 % interval."""
    means, by_fold, drawn = _accuracies(held)
    low, high = _interval(means[-1:], by_fold[:, -1:], drawn[:, -1:], 0.95, len(np.unique(held.units)))
    return SizePoint(
        held.n_everything, float(means[-1]), max(0.0, float(low[0])), min(1.0, float(high[0])), 0.0, 0.0, 0.0
    )


def unfitted_sizes(curve: SizeCurve) -> list[int]:
    """Return the measured sizes whose 95 % interval the fitted curve does not pass through."""
    return [each.n_images for each in curve.points if not each.low <= curve.accuracy_at(each.n_images) <= each.high]


def _accuracies(held: Held) -> tuple[Values, Values, Values]:
    """Return the accuracy of each size and of everything: of all images, of each fold, and under each resample."""
    rights = np.vstack([held.right.mean(axis=1, dtype=np.float64), held.everything[None, :]]).T
    by_fold = np.array([rights[held.folds == fold].mean(axis=0) for fold in np.unique(held.folds)])
    numbers = np.unique(held.units, return_inverse=True)[1]
    counts = np.bincount(numbers)
    sums = np.stack([np.bincount(numbers, weights=each) for each in rights.T], axis=1)
    n = len(counts)
    weights = generator(0, "sizes", n).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return rights.mean(axis=0), by_fold, (weights @ sums) / (weights @ counts)[:, None]


def _interval(centre: Values, by_fold: Values, drawn: Values, level: float, n_units: int) -> tuple[Values, Values]:
    """Return the ends of the interval of each column; see `size_curve`."""
    end = round((1 - level) / 2, 12)
    low, high = np.quantile(drawn, (end, 1 - end), axis=0)
    n_folds = len(by_fold)
    corrected = [corrected_interval(column, 1 / n_folds, level) for column in by_fold.T]
    half = np.array([(above - below) / 2 for below, above in corrected])
    half = np.maximum(half, 1 - end ** (1 / n_units))
    return np.minimum(low, centre - half), np.maximum(high, centre + half)


def _variances(held: Held) -> Values:
    """Return the variance of the paired difference on one image for each size, with the design effect of groups."""
    difference = held.right.astype(np.float64) - held.everything
    numbers = np.unique(held.units, return_inverse=True)[1]
    found = []
    for draws in difference:
        rest = draws - draws.mean(axis=1, keepdims=True)
        of_groups = [np.bincount(numbers, weights=each) for each in rest]
        alone, grouped = (rest**2).sum(axis=1), np.array([(each**2).sum() for each in of_groups])
        found.append(np.maximum(alone, grouped).mean() / difference.shape[2])
    return np.array(found)


def _points(held: Held, means: Values, by_fold: Values, drawn: Values) -> tuple[SizePoint, ...]:
    n_units = len(np.unique(held.units))
    low, high = _interval(means, by_fold, drawn, 0.95, n_units)
    losses = [each[..., -1:] - each for each in (means, by_fold, drawn)]
    loss_low, loss_high = _interval(losses[0], losses[1], losses[2], 0.9, n_units)
    return tuple(
        SizePoint(
            n_images,
            float(means[at]),
            max(0.0, float(low[at])),
            min(1.0, float(high[at])),
            float(losses[0][at]),
            float(loss_low[at]),
            float(loss_high[at]),
        )
        for at, n_images in enumerate(held.sizes)
    )
