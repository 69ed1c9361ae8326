"""Stored values of one page of a TIFF file: its strips or tiles, decompressed within the size that they should have.

Uncompressed data, Deflate, LZMA, LZW and PackBits are read here, the last two by Pillow; all others need imagecodecs.
"""

import importlib.util
import io
import lzma
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import TiffPage

from coreset_studio.core.data.levels import Values
from coreset_studio.core.data.tiff.faults import DAMAGED
from coreset_studio.core.errors import ImageError

MOST_BYTES = 1_000_000_000
"""How many bytes the values of one page may have."""

_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA = 1, 5, 8, 32946, 32773, 34925
_READ = (_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA)
_HORIZONTAL, _FLOATING = 2, 3
_SHORT, _LONG = 3, 4


def page_values(page: TiffPage, data: bytes) -> Values:
    """Return the values of a page, of whose size the caller has made sure.

    Parameters
    ----------
    page : TiffPage
    data : bytes
        The whole file.

    Returns
    -------
    ndarray of shape (height, width, channels)

    Raises
    ------
    ImageError
        If it is stored in a form that is not read, or is damaged.
    """
    kind = page.dtype
    if kind is None or page.bitspersample != 8 * kind.itemsize:
        raise ImageError(f"It has values of {page.bitspersample} bits, which cannot be read; save it with 8 or 16.")
    if kind.kind not in "iuf":
        raise ImageError("It contains complex numbers, which cannot be read; save their magnitude.")
    height, width, channels = page.imagelength, page.imagewidth, page.samplesperpixel
    if height * width * channels * kind.itemsize > MOST_BYTES:
        raise ImageError(f"Its {channels:,} channels have more than {MOST_BYTES:,} bytes in total.")
    if page.compression not in _READ:
        return _by_imagecodecs(page)
    separate = page.planarconfig == 2 and channels > 1
    tile = (page.tilelength, page.tilewidth) if page.is_tiled else (min(height, page.rowsperstrip or height), width)
    if min(tile) < 1:
        raise ImageError(DAMAGED)
    down, across = -(-height // tile[0]), -(-width // tile[1])
    planes, in_segment = (channels, 1) if separate else (1, channels)
    if len(page.dataoffsets) < planes * down * across:
        raise ImageError(DAMAGED)
    values = np.empty((height, width, channels), kind.newbyteorder("="))
    for at in range(planes * down * across):
        plane, place = divmod(at, down * across)
        top, left = place // across * tile[0], place % across * tile[1]
        rows = tile[0] if page.is_tiled else min(tile[0], height - top)
        shape = rows, tile[1], in_segment
        start, count = int(page.dataoffsets[at]), int(page.databytecounts[at])
        segment = _segment(page, data[start : start + count], shape)
        part = segment[: height - top, : width - left]
        to = slice(plane, plane + 1) if separate else slice(None)
        values[top : top + part.shape[0], left : left + part.shape[1], to] = part
    return values


def _segment(page: TiffPage, stored: bytes, shape: tuple[int, int, int]) -> Values:
    """Return the values of a strip or tile."""
    kind: np.dtype[Any] = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
    n_bytes = int(np.prod(shape)) * kind.itemsize
    if page.compression == _NONE:
        raw = stored[:n_bytes]
    elif page.compression in (_DEFLATE, _OLD_DEFLATE):
        try:
            raw = zlib.decompressobj().decompress(stored, n_bytes)
        except zlib.error as error:
            raise ImageError(DAMAGED) from error
    elif page.compression == _LZMA:
        try:
            raw = lzma.LZMADecompressor().decompress(stored, n_bytes)
        except (lzma.LZMAError, EOFError) as error:
            raise ImageError(DAMAGED) from error
    else:
        raw = _by_pillow(stored, page.compression, shape[0], n_bytes // shape[0])
    if len(raw) != n_bytes:
        raise ImageError(DAMAGED)
    if page.predictor == _FLOATING:
        return _from_differences_of_bytes(raw, shape, kind)
    values = np.frombuffer(raw, kind).reshape(shape).astype(kind.newbyteorder("="))
    if page.predictor == _HORIZONTAL:
        whole = values.view(f"u{kind.itemsize}")
        return np.cumsum(whole, axis=1, dtype=whole.dtype).view(values.dtype)
    return values


def _from_differences_of_bytes(raw: bytes, shape: tuple[int, int, int], kind: "np.dtype[Any]") -> Values:
    """Undo the predictor for floating-point values: differences of bytes, the highest of all values of a row first."""
    rows, columns, channels = shape
    stored = np.frombuffer(raw, np.uint8).reshape(rows, columns * kind.itemsize, channels)
    summed = np.cumsum(stored, axis=1, dtype=np.uint8).reshape(rows, kind.itemsize, columns * channels)
    values = np.ascontiguousarray(np.moveaxis(summed, 1, 2)).view(kind.newbyteorder(">"))
    return values.reshape(shape).astype(kind.newbyteorder("="))


def _by_pillow(stored: bytes, compression: int, rows: int, row_bytes: int) -> bytes:
    """Return the bytes of a segment, by reading it as a grey image of its own."""
    tags = ((256, row_bytes), (257, rows), (258, 8), (259, compression), (262, 1), (277, 1), (278, rows),
            (279, len(stored)))  # fmt: skip
    place = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = [(tag, _LONG, 1, value) for tag, value in tags] + [(273, _LONG, 1, place)]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + directory + bytes(4)
    try:
        with Image.open(io.BytesIO(head + stored), formats=("TIFF",)) as image:
            return image.tobytes()
    except Exception as error:  # Pillow raises nearly any exception on damaged files
        raise ImageError(DAMAGED) from error


def _by_imagecodecs(page: TiffPage) -> Values:
    """Return the values by tifffile, which uses imagecodecs where it is installed."""
    name = getattr(page.compression, "name", str(page.compression))
    if importlib.util.find_spec("imagecodecs") is None:
        raise ImageError(
            f"It is compressed with {name}, which the package imagecodecs reads (pip install coreset-studio[tiff]); or "
            "save it with LZW, Deflate or without compression."
        )
    try:
        values: NDArray[Any] = page.asarray()
    except Exception as error:  # as above
        raise ImageError(DAMAGED) from error
    shape = page.imagelength, page.imagewidth, page.samplesperpixel
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        values = np.moveaxis(values.reshape(shape[2], shape[0], shape[1]), 0, 2)
    return values.reshape(shape)
