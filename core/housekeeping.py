"""How large the cache is, and emptying it; for the settings of the window."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from core.cache import default_cache_folder
from core.errors import CacheError
from core.progress import NO_PROGRESS, Progress

FOLDER_NAME = "coreset-studio-cache"


@dataclass(frozen=True)
class CacheSize:
    """What the cache holds: files and bytes."""

    n_files: int
    n_bytes: int


def measure_cache(folder: Path, progress: Progress = NO_PROGRESS) -> CacheSize:
    """Return how much is in `folder`; nothing where it does not exist."""
    n_files = n_bytes = 0
    for file in folder.rglob("*") if folder.is_dir() else ():
        if file.is_file() and not file.is_symlink():
            n_files += 1
            n_bytes += file.stat().st_size
            if n_files % 1000 == 0:
                progress.report(n_files, 0, "Measuring the cache: files")
    return CacheSize(n_files, n_bytes)


def clear_cache(folder: Path, progress: Progress = NO_PROGRESS) -> CacheSize:
    """Remove everything in `folder` and return what is left.

    Raises
    ------
    CacheError
        If the folder is not one that this program made for itself: nothing is removed then.
    """
    if folder != default_cache_folder() and folder.name != FOLDER_NAME:
        raise CacheError(
            f"{folder} was not made by this program as its cache, so it is not emptied. Its cache folders are called "
            f"{FOLDER_NAME}."
        )
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    for number, entry in enumerate(entries):
        progress.report(number, len(entries), "Emptying the cache: folders")
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    return measure_cache(folder)
