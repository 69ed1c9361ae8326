"""Input of metrics: the test images of a run, each counted as often as a resample contains it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coreset_studio.core.results import FloatArray, IntArray

LEAST_CLUSTER_IMAGES = 10
NO_CLUSTER = -1
Values = NDArray[np.float64]
_Array = TypeVar("_Array", bound=np.ndarray)


@dataclass(frozen=True)
class ByClass:
    """A value for each class.

    Attributes
    ----------
    values : ndarray of shape (n_resamples, n_classes), float64
        NaN where it does not exist.
    sizes : ndarray of shape (n_resamples, n_classes), float64
        Number of images that the value is a share of; for an area under a ROC curve the images of the class.
    """

    values: Values
    sizes: Values

    @classmethod
    def share(cls, part: Values, whole: Values) -> "ByClass":
        """Return part / whole with its sizes; NaN if both are 0."""
        return cls(_share(part, whole), whole)


class Evidence:
    """Predictions of a run for its test images, under one or more resamples of these.

    Parameters
    ----------
    true, predicted : ndarray of shape (n_test,), int64
        Positions of classes; n_test >= 1.
    n_classes : int
    weights : ndarray of shape (n_resamples, n_test), optional
        Number of times that each resample contains each image: integers >= 0. By default there is one resample, which
        contains each image once.
    clusters : ndarray of shape (n_test,), int64, optional
        Cluster of each image inside its true class, -1 for none.
    probabilities : ndarray of shape (n_test, n_classes), float32, optional

    Attributes
    ----------
    true, predicted, weights, probabilities
        As given, read-only; `probabilities` may be None.
    n_classes, n_resamples : int

    Notes
    -----
    All other attributes are computed when first requested. Counts are exact integers, in float64.
    """

    def __init__(
        self,
        true: IntArray,
        predicted: IntArray,
        n_classes: int,
        *,
        weights: NDArray[np.floating] | None = None,
        clusters: IntArray | None = None,
        probabilities: FloatArray | None = None,
    ) -> None:
        self.true, self.predicted = _read_only(true), _read_only(predicted)
        self.weights = _read_only(weights if weights is not None else np.ones((1, len(true))))
        self.probabilities = None if probabilities is None else _read_only(probabilities)
        self.n_classes, self.n_resamples = n_classes, len(self.weights)
        self._clusters = clusters

    # --- counts -----------------------------------------------------------------------------------------------

    @cached_property
    def confusion(self) -> Values:
        """Number of images by true and predicted class, shape (n_resamples, n_classes, n_classes)."""
        cells = _one_hot(self.true * self.n_classes + self.predicted, self.n_classes**2)
        counts = (cells.T @ self.weights.T).T.reshape(-1, self.n_classes, self.n_classes)
        return np.asarray(counts, dtype=np.float64)

    @cached_property
    def hits(self) -> Values:
        """Number of images of each class that were predicted correctly, shape (n_resamples, n_classes)."""
        return np.asarray(np.einsum("bcc->bc", self.confusion))

    @cached_property
    def support(self) -> Values:
        """Number of images of each class, shape (n_resamples, n_classes)."""
        return np.asarray(self.confusion.sum(axis=2))

    @cached_property
    def answered(self) -> Values:
        """Number of images predicted as each class, shape (n_resamples, n_classes)."""
        return np.asarray(self.confusion.sum(axis=1))

    @property
    def n_images(self) -> Values:
        """Number of images of all classes, shape (n_resamples,)."""
        return np.asarray(self.support.sum(axis=1))

    @property
    def n_hits(self) -> Values:
        """Number of images of all classes that were predicted correctly, shape (n_resamples,)."""
        return np.asarray(self.hits.sum(axis=1))

    @cached_property
    def clusters(self) -> tuple[tuple[int, int], ...]:
        """Class and cluster of the clusters that are evaluated: those of at least 10 test images."""
        return self._grouped[1]

    @cached_property
    def cluster_sizes(self) -> Values:
        """Number of images of each evaluated cluster, shape (n_resamples, n_clusters)."""
        return self._of_clusters(np.ones(len(self.true), dtype=bool))

    @cached_property
    def cluster_hits(self) -> Values:
        """Number of images of each evaluated cluster that were predicted correctly, shape (n_resamples, n_clusters)."""
        return self._of_clusters(self.true == self.predicted)

    # --- shares by class and by cluster -----------------------------------------------------------------------

    @cached_property
    def precision(self) -> Values:
        """Share of the images predicted as a class that belong to it, shape (n_resamples, n_classes).

        0 for a class that is never predicted (paper 5.3 and Table 1); NaN, like recall and F1, for one without images.
        """
        return self._where_tested(_share(self.hits, np.maximum(self.answered, 1)))

    @cached_property
    def recall(self) -> Values:
        """Share of the images of a class that are predicted correctly, shape (n_resamples, n_classes)."""
        return self._where_tested(_share(self.hits, self.support))

    @cached_property
    def f1(self) -> Values:
        """Harmonic mean of precision and recall, shape (n_resamples, n_classes)."""
        return self._where_tested(_share(2 * self.hits, self.support + self.answered))

    @cached_property
    def cluster_recall(self) -> Values:
        """Share of the images of an evaluated cluster that are predicted correctly, shape (n_resamples, n_clusters)."""
        return _share(self.cluster_hits, self.cluster_sizes)

    # --- over classes or clusters -----------------------------------------------------------------------------

    def mean_over_classes(self, values: Values) -> Values:
        """Return the mean of values of shape (n_resamples, n_classes) over the classes that have images.

        The others are not evaluated. NaN for a resample without any.
        """
        tested = self.support.any(axis=0)
        found = values if tested.all() else values[:, tested]
        known = ~np.isnan(found)
        return np.asarray(_share(np.where(known, found, 0.0).sum(axis=1), known.sum(axis=1)))

    @staticmethod
    def least(values: Values) -> Values:
        """Return the smallest of values of shape (n_resamples, n), without NaN; NaN if there is no other."""
        return np.asarray(np.fmin.reduce(values, axis=1, initial=np.nan))

    # --- measuring --------------------------------------------------------------------------------------------

    def measured_by(self, code: Callable[["Evidence"], Values], needs: Collection[str] = ()) -> Values:
        """Return the values of the code of a metric, shape (n_resamples,), float64.

        Parameters
        ----------
        code : callable
        needs : collection of {"clusters", "probabilities"}
            Inputs without which the values are NaN.

        Raises
        ------
        ValueError
            If the code returns an array of another shape.
        """
        if self.lacks(needs):
            return np.full(self.n_resamples, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.asarray(code(self), dtype=np.float64)
        if values.shape != (self.n_resamples,):
            raise ValueError(f"it returns an array of shape {values.shape}; expected ({self.n_resamples},)")
        return values

    def measured_by_class(self, code: Callable[["Evidence"], ByClass]) -> ByClass:
        """Return the values of the code of a metric for each class.

        Raises
        ------
        ValueError
            If the code returns an array of another shape.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            found = code(self)
        expected = (self.n_resamples, self.n_classes)
        arrays = [np.asarray(each, dtype=np.float64) for each in (found.values, found.sizes)]
        for each in arrays:
            if each.shape != expected:
                raise ValueError(f"it returns an array of shape {each.shape}; expected {expected}")
        return ByClass(*arrays)

    def lacks(self, needs: Collection[str]) -> str:
        """Return the required input that is unknown; empty if none is."""
        if "clusters" in needs and not self.clusters:
            return "clusters"
        return "probabilities" if "probabilities" in needs and self.probabilities is None else ""

    @cached_property
    def has_numbers(self) -> bool:
        """Whether the probabilities are known and finite; those of a training that diverged are not."""
        return self.probabilities is not None and bool(np.isfinite(self.probabilities).all())

    @cached_property
    def _grouped(self) -> tuple[IntArray, tuple[tuple[int, int], ...]]:
        return cluster_groups(self.true, self._clusters)

    def _of_clusters(self, counted: NDArray[np.bool_]) -> Values:
        """Return how many of the images that are `counted` each evaluated cluster has."""
        groups, names = self._grouped
        taken = counted & (groups >= 0)
        members = _one_hot(groups[taken], len(names))
        return np.asarray((members.T @ self.weights[:, taken].T).T, dtype=np.float64)

    def _where_tested(self, values: Values) -> Values:
        return np.where(self.support > 0, values, np.nan)


def cluster_groups(true: IntArray, clusters: IntArray | None) -> tuple[IntArray, tuple[tuple[int, int], ...]]:
    """Give a number to each of the (class, cluster) pairs that have enough test images to be evaluated.

    Returns
    -------
    groups : ndarray of shape (n_test,), int64
        Number of each image's pair; -1 where its pair is too small or it has no cluster.
    names : tuple of (int, int)
        Class position and cluster of each number.
    """
    groups = np.full(len(true), -1, dtype=np.int64)
    names: list[tuple[int, int]] = []
    if clusters is None:
        return groups, ()
    for position in np.unique(true):
        for cluster in np.unique(clusters[true == position]):
            members = (true == position) & (clusters == cluster)
            if cluster != NO_CLUSTER and members.sum() >= LEAST_CLUSTER_IMAGES:
                groups[members] = len(names)
                names.append((int(position), int(cluster)))
    return groups, tuple(names)


def _share(part: Values, whole: NDArray[np.number]) -> Values:
    """Return part / whole, NaN where both are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(part / whole)


def _one_hot(positions: IntArray, n: int) -> sparse.csr_matrix:
    rows = np.arange(len(positions))
    return sparse.csr_matrix((np.ones(len(positions), dtype=np.float32), (rows, positions)), shape=(len(positions), n))


def _read_only(array: _Array) -> _Array:
    """Return a view that the code of a metric cannot write to."""
    view = array.view()
    view.flags.writeable = False
    return view
