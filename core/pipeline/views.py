"""Results of planning and of finished studies, for the window and the command line: plain dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coreset_studio.core.results import Comparison, Estimate, StageTime
from coreset_studio.core.results.searches import SearchResult
from coreset_studio.core.settings import ComparisonSettings, TrainingSettings

SEEDS_A_SPLIT = 1000


@dataclass(frozen=True)
class ExtractorFact:
    """One extractor on this dataset and this machine.

    Attributes
    ----------
    weights_state : str
        ``"needs none"``, ``"verified"``, ``"unverified"``, ``"unverified model"``, ``"missing"``, ``"unusable"``;
        ``"broken"``: the code of the extractor of a plugin fails. Of one that reads a file, one of the names of
        `core.features.steps.FileState`.
    missing_sentence : str
        What to do if the extractor cannot be used; else empty.
    n_cached, n_images : int
        Number of used images whose features are computed, and of all used images.
    estimate : Estimate
        Costs of the features that are not computed.
    follows : str
        Name of an extractor from whose features those of this one are derived at no cost; empty if there is none.
    file : str
        Which file its features are read from, with the label of every result; empty if they are computed.
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
    file: str = ""


@dataclass(frozen=True)
class PlannedRun:
    """One training that a comparison requests.

    Attributes
    ----------
    network, sampler : str
        Names.
    fraction : float
        Share of the pool, 0 < f <= 1.
    repetition, split : int
        From 0.
    """

    network: str
    sampler: str
    fraction: float
    repetition: int
    split: int = 0

    @property
    def seed(self) -> int:
        """Seed of its draw, its initial weights and its shuffling.

        No two splits share seeds: random samplers draw places in a sorted pool, so that a seed would draw nearly the
        same share of each class, and neighbours in path order, in every split.
        """
        return self.repetition + SEEDS_A_SPLIT * self.split


@dataclass(frozen=True)
class EstimatedRun(PlannedRun):
    """A planned training with its estimates.

    Attributes
    ----------
    n_images : int
        Number of images that the network is trained on.
    estimate : Estimate
    epochs : int
        Number of epochs, more than requested if the minimum number of training steps requires it; 0 if the network is
        not trained by epochs.
    """

    n_images: int = field(kw_only=True)
    estimate: Estimate = field(kw_only=True)
    epochs: int = field(default=0, kw_only=True)


@dataclass(frozen=True)
class ComparisonPlan:
    """All trainings that a comparison requests, with estimates.

    Attributes
    ----------
    runs : tuple of EstimatedRun
    seconds : float
        Time of all trainings.
    memory_bytes : int
        Peak memory in bytes.
    problem : str
        Reason why they cannot be run; empty if they can.
    n_splits : int
    device : str
        Device that will most likely be used, in words.
    instead : (TrainingSettings, ComparisonSettings, str) or None
        If weights are missing, settings with which the networks can be trained on this machine, and a sentence on them.
    epochs : int
        Number of epochs requested.
    backbones : mapping of str to float
        By network, the seconds to compute the features of its backbone, if none is computed.
    folds : int
        Number of folds; 0 without folds.
    steps : str
        As in `Comparison`.
    disk_bytes : int
        Disk space of block inputs for fine-tuning, in bytes.
    note : str
        Sentence on trainings that are estimated to be slow; else empty.
    """

    runs: tuple[EstimatedRun, ...]
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
    disk_bytes: int = 0
    note: str = ""


@dataclass(frozen=True)
class StudyOutcome:
    """A finished study.

    Attributes
    ----------
    report : Path
        File of the report.
    comparison : Comparison
    times : tuple of StageTime
    notes : tuple of str
        Sentences on how the images were read.
    """

    report: Path
    comparison: Comparison
    times: tuple[StageTime, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SearchPlan:
    """The plan of a search.

    Attributes
    ----------
    n_trials, n_images, n_pool : int
    seconds, pool_seconds : float
        Estimated, of all trials without pruning; `pool_seconds` also where the pool is not searched.
    sentence : str
    n_done : int
        Trials of an unfinished search that are done already.
    """

    n_trials: int
    n_images: int
    n_pool: int
    seconds: float
    pool_seconds: float
    sentence: str
    n_done: int = 0


@dataclass(frozen=True)
class SearchOutcome:
    """A finished search with its files.

    Attributes
    ----------
    result : SearchResult
    sentences : tuple of str
        What it shows.
    training : TrainingSettings
        How the best configuration is trained.
    table, report : Path
    """

    result: SearchResult
    sentences: tuple[str, ...]
    training: TrainingSettings
    table: Path
    report: Path
