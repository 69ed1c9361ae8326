"""How large the cache is, and emptying it; for the settings of the window."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.files import is_leftover, maker_is_gone, patiently, try_to_remove
from core.progress import NO_PROGRESS, Progress

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
    "features": re.compile(r".+-[0-9a-f]{16}|\.?.+\.rate\.json(\..+)?"),
    "pixels": re.compile(r"\d+-v\d+"),
    "pool-embedding": re.compile(_STAGE),
    "pool-view": re.compile(_STAGE),
    "strength": re.compile(_STAGE),
    "thumbnails": re.compile(r"[0-9a-f]{2}"),
}
"""What the program makes in its cache: the folders, and what their entries are called. A name that begins with a dot
is a file or folder that a killed run left half written."""


@dataclass(frozen=True)
class CacheSize:
    """What the cache holds: files and bytes."""

    n_files: int
    n_bytes: int


def measure_cache(folder: Path, progress: Progress = NO_PROGRESS) -> CacheSize:
    """Return how much of what this program made is in `folder`; nothing where it does not exist."""
    n_files = n_bytes = 0
    for entry in own_entries(folder):
        for file in (entry, *(entry.rglob("*") if entry.is_dir() else ())):
            if file.is_file() and not file.is_symlink():
                n_files += 1
                n_bytes += file.stat().st_size
                if n_files % 1000 == 0:
                    progress.report(n_files, 0, "Measuring the cache: files")
    return CacheSize(n_files, n_bytes)


def clear_cache(folder: Path, progress: Progress = NO_PROGRESS) -> CacheSize:
    """Remove what this program made in `folder`, and nothing else; return what is left of it.

    Notes
    -----
    The folder may be any that the user named, with files of their own in it. Links are left alone, as the program makes
    none.
    """
    entries = list(own_entries(folder))
    for number, entry in enumerate(entries):
        progress.report(number, len(entries), "Emptying the cache: folders")
        try_to_remove(entry)
    for name in OWN_FOLDERS:
        place = folder / name
        if _is_folder(place) and not any(place.iterdir()):
            with suppress(OSError):
                patiently(place.rmdir)
    return measure_cache(folder)


def sweep(folder: Path) -> int:
    """Remove what killed processes of this machine left half written in the cache `folder`; return how many places.

    What a process that is still there is writing stays, and so does what another machine left in a shared cache: nobody
    here can tell whether it is at work. `clear_cache` removes that.
    """
    swept = 0
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
    return pattern.fullmatch(entry.name) is not None and not entry.is_symlink()


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()
