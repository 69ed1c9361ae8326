"""Placing one image in an export: copied, linked or written; and the sentence if that fails."""

import errno
import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from coreset_studio.core.errors import ExportError, ImageError
from coreset_studio.core.files import is_full, is_held, is_refused, reason_of
from coreset_studio.core.output.image_files import ImageFiles
from coreset_studio.core.reading import open_regular
from coreset_studio.core.windows import HOW_TO_ALLOW, why_not_found
from coreset_studio.core.words import byte_size

_CHUNK = 1 << 20
_SPARE_BYTES = 4 << 20


@dataclass
class Placer:
    """Put images of one dataset into a folder, each as a file.

    Attributes
    ----------
    contents : ImageFiles
    link : callable or None
        ``link(source, target)`` makes a link. Becomes None where the file system makes no such link: the images are
        copied then, with a note in `notes`.
    link_words : str
        What such links are called, as the start of a sentence.
    notes : list of str
        What a user should read afterwards.
    """

    contents: ImageFiles
    link: Callable[[Path, Path], None] | None = None
    link_words: str = ""
    notes: list[str] = field(default_factory=list)

    def place(self, index: int, target: Path) -> tuple[str, int]:
        """Put image `index` at `target` (whose folder exists) and return SHA-256 and size of the result.

        Raises
        ------
        ExportError
            If the image is gone, cannot be read or has changed since the scan.
        OSError
            If the target cannot be written.
        """
        image = self.contents.dataset.images[index]
        source = self.contents.file(index)
        if source is None:
            return _write(target, self.contents.content(index))
        with self.contents.faults(image):
            digest, size = _hash_source(source) if self._linked(source, target) else _copy(source, target)
        self.contents.check(image, digest)
        return digest, size

    def _linked(self, source: Path, target: Path) -> bool:
        """Link `target` to `source`; where that cannot be done, copy from now on and return False."""
        if self.link is None:
            return False
        try:
            self.link(source, target)
        except FileNotFoundError as error:
            if source.exists():
                raise
            raise ImageError(_unread(error)) from error
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and is_full(error):
                raise
            reason = (
                "the target is on another disk"
                if getattr(error, "errno", None) == errno.EXDEV
                else reason_of(error)
                if isinstance(error, OSError)
                else "the system does not allow it"
            )
            self.notes.append(f"{self.link_words} could not be created ({reason}); the images were copied instead.")
            self.link = None
            return False
        return True


def hash_file(file: Path) -> tuple[str, int]:
    """Return SHA-256 (hex) and size of `file`."""
    digest, size = hashlib.sha256(), 0
    with open_regular(file) as stream:
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
            f"The export requires {byte_size(n_bytes)}, but {folder} has {byte_size(free)} left. "
            "Free some space, choose another disk, or write links or a list only."
        )


def disk_sentence(error: OSError, target: Path) -> str:
    """Return what a user should read when `target` could not be written."""
    if is_full(error):
        return f"The disk of {target} is full. Nothing was left behind; free some space or choose another disk."
    if is_held(error):
        return f"{target} cannot be written: a file in it is open in another program. Close it there and try again."
    if is_refused(error):
        return f"{target} cannot be written ({reason_of(error)}). Choose a folder with write permission."
    if too_long := why_not_found(error):
        return f"{target} cannot be written: {too_long}. Choose a folder with a shorter path, or {HOW_TO_ALLOW}."
    if error.errno == errno.ENAMETOOLONG:
        return f"A path below {target} is too long for this disk. Choose a folder with a shorter path."
    return f"{target} cannot be written ({reason_of(error)})."


def _copy(source: Path, target: Path) -> tuple[str, int]:
    """Copy and hash in one pass; what cannot be read is an `ImageError`, what cannot be written an `OSError`."""
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as write:
        for chunk in _read_source(source):
            digest.update(chunk)
            write.write(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _hash_source(source: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in _read_source(source):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _read_source(source: Path) -> Iterator[bytes]:
    """Yield the bytes of an image's own file, so that its faults are not attributed to the target."""
    try:
        with open_regular(source) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise ImageError(_unread(error)) from error


def _unread(error: OSError) -> str:
    return f"The file cannot be read ({reason_of(error)})."


def _write(target: Path, content: bytes) -> tuple[str, int]:
    with target.open("xb") as stream:
        stream.write(content)
    return hashlib.sha256(content).hexdigest(), len(content)
