"""Choices of the dataset: how images are read and labelled, and how they are divided into sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coreset_studio.core.descriptions.choice import SettingsPart, choice, own
from coreset_studio.core.settings.levels import check_pages, parse_alpha, parse_channels, parse_levels, parse_window
from coreset_studio.core.settings.path_patterns import check_patterns
from coreset_studio.core.settings.relabelling import Relabelling, sorted_records

# What a value must be, in messages.
_SHARE = "a fraction from 0 to below 1, such as 0.2"
A_COUNT = "a whole number of at least 0"


@dataclass(frozen=True, kw_only=True)
class DataSettings(SettingsPart):
    """Which images of a dataset are used, and how they are divided (METHOD: 70/30 test, 80/20 validation, paper 5.2).

    Attributes
    ----------
    test_fraction, validation_fraction : float
        0 <= fraction < 1. Validation is a share of what is left for training. Ignored for a predefined split.
    split_seed : int
        >= 0.
    folds : int or None
        None: the test images are drawn, `test_fraction` of them. At least 2: all images are divided into so many folds,
        of which each is the test set once in a comparison; everything else has the first fold as its test images.
        Refused for a predefined split.
    group_pattern : str
        Regular expression over the relative path; what its first group (or the whole match) finds names the
        group, such as a patient, that is never divided. Empty: no groups (a CSV's `group` column still counts).
    left_out_classes : tuple of str
        Classes that are not used.
    left_out_images : tuple of str
        Relative paths of single images that are not used, such as a copy or one with a suspected label error.
    relabelled : tuple of Relabelling
        Corrected classes, which replace those in the source; sorted by path, one for each image at most.
    left_out_patterns : tuple of str
        Patterns of paths of images that are not used, such as thumbnails; see `core.settings.path_patterns`.
    keep_one_of_duplicates : bool
        Use only the first (in path order) of images with the same pixels; where they have two labels, none.
    drop_leaks : bool
        With a predefined split: exclude train and validation copies of test images.
    near_duplicates_together : bool
        Never divide near-duplicates between the sets.
    near_duplicate_bits : int
        Largest Hamming distance of two perceptual hashes (64 bits) that counts as a near-duplicate.
    grey_levels : tuple of str
        Which stored values of files of more than 8 bits become black and white: a rule, ranges, or both; see
        `core.settings.levels.parse_levels`. After a scan, it contains the determined ranges of single file kinds.
    alpha : tuple of str
        What becomes of transparent parts; see `core.settings.levels.parse_alpha`.
    pages : str
        Which page of a file of several is read: ``"first"``, a number from 1, ``"max"``, ``"mean"``, ``"channels"``.
    window : str
        Of greyscale DICOM images: ``"stored"``, ``"full"``, or centre and width; see
        `core.settings.levels.parse_window`.
    channels : str
        Which channels of images that are not in colour become red, green and blue; see
        `core.settings.levels.parse_channels`.
    header_groups : str
        What of the headers of DICOM files names groups where the dataset has no others: ``"patient"``, ``"study"``,
        ``"series"`` or ``"none"``.
    layout : str
        What the folders of a folder of images represent, from the top, with slashes between; ``"auto"`` takes the
        most likely layout with a note, ``"plain"`` reads train and test folders by these names alone and takes every
        other folder as a class. See `core.data.layouts`.
    leave_out_masks : bool
        In a folder: exclude images that are masks of others, by name and content.
    unlabelled : str
        ``"auto"``: images of folders or classes named as unlabelled, and those of a folder without class folders, have
        no label. ``"class"``: such names are classes. See `core.data.unlabelled`.
    ignore_labels : bool
        Treat all images as one group without labels.
    own : mapping of str to SettingsPart
        By source; see `SelectionSettings`.
    """

    test_fraction: float = choice(
        0.3, neutral=0.3, kept=True, title="Test images", tip="Fraction of each class used as test images",
        least=0, below=1, must=_SHARE, unit=" %", factor=100, step=5, decimals=1, offered=(0, 0.9),
    )  # fmt: skip
    validation_fraction: float = choice(
        0.2, neutral=0.2, kept=True, title="Validation images",
        tip="Fraction of the training images used to select the best epoch; they are used for nothing else",
        least=0, below=1, must=_SHARE, unit=" %", factor=100, step=5, decimals=1, offered=(0, 0.9),
    )  # fmt: skip
    split_seed: int = choice(
        0, neutral=0, kept=True, title="Split seed", tip="Another seed gives another random split",
        least=0, must=A_COUNT,
    )  # fmt: skip
    folds: int | None = choice(
        None, neutral=None, title="Folds",
        tip="Number of folds, each of which is the test set once in a comparison, instead of drawing test images at "
            "random; not set: no folds",
        question="With 5 folds, every image is tested once and each training uses four fifths of the images. Several "
                 "splits draw their test images independently, so that some images are tested more often than others.",
        least=2, must="a whole number of at least 2", offered=(2, 50),
    )  # fmt: skip
    group_pattern: str = choice(
        "", neutral="", kept=True, title="Groups",
        tip="Regular expression for paths that identifies a patient or slide, which is never divided by the split",
    )  # fmt: skip
    left_out_classes: tuple[str, ...] = choice(
        (), neutral=(), kept=True, title="Excluded classes", tip="Classes that are not used", flag="--leave-out-class"
    )
    left_out_images: tuple[str, ...] = choice(
        (), neutral=(), kept=True, title="Excluded images",
        tip="Images that are not used, by their path in the dataset", flag="--leave-out-image",
    )  # fmt: skip
    relabelled: tuple[Relabelling, ...] = choice(
        (), neutral=(), title="Relabelled images", flag="--labels", typed="FILE",
        from_file="coreset_studio.core.data.label_files:labels_from_file",
        tip="Corrected classes, from a table with the columns path and label (optionally old and when), a project or "
            "a coreset.json; image files are not changed",
    )  # fmt: skip
    left_out_patterns: tuple[str, ...] = choice(
        (), neutral=(), title="Excluded by pattern", flag="--leave-out-pattern", typed="PATTERN",
        tip="Images that are not used, by patterns of their paths such as *_mask.*; a pattern without a slash such as "
            "thumbs matches the name of a file or of a folder above it",
        question="* is any text without a slash, ? one character, [0-9] one of several, and ** any number of folders. "
                 "Excluded images remain in the list of the dataset, so that you can include them again.",
    )  # fmt: skip
    keep_one_of_duplicates: bool = choice(
        False, neutral=False, kept=True, title="Keep one of each set of duplicates",
        tip="Use only the first of images with identical pixels; none if they have different labels",
    )  # fmt: skip
    drop_leaks: bool = choice(
        False, neutral=False, kept=True, title="Exclude leaks",
        tip="With a predefined split: exclude training and validation images that are copies of test images",
    )  # fmt: skip
    near_duplicates_together: bool = choice(
        False, neutral=False, kept=True, title="Keep near-duplicates together",
        tip="Never divide nearly identical images by the split",
    )  # fmt: skip
    near_duplicate_bits: int = choice(
        2, neutral=2, kept=True, title="Near-duplicate tolerance",
        tip="0 finds images that look the same; higher values also find edited, scaled or compressed copies. Number "
            "of different bits of a 64-bit perceptual hash",
        least=0, must=A_COUNT, offered=(0, 16), unit=" bits",
    )  # fmt: skip
    grey_levels: tuple[str, ...] = choice(
        ("used",), neutral=("declared",), title="Grey levels above 8 bits", typed="RULE",
        tip="Which values of 12-bit, 16-bit or floating-point files become black and white: used (the range used by "
            "all files of a kind), declared (all bits of the format), percentiles:0.1:99.9, a range such as 0:4095, "
            "or the range of one file kind such as 16-bit-tiff=0:4095",
    )  # fmt: skip
    alpha: tuple[str, ...] = choice(
        ("auto",), neutral=("white",), title="Transparency", typed="RULE",
        tip="white puts transparent parts on white, ignore ignores the alpha channel, auto ignores it only if it is "
            "0 everywhere; for one file kind such as alpha-png=ignore",
    )  # fmt: skip
    pages: str = choice(
        "first", neutral="first", title="Pages of a file",
        tip="What is read from files with several pages or frames: first, a page number, max or mean (over all "
            "pages), channels (three pages as red, green and blue), or each (every page as a separate image)",
    )  # fmt: skip
    window: str = choice(
        "stored", neutral="stored", title="Window of DICOM images", typed="WINDOW",
        tip="Which values of greyscale DICOM images become black and white: stored (the first window in the file, the "
            "range of all files if it has none), full (the range of all files), or centre and width such as 40:400",
        question="A window applies to the values after rescaling, such as Hounsfield units in CT. With windows from "
                 "the files, equal values in two files may become different grey levels; one window avoids this.",
    )  # fmt: skip
    channels: str = choice(
        "auto", neutral="auto", title="Channels shown as colours", typed="CHANNELS",
        tip="Which channels of images such as fluorescence become red, green and blue: auto (the first three), or one "
            "to three numbers such as 3,1,2; one alone is shown in grey",
    )  # fmt: skip
    header_groups: str = choice(
        "patient", neutral="patient", title="Groups from DICOM headers",
        tip="What keeps DICOM images together in a split if neither folders nor a table define groups",
        values={"patient": "DICOM PatientID", "study": "DICOM StudyInstanceUID", "series": "DICOM SeriesInstanceUID",
                "none": "None"},
    )  # fmt: skip
    layout: str = choice(
        "auto", neutral="plain", title="Folder layout",
        tip="What the levels of the folder tree represent. Automatic uses the most likely layout and reports it",
        values={
            "auto": "Automatic", "classes": "Classes", "split/classes": "Sets, classes inside",
            "groups/classes": "Patients, classes inside", "classes/groups": "Classes, patients inside",
            "any/classes": "Anything, classes inside", "classes/split": "Classes, sets inside",
            "split/groups/classes": "Sets, patients, classes", "split/classes/groups": "Sets, classes, patients",
            "unlabelled": "No classes: images without labels",
            "plain": "As in earlier projects",
        },
    )  # fmt: skip
    leave_out_masks: bool = choice(
        True, neutral=False, title="Exclude masks",
        tip="In a folder, exclude images that are masks of others: named like them with _mask or similar, or in a "
            "masks folder next to them, and nearly binary",
    )  # fmt: skip
    unlabelled: str = choice(
        "auto", neutral="class", title="Folders named unlabelled",
        tip="What a folder or class named unlabelled or unknown contains, and images that are not in any class folder: "
            "images that are labelled later and are not trained on, or images of a class",
        values={"auto": "Images without labels", "class": "A class"},
    )  # fmt: skip
    ignore_labels: bool = choice(
        False, neutral=False, title="Select without labels",
        tip="Treat all images as one group without labels, all of which can be selected: to choose which images to "
            "label next, also after some were labelled",
        question="The labels are kept, and are used again when this is off. With an earlier coreset to continue from, "
                 "its images are kept and the next ones are added.",
    )  # fmt: skip
    own: Mapping[str, Any] = own("source")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "relabelled", sorted_records(self.relabelled))
        check_patterns(self.left_out_patterns)
        parse_levels(self.grey_levels)
        parse_alpha(self.alpha)
        check_pages(self.pages)
        parse_window(self.window)
        parse_channels(self.channels)
