"""Paths of the images of HDF5 files: file, array and row, such as ``"train_x.h5/x/000012.png"``."""

import re
from dataclasses import dataclass

_AXIS = "#channels="
_PATH = re.compile(
    rf"(?P<file>[^/]+)/(?P<key>.+?)(?:{_AXIS}(?P<axis>first|last))?/(?P<row>[0-9]{{1,12}})\.png", re.DOTALL
)


@dataclass(frozen=True)
class Place:
    """Where an image is.

    Attributes
    ----------
    file : str
    key : str
        The array.
    row : int
    axis : {"first", "last", ""}
        Where the channels are, if it is not what the shape alone means.
    """

    file: str
    key: str
    row: int
    axis: str = ""


def row_path(file: str, key: str, row: int, n_digits: int, axis: str = "") -> str:
    """Return the path of an image."""
    return f"{file}/{key}{_AXIS + axis if axis else ''}/{row:0{n_digits}d}.png"


def place_of(path: str) -> Place | None:
    """Return where the image of a path is, or None if it is no such path."""
    found = _PATH.fullmatch(path)
    if found is None or not found["row"].isascii() or found["file"] in (".", ".."):
        return None
    return Place(found["file"], found["key"], int(found["row"]), found["axis"] or "")
