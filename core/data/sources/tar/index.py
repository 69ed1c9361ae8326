"""Find the members of a tar archive, and read single ones in place by their offsets.

Nothing is ever unpacked. Links, devices, sparse files, and names that would lead out of the archive are listed with
the reason.

References
----------
IEEE Std 1003.1, pax: ustar interchange format.
"""

import io
import os
import tarfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from coreset_studio.core.data.folder_names import leftover
from coreset_studio.core.data.listing import is_text, printable
from coreset_studio.core.errors import DatasetError, ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import open_regular
from coreset_studio.core.results import Skipped

BLOCK = 512
MOST_MEMBERS = 5_000_000
"""How many members all archives of a dataset may have."""

_LONGEST_HEADER = 2**20
_MEMBERS_PER_REPORT = 2000
_KEPT_PLACES = 2_000_000


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in an archive; `name` is its path there, and `size` in bytes."""

    name: str
    offset: int
    size: int


@dataclass
class Members:
    """Members of one archive.

    Attributes
    ----------
    files : list of Member
    skipped : list of Skipped
        What is not read, by its path in the archive.
    fault : str
        Why the archive was not read to its end, as a sentence; empty if it was.
    places : dict of str to (int, int)
        Offset and size of each by its name, which are kept for `read_member`.
    """

    files: list[Member] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    fault: str = ""
    places: dict[str, tuple[int, int]] = field(default_factory=dict)


def _state(stream: BinaryIO) -> tuple[int, int]:
    """Return size and time of an open archive."""
    facts = os.fstat(stream.fileno())
    return facts.st_size, facts.st_mtime_ns


class _Headers(io.RawIOBase):
    """An open archive of which only headers are read: what claims to be a longer one is damaged."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self._stream.read(size)

    def seek(self, place: int, whence: int = 0, /) -> int:
        if place < 0:
            raise tarfile.ReadError(f"a member before the start, at {place:,}")
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        return self._stream.tell()


def members_of(archive: Path, progress: Progress, n_before: int = 0) -> Members:
    """Return the members of an archive; its headers alone are read.

    Parameters
    ----------
    archive : Path
    progress : Progress
    n_before : int
        How many members of other archives were found already.

    Raises
    ------
    DatasetError
        If it has too many members.
    CancelledError
        If the user cancelled.
    """
    found = Members()
    seen: set[str] = set()
    state = (0, 0)
    try:
        with open_regular(archive) as stream:
            state = _state(stream)
            size = state[0]
            for info in _infos(stream, size, found):
                n = n_before + len(found.files) + len(found.skipped)
                if n % _MEMBERS_PER_REPORT == 0:
                    progress.report(n, 0, "Reading the archives: files")
                if n > MOST_MEMBERS:
                    raise DatasetError(f"The archives have more than {MOST_MEMBERS:,} files; open fewer (--shards).")
                _take(info, size, found, seen)
    except OSError as error:
        found.fault = f"{reason_of(error)}."
    if found.fault:
        n = len(found.files)
        what = f"was read up to its file {n:,} only" if n else "cannot be read"
        found.fault = f"{archive.name} {what}: {found.fault} Copy or download it again."
    found.places = _PLACES.keep(archive, found.files, state)
    return found


def _infos(stream: BinaryIO, size: int, found: Members) -> Iterator[tarfile.TarInfo]:
    """Yield the headers; what ends them early becomes the fault of `found`."""
    place = -1
    try:
        with tarfile.open(fileobj=_Headers(stream), mode="r:", encoding="utf-8", errors="surrogateescape") as headers:
            while (info := headers.next()) is not None:
                # A size below 0 would lead back to a header that was read before, for ever.
                if info.size < 0 or headers.offset <= place:
                    found.fault = "it is damaged."
                    return
                place = headers.offset
                headers.members = []  # type: ignore[attr-defined]  # it would keep all of them
                yield info
            stream.seek(headers.offset)
            rest = stream.read(BLOCK)
            if headers.offset > size or rest.strip(b"\0"):
                found.fault = "it is truncated." if headers.offset > size else "it is damaged."
    except (OSError, MemoryError):
        raise
    except Exception as error:  # tarfile raises nearly any exception on damaged files
        is_cut = any(word in str(error) for word in ("unexpected end", "truncated", "empty"))
        found.fault = "it is truncated." if is_cut else "it is damaged."


def _take(info: tarfile.TarInfo, size: int, found: Members, seen: set[str]) -> None:
    name = "/".join(part for part in info.name.split("/") if part not in ("", "."))
    reason = _fault(info, name)
    if not reason and info.isdir():
        return
    if not reason and info.offset_data + info.size > size:
        reason = "It is truncated, as the archive ends before it."
    if not reason and name in seen:
        reason = "The archive contains a file of this name already; the first was used."
    if reason:
        found.skipped.append(Skipped(printable(info.name)[:300], reason))
        return
    seen.add(name)
    found.files.append(Member(name, info.offset_data, info.size))


def _fault(info: tarfile.TarInfo, name: str) -> str:
    """Return why a member is not read, or nothing."""
    parts = name.split("/")
    if info.name.startswith("/") or ".." in parts or not name or "\\" in name or "\0" in name:
        return "Its name leads out of the archive, so it is not read."
    if not is_text(name):
        return "Its name is not valid text; rename it."
    if info.issym() or info.islnk():
        return "It is a link, which is not followed."
    if info.ischr() or info.isblk() or info.isfifo():
        return "It is a device or a pipe."
    if info.issparse():
        return "It is stored as a sparse file, which is not read; pack it again without --sparse."
    if not info.isreg() and not info.isdir():
        return "It is neither a file nor a folder."
    if any(part.startswith(".") for part in parts):
        return "It is a hidden file."
    for at, part in enumerate(parts):
        if said := leftover(part, is_folder=at < len(parts) - 1):
            return said
    return ""


class _Places:
    """Where the members of the latest archives are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int, int], dict[str, tuple[int, int]]] = OrderedDict()

    def keep(self, archive: Path, files: list[Member], state: tuple[int, int]) -> dict[str, tuple[int, int]]:
        """Keep the offsets and sizes of members, and forget those of the archives that were not used for longest."""
        places = {member.name: (member.offset, member.size) for member in files}
        with self._lock:
            self._kept[(str(archive), *state)] = places
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > _KEPT_PLACES:
                self._kept.popitem(last=False)
        return places

    def get(self, archive: Path, state: tuple[int, int]) -> dict[str, tuple[int, int]] | None:
        """Return those of an archive that has not changed since."""
        key = (str(archive), *state)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)


_PLACES = _Places()
_READING = threading.Lock()


def read_member(archive: Path, name: str, limit: int) -> bytes:
    """Return the content of one member; nothing else of the archive is read, unless it has to be found first.

    Raises
    ------
    ImageError
        If there is no such member, or it cannot be read.
    """
    try:
        with open_regular(archive) as stream:
            state = _state(stream)
            places = _PLACES.get(archive, state)
            if places is None:
                with _READING:  # once, not by every thread
                    places = _PLACES.get(archive, state) or members_of(archive, NO_PROGRESS).places
            if name not in places:
                raise ImageError(f"{archive.name} contains no file {name}.")
            offset, size = places[name]
            if size > limit:
                raise ImageError(f"The file has {size:,} bytes; at most {limit:,} are read.")
            stream.seek(offset)
            data = stream.read(size)
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise ImageError(f"The archive cannot be read ({reason}).") from error
    except DatasetError as error:
        raise ImageError(str(error)) from error
    if len(data) < size:
        raise ImageError(f"It is truncated: {archive.name} ends before it.")
    return data
