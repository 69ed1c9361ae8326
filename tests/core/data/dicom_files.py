"""DICOM files for tests, made by pydicom."""

import io
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def dicom_bytes(
    values: NDArray[Any] | None,
    *,
    syntax: str = ExplicitVRLittleEndian,
    sop_class: str = CT,
    bits: int = 0,
    photometric: str = "MONOCHROME2",
    frames: int = 0,
    meta: Mapping[str, Any] | None = None,
    preamble: bool = True,
    **elements: Any,
) -> bytes:
    """Return a DICOM file with these stored values, shape (frames?, rows, columns, 3?), or without pixels."""
    file_meta = FileMetaDataset()
    file_meta.MediaStorageSOPClassUID = UID(sop_class)
    file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["test"])
    file_meta.TransferSyntaxUID = UID(syntax)
    for name, value in (meta or {}).items():
        setattr(file_meta, name, value)
    dataset = FileDataset("", {}, file_meta=file_meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(sop_class), file_meta.MediaStorageSOPInstanceUID
    dataset.Modality = "CT"
    if values is not None:
        is_colour = photometric not in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
        shape = values.shape[:-1] if is_colour else values.shape
        dataset.Rows, dataset.Columns = shape[-2:]
        dataset.SamplesPerPixel = 3 if is_colour else 1
        if is_colour:
            dataset.PlanarConfiguration = 0
        if frames:
            dataset.NumberOfFrames = frames
        dataset.PhotometricInterpretation = photometric
        dataset.BitsAllocated = 8 * values.dtype.itemsize
        dataset.BitsStored = bits or dataset.BitsAllocated
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(values.dtype.kind == "i")
        order = ">" if UID(syntax).is_little_endian is False else "<"
        dataset.PixelData = np.ascontiguousarray(values).astype(values.dtype.newbyteorder(order)).tobytes()
        if len(dataset.PixelData) % 2:
            dataset.PixelData += b"\0"
        dataset["PixelData"].VR = "OB" if values.dtype.itemsize == 1 else "OW"
    for name, value in elements.items():
        setattr(dataset, name, value)
    return written(dataset, preamble=preamble)


def written(dataset: Dataset, *, preamble: bool = True) -> bytes:
    """Return a dataset as the bytes of a file."""
    stream = io.BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=preamble)
    data = stream.getvalue()
    return data if preamble else data[132:]


def item(**elements: Any) -> Dataset:
    """Return one item of a sequence."""
    dataset = Dataset()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


def compressed(frames: list[bytes], syntax: str, **elements: Any) -> bytes:
    """Return a DICOM file with frames that are compressed already; `elements` describe them."""
    sample = np.zeros((elements["Rows"], elements["Columns"]), np.uint8)
    return dicom_bytes(
        sample, syntax=syntax, **{"PixelData": encapsulate(frames), "NumberOfFrames": len(frames), **elements}
    )


def lossless_jpeg(values: NDArray[np.uint16]) -> bytes:
    """Return lossless JPEG (process 14, first-order prediction) of 16-bit grey values."""
    rows, columns = values.shape
    bits: list[str] = []
    before = values.astype(np.int64)
    for row in range(rows):
        for column in range(columns):
            predicted = before[row, column - 1] if column else before[row - 1, 0] if row else 1 << 15
            difference = int((before[row, column] - predicted + (1 << 15)) % (1 << 16)) - (1 << 15)
            size = 16 if difference == -(1 << 15) else abs(difference).bit_length()
            bits.append(f"{size:05b}")
            if 0 < size < 16:
                bits.append(f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    scan = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)).replace(b"\xff", b"\xff\0")
    # All sizes from 0 to 16 have codes of five bits.
    table = bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    return b"".join((
        b"\xff\xd8", b"\xff\xc3", struct.pack(">HBHHBBBB", 11, 16, rows, columns, 1, 1, 0x11, 0),
        b"\xff\xc4", struct.pack(">H", 2 + len(table)), table,
        b"\xff\xda", struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 0, 0), scan, b"\xff\xd9",
    ))  # fmt: skip


def words(*numbers: int) -> bytes:
    """Return numbers as the entries of a table."""
    return np.array(numbers, "<u2").tobytes()
