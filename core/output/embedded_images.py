"""Thumbnails for the report, as data that is in the page itself."""

import base64
import io
from pathlib import Path

from coreset_studio.core.cache import thumbnail_file
from coreset_studio.core.data.rereading import read_unchanged
from coreset_studio.core.errors import InputError
from coreset_studio.core.results import Dataset

SIDE = 128
"""Longest side of a thumbnail, in pixels."""

_KINDS = {b"\xff\xd8": "jpeg", b"\x89P": "png", b"RI": "webp"}


def embedded(dataset: Dataset, index: int, cache_folder: Path | None = None) -> str:
    """Return an image as a data address, at most `SIDE` pixels a side; empty if it cannot be had any more.

    It must be readable, and the one that was scanned. The thumbnail that the scan wrote is taken where it is there.
    """
    content = _thumbnail(dataset, index, cache_folder) or _shrunk(dataset, index)
    kind = _KINDS.get(content[:2])
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}" if kind else ""


def _thumbnail(dataset: Dataset, index: int, cache_folder: Path | None) -> bytes:
    if cache_folder is None:
        return b""
    try:
        return thumbnail_file(cache_folder, dataset.images[index].pixels).read_bytes()
    except OSError:
        return b""


def _shrunk(dataset: Dataset, index: int) -> bytes:
    from PIL import Image as Pillow

    try:
        pixels = read_unchanged(dataset, index)
    except (InputError, OSError):
        return b""
    shown = Pillow.fromarray(pixels)
    shown.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    shown.save(stream, format="JPEG", quality=88)
    return stream.getvalue()
