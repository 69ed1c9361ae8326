"""HEIC, AVIF and JPEG 2000: what their first bytes announce, and their values of more than 8 bits.

Pillow decodes AVIF and JPEG 2000, and HEIC with pillow-heif; of colours it keeps 8 bits. Deeper colours are decoded by
the libraries that keep them, after Pillow has made sure that the file is whole.
"""

import io
from typing import Any

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image, Jpeg2KImagePlugin

from coreset_studio.core.errors import ImageError

__all__ = ["FORMATS", "NAMES", "boxed_format", "deep_bits", "deep_kind", "deep_values", "page_sizes"]

# Thumbnails and depth maps in a file are not what was photographed; threads decode several images at a time already.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
# What is wrong with a file is one sentence of this program; OpenCV would print its own next to it.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

FORMATS = (AvifImagePlugin.AvifImageFile.format, Jpeg2KImagePlugin.Jpeg2KImageFile.format, "HEIF")
"""Formats, as Pillow calls them."""

NAMES = ("HEIC", "AVIF", "JPEG 2000")
"""The same as they are called in sentences."""

_CODESTREAM = b"\xff\x4f\xff\x51"
_SIGNATURES = (b"\x00\x00\x00\x0cjP  \r\n\x87\n", _CODESTREAM)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
# In the codestream of JPEG 2000: marker, length, capabilities, sizes and places of image and tiles, then components.
_N_COMPONENTS, _FIRST_DEPTH, _PER_COMPONENT = 40, 42, 3

_MOST_PAGES = 10_000

_TOLERANCE = 4
"""How far two decoders may differ in 256 grey levels, as they round the conversion of colours differently."""


def boxed_format(head: bytes) -> str | None:
    """Return which of `NAMES` the first 32 bytes of a file announce, or None."""
    if head.startswith(_SIGNATURES):
        return "JPEG 2000"
    if head[4:8] != b"ftyp":
        return None
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, 32, 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return "AVIF"
    return "HEIC" if brands[0] in _HEIC_BRANDS else None


def page_sizes(image: Image.Image) -> list[tuple[int, int]]:
    """Return the sizes of all images in an opened HEIC of which nothing is loaded; empty for any other format."""
    if image.format != "HEIF" or image.fp is None:  # type: ignore[attr-defined]
        return []
    image.fp.seek(0)  # type: ignore[attr-defined]
    return [each.size for each in pillow_heif.open_heif(image.fp)][:_MOST_PAGES]  # type: ignore[attr-defined]


def deep_kind(image: Image.Image, data: bytes) -> str:
    """Return the kind of an opened file of these formats that has colours of more than 8 bits; empty for any other."""
    form = (image.format or "").lower()
    if form == "heif":
        bits = int(image.info.get("bit_depth", 8))
    elif form == "avif":
        bits = _avif_bits(data) if getattr(image, "n_frames", 1) == 1 else 8
    elif form == "jpeg2000" and image.mode in ("RGB", "RGBA", "LA"):
        bits = _jpeg2000_bits(data)
    else:
        return ""
    if bits <= 8:
        return ""
    return f"{bits}-bit-{'' if image.mode in ('L', 'LA') else 'rgb-'}{form}"


def deep_bits(kind: str) -> int:
    """Return the bits of a kind such as ``"10-bit-rgb-heif"``."""
    return int(kind.partition("-")[0])


def deep_values(image: Image.Image, data: bytes, place: int, kind: str) -> NDArray[np.uint16]:
    """Return the values of a loaded image of such a kind.

    Parameters
    ----------
    image : PIL.Image.Image
        The file as Pillow has read it, with 8 bits.
    data : bytes
        Its content.
    place : int
        Of the page.
    kind : str

    Returns
    -------
    ndarray of shape (height, width) or (height, width, n_channels), uint16
        From 0 to 2^bits − 1, in the order of Pillow's channels, and turned as these are.

    Raises
    ------
    ImageError
        If they are not what Pillow reads with 8 bits.
    """
    form, bits = image.format, deep_bits(kind)
    values: NDArray[Any] | None
    if form == "HEIF":
        opened = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
        values = np.asarray(opened[place])
    elif form == "AVIF":
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if values is not None and values.ndim == 3:
            order = [2, 1, 0, 3][: values.shape[2]] if values.shape[2] >= 3 else [0]
            values = values[:, :, order]
    else:
        from openjpeg.utils import decode

        values = decode(data)
    seen = np.asarray(image)
    if values is not None and values.ndim == 3 and seen.ndim == 2:
        values = values[:, :, 0]
    if values is None or values.dtype != np.uint16 or values.shape != seen.shape:
        raise ImageError(f"Its {bits}-bit channels are stored in a way that cannot be read; save it with 8 bits.")
    apart = np.abs((values >> (bits - 8)).astype(np.int16) - seen.astype(np.int16))
    # Of JPEG 2000, Pillow rounds the largest values up to 256, which becomes 0.
    if int(np.minimum(apart, 256 - apart).max(initial=0)) > _TOLERANCE:
        raise ImageError(f"Its {bits}-bit colours are in a colour space that cannot be read; save it with 8 bits.")
    return np.ascontiguousarray(values)


def _avif_bits(data: bytes) -> int:
    """Return the bits that the configuration of the first image in an AVIF file declares."""
    at = data.find(b"av1C")
    if at < 0 or at + 6 >= len(data):
        return 8
    flags = data[at + 6]
    high, twelve = bool(flags & 0x40), bool(flags & 0x20)
    return 12 if high and twelve else 10 if high else 8


def _jpeg2000_bits(data: bytes) -> int:
    """Return the bits that a JPEG 2000 declares for its components, 8 if these differ or are signed."""
    at = data.find(_CODESTREAM)
    if at < 0:
        return 8
    n = int.from_bytes(data[at + _N_COMPONENTS : at + _FIRST_DEPTH], "big")
    depths = set(data[at + _FIRST_DEPTH : at + _FIRST_DEPTH + _PER_COMPONENT * min(n, 4) : _PER_COMPONENT])
    depth = depths.pop() if len(depths) == 1 else 0
    # One less than the bits; the highest bit marks signed values.
    return depth + 1 if depth < 16 else 8
