"""Stored values of one frame of a DICOM file, with the sizes in compressed data checked before memory is taken."""

import math
import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless

from coreset_studio.core.data.dicom.parsing import DAMAGED, UNREAD, Parsed
from coreset_studio.core.data.levels import Values
from coreset_studio.core.data.streams import TOO_MANY_PARTS
from coreset_studio.core.errors import ImageError

_JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
_START_OF_SCAN = b"\xff\xda"
_MOST_SCANNED = 1_300_000_000
_USUAL_SCANS = 20
_ITEM = b"\xfe\xff\x00\xe0"
_MOST_FRAGMENTS = 200_000
_RLE_HEADER = 64
_RLE_SEGMENTS = 15
# Start of frame of JPEG and JPEG-LS, without the markers of tables in the same range.
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_422", "YBR_PARTIAL_420")
_GREYS = ("MONOCHROME1", "MONOCHROME2")
_NOT_CONVERTED = ("YBR_PARTIAL_422", "YBR_PARTIAL_420")

Check = Callable[[int, int], None]


def check_pixels(parsed: Parsed, check: Check) -> None:
    """Make sure that the header describes pixels that can be read, before memory is taken for them.

    Raises
    ------
    ImageError
        If they are too many, or are stored in a form that cannot be read.
    """
    rows, columns = parsed.integer("Rows"), parsed.integer("Columns")
    if rows < 1 or columns < 1:
        raise ImageError("The DICOM file does not state how many rows and columns its image has.")
    check(columns, rows)
    samples, allocated = parsed.integer("SamplesPerPixel", 1), parsed.integer("BitsAllocated")
    stored = parsed.integer("BitsStored", allocated)
    is_float = "PixelData" not in parsed.dataset
    if allocated not in ((32, 64) if is_float else (1, 8, 16, 32)) or not 1 <= stored <= allocated:
        raise ImageError(f"The DICOM file has values of {stored} of {allocated} bits, which cannot be read.")
    if parsed.integer("HighBit", stored - 1) != stored - 1 and not is_float:
        raise ImageError("The values of the DICOM file are not in the lowest bits, a form of before 1998.")
    photometric = parsed.text("PhotometricInterpretation").upper()
    if photometric in _NOT_CONVERTED and not parsed.transfer_syntax.is_compressed:
        raise ImageError(f"Its colours are stored as {photometric}, which is retired and cannot be read.")
    if samples not in (1, 3) or (samples == 3) != (photometric in _COLOURS):
        raise ImageError(
            f"The DICOM file has {samples} values per pixel and the colours “{_plain(photometric)}”; grey, RGB, YBR "
            "and palettes can be read."
        )
    if samples == 1 and photometric not in (*_GREYS, "PALETTE COLOR"):
        raise ImageError(f"The DICOM file has the colours “{_plain(photometric)}”, which cannot be read.")


def frame_values(parsed: Parsed, frame: int) -> Values:
    """Return the stored values of a frame, colours as RGB.

    Parameters
    ----------
    parsed : Parsed
        Of which `check_pixels` found no fault.
    frame : int
        From 0.

    Returns
    -------
    ndarray of shape (rows, columns) or (rows, columns, 3)

    Raises
    ------
    ImageError
        If they are damaged, or compressed in a way that cannot be read.
    """
    syntax = parsed.transfer_syntax
    try:
        if not syntax.is_compressed:
            return _decoded(parsed, frame, "")
    except NotImplementedError:
        raise _unknown(parsed) from None
    except ValueError:  # no transfer syntax
        raise _unknown(parsed) from None
    compressed = _compressed(parsed, frame)
    if syntax == RLELossless:
        return _run_lengths(parsed, compressed)
    _check_size(parsed, compressed)
    # Pillow has the decoder of all other JPEG files; pylibjpeg has those of the other forms.
    return _decoded(parsed, frame, "pillow" if syntax == _JPEG_BASELINE else "pylibjpeg")


def _decoded(parsed: Parsed, frame: int, plugin: str) -> Values:
    try:
        decoder = get_decoder(parsed.transfer_syntax)
    except NotImplementedError:
        raise _unknown(parsed) from None
    try:
        values: Values = decoder.as_array(parsed.dataset, index=frame, decoding_plugin=plugin)[0]
    except MemoryError:
        raise ImageError("There is not enough memory to decode it.") from None
    except Exception:  # pydicom and its decoders raise nearly any exception on damaged files
        raise ImageError(UNREAD if plugin else DAMAGED) from None
    return values


def _unknown(parsed: Parsed) -> ImageError:
    syntax = _plain(str(parsed.transfer_syntax)) or "not named"
    return ImageError(
        f"Its pixels are compressed in a way that cannot be read (transfer syntax {syntax}); export it uncompressed."
    )


def _plain(text: str) -> str:
    """Return a short text of a header that names a form of storage, if it looks like one; never anything else."""
    return text if len(text) <= 64 and all(c.isascii() and (c.isalnum() or c in "._ ") for c in text) else "?"


def _compressed(parsed: Parsed, frame: int) -> bytes:
    data = parsed.dataset.get("PixelData")
    if not isinstance(data, bytes) or data[:4] != _ITEM:
        raise ImageError(DAMAGED)
    if data.count(_ITEM) > _MOST_FRAGMENTS:
        raise ImageError(TOO_MANY_PARTS)
    try:
        return bytes(get_frame(data, frame, number_of_frames=parsed.n_frames))
    except Exception:  # as in `_decoded`
        raise ImageError(DAMAGED) from None


def _check_size(parsed: Parsed, compressed: bytes) -> None:
    """Compare the size in compressed data with that in the header: decoders reserve what the data claim."""
    found = codestream_size(compressed)
    if found is None:
        raise ImageError(DAMAGED)
    width, height, samples = found
    rows, columns = parsed.integer("Rows"), parsed.integer("Columns")
    if (width, height, samples) != (columns, rows, parsed.integer("SamplesPerPixel", 1)):
        raise ImageError(
            f"The header of the DICOM file states {columns:,} × {rows:,} pixels of "
            f"{parsed.integer('SamplesPerPixel', 1)} values, but its compressed image has {width:,} × {height:,} of "
            f"{samples}."
        )
    n_scans = compressed.count(_START_OF_SCAN)
    if n_scans > _USUAL_SCANS and n_scans * width * height > _MOST_SCANNED:
        raise ImageError(f"It is a JPEG with {n_scans:,} scans, which would take too long to decode.")


def codestream_size(data: bytes) -> tuple[int, int, int] | None:
    """Return width, height and channels of JPEG, JPEG-LS or JPEG 2000 data; None if they are none of these."""
    if data[:4] == b"\xff\x4f\xff\x51" or b"jP  " in data[:12]:
        place = data.find(b"\xff\x4f\xff\x51")
        if place < 0 or len(data) < place + 42:
            return None
        right, lower, left, upper = struct.unpack_from(">4I", data, place + 8)
        return right - left, lower - upper, struct.unpack_from(">H", data, place + 40)[0]
    if data[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 9 < len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height, data[place + 9]
        if marker == _START_OF_SCAN[1]:
            return None
        place += 2 + int(struct.unpack_from(">H", data, place + 2)[0])
    return None


def _run_lengths(parsed: Parsed, compressed: bytes) -> Values:
    """Return the values of a frame in run lengths (DICOM PS3.5, annex G).

    By Pillow, which has the same code for TIFF and stops where the image is full; pydicom decodes byte by byte, and
    whatever the data claim.
    """
    rows, columns = parsed.integer("Rows"), parsed.integer("Columns")
    samples, n_bytes = parsed.integer("SamplesPerPixel", 1), math.ceil(parsed.integer("BitsAllocated") / 8)
    if len(compressed) < _RLE_HEADER:
        raise ImageError(DAMAGED)
    n, *starts = struct.unpack_from("<16I", compressed)
    if n != samples * n_bytes or n > _RLE_SEGMENTS:
        raise ImageError(DAMAGED)
    ends = [*starts[1:n], len(compressed)]
    planes = np.empty((n, rows * columns), np.uint8)
    for at, (start, end) in enumerate(zip(starts[:n], ends, strict=True)):
        if not _RLE_HEADER <= start < end <= len(compressed):
            raise ImageError(DAMAGED)
        try:
            plane = Image.frombytes("L", (rows * columns, 1), compressed[start:end], "packbits", "L")
        except Exception:  # as in `_decoded`
            raise ImageError(DAMAGED) from None
        planes[at] = np.asarray(plane, np.uint8)[0]
    # Of each sample the highest byte comes first.
    bytes_of = planes.reshape(samples, n_bytes, rows, columns)
    signed = parsed.integer("PixelRepresentation") == 1
    values = _joined(bytes_of, parsed.integer("BitsStored", 8 * n_bytes), signed=signed)
    if samples == 1:
        grey: Values = values[0]
        return grey
    colours = np.ascontiguousarray(np.moveaxis(values, 0, -1))
    if parsed.text("PhotometricInterpretation").upper().startswith("YBR"):
        from pydicom.pixels import convert_color_space

        colours = convert_color_space(colours, "YBR_FULL", "RGB")
    return colours


def _joined(bytes_of: NDArray[np.uint8], bits: int, *, signed: bool) -> Values:
    """Return numbers for their bytes, the highest first along the second axis; unused upper bits are dropped."""
    n_bytes = bytes_of.shape[1]
    kind = np.dtype(f"u{n_bytes}") if n_bytes in (1, 2, 4) else np.dtype("u4")
    values = np.zeros((bytes_of.shape[0], *bytes_of.shape[2:]), kind)
    for at in range(n_bytes):
        values = (values << 8 if at else values) | bytes_of[:, at].astype(kind)
    unused = 8 * n_bytes - bits
    if signed:
        turned = values.view(np.dtype(f"i{n_bytes}"))
        return (turned << unused) >> unused if unused else turned
    return values & kind.type(2**bits - 1) if unused else values
