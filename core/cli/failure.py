"""Unexpected errors: one sentence for the user, and a file with the details."""

import platform
import shlex
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from coreset_studio.core.files import reason_of
from coreset_studio.core.resources import user_data_folder
from coreset_studio.core.version import __version__

LOG_NAME = "coreset.log"
LARGEST_LOG = 1_000_000


def log_file() -> Path:
    """Return the file that details are written to: the user's own, next to the log of the window."""
    return user_data_folder() / "logs" / LOG_NAME


def failure_sentence(error: BaseException, arguments: Sequence[str]) -> str:
    """Write the details of an error to the log, and return one sentence for the user that names it.

    Parameters
    ----------
    error : BaseException
    arguments : sequence of str
        Of the command line.
    """
    place = _keep(error, arguments)
    details = f"the details are in {place}" if place else "its details could not be written to the log"
    return f"{_what_happened(error)}; {details}."


def _what_happened(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "There was not enough memory; close other programs, or process less at once"
    if isinstance(error, OSError) and error.strerror:
        subject = str(error.filename) if error.filename is not None else "Something"
        return f"{subject} could not be read or written ({reason_of(error)})"
    if isinstance(error, RecursionError):
        return "The input is nested too deeply (RecursionError)"
    first = " ".join(str(error).split())
    text = f"{type(error).__name__}: {first[:200]}" if first else type(error).__name__
    return f"The command stopped at an unexpected error ({text.rstrip('.')})"


def _keep(error: BaseException, arguments: Sequence[str]) -> Path | None:
    """Add traceback, versions and arguments to the log, and return its path; None where it cannot be written."""
    try:
        place = log_file()
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and place.stat().st_size > LARGEST_LOG:
            with suppress(OSError):  # Windows, where another program has it open: it grows
                place.replace(place.with_name(f"{place.name}.1"))
        with place.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(_details(error, arguments))
    except (OSError, MemoryError):
        return None
    return place


def _details(error: BaseException, arguments: Sequence[str]) -> str:
    lines = [
        f"{datetime.now(UTC).isoformat(timespec='seconds')} Coreset Studio {__version__}",
        f"Python {sys.version.split()[0]}, {platform.platform()}",
    ]
    # The same fault may occur here.
    with suppress(Exception):
        from coreset_studio.core.libraries import library_versions

        lines.append(", ".join(f"{name} {version}" for name, version in library_versions().items()))
    lines.append(f"coreset {shlex.join(arguments)}")
    return "\n".join(lines) + "\n" + "".join(traceback.format_exception(error)) + "\n"
