"""Intervals: resampled repetitions and test images of one split, or several splits side by side (docs/method.md)."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from core.results import FloatArray, IntArray, RunResult
from core.seeds import generator
from core.training.evaluation import cluster_groups

RESAMPLES = 2000
METRICS = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "balanced_accuracy",
    "worst_class_recall",
    "worst_cluster_recall",
)
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Resampled:
    """One run's metrics under every resample of the test images.

    Attributes
    ----------
    values : mapping of str to ndarray of shape (n_resamples,)
        NaN where a metric does not exist, such as the worst cluster where no cluster has enough test images.
    """

    values: dict[str, Values]


@dataclass(frozen=True)
class ImageResamples:
    """How often each test image is drawn, the same for every run, so that differences are paired.

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

    def metrics_of(self, run: RunResult) -> Resampled:
        """Return the run's metrics under every resample."""
        n_classes = len(run.classes)
        cells = _one_hot(run.true * n_classes + run.predicted, n_classes**2)
        confusion = (cells.T @ self.counts.T).T.reshape(-1, n_classes, n_classes).astype(np.float64)
        hits = np.einsum("bcc->bc", confusion)
        support, answered = confusion.sum(axis=2), confusion.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            recall = np.where(support > 0, hits / support, np.nan)
            precision = np.where(support > 0, np.where(answered > 0, hits / answered, 0.0), np.nan)
            f1 = np.where(support > 0, 2 * hits / (support + answered), np.nan)
            accuracy = hits.sum(axis=1) / support.sum(axis=1)
        values = {
            "accuracy": accuracy,
            "precision": np.nanmean(precision, axis=1),
            "recall": np.nanmean(recall, axis=1),
            "f1": np.nanmean(f1, axis=1),
            "balanced_accuracy": np.nanmean(recall, axis=1),
            "worst_class_recall": np.nanmin(recall, axis=1),
            "worst_cluster_recall": self._worst_cluster(run),
        }
        return Resampled(values)

    def _worst_cluster(self, run: RunResult) -> Values:
        groups, names = cluster_groups(run.true, run.clusters)
        if not names:
            return np.full(len(self.counts), np.nan)
        judged = groups >= 0
        members = _one_hot(groups[judged], len(names))
        right = members.multiply((run.true == run.predicted)[judged][:, None]).tocsr()
        counts = self.counts[:, judged].T
        sizes, hits = np.asarray(members.T @ counts), np.asarray(right.T @ counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            recalls = np.where(sizes > 0, hits / sizes, np.nan)
        return np.asarray(np.nanmin(recalls, axis=0), dtype=np.float64)


def repetition_weights(repetitions: Sequence[int], n_resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Return the weight of each repetition in each resample, shape (n_resamples, n_repetitions); rows sum to 1.

    The draw depends on how many repetitions there are, not on whose: rows of the same repetitions share it.

    Notes
    -----
    Resampling n repetitions understates the chance among them, the more the fewer they are: the spread of the
    resampled mean is too small by √((n−1)/n), and its ends are those of a normal distribution where Student's t
    belongs. Of three repetitions without any difference one set in four would look like a difference. So each draw is
    stretched about equal weights by √(n/(n−1)) · t(n−1)/1.96, which goes to 1 as n grows; weights may then be
    negative. Of one repetition there is nothing to draw.

    References
    ----------
    Hesterberg, What teachers should know about the bootstrap, The American Statistician 69 (2015), section 4.3.
    """
    n = len(repetitions)
    drawn = generator(0, "bootstrap", "repetitions", n).integers(n, size=(n_resamples, n))
    shares = np.stack([(drawn == place).mean(axis=1) for place in range(n)], axis=1)
    return np.asarray(1 / n + small_sample_stretch(n) * (shares - 1 / n))


def small_sample_stretch(n: int) -> float:
    """Return by how much resamples of `n` repetitions are stretched: 9.2 for 2, 2.7 for 3, 1.6 for 5, 1.2 for 10."""
    if n < 2:
        return 1.0
    return float(np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1) / stats.norm.ppf(0.975))


def corrected_interval(values: Values, shared: float) -> tuple[float, float]:
    """Return the 95 % interval of the mean over several splits of the same images.

    Parameters
    ----------
    values : ndarray of shape (n_splits,)
        One of each split, such as the mean paired difference of its repetitions; n_splits >= 2.
    shared : float
        Share of its test images that one split has in common with another, from 0 to 1.

    Returns
    -------
    (float, float)
        NaN where a value is, or where all splits have the same test images.

    Notes
    -----
    Student's interval of n independent values is mean ± t(n−1)·s·√(1/n). Random splits of the same images are not
    independent: each test image is a test image of other splits too, and so are the chance that it brings. With ρ the
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
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) * np.sqrt(1 / n + shared / (1 - shared)))
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


def interval(values: Values) -> tuple[float, float]:
    """Return the 95 % percentile interval; NaN where there are no values."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)


def _one_hot(positions: IntArray, n: int) -> sparse.csr_matrix:
    rows = np.arange(len(positions))
    return sparse.csr_matrix((np.ones(len(positions), dtype=np.float32), (rows, positions)), shape=(len(positions), n))
