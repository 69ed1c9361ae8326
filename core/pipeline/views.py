"""What the window is told: plain dataclasses that travel through a pipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.cache import fingerprint, thumbnail_file
from core.data.readings import fixed_choices
from core.results import (
    ClassClusters,
    ClusterShares,
    Comparison,
    Coreset,
    Coverage,
    Dataset,
    Duplicates,
    Estimate,
    FloatArray,
    IntArray,
    LabelDoubt,
    NearDuplicate,
    ProxyPoint,
    Separation,
    Skipped,
    Split,
    StageTime,
    ViewReduction,
    WeightsUsed,
)
from core.settings import ComparisonSettings, DataSettings, TrainingSettings


@dataclass(frozen=True)
class DatasetView:
    """A scanned dataset, divided.

    Attributes
    ----------
    cache_folder : Path
        Holds the thumbnails.
    suggested_patterns : tuple of (str, int)
        Patterns that may find patients in the names, each with how many groups it makes, the likeliest first.
    """

    dataset: Dataset
    split: Split
    duplicates: tuple[Duplicates, ...]
    cache_folder: Path
    suggested_patterns: tuple[tuple[str, int], ...] = ()

    @property
    def identity(self) -> str:
        """What the images found are known by: path, class, set and content of each."""
        rows = [[i.path, i.class_name, i.split or "", i.group, i.pixels] for i in self.dataset.images]
        return fingerprint(rows)

    @property
    def fixed(self) -> dict[str, Any]:
        """What the scan fixed of how stored values become pixels, in its stored form; empty where there is nothing."""
        return fixed_choices(DataSettings(), self.dataset.reading)

    def thumbnail(self, index: int) -> Path:
        """Return the file of an image's thumbnail; it may be missing if the cache was cleared."""
        return thumbnail_file(self.cache_folder, self.dataset.images[index].pixels)


@dataclass(frozen=True)
class ExtractorFact:
    """One extractor on this dataset and this machine.

    Attributes
    ----------
    weights_state : str
        ``"needs none"``, ``"verified"``, ``"unverified"``, ``"missing"``, ``"unusable"``; ``"broken"``: the code of a
        plugin's extractor fails.
    missing_sentence : str
        The ways out where the extractor cannot be used; else empty.
    n_cached, n_images : int
        Used images whose features are computed, and all.
    estimate : Estimate
        For what is not computed yet.
    follows : str
        The extractor whose features give this one's at no cost, where that one is used too; empty if there is none.
    """

    name: str
    title: str
    tip: str
    n_features: int
    weights: str
    weights_state: str
    missing_sentence: str
    n_cached: int
    n_images: int
    estimate: Estimate
    follows: str = ""


@dataclass(frozen=True)
class ExtractorsView:
    """All extractors on this machine; `after` is what reduction and clustering will take."""

    facts: tuple[ExtractorFact, ...]
    separations: tuple[Separation, ...]
    after: Estimate


@dataclass(frozen=True)
class FeaturesView:
    """Features are there: what made them and how well each extractor separates the classes.

    Attributes
    ----------
    failed : tuple of Skipped
        Images that could no longer be read.
    views : mapping of str to tuple of ViewReduction
        By class.
    labels : tuple of str
        What must stand beside every result, such as "Unverified weights".
    """

    separations: tuple[Separation, ...]
    weights: tuple[WeightsUsed, ...]
    failed: tuple[Skipped, ...]
    views: Mapping[str, tuple[ViewReduction, ...]]
    n_images: int
    seconds: float
    labels: tuple[str, ...]


@dataclass(frozen=True)
class WeightsView:
    """One set of weights: its state and where it is; `file` is empty where it is missing.

    `used_by` are titles of extractors; `is_backbone` tells whether the transfer network can stand on it. The official
    file has a name, an address (empty where there is none) and about `n_bytes`.
    """

    name: str
    title: str
    state: str
    file: str
    used_by: tuple[str, ...]
    licence: str
    is_backbone: bool = False
    official_file: str = ""
    address: str = ""
    n_bytes: int = 0


@dataclass(frozen=True)
class ExportView:
    """A finished export."""

    folder: Path
    n_files: int
    n_bytes: int
    files_as: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class VerifyView:
    """What checking an export found."""

    sentence: str
    ok: bool
    differing: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass(frozen=True)
class ProxyView:
    """What nearest neighbours say of sizes before any training.

    Attributes
    ----------
    points : tuple of ProxyPoint
        Smallest fraction first.
    everything : float
        The same with the whole pool.
    n_judged : int
        On how many images every size, and everything, was judged.
    """

    points: tuple[ProxyPoint, ...]
    everything: float
    n_judged: int


@dataclass(frozen=True)
class DoubtsView:
    """Images to look at before choosing; nothing is removed without being asked for."""

    doubts: tuple[LabelDoubt, ...]
    near_duplicates: tuple[NearDuplicate, ...]


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
    all_shares : tuple of float
        Share of every component.
    words : str
        What the silhouette says, in plain words.
    """

    clusters: ClassClusters
    points: FloatArray
    components: tuple[int, int]
    shares: tuple[float, float]
    n_components: int
    words: str
    all_shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class PictureView:
    """One decoded image: ``3 * width * height`` bytes of RGB, row by row; `problem` says why there is none."""

    index: int
    width: int
    height: int
    rgb: bytes
    problem: str = ""


@dataclass(frozen=True)
class CoresetView:
    """A coreset as the page shows it.

    Attributes
    ----------
    shares : tuple of ClusterShares
        By class: images in each cluster, chosen of it, drawn at random, expected at random.
    coverage : Coverage or None
        What it leaves out; None where it was not asked for.
    sentence : str
        The sentence that matters.
    """

    coreset: Coreset
    shares: tuple[ClusterShares, ...]
    coverage: Coverage | None
    sentence: str


@dataclass(frozen=True)
class PlannedView:
    """One training that a comparison asks for, and what it will take.

    `epochs` are those that it will have, more than asked for where the least number of steps rules; 0 where the network
    is not trained by epochs.
    """

    network: str
    sampler: str
    fraction: float
    repetition: int
    n_images: int
    estimate: Estimate
    split: int = 0
    epochs: int = 0


@dataclass(frozen=True)
class ComparePlanView:
    """All trainings that a comparison asks for; `problem` says why they cannot be done, or is empty.

    `device` is what will most likely compute, in words. `instead` are training and comparison settings with which the
    networks work on this machine, where weights are missing, and a sentence on what they use; None where none are.
    `epochs` is the number asked for. `backbones` are the seconds, by network, that the features of its backbone take
    once, where none is computed. `folds` is the number of folds, 0 where the splits are none; `steps` is
    as in `Comparison`.
    """

    runs: tuple[PlannedView, ...]
    seconds: float
    memory_bytes: int
    problem: str
    n_splits: int = 1
    device: str = ""
    instead: tuple[TrainingSettings, ComparisonSettings, str] | None = None
    epochs: int = 0
    backbones: Mapping[str, float] = field(default_factory=dict)
    folds: int = 0
    steps: str = ""


@dataclass(frozen=True)
class PredictView:
    """Predictions for a folder: where the CSV is, how many images, what was skipped, and sentences to read."""

    file: Path
    n_images: int
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyOutcome:
    """A finished run of everything: where the report is and what it says, and how images were read."""

    report: Path
    comparison: Comparison
    times: tuple[StageTime, ...]
    notes: tuple[str, ...] = ()
