"""Arrays on disk: a fingerprint leads to .npy files and a .json, written whole or not at all.

Two shapes of store. `ArrayCache` keeps the arrays of a finished stage under one fingerprint. `RowStore`
keeps one row per image content and grows chunk by chunk, so that a killed run resumes where it stopped and
an image that stands in two datasets is computed once.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from core.errors import CacheError
from core.files import replace_atomically as write_atomically

__all__ = [
    "ArrayCache",
    "CachedArrays",
    "RowStore",
    "default_cache_folder",
    "fingerprint",
    "thumbnail_file",
    "write_atomically",
]

ENVIRONMENT_VARIABLE = "CORESET_CACHE"


def default_cache_folder() -> Path:
    """Return the user's cache folder, or what the environment variable CORESET_CACHE names."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("coreset-studio", appauthor=False))


def fingerprint(*parts: Any) -> str:
    """Return 32 hex digits that stand for `parts`: JSON values, tuples, bytes or arrays, in this order."""
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
        """Return what is stored, or None; an entry that is damaged is removed and counts as none."""
        place = self.path(stage, key)
        try:
            entry = json.loads((place / "facts.json").read_text(encoding="utf-8"))
            arrays = {name: np.load(place / f"{name}.npy", mmap_mode="r") for name in entry["arrays"]}
            for name, array in arrays.items():
                if [list(array.shape), array.dtype.str] != entry["arrays"][name]:
                    raise ValueError(name)
            return CachedArrays(arrays, entry["facts"])
        except FileNotFoundError:
            if place.exists():
                shutil.rmtree(place, ignore_errors=True)
            return None
        except Exception:  # NumPy raises nearly any exception on damaged arrays
            shutil.rmtree(place, ignore_errors=True)
            return None

    def store(self, stage: str, key: str, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> CachedArrays:
        """Keep `arrays` (names are file names) and `facts` (JSON values), and return them as they now stand on disk.

        Raises
        ------
        CacheError
            If the folder cannot be written.
        """
        place = self.path(stage, key)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            building = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=place.parent))
            try:
                for name, array in arrays.items():
                    np.save(building / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
                shapes = {name: [list(array.shape), array.dtype.str] for name, array in arrays.items()}
                text = json.dumps({"arrays": shapes, "facts": dict(facts)}, ensure_ascii=False)
                (building / "facts.json").write_text(text, encoding="utf-8")
                if place.exists():
                    shutil.rmtree(place, ignore_errors=True)
                building.replace(place)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
        except OSError as error:
            raise CacheError(
                f"The cache folder {self.folder} cannot be written ({error.strerror}). "
                f"Free some space or set {ENVIRONMENT_VARIABLE} to another folder."
            ) from error
        loaded = self.load(stage, key)
        if loaded is None:
            raise CacheError(f"The cache entry {place} was written but cannot be read back; the disk may be failing.")
        return loaded


def _are_keys(keys: Any) -> bool:
    return isinstance(keys, list) and all(isinstance(key, str) for key in keys)


class RowStore:
    """One float32 row per image content, growing chunk by chunk.

    Each append is one pair of files, ``<n>.npy`` (rows) and ``<n>.json`` (their keys), the second renamed
    into place last. A chunk cut short is ignored and computed again.

    Parameters
    ----------
    folder : Path
        One folder per extractor, version and weights.
    n_features : int
        Length of a row.
    """

    def __init__(self, folder: Path, n_features: int) -> None:
        self.folder = folder
        self.n_features = n_features
        self._places: dict[str, tuple[int, int]] = {}
        self._chunks: list[NDArray[np.float32]] = []
        self._read: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Read the chunks that were added since, by this process or another."""
        if not self.folder.is_dir():
            return
        for keys_file in sorted(self.folder.glob("*.json")):
            if keys_file.name in self._read:
                continue
            try:
                keys = json.loads(keys_file.read_text(encoding="utf-8"))
                rows = np.load(keys_file.with_suffix(".npy"), mmap_mode="r")
            except Exception:  # noqa: S112 - as above; a damaged chunk is computed again
                continue
            if not _are_keys(keys) or rows.shape != (len(keys), self.n_features) or rows.dtype != np.float32:
                continue
            self._read.add(keys_file.name)
            self._chunks.append(rows)
            for row, key in enumerate(keys):
                self._places.setdefault(key, (len(self._chunks) - 1, row))

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that have no row yet, each once, in order."""
        return [key for key in dict.fromkeys(keys) if key not in self._places]

    def append(self, keys: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Keep `rows`, shape (len(keys), n_features).

        Raises
        ------
        CacheError
            If the folder cannot be written.
        """
        if rows.shape != (len(keys), self.n_features):
            raise ValueError(f"rows have shape {rows.shape}, expected {(len(keys), self.n_features)}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(suffix=".npy", dir=self.folder)
            with os.fdopen(handle, "wb") as stream:
                np.save(stream, rows.astype(np.float32, copy=False), allow_pickle=False)
            write_atomically(Path(name).with_suffix(".json"), json.dumps(list(keys)).encode())
        except OSError as error:
            raise CacheError(
                f"The cache folder {self.folder} cannot be written ({error.strerror}). "
                f"Free some space or set {ENVIRONMENT_VARIABLE} to another folder."
            ) from error
        self.refresh()

    def rows(self, keys: Sequence[str]) -> NDArray[np.float32]:
        """Return the rows of `keys`, shape (len(keys), n_features).

        Raises
        ------
        KeyError
            If a key has no row.
        """
        result = np.empty((len(keys), self.n_features), dtype=np.float32)
        places = np.array([self._places[key] for key in keys], dtype=np.int64).reshape(-1, 2)
        for chunk in np.unique(places[:, 0]):
            at = np.flatnonzero(places[:, 0] == chunk)
            result[at] = self._chunks[chunk][places[at, 1]]
        return result
