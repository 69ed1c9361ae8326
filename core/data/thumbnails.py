"""Thumbnails in the cache, written during the scan and found by the hash of the pixels."""

from pathlib import Path

import cv2
import numpy as np

from coreset_studio.core.cache import cannot_write, thumbnail_file
from coreset_studio.core.data.colour import RGBArray
from coreset_studio.core.files import temporary_file

__all__ = ["THUMBNAIL_SIDE", "has_thumbnail", "shrink", "thumbnail_file", "write_thumbnail"]

THUMBNAIL_SIDE = 128
_QUALITY = 90


def shrink(rgb: RGBArray, side: int = THUMBNAIL_SIDE) -> RGBArray:
    """Return `rgb` reduced so that no side is longer than `side`; smaller images stay as they are."""
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    whole = int(min(height / size[1], width / size[0]))
    if whole > 1:
        # OpenCV averages whole blocks of pixels many times faster than fractions of them.
        even = rgb[: height // whole * whole, : width // whole * whole]
        rgb = cv2.resize(even, (width // whole, height // whole), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def write_thumbnail(file: Path, small: RGBArray) -> int:
    """Write `small`, shape (h, w, 3), as JPEG, and return its size in bytes; readers see all of it or nothing.

    It is not flushed to disk one by one as `core.cache.write_atomically` does, since 17,000 flushes take minutes
    and a thumbnail that a power cut leaves empty is written again (see `has_thumbnail`).

    Raises
    ------
    ReadOnlyCacheError
        If there is no right to write in the folder.
    CacheError
        If it cannot be written for another reason.
    """
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        _QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), options)
    try:
        with temporary_file(file, is_flushed=False) as part:
            part.write_bytes(encoded.tobytes())
    except OSError as error:
        raise cannot_write(file.parent, error) from error
    return len(encoded)


def has_thumbnail(cache_folder: Path, pixels: str) -> bool:
    """Return whether the thumbnail of `pixels` is there and not empty."""
    try:
        return thumbnail_file(cache_folder, pixels).stat().st_size > 0
    except OSError:
        return False
