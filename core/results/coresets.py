"""Results of clustering and selection: clusters, coresets, coverage, suspected label errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results.arrays import IntArray


@dataclass(frozen=True)
class ClassClusters:
    """K-Medoids clusters of one class.

    Attributes
    ----------
    class_name : str
    indices : ndarray of shape (n,), int64
        Pool images of the class, ascending.
    labels : ndarray of shape (n,), int64
        Cluster of each image; 0 is the largest, ties by the index of the medoid.
    medoids : ndarray of shape (k,), int64
        Indices of the medoids, by cluster.
    silhouettes : ndarray of shape (n,), float64
        Silhouette of each image, -1 to 1; all 0 for k = 1.
    curve : mapping of int to float
        Mean silhouette of each k that was tried; empty if none exists.
    chosen_by : {"silhouette", "user", "only"}
        How k was selected; ``"only"``: k = 1, because of too few images or no variance.
    n_sampled : int
        Number of images that were clustered; the others were assigned to their nearest medoid. 0: all were.
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
        """Rows of the medoids in `indices`, and thus in the embedding of the class, by cluster; shape (k,)."""
        return np.searchsorted(self.indices, self.medoids).astype(np.int64)

    @property
    def sizes(self) -> IntArray:
        """Number of images in each cluster, shape (k,)."""
        return np.bincount(self.labels, minlength=self.k).astype(np.int64)

    @property
    def sample_words(self) -> str:
        """Sentence on the sample, such as ``"Clustered on 5,000 of 20,000 images."``; empty if all were clustered."""
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
        Sorted by class name, and within a class by rank.
    ranks : ndarray of shape (n,), int64
        Rank of each image in the ranking of its class, from 0. A smaller coreset of a nested sampler contains the
        lower ranks.
    reasons : tuple of str
        Why each image was selected, in a few words, such as ``"drawn from cluster 2"`` or ``"pinned in"``.
    budgets : mapping of str to int
        Number of selected images by class.
    pool_sizes : mapping of str to int
        Number of images of the pool by class.
    nested : bool
        Whether a coreset with a smaller budget is a subset of this one.
    notes : tuple of str
        Sentences for the user, such as on a class without selected images.
    kept : tuple of int
        Indices of the images that are kept from an earlier coreset.
    parts : mapping of str to int
        In how many parts a class was ranked, for classes beyond the limit of exact selection alone; by class, and by
        an empty name for a sampler that selects from all classes together.
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
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def fraction(self) -> float:
        """Share of the pool that is selected, 0 to 1."""
        pool = sum(self.pool_sizes.values())
        return len(self.indices) / pool if pool else 0.0


@dataclass(frozen=True)
class ClusterShares:
    """Number of images that a coreset and random sampling select from each cluster of a class (paper, Fig. 2).

    Attributes
    ----------
    class_name : str
    sizes, chosen, random : ndarray of shape (k,), int64
        Number of images of the pool, of the coreset, and of one random draw of the same size from the whole pool.
    expected_random : ndarray of shape (k,), float64
        Expected number of images of random sampling.
    """

    class_name: str
    sizes: IntArray
    chosen: IntArray
    random: IntArray
    expected_random: NDArray[np.float64]


@dataclass(frozen=True)
class ClassCoverage:
    """Coverage of one class by a coreset, in the embeddings of the class (docs/method.md, section 3).

    Attributes
    ----------
    class_name : str
    n_images, n_chosen : int
        Number of images of the pool, and of selected images.
    mean_distance, largest_distance : float
        Euclidean distance from an image of the pool to its nearest selected image; NaN if nothing is selected.
    worst_index : int
        Index of the image with the largest distance; -1 if nothing is selected.
    mmd2 : float
        Squared maximum mean discrepancy between the selected images and the class, with the kernel of
        `core.selection.kernel`.
    clusters_touched, n_clusters : int
        Number of clusters with a selected image, and of clusters.
    duplicate_pairs : int
        Number of pairs of selected images with the same pixels.
    n_sampled : int
        Images of the class that `mmd2` was estimated from; 0: all.
    near_cells : bool
        Whether `mean_distance` is that to the nearest selected image of near cells alone, which is at least as large.
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
    n_sampled: int = 0
    near_cells: bool = False


@dataclass(frozen=True)
class Coverage:
    """Coverage of all classes by a coreset: averages of `ClassCoverage`, weighted by the number of images.

    Attributes
    ----------
    by_class : tuple of ClassCoverage
        Sorted by class.
    mean_distance : float
        Average over the images of the pool; NaN if no image of a class is selected.
    largest_distance, mmd2 : float
        Averages over classes, weighted by their numbers of images; NaN if no image of a class is selected.
    clusters_touched, n_clusters, duplicate_pairs : int
        Sums over classes.
    worst_indices : tuple of int
        Indices of the images with the largest distances, the largest first.
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
    def sample_words(self) -> str:
        """Sentences on classes whose MMD² or mean distance is approximate; empty if there are none."""
        sampled = [each for each in self.by_class if each.n_sampled]
        if not sampled:
            return ""
        names = ", ".join(each.class_name for each in sampled)
        words = f"MMD² of {names} is an estimate from a random sample of {sampled[0].n_sampled:,} images."
        near = ", ".join(each.class_name for each in self.by_class if each.near_cells)
        if near:
            words += f" The mean distance of {near} is approximate (nearest selected images of near cells)."
        return words

    @property
    def share_touched(self) -> float:
        """Share of the clusters with at least one selected image, 0 to 1."""
        return self.clusters_touched / self.n_clusters if self.n_clusters else 0.0


@dataclass(frozen=True)
class ProxyPoint:
    """Accuracy of a 1-nearest-neighbour classifier on the selected images, at one fraction.

    Attributes
    ----------
    fraction : float
    n_images : int
    accuracy : float
        Accuracy on the whole pool, 0 to 1; neither an image itself nor a copy of it is its neighbour.
    random, random_low, random_high : float
        Mean, smallest and largest accuracy of random draws of the same size.
    """

    fraction: float
    n_images: int
    accuracy: float
    random: float
    random_low: float
    random_high: float


@dataclass(frozen=True)
class SuspectedLabelError:
    """An image whose nearest neighbours in the pool mostly belong to other classes.

    Attributes
    ----------
    index : int
    score : float
        Share of its neighbours that belong to other classes, above 0.5 to 1.
    class_name : str
        Class that it is labelled with.
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
        Indices, with first < second.
    bits : int
        Number of bits in which their perceptual hashes differ, 0 to 64.
    cosine : float
        Cosine similarity of their embeddings across classes; NaN without embeddings.
    identical : bool
        Whether their decoded pixels are the same.
    conflicting : bool
        Whether they have two classes.
    """

    first: int
    second: int
    bits: int
    cosine: float
    identical: bool
    conflicting: bool
