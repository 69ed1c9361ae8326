"""Differences on Windows: read-only files, long paths, and how a program makes itself known to the system.

Nothing here has been run on Windows: the calls of its system are tested with stand-ins. Outside Windows no function
changes anything.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ctypes import wintypes
from functools import cache
from pathlib import Path
from typing import Any

LONGEST_PATH = 259
"""Longest absolute path of a file on Windows, in UTF-16 units, unless the system allows longer ones."""

LONGEST_FOLDER = 247
"""Longest absolute path of a folder on Windows, in UTF-16 units, unless the system allows longer ones."""

HOW_TO_ALLOW = "turn on long paths in Windows (its setting LongPathsEnabled)"

_DELETE, _SHARE_ALL, _OPEN_EXISTING = 0x10000, 0x7, 3
_OPEN_LINK, _OPEN_FOLDER = 0x00200000, 0x02000000
_DISPOSITION_EX = 21
_DELETE_POSIX_IGNORING_READ_ONLY = 0x1 | 0x2 | 0x10
_INVALID_HANDLE = ctypes.c_void_p(-1).value


# --- long paths ---------------------------------------------------------------------------------------------------


@cache
def is_path_limited() -> bool:
    """Return whether the system refuses long paths: Windows, unless its setting LongPathsEnabled is on."""
    if os.name != "nt":
        return False
    try:  # pragma: no cover - not the system of the tests
        return not _library("ntdll").RtlAreLongPathsEnabled() & 0xFF
    except (OSError, AttributeError):  # pragma: no cover - Windows before version 1607
        return True


def length_of(place: str) -> int:
    """Return the length of a path as Windows counts it: that of the absolute path, in UTF-16 units."""
    return len(os.path.abspath(place).encode("utf-16-le", "surrogatepass")) // 2  # noqa: PTH100


def excess_of(place: Path, *, is_folder: bool = False) -> int:
    """Return by how many characters a path is too long for this system; 0 where it is not."""
    if not is_path_limited():
        return 0
    return max(0, length_of(os.fspath(place)) - (LONGEST_FOLDER if is_folder else LONGEST_PATH))


def why_not_found(error: OSError) -> str:
    """Return that a path was too long, where Windows only says that it does not exist; otherwise nothing."""
    if error.errno not in (errno.ENOENT, errno.EINVAL) or not is_path_limited():
        return ""
    longest = max((length_of(str(name)) for name in (error.filename, error.filename2) if name), default=0)
    if longest <= LONGEST_FOLDER:
        return ""
    return f"its path has {longest} characters, and Windows allows {LONGEST_PATH}, of folders {LONGEST_FOLDER}"


# --- read-only files ----------------------------------------------------------------------------------------------


def is_read_only(place: Path) -> bool:
    """Return whether a file or folder, not a link, has Windows' attribute read-only, which prevents its removal."""
    try:
        mode = os.lstat(place).st_mode
    except OSError:
        return False
    return not stat.S_ISLNK(mode) and not mode & stat.S_IWRITE


def remove_read_only(place: Path) -> None:
    """Remove a read-only file or an empty read-only folder, as other systems do.

    Hard links share the attribute: of a file with several names, such as an original that an export links to, only
    this name is removed, and the attribute stays.

    Raises
    ------
    OSError
        If it cannot be removed; it is then read-only as before.
    """
    facts = os.lstat(place)
    if stat.S_ISREG(facts.st_mode) and facts.st_nlink > 1:
        _delete_name(place)
        return
    place.chmod(stat.S_IMODE(facts.st_mode) | stat.S_IWRITE)
    try:
        if stat.S_ISDIR(facts.st_mode):
            place.rmdir()
        else:
            place.unlink()
    except OSError:
        place.chmod(stat.S_IMODE(facts.st_mode))
        raise


@contextmanager
def writable(file: Path) -> Iterator[None]:
    """Take the attribute read-only off a file for the block; a file system may refuse to change it."""
    mode = stat.S_IMODE(file.lstat().st_mode) if is_read_only(file) else None
    if mode is not None:
        with suppress(OSError):
            file.chmod(mode | stat.S_IWRITE)
    try:
        yield
    finally:
        if mode is not None:
            with suppress(OSError):
                file.chmod(mode)


def _delete_name(place: Path) -> None:
    """Delete one name of a file, read-only or not (Windows 10 version 1809 and later)."""
    kernel = _library("kernel32")
    kernel.CreateFileW.restype = wintypes.HANDLE
    handle = kernel.CreateFileW(
        os.fspath(place), _DELETE, _SHARE_ALL, None, _OPEN_EXISTING, _OPEN_LINK | _OPEN_FOLDER, None
    )
    if handle in (None, _INVALID_HANDLE):
        raise _refusal(place)
    try:
        flags = ctypes.c_uint32(_DELETE_POSIX_IGNORING_READ_ONLY)
        if not kernel.SetFileInformationByHandle(
            wintypes.HANDLE(handle), _DISPOSITION_EX, ctypes.byref(flags), ctypes.sizeof(flags)
        ):
            raise _refusal(place)
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))


def _refusal(place: Path) -> OSError:
    # Without the code of Windows: another attempt would not change it.
    return OSError(errno.EACCES, "it is read-only", os.fspath(place))


# --- the program to the system ------------------------------------------------------------------------------------

APPLICATION_ID = "CoresetStudio.CoresetStudio"
"""Of the program in the task bar; the same as in `packaging/windows/coreset-studio.iss`."""

MUTEX = "CoresetStudioIsRunning"
"""By which the installer knows that the program runs; the same as in `packaging/windows/coreset-studio.iss`."""


def make_known(*, has_window: bool) -> None:
    """Let Windows know this process as the program; nothing on other systems.

    The installer asks to close it, and, of one with a window, the task bar shows its icon and groups its windows apart
    from those of other Python programs. Where the system refuses, the program works without.

    Parameters
    ----------
    has_window : bool
        False for commands and engine processes.
    """
    if os.name != "nt":
        return
    _make_known(_library, has_window=has_window)  # pragma: no cover - not the system of the tests


def _make_known(library: Callable[[str], Any], *, has_window: bool) -> None:
    with suppress(OSError, AttributeError):
        # Open until the process ends, which closes it.
        create = library("kernel32").CreateMutexW
        create.restype = wintypes.HANDLE
        create(None, False, MUTEX)
        if has_window:
            library("shell32").SetCurrentProcessExplicitAppUserModelID(ctypes.c_wchar_p(APPLICATION_ID))


def _library(name: str) -> Any:
    return vars(ctypes)["WinDLL"](name, use_last_error=True)
