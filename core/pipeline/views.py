"""Data for the window and the command line before and after a run: plain dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.results import Comparison, Estimate, StageTime
from core.settings import ComparisonSettings, TrainingSettings


@dataclass(frozen=True)
class ExtractorFact:
    """One extractor on this dataset and this machine.

    Attributes
    ----------
    weights_state : str
        ``"needs none"``, ``"verified"``, ``"unverified"``, ``"unverified model"``, ``"missing"``,
        ``"unusable"``; ``"broken"``: the code of a plugin's extractor fails.
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
class PlannedView:
    """One training that a comparison requests, with estimates.

    `epochs` are those that it will have, more than requested where the least number of steps rules; 0 where the network
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
    """All trainings that a comparison requests; `problem` states why they cannot be done, or is empty.

    `device` is what will most likely compute, in words. `instead` are training and comparison settings with which the
    networks work on this machine, where weights are missing, and a sentence on what they use; None where none are.
    `epochs` is the number requested. `backbones` are the seconds, by network, that the features of its backbone take
    once, where none is computed. `folds` is the number of folds, 0 where the splits are none; `steps` is
    as in `Comparison`. `disk_bytes` is the disk space of block inputs for fine-tuning; `note` is a
    sentence on trainings that are estimated to be slow.
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
    disk_bytes: int = 0
    note: str = ""


@dataclass(frozen=True)
class StudyOutcome:
    """A finished study: its report and sentences, and how images were read."""

    report: Path
    comparison: Comparison
    times: tuple[StageTime, ...]
    notes: tuple[str, ...] = ()
