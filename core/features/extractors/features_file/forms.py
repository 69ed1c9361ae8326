"""Open a features file of any form, and read it part by part: keys of images with their rows.

Nothing pickled is loaded, no link out of an .h5 is followed, and no more than a part of the rows is in memory, except
for an .npz, which has to be unpacked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.errors import CoresetError, DatasetError, FeatureError
from coreset_studio.core.features.extractors.features_file.arrays import OBJECTS, SAVE, Arrays, map_npy, open_npz
from coreset_studio.core.features.extractors.features_file.hdf5 import open_h5
from coreset_studio.core.features.extractors.features_file.tables import (
    LIST_SUFFIXES,
    feature_parts,
    open_table,
    read_paths,
)
from coreset_studio.core.files import reason_of
from coreset_studio.core.reading import OversizeError, open_regular
from coreset_studio.core.results import FloatArray

EXPECTED = "expected a .npy with a list of paths next to it, a .h5 or .npz with features and paths, or a .csv"

_NUMBERS_OF_A_PART = 4_000_000
_MOST_ROWS = 4096
_NUMBERS = "fiub"


class ListMissingError(FeatureError):
    """A features file of arrays that is whole, but of which no list of paths is known.

    Attributes
    ----------
    n_rows : int
    blocks : mapping of str to int
    """

    def __init__(self, message: str, n_rows: int, blocks: Mapping[str, int]) -> None:
        super().__init__(message)
        self.n_rows, self.blocks = n_rows, blocks


@dataclass(frozen=True)
class Part:
    """Consecutive rows of a features file.

    Attributes
    ----------
    numbers : sequence of int
        What each row is called in sentences: its number from 0 in an array, its line in a table.
    keys : list of str
        Of the image that each row is of, as written.
    rows : ndarray of shape (n, n_features), float32
        Infinite where a number is too large for float32.
    """

    numbers: Sequence[int]
    keys: list[str]
    rows: FloatArray


@dataclass
class Opened:
    """A features file that is open.

    Attributes
    ----------
    name : str
        Of the file.
    blocks : mapping of str to int
        Numbers in each block.
    parts : callable
        Yields all rows from the beginning, each time that it is called.
    row_word : str
        What a row is called: ``"row"`` (of an array, from 0) or ``"line"`` (of a table, from 1).
    n_rows : int or None
        None where it is known only after reading, as of a table.
    notes : list of str
        What was assumed.
    paths : Path or None
        The list of paths that was read.
    """

    name: str
    blocks: Mapping[str, int]
    parts: Callable[[], Iterator[Part]]
    row_word: str
    n_rows: int | None = None
    notes: list[str] = field(default_factory=list)
    paths: Path | None = None


@contextmanager
def open_features(file: Path, paths: Path | None = None) -> Iterator[Opened]:
    """Open a features file.

    Parameters
    ----------
    file : Path
    paths : Path, optional
        The list of paths of its rows; by default the one inside of it, or next to it with the same name.

    Raises
    ------
    FeatureError
        If it cannot be read or is no features file. What is wrong further down is raised when it is reached.
    """
    with one_sentence(file), ExitStack() as stack:
        with open_regular(file) as stream:
            head = stream.read(8)
        if head[:6] == b"\x93NUMPY":
            yield _of_arrays(file, map_npy(file), None, paths)
        elif head[:4] == b"PK\x03\x04":
            yield _of_arrays(file, *stack.enter_context(open_npz(file)), paths)
        elif head == b"\x89HDF\r\n\x1a\n":
            yield _of_arrays(file, *stack.enter_context(open_h5(file)), paths)
        elif file.suffix.lower() in (".npy", ".npz", ".h5", ".hdf5"):
            form = file.suffix.lower().removeprefix(".")
            raise FeatureError(f"{file.name} is not a valid .{form} file; it is damaged or of another form. {_again()}")
        else:
            yield _of_table(file, paths)


def list_beside(file: Path) -> Path | None:
    """Return the list of paths next to a features file: the same name with another ending; None without one."""
    if file.suffix.lower() in (".csv", ".tsv", ".txt"):
        return None
    found = (file.with_suffix(suffix) for suffix in LIST_SUFFIXES)
    return next((each for each in found if each.is_file()), None)


@contextmanager
def one_sentence(file: Path) -> Iterator[None]:
    """Turn all that reading a damaged file may raise into a `FeatureError` of one sentence."""
    try:
        yield
    except DatasetError as error:  # of the reader of tables, which expects a dataset
        raise FeatureError(f"{str(error).partition(' Expected ')[0]} For features, {EXPECTED}.") from error
    except (CoresetError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise FeatureError(f"The features file {file} was not found; choose it again.") from error
    except OSError as error:
        if isinstance(error, OversizeError) or error.strerror:
            raise FeatureError(f"{file} cannot be read ({reason_of(error)}); {EXPECTED}.") from error
        raise _damaged(file, error) from error
    except Exception as error:  # NumPy, h5py and zipfile raise nearly any exception on damaged files
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> FeatureError:
    said = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
    return FeatureError(f"{file.name} cannot be read as a features file ({said}). {_again()}")


def _again() -> str:
    return f"{EXPECTED[0].upper()}{EXPECTED[1:]}."


# --- arrays -------------------------------------------------------------------------------------------------------


def _of_arrays(file: Path, arrays: Arrays, keys: list[str] | None, paths: Path | None) -> Opened:
    """Return a file of arrays, with the keys inside of it or those in a list of paths."""
    for array in arrays.values():
        _check_kind(file, array)
    n_rows = int(next(iter(arrays.values())).shape[0])
    notes: list[str] = []
    listed = paths if paths is not None else (list_beside(file) if keys is None else None)
    if listed is not None:
        with one_sentence(listed):
            keys, notes = read_paths(listed, n_rows)
    blocks = {name: int(array.shape[1]) for name, array in arrays.items()}
    _check_lengths(file, arrays, n_rows)
    if keys is None:
        raise ListMissingError(
            f"Which row of {file.name} is of which image is not known: it has no list of paths. Put a table with the "
            f"column path, one row for each of its {n_rows:,} rows, next to it as {file.with_suffix('.csv').name}, or "
            "name one (--features-paths, “List of paths”).",
            n_rows,
            blocks,
        )
    _check_keys(file, arrays, n_rows, len(keys), listed)
    known = keys

    def parts() -> Iterator[Part]:
        step = max(1, min(_MOST_ROWS, _NUMBERS_OF_A_PART // sum(blocks.values())))
        for start in range(0, n_rows, step):
            taken = slice(start, min(start + step, n_rows))
            rows = [_as_float32(np.asarray(array[taken])) for array in arrays.values()]
            joined = np.concatenate(rows, axis=1) if len(rows) > 1 else rows[0]
            yield Part(range(taken.start, taken.stop), known[taken], joined)

    return Opened(file.name, blocks, parts, "row", n_rows, notes, listed)


def _as_float32(values: NDArray[Any]) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(values, dtype=np.float32, order="C")


def _check_kind(file: Path, array: Any) -> None:
    if array.dtype.kind == "O":
        raise FeatureError(f"{file.name} {OBJECTS}; {SAVE}.")
    if array.dtype.kind not in _NUMBERS:
        raise FeatureError(f"{file.name} contains {array.dtype} values, not numbers; {SAVE}.")
    shape = tuple(array.shape)
    if len(shape) != 2:
        way = "average or flatten each image's features first" if len(shape) > 2 else "store one row for each image"
        raise FeatureError(
            f"{file.name} has the shape {shape}; expected two dimensions, images by features. To use it, {way}."
        )
    if 0 in shape:
        raise FeatureError(f"{file.name} is empty: it has the shape {shape}. Expected one row for each image.")


def _check_lengths(file: Path, arrays: Arrays, n_rows: int) -> None:
    for name, array in arrays.items():
        if array.shape[0] != n_rows:
            raise FeatureError(
                f"The blocks of {file.name} have different numbers of rows: {name} has {array.shape[0]:,}, the first "
                f"{n_rows:,}. Expected one row of each block for each image."
            )


def _check_keys(file: Path, arrays: Arrays, n_rows: int, n_keys: int, listed: Path | None) -> None:
    if n_keys != n_rows:
        where = f"{listed.name} names" if listed is not None else "its list of paths names"
        turned = any(array.shape[1] == n_keys for array in arrays.values())
        hint = " It has one column for each path: transpose it." if turned else ""
        raise FeatureError(
            f"{file.name} has {n_rows:,} rows, but {where} {n_keys:,} images. Expected one path for each row, in the "
            f"same sequence.{hint}"
        )


# --- tables -------------------------------------------------------------------------------------------------------


def _of_table(file: Path, paths: Path | None) -> Opened:
    if paths is not None:
        raise FeatureError(
            f"{file.name} is a table, which has the paths in a column of its own; a list of paths ({paths.name}) is "
            "only used for a .npy, .npz or .h5."
        )
    with open_table(file) as table:
        blocks, notes = table.blocks, list(table.notes)

    def parts() -> Iterator[Part]:
        step = max(1, min(_MOST_ROWS, _NUMBERS_OF_A_PART // sum(blocks.values())))
        with one_sentence(file), open_table(file) as again:
            for numbers, keys, rows in feature_parts(again, step):
                yield Part(numbers, keys, rows)

    return Opened(file.name, blocks, parts, "line", None, notes)
