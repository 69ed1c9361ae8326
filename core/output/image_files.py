"""The exported form of each image: its file, its file without metadata, or its pixels as PNG."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.data.codecs import boxed_format
from coreset_studio.core.data.dicom.recognising import HEAD_BYTES, is_dicom
from coreset_studio.core.data.images import BYTE_LIMIT, read_rgb
from coreset_studio.core.data.rereading import CHANGED, check_unchanged
from coreset_studio.core.data.sources import source_of
from coreset_studio.core.errors import ExportError, ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.output.stripping import without_metadata
from coreset_studio.core.reading import open_regular, read_regular
from coreset_studio.core.results import Dataset, Image, Reading


class ImageFiles:
    """The images of a dataset as they leave.

    Parameters
    ----------
    dataset : Dataset
    private : bool
        Take the metadata out.
    headers : bool
        Let DICOM files leave as they are unless `private`, instead of their pixels as PNG.

    Attributes
    ----------
    n_rewritten : int
        Images that were written again as PNG so far, since their metadata could not be taken out otherwise.
    """

    def __init__(self, dataset: Dataset, *, private: bool = False, headers: bool = False) -> None:
        self.dataset, self.private = dataset, private
        self._headers = headers and not private
        self.n_rewritten = 0
        self._source = source_of(dataset.kind)

    def file(self, index: int) -> Path | None:
        """Return the file to copy byte for byte; None if it must be made."""
        return None if self.private or self.is_pixels(index) else self._own_file(self.dataset.images[index])

    def content(self, index: int) -> bytes:
        """Return a whole image file: the image's own where it can be had and is not private, else one that was made.

        Raises
        ------
        ExportError
            If the image is gone or has changed since the scan.
        """
        image = self.dataset.images[index]
        with self.faults(image):
            if self.is_pixels(index):
                pixels = self._source.read(self.dataset.root, image.path, self.dataset.reading)
                return png(check_unchanged(self.dataset, index, pixels))
            content = self._original(image)
            self.check(image, hashlib.sha256(content).hexdigest())
            return self._stripped(content) if self.private else content

    def suffix(self, index: int) -> str:
        """Return the suffix (with its dot) that loaders know an image's content by; empty if none is known."""
        image = self.dataset.images[index]
        if self.is_pixels(index):
            return ".png"
        file = self._own_file(image)
        try:
            if file is None:
                return sniffed_suffix(self._source.reader.original(self.dataset.root, image.path)[:HEAD_BYTES])
            with open_regular(file) as stream:
                return sniffed_suffix(stream.read(HEAD_BYTES))
        except (OSError, ImageError):
            return ""

    def n_bytes(self, index: int) -> int:
        """Return about how many bytes a copy of an image takes."""
        image = self.dataset.images[index]
        return image.width * image.height * 3 if self.is_pixels(index) else image.n_bytes

    def is_pixels(self, index: int) -> bool:
        """Return whether the pixels of an image leave, as PNG, instead of a file of the dataset."""
        image = self.dataset.images[index]
        return self._source.holds_at(image.path) == "arrays" or (has_header(image) and not self._headers)

    @contextmanager
    def faults(self, image: Image) -> Iterator[None]:
        """Turn an `ImageError` of reading an image, and not what is wrong with the target, into a sentence.

        Raises
        ------
        ExportError
            Names the image, and what to do.
        """
        try:
            yield
        except ImageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                reason = f"{image.path} is no longer in {self.dataset.root}; scan the dataset again."
            elif str(error) == CHANGED:
                reason = self._changed(image)
            else:
                reason = (
                    f"{image.path} can no longer be read: {error} Scan the dataset again, or exclude this image. "
                    "Nothing was exported."
                )
            raise ExportError(reason) from error

    def check(self, image: Image, digest: str) -> None:
        """Make sure that an image is the one that was scanned.

        Raises
        ------
        ExportError
            If the SHA-256 of its file, `digest`, is another.
        """
        if digest != image.file:
            raise ExportError(self._changed(image))

    def _changed(self, image: Image) -> str:
        return f"{image.path} has changed since it was scanned; scan the dataset again."

    def _own_file(self, image: Image) -> Path | None:
        is_file = self._source.holds_at(image.path) == "files"
        return self._source.reader.file(self.dataset.root, image.path) if is_file else None

    def _original(self, image: Image) -> bytes:
        file = self._own_file(image)
        try:
            if file is None:
                return self._source.reader.original(self.dataset.root, image.path)
            return read_regular(file, BYTE_LIMIT)
        except OSError as error:
            raise ImageError(f"The file cannot be read ({reason_of(error)}).") from error

    def _stripped(self, content: bytes) -> bytes:
        reading = self.dataset.reading
        pixels = read_rgb(content, reading)
        stripped = without_metadata(content)
        if stripped is None or not _same_pixels(stripped, pixels, reading):
            self.n_rewritten += 1
            stripped = png(pixels)
        return stripped


def has_header(image: Image) -> bool:
    """Return whether the file of an image has a header that may identify a person, that of DICOM."""
    return image.stored is not None and bool(image.stored.form)


def sniffed_suffix(head: bytes) -> str:
    """Return the usual suffix for a file that begins with `head` (160 bytes); empty if unknown."""
    known = (
        (b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"GIF8", ".gif"),
        (b"II*\x00", ".tif"), (b"MM\x00*", ".tif"), (b"II+\x00", ".tif"), (b"MM\x00+", ".tif"),
    )  # fmt: skip
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    boxed = {"HEIC": ".heic", "AVIF": ".avif", "JPEG 2000": ".jp2"}.get(boxed_format(head[:32]) or "")
    found = boxed or next((suffix for start, suffix in known if head.startswith(start)), "")
    return found or (".dcm" if is_dicom(head) else "")


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return `pixels`, shape (h, w, 3), as a PNG file without metadata."""
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def _same_pixels(content: bytes, pixels: NDArray[np.uint8], reading: Reading) -> bool:
    try:
        return np.array_equal(read_rgb(content, reading), pixels)
    except ImageError:
        return False
