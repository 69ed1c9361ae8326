"""The choices of every stage, as frozen dataclasses, each with its facts.

One `Settings` contains every choice that the window offers and the command line takes; it is in the
project file, in `coreset.json` and in a `--settings` file, in the same form. Unknown keys are refused.

A choice added later is a field with a *neutral* value, what the program did before: see `core.descriptions.Choice`.
What only one sampler, network or other description reads is a field of that description's own settings, and is in
`own` here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from coreset_studio.core.descriptions.choice import SettingsPart, choice, own
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.settings.data import A_COUNT, DataSettings
from coreset_studio.core.settings.earlier import EarlierCoreset
from coreset_studio.core.settings.quality import QualitySettings
from coreset_studio.core.settings.search import SearchSettings
from coreset_studio.core.settings.training import TrainingSettings

_ONE = "a whole number of at least 1"

ClassBudgetRule = Literal[
    "recommended", "sampler", "proportional", "equal", "square-root", "equal-then-square-root",
    "square-root-difficulty", "difficulty", "by-hand",
]  # fmt: skip
# Rules that require the difficulty of each class.
BY_DIFFICULTY = ("difficulty", "square-root-difficulty")
ClusterBudgetRule = Literal["equal", "proportional", "square-root", "neyman"]
NetworkName = str

SAMPLE_OF_LARGE = 5_000
"""Images of a class beyond `ClusterSettings.exact_up_to` that are clustered together."""
SMALLEST_LIMIT = 100
"""The lowest limit of exact stages: parts of fewer images would say little about a class."""


@dataclass(frozen=True, kw_only=True)
class FeatureSettings(SettingsPart):
    """Which extractors look at the images, and how their output is reduced (paper 4.1, 4.2).

    Attributes
    ----------
    extractors : tuple of str
        Names from the registry, one or several; several are joined as views.
    variance : float
        0 < variance <= 1: the cumulative explained variance that PCA keeps per class.
    untrained : bool
        Use seeded random weights instead of trained ones. For tests only; every result is labelled.
    own : mapping of str to SettingsPart
        By extractor; see `SelectionSettings`.
    """

    extractors: tuple[str, ...] = choice(
        ("vgg16",), neutral=("vgg16",), kept=True, title="Extractors", kind="extractor", flag="--extractor",
        tip="Feature extractors to use; several are combined as views",
    )  # fmt: skip
    variance: float = choice(
        0.95, neutral=0.95, kept=True, title="Retained variance",
        tip="Fraction of the variance of each class that the reduced features retain",
        question="Features are reduced per class by PCA. The paper retains 95 % of the variance.",
        above=0, most=1, must="a fraction above 0 and at most 1, such as 0.95",
        unit=" %", factor=100, step=1, decimals=1,
    )  # fmt: skip
    untrained: bool = choice(
        False, neutral=False, kept=True, title="Untrained extractors (tests only)",
        tip="Use seeded random weights; every result says so",
    )  # fmt: skip
    own: Mapping[str, Any] = own("extractor")

    def __post_init__(self) -> None:
        if not self.extractors:
            raise SettingsError("No extractor is selected; select at least one, such as colour-texture.")
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class ClusterSettings(SettingsPart):
    """K-Medoids per class and the choice of k (paper 4.3), and up to how many images stages are exact.

    Attributes
    ----------
    k_max : int
        >= 2; k runs from 2 to min(k_max, n - 1).
    k_by_class : mapping of str to int
        The user's own k for single classes.
    seed : int
        >= 0.
    sample_above : int
        >= 0. A class of more images is clustered on a random sample of so many; 0: what `exact_up_to` states.
    exact_up_to : int
        >= 0. Clustering, selection, coverage and all that compares an image with its nearest neighbours (difficulty,
        label errors, separation, the proxy) are exact for a class (or a pool, where all classes are used together) of
        at most so many images, and use a large-scale form for more; 0: they are always exact. Which form is used
        depends on this number alone, never on the free memory.
    """

    k_max: int = choice(
        10, neutral=10, kept=True, title="Maximum number of clusters",
        tip="The maximum number of clusters per class",
        least=2, must="a whole number of at least 2", offered=(2, 50),
    )  # fmt: skip
    k_by_class: Mapping[str, int] = choice(
        factory=dict, neutral={}, kept=True, title="Clusters per class", flag="--k-of-class",
        tip="Set the number of clusters of one class",
    )  # fmt: skip
    seed: int = choice(
        0, neutral=0, kept=True, title="Cluster seed", tip="Another seed starts K-Medoids from other images",
        least=0, must=A_COUNT, flag="--cluster-seed",
    )  # fmt: skip
    sample_above: int = choice(
        0, neutral=0, title="Cluster a sample above", flag="--cluster-sample",
        tip="Larger classes are clustered on a random sample of this size, and their other images join the nearest "
            "medoid; 0: as “Exact up to” states",
        question="Clustering a full class needs 4 bytes for every pair of images: 1.6 GB for 20,000 images. A sample "
                 "of 5,000 needs 0.1 GB, whatever the class size; the clusters are then those of the sample.",
        least=0, must=A_COUNT, offered=(0, 1_000_000), step=1000, unit=" images",
    )  # fmt: skip
    exact_up_to: int = choice(
        20_000, neutral=0, title="Exact up to",
        tip="Larger classes are clustered on samples with refined medoids, and selected from in parts, and neighbours "
            "in a larger pool are approximate, so that time and memory grow in proportion to the images; 0: everything "
            "is exact",
        question="Exact clustering and selection compare every image of a class with every other: time and memory "
                 "grow with the square of the class. Beyond this number of images the program uses methods for large "
                 "data, on every computer, whatever memory is free. What they lose is stated in Help, Samplers; of the "
                 "nearest neighbours of an image about 1 in 100 is missed.",
        least=0, must=A_COUNT, offered=(0, 1_000_000), step=1000, unit=" images",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, k in self.k_by_class.items():
            if k < 1:
                raise SettingsError(f"k of class {name!r} must be {_ONE}; found {k}.")
        if 0 < self.exact_up_to < SMALLEST_LIMIT:
            raise SettingsError(
                f"“Exact up to” must be 0 (every class is processed exactly) or at least {SMALLEST_LIMIT}, such as "
                f"20000; found {self.exact_up_to}."
            )

    def is_large(self, n_images: int) -> bool:
        """Return whether so many images are more than stages process exactly."""
        return 0 < self.exact_up_to < n_images

    def form_for(self, n_images: int) -> Literal["whole", "sample", "refined"]:
        """Return how a class of so many images is clustered.

        ``"sample"`` is what `sample_above` states, ``"refined"`` the form beyond `exact_up_to`: a sample whose medoids
        are then refined on all images.
        """
        if 0 < self.sample_above < n_images:
            return "sample"
        return "refined" if self.sample_above == 0 and self.is_large(n_images) else "whole"

    def sample_for(self, n_images: int) -> int:
        """Return on how many images a class of so many is clustered first."""
        sizes = {"whole": n_images, "sample": self.sample_above, "refined": min(SAMPLE_OF_LARGE, self.exact_up_to)}
        return sizes[self.form_for(n_images)]


@dataclass(frozen=True, kw_only=True)
class SelectionSettings(SettingsPart):
    """How the coreset is selected from the pool.

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
        ``"recommended"`` is the rule that measurements recommend for the sampler; ``"sampler"`` is its own rule, which
        were used here before there were others (proportional, except where its file says otherwise). They are the same
        for most samplers: see `core.selection.description.Sampler.budget_rule`.
    fraction_by_class : mapping of str to float
        With ``"by-hand"``: the fraction of each class's pool; classes not named use `fraction`.
    at_least_one : bool
        Give every class one image first, where the total allows it.
    beta : float
        >= 0; exponent of the difficulty rule: 0 proportional, 1/2 leans towards rare kinds.
    pinned_in, pinned_out : tuple of str
        Relative paths of images that are always or never selected, inside their class's budget.
    continue_from : EarlierCoreset or None
        Images of an earlier coreset that are selected first; the sampler selects the others to go with them.
    own : mapping of str to SettingsPart
        By sampler, the settings that it alone reads, where they are not its defaults; see `own_settings`.
    """

    sampler: str = choice(
        "intelligent", neutral="intelligent", kept=True, title="Sampler", kind="sampler",
        tip="The rule that selects the images; intelligent is that of the paper",
    )  # fmt: skip
    fraction: float = choice(
        0.25, neutral=0.25, kept=True, title="Fraction", tip="Fraction of the pool to select",
        above=0, most=1, must="a fraction of the pool above 0 and at most 1, such as 0.05",
        unit=" %", factor=100, step=1, decimals=2,
    )  # fmt: skip
    images: int | None = choice(
        None, neutral=None, kept=True, title="Images", tip="Number of images to select instead of a fraction",
        least=1, must=_ONE,
    )  # fmt: skip
    seed: int = choice(
        0, neutral=0, kept=True, title="Seed",
        tip="Another seed gives another random selection, if the sampler is random",
        least=0, must=A_COUNT,
    )  # fmt: skip
    budget_over_classes: ClassBudgetRule = choice(
        "recommended", neutral="sampler", kept=True, title="Class budgets",
        tip="How the images are distributed among the classes; recommended is the rule that our benchmark recommends "
            "for the sampler, sampler is its own rule; they are the same for most samplers",
        values={
            "recommended": "As recommended for the sampler", "sampler": "The sampler's own rule",
            "proportional": "Proportional to class size", "equal": "Equal for all classes",
            "square-root": "Square root of class size",
            "equal-then-square-root": "Equal up to 10 images, then square root",
            "square-root-difficulty": "Square root, more for harder classes",
            "difficulty": "More for harder classes", "by-hand": "Set by hand",
        },
    )  # fmt: skip
    fraction_by_class: Mapping[str, float] = choice(
        factory=dict, neutral={}, kept=True, title="Fraction of a class", flag="--fraction-of-class",
        tip="With budgets set by hand: the fraction of one class; other classes use the overall fraction",
    )  # fmt: skip
    at_least_one: bool = choice(
        True, neutral=True, kept=True, title="At least one image per class",
        tip="Select one image of every class first, if the total allows it",
    )  # fmt: skip
    beta: float = choice(
        0.25, neutral=0.25, kept=True, title="β, weight of difficulty",
        question="0 keeps the class proportions; ½ favours rare subclasses. ¼ is close to the best for both.",
        tip="Exponent of budgets by difficulty: 0 is proportional, 0.5 favours rare subclasses",
        least=0, must="at least 0", step=0.05, decimals=2, offered=(0, 4),
    )  # fmt: skip
    pinned_in: tuple[str, ...] = choice(
        (), neutral=(), kept=True, title="Pinned in", flag="--pin-in",
        tip="An image that is always selected, by its path in the dataset",
    )  # fmt: skip
    pinned_out: tuple[str, ...] = choice(
        (), neutral=(), kept=True, title="Pinned out", flag="--pin-out",
        tip="An image that is never selected, by its path in the dataset",
    )  # fmt: skip
    continue_from: EarlierCoreset | None = choice(
        None, neutral=None, title="Continue from", typed="FILE",
        from_file="coreset_studio.core.output.continuing:earlier_from_file",
        tip="The coreset.json of an earlier export: its images are kept, and only the others are selected",
        question="Images are found by their content, so that they may have been moved or renamed. Those that are gone, "
                 "were changed, or are not in the pool any more are listed in a note.",
    )  # fmt: skip
    own: Mapping[str, Any] = own("sampler")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in self.fraction_by_class.items():
            if not 0 < value <= 1:
                raise SettingsError(
                    f"The fraction of class {name!r} must be a fraction of the pool above 0 and at most 1, such as "
                    f"0.05; found {value}."
                )
        both = set(self.pinned_in) & set(self.pinned_out)
        if both:
            raise SettingsError(f"{min(both)} is pinned in and pinned out; unpin one of the two.")


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings(SettingsPart):
    """Which trainings are compared (METHOD 4).

    Attributes
    ----------
    samplers : tuple of str
    fractions : tuple of float
        Of the pool; 1 is the pool itself, trained once per network and repetition for all samplers.
    networks : tuple of str
        Names from the registry of networks.
    repetitions : int
        Repetition r seeds selection, initial weights and shuffling together; rows share it and are paired.
    splits : int
        >= 1: into how many divisions of the images all of this is done. Split s has the split seed
        ``data.split_seed + s``. A predefined split is the only one. 1 where the images are divided into folds
        (`DataSettings.folds`), each of which is a split.
    difference_of_interest : float
        Accuracy difference for which the needed repetitions are reported; 0.01 is one point.
    controls : bool
        Add stratified random, and matched random for samplers with budgets of their own.
    onnx : bool
        Also write each network that is saved as a model bundle as an ONNX file.
    """

    samplers: tuple[str, ...] = choice(
        ("random", "intelligent"), neutral=("random", "intelligent"), kept=True, title="Samplers", kind="sampler",
        question="Stratified random is the baseline for every claim. Matched random uses a sampler's own class "
                 "budgets, which separates the gain of the budgets from the gain of the sampler.",
        tip="Samplers to compare; stratified and matched random are added as baselines",
    )  # fmt: skip
    fractions: tuple[float, ...] = choice(
        (0.25, 1.0), neutral=(0.25, 1.0), kept=True, title="Fractions of the pool",
        tip="Fractions of the pool to select; 100 % trains on the whole pool", unit=" %", factor=100,
    )  # fmt: skip
    networks: tuple[NetworkName, ...] = choice(
        ("custom", "transfer"), neutral=("custom", "transfer"), kept=True, title="Networks", kind="network",
        tip="Networks to train on each coreset",
    )  # fmt: skip
    repetitions: int = choice(
        1, neutral=1, kept=True, title="Repetitions",
        tip="Each repetition has its own seed for selection, weights and shuffling",
        least=1, must=_ONE, flag="--seeds", offered=(1, 100),
    )  # fmt: skip
    # Excluded where it is 1 from the beginning, so that what was kept before there was a choice is still current.
    splits: int = choice(
        1, neutral=1, title="Splits",
        tip="Number of random splits into pool and test images to repeat the comparison on, each with its own seed; "
            "five show the random variation between splits",
        least=1, must=_ONE, offered=(1, 50),
    )  # fmt: skip
    difference_of_interest: float = choice(
        0.01, neutral=0.01, kept=True, title="Difference of interest",
        tip="The difference in accuracy for which the required number of repetitions is reported",
        unit=" points", factor=100, step=0.1, decimals=1, offered=(0.001, 0.2),
    )  # fmt: skip
    controls: bool = choice(
        True, neutral=True, kept=True, title="Add baselines",
        tip="Add stratified random, and matched random for samplers with budgets of their own",
    )  # fmt: skip
    onnx: bool = choice(
        False, neutral=False, title="Also save networks as ONNX",
        tip="Adds model.onnx to each saved network, for other programs; only if it gives the same probabilities as the "
            "Keras model on validation images",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for value in self.fractions:
            if not 0 < value <= 1:
                raise SettingsError(f"A fraction must be above 0 and at most 1, of the pool; found {value}.")
        if not (self.samplers and self.fractions and self.networks):
            raise SettingsError("A comparison requires at least one sampler, one fraction and one network.")


@dataclass(frozen=True, kw_only=True)
class ExportSettings(SettingsPart):
    """Contents of an export.

    Attributes
    ----------
    files : str
        How images get there, from the registry of export formats; ``"list"`` writes only the lists.
    with_split : bool
        Put the coreset into `train/`, with `val/` and `test/` next to it.
    remainder : bool
        Also write the images of the pool that were not selected, into `remainder/`.
    private : bool
        No original file name leaves: names become hashes in files, lists and report.
    probabilities_and_weights : bool
        Add to the list a teacher's out-of-fold probability of each class, and the share of the pool that each selected
        image represents.
    dicom_headers : bool
        Copy or link DICOM files as they are, with headers that may identify patients, instead of writing their pixels
        as PNG. Never in a private export.
    own : mapping of str to SettingsPart
        By export format; see `SelectionSettings`.
    """

    files: str = choice(
        "copy", neutral="copy", kept=True, title="Files", kind="export format",
        tip="How the images are written to the folder",
    )  # fmt: skip
    with_split: bool = choice(
        False, neutral=False, kept=True, title="With the split",
        tip="Write the coreset to train/, with val/ and test/ next to it",
    )  # fmt: skip
    remainder: bool = choice(
        False, neutral=False, kept=True, title="With the remainder",
        tip="Write the images of the pool that were not selected to remainder/",
    )  # fmt: skip
    private: bool = choice(
        False, neutral=False, kept=True, title="Private",
        tip="Replace all names by hashes, and remove metadata from the images",
    )  # fmt: skip
    probabilities_and_weights: bool = choice(
        False, neutral=False, title="With probabilities and weights",
        tip="Adds to coreset.csv the class probabilities estimated by a teacher that has not seen the image, and the "
            "fraction of the pool that each selected image represents",
    )  # fmt: skip
    dicom_headers: bool = choice(
        False, neutral=False, title="DICOM files with headers",
        tip="Copies or links DICOM files as they are, with the names and dates in their headers; otherwise their "
            "pixels are written as PNG without any header",
    )  # fmt: skip
    own: Mapping[str, Any] = own("export format")


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
    quality: QualitySettings = field(default_factory=QualitySettings)
    search: SearchSettings = field(default_factory=SearchSettings)
