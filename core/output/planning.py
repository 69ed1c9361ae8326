"""Input and results of an export format: the place and content of each image, and the files written."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from coreset_studio.core.descriptions import SettingsPart
from coreset_studio.core.output.image_files import ImageFiles, has_header
from coreset_studio.core.output.manifest import ListedFile
from coreset_studio.core.output.names import PrivateNames, free_name, parts_inside_class, safe_path
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import Dataset, IntArray

_IMAGE_SUFFIXES = {
    ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif", ".jp2",
    ".dcm", ".dicom", ".dic",
}  # fmt: skip


@dataclass(frozen=True)
class PlannedImage:
    """One image on its way.

    Attributes
    ----------
    index : int
        Of the dataset's image.
    set_name : str
        ``"coreset"``, ``"validation"``, ``"test"`` or ``"remainder"``.
    file : str
        Where it goes in class folders, relative to the export, with forward slashes: a name of its own that every
        common file system allows, and that reveals nothing in a private export.
    """

    index: int
    set_name: str
    file: str


@dataclass(frozen=True)
class Plan:
    """Plan of the files to write.

    Attributes
    ----------
    dataset : Dataset
    sets : mapping of str to (str, ndarray of int64)
        The name of each set and its images, by the folder of the set; empty for the top.
    class_folders : mapping of str to str
        A name for each class that every common file system takes.
    contents : ImageFiles
        What of each image leaves: ``plan.contents.content(index)`` is a whole image file.
    names : PrivateNames or None
        Names that reveal nothing; in a private export a format writes no others.
    settings : SettingsPart or None
        The format's own, where it has any.
    """

    dataset: Dataset
    sets: Mapping[str, tuple[str, IntArray]]
    class_folders: Mapping[str, str]
    contents: ImageFiles
    names: PrivateNames | None = None
    settings: SettingsPart | None = None

    @cached_property
    def images(self) -> tuple[PlannedImage, ...]:
        """All images, in the order in which they are to be written; no two have the same place."""
        planned: list[PlannedImage] = []
        used: set[str] = set()
        for folder, (set_name, indices) in self.sets.items():
            for index in sorted(int(each) for each in indices):
                above = [part for part in (folder, self.class_folders[self.class_name(index)]) if part]
                file = "/".join([*above, self._file_below_class(index)])
                planned.append(PlannedImage(index, set_name, free_name(file, used)))
        if self.names is not None:
            # The order in which files are made would also reveal the order of their names.
            planned.sort(key=lambda each: each.file)
        return tuple(planned)

    def class_name(self, index: int) -> str:
        """Return the class of an image, as in the dataset."""
        return self.dataset.images[index].class_name

    def listed(self, image: PlannedImage, sha256: str, n_bytes: int) -> ListedFile:
        """Return the entry in the manifest for an image that was written as the file ``image.file``."""
        path = "" if self.names is not None else self.dataset.images[image.index].path
        return ListedFile(image.file, sha256, n_bytes, image.set_name, path)

    def _file_below_class(self, index: int) -> str:
        if self.names is not None:
            suffix = self.contents.suffix(index)
            return self.names.name(self.dataset.images[index].path, suffix if suffix in (".jpg", ".png") else ".png")
        path = safe_path(parts_inside_class(self.dataset, index))
        if has_header(self.dataset.images[index]) and self.contents.is_pixels(index):
            suffix = PurePosixPath(path).suffix
            return (path.removesuffix(suffix) if suffix.lower() in _IMAGE_SUFFIXES else path) + ".png"
        # Loaders go by the suffix, the scan by the content: a file without a usual suffix gets one.
        if PurePosixPath(path).suffix.lower() not in _IMAGE_SUFFIXES:
            path += self.contents.suffix(index)
        return path


@dataclass(frozen=True)
class Written:
    """Files written by a format.

    Attributes
    ----------
    files : tuple of ListedFile
        Every file, with its SHA-256: an export that holds others, or lacks one, is not verified.
    n_images : int
        How many images these hold.
    notes : tuple of str
        Sentences for the user.
    as_format : str
        The format that it became if it could not be made as requested, such as copies in place of links; else empty.
    """

    files: tuple[ListedFile, ...] = ()
    n_images: int = 0
    notes: tuple[str, ...] = ()
    as_format: str = ""


class ExportWriter(Protocol):
    """Interface of an export format."""

    def write(self, plan: Plan, folder: Path, progress: Progress) -> Written:
        """Write the images of a plan.

        Parameters
        ----------
        plan : Plan
        folder : Path
            Is there and empty. It is moved to its place when all is written, and removed where this raises.
        progress : Progress
            To be reported to between images.

        Raises
        ------
        ExportError
            If an image is gone or has changed since the scan, or the disk has no room.
        OSError
            If a file cannot be written; it is reported to the user.
        """
