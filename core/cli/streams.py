"""Standard output and error as they are: missing, closed, of an old code page, without escape codes."""

import codecs
import errno
import io
import os
import sys
import unicodedata
from contextlib import suppress
from typing import Any, TextIO

PLAIN = {
    "─": "-", "█": "#", "░": ".", "–": "-", "−": "-", "×": "x", "·": "|", "…": "...", "“": '"', "”": '"',
    "’": "'", "‘": "'", "→": "->", "≥": ">=", "≤": "<=", "≈": "~", "τ": "tau", "½": "1/2", "µ": "u", "\u202f": " ",
    "\u00a0": " ", "σ": "sigma", "²": "2", "±": "+/-",
}  # fmt: skip
"""What is written in place of the characters of this program that an encoding lacks, such as cp1252 or cp437."""

_WINDOWS = os.name == "nt"
_ERRORS = "coreset-plain"
_NO_ESCAPES = ("", "dumb")
_STANDARD_HANDLES = {1: -11, 2: -12}
_PROCESSED, _VIRTUAL_TERMINAL = 0x1, 0x4


def prepare_streams() -> None:
    """Make standard output and error usable: no character stops a command, nor does a stream that is missing or closed.

    A stream is missing where a program has no console, and under ``2>&-``; `print` would then write errors to standard
    output, or fail.
    """
    codecs.register_error(_ERRORS, _plain_characters)
    sys.stdout, sys.stderr = usable(sys.stdout), usable(sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS)


class _Discarding(io.StringIO):
    """Writes nothing anywhere."""

    def write(self, text: str, /) -> int:
        """Take `text` as written."""
        return len(text)


def usable(stream: TextIO | None) -> TextIO:
    """Return `stream`, or one that discards everything where it is missing or closed."""
    return _Discarding() if stream is None or stream.closed else stream


def is_unread(error: BaseException) -> bool:
    """Return whether nobody reads the output any more, which Windows calls an invalid argument."""
    if isinstance(error, BrokenPipeError):
        return True
    return _WINDOWS and isinstance(error, OSError) and error.errno == errno.EINVAL and error.filename is None


def takes_escapes(stream: TextIO) -> bool:
    """Return whether a terminal understands escape codes; on Windows they are turned on for it."""
    if not _WINDOWS:
        return os.environ.get("TERM", "") not in _NO_ESCAPES
    with suppress(OSError, ValueError, KeyError):
        return _turn_escapes_on(_kernel(), _STANDARD_HANDLES[stream.fileno()])
    return False


def _turn_escapes_on(kernel: Any, number: int) -> bool:
    """Ask a console of Windows to understand escape codes; those before Windows 10 version 1511 do not."""
    import ctypes
    from ctypes import wintypes

    kernel.GetStdHandle.restype = wintypes.HANDLE
    handle = wintypes.HANDLE(kernel.GetStdHandle(number))
    mode = ctypes.c_uint32()
    if not kernel.GetConsoleMode(handle, ctypes.byref(mode)):
        return False
    return bool(kernel.SetConsoleMode(handle, mode.value | _PROCESSED | _VIRTUAL_TERMINAL))


def _kernel() -> Any:
    import ctypes

    return vars(ctypes)["WinDLL"]("kernel32")


def n_cells(text: str) -> int:
    """Return how many cells of a terminal `text` takes: two for a wide character, none for a combining one."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _plain_characters(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    shown = (PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode("ascii") for each in text)
    return "".join(shown), error.end
