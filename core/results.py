"""The small frozen dataclasses that stages hand on.

Everywhere an *index* is the row of an image in `Dataset.images`, which is sorted by path; arrays of
embeddings say which indices their rows are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
SplitName = Literal["train", "validation", "test"]


# --- data ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Image:
    """One image that could be decoded.

    Attributes
    ----------
    path : str
        Relative to the dataset's root, forward slashes; inside an .npz ``"train/00012.png"``.
    class_name : str
    split : {"train", "validation", "test"} or None
        As the user brought it.
    group : str
        What must not be divided, such as a patient; empty where there is none.
    width, height : int
        Pixels, after EXIF orientation.
    pixels : str
        SHA-256 (hex) of size and decoded RGB pixels: the identity of the content, and the cache key.
    file : str
        SHA-256 (hex) of the file's bytes (of the stored array for an .npz).
    n_bytes : int
    modified_ns : int
        Of the file, so that an unchanged file is not decoded again.
    perceptual : str
        Perceptual hash, 64 bits as 16 hex digits.
    """

    path: str
    class_name: str
    split: SplitName | None
    group: str
    width: int
    height: int
    pixels: str
    file: str
    n_bytes: int
    modified_ns: int
    perceptual: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is no usable image, and why, in one sentence."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Images with the same decoded pixels; `conflicting` if they stand under more than one class."""

    indices: tuple[int, ...]
    conflicting: bool


@dataclass(frozen=True)
class Dataset:
    """A set of labelled images.

    Attributes
    ----------
    root : Path
        The folder that paths are relative to; for a CSV its folder, for an .npz the file itself.
    source : Path
        What the user opened.
    kind : {"folder", "split-folder", "csv", "npz"}
    images : tuple of Image
        Sorted by path.
    skipped : tuple of Skipped
        Sorted by path.
    warnings : tuple of str
        Sentences about the dataset as a whole (unknown CSV columns, a class of one image, ...).
    """

    root: Path
    source: Path
    kind: Literal["folder", "split-folder", "csv", "npz"]
    images: tuple[Image, ...]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted."""
        return tuple(sorted({image.class_name for image in self.images}))

    @cached_property
    def labels(self) -> IntArray:
        """Class of each image as a position in `classes`, shape (n_images,)."""
        position = {name: i for i, name in enumerate(self.classes)}
        return np.array([position[image.class_name] for image in self.images], dtype=np.int64)

    @property
    def has_split(self) -> bool:
        """Whether the user brought a split."""
        return any(image.split is not None for image in self.images)


@dataclass(frozen=True)
class LeftOut:
    """An image that no set contains, and why."""

    index: int
    reason: str


@dataclass(frozen=True)
class Split:
    """Which images train, validate and test.

    Attributes
    ----------
    pool : ndarray of int64
        The training images that a coreset may be chosen from, ascending; never validation images.
    validation, test : ndarray of int64
        Ascending; either may be empty.
    left_out : tuple of LeftOut
    leaks : tuple of (int, int)
        (image of pool or validation, test image) with the same pixels or the same group; only with a split that
        was brought.
    brought : bool
        Whether the user brought it.
    warnings : tuple of str
        Such as a class without test images.
    """

    pool: IntArray
    validation: IntArray
    test: IntArray
    left_out: tuple[LeftOut, ...] = ()
    leaks: tuple[tuple[int, int], ...] = ()
    brought: bool = False
    warnings: tuple[str, ...] = ()


# --- features -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WeightsUsed:
    """Which weights computed something.

    Attributes
    ----------
    extractor : str
    digest : str
        SHA-256 over the tensors; empty for an extractor without weights.
    state : {"none", "verified", "unverified", "untrained"}
        ``"none"``: needs no weights.
    """

    extractor: str
    digest: str
    state: Literal["none", "verified", "unverified", "untrained"]


@dataclass(frozen=True)
class ViewReduction:
    """How one view of one class was reduced.

    Attributes
    ----------
    extractor, block : str
    n_features, n_components : int
    explained : ndarray of shape (n_possible,), float64
        Explained variance ratios, falling, of *all* possible components, so that the cumulative curve can be drawn.
    scale : float
        What the view was multiplied with before joining; 0 if it was left out for having no variance.
    """

    extractor: str
    block: str
    n_features: int
    n_components: int
    explained: NDArray[np.float64]
    scale: float


@dataclass(frozen=True)
class ClassEmbedding:
    """The joined, reduced embeddings of one class.

    Attributes
    ----------
    class_name : str
    indices : ndarray of shape (n,), int64
        Pool images of the class, ascending; rows of `embedding`.
    embedding : ndarray of shape (n, n_components), float32
    other_indices : ndarray of shape (m,), int64
        Validation and test images of the class, ascending; rows of `other_embedding`.
    other_embedding : ndarray of shape (m, n_components), float32
        Projected with the pool's PCA.
    views : tuple of ViewReduction
    """

    class_name: str
    indices: IntArray
    embedding: FloatArray
    other_indices: IntArray
    other_embedding: FloatArray
    views: tuple[ViewReduction, ...]


@dataclass(frozen=True)
class PoolEmbedding:
    """Embeddings across classes: one PCA over the whole pool per view, scaled and joined.

    Attributes
    ----------
    indices : ndarray of shape (n,), int64
        Ascending; pool, validation and test images.
    embedding : ndarray of shape (n, n_components), float32
    in_pool : ndarray of shape (n,), bool
    """

    indices: IntArray
    embedding: FloatArray
    in_pool: NDArray[np.bool_]


@dataclass(frozen=True)
class Separation:
    """Leave-one-out 5-NN accuracy over the pool: how well an extractor separates the classes.

    Attributes
    ----------
    extractors : tuple of str
        One, or several joined.
    accuracy : float
    by_class : mapping of str to float
        Share of each class's images whose neighbours' majority is right.
    n_neighbours : int
    """

    extractors: tuple[str, ...]
    accuracy: float
    by_class: Mapping[str, float]
    n_neighbours: int


# --- selection ----------------------------------------------------------------------------------------------


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
    """

    class_name: str
    indices: IntArray
    labels: IntArray
    medoids: IntArray
    silhouettes: NDArray[np.float64]
    curve: Mapping[int, float]
    chosen_by: Literal["silhouette", "user", "only"]

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.medoids)

    @property
    def sizes(self) -> IntArray:
        """Images in each cluster, shape (k,)."""
        return np.bincount(self.labels, minlength=self.k).astype(np.int64)

    @property
    def mean_silhouette(self) -> float | None:
        """Mean silhouette of the chosen k; None for k = 1."""
        return float(self.silhouettes.mean()) if self.k > 1 else None


@dataclass(frozen=True)
class Coreset:
    """The chosen images.

    Attributes
    ----------
    sampler : str
    seed : int
    indices : ndarray of shape (n,), int64
        By class name and, inside a class, by rank.
    ranks : ndarray of shape (n,), int64
        Place of each in its class's order, from 0. A smaller coreset of a nested sampler holds the lower ranks.
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

    @property
    def fraction(self) -> float:
        """Chosen share of the pool."""
        pool = sum(self.pool_sizes.values())
        return len(self.indices) / pool if pool else 0.0


@dataclass(frozen=True)
class ClusterShares:
    """What a coreset takes from each cluster of a class, beside what random sampling takes (paper, Fig. 2).

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
    """What a coreset leaves out of one class, in its joined embeddings (METHOD 3, last paragraph).

    Attributes
    ----------
    class_name : str
    n_images, n_chosen : int
    mean_distance, largest_distance : float
        From an image of the pool to its nearest chosen image.
    worst_index : int
        The image covered worst; -1 where nothing is chosen.
    mmd2 : float
        Squared maximum mean discrepancy between the chosen images and the class, kernel R.
    clusters_touched, n_clusters : int
    duplicate_pairs : int
        Pairs of chosen images with the same pixels.
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
    """What a coreset leaves out of all classes: the averages of `ClassCoverage` by number of images.

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
    """How well the nearest chosen image foretells the class of the images not chosen, at one fraction.

    Attributes
    ----------
    fraction : float
    n_images : int
    accuracy : float
        Of 1-NN on the part of the pool that was not chosen; NaN where everything is chosen.
    """

    fraction: float
    n_images: int
    accuracy: float


@dataclass(frozen=True)
class LabelDoubt:
    """An image of the pool most of whose neighbours belong to other classes.

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


# --- training -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training; accuracies and losses are NaN where there is no such set.

    `seconds` is the whole epoch; `validation_seconds` is the part of it spent on the validation images.
    """

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float
    validation_seconds: float = 0.0


@dataclass(frozen=True)
class Metrics:
    """How good predictions are (paper 5.3; the averages are over classes, METHOD 1.8).

    Attributes
    ----------
    accuracy, precision, recall, f1 : float
        The last three macro-averaged; a class never predicted counts as 0.
    worst_class : str
    worst_class_recall : float
    worst_cluster : str
        ``"class / cluster number from 1"``; empty where no cluster has enough test images.
    worst_cluster_recall : float
        NaN where there is none.
    class_precision, class_recall, class_f1 : mapping of str to float
    support : mapping of str to int
    confusion : ndarray of shape (n_classes, n_classes), int64
        Rows are true classes, columns predicted ones.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    balanced_accuracy: float
    worst_class: str
    worst_class_recall: float
    worst_cluster: str
    worst_cluster_recall: float
    class_precision: Mapping[str, float]
    class_recall: Mapping[str, float]
    class_f1: Mapping[str, float]
    support: Mapping[str, int]
    confusion: IntArray


@dataclass(frozen=True)
class RunKey:
    """What identifies a run: one training of one network on one coreset with one seed.

    Attributes
    ----------
    network : {"custom", "transfer", "head"}
    sampler : str
        ``"everything"`` for the whole pool.
    fraction : float
    repetition : int
        Seeds selection, initial weights and shuffling together.
    fingerprint : str
        Of everything else: images trained on, validation and test images, settings, weights.
    split : int
        Which of the comparison's splits, from 0.
    """

    network: str
    sampler: str
    fraction: float
    repetition: int
    fingerprint: str
    split: int = 0


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    Attributes
    ----------
    key : RunKey
    n_images : int
        Trained on.
    classes : tuple of str
    history : tuple of Epoch
        Empty for `head`.
    best_epoch : int
        Number of the epoch whose weights were kept; 0 for `head`.
    metrics : Metrics
        On the test images.
    test_indices, true, predicted : ndarray of shape (n_test,), int64
        `true` and `predicted` are positions in `classes`.
    confidence : ndarray of shape (n_test,), float32
        Probability of the predicted class.
    train_seconds : float
        Training alone; features apart.
    feature_seconds : float
        What computing the frozen backbone's features cost where it was not in the cache.
    select_seconds : float
    device : str
    weights : WeightsUsed or None
        Of the backbone or the judge's extractor.
    note : str
        Labels that belong beside the result, such as "untrained backbone"; empty for none.
    clusters : ndarray of shape (n_test,), int64, or None
        Cluster of each test image inside its true class, -1 where it has none; None where nothing was clustered.
    """

    key: RunKey
    n_images: int
    classes: tuple[str, ...]
    history: tuple[Epoch, ...]
    best_epoch: int
    metrics: Metrics
    test_indices: IntArray
    true: IntArray
    predicted: IntArray
    confidence: FloatArray
    train_seconds: float
    feature_seconds: float
    select_seconds: float
    device: str
    weights: WeightsUsed | None = None
    note: str = ""
    clusters: IntArray | None = None


@dataclass(frozen=True)
class Difference:
    """A paired difference between two rows of a comparison (METHOD 4).

    Attributes
    ----------
    network, sampler, control : str
    fraction : float
    metric : str
    difference, low, high : float
        Sampler minus control, with its 95 % interval.
    n_repetitions : int
        Pairs, those of all splits together.
    shown : bool
        Whether the interval leaves zero out.
    repetitions_needed : int or None
        To show the difference of interest; None with fewer than two repetitions. With several splits: how many
        splits it would take.
    sentence : str
    n_splits : int
    """

    network: str
    sampler: str
    control: str
    fraction: float
    metric: str
    difference: float
    low: float
    high: float
    n_repetitions: int
    shown: bool
    repetitions_needed: int | None
    sentence: str
    n_splits: int = 1


@dataclass(frozen=True)
class Row:
    """One row of a comparison: network, sampler and fraction, over its splits and repetitions.

    Attributes
    ----------
    n_repetitions : int
        Runs, those of all splits together.
    means, lows, highs : mapping of str to float
        By metric (accuracy, precision, recall, f1, balanced_accuracy, worst_class_recall, worst_cluster_recall);
        95 % intervals.
    select_seconds, train_seconds : float
        Means.
    pays_after : int or None
        After how many trainings selecting has paid for itself against training on everything;
        None where everything was not trained or training is not faster.
    n_splits : int
    """

    network: str
    sampler: str
    fraction: float
    n_images: int
    n_repetitions: int
    means: Mapping[str, float]
    lows: Mapping[str, float]
    highs: Mapping[str, float]
    select_seconds: float
    train_seconds: float
    pays_after: int | None
    n_splits: int = 1


@dataclass(frozen=True)
class Comparison:
    """Runs, their table and what they show."""

    runs: tuple[RunResult, ...]
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    sentences: tuple[str, ...] = field(default=())

    @property
    def n_splits(self) -> int:
        """Into how many splits its runs are divided."""
        return max((row.n_splits for row in self.rows), default=1)


# --- cost ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """What a stage will take before it starts.

    Attributes
    ----------
    seconds : float
    memory_bytes, disk_bytes : int
        At the peak.
    basis : str
        What it rests on, in a few words ("9 images/s, as measured on this machine").
    """

    seconds: float
    memory_bytes: int
    disk_bytes: int
    basis: str


@dataclass(frozen=True)
class StageTime:
    """What a stage took: seconds, peak memory of the process in bytes."""

    stage: str
    seconds: float
    peak_bytes: int
