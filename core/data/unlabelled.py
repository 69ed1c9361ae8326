"""Images without a label: in which folders they are, and how they are listed.

They are listed under the name `UNLABELLED` instead of a class, and `Listing.read_as` says so. As soon as any image has
a label, the others are in no set; see `core.data.split`.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from coreset_studio.core.data.listing import Listing
from coreset_studio.core.errors import TrainingError
from coreset_studio.core.results import UNLABELLED, Dataset
from coreset_studio.core.settings import DataSettings

UNLABELLED_FOLDERS = frozenset({"unlabelled", "unlabeled", "unknown", "not labelled", "not labeled", "to label"})
"""Names of folders of images without labels, in lower case, with spaces for hyphens and underscores."""

_ANY_FOLDERS = UNLABELLED_FOLDERS | {
    "image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "data", "dataset", "raw", "all",
    "files",
}  # fmt: skip
_MARK = "unlabelled"
_HOW = "Label them on the Images page or with a table (--labels)."


def is_unlabelled_name(name: str) -> bool:
    """Return whether a folder is named as containing images without labels."""
    return _plain(name) in UNLABELLED_FOLDERS


def is_no_class_name(name: str) -> bool:
    """Return whether a folder that contains all images is named like any folder of images, not like a class."""
    return _plain(name) in _ANY_FOLDERS


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").strip().casefold()


def loose_images(folders: Mapping[tuple[str, ...], int]) -> str:
    """Return what was assumed if the images of a folder are not divided into class folders; empty if they are.

    That is so if most images are in the folder itself and not two folders contain others, or if all are in one folder
    that is named like any folder of images.

    Parameters
    ----------
    folders : mapping of tuple of str to int
        How many images are in each folder itself, by the parts of its path.
    """
    total = sum(folders.values())
    loose = folders.get((), 0)
    inside = {parts[0] for parts in folders if parts}
    if not total:
        return ""
    if loose and not inside:
        return (
            f"The folder contains no class folders, so its {total:,} images were read as images without labels. {_HOW}"
        )
    if len(inside) != 1:
        return ""
    name = next(iter(inside))
    if 2 * loose >= total:
        rest = total - loose
        return (
            f"{loose:,} of the {total:,} images are in no class folder, and {rest:,} in the only folder, “{name}”, so "
            f"all were read as images without labels. {_HOW}"
        )
    is_flat = all(len(parts) <= 1 for parts in folders)
    if not loose and (is_unlabelled_name(name) or (is_flat and is_no_class_name(name))):
        return f"All images are in one folder, “{name}”, so they were read as images without labels. {_HOW}"
    return ""


def beside_classes(names: Collection[str]) -> tuple[str, ...]:
    """Return those of the class folders that contain images without labels; none if no other is left."""
    found = tuple(sorted(name for name in names if is_unlabelled_name(name)))
    return found if len(found) < len(names) else ()


def with_unlabelled(listing: Listing, settings: DataSettings, *, is_folder: bool) -> Listing:
    """Return a listing in which a class named `UNLABELLED` stands for images without labels, if the settings allow it.

    Such a class is in what this program wrote: the lists and class folders of a coreset of images without labels. The
    folders of a folder of images were considered when it was listed.
    """
    if is_folder or settings.unlabelled != "auto" or _MARK in listing.read_as:
        return listing
    n = sum(entry.class_name == UNLABELLED for entry in listing.entries)
    if not n:
        return listing
    note = (
        f"The {n:,} image{'s' * (n != 1)} of the class “{UNLABELLED}” were read as images without labels. If this is "
        "wrong, read it as a class (--unlabelled class)."
    )
    return replace(listing, read_as={**listing.read_as, _MARK: UNLABELLED}, warnings=[*listing.warnings, note])


def without_labels(listing: Listing, settings: DataSettings) -> Listing:
    """Return a listing in which no image has a label or a set, if the settings request that.

    The class of an image in the source stays its original class.
    """
    if not settings.ignore_labels:
        return listing
    entries = []
    for entry in listing.entries:
        source = entry.original_class or entry.class_name
        original = "" if source == UNLABELLED else source
        entries.append(replace(entry, class_name=UNLABELLED, split=None, original_class=original))
    return replace(listing, entries=entries, read_as={**listing.read_as, _MARK: UNLABELLED})


def dataset_words(dataset: Dataset) -> str:
    """Return how many images a dataset has, in how many classes, and how many of them have no label."""
    n, n_without = len(dataset.images), len(dataset.without_label)
    if not dataset.has_labels:
        return f"{n:,} images without labels"
    words = f"{n:,} images in {len(dataset.classes)} classes"
    if not n_without:
        return words
    return f"{n - n_without:,} images in {len(dataset.classes) - 1} classes, and {n_without:,} without a label"


def no_labels_words(what: str) -> str:
    """Return why something is not available for images without labels, as a sentence.

    Parameters
    ----------
    what : str
        It begins the sentence, such as ``"Training networks"``.
    """
    return (
        f"{what} requires labels, and no image has one. Label images on the Images page or with a table of labels "
        "(--labels); if they are labelled already, turn off Select without labels (--ignore-labels)."
    )


def need_labels(dataset: Dataset, what: str) -> None:
    """Refuse a step that requires labels if no image has one.

    Parameters
    ----------
    dataset : Dataset
    what : str
        See `no_labels_words`.

    Raises
    ------
    TrainingError
    """
    if not dataset.has_labels:
        raise TrainingError(no_labels_words(what))
