"""Decode TIFF files that Pillow does not read, or reads wrongly, to 8-bit RGB: parsed by tifffile, within limits."""

from dataclasses import replace

import numpy as np
from tifffile import TiffFile, TiffPage

from coreset_studio.core.data.colour import Deep, decode_deep
from coreset_studio.core.data.levels import Decoded, Values
from coreset_studio.core.data.pages import MOST_PAGES, MOST_STACKED, Check, joined_pages, of_several, wanted_pages
from coreset_studio.core.data.streams import CountedBytes
from coreset_studio.core.data.tiff.faults import DAMAGED
from coreset_studio.core.data.tiff.planes import planes_of
from coreset_studio.core.data.tiff.segments import page_values
from coreset_studio.core.errors import ImageError
from coreset_studio.core.results import Reading, Stored
from coreset_studio.core.settings.levels import parse_channels

_MOST_READS = 500_000
_MOST_CHANNELS = 256
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_ALPHA = (1, 2)


def decode_tiff(data: bytes, reading: Reading, check: Check) -> Decoded:
    """Decode a TIFF file.

    Parameters
    ----------
    data : bytes
        The whole file.
    reading : Reading
    check : callable
        Refuses a width and height that are too large.

    Raises
    ------
    ImageError
        If it is damaged, in a form that is not read, or cannot be read according to `reading`.
    """
    pages = _pages(data)
    planes = planes_of(pages[0].description) if len(pages) > 1 else None
    words = planes.words_in(len(pages)) if planes is not None else ""
    wanted = wanted_pages(len(pages), reading, planes)
    for at in wanted:
        check(pages[at].imagewidth, pages[at].imagelength)
        if len(wanted) * pages[at].imagewidth * pages[at].imagelength > MOST_STACKED:
            raise ImageError(
                f"Its {len(wanted):,} pages have more than {MOST_STACKED:,} pixels in total. Select one with --pages."
            )
    each = (_decoded(pages[at], data, reading) for at in wanted)
    decoded = next(each) if len(wanted) == 1 else joined_pages(each, reading.pages, len(wanted))
    return decoded if len(pages) == 1 else of_several(decoded, len(pages), words)


def n_tiff_pages(data: bytes) -> int:
    """Return how many pages of the size of the largest a TIFF file has.

    Raises
    ------
    ImageError
        If it is damaged.
    """
    return len(_pages(data))


def _pages(data: bytes) -> list[TiffPage]:
    """Return the pages that are as large as the largest; thumbnails and reduced copies are not."""
    try:
        with TiffFile(CountedBytes(data, _MOST_READS), _multifile=False) as file:
            file.pages.cache = True
            found = [page for page, _ in zip(file.pages, range(MOST_PAGES), strict=False)]
            whole = [page.aspage() if not isinstance(page, TiffPage) else page for page in found]
    except Exception as error:  # tifffile raises nearly any exception on damaged files
        raise ImageError(DAMAGED) from error
    if not whole:
        raise ImageError(DAMAGED)
    largest = max(whole, key=lambda page: page.imagewidth * page.imagelength)
    size = largest.imagewidth, largest.imagelength
    return [page for page in whole if (page.imagewidth, page.imagelength) == size]


def _decoded(page: TiffPage, data: bytes, reading: Reading) -> Decoded:
    if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        name = getattr(page.photometric, "name", str(page.photometric))
        raise ImageError(f"Its colours are stored as {name}, which cannot be read in this form; save it as RGB.")
    if not 1 <= page.samplesperpixel <= _MOST_CHANNELS or min(page.imagewidth, page.imagelength) < 1:
        raise ImageError(DAMAGED)
    try:
        values = page_values(page, data)
    except ImageError:
        raise
    except Exception as error:  # whatever is inconsistent in the tags of damaged files
        raise ImageError(DAMAGED) from error
    extra = tuple(int(each) for each in page.extrasamples or ())
    is_rgb = page.photometric == _RGB and values.shape[2] >= 3
    n_colours = 3 if is_rgb else 1
    has_alpha = values.shape[2] == n_colours + 1 and len(extra) == 1 and extra[0] in _ALPHA
    alpha = np.ascontiguousarray(values[:, :, n_colours]) if has_alpha else None
    colours = values[:, :, :n_colours] if has_alpha or (is_rgb and reading.channels == "auto") else values
    shown, n = _shown(colours, reading)
    decoded = _converted(
        page, shown, alpha, reading, name="rgb-" if is_rgb and n <= 3 else "channels-" if n > 1 else ""
    )
    if is_rgb or n < 2:
        return decoded
    return replace(decoded, stored=replace(decoded.stored or Stored(), n_channels=n))


def _shown(values: Values, reading: Reading) -> tuple[Values, int]:
    """Return the channels that become red, green and blue, shape (h, w, 3) or (h, w), and how many there are."""
    n = int(values.shape[2])
    if n == 1:
        return values[:, :, 0], 1
    chosen = parse_channels(reading.channels) or tuple(range(1, min(n, 3) + 1))
    if max(chosen) > n:
        raise ImageError(f"It has {n:,} channels; channel {max(chosen):,} was requested (--channels).")
    if len(chosen) == 1:
        return values[:, :, chosen[0] - 1], n
    # What is not there is black, whatever the range.
    darkest = np.nanmin(values) if values.dtype.kind == "f" and not np.isnan(values).all() else values.min()
    shown = np.full((*values.shape[:2], 3), darkest, values.dtype)
    for to, channel in enumerate(chosen):
        shown[:, :, to] = values[:, :, channel - 1]
    return shown, n


def _converted(page: TiffPage, values: Values, alpha: Values | None, reading: Reading, *, name: str) -> Decoded:
    inverted = page.photometric == _WHITE_IS_ZERO
    if values.dtype == np.uint8 and alpha is None:
        levels = 255 - values if inverted else values
        rgb = np.repeat(levels[:, :, None], 3, axis=2) if levels.ndim == 2 else levels
        return Decoded(np.ascontiguousarray(rgb))
    is_float = values.dtype.kind == "f"
    bits = 0 if is_float else 8 * values.dtype.itemsize
    sign = "signed-" if values.dtype.kind == "i" else ""
    kind = f"float-{name}tiff" if is_float else f"{sign}{bits}-bit-{name}tiff"
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    return decode_deep(Deep(kind, values, bits, sign != "", inverted, alpha=alpha, form="tiff"), reading)
