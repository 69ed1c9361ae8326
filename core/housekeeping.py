"""Measuring, emptying and trimming the cache."""

import json
import os
import re
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from coreset_studio.core.cache_use import is_in_use, names_in_use, release, sweep_uses
from coreset_studio.core.files import (
    is_leftover,
    is_own,
    maker_is_gone,
    maker_may_be_at_work,
    move,
    patiently,
    replace_atomically,
    stem_of_temporary,
    temporary_name,
    try_to_remove,
)
from coreset_studio.core.progress import NO_PROGRESS, Progress, StepProgress

_KEY = r"[0-9a-f]{32}"
_STAGE = rf"{_KEY}|\.{_KEY}\..+"
OWN_FILES = re.compile(r"(\.)?(speeds|weights)\.json(?(1)\..+)")
OWN_FOLDERS = {
    "backbone": re.compile(r".+-\d+-[0-9a-f]{16}-v[\d.]+"),
    "class-embedding": re.compile(_STAGE),
    "class-view": re.compile(_STAGE),
    "clusters": re.compile(_STAGE),
    "datasets": re.compile(rf"{_KEY}\.json|\.{_KEY}\.json\..+"),
    "difficulty": re.compile(_STAGE),
    "map": re.compile(_STAGE),
    "features": re.compile(r".+-[0-9a-f]{16}|\.?.+\.(rate|workers)\.json(\..+)?"),
    "features-file-rows": re.compile(_STAGE),
    "file-digest": re.compile(_STAGE),
    "pixels": re.compile(r"\d+-v\d+"),
    "pool-embedding": re.compile(_STAGE),
    "pool-view": re.compile(_STAGE),
    "sizes": re.compile(_STAGE),
    "sizes-run": re.compile(_STAGE),
    "strength": re.compile(_STAGE),
    "teacher": re.compile(_STAGE),
    "thumbnails": re.compile(r"[0-9a-f]{2}"),
}
"""The folders of the cache, and the names of their entries. A name that begins with a dot
is a file or folder that a killed run left half written."""


SMALL_FACTS = re.compile(r"(speeds|weights)\.json|features/.+\.(rate|workers)\.json")
"""Files that trimming keeps: a few facts each, on all work so far."""

_TRIMMING = "Making room in the cache"

SIZE_FILE = "size.json"
"""The size of the cache when it was last measured, so that it need not be measured after each piece of work."""


@dataclass(frozen=True)
class CacheSize:
    """Size of the cache: files and bytes, and how many of the bytes were kept because another process uses them."""

    n_files: int
    n_bytes: int
    n_bytes_in_use: int = 0


@dataclass(frozen=True)
class Trimmed:
    """Size of the cache after trimming, and what was removed.

    Attributes
    ----------
    size : CacheSize
    n_removed : int
        Entries.
    n_bytes_removed : int
    """

    size: CacheSize
    n_removed: int
    n_bytes_removed: int


@dataclass(frozen=True)
class _Measured:
    """An entry with its size, and when it was last used, in seconds since 1970."""

    place: Path
    n_files: int
    n_bytes: int
    used: float


def measure_cache(folder: Path, progress: Progress = NO_PROGRESS) -> CacheSize:
    """Return how much of what this program made is in `folder`; nothing where it does not exist.

    What it keeps to know the limit, the size and the uses of the cache is not counted.
    """
    return _sum(_measured(folder, progress))


def _sum(entries: Collection[_Measured]) -> CacheSize:
    return CacheSize(sum(each.n_files for each in entries), sum(each.n_bytes for each in entries))


def _measured(folder: Path, progress: Progress) -> list[_Measured]:
    found: list[_Measured] = []
    n_files = n_reported = 0
    for entry in own_entries(folder):
        found.append(_measure(entry))
        n_files += found[-1].n_files
        if n_files - n_reported >= 1000:
            n_reported = n_files
            progress.report(n_files, 0, "Measuring the cache: files")
    return found


def _measure(entry: Path) -> _Measured:
    """Return what an entry holds; what another process moves or removes meanwhile is passed over."""
    n_files = n_bytes = 0
    used = 0.0
    folders: list[str] = []

    def count(place: str, status: os.stat_result) -> None:
        nonlocal n_files, n_bytes, used
        used = max(used, status.st_mtime)
        if stat.S_ISDIR(status.st_mode):
            folders.append(place)
        elif stat.S_ISREG(status.st_mode):
            n_files += 1
            n_bytes += status.st_size

    with suppress(OSError):
        count(str(entry), entry.lstat())
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as found:
            for each in found:
                with suppress(OSError):
                    count(each.path, each.stat(follow_symlinks=False))
    return _Measured(entry, n_files, n_bytes, used)


def trim_cache(folder: Path, limit_bytes: int, progress: Progress = NO_PROGRESS) -> Trimmed:
    """Remove what was used least recently from the cache in `folder` until it contains no more than `limit_bytes`.

    What a process at work uses stays, this one among them, and so do small facts. Where that alone is more than the
    limit, the cache stays larger. What cannot be removed stays.

    Raises
    ------
    CancelledError
        If the user cancelled; what was removed until then is gone.
    """
    sweep_uses(folder)
    entries = _measured(folder, progress)
    surplus = sum(entry.n_bytes for entry in entries) - limit_bytes
    removed: list[_Measured] = []
    gone = 0
    for entry in sorted(entries, key=lambda entry: (entry.used, entry.place)):
        if gone >= surplus:
            break
        # In thousandths, since a number of bytes is hard to read.
        progress.report(round(StepProgress.RESOLUTION * gone / surplus), StepProgress.RESOLUTION, _TRIMMING)
        is_small = SMALL_FACTS.fullmatch(_name(folder, entry.place)) is not None
        if not is_small and _take_away(folder, entry.place, own=True):
            removed.append(entry)
            gone += entry.n_bytes
    left = {entry.place: entry for entry in entries}
    for entry in removed:
        del left[entry.place]
    size = _sum(left.values())
    remember_size(folder, size.n_bytes)
    return Trimmed(size, len(removed), gone)


def clear_cache(folder: Path, progress: Progress = NO_PROGRESS) -> CacheSize:
    """Remove what this program made in `folder`, and nothing else; return what is left of it.

    What another process uses or is writing stays, and is reported as bytes in use; so does the limit. A process of
    another machine counts as one at work for a day.

    Notes
    -----
    The folder may be any that the user named, with files of their own in it. Links are left alone, as the program makes
    none.
    """
    release(folder)
    entries = list(own_entries(folder))
    in_use = 0
    for number, entry in enumerate(entries):
        progress.report(number, len(entries), "Emptying the cache: folders")
        if not _take_away(folder, entry, own=False) and _is_used(folder, entry, own=False):
            in_use += _measure(entry).n_bytes
    try_to_remove(folder / SIZE_FILE)
    sweep_uses(folder)
    for name in OWN_FOLDERS:
        place = folder / name
        if _is_folder(place) and not any(place.iterdir()):
            with suppress(OSError):
                patiently(place.rmdir)
    return replace(measure_cache(folder), n_bytes_in_use=in_use)


def _name(folder: Path, entry: Path) -> str:
    return entry.relative_to(folder).as_posix()


def _is_used(folder: Path, entry: Path, *, own: bool) -> bool:
    """Return whether a process uses an entry, or is still writing it; `own`: this one among them."""
    if entry.name.startswith("."):
        return maker_may_be_at_work(entry) and (own or not is_own(entry))
    return is_in_use(_name(folder, entry), names_in_use(folder, own=own))


def _take_away(folder: Path, entry: Path, *, own: bool) -> bool:
    """Remove an entry unless a process uses it, `own`: this one among them; return whether it is gone.

    It is moved aside first, so that no process finds a part of it. If a process has just begun to use it, it is moved
    back.
    """
    if _is_used(folder, entry, own=own):
        return False
    if entry.name.startswith("."):
        return try_to_remove(entry)
    aside = temporary_name(entry)
    try:
        move(entry, aside)
    except OSError:
        # Already removed, or Windows, which does not move files that are open.
        return not os.path.lexists(entry)
    if _is_used(folder, entry, own=own):
        # Where the same was computed and put there meanwhile, that stays.
        with suppress(OSError):
            if not os.path.lexists(entry):
                move(aside, entry)
                return False
    try_to_remove(aside)
    return not os.path.lexists(entry)


def remember_size(folder: Path, n_bytes: int, measured: float | None = None) -> None:
    """Keep how many bytes the cache holds, and when that was measured, by default now; nothing where it may not."""
    text = json.dumps({"bytes": n_bytes, "measured": time.time() if measured is None else measured})
    if folder.is_dir():
        with suppress(OSError):
            replace_atomically(folder / SIZE_FILE, text.encode())


def sweep(folder: Path) -> int:
    """Remove what killed processes of this machine left half written in the cache `folder`; return how many places.

    What a process that is still there is writing stays, and so do the files of another machine in a shared cache:
    it is not known whether it is working. `clear_cache` removes those when they are a day old.
    """
    swept = 0
    sweep_uses(folder)
    for entry in own_entries(folder):
        if is_leftover(entry):
            swept += try_to_remove(entry)
        elif entry.is_dir():
            swept += sweep_tree(entry) + _sweep_chunks(entry)
    return swept


@cache
def sweep_once(folder: Path) -> None:
    """Sweep a cache folder when this process first works with it."""
    sweep(folder)


def sweep_tree(folder: Path) -> int:
    """Remove what killed processes of this machine left half written in `folder` and below; return how many places.

    Links are not followed. What cannot be removed stays.
    """
    swept = 0
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if name.startswith(".") and is_leftover(left := Path(place, name)):
                swept += try_to_remove(left)
        folders[:] = [name for name in folders if Path(place, name).is_dir()]
    return swept


def _sweep_chunks(folder: Path) -> int:
    """Remove rows that a killed process wrote without their keys, which come after them."""
    rows = [file for file in folder.rglob("*.npy") if maker_is_gone(file) and not file.with_suffix(".json").exists()]
    return sum(try_to_remove(file) for file in rows)


def own_entries(folder: Path) -> Iterator[Path]:
    """Yield the files and folders in `folder` that this program made as its cache, sorted within each kind."""
    if not folder.is_dir():
        return
    yield from (entry for entry in sorted(folder.iterdir()) if entry.is_file() and _matches(entry, OWN_FILES))
    for name, pattern in OWN_FOLDERS.items():
        if _is_folder(folder / name):
            yield from (entry for entry in sorted((folder / name).iterdir()) if _matches(entry, pattern))


def _matches(entry: Path, pattern: re.Pattern[str]) -> bool:
    names = (entry.name, stem_of_temporary(entry))
    return any(pattern.fullmatch(name) for name in names) and not entry.is_symlink()


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()
