"""Thumbnails for a grid or strip: that of one image, and thousands created on demand."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, overload

import numpy as np

Keys = np.ndarray[tuple[int], np.dtype[np.int64]]


class Thumbnail(NamedTuple):
    """One image of a grid or strip.

    Attributes
    ----------
    key : int
        What signals name it by: its index in the dataset.
    file : str
        The thumbnail's file; empty where there is none.
    title : str
        Its path, for tooltip and screen reader.
    cluster : int
        Gives the colour; -1 for none.
    caption : str
        A few words below the thumbnail, where the widget shows them.
    """

    key: int
    file: str
    title: str
    cluster: int = -1
    caption: str = ""


class LazyThumbnails(Sequence[Thumbnail]):
    """The thumbnails of many images, each created on demand: a class of 17,000 shows a hundred at a time.

    Parameters
    ----------
    keys : array-like of shape (n,), int64
        In the order shown.
    make : callable
        Takes a row, returns its thumbnail.
    """

    def __init__(self, keys: Any, make: Callable[[int], Thumbnail]) -> None:
        self.keys: Keys = np.asarray(keys, dtype=np.int64)
        self._make = make

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, row: int) -> Thumbnail: ...
    @overload
    def __getitem__(self, row: slice) -> list[Thumbnail]: ...
    def __getitem__(self, row: int | slice) -> Thumbnail | list[Thumbnail]:
        rows = range(len(self.keys))[row]
        return self._make(rows) if isinstance(rows, int) else [self._make(one) for one in rows]


def keys_of(images: Sequence[Thumbnail]) -> Keys:
    """Return the keys of thumbnails, in their order."""
    if isinstance(images, LazyThumbnails):
        return images.keys
    return np.array([image.key for image in images], dtype=np.int64)
