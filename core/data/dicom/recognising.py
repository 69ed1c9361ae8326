"""Recognise DICOM files by their first bytes, with the usual preamble of 128 bytes or without."""

import re
from dataclasses import dataclass

HEAD_BYTES = 160
"""How many of the first bytes are needed."""

PREAMBLE = 132
MAGIC = b"DICM"

_TRANSFER_SYNTAX, _SOP_CLASS = 0x0010, 0x0002
_LONG = (b"OB", b"OW", b"OF", b"OD", b"UN", b"SQ", b"UT", b"UC", b"UR", b"OL", b"OV", b"SV", b"UV")
_MOST_META = 100
# The element that a file without preamble begins with, of group 0002 or 0008, in explicit or implicit VR.
_EXPLICIT = re.compile(
    rb"(?:\x02\x00|\x08\x00)[\x00-\x70]\x00(?:UL\x04\x00|(?:CS|UI|DA|TM|SH|LO)[\x00-\x40]\x00)", re.S
)
_BIG = re.compile(rb"\x00\x08\x00[\x00-\x70](?:UL\x00\x04|(?:CS|UI|DA|TM|SH|LO)\x00[\x00-\x40])", re.S)
_IMPLICIT = re.compile(rb"\x08\x00(?:\x00\x00\x04|[\x01-\x70]\x00[\x02-\x40])\x00\x00\x00", re.S)


@dataclass(frozen=True)
class FileMeta:
    """The group of elements before the dataset of a file.

    Attributes
    ----------
    transfer_syntax, sop_class : str
        UIDs; empty where the file has none.
    end : int
        Where the dataset begins.
    """

    transfer_syntax: str
    sop_class: str
    end: int


def has_preamble(head: bytes) -> bool:
    """Return whether a file has the preamble of DICOM, whatever else it is: the preamble may be that of a TIFF."""
    return head[128:PREAMBLE] == MAGIC


def is_dicom(head: bytes) -> bool:
    """Return whether the first `HEAD_BYTES` of a file are those of a DICOM file."""
    if has_preamble(head):
        return True
    return any(start.match(head) is not None for start in (_EXPLICIT, _BIG, _IMPLICIT))


def file_meta(data: bytes) -> FileMeta:
    """Return what the file meta information says; it is always in explicit VR, little endian."""
    place = PREAMBLE if has_preamble(data) else 0
    found: dict[int, bytes] = {}
    for _ in range(_MOST_META):
        if data[place : place + 2] != b"\x02\x00" or len(data) < place + 8:
            break
        element = int.from_bytes(data[place + 2 : place + 4], "little")
        if data[place + 4 : place + 6] in _LONG:
            start, length = place + 12, int.from_bytes(data[place + 8 : place + 12], "little")
        else:
            start, length = place + 8, int.from_bytes(data[place + 6 : place + 8], "little")
        if element in (_TRANSFER_SYNTAX, _SOP_CLASS):
            found[element] = data[start : start + min(length, 128)]
        place = start + length
    texts = {element: value.decode("ascii", "replace").strip("\0 ") for element, value in found.items()}
    return FileMeta(texts.get(_TRANSFER_SYNTAX, ""), texts.get(_SOP_CLASS, ""), min(place, len(data)))
