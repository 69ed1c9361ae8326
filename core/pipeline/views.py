"""What the window is told: plain dataclasses that travel through a pipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.cache import thumbnail_file
from core.results import (
    ClassClusters,
    ClassCoverage,
    ClusterShares,
    Comparison,
    Coreset,
    Dataset,
    Duplicates,
    Estimate,
    FloatArray,
    IntArray,
    Separation,
    Split,
    StageTime,
    ViewReduction,
    WeightsUsed,
)


@dataclass(frozen=True)
class DatasetView:
    """A scanned dataset, divided.

    Attributes
    ----------
    cache_folder : Path
        Holds the thumbnails.
    """

    dataset: Dataset
    split: Split
    duplicates: tuple[Duplicates, ...]
    cache_folder: Path

    def thumbnail(self, index: int) -> Path:
        """Return the file of an image's thumbnail; it may be missing if the cache was cleared."""
        return thumbnail_file(self.cache_folder, self.dataset.images[index].pixels)


@dataclass(frozen=True)
class ExtractorFact:
    """One extractor on this dataset and this machine.

    Attributes
    ----------
    weights_state : str
        ``"needs none"``, ``"verified"``, ``"unverified"``, ``"missing"``.
    missing_sentence : str
        The ways out where weights are missing; else empty.
    n_cached, n_images : int
        Used images whose features are computed, and all.
    estimate : Estimate
        For what is not computed yet.
    """

    name: str
    title: str
    summary: str
    n_features: int
    weights: str
    weights_state: str
    missing_sentence: str
    n_cached: int
    n_images: int
    estimate: Estimate


@dataclass(frozen=True)
class FeaturesView:
    """Features are there: what made them and how well each extractor separates the classes."""

    separations: tuple[Separation, ...]
    weights: tuple[WeightsUsed, ...]
    views: Mapping[str, tuple[ViewReduction, ...]]
    seconds: float


@dataclass(frozen=True)
class ClassOverview:
    """One class at a glance: a thinned scatter of its first two components, and its clusters."""

    class_name: str
    n_images: int
    k: int
    mean_silhouette: float | None
    words: str
    points: FloatArray
    labels: IntArray
    sizes: IntArray


@dataclass(frozen=True)
class ClassView:
    """One class in full.

    Attributes
    ----------
    clusters : ClassClusters
    points : ndarray of shape (n, 2), float32
        The two chosen components, rows as in ``clusters.indices``.
    components : tuple of int
        Which two, from 0.
    shares : tuple of float
        Share of the class's joined variance that each of the two holds.
    n_components : int
        That can be chosen from.
    words : str
        What the silhouette says, in plain words.
    """

    clusters: ClassClusters
    points: FloatArray
    components: tuple[int, int]
    shares: tuple[float, float]
    n_components: int
    words: str


@dataclass(frozen=True)
class CoresetView:
    """A coreset as the page shows it.

    Attributes
    ----------
    shares : tuple of ClusterShares
        By class: images in each cluster, chosen of it, drawn at random, expected at random.
    coverage : tuple of ClassCoverage
        Empty where it was not asked for.
    sentence : str
        The sentence that matters.
    worst_index : int
        The image it covers worst; -1 where unknown.
    """

    coreset: Coreset
    shares: tuple[ClusterShares, ...]
    coverage: tuple[ClassCoverage, ...]
    sentence: str
    worst_index: int


@dataclass(frozen=True)
class StudyOutcome:
    """A finished run of everything: where the report is and what it says."""

    report: Path
    comparison: Comparison
    times: tuple[StageTime, ...]
