"""DICOM files that are no images or hostile: one sentence each, without memory for what they claim, without values."""

import io
import struct
import traceback
import zlib
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from coreset_studio.core.data.images import decode, n_pages
from coreset_studio.core.errors import ImageError
from coreset_studio.core.results import Reading
from tests.core.data.dicom_files import compressed, dicom_bytes, item, words, written
from tests.core.data.test_dicom import BASELINE, DEFLATED, ramp

STORAGE = "1.2.840.10008.5.1.4.1.1."


def refusal(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        decode(data, Reading(levels="used", alpha="auto"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [("1.2.840.10008.1.3.10", "It is a DICOMDIR"), (f"{STORAGE}88.33", "a structured report"),
     (f"{STORAGE}481.3", "a radiotherapy structure set"), (f"{STORAGE}481.5", "a radiotherapy plan"),
     (f"{STORAGE}104.1", "such as a PDF"), (f"{STORAGE}11.1", "a presentation state"),
     (f"{STORAGE}7", "without pixels"), (f"{STORAGE}88.59", "a key object selection"),
     (f"{STORAGE}9.1.1", "a waveform")],
)  # fmt: skip
def test_what_is_no_image_is_named(sop_class: str, words: str) -> None:
    assert words in refusal(dicom_bytes(None, sop_class=sop_class))


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [(f"{STORAGE}66.4", "a mask of other images"), (f"{STORAGE}77.1.6", "a whole slide in tiles"),
     (f"{STORAGE}481.2", "radiotherapy dose")],
)  # fmt: skip
def test_what_has_pixels_but_is_no_image_is_named(sop_class: str, words: str) -> None:
    assert words in refusal(dicom_bytes(ramp(), sop_class=sop_class))


def test_pixels_on_a_server_are_not_fetched() -> None:
    said = refusal(dicom_bytes(None, PixelDataProviderURL="https://example.org/secret"))
    assert said == "It contains no pixels but refers to a server for them, which is never contacted."


@pytest.mark.parametrize(
    ("elements", "words"),
    [({"Rows": 0}, "does not state how many rows"), ({"Rows": 60_000, "Columns": 60_000}, "more than the limit"),
     ({"BitsAllocated": 12}, "values of 16 of 12 bits"), ({"BitsStored": 17}, "values of 17 of 16 bits"),
     ({"HighBit": 3}, "not in the lowest bits"), ({"SamplesPerPixel": 2}, "2 values per pixel"),
     ({"PhotometricInterpretation": "ARGB"}, "colours “ARGB”, which cannot be read"),
     ({"NumberOfFrames": 2_000_000_000}, "2,000,000,000 frames"), ({"PixelData": b"\0\0"}, "damaged or incomplete")],
)  # fmt: skip
def test_pixels_that_cannot_be_read(elements: dict[str, Any], words: str) -> None:
    assert words in refusal(dicom_bytes(ramp(), **elements))


def test_sentences_quote_no_value_of_the_header() -> None:
    secret = "DOE^JANE"
    for elements in ({"PhotometricInterpretation": secret}, {"Rows": 0, "PatientName": secret}, {"BitsAllocated": 12}):
        assert secret not in refusal(dicom_bytes(ramp(), **{"PatientID": secret, **elements}))


def test_tracebacks_quote_no_value_of_the_header() -> None:
    secret = "QXDOE"
    whole = dicom_bytes(ramp(), PatientID=secret, PatientName=secret, RescaleSlope=1, WindowCenter=4, WindowWidth=5)
    for at in range(132, len(whole) - 1, 7):
        for wrong in (whole[:at], whole[:at] + secret.encode() * 3 + whole[at:]):
            found = ""
            try:
                decode(wrong, Reading(levels="used"))
            except ImageError as error:
                found = "".join(traceback.format_exception(error))
            assert secret not in found


def test_unknown_transfer_syntax_is_named() -> None:
    data = dicom_bytes(ramp()).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    assert "cannot be read (transfer syntax 1.2.840.10008.1.2.9)" in refusal(data)


@pytest.mark.slow
def test_deflate_bomb_is_stopped() -> None:
    whole = dicom_bytes(ramp(), syntax=DEFLATED)
    dataset_starts = 144 + int.from_bytes(whole[140:144], "little")
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"".join(bomb.compress(bytes(1 << 24)) for _ in range(20)) + bomb.flush()
    assert "more than 256,000,000 bytes once inflated" in refusal(whole[:dataset_starts] + body)


def test_compressed_image_of_another_size_than_the_header() -> None:
    # A JPEG 2000 codestream that claims 60,000 × 60,000 pixels.
    head = b"\xff\x4f\xff\x51" + struct.pack(">HH8IH", 41, 0, 60_000, 60_000, 0, 0, 60_000, 60_000, 0, 0, 1) + b"\7\1\1"
    data = compressed([head + bytes(100)], "1.2.840.10008.1.2.4.90", Rows=8, Columns=8)
    assert "states 8 × 8 pixels of 1 values, but its compressed image has 60,000 × 60,000 of 1" in refusal(data)


def test_run_lengths_that_claim_more_than_the_image() -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(np.zeros((8, 8), np.uint8))))
    dataset.compress(RLELossless)
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\0" * 1_000_000
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    assert (decode(written(dataset), Reading()).rgb == 0).all()
    dataset.PixelData = pydicom.encaps.encapsulate([struct.pack("<16I", 2, 64, *[0] * 14) + b"\x81\0" * 9])
    assert "damaged or incomplete" in refusal(written(dataset))


@pytest.mark.slow
def test_many_fragments_and_elements() -> None:
    pieces = b"\xfe\xff\x00\xe0\0\0\0\0" * 300_000
    data = compressed([b"\xff\xd8"], BASELINE, Rows=8, Columns=8, PixelData=pieces)
    assert "more parts than any valid image" in refusal(data)
    many = dicom_bytes(None) + b"\x09\0\x01\0SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\0\0\0\0" * 400_000
    assert "more parts than any valid image" in refusal(many)


def test_deep_sequences() -> None:
    deep = dicom_bytes(None) + b"\x09\0\x01\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 50_000
    assert refusal(deep) in (
        "The DICOM file is damaged or incomplete. Export it again from its archive.",
        "It is damaged: it has more parts than any valid image.",
        "It is a DICOM file without pixels, or is cut off before them.",
    )


def test_claimed_length_beyond_the_file() -> None:
    data = dicom_bytes(ramp(), bits=12, Modality="MR")
    at = data.rindex(b"OW\0\0") + 4
    claims = data[:at] + b"\xf0\xff\xff\xff" + data[at + 4 :]
    assert (decode(claims, Reading()).rgb[:, :, 0] == ramp() >> 4).all()  # all pixels are there
    assert "damaged or incomplete" in refusal(claims[:-2])


def test_many_items_of_a_sequence_of_stated_length() -> None:
    items = b"\xfe\xff\x00\xe0\0\0\0\0" * 100_000
    head = dicom_bytes(ramp(), Modality="MR", VOILUTFunction="LINEAR")
    at = head.index(b"\x28\0\x56\x10CS")
    sequence = b"\x28\0\x10\x30SQ\0\0" + len(items).to_bytes(4, "little") + items
    end = at + 8 + int.from_bytes(head[at + 6 : at + 8], "little")
    assert "more parts than any valid image" in refusal(head[:end] + sequence + head[end:])


def test_segmented_palette_is_refused() -> None:
    data = dicom_bytes(
        np.zeros((2, 2), np.uint8), photometric="PALETTE COLOR", SegmentedRedPaletteColorLookupTableData=b"\0\0\1\0"
    )
    assert "palette is stored in segments" in refusal(data)


def test_sequence_in_place_of_a_number() -> None:
    assert refusal(dicom_bytes(ramp(), Rows=None)).startswith("The DICOM file does not state")
    data = dicom_bytes(ramp(), VOILUTSequence=[item(LUTDescriptor=[0, 0, 99], LUTData=words(1, 2))])
    found = decode(data, Reading(levels="used"))
    assert found.is_open  # a table that is none is no window


def test_pages_of_a_damaged_file_are_one(tmp_path: Any) -> None:
    file = tmp_path / "x.dcm"
    file.write_bytes(bytes(128) + b"DICM" + bytes(9))
    assert n_pages(file) == 1
