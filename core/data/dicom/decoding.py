"""Convert DICOM files to 8-bit RGB: modality, window, inversion, palettes and colours, one frame or several.

Greyscale values are converted by the window in the file, by a window of the settings, or by the range of the file
kind (`core.data.levels`). Overlays, the aspect ratio of pixels and colour profiles are not applied.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from coreset_studio.core.data.colour import Deep, decode_deep
from coreset_studio.core.data.dicom.frames import Check, check_pixels, frame_values
from coreset_studio.core.data.dicom.parsing import DAMAGED, Parsed, items_of, number_of, parse
from coreset_studio.core.data.dicom.windows import Window, lookup_table, window_of
from coreset_studio.core.data.levels import Decoded, Values, to_bytes
from coreset_studio.core.data.pages import MOST_PAGES, MOST_STACKED, joined_pages, of_several, wanted_pages
from coreset_studio.core.errors import ImageError
from coreset_studio.core.results import Range, Reading, Stored
from coreset_studio.core.settings.levels import parse_window

FORM = "dicom"
_MODALITIES = frozenset({
    "CR", "CT", "DX", "ES", "GM", "IO", "IVOCT", "MG", "MR", "NM", "OCT", "OP", "OPT", "PT", "PX", "RF", "RG",
    "SM", "US", "XA", "XC",
})  # fmt: skip
_EIGHT = 8


def decode_dicom(data: bytes, reading: Reading, check: Check) -> Decoded:
    """Decode a DICOM file.

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
        With the reason, as one sentence, which quotes nothing of the header but forms of storage.
    """
    parsed = parse(data)
    check_pixels(parsed, check)
    n = parsed.n_frames
    if n > MOST_PAGES:
        raise ImageError(f"It has {n:,} frames; at most {MOST_PAGES:,} are read.")
    wanted = wanted_pages(n, reading)
    rows, columns = parsed.integer("Rows"), parsed.integer("Columns")
    if len(wanted) > 1 and len(wanted) * rows * columns > MOST_STACKED:
        raise ImageError(
            f"Its {len(wanted):,} frames have more than {MOST_STACKED:,} pixels in total. Select one with --pages."
        )
    frames = (_frame(parsed, at, reading) for at in wanted)
    decoded = next(frames) if len(wanted) == 1 else joined_pages(frames, reading.pages, len(wanted))
    decoded = decoded if n == 1 else of_several(decoded, n)
    return replace(decoded, header=parsed.header())


def n_frames(data: bytes) -> int:
    """Return the number of frames of a DICOM file.

    Raises
    ------
    ImageError
        If it is no image.
    """
    return min(parse(data).n_frames, MOST_PAGES)


def _frame(parsed: Parsed, frame: int, reading: Reading) -> Decoded:
    values = frame_values(parsed, frame)
    photometric = parsed.text("PhotometricInterpretation").upper()
    if photometric == "PALETTE COLOR":
        values = _palette(parsed, values)
    if values.ndim == 3:
        return _colour(parsed, values, reading)
    return _grey(parsed, frame, values, reading, inverted=photometric == "MONOCHROME1")


def _colour(parsed: Parsed, values: Values, reading: Reading) -> Decoded:
    if values.dtype == np.uint8:
        return Decoded(np.ascontiguousarray(values), Stored(form=FORM))
    bits = parsed.integer("BitsStored", 8 * values.dtype.itemsize)
    return _marked(decode_deep(Deep(f"{bits}-bit-rgb-{FORM}", values, bits, form=FORM), reading))


def _palette(parsed: Parsed, values: Values) -> Values:
    """Return the colours of a palette, as 8 bits."""
    from pydicom.pixels import apply_color_lut

    if "SegmentedRedPaletteColorLookupTableData" in parsed.dataset:
        raise ImageError("Its palette is stored in segments, which are not read; export it as RGB.")
    try:
        colours: Values = apply_color_lut(values, parsed.dataset)
    except Exception:  # as in `core.data.dicom.frames`
        raise ImageError(DAMAGED) from None
    if colours.dtype == np.uint8:
        return colours
    # Some palettes of 16 bits hold numbers of 8.
    bytes_of: Values = (colours if int(colours.max()) < 256 else colours >> 8).astype(np.uint8)
    return bytes_of


def _grey(parsed: Parsed, frame: int, values: Values, reading: Reading, *, inverted: bool) -> Decoded:
    values = _without_padding(parsed, values, inverted=inverted)
    modality = _Modality.of(parsed, frame)
    values, kind, bits = modality.applied(values), modality.kind, modality.bits
    window = _window(parsed, frame, reading, is_plain=modality.is_plain)
    if window is None and modality.is_plain:
        if values.dtype == np.uint8 and bits == _EIGHT:
            return Decoded(_to_rgb(255 - values if inverted else values), Stored(form=FORM))
        if bits < _EIGHT:
            levels = to_bytes(values, (0.0, float(2**bits - 1)))
            return Decoded(_to_rgb(255 - levels if inverted else levels), Stored(form=FORM))
    if window is None:
        if reading.levels == "declared" and reading.range_of(kind) is None and modality.declared is not None:
            reading = replace(reading, ranges={**reading.ranges, kind: modality.declared})
        deep = Deep(kind, values, bits, modality.is_signed, inverted, form=FORM)
        return _marked(decode_deep(deep, reading))
    gaps = bits == 0 and not bool(np.isfinite(values).all())
    known = np.nan_to_num(values, posinf=0.0, neginf=0.0) if gaps else values
    levels = window.applied(known)
    if inverted:
        levels = (255 - levels).astype(np.uint8)
    if gaps:
        levels = np.where(np.isfinite(values), levels, np.uint8(0))
    stored = Stored(
        kind, float(known.min()), float(known.max()), bits, gaps, form=FORM, window=window.words,
        n_windows=1 + window.n_others if reading.window == "stored" else 0,
    )  # fmt: skip
    return Decoded(_to_rgb(levels), stored)


def _window(parsed: Parsed, frame: int, reading: Reading, *, is_plain: bool) -> Window | None:
    """Return the window of a frame; None where the range of the file kind holds."""
    if reading.window == "full":
        return None
    own = parse_window(reading.window)
    if own is None:
        return window_of(parsed, frame)
    # Values of 8 bits without units are those of a screen.
    if is_plain and parsed.integer("BitsStored", _EIGHT) <= _EIGHT:
        return None
    return Window(*own, function="exact")


def _marked(decoded: Decoded) -> Decoded:
    return replace(decoded, stored=replace(decoded.stored or Stored(), form=FORM))


def _to_rgb(levels: Values) -> Values:
    return np.repeat(levels.astype(np.uint8)[:, :, None], 3, axis=2)


def _without_padding(parsed: Parsed, values: Values, *, inverted: bool) -> Values:
    """Return values whose padding, which is outside of the image, has the value that becomes black."""
    padding = parsed.number("PixelPaddingValue")
    if not np.isfinite(padding):
        return values
    if parsed.integer("PixelRepresentation") == 1 and padding >= 2 ** (parsed.integer("BitsAllocated") - 1):
        padding -= 2 ** parsed.integer("BitsAllocated")
    outside = values == padding
    if not outside.any() or outside.all():
        return values
    inside = values[~outside]
    filled: Values = np.where(outside, inside.max() if inverted else inside.min(), values)
    return filled


class _Modality:
    """Conversion of stored values to those of the modality, such as Hounsfield units.

    Attributes
    ----------
    kind : str
        File kind: by bits and sign where values have no units, else by modality, since equal values mean the same.
    bits : int
        0 for floating point.
    declared : (float, float) or None
        The least and largest value that can be stored.
    is_plain : bool
        Whether the stored values are meant.
    """

    def __init__(self, parsed: Parsed, convert: Callable[[Values], Values] | None, name: str, bits: int) -> None:
        self.convert = convert
        stored = parsed.integer("BitsStored", parsed.integer("BitsAllocated"))
        self.is_signed = parsed.integer("PixelRepresentation") == 1
        self.is_plain = convert is None
        self.bits = bits
        sign = "signed-" if self.is_signed else ""
        self.kind = name or ("float-" if bits == 0 else f"{sign}{bits}-bit-") + FORM
        self.declared: Range | None = None
        if "PixelData" in parsed.dataset:
            ends = (-(2 ** (stored - 1)), 2 ** (stored - 1) - 1) if self.is_signed else (0, 2**stored - 1)
            most = np.array(ends, np.float64)
            found = np.sort(most if convert is None else convert(most))
            self.declared = (float(found[0]), float(found[1])) if found[1] > found[0] else None

    def applied(self, values: Values) -> Values:
        """Return the values of the modality."""
        return values if self.convert is None else self.convert(values)

    @classmethod
    def of(cls, parsed: Parsed, frame: int) -> "_Modality":
        """Return what the header states of a frame."""
        bits = 0 if "PixelData" not in parsed.dataset else parsed.integer("BitsStored", parsed.integer("BitsAllocated"))
        name = parsed.text("Modality").upper()
        word = f"{name.lower() if name in _MODALITIES else 'other'}-{FORM}"
        for group in parsed.groups(frame):
            tables = items_of(group, "ModalityLUTSequence")
            table = lookup_table(tables[0]) if tables else None
            if table is not None:
                entries, first, entry_bits = table
                return cls(parsed, _by_table(entries.astype(np.int32), first), f"table-{word}", entry_bits)
            slope, intercept = number_of(group, "RescaleSlope"), number_of(group, "RescaleIntercept")
            if np.isfinite(slope) and np.isfinite(intercept) and slope != 0:
                if (slope, intercept) == (1, 0) and name != "CT":
                    return cls(parsed, None, "", bits)
                whole = name == "CT" and slope == int(slope) and intercept == int(intercept) and bits
                if whole and abs(slope) <= 2**12 and abs(intercept) <= 2**24:
                    return cls(parsed, _whole(int(slope), int(intercept)), word, bits)
                return cls(parsed, _scaled(slope, intercept), f"float-{word}", 0)
        return cls(parsed, None, "", bits)


def _by_table(entries: Values, first: int) -> Callable[[Values], Values]:
    def convert(values: Values) -> Values:
        found: Values = entries[np.clip(values.astype(np.int64) - first, 0, len(entries) - 1)]
        return found

    return convert


def _whole(slope: int, intercept: int) -> Callable[[Values], Values]:
    def convert(values: Values) -> Values:
        # Half the memory, where all products are small enough.
        kind = np.int32 if values.dtype.kind in "iu" and values.dtype.itemsize <= 2 else np.int64
        found: Values = values.astype(kind) * slope + intercept
        return found

    return convert


def _scaled(slope: float, intercept: float) -> Callable[[Values], Values]:
    def convert(values: Values) -> Values:
        found: Values = (values.astype(np.float64) * slope + intercept).astype(np.float32)
        return found

    return convert
