"""Data for the window and the command line before and after a run: plain dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.results import Comparison, Estimate, StageTime
from core.settings import ComparisonSettings, TrainingSettings

SEEDS_A_SPLIT = 1000


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
    """All trainings that a comparison requests; `problem` states why they cannot be done, or is empty.

    `device` is what will most likely compute, in words. `instead` are training and comparison settings with which the
    networks work on this machine, where weights are missing, and a sentence on what they use; None where none are.
    `epochs` is the number requested. `backbones` are the seconds, by network, that the features of its backbone take
    once, where none is computed. `folds` is the number of folds, 0 where the splits are none; `steps` is
    as in `Comparison`. `disk_bytes` is the disk space of block inputs for fine-tuning; `note` is a
    sentence on trainings that are estimated to be slow.
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
    """A finished study: its report and sentences, and how images were read."""

    report: Path
    comparison: Comparison
    times: tuple[StageTime, ...]
    notes: tuple[str, ...] = ()
