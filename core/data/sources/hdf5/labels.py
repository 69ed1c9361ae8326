"""Read the class of each image from an array of labels."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.data.listing import class_text
from coreset_studio.core.data.sources.hdf5.container import ArrayFacts, Container
from coreset_studio.core.data.sources.hdf5.names import is_class_names
from coreset_studio.core.errors import DatasetError

MOST_IMAGES = 5_000_000
"""How many images a file may hold."""

_ROWS_AT_ONCE = 1000
_LONGEST = 200
_LONGEST_STORED = 10_000
_MOST_NAMES = 10_000
_LARGEST = 1_000_000


@dataclass(frozen=True)
class Labels:
    """Classes of the images of one array.

    Attributes
    ----------
    classes : sequence of str
        One for each image; empty for an image without a class.
    numbers : tuple of int
        Different numbers that are labels; empty for labels that are text, or have names.
    note : str
        What was assumed; may be empty.
    """

    classes: Sequence[str]
    numbers: tuple[int, ...] = ()
    note: str = ""


def is_label_shape(shape: tuple[int, ...], n_rows: int) -> bool:
    """Return whether an array of this shape can hold one label for each of so many images."""
    return len(shape) >= 1 and max(shape) == n_rows and _size(shape) == n_rows


def is_one_column_each(shape: tuple[int, ...], n_rows: int) -> bool:
    """Return whether an array may have a column for each class."""
    return len(shape) == 2 and shape[0] == n_rows and 1 < shape[1] <= _MOST_NAMES


def read_labels(container: Container, key: str, n_rows: int, images: str) -> Labels:
    """Return the class of every image.

    Parameters
    ----------
    container : Container
    key : str
        Of the labels.
    n_rows : int
        How many images there are.
    images : str
        What holds the images, for sentences.

    Raises
    ------
    DatasetError
        If the labels are not one for each image.
    """
    array = container.array(key)
    facts, shape = container.arrays[key], tuple(int(length) for length in array.shape)
    where = f"{key} of {container.file.name}"
    if not (is_label_shape(shape, n_rows) or is_one_column_each(shape, n_rows)):
        if len(shape) >= 1 and (_size(shape) == shape[0] or len(shape) == 2):
            raise DatasetError(f"{images} has {n_rows:,} images, but {where} has {shape[0]:,} labels.")
        raise DatasetError(f"{where} has the shape {shape}; expected one label for each of {n_rows:,} images.")
    if n_rows > MOST_IMAGES:
        raise DatasetError(f"{images} has {n_rows:,} images; at most {MOST_IMAGES:,} are read.")
    if is_one_column_each(shape, n_rows):
        return _named(container, key, *_of_columns(where, array, shape))
    if facts.is_empty and n_rows:
        raise DatasetError(f"{where} contains no labels: nothing was written into it.")
    kind = _text_kind(container, array)
    if kind:
        return Labels(_texts(container, where, array, n_rows))
    return _named(container, key, _numbers(where, np.asarray(array[()]).reshape(-1)), "")


def text_column(container: Container, key: str, n_rows: int) -> list[str] | None:
    """Return an array of texts or integers with a value for each image, as text; None if it is none."""
    facts = container.arrays[key]
    if facts.fault or not is_label_shape(facts.shape, n_rows) or n_rows > MOST_IMAGES:
        return None
    array = container.array(key)
    if _text_kind(container, array):
        return _texts(container, f"{key} of {container.file.name}", array, n_rows)
    if facts.dtype is not None and facts.dtype.kind in "iu":
        return [str(value) for value in np.asarray(array[()]).reshape(-1).tolist()]
    return None


def is_text_array(container: Container, facts: ArrayFacts) -> bool:
    """Return whether an array holds texts."""
    return not facts.fault and bool(_text_kind(container, container.array(facts.key)))


def _text_kind(container: Container, array: Any) -> str:
    """Return how texts are stored, ``"S"`` or ``"O"``; empty for what is no text."""
    import h5py

    if array.dtype.kind == "S":
        if array.dtype.itemsize > _LONGEST_STORED:
            key = array.name.strip("/")
            raise DatasetError(
                f"{key} of {container.file.name} contains texts of {array.dtype.itemsize:,} bytes; expected names."
            )
        return "S"
    if array.dtype.kind != "O":
        return ""
    if h5py.check_string_dtype(array.dtype) is None:
        # References and lists of any length.
        raise DatasetError(
            f"{array.name.strip('/')} of {container.file.name} contains objects or references; expected text or "
            "integers."
        )
    return "O"


def _texts(container: Container, where: str, array: Any, n_rows: int) -> list[str]:
    known: dict[Any, str] = {}
    texts: list[str] = []
    for value in _values(container, array, n_rows):
        if value not in known:
            known[value] = _text(where, value)
        texts.append(known[value])
    return texts


def _values(container: Container, array: Any, n_rows: int) -> Iterator[Any]:
    """Yield the values, read in pieces along the axis that is as long as there are images."""
    axis = array.shape.index(n_rows)
    for first in range(0, n_rows, _ROWS_AT_ONCE):
        place = tuple(slice(first, first + _ROWS_AT_ONCE) if at == axis else slice(None) for at in range(array.ndim))
        with container.texts() if array.dtype.kind == "O" else nullcontext():
            values = np.asarray(array[place])
        yield from values.reshape(-1).tolist()


def _text(where: str, value: Any) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            value = value.decode("latin-1")
    text = class_text(str(value).rstrip("\0"))
    if len(text) > _LONGEST:
        raise DatasetError(f"{where} contains a label of {len(text):,} characters; expected names of classes.")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _numbers(where: str, values: NDArray[Any]) -> NDArray[np.int64]:
    if values.dtype.kind not in "biuf":
        raise DatasetError(f"{where} contains {values.dtype}; expected text or integers, one label for each image.")
    if values.dtype.kind == "f":
        missing = ~np.isfinite(values)
        whole = np.where(missing, -1, values)
        if not (np.rint(whole) == whole).all():
            example = values[np.rint(whole) != whole][0]
            raise DatasetError(f"{where} contains {example:g}; expected integers, one label for each image.")
        values = whole
    if len(values) and (int(values.min()) <= -_LARGEST or int(values.max()) >= _LARGEST):
        raise DatasetError(
            f"{where} contains numbers from {int(values.min())} to {int(values.max())}; expected labels below "
            f"{_LARGEST:,}."
        )
    return values.astype(np.int64)


def _of_columns(where: str, array: Any, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], str]:
    """Return the labels of an array with a column for each class; −1 for a row with none or several."""
    if array.dtype.kind not in "biuf":
        raise DatasetError(
            f"{where} has the shape {shape} and contains {array.dtype}; expected 0 and 1 in each column."
        )
    found = []
    n_at_once = max(1, 10_000_000 // shape[1])
    for first in range(0, shape[0], n_at_once):
        part = np.asarray(array[first : first + n_at_once])
        if not np.isin(part, (0, 1)).all():
            raise DatasetError(
                f"{where} has the shape {shape} and other values than 0 and 1; expected one label for each image, or a "
                "column of 0 and 1 for each class."
            )
        found.append(np.where(part.astype(bool).sum(axis=1) == 1, part.argmax(axis=1), -1))
    return np.concatenate(found), f"{where} has {shape[1]:,} columns; the column with the 1 was read as the class."


def _named(container: Container, key: str, values: NDArray[np.int64], note: str) -> Labels:
    """Return the classes of numbers, under their names if the file has any."""
    numbers, places = np.unique(values, return_inverse=True)
    found = [int(number) for number in numbers]
    is_signed = found == [-1, 1]
    names, where = ({}, "") if is_signed else _class_names(container, key, [each for each in found if each >= 0])
    if names:
        note = " ".join(filter(None, (note, f"Classes are named by {where}.")))
    digits = len(str(max(found, default=0)))
    texts = [
        names.get(number, str(number) if is_signed else f"{number:0{digits}d}") if number >= 0 or is_signed else ""
        for number in found
    ]
    classes = np.array(texts, dtype=object)[places.reshape(-1)].tolist() if found else []
    return Labels(classes, () if names else tuple(found), note)


def _class_names(container: Container, key: str, numbers: list[int]) -> tuple[Mapping[int, str], str]:
    """Return the names of classes by their numbers, and where the file has them; empty if it has none."""
    import h5py

    if not numbers or numbers[-1] >= _MOST_NAMES:
        return {}, ""
    members = h5py.check_enum_dtype(container.array(key).dtype)
    if members and container.array(key).dtype.kind != "b":
        names = {int(number): class_text(name) for name, number in members.items()}
        if all(names.get(number) for number in numbers):
            return names, f"the type of {key}"
    for holder in (key, ""):
        for name, value in container.attributes(holder, is_class_names).items():
            if found := _as_names(value, numbers):
                return found, f"the attribute {name}"
    for facts in container.arrays.values():
        if is_class_names(facts.key) and facts.key != key and not facts.fault and len(facts.shape) == 1:
            few = facts.dtype is not None and facts.dtype.kind in "SO" and numbers[-1] < facts.shape[0] <= _MOST_NAMES
            if few and is_text_array(container, facts):
                with container.texts():
                    value = container.array(facts.key)[()]
                found = _as_names(value, numbers)
                if found:
                    return found, f"the array {facts.key}"
    return {}, ""


def _as_names(value: Any, numbers: list[int]) -> Mapping[int, str]:
    """Return names of classes from a list of texts, or from a text with commas; empty if it has not enough of them."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        texts: list[Any] = [part.strip().strip("'\"") for part in value.strip("[](){} ").split(",")]
    elif isinstance(value, np.ndarray) and value.dtype.kind in "SOU":
        texts = value.reshape(-1).tolist()
    else:
        return {}
    names = [class_text(one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one)) for one in texts]
    usable = all(name and len(name) <= _LONGEST and name.isprintable() for name in names)
    if not usable or len(names) <= numbers[-1] or len(set(names)) != len(names):
        return {}
    return dict(enumerate(names))


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
