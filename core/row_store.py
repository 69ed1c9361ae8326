"""One row per image content on disk, in chunks that are written whole or not at all.

A store grows chunk by chunk, so that a killed run resumes where it stopped, and an image that is in two datasets is
computed once. Several processes may write to one store.
"""

import errno
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from coreset_studio.core.arrays import DamagedFileError, read_array, write_array
from coreset_studio.core.cache import (
    cannot_read,
    cannot_write,
    check_length,
    need_memory,
    write_atomically,
)
from coreset_studio.core.cache_use import use_place
from coreset_studio.core.files import flush, process_mark, removed_on_failure, try_to_remove
from coreset_studio.core.forms import read_json

_ATTEMPTS = 5


def write_chunk(folder: Path, keys: Sequence[str], rows: NDArray[Any]) -> Path:
    """Add a chunk to `folder`: ``<name>.npy`` with one row of `rows` for each key, then ``<name>.json`` with the keys.

    Returns
    -------
    Path
        Of the .json. Nothing remains if this fails.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{process_mark()}.npy"
    write_array(file, rows)
    keys_file = file.with_suffix(".json")
    with removed_on_failure(file):
        flush(file)  # rows that a power cut leaves empty must not have keys
        write_atomically(keys_file, json.dumps(list(keys)).encode())
    return keys_file


def read_chunk(keys_file: Path) -> tuple[list[str], NDArray[Any]] | None:
    """Return the keys and rows of a chunk, or None where it cannot be read; a damaged one is removed.

    Raises
    ------
    CacheError
        If it is there and may not be read.
    """
    rows_file = keys_file.with_suffix(".npy")
    try:
        keys = read_json(keys_file)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise DamagedFileError(f"{keys_file.name} contains no list of keys")
        rows = read_array(rows_file)
        if rows.shape[:1] != (len(keys),):
            raise DamagedFileError(f"{rows_file.name} does not have one row per key")
    except PermissionError as error:
        raise cannot_read(keys_file, error) from error
    except OSError as error:
        need_memory(error)
        return None
    except ValueError:
        # Chunks have names of their own and are never written twice, so this is no other process's new one.
        if try_to_remove(keys_file):
            try_to_remove(rows_file)
        return None
    return keys, rows


class RowStore:
    """One row of numbers per image content, growing chunk by chunk.

    Each append is one pair of files, ``<n>.npy`` (rows) and ``<n>.json`` (their keys), the second renamed
    into place last. A truncated chunk is removed and computed again.

    Parameters
    ----------
    folder : Path
        One folder per extractor, version and weights.
    n_features : int
        Length of a row.
    cache_folder : Path, optional
        The cache that `folder` is in, whose entry is in use from here on.
    dtype : dtype-like
        Of the numbers.

    Raises
    ------
    CacheError
        If a chunk is there and may not be read.
    """

    def __init__(
        self, folder: Path, n_features: int, cache_folder: Path | None = None, dtype: DTypeLike = np.float32
    ) -> None:
        self.folder = folder
        self.n_features = n_features
        self.dtype = np.dtype(dtype)
        self._cache_folder = cache_folder
        self._places: dict[str, tuple[int, int]] = {}
        self._chunks: list[tuple[Path, NDArray[Any]]] = []
        self._read: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Read the chunks that were added since, by this process or another."""
        if self._cache_folder is not None:
            use_place(self._cache_folder, self.folder)
        if not self.folder.is_dir():
            return
        for keys_file in sorted(self.folder.glob("*.json")):
            if keys_file.name in self._read:
                continue
            chunk = read_chunk(keys_file)
            if chunk is None:
                continue
            keys, rows = chunk
            if rows.shape != (len(keys), self.n_features) or rows.dtype != self.dtype:
                continue
            self._read.add(keys_file.name)
            self._chunks.append((keys_file.with_suffix(".npy"), rows))
            for row, key in enumerate(keys):
                self._places.setdefault(key, (len(self._chunks) - 1, row))

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that have no row yet, each once, in order."""
        return [key for key in dict.fromkeys(keys) if key not in self._places]

    def append(self, keys: Sequence[str], rows: NDArray[Any]) -> None:
        """Keep `rows`, shape (len(keys), n_features).

        Raises
        ------
        CacheError
            If the folder cannot be written.
        """
        if rows.shape != (len(keys), self.n_features):
            raise ValueError(f"rows have shape {rows.shape}, expected {(len(keys), self.n_features)}")
        lost = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.folder))
        for _ in range(_ATTEMPTS):
            try:
                write_chunk(self.folder, keys, rows.astype(self.dtype, copy=False))
            except FileNotFoundError as error:
                lost = error  # another process made room just before this one had noted that it uses the folder
            except OSError as error:
                raise cannot_write(self.folder, error) from error
            self.refresh()
            if not self.missing(keys):
                break
        else:
            raise cannot_write(self.folder, lost)
        if self._cache_folder is not None:
            use_place(self._cache_folder, self.folder, added=rows.nbytes)

    def rows(self, keys: Sequence[str]) -> NDArray[Any]:
        """Return the rows of `keys`, shape (len(keys), n_features), of the store's dtype.

        Raises
        ------
        KeyError
            If a key has no row.
        CacheError
            If a file was truncated by another program since it was opened.
        """
        result = np.empty((len(keys), self.n_features), dtype=self.dtype)
        places = np.array([self._places[key] for key in keys], dtype=np.int64).reshape(-1, 2)
        for chunk in np.unique(places[:, 0]):
            at = np.flatnonzero(places[:, 0] == chunk)
            file, rows = self._chunks[chunk]
            check_length(file, rows)
            result[at] = rows[places[at, 1]]
        return result
