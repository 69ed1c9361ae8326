"""Read the images of tar archives."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn

from coreset_studio.core.data.beside import folder_has_images
from coreset_studio.core.data.braces import is_pattern
from coreset_studio.core.data.colour import BEFORE, RGBArray, settled
from coreset_studio.core.data.description import Match
from coreset_studio.core.data.images import BYTE_LIMIT, decode
from coreset_studio.core.data.listing import Listing
from coreset_studio.core.data.reader import Loaded, SourceReader
from coreset_studio.core.data.sources.tar.index import read_member
from coreset_studio.core.data.sources.tar.listing import list_tar
from coreset_studio.core.data.sources.tar.settings import TarSettings
from coreset_studio.core.data.sources.tar.shards import PACKED, SUFFIX
from coreset_studio.core.errors import DatasetError, ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import open_regular
from coreset_studio.core.results import Image, Reading
from coreset_studio.core.settings import DataSettings

_MAGIC = slice(257, 262)


class TarReader(SourceReader):
    """Images that are files in tar archives; the root is the folder of the archives."""

    def recognise(self, path: Path, head: bytes) -> Match:
        """Take an archive, a folder of them, and a name with braces that ends in .tar."""
        name = path.name.lower()
        if path.is_dir():
            return Match.CONTENT if _has_archives(path) and not folder_has_images(path) else Match.NO
        if head[_MAGIC] == b"ustar" or (not head and name.endswith(SUFFIX) and is_pattern(name)):
            return Match.CONTENT
        return Match.NAME if name.endswith((SUFFIX, *PACKED)) else Match.NO

    def listing(
        self,
        path: Path,
        settings: TarSettings | None = None,
        progress: Progress = NO_PROGRESS,
        data: DataSettings | None = None,
    ) -> Listing:
        """List the images of the archives."""
        name = path.name.lower()
        packed = next((suffix for suffix in PACKED if name.endswith(suffix)), "")
        if path.is_file() and (packed or _is_packed(path)):
            raise DatasetError(
                f"{path.name} is compressed as a whole, so that single images cannot be read in place; unpack it first "
                "and open the .tar, or the folder of its images."
            )
        return list_tar(path, settings or TarSettings(), progress, data)

    def load(self, root: Path, path: str, reading: Reading = BEFORE) -> Loaded:
        """Read and decode one file."""
        archive, name = _place(root, path)
        try:
            modified_ns = archive.stat().st_mtime_ns
        except OSError as error:
            raise ImageError(f"The archive cannot be read ({reason_of(error)}).") from error
        data = read_member(archive, name, BYTE_LIMIT)
        decoded = decode(data, reading)
        return Loaded(decoded.rgb, hashlib.sha256(data).hexdigest(), len(data), modified_ns, decoded)

    def read(self, root: Path, path: str, reading: Reading = BEFORE) -> RGBArray:
        """Read and decode one file."""
        return settled(decode(self.original(root, path), reading))

    def changed(self, root: Path, image: Image) -> bool:
        """Compare the time of the archive."""
        try:
            return _place(root, image.path)[0].stat().st_mtime_ns != image.modified_ns
        except (OSError, ImageError):
            return True

    def original(self, root: Path, path: str) -> bytes:
        """Return the bytes of one file; nothing else of the archive is read."""
        return read_member(*_place(root, path), BYTE_LIMIT)

    def file(self, root: Path, path: str) -> NoReturn:
        """Refuse: it is inside an archive."""
        raise ImageError(f"{path} of {root.name} is inside an archive.")

    def parts_below_class(self, image: Image) -> tuple[str, ...]:
        """Return archive and path inside, without the folder of the class, as one name."""
        archive, *parts = PurePosixPath(image.path).parts
        of_class = image.original_class or image.class_name
        inner = [part for part in parts[:-1] if part != of_class]
        return ("_".join([Path(archive).stem, *inner, parts[-1] if parts else archive]),)

    def one_class_advice(self, images: Sequence[Image]) -> str:  # noqa: ARG002
        """Return where else the classes can be."""
        return "; --tar-classes selects where the classes are"


def _place(root: Path, path: str) -> tuple[Path, str]:
    archive, _, name = path.partition("/")
    if not name or archive in ("", ".", "..") or "\0" in path:
        raise ImageError(f"{path} is not the path of an image in an archive.")
    return root / archive, name


def _is_packed(path: Path) -> bool:
    """Return whether a file is packed by gzip, bzip2, xz or Zstandard, whatever it is named."""
    try:
        with open_regular(path) as stream:
            return stream.read(6).startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"))
    except OSError:
        return False


def _has_archives(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(
                entry.name.lower().endswith(SUFFIX) and not entry.name.startswith(".")
                for entry, _ in zip(entries, range(1000), strict=False)
            )
    except OSError:
        return False


READER = TarReader()
