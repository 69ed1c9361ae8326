"""Read one image from a file that contains one page or several: a stack, an animation, an image with its thumbnails."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from coreset_studio.core.data.codecs import FORMATS as CODECS
from coreset_studio.core.data.codecs import deep_bits, deep_kind, deep_values, page_sizes
from coreset_studio.core.data.colour import Deep, decode_deep, decode_plain, is_deep_grey, origin_of
from coreset_studio.core.data.levels import Decoded, RGBArray, Survey, merged, together
from coreset_studio.core.data.tiff.planes import Planes, planes_of
from coreset_studio.core.errors import ImageError
from coreset_studio.core.results import Reading, Stored
from coreset_studio.core.settings.levels import parse_channels

MOST_PAGES = 10_000
"""How many pages of a file are inspected."""

MOST_STACKED = 1_000_000_000
"""How many pixels all pages of a file may have that are read together."""

SEVERAL_PAGES = ("TIFF", "GIF", "PNG", "WebP", "AVIF", "HEIC", "DICOM")
"""Formats of which a file may contain several pages or frames."""

_BITS_PER_SAMPLE, _DESCRIPTION, _ORIENTATION = 258, 270, 274
_WIDTH, _LENGTH, _STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _PLANAR = 256, 257, 273, 277, 278, 284
_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS = 322, 323, 324
_SEPARATE = 2
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_CHANNELS = (2, 3)
_MOST_16_BIT = 2**16 - 1

Opener = Callable[[], Image.Image]
Check = Callable[[int, int], None]


def decode_file(image: Image.Image, data: bytes, reading: Reading, again: Opener, check: Check) -> Decoded:
    """Decode an opened file.

    Parameters
    ----------
    image : PIL.Image.Image
        The file, of which nothing is loaded yet.
    data : bytes
        Its content.
    reading : Reading
    again : callable
        Opens the file once more.
    check : callable
        Refuses a width and height that are too large.

    Raises
    ------
    ImageError
        If it cannot be read according to `reading`.
    """
    for size in page_sizes(image):  # Pillow takes the memory of a page before it is asked for its size
        check(*size)
    pages = main_pages(image, again)
    planes = _planes(image) if len(pages) > 1 else None
    words = planes.words_in(len(pages)) if planes is not None else ""
    if pages == [0] or reading.pages == "first":
        check(*image.size)
        decoded = _decode_page(image, data, image.tell(), reading, in_place=True)
        return decoded if len(pages) < 2 else of_several(decoded, len(pages), words)
    with again() as stack:
        decoded = _decode_pages(stack, data, pages, reading, check, planes)
    return decoded if len(pages) < 2 else of_several(decoded, len(pages), words)


def _planes(image: Image.Image) -> Planes | None:
    """Return what a TIFF file says of the dimensions of its pages."""
    description = getattr(image, "tag_v2", {}).get(_DESCRIPTION, "") if image.format == "TIFF" else ""
    return planes_of(description) if isinstance(description, str) else None


def main_pages(image: Image.Image, again: Opener) -> list[int]:
    """Return the places of the pages that are as large as the largest; thumbnails and reduced copies are not."""
    if image.format not in ("TIFF", "GIF", "PNG", "WEBP", "AVIF", "HEIF"):
        return [0]
    if image.format in ("PNG", "WEBP", "AVIF"):
        return list(range(max(1, min(MOST_PAGES, int(getattr(image, "n_frames", 1))))))
    # In a file of its own: what is damaged behind the first page must not keep that from being read.
    sizes = [image.size]
    with suppress(Exception), again() as other:
        if image.format == "GIF":
            return list(range(max(1, min(MOST_PAGES, int(getattr(other, "n_frames", 1))))))
        if image.format == "HEIF":
            sizes = page_sizes(image)
        for place in range(len(sizes), MOST_PAGES):
            other.seek(place)
            sizes.append(other.size)
    largest = max(sizes, key=lambda size: size[0] * size[1])
    return [place for place, size in enumerate(sizes) if size == largest]


def _decode_pages(
    stack: Image.Image, data: bytes, pages: list[int], reading: Reading, check: Check, planes: Planes | None
) -> Decoded:
    places = [pages[at] for at in wanted_pages(len(pages), reading, planes)]
    each = _each_page(stack, data, places, reading, check)
    if len(places) == 1:
        return next(each)
    return joined_pages(each, reading.pages, len(places))


def wanted_pages(n: int, reading: Reading, planes: Planes | None = None) -> list[int]:
    """Return which of `n` pages are read, from 0.

    Parameters
    ----------
    n : int
    reading : Reading
    planes : Planes, optional
        The dimensions of the pages, where they are known.

    Raises
    ------
    ImageError
        If there is no such page, or too many pages for the channels of one image.
    """
    if n == 1 or reading.pages == "first":
        return [0]
    if reading.pages.isdigit():
        number = int(reading.pages)
        if number > n:
            raise ImageError(f"It has {n:,} pages; page {number:,} was requested.")
        return [number - 1]
    known = planes if planes is not None and planes.n == n and planes.channels > 1 else None
    if reading.pages == "channels" and (reading.channels != "auto" or (known is not None and n not in _CHANNELS)):
        n_channels = known.channels if known is not None else n
        chosen = parse_channels(reading.channels) or tuple(range(1, min(n_channels, _CHANNELS[-1]) + 1))
        if max(chosen) > n_channels:
            raise ImageError(f"It has {n_channels:,} channels; channel {max(chosen):,} was requested (--channels).")
        return [known.place(channel - 1) if known is not None else channel - 1 for channel in chosen]
    if reading.pages == "channels" and n not in _CHANNELS:
        raise ImageError(
            f"It has {n:,} pages; only two or three can be read as red, green and blue. Use --pages max, "
            "mean, each or a page number."
        )
    return list(range(n))


def _each_page(stack: Image.Image, data: bytes, places: list[int], reading: Reading, check: Check) -> Iterator[Decoded]:
    for place in places:
        stack.seek(place)
        check(*stack.size)
        if len(places) * stack.width * stack.height > MOST_STACKED:
            raise ImageError(
                f"Its {len(places):,} pages have more than {MOST_STACKED:,} pixels in total. Select one with --pages."
            )
        yield _decode_page(stack, data, place, reading, in_place=False)


def joined_pages(pages: Iterator[Decoded], how: str, n: int) -> Decoded:
    """Return one image from `n` pages: their maximum, mean, or their grey levels as channels.

    Parameters
    ----------
    pages : iterator of Decoded
    how : {"max", "mean", "channels"}
    n : int
    """
    stored: list[Stored | None] = []
    surveys: list[Survey] = []
    is_open = False
    joined: NDArray[np.uint32] | None = None
    channels: list[RGBArray] = []
    for page in pages:
        stored.append(page.stored)
        surveys += [page.survey] if page.survey is not None else []
        is_open = is_open or page.open_alpha
        if surveys or is_open:
            continue
        if how == "channels":
            channels.append(cv2.cvtColor(page.rgb, cv2.COLOR_RGB2GRAY))
        elif joined is None:
            joined = page.rgb.astype(np.uint32)
        elif how == "max":
            np.maximum(joined, page.rgb, out=joined)
        else:
            joined += page.rgb
    merged_values = merged(stored)
    if surveys or is_open or (joined is None and not channels):
        return Decoded(np.zeros((1, 1, 3), np.uint8), merged_values, together(surveys) if surveys else None, is_open)
    if joined is None:
        channels += [np.zeros_like(channels[0])] * (3 - len(channels))
        return Decoded(np.dstack(channels), merged_values)
    return Decoded((joined if how == "max" else (joined + n // 2) // n).astype(np.uint8), merged_values)


def of_several(decoded: Decoded, n_pages: int, planes: str = "") -> Decoded:
    """Return a decoded image that is of a file of several pages; `planes` is what the file says of them."""
    blank = not decoded.is_open and bool((decoded.rgb == decoded.rgb[0, 0]).all())
    return replace(decoded, stored=replace(decoded.stored or Stored(), n_pages=n_pages, blank=blank, planes=planes))


def _decode_page(image: Image.Image, data: bytes, place: int, reading: Reading, *, in_place: bool) -> Decoded:
    """Decode the current page of an opened file."""
    origin = origin_of(image)
    kind = "" if is_deep_grey(image.mode) else _deep_colour_kind(image, data)
    orientation = int(image.getexif().get(_ORIENTATION, 1)) if kind else 1
    _check_strips(image)
    image.load()
    if kind and image.format in CODECS:
        return decode_deep(_deep_by_codec(image, data, place, kind, orientation), reading)
    if kind and (reading.levels != "declared" or reading.range_of(kind) is not None):
        return decode_deep(_deep_colour(image, data, place, kind, orientation), reading)
    upright = image
    if in_place:
        ImageOps.exif_transpose(image, in_place=True)
    else:
        upright = ImageOps.exif_transpose(image)
    decoded = decode_plain(upright, origin, reading)
    if not kind:
        return decoded
    # The upper 8 of 16 bits are all that Pillow reads of colours.
    low, high = int(decoded.rgb.min()) << 8, int(decoded.rgb.max()) << 8 | 255
    stored = replace(decoded.stored or Stored(), kind=kind, low=float(low), high=float(high), bits=16)
    return replace(decoded, stored=stored)


def _check_strips(image: Image.Image) -> None:
    """Refuse a TIFF that lists fewer strips or tiles than its size needs: Pillow would leave the other rows black."""
    tags = getattr(image, "tag_v2", {})
    if image.format != "TIFF" or not tags:
        return
    try:
        width, height = int(tags[_WIDTH]), int(tags[_LENGTH])
        if _TILE_OFFSETS in tags:
            what, found = "tiles", len(tags[_TILE_OFFSETS])
            needed = -(-width // int(tags[_TILE_WIDTH])) * -(-height // int(tags[_TILE_LENGTH]))
        else:
            what, found = "strips", len(tags[_STRIP_OFFSETS])
            needed = -(-height // min(height, int(tags.get(_ROWS_PER_STRIP, height))))
        planes = int(tags.get(_SAMPLES, 1)) if tags.get(_PLANAR, 1) == _SEPARATE else 1
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return  # for Pillow to refuse
    if found < needed * planes:
        raise ImageError(
            f"The TIFF file is incomplete: it lists {found:,} of the {needed * planes:,} {what} that {width:,} × "
            f"{height:,} pixels need. Save it again from the original."
        )


def _deep_colour_kind(image: Image.Image, data: bytes) -> str:
    """Return the kind of a file of more than 8 bits a channel, of which Pillow would read 8; empty for any other."""
    if image.format in CODECS:
        return deep_kind(image, data)
    if image.format == "PNG":
        # Bit depth and colour type of the header, which comes first: 2 is RGB, 4 grey with alpha, 6 RGB with alpha.
        return {2: "16-bit-rgb-png", 4: "16-bit-png", 6: "16-bit-rgb-png"}.get(data[25], "") if data[24] == 16 else ""
    if image.format == "TIFF" and image.mode in ("RGB", "RGBA", "RGBX"):
        bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, ())
        return "16-bit-rgb-tiff" if len(bits) >= len("RGB") and set(bits) == {16} else ""
    return ""


def _check_chunks(data: bytes) -> None:
    """Refuse a PNG with a chunk that is longer than the file: OpenCV reserves its length, up to 4 GB, and fills it."""
    place = len(_PNG_SIGNATURE)
    while place + 8 <= len(data):
        length, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        place += 12 + length
        if place > len(data):
            raise ImageError("The PNG file is cut short.")
        if kind == b"IEND":
            return


def _deep_colour(image: Image.Image, data: bytes, place: int, kind: str, orientation: int) -> Deep:
    """Return colours of 16 bits, upright, by OpenCV: Pillow, which has made sure that the file is whole, reads 8."""
    content = np.frombuffer(data, np.uint8)
    if image.format == "PNG":
        _check_chunks(data)
    try:
        if image.format == "TIFF":
            _, found = cv2.imdecodemulti(content, cv2.IMREAD_UNCHANGED, range=(place, place + 1))
            values = found[0] if found else None
        else:
            values = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        values = None
    channels = len(image.getbands())
    if values is None or values.dtype != np.uint16 or values.shape[:2] != (image.height, image.width):
        raise ImageError("Its 16-bit channels are stored in a way that cannot be read; save it without compression.")
    alpha = None
    if values.ndim == 3:
        if values.shape[2] == 4:
            alpha = values[:, :, 3] if channels in (2, 4) and image.mode != "RGBX" else None
        values = values[:, :, 0] if image.mode in ("L", "LA") else values[:, :, 2::-1]
    turned = [_upright(each, orientation) for each in ((values,) if alpha is None else (values, alpha))]
    return Deep(kind, turned[0], 16, alpha=turned[1] if alpha is not None else None, form=str(image.format).lower())


def _deep_by_codec(image: Image.Image, data: bytes, place: int, kind: str, orientation: int) -> Deep:
    """Return colours of 10 to 16 bits, upright, of a HEIC, AVIF or JPEG 2000."""
    values, bits = deep_values(image, data, place, kind), deep_bits(kind)
    alpha = None
    if image.mode in ("RGBA", "LA"):
        # An alpha channel has the scale of its type.
        scaled = values[:, :, -1].astype(np.uint32) * _MOST_16_BIT // (2**bits - 1)
        alpha = _upright(scaled.astype(np.uint16), orientation)
    colours = values if values.ndim == 2 else values[:, :, 0] if image.mode == "LA" else values[:, :, :3]
    return Deep(kind, _upright(colours, orientation), bits, alpha=alpha, form=str(image.format).lower())


def _upright(values: NDArray[np.uint16], orientation: int) -> NDArray[np.uint16]:
    """Rotate and flip values according to EXIF, as `PIL.ImageOps.exif_transpose` does an image."""
    mirrored = values[:, ::-1] if orientation in (2, 4, 5, 7) else values
    turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(mirrored, turns))
