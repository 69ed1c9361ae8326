"""One array in one .npy file: written with the reason when it cannot be, read only when it is whole."""

import math
import os
import re
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.reading import open_regular

READ_BELOW_BYTES = 1 << 18
"""Smaller arrays are read, larger ones mapped."""

_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    r"\{'descr': '([<>|=][A-Za-z]\d{1,9})', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \} *\n"
)


_mapped: "dict[int, tuple[weakref.ref[Any], Path, os.stat_result]]" = {}


class DamagedFileError(ValueError):
    """A file that is not what was written."""


class _Stream:
    """A stream that NumPy does not treat as a file, so that it uses `write`, which raises clear errors."""

    def __init__(self, stream: Any) -> None:
        self.write = stream.write


def write_array(file: Path, array: NDArray[Any]) -> None:
    """Write `array` as a new .npy file with the usual rights; nothing remains if that fails.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    try:
        with file.open("xb") as stream:
            np.lib.format.write_array(_Stream(stream), np.asarray(array, order="C"), allow_pickle=False)
    except FileExistsError:
        raise
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def read_array(file: Path) -> NDArray[Any]:
    """Return the array of a .npy file that `write_array` wrote, read-only; large ones are mapped, not read.

    The size of the file is held against its header first, so that neither a cut file nor an absurd header does harm.
    What remains: where another program cuts a file short while it is mapped, the system ends this process with
    SIGBUS as soon as the missing part is read. This program never changes a finished file; `cut_file` finds
    one that another program did change.

    Raises
    ------
    OSError
        If it cannot be opened or read.
    DamagedFileError
        If it is not whole.
    """
    with open_regular(file) as stream:
        dtype, shape, in_columns, start = _header(stream, file)
        n_bytes = math.prod(shape) * dtype.itemsize
        if os.fstat(stream.fileno()).st_size != start + n_bytes:
            raise DamagedFileError(f"{file.name} does not have the length that its header states")
        order: Any = "F" if in_columns else "C"
        try:
            if n_bytes >= READ_BELOW_BYTES:
                return _remembered(np.memmap(stream, dtype, "r", start, shape, order), file, stream)
            return np.ndarray(shape, dtype, stream.read(), order=order)
        except (TypeError, ValueError) as error:  # cut meanwhile, or a shape that NumPy does not take
            raise DamagedFileError(f"{file.name} is not an array ({error})") from error


def cut_file() -> Path | None:
    """Return a file that was truncated since it was mapped by `read_array` and is still used, if there is one.

    A removed or replaced file stays unchanged for those who have mapped it.
    """
    for array, file, made in list(_mapped.values()):
        if array() is None:
            continue
        try:
            now = file.stat()
        except OSError:
            continue
        if (now.st_dev, now.st_ino) == (made.st_dev, made.st_ino) and now.st_size < made.st_size:
            return file
    return None


def _remembered(array: "np.memmap[Any, Any]", file: Path, stream: Any) -> "np.memmap[Any, Any]":
    """Remember a mapped array as long as it, or a part of it, is used."""
    number = id(array)
    _mapped[number] = (weakref.ref(array, lambda _: _mapped.pop(number, None)), file, os.fstat(stream.fileno()))
    return array


def _header(stream: Any, file: Path) -> tuple[np.dtype[Any], tuple[int, ...], bool, int]:
    """Return type, shape, whether the numbers are in columns, and where they begin."""
    start = stream.read(10)
    if len(start) != 10 or start[:8] != _MAGIC + b"\x01\x00":
        raise DamagedFileError(f"{file.name} is not an array written by this program")
    length = int.from_bytes(start[8:], "little")
    found = _HEADER.fullmatch(stream.read(length).decode("latin-1"))
    if found is None:
        raise DamagedFileError(f"{file.name} has a damaged header")
    try:
        dtype = np.dtype(found[1])
        shape = tuple(int(side) for side in found[3].split(",") if side.strip())
    except (TypeError, ValueError) as error:
        raise DamagedFileError(f"{file.name} has a damaged header") from error
    if dtype.hasobject:
        raise DamagedFileError(f"{file.name} contains objects")
    return dtype, shape, found[2] == "True", 10 + length
