"""List and read the images of a MedMNIST .npz: arrays `train_images`, `train_labels`, and so on.

Nothing pickled is ever loaded. Arrays that are stored uncompressed are mapped, not read; compressed ones are
unpacked once and kept while they are in use.

References
----------
Yang et al., MedMNIST v2, Scientific Data 10:41 (2023).
"""

import math
import os
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil
from numpy.typing import NDArray

from coreset_studio.core.data.listing import SPLIT_NAMES, Entry, Listing
from coreset_studio.core.errors import CancelledError, DatasetError, ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.reading import OversizeError, check_member, open_regular
from coreset_studio.core.results import SplitName
from coreset_studio.core.words import byte_size

_SETS = ("train", "val", "test")
_DIGITS = 5
_KEPT_ARRAYS = 3
_LOCAL_HEADER = 30
_LABELS = 1_000_000


def list_npz(source: Path) -> Listing:
    """List the images of an .npz, with its predefined split; without one (`images`, `labels`) there is none.

    Classes are named by their numbers, since the file has no names.

    Raises
    ------
    DatasetError
        If it is no .npz, holds pickled objects, volumes, or more than one label an image.
    """
    names = _array_names(source)
    sets: list[tuple[str, SplitName | None]] = [
        (f"{name}_", SPLIT_NAMES[name]) for name in _SETS if f"{name}_images" in names
    ]
    if not sets and "images" in names:
        sets = [("", None)]
    if not sets:
        found = ", ".join(sorted(names)) or "nothing"
        raise DatasetError(f"{source.name} has no arrays train_images and train_labels; found {found}.")
    labels = [_labels(source, prefix, names) for prefix, _ in sets]
    digits = len(str(max((int(part.max()) for part in labels if len(part)), default=0)))
    listing = Listing(source)
    for (prefix, split), part in zip(sets, labels, strict=True):
        n_digits = max(_DIGITS, len(str(len(part))))
        for row, label in enumerate(part):
            path = f"{prefix.rstrip('_') or 'images'}/{row:0{n_digits}d}.png"
            listing.entries.append(Entry(path, f"{int(label):0{digits}d}", split))
    return listing


def npz_array(source: Path, path: str) -> NDArray[Any]:
    """Return the stored array of one image, such as ``train/00012.png``.

    Raises
    ------
    ImageError
        If the file has gone or changed, so that there is no such image.
    """
    name, _, file = path.partition("/")
    try:
        images = _array(source, "images" if name == "images" else f"{name}_images")
        number = file.removesuffix(".png")
        if not (number.isascii() and number.isdecimal()):
            raise IndexError(f"{number!r} is no row")
        return np.asarray(images[int(number)])
    except (DatasetError, IndexError, ValueError) as error:
        raise ImageError(f"{path} cannot be read from {source.name} ({error}).") from error


def holds_arrays(source: Path) -> bool:
    """Return whether a file is an archive with arrays inside."""
    try:
        return bool(_array_names(source))
    except DatasetError:
        return False


@contextmanager
def _opened(source: Path, name: str = "") -> Iterator[tuple[zipfile.ZipFile, BinaryIO]]:
    """Open an .npz, for its array `name`; any fault in it is raised as one `DatasetError`."""
    what = f"{name} of {source.name}" if name else source.name
    try:
        with open_regular(source) as stream, zipfile.ZipFile(stream) as archive:
            yield archive, stream
    except (DatasetError, CancelledError):
        raise
    except Exception as error:  # zipfile and NumPy raise nearly any exception on damaged files
        if "pickle" in str(error) or "Object arrays" in str(error):
            raise DatasetError(
                f"{what} contains Python objects (pickle), which are never loaded; save numeric arrays."
            ) from error
        if isinstance(error, OversizeError) or (isinstance(error, OSError) and error.strerror):
            raise DatasetError(f"{source.name} cannot be read ({reason_of(error)}).") from error
        text = "there is not enough memory" if isinstance(error, MemoryError) else " ".join(str(error).split())
        words = text[:200].rstrip(".") or type(error).__name__
        raise DatasetError(f"{what} is {'damaged' if name else 'not a valid .npz'} ({words}).") from error


def _array_names(source: Path) -> set[str]:
    with _opened(source) as (archive, _):
        return {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}


def _labels(source: Path, prefix: str, names: set[str]) -> NDArray[np.int64]:
    """Return the labels of one set, shape (n,), after checking that they fit its images."""
    if f"{prefix}labels" not in names:
        raise DatasetError(f"{source.name} has {prefix}images but no {prefix}labels.")
    labels = _array(source, f"{prefix}labels")
    images = _array(source, f"{prefix}images")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DatasetError(
            f"{prefix}labels of {source.name} has the shape {labels.shape}: more than one label per image. "
            "Expected one class per image."
        )
    if not np.issubdtype(labels.dtype, np.integer) or not all(0 <= int(end) < _LABELS for end in _ends(labels)):
        found = "" if not len(labels) or labels.dtype.kind not in "iu" else f" from {labels.min()} to {labels.max()}"
        raise DatasetError(
            f"{prefix}labels of {source.name} must be integers from 0 to {_LABELS - 1:,}; found {labels.dtype}{found}."
        )
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3, 4)):
        raise DatasetError(
            f"{prefix}images of {source.name} has the shape {images.shape}; "
            "expected images by height by width, or images by height by width by 3."
        )
    if len(images) != len(labels):
        raise DatasetError(f"{source.name} has {len(images):,} {prefix}images but {len(labels):,} {prefix}labels.")
    return labels.astype(np.int64)


def _ends(values: NDArray[Any]) -> tuple[Any, ...]:
    return (values.min(), values.max()) if len(values) else ()


class _Arrays:
    """The arrays in use, the latest few of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int, int, str], NDArray[Any]] = OrderedDict()

    def get(self, source: Path, name: str) -> NDArray[Any]:
        """Return an array, from memory where the file has not changed since."""
        try:
            facts = source.stat()
        except OSError as error:
            raise DatasetError(f"{source} cannot be read ({reason_of(error)}).") from error
        key = (str(source), facts.st_size, facts.st_mtime_ns, name)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = _load(source, name)
                while len(self._kept) > 2 * _KEPT_ARRAYS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


_ARRAYS = _Arrays()


def _array(source: Path, name: str) -> NDArray[Any]:
    return _ARRAYS.get(source, name)


def _load(source: Path, name: str) -> NDArray[Any]:
    with _opened(source, name) as (archive, stream):
        try:
            member = archive.getinfo(f"{name}.npy")
        except KeyError as error:
            raise DatasetError(f"{source.name} has no array {name}.") from error
        if member.compress_type == zipfile.ZIP_STORED:
            return _map(source, stream, member)
        free = psutil.virtual_memory().available
        if member.file_size > free:
            raise DatasetError(
                f"{name} of {source.name} needs {byte_size(member.file_size)} unpacked; "
                f"{byte_size(free)} of memory are free."
            )
        check_member(archive, member, free)
        with archive.open(member) as packed:
            _, _, dtype, offset = _header(packed, member.file_size)
        with archive.open(member) as packed:
            array: NDArray[Any] = np.lib.format.read_array(packed, allow_pickle=False)
            # Reading to the end makes zipfile compare the checksum.
            if packed.read(1) or array.nbytes != member.file_size - offset or array.dtype != dtype:
                raise ValueError(f"{name} is not of the size that it says")
            return array


def _header(stream: Any, n_bytes: int) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, column order, type and place of an array from the head of its .npy of `n_bytes` bytes.

    Raises
    ------
    ValueError
        If the array would not be of that size.
    """
    start = stream.tell()
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"an array of version {version[0]}.{version[1]}")
    # Version 3 differs from 2 by non-Latin names of fields, and arrays of fields are not images.
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, in_columns, dtype = read_header(stream)
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded")
    offset = stream.tell() - start
    if any(isinstance(length, bool) or length < 0 for length in shape):
        raise ValueError(f"an array of shape {shape}")
    if math.prod(shape) * dtype.itemsize > n_bytes - offset:
        raise ValueError(f"it is truncated: an array of shape {shape} and {dtype} does not fit into {n_bytes:,} bytes")
    return shape, in_columns, dtype, offset


def _map(source: Path, stream: BinaryIO, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Map an uncompressed array where it is inside the archive."""
    stream.seek(member.header_offset)
    local = stream.read(_LOCAL_HEADER)
    if local[:4] != b"PK\x03\x04":
        raise ValueError("its entry is not where the archive says")
    stream.seek(int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little"), 1)
    start = stream.tell()
    left = os.fstat(stream.fileno()).st_size - start
    shape, in_columns, dtype, offset = _header(stream, min(left, member.file_size))
    if 0 in shape or dtype.itemsize == 0:
        return np.empty(shape, dtype)
    return np.memmap(source, dtype, "r", start + offset, shape, "F" if in_columns else "C")
