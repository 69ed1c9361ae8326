"""Parse a DICOM file with pydicom: only the elements that decide its pixels, within limits, and nothing else."""

import logging
import math
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from coreset_studio.core.data.dicom.recognising import file_meta, has_preamble
from coreset_studio.core.data.headers import HeaderFacts
from coreset_studio.core.data.streams import TOO_MANY_PARTS, CountedBytes
from coreset_studio.core.errors import ImageError

UNREAD = "Its pixels are damaged, or compressed in a form that cannot be read; export the DICOM file uncompressed."

INFLATED_BYTES = 256_000_000
"""How many bytes a deflated file may have once inflated."""

MOST_READS = 200_000
"""How often the parser may ask for bytes, two or three times for each element and item."""

MOST_ITEMS = 60_000
"""How many items a sequence may have, with those inside."""

DAMAGED = "The DICOM file is damaged or incomplete. Export it again from its archive."

_LONGEST_TEXT = 256
_DIRECTORY = "1.2.840.10008.1.3.10"
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_DOSE = f"{_STORAGE}481.2"
_SEGMENTATIONS = (f"{_STORAGE}66.4", f"{_STORAGE}66.7")
_WHOLE_SLIDE = f"{_STORAGE}77.1.6"
# By the beginning of the SOP class, the longest first.
_WITHOUT_PIXELS = {
    f"{_STORAGE}481.3": "a radiotherapy structure set",
    f"{_STORAGE}481.": "a radiotherapy plan or record",
    f"{_STORAGE}88.59": "a key object selection",
    f"{_STORAGE}88.": "a structured report",
    f"{_STORAGE}104.": "an encapsulated document, such as a PDF",
    f"{_STORAGE}11.": "a presentation state",
    f"{_STORAGE}9.": "a waveform",
    f"{_STORAGE}66": "a registration, fiducials or surface",
}
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_WANTED = (
    "SOPClassUID", "Modality", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber",
    "ImagePositionPatient", "ImageOrientationPatient", "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames",
    "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth",
    "VOILUTFunction", "VOILUTSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData", "PixelDataProviderURL",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
)  # fmt: skip
_ITEM_MARKS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
_LAST = threading.local()


def _quieten() -> None:
    """Keep values of headers out of logs and warnings, in which pydicom quotes what is not valid."""
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    for name in ("pydicom", "pylibjpeg", "openjpeg", "libjpeg"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False


_quieten()


@dataclass(frozen=True)
class Parsed:
    """A parsed DICOM file with pixels.

    Attributes
    ----------
    dataset : pydicom.dataset.Dataset
        With the elements that decide the pixels alone.
    transfer_syntax : pydicom.uid.UID
    """

    dataset: Dataset
    transfer_syntax: UID

    def number(self, name: str, default: float = math.nan) -> float:
        """Return the first number of an element; `default` where there is none or it is not finite."""
        return number_of(self.dataset, name, default)

    def integer(self, name: str, default: int = 0) -> int:
        """Return the first number of an element as an integer."""
        return int(self.number(name, default))

    def text(self, name: str) -> str:
        """Return the first text of an element, without spaces around it."""
        return text_of(self.dataset, name)

    @property
    def n_frames(self) -> int:
        """Number of frames, at least 1."""
        return max(1, self.integer("NumberOfFrames", 1))

    def groups(self, frame: int) -> Iterator[Dataset]:
        """Yield the datasets that describe a frame, from 0, the most specific first."""
        per_frame = items_of(self.dataset, "PerFrameFunctionalGroupsSequence")
        shared = items_of(self.dataset, "SharedFunctionalGroupsSequence")
        for group in (*per_frame[frame : frame + 1], *shared[:1]):
            for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                yield from items_of(group, name)[:1]
        yield self.dataset

    def header(self) -> HeaderFacts:
        """Return the identifiers of patient, study and series."""
        place = self.number("InstanceNumber")
        if math.isnan(place):
            place = _along_normal(self.dataset)
        return HeaderFacts(self.text("PatientID"), self.text("StudyInstanceUID"), self.text("SeriesInstanceUID"), place)


def parse(data: bytes) -> Parsed:
    """Parse a file; of the last one a thread keeps the result if it has several frames, which are read one by one.

    Raises
    ------
    ImageError
        If it is damaged, too large, or contains no image.
    """
    last: tuple[bytes, Parsed] | None = getattr(_LAST, "found", None)
    if last is not None and last[0] is data:
        return last[1]
    parsed = _parse(data)
    _LAST.found = (data, parsed) if parsed.n_frames > 1 else None
    return parsed


def _parse(data: bytes) -> Parsed:
    meta, is_certain = file_meta(data), has_preamble(data)
    _refuse_kind(meta.sop_class)
    syntax = UID(meta.transfer_syntax)
    if syntax == DeflatedExplicitVRLittleEndian:
        data, syntax = _inflated(data[meta.end :]), UID(ExplicitVRLittleEndian)
    stream = CountedBytes(data, MOST_READS)
    wanted: list[Any] = [Tag(name) for name in (*_WANTED, *_PIXELS)]
    try:
        dataset = pydicom.dcmread(stream, force=True, specific_tags=wanted)
    except Exception:  # pydicom raises nearly any exception on damaged files, and quotes values in it
        raise ImageError(TOO_MANY_PARTS if stream.is_used_up else DAMAGED) from None
    if not meta.transfer_syntax:
        implicit, little = dataset.original_encoding
        native = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        syntax = UID(ImplicitVRLittleEndian if implicit else native)
    sop_class = text_of(dataset, "SOPClassUID")
    _refuse_kind(sop_class)
    _refuse_without_pixels(dataset, meta.sop_class or sop_class, is_certain=is_certain)
    return Parsed(dataset, syntax)


def _inflated(deflated: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(deflated, INFLATED_BYTES)
    except zlib.error:
        raise ImageError(DAMAGED) from None
    if inflater.unconsumed_tail and not inflater.eof:
        raise ImageError(f"The DICOM file has more than {INFLATED_BYTES:,} bytes once inflated, more than are read.")
    return data


def _refuse_kind(sop_class: str) -> None:
    if sop_class == _DIRECTORY:
        raise ImageError("It is a DICOMDIR, the index of a medium, and no image; the files themselves are read.")
    if sop_class in _SEGMENTATIONS:
        raise ImageError("It is a DICOM segmentation, a mask of other images, and no image.")
    if sop_class == _DOSE:
        raise ImageError("It is a radiotherapy dose in DICOM, and no image.")
    if sop_class == _WHOLE_SLIDE:
        raise ImageError(
            "It is a whole slide in tiles, which is not read. Export the regions of interest as images of their own."
        )


def _refuse_without_pixels(dataset: Dataset, sop_class: str, *, is_certain: bool) -> None:
    if any(name in dataset for name in _PIXELS):
        return
    if "PixelDataProviderURL" in dataset:
        raise ImageError("It contains no pixels but refers to a server for them, which is never contacted.")
    for start, what in _WITHOUT_PIXELS.items():
        if sop_class.startswith(start):
            raise ImageError(f"It is {what} in DICOM, which contains no image.")
    if "Rows" in dataset or is_certain:
        raise ImageError("It is a DICOM file without pixels, or is cut off before them.")
    raise ImageError("It is not an image: it starts like a DICOM file, but contains no pixels.")


def number_of(dataset: Dataset, name: str, default: float = math.nan) -> float:
    """Return the first number of an element; `default` where there is none or it is not finite."""
    try:
        value = dataset.get(name)
        number = float(value[0] if isinstance(value, MultiValue | list | tuple) else value)
    except Exception:  # whatever pydicom raises for a value that is none
        return default
    return number if math.isfinite(number) else default


def numbers_of(dataset: Dataset, name: str) -> list[float]:
    """Return the numbers of an element; empty where there are none."""
    try:
        value = dataset.get(name)
        values = [float(each) for each in (value if isinstance(value, MultiValue | list | tuple) else [value])]
    except Exception:  # as in `number_of`
        return []
    return values if all(math.isfinite(each) for each in values) else []


def text_of(dataset: Dataset, name: str) -> str:
    """Return the first text of an element, without spaces around it; empty where there is none."""
    try:
        value = dataset.get(name)
    except Exception:  # as in `number_of`
        return ""
    if isinstance(value, MultiValue | list | tuple):
        value = value[0] if value else None
    return "" if value is None else str(value).strip("\0 ")[:_LONGEST_TEXT]


def items_of(dataset: Dataset, name: str) -> list[Dataset]:
    """Return the items of a sequence; empty where there is none."""
    try:
        stored = dataset.get_item(name)
        value = getattr(stored, "value", None)
        # Sequences of a stated length are parsed only now.
        if isinstance(value, bytes) and max(value.count(mark) for mark in _ITEM_MARKS) > MOST_ITEMS:
            raise ImageError(TOO_MANY_PARTS)
        return list(dataset.get(name) or ())
    except ImageError:
        raise
    except Exception:  # as in `number_of`
        return []


def _along_normal(dataset: Dataset) -> float:
    """Return the position of a slice along the normal of its plane, in mm; 0 where it is not known."""
    position, direction = numbers_of(dataset, "ImagePositionPatient"), numbers_of(dataset, "ImageOrientationPatient")
    if len(position) != 3 or len(direction) != 6:
        return 0.0
    (a, b, c), (d, e, f) = direction[:3], direction[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    return sum(one * other for one, other in zip(position, normal, strict=True))
