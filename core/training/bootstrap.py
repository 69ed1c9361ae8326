"""Intervals: resampled repetitions and test images of one split, or several splits side by side (docs/method.md)."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from coreset_studio.core.results import FloatArray, IntArray, RunResult
from coreset_studio.core.seeds import generator
from coreset_studio.core.training.evaluation import Measured, measure
from coreset_studio.core.training.evidence import Evidence, Values

RESAMPLES = 2000


@dataclass(frozen=True)
class ImageResamples:
    """Counts of each test image in each resample, the same for every run, so that differences are paired.

    Attributes
    ----------
    counts : ndarray of shape (n_resamples, n_test), float32
    """

    counts: FloatArray

    @classmethod
    def draw(cls, n_test: int, n_resamples: int = RESAMPLES) -> "ImageResamples":
        """Draw `n_test` >= 1 images with replacement, again and again."""
        drawn = generator(0, "bootstrap", "test images", n_test).integers(n_test, size=(n_resamples, n_test))
        counts = np.empty((n_resamples, n_test), dtype=np.float32)
        for row in range(n_resamples):
            counts[row] = np.bincount(drawn[row], minlength=n_test)
        return cls(counts)

    def of_rows(self, rows: IntArray) -> "ImageResamples":
        """Return how often each image of `rows` is drawn: those of one split, where all splits are drawn together."""
        return ImageResamples(self.counts[:, rows])

    def measured(self, run: RunResult) -> Measured:
        """Return the run's metrics under every resample."""
        return measure(
            Evidence(
                run.true,
                run.predicted,
                len(run.classes),
                weights=self.counts,
                clusters=run.clusters,
                probabilities=run.probabilities,
            )
        )


def repetition_weights(
    repetitions: Sequence[int], n_resamples: int = RESAMPLES, *, level: float = 0.95
) -> NDArray[np.float64]:
    """Return the weight of each repetition in each resample, shape (n_resamples, n_repetitions); rows sum to 1.

    The draw depends on how many repetitions there are, not on whose: rows of the same repetitions share it.

    Notes
    -----
    Resampling n repetitions understates the chance among them, the more the fewer they are: the spread of the
    resampled mean is too small by √((n−1)/n), and its ends are those of a normal distribution where Student's t
    belongs. Of three repetitions without any difference one set in four would look like a difference. So each draw is
    stretched about equal weights by √(n/(n−1)) · t(n−1)/1.96 (at 95 %), which goes to 1 as n grows; weights may
    then be negative. Of one repetition there is nothing to draw.

    References
    ----------
    Hesterberg, What teachers should know about the bootstrap, The American Statistician 69 (2015), section 4.3.
    """
    n = len(repetitions)
    drawn = generator(0, "bootstrap", "repetitions", n).integers(n, size=(n_resamples, n))
    shares = np.stack([(drawn == place).mean(axis=1) for place in range(n)], axis=1)
    return np.asarray(1 / n + small_sample_stretch(n, level) * (shares - 1 / n))


def small_sample_stretch(n: int, level: float = 0.95) -> float:
    """Return by how much resamples of `n` repetitions are stretched: at 95 % 9.2 for 2, 2.7 for 3, 1.6 for 5."""
    if n < 2:
        return 1.0
    end = _end_of(level)
    return float(np.sqrt(n / (n - 1)) * stats.t.ppf(end, n - 1) / stats.norm.ppf(end))


def corrected_interval(values: Values, shared: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean over several splits of the same images.

    Parameters
    ----------
    values : ndarray of shape (n_splits,)
        One of each split, such as the mean paired difference of its repetitions; n_splits >= 2.
    shared : float
        Share of its test images that one split has in common with another, from 0 to 1; of K folds 1/K (see
        `core.training.intervals.correlation`).
    level : float
        0 < level < 1.

    Returns
    -------
    (float, float)
        NaN where a value is, or where all splits have the same test images.

    Notes
    -----
    Student's interval of n independent values is mean ± t(n−1)·s·√(1/n). Random splits of the same images are not
    independent: each test image is a test image of other splits too, and so is the variation that it causes. With ρ the
    correlation that comes of it, the variance of the mean is s²·(1/n + ρ/(1−ρ)): the corrected resampled t-test, with
    ρ the share of test images that two splits have in common. So more splits narrow an interval only so far; what is
    left is the chance of these images. Without the correction one in three comparisons over ten splits shows a
    difference where there is none.

    References
    ----------
    Nadeau and Bengio, Inference for the generalization error, Machine Learning 52 (2003).
    """
    n = len(values)
    if not np.isfinite(values).all() or shared >= 1:
        return float("nan"), float("nan")
    half = float(stats.t.ppf(_end_of(level), n - 1) * values.std(ddof=1) * np.sqrt(1 / n + shared / (1 - shared)))
    return float(values.mean()) - half, float(values.mean()) + half


def overlap(sets: Sequence[IntArray]) -> float:
    """Return the share of a set's members that another set has in common with it, on average over all pairs.

    Parameters
    ----------
    sets : sequence of ndarray of int64
        At least two, none empty, each without repeats.
    """
    shares = [
        len(np.intersect1d(one, other)) / np.sqrt(len(one) * len(other))
        for one, other in itertools.combinations(sets, 2)
    ]
    return float(np.mean(shares))


def _end_of(level: float) -> float:
    """Return the probability below the upper end of a two-sided interval."""
    return round((1 + level) / 2, 12)


def interval(values: Values, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval; NaN where there are no values."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, (round(1 - _end_of(level), 12), _end_of(level)))
    return float(low), float(high)
