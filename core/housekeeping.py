"""How large the cache is, and emptying it; for the settings of the window."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    for name in OWN_FOLDERS:
        place = folder / name
        if _is_folder(place) and not any(place.iterdir()):
            place.rmdir()
    return measure_cache(folder)


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
