"""Open HDF5 files safely, and read single rows of their arrays.

A file reads nothing but itself: links to other places, virtual arrays, external storage and filters that need a
plugin are refused before anything is read through them. Nothing is read whole; of compressed arrays the latest
unpacked rows are kept, since a row can only be unpacked together with those of its chunk.

References
----------
The HDF Group, HDF5 File Format Specification, version 3.0 (https://docs.hdfgroup.org/hdf5/).
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.data.heaps import check_heaps, reading_texts
from coreset_studio.core.errors import DatasetError, ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.reading import open_regular
from coreset_studio.core.words import byte_size

SIGNATURE = b"\x89HDF\r\n\x1a\n"

LARGEST_CHUNK = 512_000_000
"""Largest chunk that is unpacked, and largest image, in bytes; h5py itself makes chunks of at most 1 MB."""

_LARGEST_ATTRIBUTE = 1_000_000

_KEPT_BYTES = 64_000_000
_KEPT_BLOCKS = 4
_KEPT_FILES = 8
_CHUNK_CACHE = 16_000_000
_MOST_OBJECTS = 10_000
_DEEPEST = 16
# Deflate, shuffle, Fletcher32, SZIP, N-bit, scale-offset, and LZF, which h5py contains.
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})

# HDF5 works on one thing at a time anyway; this also keeps a file open while one of its rows is read.
_LOCK = threading.RLock()


@dataclass(frozen=True)
class ArrayFacts:
    """An array of a file.

    Attributes
    ----------
    key : str
        Its path inside the file.
    shape : tuple of int
        Empty if `fault` is given.
    dtype : numpy.dtype or None
        None for what has no type in NumPy, and if `fault` is given.
    fault : str
        Why it is not read, as the end of a sentence; empty for what can be read.
    chunk_bytes : int
        Unpacked size of a chunk; 0 for an array without chunks.
    is_empty : bool
        Whether nothing was ever written into it.
    n_missing : int
        How many of its chunks were never written.
    n_chunks : int
    """

    key: str
    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] | None = None
    fault: str = ""
    chunk_bytes: int = 0
    is_empty: bool = False
    n_missing: int = 0
    n_chunks: int = 0

    @property
    def words(self) -> str:
        """Name, shape and type, such as ``"x (262144, 96, 96, 3) uint8"``."""
        return f"{self.key} ({self.fault})" if self.fault else f"{self.key} {self.shape} {self.dtype or 'of no number'}"


class Container:
    """An open file; to be used while `opened` holds it.

    Parameters
    ----------
    file : Path

    Raises
    ------
    DatasetError
        If it cannot be opened.
    """

    def __init__(self, file: Path) -> None:
        import h5py

        self.file = file
        self._h5py = h5py
        with _one_sentence(file):
            with open_regular(file):  # a pipe would block
                pass
            self._container = h5py.File(file, "r", locking=False, rdcc_nbytes=_CHUNK_CACHE)
        self._arrays: dict[str, Any] = {}
        self._checked_heaps = False
        self._blocks: OrderedDict[tuple[str, int], NDArray[Any]] = OrderedDict()

    def close(self) -> None:
        """Close the file."""
        self._arrays.clear()
        self._blocks.clear()
        self._container.close()

    @cached_property
    def arrays(self) -> Mapping[str, ArrayFacts]:
        """All arrays by their paths, and the links that are not followed."""
        with _one_sentence(self.file):
            return {facts.key: facts for facts in self._walk(self._container, "", set(), 0)}

    def _walk(self, group: Any, above: str, seen: set[Any], depth: int) -> Iterator[ArrayFacts]:
        """Yield what is below a group; each object once, as links can form circles."""
        h5py = self._h5py
        for name in group:
            if len(seen) >= _MOST_OBJECTS:
                raise DatasetError(
                    f"{self.file.name} contains more than {_MOST_OBJECTS:,} objects. Expected one array with all "
                    "images; an array for each image is not read."
                )
            key = f"{above}{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                seen.add(key)
                yield ArrayFacts(key, fault="a link, which is not followed")
                continue
            address = h5py.h5o.get_info(group.id, name.encode("utf-8", "surrogateescape")).addr
            if address in seen:
                continue
            seen.add(address)
            found = group[name]
            if isinstance(found, h5py.Dataset):
                yield self._facts(key, found)
            elif isinstance(found, h5py.Group) and depth < _DEEPEST:
                yield from self._walk(found, f"{key}/", seen, depth + 1)

    def _facts(self, key: str, array: Any) -> ArrayFacts:
        h5py = self._h5py
        plan = array.id.get_create_plist()
        layout = plan.get_layout()
        # Before its shape: that of a virtual array is in other files, which would be opened.
        if layout == h5py.h5d.VIRTUAL:
            return ArrayFacts(key, fault="a virtual array, which reads other files")
        if plan.get_external_count():
            return ArrayFacts(key, fault="stored in other files, which are not read")
        for at in range(plan.get_nfilters()):
            code, _, _, name = plan.get_filter(at)
            if code not in _FILTERS:
                said = name.decode("ascii", "replace").strip("\0 ")[:40]
                words = f"compressed by a filter that is not part of HDF5 ({said or code}); gzip can be read"
                return ArrayFacts(key, fault=words)
        try:
            dtype = array.dtype
        except (TypeError, ValueError):
            return ArrayFacts(key, fault="of a type that cannot be read")
        if array.shape is None:
            return ArrayFacts(key, fault="without values")
        chunks, shape = array.chunks, tuple(int(length) for length in array.shape)
        size = _product(chunks) * dtype.itemsize if chunks else 0
        missing, n_chunks = 0, 0
        if layout == h5py.h5d.CHUNKED and chunks:
            n_chunks = _product([-(-length // piece) for length, piece in zip(shape, chunks, strict=True)])
            missing = n_chunks - int(array.id.get_num_chunks())
        is_empty = layout != h5py.h5d.COMPACT and not array.id.get_storage_size()
        return ArrayFacts(key, shape, dtype, "", size, is_empty, missing, n_chunks)

    def array(self, key: str) -> Any:
        """Return an array that can be read safely.

        Raises
        ------
        DatasetError
            If there is none, or it cannot be read.
        """
        if key not in self._arrays:
            if key in self.__dict__.get("arrays", {}):
                facts, found = self.arrays[key], None
            else:
                facts, found = self._single(key)
            if facts.fault:
                raise DatasetError(f"{key} of {self.file.name} is {facts.fault}.")
            if facts.chunk_bytes > LARGEST_CHUNK:
                raise DatasetError(
                    f"{key} of {self.file.name} is stored in chunks of {byte_size(facts.chunk_bytes)}; at most "
                    f"{byte_size(LARGEST_CHUNK)} are unpacked. Save it with smaller chunks."
                )
            self._arrays[key] = self._container[key] if found is None else found
        return self._arrays[key]

    def _single(self, key: str) -> tuple[ArrayFacts, Any]:
        """Find one array without a walk, part by part, so that no link is followed."""
        h5py = self._h5py
        at: Any = self._container
        for part in key.split("/"):
            if not isinstance(at, h5py.Group) or part in ("", ".", "..") or part not in at:
                return ArrayFacts(key, fault="not in it"), None
            if not isinstance(at.get(part, getlink=True), h5py.HardLink):
                return ArrayFacts(key, fault="a link, which is not followed"), None
            at = at[part]
        if not isinstance(at, h5py.Dataset):
            return ArrayFacts(key, fault="not an array"), None
        return self._facts(key, at), at

    def row(self, key: str, number: int) -> NDArray[Any]:
        """Return one row of an array.

        Raises
        ------
        ImageError
            If there is no such row.
        """
        array = self.array(key)
        n_rows = array.shape[0] if array.shape else 0
        if not 0 <= number < n_rows:
            raise ImageError(f"Row {number:,} cannot be read: {key} of {self.file.name} has {n_rows:,} rows.")
        n_bytes = _product(array.shape[1:]) * array.dtype.itemsize
        if n_bytes > LARGEST_CHUNK:
            raise ImageError(f"It has {byte_size(n_bytes)}; at most {byte_size(LARGEST_CHUNK)} are read.")
        n_together = self._rows_together(array)
        if n_together < 2:
            return np.asarray(array[number])
        first = number - number % n_together
        place = (key, first)
        if place not in self._blocks:
            try:
                self._blocks[place] = np.asarray(array[first : first + n_together])
            except OSError:  # another row of the block may be the damaged one
                return np.asarray(array[number])
            while len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(place)
        row: NDArray[Any] = self._blocks[place][number - first].copy()
        return row

    def _rows_together(self, array: Any) -> int:
        """Return how many rows are unpacked at once; 1 if each is read by itself."""
        if not array.chunks or not array.id.get_create_plist().get_nfilters():
            return 1
        n_rows = int(array.chunks[0])
        size = n_rows * _product(array.shape[1:]) * array.dtype.itemsize
        return n_rows if size <= _KEPT_BYTES else 1

    def texts(self) -> AbstractContextManager[None]:
        """Allow texts of any length to be read: with little memory, as HDF5 takes what the file claims they need.

        Raises
        ------
        DatasetError
            If they are stored in a way that HDF5 would not stop reading.
        """
        if not self._checked_heaps:
            check_heaps(self.file)
            self._checked_heaps = True
        return reading_texts()

    def attributes(self, key: str, is_wanted: Callable[[str], bool]) -> Mapping[str, Any]:
        """Return the attributes with the given names, of an array or, for an empty key, of the file."""
        found: dict[str, Any] = {}
        holder = self._container if not key else self.array(key)
        with _one_sentence(self.file):
            for name in list(holder.attrs)[:200]:
                try:
                    facts = holder.attrs.get_id(name)
                    if not is_wanted(name) or facts.get_storage_size() > _LARGEST_ATTRIBUTE:
                        continue
                    if facts.dtype.kind == "O":
                        with self.texts():
                            found[str(name)] = holder.attrs[name]
                    else:
                        found[str(name)] = holder.attrs[name]
                except (OSError, TypeError, ValueError, RuntimeError, MemoryError):
                    continue  # damaged, or of a type that NumPy does not have
        return found


def _product(lengths: Any) -> int:
    product = 1
    for length in lengths:
        product *= int(length)
    return product


@contextmanager
def _one_sentence(file: Path) -> Iterator[None]:
    """Raise any fault of a file as one `DatasetError`."""
    try:
        yield
    except (DatasetError, ImageError):
        raise
    except Exception as error:  # h5py raises nearly any exception on damaged files
        said = " ".join(str(error).split())
        if isinstance(error, MemoryError):
            raise DatasetError(f"{file.name} cannot be read: there is not enough memory.") from error
        if "truncated file" in said:
            raise DatasetError(f"{file.name} is truncated; copy or download it again.") from error
        if isinstance(error, OSError) and error.strerror and error.errno:
            raise DatasetError(f"{file.name} cannot be read ({reason_of(error)}).") from error
        if "already open for write" in said:
            raise DatasetError(
                f"{file.name} is being written by another program, or that ended without closing it. Close it there, "
                f"or repair it with h5clear -s {file.name}."
            ) from error
        if "file signature not found" in said:
            raise DatasetError(f"{file.name} is not an HDF5 file.") from error
        raise DatasetError(f"{file.name} is damaged ({said[:200].rstrip('.') or type(error).__name__}).") from error


class _Files:
    """The files in use, the latest few of them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, int], Container] = OrderedDict()

    def get(self, file: Path) -> Container:
        """Return a file, open already unless it has changed since."""
        try:
            facts = file.stat()
        except (OSError, ValueError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else str(error)
            raise DatasetError(f"{file.name} cannot be read ({reason}).") from error
        key = (str(file), facts.st_size, facts.st_mtime_ns)
        if key not in self._kept:
            for old in [each for each in self._kept if each[0] == key[0]]:
                self._kept.pop(old).close()
            self._kept[key] = Container(file)
            while len(self._kept) > _KEPT_FILES:
                self._kept.popitem(last=False)[1].close()
        self._kept.move_to_end(key)
        return self._kept[key]

    def close(self, file: Path) -> None:
        """Close a file if it is open, as whoever moves or removes it needs on Windows."""
        for old in [each for each in self._kept if each[0] == str(file)]:
            self._kept.pop(old).close()


_FILES = _Files()


@contextmanager
def opened(file: Path) -> Iterator[Container]:
    """Give an open file to one thread.

    Raises
    ------
    DatasetError
        If it cannot be read; also in place of whatever HDF5 says of it inside of the block.
    """
    with _LOCK, _one_sentence(file):
        yield _FILES.get(file)


def close(file: Path) -> None:
    """Close a file that was opened."""
    with _LOCK:
        _FILES.close(file)
