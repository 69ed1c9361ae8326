"""Which entries of a cache are in use, by which processes, and since when, for trimming.

An entry is what is kept or removed as a whole: the arrays of one stage under their key, the rows of one extractor, a
scanned dataset. It is named by its place in the cache, such as ``"clusters/0f3a…"``; the name of a kind alone, such as
``"thumbnails"``, means all entries of that kind.

Every process that uses entries keeps one file of their names in the folder ``in-use`` of the cache until it ends, one
line an entry. The file of a process that was killed counts for nothing. When an entry was used last is the newest time
of anything in it; using it sets the time of the entry itself, since not every file system notes when a file is read. In
a cache that may only be read neither is kept, and nothing is reported about it.
"""

import atexit
import os
import threading
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from coreset_studio.core.files import is_own, maker_may_be_at_work, process_mark, try_to_remove

FOLDER = "in-use"
NOTED_AFTER_SECONDS = 60.0
"""An entry that is used again and again is noted once in so long."""

EVERYTHING = ""
"""Represents every name, if the names that a process uses cannot be read."""

_SUFFIX = ".txt"
_ATTEMPTS = 5


class _Uses:
    """The entries of one cache folder that this process uses, and how many bytes it has added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / FOLDER / f"{process_mark()}{_SUFFIX}"
        self.noted: dict[str, float] = {}
        self.n_bytes_added = 0

    def note(self, names: Iterable[str]) -> None:
        """Note that entries are used now; where that cannot be written, it is tried again at the next use."""
        now = time.monotonic()
        due = [name for name in names if now - self.noted.get(name, -NOTED_AFTER_SECONDS) >= NOTED_AFTER_SECONDS]
        if not due or not self.folder.is_dir():
            return
        for _ in range(_ATTEMPTS):
            try:
                self._write(due)
            except FileNotFoundError:
                continue  # another process has removed the folder, which was empty, just then
            except OSError:
                break
            self.noted.update(dict.fromkeys(due, now))
            break
        for name in due:
            with suppress(OSError):
                os.utime(self.folder / name)

    def _write(self, due: Iterable[str]) -> None:
        if self.file.exists():
            lines = [name for name in due if name not in self.noted]
            os.utime(self.file)  # shows another machine that this process is still working
        else:  # the first of them, or another machine took this process for gone
            lines = list(dict.fromkeys([*self.noted, *due]))
            self.file.parent.mkdir(exist_ok=True)
        with self.file.open("a", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write("".join(f"{name}\n" for name in lines))

    def forget(self) -> None:
        self.noted.clear()
        try_to_remove(self.file)


_lock = threading.Lock()
_uses: dict[Path, _Uses] = {}
_process = os.getpid()


def use(cache_folder: Path, *names: str, added: int = 0) -> None:
    """Note that this process uses entries: they are not removed before it ends, and were used now.

    Call it before they are opened or put in place, so that no process removes them meanwhile.

    Parameters
    ----------
    cache_folder : Path
    names : str
        Of the entries; they need not be there yet.
    added : int
        Bytes that are added to the cache.
    """
    with _lock:
        ours = _of_this_process(cache_folder)
        ours.n_bytes_added += added
        ours.note(names)


def use_place(cache_folder: Path, place: Path, *, added: int = 0) -> None:
    """Note the use of the entry that a file or folder in the cache is, or is in; see `use`."""
    use(cache_folder, "/".join(place.relative_to(cache_folder).parts[:2]), added=added)


def release(cache_folder: Path | None = None) -> None:
    """Use nothing any more in a cache folder, or, without one, in any; so at the end of the process."""
    with _lock:
        for folder, ours in _uses.items():
            if cache_folder in (None, folder) and _process == os.getpid():
                ours.forget()


def added_bytes() -> dict[Path, int]:
    """Return how many bytes this process has added to each cache folder that it used, and count again from here."""
    with _lock:
        found = {folder: ours.n_bytes_added for folder, ours in _uses.items()}
        for ours in _uses.values():
            ours.n_bytes_added = 0
        return found


def names_in_use(cache_folder: Path, *, own: bool = True) -> set[str]:
    """Return the names of the entries that processes at work use; `own`: this process among them.

    What a process of another machine uses counts while it was at work within the last day.
    """
    names: set[str] = set()
    if own:
        with _lock:
            names.update(_of_this_process(cache_folder).noted)
    for file in _marks(cache_folder):
        if (is_own(file) and not own) or not maker_may_be_at_work(file):
            continue
        try:
            names.update(file.read_text(encoding="utf-8", errors="surrogateescape").splitlines())
        except FileNotFoundError:
            continue
        except OSError:
            names.add(EVERYTHING)
    return names


def is_in_use(name: str, used: Collection[str]) -> bool:
    """Return whether an entry is one of those that `names_in_use` returned."""
    return name in used or name.partition("/")[0] in used or EVERYTHING in used


def sweep_uses(cache_folder: Path) -> None:
    """Remove files of ended processes from the folder ``in-use``, and the folder if it is empty."""
    for file in _marks(cache_folder):
        if not maker_may_be_at_work(file):
            try_to_remove(file)
    with suppress(OSError):
        (cache_folder / FOLDER).rmdir()


def _marks(cache_folder: Path) -> list[Path]:
    place = cache_folder / FOLDER
    try:
        return [] if place.is_symlink() else [file for file in place.iterdir() if file.suffix == _SUFFIX]
    except OSError:
        return []


def _of_this_process(cache_folder: Path) -> _Uses:
    global _process
    if _process != os.getpid():  # a copy of the process that the names are of
        _uses.clear()
        _process = os.getpid()
    if cache_folder not in _uses:
        _uses[cache_folder] = _Uses(cache_folder)
    return _uses[cache_folder]


atexit.register(release)
