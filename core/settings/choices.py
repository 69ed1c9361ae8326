"""The choices of every stage, as frozen dataclasses, each with its facts.

One `Settings` holds every choice that the window offers and the command line takes; it stands in the
project file, in `coreset.json` and in a `--settings` file, in the same form. Unknown keys are refused.

A choice added later is a field with a *neutral* value, what the program did before: see `core.descriptions.Choice`.
What only one sampler, network or other description reads is a field of that description's own settings, and stands in
`own` here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.descriptions.choice import SettingsPart, choice, own
from core.errors import SettingsError
from core.settings.levels import check_pages, parse_alpha, parse_levels
from core.settings.training import TrainingSettings

ClassBudgetRule = Literal[
    "recommended", "sampler", "proportional", "equal", "square-root", "equal-then-square-root",
    "square-root-difficulty", "difficulty", "by-hand",
]  # fmt: skip
# Rules that want to know how hard each class is.
BY_DIFFICULTY = ("difficulty", "square-root-difficulty")
ClusterBudgetRule = Literal["equal", "proportional", "square-root", "neyman"]
NetworkName = str

_SHARE = "a share from 0 to below 1, such as 0.2"
_COUNT = "a whole number of at least 0"
_ONE = "a whole number of at least 1"


@dataclass(frozen=True, kw_only=True)
class DataSettings(SettingsPart):
    """What of a dataset is used, and how it is divided (METHOD: 70/30 test, 80/20 validation, paper 5.2).

    Attributes
    ----------
    test_fraction, validation_fraction : float
        0 <= fraction < 1. Validation is a share of what is left for training. Ignored for a split that was brought.
    split_seed : int
        >= 0.
    folds : int or None
        None: the test images are drawn, `test_fraction` of them. At least 2: all images are divided into so many folds,
        of which each is the test set once in a comparison; everything else has the first fold as its test images.
        Refused for a split that was brought.
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
    grey_levels : tuple of str
        Which stored values of files of more than 8 bits become black and white: a rule, ranges, or both; see
        `core.settings.levels.parse_levels`. After a scan ranges of single kinds of file say what was fixed.
    alpha : tuple of str
        What becomes of transparent parts; see `core.settings.levels.parse_alpha`.
    pages : str
        Which page of a file of several is read: ``"first"``, a number from 1, ``"max"``, ``"mean"``, ``"channels"``.
    layout : str
        What the folders of a folder of images stand for, from the top, with slashes between; ``"auto"`` takes the
        likeliest reading and says so, ``"plain"`` reads train and test folders by these names alone and takes every
        other folder as a class. See `core.data.layouts`.
    leave_out_masks : bool
        In a folder: leave out images that are masks of others, by name and content.
    own : mapping of str to SettingsPart
        By source; see `SelectionSettings`.
    """

    test_fraction: float = choice(
        0.3, neutral=0.3, kept=True, title="Test images", tip="Share of each class that is kept for testing",
        least=0, below=1, must=_SHARE, unit=" %", factor=100, step=5, decimals=1, offered=(0, 0.9),
    )  # fmt: skip
    validation_fraction: float = choice(
        0.2, neutral=0.2, kept=True, title="Validation images",
        tip="Share of the training images that picks the best epoch, and does nothing else",
        least=0, below=1, must=_SHARE, unit=" %", factor=100, step=5, decimals=1, offered=(0, 0.9),
    )  # fmt: skip
    split_seed: int = choice(
        0, neutral=0, kept=True, title="Seed of the split", tip="Another seed, another division of the images",
        least=0, must=_COUNT,
    )  # fmt: skip
    folds: int | None = choice(
        None, neutral=None, title="Folds",
        tip="Divide the images into so many folds, each of which is the test set once in a comparison, instead of "
        "drawing test images; not set: no folds",
        question="With 5 folds every image is tested on once, and each training has four fifths of the images. Several "
        "splits draw their test images anew each time, so that some are tested on more often than others.",
        least=2, must="a whole number of at least 2", offered=(2, 50),
    )  # fmt: skip
    group_pattern: str = choice(
        "", neutral="", kept=True, title="Groups",
        tip="Regular expression over paths that names a patient or slide, which is never divided",
    )  # fmt: skip
    left_out_classes: tuple[str, ...] = choice(
        (), neutral=(), kept=True, title="Classes left out", tip="Classes that are not used", flag="--leave-out-class"
    )
    left_out_images: tuple[str, ...] = choice(
        (), neutral=(), kept=True, title="Images left out",
        tip="Single images that are not used, by their path in the dataset", flag="--leave-out-image",
    )  # fmt: skip
    keep_one_of_duplicates: bool = choice(
        False, neutral=False, kept=True, title="Keep one of each copy",
        tip="Of images with the same pixels use the first; where they stand under two labels, none",
    )  # fmt: skip
    drop_leaks: bool = choice(
        False, neutral=False, kept=True, title="Leave out leaks",
        tip="With a split that was brought: leave out train and validation copies of test images",
    )  # fmt: skip
    near_duplicates_together: bool = choice(
        False, neutral=False, kept=True, title="Keep near-duplicates on one side",
        tip="Never divide images that look nearly the same between the sets",
    )  # fmt: skip
    near_duplicate_bits: int = choice(
        2, neutral=2, kept=True, title="Tolerance for near-duplicates",
        tip="0 finds images that look the same; more also finds edited, scaled or compressed ones. In differing bits "
        "of a perceptual hash of 64",
        least=0, must=_COUNT, offered=(0, 16), unit=" bits",
    )  # fmt: skip
    grey_levels: tuple[str, ...] = choice(
        ("used",), neutral=("declared",), title="Grey levels of more than 8 bits", typed="RULE",
        tip="Which values of 12-bit, 16-bit or floating-point files become black and white: used (the range that all "
        "files of a kind use together), declared (all bits of the format), percentiles:0.1:99.9, a range such as "
        "0:4095, or that of one kind of file such as 16-bit-tiff=0:4095",
    )  # fmt: skip
    alpha: tuple[str, ...] = choice(
        ("auto",), neutral=("white",), title="Transparent parts", typed="RULE",
        tip="white puts them on white, ignore leaves the alpha channel out, auto ignores one that is 0 everywhere; for "
        "one kind of file such as alpha-png=ignore",
    )  # fmt: skip
    pages: str = choice(
        "first", neutral="first", title="Pages of a file",
        tip="What is read of a file of several pages or frames: first, the number of a page, max or mean (over all), "
        "channels (three pages as red, green and blue), or each (every page is an image of its own)",
    )  # fmt: skip
    layout: str = choice(
        "auto", neutral="plain", title="What the folders are",
        tip="What the levels of folders stand for; the likeliest reading is taken, and said, where it is automatic",
        values={
            "auto": "Automatic", "classes": "Classes", "split/classes": "Sets, classes inside",
            "groups/classes": "Patients, classes inside", "classes/groups": "Classes, patients inside",
            "any/classes": "Anything, classes inside", "classes/split": "Classes, sets inside",
            "split/groups/classes": "Sets, patients, classes", "split/classes/groups": "Sets, classes, patients",
            "plain": "As in earlier projects",
        },
    )  # fmt: skip
    leave_out_masks: bool = choice(
        True, neutral=False, title="Leave masks out",
        tip="In a folder, leave out images that are masks of others: named as these with _mask or the like, or in a "
        "folder of masks beside, and nearly two-valued",
    )  # fmt: skip
    own: Mapping[str, Any] = own("source")

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_levels(self.grey_levels)
        parse_alpha(self.alpha)
        check_pages(self.pages)


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
        Use seeded random weights instead of trained ones. For tests only; every result says so.
    own : mapping of str to SettingsPart
        By extractor; see `SelectionSettings`.
    """

    extractors: tuple[str, ...] = choice(
        ("vgg16",), neutral=("vgg16",), kept=True, title="Extractors", kind="extractor", flag="--extractor",
        tip="What describes the images; several are joined as views",
    )  # fmt: skip
    variance: float = choice(
        0.95, neutral=0.95, kept=True, title="Variance kept",
        tip="Share of each class's variance that the reduced features keep",
        question="Features are reduced per class by PCA. The paper keeps 95 % of the variance.",
        above=0, most=1, must="a share above 0 and at most 1, such as 0.95", unit=" %", factor=100, step=1, decimals=1,
    )  # fmt: skip
    untrained: bool = choice(
        False, neutral=False, kept=True, title="Untrained extractors, for tests",
        tip="Seeded random weights; every result says so",
    )  # fmt: skip
    own: Mapping[str, Any] = own("extractor")

    def __post_init__(self) -> None:
        if not self.extractors:
            raise SettingsError("No extractor is chosen; choose at least one, such as colour-texture.")
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class ClusterSettings(SettingsPart):
    """K-Medoids per class and the choice of k (paper 4.3).

    Attributes
    ----------
    k_max : int
        >= 2; k runs from 2 to min(k_max, n - 1).
    k_by_class : mapping of str to int
        The user's own k for single classes.
    seed : int
        >= 0.
    sample_above : int
        >= 0. A class of more images is clustered on a random sample of so many; 0: no class is.
    """

    k_max: int = choice(
        10, neutral=10, kept=True, title="Largest number of clusters",
        tip="The largest number of clusters to try, of every class",
        least=2, must="a whole number of at least 2", offered=(2, 50),
    )  # fmt: skip
    k_by_class: Mapping[str, int] = choice(
        factory=dict, neutral={}, kept=True, title="Clusters of a class", flag="--k-of-class",
        tip="A number of clusters of your own for one class",
    )  # fmt: skip
    seed: int = choice(
        0, neutral=0, kept=True, title="Seed of the clusters", tip="Another seed starts K-Medoids from other images",
        least=0, must=_COUNT, flag="--cluster-seed",
    )  # fmt: skip
    sample_above: int = choice(
        0, neutral=0, title="Cluster a sample of classes above", flag="--cluster-sample",
        tip="A class of more images is clustered on a random sample of so many, and its other images join the nearest "
        "medoid; 0: every class is clustered whole",
        question="Clustering a whole class takes 4 bytes for every pair of its images: 1.6 GB at 20,000 images. "
        "A sample of 5,000 takes 0.1 GB, whatever the size of the class; the clusters are then those of the sample.",
        least=0, must=_COUNT, offered=(0, 1_000_000), step=1000, unit=" images",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, k in self.k_by_class.items():
            if k < 1:
                raise SettingsError(f"k of class {name!r} is {k}; it is {_ONE}.")


@dataclass(frozen=True, kw_only=True)
class SelectionSettings(SettingsPart):
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
        ``"recommended"`` is the rule that measurements recommend for the sampler; ``"sampler"`` is its own rule, which
        stood here before there were others (proportional, except where its file says otherwise). They are the same
        for most samplers: see `core.selection.description.Sampler.budget_rule`.
    fraction_by_class : mapping of str to float
        With ``"by-hand"``: the fraction of each class's pool; classes not named use `fraction`.
    at_least_one : bool
        Give every class one image first, where the total allows it.
    beta : float
        >= 0; exponent of the difficulty rule: 0 proportional, 1/2 leans towards rare kinds.
    pinned_in, pinned_out : tuple of str
        Relative paths of images that are always or never chosen, inside their class's budget.
    own : mapping of str to SettingsPart
        By sampler, the settings that it alone reads, where they are not its defaults; see `own_settings`.
    """

    sampler: str = choice(
        "intelligent", neutral="intelligent", kept=True, title="Sampler", kind="sampler",
        tip="The rule that chooses; intelligent is the paper's",
    )  # fmt: skip
    fraction: float = choice(
        0.25, neutral=0.25, kept=True, title="Fraction", tip="Share of the pool that is chosen",
        above=0, most=1, must="a share of the pool above 0 and at most 1, such as 0.05",
        unit=" %", factor=100, step=1, decimals=2,
    )  # fmt: skip
    images: int | None = choice(
        None, neutral=None, kept=True, title="Images", tip="A number of images instead of a fraction",
        least=1, must=_ONE,
    )  # fmt: skip
    seed: int = choice(
        0, neutral=0, kept=True, title="Seed", tip="Another seed, another draw, where the sampler draws",
        least=0, must=_COUNT,
    )  # fmt: skip
    budget_over_classes: ClassBudgetRule = choice(
        "recommended", neutral="sampler", kept=True, title="Budget over classes",
        tip="How the images are shared out among the classes; recommended is the rule that measurements recommend for "
        "the sampler, sampler its own, which are the same for most",
        values={
            "recommended": "As recommended for the sampler", "sampler": "The sampler's own rule",
            "proportional": "Proportional to the class", "equal": "Equal for every class",
            "square-root": "Square root of the class",
            "equal-then-square-root": "Equal up to 10 images, then square root",
            "square-root-difficulty": "Square root, more for harder classes",
            "difficulty": "More for harder classes", "by-hand": "By hand",
        },
    )  # fmt: skip
    fraction_by_class: Mapping[str, float] = choice(
        factory=dict, neutral={}, kept=True, title="Fraction of a class", flag="--fraction-of-class",
        tip="With the budget by hand: the share of one class's images; other classes have the fraction of all",
    )  # fmt: skip
    at_least_one: bool = choice(
        True, neutral=True, kept=True, title="Every class gives one image",
        tip="Give every class one image first, where the total allows it",
    )  # fmt: skip
    beta: float = choice(
        0.25, neutral=0.25, kept=True, title="β, how much harder classes get",
        question="0 keeps the classes' shares; ½ leans towards rare kinds. ¼ gives nearly the best of both.",
        tip="Exponent of budgets by difficulty: 0 is proportional, 0.5 leans towards rare kinds",
        least=0, must="at least 0", step=0.05, decimals=2, offered=(0, 4),
    )  # fmt: skip
    pinned_in: tuple[str, ...] = choice(
        (), neutral=(), kept=True, title="Pinned in", flag="--pin-in",
        tip="An image that is always chosen, by its path in the dataset",
    )  # fmt: skip
    pinned_out: tuple[str, ...] = choice(
        (), neutral=(), kept=True, title="Pinned out", flag="--pin-out",
        tip="An image that is never chosen, by its path in the dataset",
    )  # fmt: skip
    own: Mapping[str, Any] = own("sampler")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in self.fraction_by_class.items():
            if not 0 < value <= 1:
                raise SettingsError(
                    f"The fraction of class {name!r} is {value}; it is a share of the pool above 0 and at most 1, "
                    "such as 0.05."
                )
        both = set(self.pinned_in) & set(self.pinned_out)
        if both:
            raise SettingsError(f"{min(both)} is pinned in and pinned out; take one of the two back.")


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings(SettingsPart):
    """Which trainings stand beside each other (METHOD 4).

    Attributes
    ----------
    samplers : tuple of str
    fractions : tuple of float
        Of the pool; 1 is the pool itself, trained once per network and repetition whatever the sampler.
    networks : tuple of str
        Names from the registry of networks.
    repetitions : int
        Repetition r seeds selection, initial weights and shuffling together; rows share it and are paired.
    splits : int
        >= 1: into how many divisions of the images all of this is done. Split s has the split seed
        ``data.split_seed + s``. A split that was brought is the only one. 1 where the images are divided into folds
        (`DataSettings.folds`), each of which is a split.
    difference_of_interest : float
        Accuracy difference for which the needed repetitions are told; 0.01 is one point.
    controls : bool
        Add stratified random, and matched random for samplers with budgets of their own.
    """

    samplers: tuple[str, ...] = choice(
        ("random", "intelligent"), neutral=("random", "intelligent"), kept=True, title="Samplers", kind="sampler",
        question="Stratified random is the first control for every claim. Matched random has a sampler's own class "
        "budgets, so that nobody takes the gain of a budget for the gain of a sampler.",
        tip="What chooses the coresets; stratified and matched random are added as controls",
    )  # fmt: skip
    fractions: tuple[float, ...] = choice(
        (0.25, 1.0), neutral=(0.25, 1.0), kept=True, title="Fractions of the pool",
        tip="Shares of the pool that are chosen; the whole pool is training on everything", unit=" %", factor=100,
    )  # fmt: skip
    networks: tuple[NetworkName, ...] = choice(
        ("custom", "transfer"), neutral=("custom", "transfer"), kept=True, title="Networks", kind="network",
        tip="What is trained on each coreset",
    )  # fmt: skip
    repetitions: int = choice(
        1, neutral=1, kept=True, title="Repetitions", tip="Each seeds choice, weights and shuffling together",
        least=1, must=_ONE, flag="--seeds", offered=(1, 100),
    )  # fmt: skip
    # Left out where it is 1 from the beginning, so that what was kept before there was a choice is still current.
    splits: int = choice(
        1, neutral=1, title="Splits",
        tip="Do all of it on so many divisions into pool and test images, each with its own split seed; five tell what "
        "the chance of one division is",
        least=1, must=_ONE, offered=(1, 50),
    )  # fmt: skip
    difference_of_interest: float = choice(
        0.01, neutral=0.01, kept=True, title="Difference of interest",
        tip="The difference in accuracy for which it is told how many repetitions would show it",
        unit=" points", factor=100, step=0.1, decimals=1, offered=(0.001, 0.2),
    )  # fmt: skip
    controls: bool = choice(
        True, neutral=True, kept=True, title="Add control samplers",
        tip="Add stratified random, and matched random for samplers with budgets of their own",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for value in self.fractions:
            if not 0 < value <= 1:
                raise SettingsError(f"A fraction is {value}; it is a share of the pool above 0 and at most 1.")
        if not (self.samplers and self.fractions and self.networks):
            raise SettingsError("A comparison wants at least one sampler, one fraction and one network.")


@dataclass(frozen=True, kw_only=True)
class ExportSettings(SettingsPart):
    """What an export holds.

    Attributes
    ----------
    files : str
        How images get there, from the registry of export formats; ``"list"`` writes only the lists.
    with_split : bool
        Put the coreset into `train/`, with `val/` and `test/` beside it.
    remainder : bool
        Also write the images of the pool that were not chosen, into `remainder/`.
    private : bool
        No original file name leaves: names become hashes in files, lists and report.
    probabilities_and_weights : bool
        Add to the list a teacher's out-of-fold probability of each class, and the share of the pool that each chosen
        image stands for.
    own : mapping of str to SettingsPart
        By export format; see `SelectionSettings`.
    """

    files: str = choice(
        "copy", neutral="copy", kept=True, title="Files", kind="export format",
        tip="How the images get into the folder",
    )  # fmt: skip
    with_split: bool = choice(
        False, neutral=False, kept=True, title="With the split",
        tip="train/ holds the coreset, beside val/ and test/",
    )  # fmt: skip
    remainder: bool = choice(
        False, neutral=False, kept=True, title="With the remainder",
        tip="remainder/ holds the images of the pool that were not chosen",
    )  # fmt: skip
    private: bool = choice(
        False, neutral=False, kept=True, title="Private",
        tip="Names become hashes everywhere, and metadata is taken out of the images",
    )  # fmt: skip
    probabilities_and_weights: bool = choice(
        False, neutral=False, title="With probabilities and weights",
        tip="coreset.csv also tells how likely each class is by a teacher that has not seen the image, and which share "
        "of the pool each chosen image stands for",
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
