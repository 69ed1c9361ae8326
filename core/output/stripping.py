"""Image files without metadata, with unchanged pixels.

JPEG and PNG are rid of their metadata without decoding: the compressed pixels stay as they are, byte for byte.
The orientation stays, since without it an image would be rotated. Every other format, and any file whose
pixels would not come out equal, is written again as PNG by the caller.
"""

import struct
import zlib
from collections.abc import Iterator

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
# What decides how pixels look; everything else in a PNG is text, time, EXIF, animation or a maker's own.
_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP"}
_APP0, _APP1, _APP2, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA


def without_metadata(content: bytes) -> bytes | None:
    """Return the JPEG or PNG file `content` without its metadata; None for another format or a damaged file.

    Kept of a JPEG: JFIF head, colour profile, Adobe's colour transform. Kept of a PNG: the chunks that decide how the
    pixels look. Of EXIF only the orientation is kept, in a block of its own.
    """
    try:
        if content.startswith(b"\xff\xd8"):
            return b"".join(_jpeg_parts(content))
        if content.startswith(_PNG_HEAD):
            return b"".join(_png_parts(content))
    except (IndexError, ValueError, struct.error):
        return None
    return None


def _jpeg_parts(content: bytes) -> Iterator[bytes]:
    yield content[:2]
    place = 2
    while True:
        if content[place] != 0xFF:
            raise ValueError("no marker")
        marker = content[place + 1]
        if marker == 0xFF:  # fill bytes before a marker
            place += 1
            continue
        if marker == _END:
            yield content[place : place + 2]
            return
        end = place + 2 + struct.unpack_from(">H", content, place + 2)[0]
        segment = content[place:end]
        if marker == _SCAN:
            end = _end_of_scan(content, end)
            yield content[place:end]
        elif marker == _APP1 and segment[4:10] == b"Exif\x00\x00":
            yield _orientation_segment(segment[10:])
        elif _jpeg_kept(marker, segment):
            yield segment
        place = end


def _jpeg_kept(marker: int, segment: bytes) -> bool:
    if marker in (_COMMENT, _START):
        return False
    if _APP0 <= marker <= _APP15:
        return (
            (marker == _APP0 and segment[4:9] == b"JFIF\x00")
            or (marker == _APP2 and segment[4:16] == b"ICC_PROFILE\x00")
            or (marker == _APP14 and segment[4:9] == b"Adobe")
        )
    return True


def _end_of_scan(content: bytes, place: int) -> int:
    """Return where the next marker begins that is neither a stuffed byte, a restart nor a fill byte."""
    while True:
        place = content.index(b"\xff", place)
        following = content[place + 1]
        if following == 0 or 0xD0 <= following <= 0xD7:
            place += 2
        elif following == 0xFF:
            place += 1
        else:
            return place


def _orientation_segment(tiff: bytes) -> bytes:
    orientation = _orientation(tiff)
    if orientation == 1:
        return b""
    body = b"Exif\x00\x00" + _orientation_block(orientation)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _orientation(tiff: bytes) -> int:
    """Return the orientation (1 to 8) in a TIFF block; 1 where it has none or cannot be read."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        start = struct.unpack_from(order + "I", tiff, 4)[0]
        for entry in range(struct.unpack_from(order + "H", tiff, start)[0]):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * entry)
            if tag == 0x0112 and kind == 3 and 1 <= value <= 8:
                return int(value)
    except struct.error:
        return 1
    return 1


def _orientation_block(orientation: int) -> bytes:
    """Return a TIFF block that holds nothing but the orientation."""
    return b"MM\x00\x2a" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def _png_parts(content: bytes) -> Iterator[bytes]:
    yield _PNG_HEAD
    place = len(_PNG_HEAD)
    while True:
        size = struct.unpack_from(">I", content, place)[0]
        kind = content[place + 4 : place + 8]
        chunk = content[place : place + 12 + size]
        if len(chunk) != 12 + size:
            raise ValueError("cut short")
        if kind in _PNG_KEPT:
            yield chunk
        elif kind == b"eXIf":
            orientation = _orientation(chunk[8 : 8 + size])
            if orientation != 1:
                yield _png_chunk(b"eXIf", _orientation_block(orientation))
        if kind == b"IEND":
            return
        place += 12 + size


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
