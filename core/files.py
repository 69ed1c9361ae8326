"""Writing, moving and removing files: whole or not at all, with patience, and leaving nothing behind.

What is being written has a temporary name next to its place, which identifies the process and machine that writes
it. What a killed process left is known by that name and removed by the next one (`remove_leftovers`).

What is called done is on disk before it is: a file is flushed before it takes its place, a folder with all in it, and
the change of names after that, so that a power cut leaves either what was there before or what replaced it, whole.

Windows refuses to move or remove what another program has open, and antivirus programs and synchronising folders open
every fresh file for some milliseconds. So moving and removing are retried for a while. It does not remove what is
read-only either, which other systems do: see `core.windows`.
"""

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TypeVar

from coreset_studio.core.windows import is_read_only, remove_read_only, why_not_found, writable

T = TypeVar("T")

PATIENCE_SECONDS = 4.0
"""How long to wait for a file that another program has open."""

FOREIGN_SECONDS = 24 * 60 * 60
"""How long a process of another machine counts as working after its last sign of activity."""

_WINDOWS = os.name == "nt"
ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION = 5, 32, 33
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
_LONGEST_STEM = 120
_MANY = 200
_ATTEMPTS = 5
_MARK = re.compile(r"([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{8}")
_TEMPORARY = re.compile(rf"\.(?P<stem>.*)\.{_MARK.pattern}\.part")
_PARTLY_WRITTEN = re.compile(r"\d+ requested and \d+ written")


# --- what an error means ------------------------------------------------------------------------------------------


def reason_of(error: OSError) -> str:
    """Return why the system refused, in a few words that fit into brackets; never nothing."""
    if is_held(error) and _winerror(error) != ACCESS_DENIED:
        return "it is open in another program"
    if too_long := why_not_found(error):
        return too_long
    if error.strerror:
        return error.strerror
    if error.errno:
        return os.strerror(error.errno)
    text = " ".join(str(error).split())
    if _PARTLY_WRITTEN.search(text):
        return "it could only be written partly; the disk may be full"  # NumPy only reports the numbers
    return text or type(error).__name__


def is_full(error: OSError) -> bool:
    """Return whether the disk, or what the user may take of it, is full."""
    return error.errno in _FULL


def is_refused(error: OSError) -> bool:
    """Return whether the system does not allow it: no right, or a disk that can only be read."""
    return error.errno in _REFUSED


def is_held(error: OSError) -> bool:
    """Return whether another program may have the file open, by the error code of Windows."""
    return _winerror(error) in (ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION)


def is_taken(error: OSError) -> bool:
    """Return whether the target of a move exists."""
    return error.errno in _TAKEN


def _winerror(error: OSError) -> int | None:
    return getattr(error, "winerror", None)


# --- moving and removing ------------------------------------------------------------------------------------------


def patiently(act: Callable[[], T]) -> T:
    """Return what `act` returns, trying again while another program has the file open.

    Raises
    ------
    OSError
        Of the last attempt, if it is still open after `PATIENCE_SECONDS`; any other immediately.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    pause = _FIRST_PAUSE
    while True:
        try:
            return act()
        except OSError as error:
            if not is_held(error) or time.monotonic() + pause > until:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def move(source: Path, target: Path) -> None:
    """Rename a file or folder to a name that is free.

    Raises
    ------
    OSError
        If it cannot be renamed; `is_taken` for a folder if `target` exists.
    """
    patiently(lambda: os.rename(source, target))  # noqa: PTH104 - a path's rename is the same


def replace(source: Path, target: Path) -> None:
    """Rename a file, replacing the file at `target`, if any. Raises OSError where it cannot be."""
    patiently(lambda: os.replace(source, target))  # noqa: PTH105


def remove(file: Path) -> None:
    """Remove a file or link that may be there, also a read-only one. Raises OSError where it cannot be removed."""

    def attempt() -> None:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            _remove_read_only(file, error)

    patiently(attempt)


def remove_tree(folder: Path) -> None:
    """Remove a folder that may be there, with all in it, also what is read-only.

    Raises
    ------
    OSError
        If that fails, in part or wholly.
    """

    def attempt() -> None:
        with suppress(FileNotFoundError):
            if sys.version_info >= (3, 12):
                shutil.rmtree(folder, onexc=lambda _, place, error: _remove_read_only(Path(place), error))
            else:
                shutil.rmtree(folder, onerror=lambda _, place, found: _remove_read_only(Path(place), found[1]))

    patiently(attempt)


def _remove_read_only(place: Path, error: BaseException) -> None:
    """Remove what Windows refused to remove because it is read-only; raise `error` where that was not the reason."""
    if not isinstance(error, OSError) or _winerror(error) != ACCESS_DENIED or not is_read_only(place):
        raise error
    remove_read_only(place)


def try_to_remove(place: Path) -> bool:
    """Remove a file or folder where that is possible; return whether it is gone."""
    try:
        if place.is_dir() and not place.is_symlink():
            remove_tree(place)
        else:
            remove(place)
    except OSError:
        return False
    return not os.path.lexists(place)


def put_in_place(building: Path, target: Path) -> Path | None:
    """Rename the folder `building` to `target`; an existing folder is only removed when the new one is on disk.

    Returns
    -------
    Path or None
        Where the old folder, or what is left of it, still is, if it could not be removed.

    Raises
    ------
    OSError
        If it cannot be done; `target` is then as it was, and `building` is still there.
    """
    flush_tree(building)
    if not os.path.lexists(target):
        move(building, target)
        flush_names(target.parent)
        return None
    # Not a temporary name: until the new one exists, this may be the only copy, and must not be swept.
    old = temporary_name(target).with_suffix(".old")
    move(target, old)
    try:
        move(building, target)
    except BaseException:
        move(old, target)
        raise
    flush_names(target.parent)
    return None if try_to_remove(old) else old


# --- flushing -----------------------------------------------------------------------------------------------------


def flush(file: Path) -> None:
    """Wait until the content of `file` is on disk. Raises OSError where the disk refuses it."""
    # Windows flushes only what is open for writing.
    with writable(file) if _WINDOWS else nullcontext():
        handle = os.open(file, os.O_RDWR if _WINDOWS else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def flush_tree(folder: Path) -> None:
    """Wait until the files in `folder` and below are on disk, other than those that are links to files elsewhere.

    Raises
    ------
    OSError
        If the disk refuses it.
    """
    files = []
    for place, _, names in os.walk(folder):
        for name in names:
            facts = os.lstat(file := Path(place, name))
            # A hard link's content has long been there, and may be read-only.
            if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1:
                files.append(file)
    if len(files) > _MANY and sys.platform == "linux":
        os.sync()  # waits for everything, which takes seconds where thousands of single flushes take minutes
        return
    for file in files:
        flush(file)
    for place, _, _ in os.walk(folder):
        flush_names(Path(place))


def flush_names(folder: Path) -> None:
    """Wait until the names in `folder` are on disk, if the system supports it: Windows and some shares do not."""
    if _WINDOWS:
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# --- temporary names ----------------------------------------------------------------------------------------------


def process_mark() -> str:
    """Return a new mark that identifies the process and machine that made something, such as ``1f0c…-4711-9a3e…``."""
    return f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"


def temporary_name(place: Path) -> Path:
    """Return a hidden name next to `place` for what is to become `place`, known as this process's own."""
    # A file name has at most 255 bytes.
    stem = os.fsencode(place.name)[:_LONGEST_STEM].decode(errors="ignore")
    return place.with_name(f".{stem}.{process_mark()}.part")


def stem_of_temporary(place: Path) -> str:
    """Return what `place` is, or was, to become, if it has a temporary name; otherwise nothing."""
    found = _TEMPORARY.fullmatch(place.name)
    return found["stem"] if found else ""


def make_temporary_folder(place: Path) -> Path:
    """Make an empty folder next to `place` with the usual rights, which is to become `place`, and return it.

    Leftovers of killed processes for the same place are removed. Raises OSError where it cannot be made.
    """
    remove_leftovers(place)
    building = temporary_name(place)
    # The second time only where another process has removed the folder above, which was empty, just then.
    for _ in range(_ATTEMPTS):
        place.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            building.mkdir()
            return building
    building.mkdir()
    return building


@contextmanager
def removed_on_failure(place: Path) -> Iterator[Path]:
    """Remove the file or folder `place`, if it exists, when the block raises."""
    try:
        yield place
    except BaseException:
        try_to_remove(place)
        raise


@contextmanager
def temporary_folder(place: Path) -> Iterator[Path]:
    """Give an empty folder next to `place` to fill; on disk, it replaces `place` at the end of the block.

    Nothing remains of it if the block raises. Leftovers of killed processes for the same place are removed. Raises
    OSError where it cannot be.
    """
    with removed_on_failure(make_temporary_folder(place)) as building:
        yield building
        put_in_place(building, place)


@contextmanager
def temporary_file(place: Path, *, is_flushed: bool = True) -> Iterator[Path]:
    """Give a name next to `place` to write a file under; it replaces `place` at the end of the block.

    Nothing remains of it if the block raises. The file of a link is replaced, not the link.

    Parameters
    ----------
    place : Path
        Its folder is made where it is missing.
    is_flushed : bool
        Whether it is on disk before it replaces `place`, and what killed processes left of the same place is removed.
        Without, a power cut can leave an empty file: for thousands of small files that are easily made again.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    place = Path(os.path.realpath(place))
    place.parent.mkdir(parents=True, exist_ok=True)
    if is_flushed:
        remove_leftovers(place)
    with removed_on_failure(temporary_name(place)) as part:
        yield part
        if is_flushed:
            put_file_in_place(part, place)
        else:
            replace(part, place)


def copy_tree(source: Path, target: Path) -> None:
    """Copy the files in a folder and below into the folder `target`, which exists: content alone.

    Their rights are not copied: some file systems refuse to set them, and copies of read-only files are not to be
    read-only. Raises OSError where something cannot be read or written.
    """
    for place, _, names in os.walk(source, onerror=_raise):
        folder = target / Path(place).relative_to(source)
        folder.mkdir(exist_ok=True)
        for name in names:
            shutil.copyfile(Path(place, name), folder / name)


def _raise(error: OSError) -> None:
    raise error


def put_file_in_place(part: Path, place: Path) -> None:
    """Rename the file `part`, once it is on disk, in place of `place`, whose rights it takes over.

    Raises
    ------
    OSError
        If it cannot be done; `place` is then as it was, and `part` is still there.
    """
    with suppress(OSError):  # nothing there to have rights, or a file system that has none
        part.chmod(place.stat().st_mode & 0o777)
    flush(part)
    replace(part, place)
    flush_names(place.parent)


def replace_atomically(file: Path, content: bytes) -> None:
    """Replace `file` by `content` only when all of it is on disk.

    Parameters
    ----------
    file : Path
        Its folder is made where it is missing. A link is followed, so that its target is replaced.
    content : bytes

    Raises
    ------
    OSError
        If it cannot be written; the old file is then as it was.
    """
    with temporary_file(file) as part, part.open("xb") as stream:
        stream.write(content)


def remove_leftovers(place: Path) -> None:
    """Remove what killed processes of this machine left half written for `place`."""
    stem = os.fsencode(place.name)[:_LONGEST_STEM].decode(errors="ignore")
    with suppress(OSError):
        for name in os.listdir(place.parent):  # noqa: PTH208 - names are all that is needed
            if name.startswith(f".{stem}.") and is_leftover(beside := place.with_name(name)):
                try_to_remove(beside)


def is_leftover(place: Path) -> bool:
    """Return whether `place` has a temporary name of this machine, and the process that made it is gone."""
    return _TEMPORARY.fullmatch(place.name) is not None and maker_is_gone(place)


def maker_is_gone(place: Path) -> bool:
    """Return whether `place` has the mark of a process of this machine in its name that is no longer there."""
    found = _MARK.search(place.name)
    if found is None or found[1] != _host():
        return False
    pid = int(found[2])
    if pid == os.getpid():
        return False
    import psutil

    try:
        # Numbers are given again: a process younger than the file did not make it.
        return bool(psutil.Process(pid).create_time() > place.stat().st_mtime + 1)
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, OSError):
        return False


def is_own(place: Path) -> bool:
    """Return whether `place` has the mark of this process in its name."""
    found = _MARK.search(place.name)
    return found is not None and found[1] == _host() and int(found[2]) == os.getpid()


def maker_may_be_at_work(place: Path) -> bool:
    """Return whether `place` has the mark of a process in its name that may still be there.

    It is not possible to query a process of another machine: it counts as one that is, where `place` was changed
    within the last day.
    """
    found = _MARK.search(place.name)
    if found is None:
        return False
    if found[1] == _host():
        return not maker_is_gone(place)
    try:
        return abs(time.time() - place.stat().st_mtime) < FOREIGN_SECONDS
    except OSError:
        return False


def _host() -> str:
    return hashlib.sha256(platform.node().encode(errors="replace")).hexdigest()[:8]


# --- reading ------------------------------------------------------------------------------------------------------
