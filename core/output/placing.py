"""How one image gets into an export: copied, linked, written as PNG or stripped; and the sentence when it does not."""

import errno
import hashlib
import io
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.data.images import read_image, read_rgb
from core.errors import ExportError, ImageError
from core.output.stripping import without_metadata
from core.results import Dataset

Way = Literal["copy", "hardlink", "symlink"]

_CHUNK = 1 << 20
_SPARE_BYTES = 4 << 20
_LINK_NAMES = {"hardlink": "Hard links", "symlink": "Symbolic links"}


@dataclass
class Placer:
    """Put images of one dataset into a folder.

    Attributes
    ----------
    dataset : Dataset
    way : {"copy", "hardlink", "symlink"}
        Becomes ``"copy"`` where the file system makes no such link; `notes` then says so.
    private : bool
        Take the metadata out.
    notes : list of str
        What a user should read afterwards.
    """

    dataset: Dataset
    way: Way
    private: bool = False
    notes: list[str] = field(default_factory=list)
    n_rewritten: int = 0

    def place(self, index: int, target: Path) -> tuple[str, int]:
        """Put image `index` at `target` (whose folder exists) and return SHA-256 and size of what stands there.

        Raises
        ------
        ExportError
            If the image is gone or has changed since the scan.
        OSError
            If the target cannot be written.
        """
        image = self.dataset.images[index]
        if self.dataset.kind == "npz":
            return _write(target, png(read_image(self.dataset, index)))
        source = self.dataset.root / image.path
        try:
            if self.private:
                return self._place_stripped(index, source, target)
            if self.way != "copy" and self._link(source, target):
                digest, size = hash_file(source)
            else:
                digest, size = _copy(source, target)
        except FileNotFoundError as error:
            if source.exists():
                raise
            raise ExportError(f"{image.path} is no longer in {self.dataset.root}; scan the dataset again.") from error
        except PermissionError as error:
            if error.filename != str(source):
                raise
            raise ExportError(f"{image.path} in {self.dataset.root} may not be read ({error.strerror}).") from error
        if digest != image.file:
            raise ExportError(f"{image.path} has changed since it was scanned; scan the dataset again.")
        return digest, size

    def suffix(self, index: int) -> str:
        """Return the suffix (with its dot) that loaders know this image's content by; empty if none is known."""
        if self.dataset.kind == "npz":
            return ".png"
        try:
            with (self.dataset.root / self.dataset.images[index].path).open("rb") as stream:
                return sniffed_suffix(stream.read(16))
        except OSError:
            return ""

    def _link(self, source: Path, target: Path) -> bool:
        """Link `target` to `source`; where that cannot be done, copy from now on and return False."""
        try:
            if self.way == "hardlink":
                os.link(source.resolve(), target)
            else:
                target.symlink_to(source.absolute())
        except FileNotFoundError:
            raise
        except (OSError, NotImplementedError) as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                raise
            reason = (
                "the target is on another disk"
                if getattr(error, "errno", None) == errno.EXDEV
                else (getattr(error, "strerror", "") or "the system does not allow it")
            )
            self.notes.append(f"{_LINK_NAMES[self.way]} could not be made ({reason}); the images were copied instead.")
            self.way = "copy"
            return False
        return True

    def _place_stripped(self, index: int, source: Path, target: Path) -> tuple[str, int]:
        content = source.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.dataset.images[index].file:
            path = self.dataset.images[index].path
            raise ExportError(f"{path} has changed since it was scanned; scan the dataset again.")
        pixels = read_rgb(content)
        stripped = without_metadata(content)
        if stripped is None or not _same_pixels(stripped, pixels):
            self.n_rewritten += 1
            stripped = png(pixels)
        return _write(target, stripped)


def sniffed_suffix(head: bytes) -> str:
    """Return the usual suffix for a file that begins with `head` (16 bytes); empty if unknown."""
    known = (
        (b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"GIF8", ".gif"),
        (b"II*\x00", ".tif"), (b"MM\x00*", ".tif"), (b"II+\x00", ".tif"), (b"MM\x00+", ".tif"),
    )  # fmt: skip
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for start, suffix in known if head.startswith(start)), "")


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return `pixels`, shape (h, w, 3), as a PNG file without metadata."""
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def hash_file(file: Path) -> tuple[str, int]:
    """Return SHA-256 (hex) and size of `file`."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def check_space(folder: Path, n_bytes: int) -> None:
    """Make sure that `folder` has room for `n_bytes`.

    Raises
    ------
    ExportError
        If it has not.
    """
    free = shutil.disk_usage(folder).free
    if free < n_bytes + _SPARE_BYTES:
        raise ExportError(
            f"The export needs {size_words(n_bytes)}, and {folder} has {size_words(free)} left. "
            "Free some space, choose another disk, or write links or a list only."
        )


def size_words(n_bytes: float) -> str:
    """Return a size as a person reads it, such as ``"3.2 MB"``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" or n_bytes >= 100 else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def disk_sentence(error: OSError, target: Path) -> str:
    """Return what a user should read when `target` could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {target} is full. Nothing was left behind; free some space or choose another disk."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{target} cannot be written ({error.strerror}). Choose a folder in which you may write."
    if error.errno == errno.ENAMETOOLONG:
        return f"A path below {target} is too long for this disk. Choose a folder nearer to the top."
    return f"{target} cannot be written ({error.strerror or error})."


def _copy(source: Path, target: Path) -> tuple[str, int]:
    """Copy and hash in one pass."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as read, target.open("xb") as write:
        while chunk := read.read(_CHUNK):
            digest.update(chunk)
            write.write(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _write(target: Path, content: bytes) -> tuple[str, int]:
    with target.open("xb") as stream:
        stream.write(content)
    return hashlib.sha256(content).hexdigest(), len(content)


def _same_pixels(content: bytes, pixels: NDArray[np.uint8]) -> bool:
    try:
        return np.array_equal(read_rgb(content), pixels)
    except ImageError:
        return False
