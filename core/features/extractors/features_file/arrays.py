"""Features as arrays of NumPy: an .npy, which is mapped, or an .npz, which is unpacked."""

import math
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.memory import memory_for
from coreset_studio.core.reading import check_member, open_regular

Arrays = dict[str, Any]
"""Blocks of a file by name: arrays, or datasets of an .h5, of shape (n, n_features)."""

PLAIN_BLOCK = "features"
SAVE = 'save numbers, as by np.save(file, features.astype("float32"))'
OBJECTS = "contains Python objects, which are not read because they can run code"

_ROWS_NAMES = ("features", "embeddings", "feats")
_KEY_NAMES = ("paths", "path", "ids", "id", "sha256", "files", "filenames", "file_names", "names", "keys")
_MOST_BLOCKS = 64
_BLOCK = re.compile(r"[A-Za-z0-9_-]{1,60}")


def map_npy(file: Path) -> Arrays:
    """Map an .npy; of an array with fields, each field is a block.

    Raises
    ------
    FeatureError
        If it contains objects, is empty or truncated, or has another shape.
    ValueError
        If it is not an .npy.
    """
    with open_regular(file) as stream:
        shape, in_columns, dtype = _header(file, stream, os.fstat(stream.fileno()).st_size)
        start = stream.tell()
    order: Any = "F" if in_columns else "C"
    return _field_blocks(file, np.memmap(file, dtype, "r", start, shape, order))


def _header(file: Path, stream: Any, n_bytes: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, column order and type of an array from the head of its .npy of `n_bytes` bytes."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"an array of version {version[0]}.{version[1]}")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, in_columns, dtype = read_header(stream)
    if dtype.hasobject:
        raise FeatureError(f"{file.name} {OBJECTS}; {SAVE}.")
    if any(isinstance(side, bool) or side < 0 for side in shape):
        raise ValueError(f"an array of shape {shape}")
    if 0 in shape or dtype.itemsize == 0:
        raise FeatureError(f"{file.name} is empty: it has the shape {shape}. Expected one row for each image.")
    if math.prod(shape) * dtype.itemsize > n_bytes - stream.tell():
        raise FeatureError(
            f"{file.name} is truncated: an array of shape {shape} and {dtype.name[:40]} does not fit into {n_bytes:,} "
            "bytes. Copy it again."
        )
    return shape, in_columns, dtype


def _field_blocks(file: Path, array: NDArray[Any]) -> Arrays:
    names = array.dtype.names
    if names is None:
        return {PLAIN_BLOCK: array}
    if array.ndim != 1 or len(names) > _MOST_BLOCKS:
        raise FeatureError(
            f"{file.name} is an array of {len(names):,} fields and shape {array.shape}; expected two dimensions, "
            f"images by features, or one with at most {_MOST_BLOCKS} fields, each a feature block."
        )
    found = [array[name] for name in names]
    return named_blocks(list(names), [each[:, None] if each.ndim == 1 else each for each in found])


def named_blocks(names: Sequence[str], arrays: Sequence[Any]) -> Arrays:
    """Return blocks by name; where a name is not one of a block, all are numbered."""
    if len(names) > _MOST_BLOCKS:
        raise ValueError(f"it has {len(names):,} feature blocks; at most {_MOST_BLOCKS} are read")
    if len(set(names)) < len(names) or not all(_BLOCK.fullmatch(name) for name in names):
        names = [f"block_{number}" for number in range(1, len(names) + 1)]
    return dict(zip(names, arrays, strict=True))


@contextmanager
def open_npz(file: Path) -> Iterator[tuple[Arrays, list[str] | None]]:
    """Unpack an .npz: its array `features`, and `paths` if it has that."""
    with open_regular(file) as stream, zipfile.ZipFile(stream) as archive, ExitStack() as stack:
        members = {each.filename.removesuffix(".npy"): each for each in archive.infolist()}
        rows_name, keys_name = chosen_names(file, list(members))
        size = sum(members[name].file_size for name in (rows_name, keys_name) if name)
        stack.enter_context(memory_for(f"Unpacking {file.name}", 2.0 * size, _save_as_npy))
        rows = _unpacked(file, archive, members[rows_name])
        keys = _texts(file, keys_name, _unpacked(file, archive, members[keys_name])) if keys_name else None
        yield _field_blocks(file, rows), keys


def _unpacked(file: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    check_member(archive, member, member.file_size)
    with archive.open(member) as packed:
        # NumPy takes the memory that the head states before it reads.
        _header(file, packed, member.file_size)
    with archive.open(member) as packed:
        return np.asarray(np.lib.format.read_array(packed, allow_pickle=False))


def _save_as_npy(free: int) -> list[str]:
    del free
    return ["save the features as .npy, which is read part by part"]


def _texts(file: Path, name: str, values: NDArray[Any]) -> list[str]:
    if values.ndim != 1 or values.dtype.kind not in "US":
        raise FeatureError(
            f"{name} of {file.name} is {values.dtype} of shape {values.shape}; expected a list of text: the path of "
            "each row."
        )
    if values.dtype.kind == "S":
        return [bytes(value).decode("utf-8", "replace") for value in values]
    return [str(value) for value in values]


def chosen_names(file: Path, names: Sequence[str]) -> tuple[str, str]:
    """Return the name of the features in a file of several arrays, and that of their paths, empty without."""
    by_lower = {name.lower(): name for name in reversed(names)}
    rows = next((by_lower[name] for name in _ROWS_NAMES if name in by_lower), "")
    if not rows:
        found = ", ".join(sorted(names)[:12]) or "nothing"
        raise FeatureError(
            f"{file.name} has no array named features; found {found}. Store the features as “features” and their paths "
            "as “paths”."
        )
    return rows, next((by_lower[name] for name in _KEY_NAMES if name in by_lower), "")
