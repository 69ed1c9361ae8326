"""Interface of the code of a source: list the images, read one, and check whether it has changed since the scan."""

import hashlib
import threading
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from coreset_studio.core.data.colour import BEFORE, RGBArray, settled
from coreset_studio.core.data.description import Match
from coreset_studio.core.data.images import decode, decode_page, read_file, read_rgb
from coreset_studio.core.data.levels import Decoded
from coreset_studio.core.data.listing import Listing
from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.errors import ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.results import Image, Reading

_LAST = threading.local()


@dataclass(frozen=True)
class Loaded:
    """One image as the scan requires it.

    Attributes
    ----------
    rgb : ndarray of shape (height, width, 3), uint8
    file : str
        SHA-256 (hex) of the bytes that it is stored as: of `SourceReader.original` where there is one.
    n_bytes : int
        How many these are.
    modified_ns : int
        When the file that holds it was last changed, as it was before the image was read.
    decoded : Decoded or None
        How it is stored, where the reader knows ranges of values, pages and transparency.
    """

    rgb: RGBArray
    file: str
    n_bytes: int
    modified_ns: int
    decoded: Decoded | None = None


class SourceReader(Protocol):
    """Interface of a source.

    An image is named by the root of its `Listing` and by the path of its `Entry`; a reader keeps nothing of a dataset
    that it could not find again from these. Several threads ask at the same time.
    """

    @abstractmethod
    def recognise(self, path: Path, head: bytes) -> Match:
        """Return the confidence that a path belongs to this source.

        Parameters
        ----------
        path : Path
            A folder or file that exists.
        head : bytes
            The first 512 bytes of a file; empty for a folder.

        Notes
        -----
        A reader may take a keyword `data` next to these: the `DataSettings`, where they determine how a path is read.
        """

    @abstractmethod
    def listing(self, path: Path) -> Listing:
        """List the images, with what is excluded and why; nothing is decoded.

        For a source with settings of its own it is ``listing(path, settings)``. A reader may take a keyword `progress`
        next to these, a `core.progress.Progress`, and report to it how many it has found; that also lets the user stop.
        A keyword `data` gets the `DataSettings`.

        Raises
        ------
        DatasetError
            If it cannot be read or is not valid.
        """

    @abstractmethod
    def load(self, root: Path, path: str) -> Loaded:
        """Decode one image for the scan.

        A reader may take a keyword `reading` here and in `read`, a `core.results.Reading`: how stored values become
        pixels. Then the result names what was found in `Loaded.decoded`, whose pixels may wait for a range.

        Raises
        ------
        ImageError
            With the reason, as one sentence; the scan lists it and continues.
        """

    @abstractmethod
    def read(self, root: Path, path: str) -> RGBArray:
        """Decode one image to upright RGB, shape (height, width, 3), uint8.

        Raises
        ------
        ImageError
            If it cannot be read.
        """

    @abstractmethod
    def changed(self, root: Path, image: Image) -> bool:
        """Return whether an image may be another than the scan saw, without decoding it.

        True if it cannot be determined, or where it is gone.
        """

    @abstractmethod
    def original(self, root: Path, path: str) -> bytes:
        """Return an image as it is stored, a whole image file. Only called for a source that holds files or bytes.

        Raises
        ------
        ImageError
            If it cannot be read.
        """

    @abstractmethod
    def file(self, root: Path, path: str) -> Path:
        """Return the file that an image is. Only called for a source that holds files."""

    @abstractmethod
    def parts_below_class(self, image: Image) -> tuple[str, ...]:
        """Return what an image is called inside the folder of its class: sub-folders and file name."""

    @abstractmethod
    def one_class_advice(self, images: Sequence[Image]) -> str:
        """Return what to do where all images are of one class, as the end of that sentence; empty for nothing."""


class FileReader(SourceReader):
    """A reader of images that are files below the root, or pages of such files (`core.data.page_names`).

    What is left to do is to recognise and to list.
    """

    def load(self, root: Path, path: str, reading: Reading = BEFORE) -> Loaded:
        """Read and decode the file, or a page of it."""
        name, page = file_and_page(path)
        file = root / name
        try:
            facts = file.stat()
        except OSError as error:
            raise ImageError(f"The file cannot be read ({reason_of(error)}).") from error
        if not page:
            data = read_file(file)
            decoded, digest = decode(data, reading), hashlib.sha256(data).hexdigest()
        else:
            data, digest = _whole(file, (facts.st_mtime_ns, facts.st_size))
            decoded = decode_page(data, page, reading)
        return Loaded(decoded.rgb, digest, len(data), facts.st_mtime_ns, decoded)

    def read(self, root: Path, path: str, reading: Reading = BEFORE) -> RGBArray:
        """Decode the file, or a page of it."""
        name, page = file_and_page(path)
        return settled(decode_page(read_file(root / name), page, reading)) if page else read_rgb(root / name, reading)

    def changed(self, root: Path, image: Image) -> bool:
        """Compare time and size of the file."""
        try:
            facts = self.file(root, image.path).stat()
        except OSError:
            return True
        return facts.st_mtime_ns != image.modified_ns or facts.st_size != image.n_bytes

    def original(self, root: Path, path: str) -> bytes:
        """Return the bytes of the file, of a page those of the file that it is in."""
        return read_file(self.file(root, path))

    def file(self, root: Path, path: str) -> Path:
        """Return the file, of a page that which it is in."""
        return root / file_and_page(path)[0]

    def parts_below_class(self, image: Image) -> tuple[str, ...]:
        """Return the whole path."""
        return PurePosixPath(image.path).parts

    def one_class_advice(self, images: Sequence[Image]) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""


def _whole(file: Path, state: tuple[int, int]) -> tuple[bytes, str]:
    """Return the bytes of a file and their digest; of the last one a thread keeps both, as pages come in order."""
    if getattr(_LAST, "key", None) != (file, state):
        data = read_file(file)
        _LAST.found = data, hashlib.sha256(data).hexdigest()
        _LAST.key = file, state
    found: tuple[bytes, str] = _LAST.found
    return found
