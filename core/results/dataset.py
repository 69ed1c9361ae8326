"""What a scan and a split give: images, classes, duplicates, sides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.results.arrays import IntArray, SplitName
from core.results.reading import Reading, Stored


@dataclass(frozen=True, slots=True)
class Image:
    """One image that could be decoded.

    Attributes
    ----------
    path : str
        Relative to the dataset's root, forward slashes; inside an .npz ``"train/00012.png"``.
    class_name : str
    split : {"train", "validation", "test"} or None
        As the user brought it.
    group : str
        What must not be divided, such as a patient; empty where there is none.
    width, height : int
        Pixels, after EXIF orientation.
    pixels : str
        SHA-256 (hex) of size and decoded RGB pixels: the identity of the content, and the cache key.
    file : str
        SHA-256 (hex) of the file's bytes (of the stored array for an .npz).
    n_bytes : int
    modified_ns : int
        Of the file, so that an unchanged file is not decoded again.
    perceptual : str
        Perceptual hash, 64 bits as 16 hex digits.
    stored : Stored or None
        How it is stored where it is more than 8 bits, one page and no transparency.
    more : tuple of str
        What else is known of it, in the order of `Dataset.columns`; empty where nothing is.
    original_class : str
        Class in the source, where the user has relabelled the image; empty otherwise.
    quality : tuple of float or None
        Measures of its quality, those of `core.data.quality.MEASURES`; None where it was not measured, as by versions
        that did not.
    header : tuple of str
        Of a DICOM image: keyed hashes of patient, study and series, empty where it has none, and its place in the
        series; see `core.data.dicom.subjects`. Empty for any other.
    """

    path: str
    class_name: str
    split: SplitName | None
    group: str
    width: int
    height: int
    pixels: str
    file: str
    n_bytes: int
    modified_ns: int
    perceptual: str
    stored: Stored | None = None
    more: tuple[str, ...] = ()
    original_class: str = ""
    quality: tuple[float, ...] | None = None
    header: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not a usable image, and why, in one sentence."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Images with the same decoded pixels; `conflicting` if they have more than one class."""

    indices: tuple[int, ...]
    conflicting: bool


@dataclass(frozen=True)
class Dataset:
    """A set of labelled images.

    Attributes
    ----------
    root : Path
        What paths are relative to: a folder, or the file that all images are in, such as an .npz.
    source : Path
        What the user opened.
    kind : str
        Name of the source, one of `core.data.sources`.
    images : tuple of Image
        Sorted by path.
    skipped : tuple of Skipped
        Sorted by path.
    warnings : tuple of str
        Sentences about the dataset as a whole (unknown CSV columns, a class of one image, ...).
    reading : Reading
        How stored values become pixels.
    read_as : mapping of str to str
        How the source was read where there was a choice, by what was selected: ``"layout"`` of a folder, the columns of
        a table.
    others : tuple of str
        Layouts that a folder could be read by as well, the most likely first.
    columns : tuple of str
        Names of what else is known of the images (`Image.more`), such as the other columns of a table.
    """

    root: Path
    source: Path
    kind: str
    images: tuple[Image, ...]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    reading: Reading = field(default_factory=Reading)
    read_as: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted."""
        return tuple(sorted({image.class_name for image in self.images}))

    @cached_property
    def labels(self) -> IntArray:
        """Class of each image as a position in `classes`, shape (n_images,)."""
        position = {name: i for i, name in enumerate(self.classes)}
        return np.array([position[image.class_name] for image in self.images], dtype=np.int64)

    @cached_property
    def contents(self) -> tuple[str, ...]:
        """What tells the content of each image: the digest of its pixels, equal for identical images."""
        return tuple(image.pixels for image in self.images)

    @cached_property
    def sizes(self) -> IntArray:
        """Width and height of each image in pixels, shape (n_images, 2)."""
        return np.array([(image.width, image.height) for image in self.images], dtype=np.int64).reshape(-1, 2)

    @cached_property
    def quality(self) -> NDArray[np.float64]:
        """Measures of the quality of each image, shape (n_images, n_measures); NaN where an image was not measured.

        No measures at all, shape (n_images, 0), if no image was.
        """
        rows = [image.quality for image in self.images]
        unknown = (np.nan,) * max((len(row) for row in rows if row is not None), default=0)
        measured = [unknown if row is None else row for row in rows]
        return np.array(measured, dtype=np.float64).reshape(len(rows), len(unknown))

    @property
    def has_split(self) -> bool:
        """Whether the user brought a split."""
        return any(image.split is not None for image in self.images)


@dataclass(frozen=True)
class LeftOut:
    """An image that no set contains, and why."""

    index: int
    reason: str


@dataclass(frozen=True)
class Split:
    """Which images train, validate and test.

    Attributes
    ----------
    pool : ndarray of int64
        The training images that a coreset may be selected from, ascending; never validation images.
    validation, test : ndarray of int64
        Ascending; either may be empty.
    left_out : tuple of LeftOut
    leaks : tuple of (int, int)
        (image of pool or validation, test image) with the same pixels or the same group; only with a split that
        was brought.
    brought : bool
        Whether the user brought it.
    folds, fold : int
        Into how many folds the images are divided, and which of them, from 0, is tested on; 0 and 0 without folds.
    warnings : tuple of str
        Such as a class without test images.
    """

    pool: IntArray
    validation: IntArray
    test: IntArray
    left_out: tuple[LeftOut, ...] = ()
    leaks: tuple[tuple[int, int], ...] = ()
    brought: bool = False
    warnings: tuple[str, ...] = ()
    folds: int = 0
    fold: int = 0
