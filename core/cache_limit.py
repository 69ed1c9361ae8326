"""The limit of the cache: where it is stored, and trimming after work.

The limit is in the cache folder itself, so that the window, the command line and all who share the cache have one.
Without it there is none, as before there were limits.
"""

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

from coreset_studio.core.cache_use import added_bytes
from coreset_studio.core.errors import CacheError
from coreset_studio.core.files import reason_of, replace_atomically, try_to_remove
from coreset_studio.core.forms import FormError, read_form, read_json
from coreset_studio.core.housekeeping import SIZE_FILE, CacheSize, Trimmed, measure_cache, remember_size, trim_cache
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.words import byte_size

ENVIRONMENT_VARIABLE = "CORESET_CACHE_LIMIT"
LIMIT_FILE = "limit.json"
GIGABYTE = 1_000_000_000
MEASURED_AFTER_SECONDS = 60 * 60
"""Additions of other processes to the cache are noticed after this time at the latest."""


@dataclass(frozen=True)
class CacheLimit:
    """The limit of the cache.

    Attributes
    ----------
    gigabytes : float or None
        Of 10⁹ bytes; None: no limit.
    note : str
        A sentence where something was set that is not a limit, which counts as none.
    """

    gigabytes: float | None
    note: str = ""

    @property
    def n_bytes(self) -> int | None:
        """The limit in bytes."""
        return None if self.gigabytes is None else round(self.gigabytes * GIGABYTE)


@dataclass(frozen=True)
class CacheState:
    """State of the cache: its size, its limit, and how many bytes were just removed."""

    size: CacheSize
    limit: CacheLimit
    n_bytes_removed: int = 0


@dataclass(frozen=True)
class _LimitForm:
    gigabytes: float


@dataclass(frozen=True)
class _SizeForm:
    bytes: int
    measured: float


def is_fixed() -> bool:
    """Return whether the environment variable CORESET_CACHE_LIMIT sets the limit."""
    return bool(os.environ.get(ENVIRONMENT_VARIABLE))


def read_limit(folder: Path) -> CacheLimit:
    """Return the limit of the cache in `folder`: CORESET_CACHE_LIMIT, otherwise what is in the cache."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        found = _as_gigabytes(named)
        note = f"{ENVIRONMENT_VARIABLE} is {named!r}; expected a number of gigabytes above 0."
        return CacheLimit(found) if found else CacheLimit(None, f"{note} The cache has no limit.")
    file = folder / LIMIT_FILE
    try:
        gigabytes = read_form(read_json(file), _LimitForm).gigabytes
        if gigabytes <= 0:
            raise FormError(f"expected gigabytes above 0, found {gigabytes:g}")
    except FileNotFoundError:
        return CacheLimit(None)
    except (OSError, FormError) as error:
        why = reason_of(error) if isinstance(error, OSError) else error
        return CacheLimit(
            None,
            f"{file} does not contain a limit of the cache ({why}), so the cache has no limit. Set it again in "
            "the settings.",
        )
    return CacheLimit(gigabytes)


def _as_gigabytes(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and found > 0 else None


def look_at_cache(folder: Path, progress: Progress = NO_PROGRESS) -> CacheState:
    """Return what the cache in `folder` holds, and its limit."""
    size, limit = measure_cache(folder, progress), read_limit(folder)
    if limit.n_bytes is not None:
        remember_size(folder, size.n_bytes)
    return CacheState(size, limit)


def set_limit(folder: Path, gigabytes: float | None, progress: Progress = NO_PROGRESS) -> CacheState:
    """Keep a limit, or None for no limit, in the cache in `folder`, and trim the cache to it.

    Raises
    ------
    CacheError
        If it cannot be written.
    CancelledError
        If the user cancelled; the limit is kept, and what was removed until then is gone.
    """
    file = folder / LIMIT_FILE
    try:
        if gigabytes is None:
            file.unlink(missing_ok=True)
        else:
            replace_atomically(file, json.dumps({"gigabytes": gigabytes}).encode())
    except OSError as error:
        raise CacheError(
            f"The limit of the cache cannot be written to {file} ({reason_of(error)}). "
            "Ask for write permission, or choose another folder for the cache."
        ) from error
    limit = read_limit(folder)
    if limit.n_bytes is None:
        try_to_remove(folder / SIZE_FILE)
        return CacheState(measure_cache(folder, progress), limit)
    trimmed = trim_cache(folder, limit.n_bytes, progress)
    return CacheState(trimmed.size, limit, trimmed.n_bytes_removed)


def trim_after_work(progress: Progress = NO_PROGRESS) -> tuple[str, ...]:
    """Trim the caches that this process has used to their limits; return notes for the user.

    Nothing is measured if it was measured within the last hour and there is still room.

    Raises
    ------
    CancelledError
        If the user cancelled.
    """
    sentences = []
    for folder, added in added_bytes().items():
        limit = read_limit(folder)
        if limit.note:
            sentences.append(limit.note)
        if limit.n_bytes is None or not os.access(folder, os.W_OK) or _has_room(folder, limit.n_bytes, added):
            continue
        sentences += _trim_notes(folder, limit, trim_cache(folder, limit.n_bytes, progress))
    return tuple(sentences)


def _has_room(folder: Path, limit: int, added: int) -> bool:
    """Return whether the cache is known to be within its limit, `added` included, and remember what was added."""
    try:
        last = read_form(read_json(folder / SIZE_FILE), _SizeForm)
    except (OSError, FormError):
        return False
    if last.bytes + added > limit:
        return False
    if not added:
        return True
    remember_size(folder, last.bytes + added, last.measured)
    return 0 <= time.time() - last.measured < MEASURED_AFTER_SECONDS


def _trim_notes(folder: Path, limit: CacheLimit, trimmed: Trimmed) -> list[str]:
    sentences = []
    size = byte_size(trimmed.size.n_bytes)
    if trimmed.n_removed:
        sentences.append(
            f"{byte_size(trimmed.n_bytes_removed)} of the least recently used data were removed from the cache "
            f"{folder}, which now contains {size} of at most {limit.gigabytes:g} GB."
        )
    if limit.n_bytes is not None and trimmed.size.n_bytes > limit.n_bytes:
        sentences.append(
            f"The cache {folder} contains {size}, more than its limit of {limit.gigabytes:g} GB, because files in use "
            "are not removed. Raise the limit if they are needed regularly."
        )
    return sentences
