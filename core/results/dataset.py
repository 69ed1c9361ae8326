"""Results of a scan and a split: images, classes, duplicates, sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results.arrays import IntArray, SplitName
from coreset_studio.core.results.reading import Reading, Stored

UNLABELLED = "Unlabelled"
"""The name under which images without a label are listed, where others have their class."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image that could be decoded.

    Attributes
    ----------
    path : str
        Relative to the dataset's root, forward slashes; inside an .npz ``"train/00012.png"``.
    class_name : str
    split : {"train", "validation", "test"} or None
        Set in a predefined split; None without one.
    group : str
        Name of the group, such as a patient, whose images stay in one set; empty if there is none.
    width, height : int
        In pixels, after EXIF orientation.
    pixels : str
        SHA-256 (hex) of size and decoded RGB pixels: the identity of the content, and the key in the cache.
    file : str
        SHA-256 (hex) of the bytes of the file; for an .npz of the stored array.
    n_bytes, modified_ns : int
        Size in bytes and modification time in nanoseconds of the file, by which an unchanged file is recognised.
    perceptual : str
        Perceptual hash, 64 bits as 16 hex digits.
    stored : Stored or None
        How it is stored; None for an opaque image of 8 bits and one page.
    more : tuple of str
        Values of `Dataset.columns`; empty if there are none.
    original_class : str
        Class in the source, where the user has relabelled the image; empty otherwise.
    quality : tuple of float or None
        Values of `core.data.quality.MEASURES`; None if they were not measured, as by earlier versions.
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
    """A file that is not a usable image, and the reason in one sentence."""

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
        Folder that paths are relative to, or the file that contains all images, such as an .npz.
    source : Path
        Folder or file that the user opened.
    kind : str
        Name of the source, one of `core.data.sources`.
    images : tuple of Image
        Sorted by path.
    skipped : tuple of Skipped
        Sorted by path.
    warnings : tuple of str
        Sentences on the whole dataset, such as on a class with only one image.
    reading : Reading
        How stored values become pixels.
    read_as : mapping of str to str
        How the source was read if it can be read in several ways: ``"layout"`` of a folder, or the columns of a table;
        ``"unlabelled"`` is the name under which images without a label are listed.
    others : tuple of str
        Other layouts that a folder can be read with, the most likely first.
    columns : tuple of str
        Names of further columns of a table, whose values are in `Image.more`.
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
        """Digest of the pixels of each image, equal for identical images."""
        return tuple(image.pixels for image in self.images)

    @cached_property
    def sizes(self) -> IntArray:
        """Width and height of each image in pixels, shape (n_images, 2)."""
        return np.array([(image.width, image.height) for image in self.images], dtype=np.int64).reshape(-1, 2)

    @cached_property
    def quality(self) -> NDArray[np.float64]:
        """Measures of the quality of each image, shape (n_images, n_measures); NaN where an image was not measured.

        Shape (n_images, 0) if no image was measured.
        """
        rows = [image.quality for image in self.images]
        unknown = (np.nan,) * max((len(row) for row in rows if row is not None), default=0)
        measured = [unknown if row is None else row for row in rows]
        return np.array(measured, dtype=np.float64).reshape(len(rows), len(unknown))

    @property
    def unlabelled(self) -> str:
        """The name under which images without a label are listed; empty if every image has a class."""
        return self.read_as.get("unlabelled", "")

    @cached_property
    def without_label(self) -> tuple[int, ...]:
        """Indices of the images that have no label."""
        name = self.unlabelled
        return tuple(i for i, image in enumerate(self.images) if image.class_name == name) if name else ()

    @cached_property
    def corrected(self) -> tuple[int, ...]:
        """Indices of the images whose class in the source was replaced by another; not those that had no label."""
        return tuple(
            i for i, image in enumerate(self.images)
            if image.original_class and self.unlabelled not in (image.original_class, image.class_name)
        )  # fmt: skip

    @property
    def has_labels(self) -> bool:
        """Whether any image has a label."""
        return len(self.without_label) < len(self.images)

    @property
    def has_split(self) -> bool:
        """Whether the dataset has a predefined split."""
        return any(image.split is not None for image in self.images)


@dataclass(frozen=True)
class LeftOut:
    """An image that is in no set, and the reason in one sentence."""

    index: int
    reason: str


@dataclass(frozen=True)
class Split:
    """Division of the images into training, validation and test images, as indices.

    Attributes
    ----------
    pool : ndarray of int64
        Training images, from which a coreset is selected, ascending; without validation images.
    validation, test : ndarray of int64
        Ascending; either may be empty.
    left_out : tuple of LeftOut
    leaks : tuple of (int, int)
        Pairs of a pool or validation image and a test image with the same pixels or group; only of a predefined
        split.
    is_predefined : bool
        Whether it is a predefined split.
    folds, fold : int
        Number of folds, and the fold, from 0, that contains the test images; both 0 without folds.
    warnings : tuple of str
        Sentences, such as on a class without test images.
    """

    pool: IntArray
    validation: IntArray
    test: IntArray
    left_out: tuple[LeftOut, ...] = ()
    leaks: tuple[tuple[int, int], ...] = ()
    is_predefined: bool = False
    warnings: tuple[str, ...] = ()
    folds: int = 0
    fold: int = 0
