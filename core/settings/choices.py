"""The choices of every stage, as frozen dataclasses, and their form in JSON.

One `Settings` holds every choice that the window offers and the command line takes; it stands in the
project file, in `coreset.json` and in a `--settings` file, in the same form. Unknown keys are refused.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.errors import SettingsError

ClassBudgetRule = Literal["sampler", "proportional", "equal", "square-root", "difficulty", "by-hand"]
ClusterBudgetRule = Literal["equal", "proportional", "square-root", "neyman"]
NetworkName = Literal["custom", "transfer", "head"]


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """What of a dataset is used, and how it is divided (METHOD: 70/30 test, 80/20 validation, paper 5.2).

    Attributes
    ----------
    test_fraction, validation_fraction : float
        0 <= fraction < 1. Validation is a share of what is left for training. Ignored for a split that was brought.
    split_seed : int
        >= 0.
    group_pattern : str
        Regular expression over the relative path; what its first group (or the whole match) finds names the
        group, such as a patient, that is never divided. Empty: no groups (a CSV's `group` column still counts).
    left_out_classes : tuple of str
        Classes that are not used.
    left_out_images : tuple of str
        Relative paths of single images that are not used, such as a copy or one with a doubtful label.
    keep_one_of_duplicates : bool
        Use only the first (in path order) of images with the same pixels; where they stand under two labels, none.
    drop_leaks : bool
        With a split that was brought: leave out train and validation copies of test images.
    near_duplicates_together : bool
        Never divide near-duplicates between the sets.
    near_duplicate_bits : int
        Largest Hamming distance of two perceptual hashes (64 bits) that counts as a near-duplicate.
    """

    test_fraction: float = 0.3
    validation_fraction: float = 0.2
    split_seed: int = 0
    group_pattern: str = ""
    left_out_classes: tuple[str, ...] = ()
    left_out_images: tuple[str, ...] = ()
    keep_one_of_duplicates: bool = False
    drop_leaks: bool = False
    near_duplicates_together: bool = False
    near_duplicate_bits: int = 2

    def __post_init__(self) -> None:
        _share("test_fraction", self.test_fraction)
        _share("validation_fraction", self.validation_fraction)
        _at_least("split_seed", self.split_seed, 0)
        _at_least("near_duplicate_bits", self.near_duplicate_bits, 0)


@dataclass(frozen=True, kw_only=True)
class FeatureSettings:
    """Which extractors look at the images, and how their output is reduced (paper 4.1, 4.2).

    Attributes
    ----------
    extractors : tuple of str
        Names from the registry, one or several; several are joined as views.
    variance : float
        0 < variance <= 1: the cumulative explained variance that PCA keeps per class.
    untrained : bool
        Use seeded random weights instead of trained ones. For tests only; every result says so.
    """

    extractors: tuple[str, ...] = ("vgg16",)
    variance: float = 0.95
    untrained: bool = False

    def __post_init__(self) -> None:
        if not self.extractors:
            raise SettingsError("No extractor is chosen; choose at least one, such as colour-texture.")
        if not 0 < self.variance <= 1:
            raise SettingsError(f"variance is {self.variance}; it is a share above 0 and at most 1, such as 0.95.")


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """K-Medoids per class and the choice of k (paper 4.3).

    Attributes
    ----------
    k_max : int
        >= 2; k runs from 2 to min(k_max, n - 1).
    k_by_class : mapping of str to int
        The user's own k for single classes.
    seed : int
        >= 0.
    """

    k_max: int = 10
    k_by_class: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        _at_least("k_max", self.k_max, 2)
        _at_least("cluster seed", self.seed, 0)
        for name, k in self.k_by_class.items():
            _at_least(f"k of class {name!r}", k, 1)


@dataclass(frozen=True, kw_only=True)
class SelectionSettings:
    """How the coreset is chosen from the pool.

    Attributes
    ----------
    sampler : str
        A name from the registry of samplers.
    fraction : float
        0 < fraction <= 1, of the pool.
    images : int or None
        The total budget as a number of images; where given it replaces `fraction`.
    seed : int
        >= 0.
    budget_over_classes : str
        ``"sampler"`` is the sampler's own rule (proportional, except where its file says otherwise).
    budget_over_clusters : str
        For samplers that draw from clusters; ``"equal"`` is the paper's water-filling.
    fraction_by_class : mapping of str to float
        With ``"by-hand"``: the fraction of each class's pool; classes not named use `fraction`.
    at_least_one : bool
        Give every class one image first, where the total allows it.
    beta : float
        >= 0; exponent of the difficulty rule: 0 proportional, 1/2 leans towards rare kinds.
    mu : float
        0 <= mu <= 1; balanced herding's share of "every cluster counts the same".
    pinned_in, pinned_out : tuple of str
        Relative paths of images that are always or never chosen, inside their class's budget.
    """

    sampler: str = "intelligent"
    fraction: float = 0.25
    images: int | None = None
    seed: int = 0
    budget_over_classes: ClassBudgetRule = "sampler"
    budget_over_clusters: ClusterBudgetRule = "equal"
    fraction_by_class: Mapping[str, float] = field(default_factory=dict)
    at_least_one: bool = True
    beta: float = 0.25
    mu: float = 0.25
    pinned_in: tuple[str, ...] = ()
    pinned_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("", self.fraction), *self.fraction_by_class.items()):
            if not 0 < value <= 1:
                of = f" of class {name!r}" if name else ""
                raise SettingsError(
                    f"The fraction{of} is {value}; it is a share of the pool above 0 and at most 1, such as 0.05."
                )
        if self.images is not None:
            _at_least("images", self.images, 1)
        _at_least("selection seed", self.seed, 0)
        if not (math.isfinite(self.beta) and self.beta >= 0 and 0 <= self.mu <= 1):
            raise SettingsError(f"beta is {self.beta} and mu is {self.mu}; beta is at least 0, mu from 0 to 1.")
        both = set(self.pinned_in) & set(self.pinned_out)
        if both:
            raise SettingsError(f"{min(both)} is pinned in and pinned out; take one of the two back.")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How the networks are trained (paper, Listings 1 and 2; what the paper leaves open is ours, METHOD 1.6).

    Attributes
    ----------
    image_size : int
        Side of the square input in pixels; 256 in the paper.
    epochs, min_steps, batch_size : int
        As many epochs as asked, but never fewer than `min_steps` steps of `batch_size` images.
    learning_rate : float
        Start of the cosine decay to 0 (Adam).
    dropout : float
        After the pools; before batch normalisation it is `dropout_before_norm`.
    norm_momentum : float
        Momentum of batch normalisation.
    backbone : str
        Extractor that the transfer network stands on; ``resnet101v2`` is the paper's.
    untrained_backbone : bool
        Use seeded random weights in the backbone; every result says so.
    judge_extractor : str
        Extractor whose across-class embeddings the `head` is trained on; empty: the first one chosen.
    """

    image_size: int = 256
    epochs: int = 25
    min_steps: int = 750
    batch_size: int = 32
    learning_rate: float = 0.002
    dropout: float = 0.1
    dropout_before_norm: float = 0.0
    norm_momentum: float = 0.9
    backbone: str = "resnet101v2"
    untrained_backbone: bool = False
    judge_extractor: str = ""

    def __post_init__(self) -> None:
        _at_least("image_size", self.image_size, 32)
        _at_least("epochs", self.epochs, 1)
        _at_least("min_steps", self.min_steps, 0)
        _at_least("batch_size", self.batch_size, 1)
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise SettingsError(f"learning_rate is {self.learning_rate}; it is above 0, such as 0.002.")
        for name in ("dropout", "dropout_before_norm", "norm_momentum"):
            _share(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """Which trainings stand beside each other (METHOD 4).

    Attributes
    ----------
    samplers : tuple of str
    fractions : tuple of float
        Of the pool; 1 is the pool itself, trained once per network and repetition whatever the sampler.
    networks : tuple of {"custom", "transfer", "head"}
    repetitions : int
        Repetition r seeds selection, initial weights and shuffling together; rows share it and are paired.
    splits : int
        >= 1: into how many divisions of the images all of this is done. Split s has the split seed
        ``data.split_seed + s``. A split that was brought is the only one.
    difference_of_interest : float
        Accuracy difference for which the needed repetitions are told; 0.01 is one point.
    controls : bool
        Add stratified random, and matched random for samplers with budgets of their own.
    """

    samplers: tuple[str, ...] = ("random", "intelligent")
    fractions: tuple[float, ...] = (0.25, 1.0)
    networks: tuple[NetworkName, ...] = ("custom", "transfer")
    repetitions: int = 1
    splits: int = 1
    difference_of_interest: float = 0.01
    controls: bool = True

    def __post_init__(self) -> None:
        _at_least("repetitions", self.repetitions, 1)
        _at_least("splits", self.splits, 1)
        for value in self.fractions:
            if not 0 < value <= 1:
                raise SettingsError(f"A fraction is {value}; it is a share of the pool above 0 and at most 1.")
        if not (self.samplers and self.fractions and self.networks):
            raise SettingsError("A comparison wants at least one sampler, one fraction and one network.")


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """What an export holds.

    Attributes
    ----------
    files : {"copy", "hardlink", "symlink", "list"}
        How images get there; ``"list"`` writes only the lists.
    with_split : bool
        Put the coreset into `train/`, with `val/` and `test/` beside it.
    remainder : bool
        Also write the images of the pool that were not chosen, into `remainder/`.
    private : bool
        No original file name leaves: names become hashes in files, lists and report.
    """

    files: Literal["copy", "hardlink", "symlink", "list"] = "copy"
    with_split: bool = False
    remainder: bool = False
    private: bool = False


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every choice of every stage."""

    data: DataSettings = field(default_factory=DataSettings)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    clusters: ClusterSettings = field(default_factory=ClusterSettings)
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    comparison: ComparisonSettings = field(default_factory=ComparisonSettings)
    export: ExportSettings = field(default_factory=ExportSettings)


def _share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise SettingsError(f"{name} is {value}; it is a share from 0 to below 1, such as 0.2.")


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise SettingsError(f"{name} is {value}; it is a whole number of at least {least}.")
