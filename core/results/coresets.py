"""Results of clustering and selection: clusters, coresets, coverage, suspected label errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.results.arrays import IntArray


@dataclass(frozen=True)
class ClassClusters:
    """K-Medoids clusters of one class.

    Attributes
    ----------
    class_name : str
    indices : ndarray of shape (n,), int64
        Pool images of the class, ascending.
    labels : ndarray of shape (n,), int64
        Cluster of each, 0 the largest; ties by the medoid that comes first.
    medoids : ndarray of shape (k,), int64
        Indices (rows of the dataset) of the medoids, by cluster.
    silhouettes : ndarray of shape (n,), float64
        s_i of each image, 0 throughout for k = 1.
    curve : mapping of int to float
        Mean silhouette by k tried; empty where none exists.
    chosen_by : {"silhouette", "user", "only"}
        ``"only"``: too few images or no variance, k = 1.
    n_sampled : int
        How many of the images were clustered; the others joined their nearest medoid. 0: all were.
    """

    class_name: str
    indices: IntArray
    labels: IntArray
    medoids: IntArray
    silhouettes: NDArray[np.float64]
    curve: Mapping[int, float]
    chosen_by: Literal["silhouette", "user", "only"]
    n_sampled: int = 0

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.medoids)

    @property
    def medoid_rows(self) -> IntArray:
        """Rows of the medoids in `indices`, and so in the class's embedding, by cluster, shape (k,)."""
        return np.searchsorted(self.indices, self.medoids).astype(np.int64)

    @property
    def sizes(self) -> IntArray:
        """Images in each cluster, shape (k,)."""
        return np.bincount(self.labels, minlength=self.k).astype(np.int64)

    @property
    def sample_words(self) -> str:
        """``"Clustered on 5,000 of 20,000 images."``; empty where all were clustered."""
        return f"Clustered on {self.n_sampled:,} of {len(self.indices):,} images." if self.n_sampled else ""

    @property
    def mean_silhouette(self) -> float | None:
        """Mean silhouette of the selected k; None for k = 1."""
        return float(self.silhouettes.mean()) if self.k > 1 else None


@dataclass(frozen=True)
class Coreset:
    """The selected images.

    Attributes
    ----------
    sampler : str
    seed : int
    indices : ndarray of shape (n,), int64
        By class name and, inside a class, by rank.
    ranks : ndarray of shape (n,), int64
        Place of each in its class's order, from 0. A smaller coreset of a nested sampler contains the lower ranks.
    reasons : tuple of str
        Why each is in, in a few words ("drawn from cluster 2", "medoid", "pinned in").
    budgets : mapping of str to int
        Images by class.
    pool_sizes : mapping of str to int
        Images of the pool by class.
    nested : bool
        Whether a smaller budget gives a subset of these.
    notes : tuple of str
        Sentences a user should read (a class got nothing, ...).
    kept : tuple of int
        Those of the images that are kept from an earlier coreset.
    """

    sampler: str
    seed: int
    indices: IntArray
    ranks: IntArray
    reasons: tuple[str, ...]
    budgets: Mapping[str, int]
    pool_sizes: Mapping[str, int]
    nested: bool
    notes: tuple[str, ...] = ()
    kept: tuple[int, ...] = ()

    @property
    def fraction(self) -> float:
        """Chosen share of the pool."""
        pool = sum(self.pool_sizes.values())
        return len(self.indices) / pool if pool else 0.0


@dataclass(frozen=True)
class ClusterShares:
    """Images that a coreset takes from each cluster of a class, next to those of random sampling (paper, Fig. 2).

    Attributes
    ----------
    class_name : str
    sizes, chosen, random : ndarray of shape (k,), int64
        Images of the pool, of the coreset, and of one random draw of as many images from the whole pool.
    expected_random : ndarray of shape (k,), float64
        What random sampling takes on average.
    """

    class_name: str
    sizes: IntArray
    chosen: IntArray
    random: IntArray
    expected_random: NDArray[np.float64]


@dataclass(frozen=True)
class ClassCoverage:
    """Coverage of one class by a coreset, in its joined embeddings (METHOD 3, last paragraph).

    Attributes
    ----------
    class_name : str
    n_images, n_chosen : int
    mean_distance, largest_distance : float
        From an image of the pool to its nearest selected image.
    worst_index : int
        The image covered worst; -1 where nothing is selected.
    mmd2 : float
        Squared maximum mean discrepancy between the selected images and the class, kernel R.
    clusters_touched, n_clusters : int
    duplicate_pairs : int
        Pairs of selected images with the same pixels.
    """

    class_name: str
    n_images: int
    n_chosen: int
    mean_distance: float
    largest_distance: float
    worst_index: int
    mmd2: float
    clusters_touched: int
    n_clusters: int
    duplicate_pairs: int


@dataclass(frozen=True)
class Coverage:
    """Coverage of all classes by a coreset: the averages of `ClassCoverage` by number of images.

    Attributes
    ----------
    by_class : tuple of ClassCoverage
        Sorted by class.
    mean_distance : float
        Over the images of the pool; NaN where a class gave nothing, as there is nothing to measure to.
    largest_distance, mmd2 : float
        Averages over classes, weighted by n_c; NaN likewise.
    clusters_touched, n_clusters, duplicate_pairs : int
        Sums over classes.
    worst_indices : tuple of int
        The images covered worst, worst first.
    """

    by_class: tuple[ClassCoverage, ...]
    mean_distance: float
    largest_distance: float
    mmd2: float
    clusters_touched: int
    n_clusters: int
    duplicate_pairs: int
    worst_indices: tuple[int, ...] = ()

    @property
    def share_touched(self) -> float:
        """Share of the clusters that gave at least one image."""
        return self.clusters_touched / self.n_clusters if self.n_clusters else 0.0


@dataclass(frozen=True)
class ProxyPoint:
    """How often the nearest selected image has the class of an image, at one fraction.

    Attributes
    ----------
    fraction : float
    n_images : int
    accuracy : float
        Of 1-NN on the whole pool; an image is never evaluated by itself or a copy of it.
    random, random_low, random_high : float
        Mean, least and largest of random draws of as many images, evaluated likewise.
    """

    fraction: float
    n_images: int
    accuracy: float
    random: float
    random_low: float
    random_high: float


@dataclass(frozen=True)
class SuspectedLabelError:
    """An image most of whose neighbours in the pool belong to other classes.

    Attributes
    ----------
    index : int
    score : float
        Share of other classes among its neighbours, above 0.5.
    class_name : str
        As labelled.
    other_class : str
        The most frequent class among its neighbours.
    """

    index: int
    score: float
    class_name: str
    other_class: str


@dataclass(frozen=True)
class NearDuplicate:
    """Two images that look nearly the same.

    Attributes
    ----------
    first, second : int
        Indices, first < second.
    bits : int
        By how many of 64 bits their perceptual hashes differ.
    cosine : float
        Of their embeddings across classes; NaN where there are none.
    identical : bool
        The same decoded pixels.
    conflicting : bool
        Under two classes.
    """

    first: int
    second: int
    bits: int
    cosine: float
    identical: bool
    conflicting: bool
