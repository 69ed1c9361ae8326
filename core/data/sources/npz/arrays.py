"""List and read the images of a MedMNIST .npz: arrays `train_images`, `train_labels`, and so on.

Nothing pickled is ever loaded. Arrays that are stored uncompressed are mapped, not read; compressed ones are
unpacked once and kept while they are in use.

References
----------
Yang et al., MedMNIST v2, Scientific Data 10:41 (2023).
"""

import threading
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from core.data.listing import SPLIT_NAMES, Entry, Listing
from core.errors import DatasetError, ImageError
from core.files import reason_of
from core.results import SplitName

_SETS = ("train", "val", "test")
_DIGITS = 5
_KEPT_ARRAYS = 3
_LOCAL_HEADER = 30


def list_npz(source: Path) -> Listing:
    """List the images of an .npz, with the split it brings; without one (`images`, `labels`) there is none.

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
        return np.asarray(images[int(Path(file).stem)])
    except (DatasetError, IndexError, ValueError) as error:
        raise ImageError(f"{path} cannot be read from {source.name} ({error}).") from error


def holds_arrays(source: Path) -> bool:
    """Return whether a file is an archive with arrays inside."""
    try:
        return bool(_array_names(source))
    except DatasetError:
        return False


def _array_names(source: Path) -> set[str]:
    try:
        with zipfile.ZipFile(source) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
    except (OSError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{source.name} is not a valid .npz ({error}).") from error


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
            f"{prefix}labels of {source.name} has the shape {labels.shape}: more than one label an image. "
            "Images of one class each are expected."
        )
    if not np.issubdtype(labels.dtype, np.integer) or (len(labels) and int(labels.min()) < 0):
        raise DatasetError(f"{prefix}labels of {source.name} must be whole numbers from 0; found {labels.dtype}.")
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3, 4)):
        raise DatasetError(
            f"{prefix}images of {source.name} has the shape {images.shape}; "
            "expected images by height by width, or images by height by width by 3."
        )
    if len(images) != len(labels):
        raise DatasetError(f"{source.name} has {len(images):,} {prefix}images but {len(labels):,} {prefix}labels.")
    return labels.astype(np.int64)


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
    try:
        with zipfile.ZipFile(source) as archive:
            member = archive.getinfo(f"{name}.npy")
            if member.compress_type == zipfile.ZIP_STORED:
                return _map(source, member)
            free = psutil.virtual_memory().available
            if member.file_size > free:
                raise DatasetError(
                    f"{name} of {source.name} needs {member.file_size / 1e9:.1f} GB unpacked; "
                    f"{free / 1e9:.1f} GB of memory are free."
                )
            with archive.open(member) as stream:
                array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
                return array
    except KeyError as error:
        raise DatasetError(f"{source.name} has no array {name}.") from error
    except ValueError as error:
        if "pickle" in str(error) or "Object arrays" in str(error):
            raise DatasetError(
                f"{name} of {source.name} holds Python objects (pickle), which are never loaded; save plain numbers."
            ) from error
        raise DatasetError(f"{name} of {source.name} is damaged ({error}).") from error
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise DatasetError(f"{name} of {source.name} is damaged ({error}).") from error


def _map(source: Path, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Map an uncompressed array where it lies inside the archive."""
    with source.open("rb") as stream:
        stream.seek(member.header_offset)
        header = stream.read(_LOCAL_HEADER)
        if header[:4] != b"PK\x03\x04":
            raise ValueError("its entry is not where the archive says")
        stream.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, in_columns, dtype = read_header(stream)
        if dtype.hasobject:
            raise ValueError("Object arrays cannot be loaded")
        offset = stream.tell()
        if offset + int(np.prod(shape)) * dtype.itemsize > source.stat().st_size:
            raise ValueError("it is cut short")
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(source, dtype, "r", offset, shape, "F" if in_columns else "C")
