"""Check the parts of an HDF5 file that hold texts of any length, before HDF5 reads them.

HDF5 walks through such a part from object to object by the sizes that are stored there; an empty one where free space
is expected keeps it going for ever.

References
----------
The HDF Group, HDF5 File Format Specification, version 3.0, section III.E, Global Heap.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from coreset_studio.core.errors import DatasetError
from coreset_studio.core.limits import memory_within
from coreset_studio.core.reading import open_regular

# Signature, version 1 and three bytes of zeros: not something that images contain by chance.
_SIGNATURE = b"GCOL\x01\x00\x00\x00"
_HEADER, _OBJECT = 16, 16
_PIECE = 2**24
_LARGEST = 2**28
# What texts of any length may take; a damaged file can claim any amount.
_TEXT_BYTES = 256_000_000


@contextmanager
def texts_of(file: Path) -> Iterator[None]:
    """Allow texts of any length to be read: with little memory, as HDF5 takes what the file claims they need.

    Raises
    ------
    DatasetError
        If they are stored in a way that HDF5 would not stop reading.
    """
    check_heaps(file)
    with reading_texts():
        yield


def reading_texts() -> AbstractContextManager[None]:
    """Limit the memory that reading texts of any length may take."""
    return memory_within(_TEXT_BYTES)


def check_heaps(file: Path) -> None:
    """Refuse a file with a heap whose objects do not fill it.

    The file is read once from start to end, which few files need: those whose labels are texts of any length.

    Raises
    ------
    DatasetError
        If a heap is damaged.
    OSError
        If it cannot be read.
    """
    with open_regular(file) as stream:
        if not heaps_are_whole(stream):
            raise DatasetError(f"{file.name} is damaged (a part with texts has objects of impossible sizes).")


def heaps_are_whole(stream: BinaryIO) -> bool:
    """Return whether the objects of every heap in an HDF5 file fill it; the file is read from start to end."""
    size = stream.seek(0, os.SEEK_END)
    return all(_is_whole(stream, place, size) for place in _places(stream, size))


def _places(stream: BinaryIO, size: int) -> list[int]:
    places = []
    for first in range(0, size, _PIECE):
        stream.seek(first)
        # A signature may lie across two pieces.
        piece = stream.read(_PIECE + len(_SIGNATURE) - 1)
        at = piece.find(_SIGNATURE)
        while at >= 0:
            places.append(first + at)
            at = piece.find(_SIGNATURE, at + 1)
    return places


def _is_whole(stream: BinaryIO, place: int, size: int) -> bool:
    """Return whether the objects of the heap at a place end where it ends; those of one that is too large do not."""
    stream.seek(place)
    length = int.from_bytes(stream.read(_HEADER)[8:], "little")
    if not _HEADER <= length <= min(_LARGEST, size - place):
        return False
    stream.seek(place)
    heap = stream.read(length)
    at = _HEADER
    while at + _OBJECT <= length:
        index = int.from_bytes(heap[at : at + 2], "little")
        n_bytes = int.from_bytes(heap[at + 8 : at + 16], "little")
        # Free space counts its own header, and an object is followed by zeros up to a multiple of 8 bytes.
        step = _OBJECT + -(-n_bytes // 8) * 8 if index else n_bytes
        if step < _OBJECT or at + step > length:
            return False
        at += step
    return True
