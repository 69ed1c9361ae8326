"""Arrays on disk: a fingerprint leads to .npy files and a .json, written whole or not at all.

`ArrayCache` keeps the arrays of a finished stage under one fingerprint; for one row per image see `core.row_store`.

Several processes may work on one cache. Entries of one fingerprint are equal by construction, so the second process
uses the existing one, and no process removes an entry that loads. Damaged entries are computed again. A
read-only cache serves its entries.
"""

import errno
import hashlib
import json
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from coreset_studio.core.arrays import DamagedFileError, cut_file, read_array, write_array
from coreset_studio.core.cache_use import use
from coreset_studio.core.errors import CacheError, ReadOnlyCacheError
from coreset_studio.core.files import (
    is_refused,
    is_taken,
    make_temporary_folder,
    move,
    reason_of,
    temporary_name,
    try_to_remove,
)
from coreset_studio.core.files import replace_atomically as write_atomically
from coreset_studio.core.forms import read_json
from coreset_studio.core.resources import ensure_home

__all__ = [
    "ArrayCache",
    "CachedArrays",
    "cannot_write",
    "check_length",
    "check_mapped",
    "default_cache_folder",
    "fingerprint",
    "need_memory",
    "thumbnail_file",
    "write_atomically",
]

ENVIRONMENT_VARIABLE = "CORESET_CACHE"

_ARRAY_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_ATTEMPTS = 5


def default_cache_folder() -> Path:
    """Return the user's cache folder, or what the environment variable CORESET_CACHE names."""
    ensure_home()
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("coreset-studio", appauthor=False))


def fingerprint(*parts: Any) -> str:
    """Return 32 hex digits that represent `parts`: JSON values, tuples, bytes or arrays, in this order."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"array {part.dtype.str} {part.shape}\n".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        elif isinstance(part, bytes):
            digest.update(b"bytes %d\n" % len(part))
            digest.update(part)
        else:
            digest.update(json.dumps(part, sort_keys=True, ensure_ascii=True).encode() + b"\n")
    return digest.hexdigest()[:32]


def cannot_write(folder: Path, error: OSError) -> CacheError:
    """Return what a user should read when the cache `folder` refused `error`."""
    if is_refused(error):
        return ReadOnlyCacheError(
            f"The cache folder {folder} cannot be written ({reason_of(error)}), and it does not contain everything "
            f"that is needed. Ask for write permission, or set {ENVIRONMENT_VARIABLE} to a folder of your own, "
            "such as a copy of it."
        )
    return CacheError(
        f"The cache folder {folder} cannot be written ({reason_of(error)}). "
        f"Free some space or set {ENVIRONMENT_VARIABLE} to another folder."
    )


def cannot_read(place: Path, error: OSError) -> CacheError:
    return CacheError(
        f"{place} in the cache cannot be read ({reason_of(error)}). "
        f"Ask its owner for read permission, or set {ENVIRONMENT_VARIABLE} to another folder."
    )


def thumbnail_file(cache_folder: Path, pixels: str) -> Path:
    """Return where the thumbnail of the content `pixels` is or would be: a JPEG of at most 128 px a side."""
    return cache_folder / "thumbnails" / pixels[:2] / f"{pixels}.jpg"


@dataclass(frozen=True)
class CachedArrays:
    """Arrays of one finished stage, memory-mapped, with their small facts."""

    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]


class ArrayCache:
    """Finished stages under their fingerprints.

    Parameters
    ----------
    folder : Path, optional
        Default: the user's cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder if folder is not None else default_cache_folder()

    def path(self, stage: str, key: str) -> Path:
        """Return the folder of `key`, whether it exists or not."""
        return self.folder / stage / key

    def load(self, stage: str, key: str) -> CachedArrays | None:
        """Return what is stored, or None; an entry that is damaged is removed and counts as none.

        Raises
        ------
        CacheError
            If the entry is there and may not be read.
        """
        place = self.path(stage, key)
        if place.is_dir():
            use(self.folder, f"{stage}/{key}")
        try:
            return _read_entry(place)
        except PermissionError as error:
            raise cannot_read(place, error) from error
        except DamagedFileError:
            _discard(place)
        except OSError as error:  # none there, or a disk that fails
            need_memory(error)
        return None

    def store(self, stage: str, key: str, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> CachedArrays:
        """Keep `arrays` (names are file names) and `facts` (JSON values), and return them as stored on disk.

        Where another process has stored the same meanwhile, its entry is returned. Where the cache may only be read,
        or its entry cannot be put in place, what was given is returned, so that it has only to be computed again.

        Raises
        ------
        CacheError
            If the folder cannot be written, other than for lack of permission.
        """
        place = self.path(stage, key)
        text = _entry_text(arrays, facts)
        try:
            if os.path.lexists(place) and (there := self.load(stage, key)) is not None:
                return there
            building = make_temporary_folder(place)
            try:
                for name, array in arrays.items():
                    write_array(building / f"{name}.npy", array)
                (building / "facts.json").write_text(text, encoding="utf-8")
                use(self.folder, f"{stage}/{key}", added=sum(array.nbytes for array in arrays.values()))
                stored = self._put(building, stage, key)
            finally:
                try_to_remove(building)
        except OSError as error:
            if not is_refused(error):
                raise cannot_write(self.folder, error) from error
            stored = None
        return stored or CachedArrays(
            {name: _read_only(array) for name, array in arrays.items()}, json.loads(text)["facts"]
        )

    def _put(self, building: Path, stage: str, key: str) -> CachedArrays | None:
        """Move a finished entry to its place and return the entry there; None if that is not possible."""
        for _ in range(_ATTEMPTS):
            try:
                move(building, self.path(stage, key))
            except FileNotFoundError:
                return None  # the cache was emptied meanwhile
            except OSError as error:
                if not is_taken(error):
                    raise
            stored = self.load(stage, key)
            if stored is not None:
                return stored
        return None


def _entry_text(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> str:
    """Return an entry's facts.json: types and shapes, the facts, and what both are checked by."""
    for name in arrays:
        if _ARRAY_NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not a valid name for an array")
    shapes = {name: [list(array.shape), array.dtype.str] for name, array in arrays.items()}
    content = json.loads(json.dumps({"arrays": shapes, "facts": dict(facts)}))
    checks = {name: zlib.crc32(np.ascontiguousarray(array).data) for name, array in arrays.items()}
    return json.dumps({**content, "checks": checks, "check": _check_of(content, checks)}, ensure_ascii=False)


def _check_of(content: Mapping[str, Any], checks: Mapping[str, int]) -> int:
    return zlib.crc32(json.dumps([content["arrays"], content["facts"], checks], sort_keys=True).encode())


def _read_entry(place: Path) -> CachedArrays:
    """Return an entry that is whole.

    Raises
    ------
    OSError
        If it is not there or cannot be read.
    DamagedFileError
        If anything about it is not as it was written.
    """
    try:
        entry = read_json(place / "facts.json")
        named = dict(entry["arrays"])
        if not isinstance(entry["facts"], dict) or not all(map(_ARRAY_NAME.fullmatch, named)):
            raise DamagedFileError("facts.json is incomplete")
        checks = entry.get("checks")  # entries of earlier versions have none
        if checks is not None and entry.get("check") != _check_of(entry, checks):
            raise DamagedFileError("facts.json has changed")
        arrays = {name: read_array(place / f"{name}.npy") for name in named}
        for name, array in arrays.items():
            if [list(array.shape), array.dtype.str] != named[name]:
                raise DamagedFileError(f"{name} does not match facts.json")
            if checks is not None and zlib.crc32(np.ascontiguousarray(array).data) != checks[name]:
                raise DamagedFileError(f"{name} has changed")
    except FileNotFoundError as error:
        if place.is_dir():
            raise DamagedFileError(f"{error.filename} is missing") from error
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedFileError(str(error)) from error
    return CachedArrays(arrays, entry["facts"])


def _discard(place: Path) -> None:
    """Remove a damaged entry where that is possible, but none that another process has put there meanwhile."""
    aside = temporary_name(place)
    try:
        move(place, aside)
    except OSError:
        return
    try:
        _read_entry(aside)
        move(aside, place)
    except (OSError, DamagedFileError):
        try_to_remove(aside)


def need_memory(error: OSError) -> None:
    """Raise MemoryError where that is why a file was not read: what is there is not to be computed again."""
    if error.errno == errno.ENOMEM:
        raise MemoryError from error


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = np.asarray(array, order="C").view()
    view.flags.writeable = False
    return view


def check_length(file: Path, rows: NDArray[Any]) -> None:
    """Raise CacheError where a mapped file of the cache was truncated since: reading on would end the process."""
    if not isinstance(rows, np.memmap):
        return
    try:
        length = file.stat().st_size
    except OSError:
        return  # what was removed stays readable while it is mapped
    if length < rows.offset + rows.nbytes:
        raise _was_cut(file)


def check_mapped() -> None:
    """Raise CacheError where any mapped file of the cache that is still used was truncated since."""
    if (file := cut_file()) is not None:
        raise _was_cut(file)


def _was_cut(file: Path) -> CacheError:
    return CacheError(f"{file} in the cache was truncated while in use. Run again to compute it again.")
