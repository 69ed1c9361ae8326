"""Read one image: from a file's bytes to upright 8-bit RGB, or one sentence with the reason why not."""

import io
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from coreset_studio.core.data.codecs import FORMATS, NAMES, boxed_format
from coreset_studio.core.data.colour import BEFORE, RGBArray, settled
from coreset_studio.core.data.dicom.recognising import HEAD_BYTES, has_preamble, is_dicom
from coreset_studio.core.data.levels import Decoded
from coreset_studio.core.data.pages import SEVERAL_PAGES, decode_file, main_pages
from coreset_studio.core.data.quiet import QuietPillow
from coreset_studio.core.data.sources import source_of
from coreset_studio.core.data.streams import CountedBytes
from coreset_studio.core.data.thumbnails import THUMBNAIL_SIDE, thumbnail_file, write_thumbnail
from coreset_studio.core.data.tiff.faults import DAMAGED, is_misread
from coreset_studio.core.errors import ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.reading import open_regular
from coreset_studio.core.results import Dataset, Reading, Stored

__all__ = [
    "PIXEL_LIMIT", "THUMBNAIL_SIDE", "RGBArray", "decode", "is_unchanged", "read_bytes", "read_file", "read_image",
    "read_rgb", "thumbnail_file", "write_thumbnail",
]  # fmt: skip

PIXEL_LIMIT = 64_000_000
"""Largest number of pixels of an image that is decoded (8,000 × 8,000; 192 MB as RGB)."""

BYTE_LIMIT = 512_000_000
"""Largest file that is read; the pixel limit at 8 bytes a pixel."""

_MOST_PIECES = 1_000_000
"""How often a decoder may request bytes; a file of 512 MB in blocks of 8 kB takes a quarter as many."""

_MOST_SCANNED = 20 * PIXEL_LIMIT
"""How many pixels a progressive JPEG may have in all its scans, of which the usual ten refine each pixel."""

_USUAL_SCANS = 20

_FILL = b"\xff" * 100_000
"""Bytes that may be between the parts of a JPEG; Pillow takes the square of the time for a run of them."""

# Imported by name: Pillow loads a reader only when it meets the suffix, and a frozen program must hold them all.
_FORMATS = (
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    BmpImagePlugin.BmpImageFile.format,
    TiffImagePlugin.TiffImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
    GifImagePlugin.GifImageFile.format,
    *FORMATS,
)
_KNOWN = f"JPEG, PNG, BMP, TIFF, WebP, GIF, {NAMES[0]}, {NAMES[1]}, {NAMES[2]} and DICOM can be read"
_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"GIF8": "GIF",
}
_QUIET = QuietPillow()


def read_rgb(source: Path | bytes, reading: Reading = BEFORE) -> RGBArray:
    """Decode one image file; its content determines the format, not its suffix.

    EXIF orientation is applied.

    Parameters
    ----------
    source : Path or bytes
        A file, or the bytes of one.
    reading : Reading
        How stored values become pixels; default: as before it could be set.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8

    Raises
    ------
    ImageError
        With the reason, as one sentence, for anything that is not a whole image, or whose file kind waits for a range.
    """
    return settled(decode(source, reading))


def decode(source: Path | bytes, reading: Reading) -> Decoded:
    """Decode one image file as `read_rgb` does, and return how it is stored.

    Raises
    ------
    ImageError
        With the reason, as one sentence, for anything that is not a whole image.
    """
    data = source if isinstance(source, bytes) else read_file(source)
    name = _format_of(data)
    if name is None:
        raise ImageError("The file is empty." if not data else f"It is not an image ({_KNOWN}).")
    with _QUIET:
        try:
            if _is_dicom(name, data):
                name = "DICOM"
                return _dicom(data, reading)
            if name == "TIFF":
                return _with_form(data, _tiff(data, reading))
            if name == "JPEG" and _FILL in data:
                raise ImageError("It is damaged: it contains more meaningless bytes than any valid image.")
            with _open(data) as image:
                _check_scans(image, data)
                return _with_form(data, decode_file(image, data, reading, lambda: _open(data), _check_size))
        except ImageError:
            raise
        except Image.DecompressionBombError as error:
            raise ImageError(f"It has more pixels than the limit of {PIXEL_LIMIT:,}.") from error
        except UnidentifiedImageError as error:
            words = f"{'an' if name == 'AVIF' else 'a'} {name} file"
            raise ImageError(f"It starts like {words}, but is damaged or in a variant that cannot be read.") from error
        except Exception as error:  # Pillow raises nearly any exception on damaged files
            if name == "DICOM":  # what is wrong may be a value of the header
                raise ImageError("The DICOM file is damaged.") from None
            raise ImageError(_damage(name, error)) from error


def _open(data: bytes) -> Image.Image:
    return Image.open(CountedBytes(data, _MOST_PIECES), formats=_FORMATS)


def _tiff(data: bytes, reading: Reading) -> Decoded:
    """Decode a TIFF file by Pillow, and by tifffile what Pillow does not read, or reads wrongly."""
    try:
        with _open(data) as image:
            if not is_misread(image):
                return decode_file(image, data, reading, lambda: _open(data), _check_size)
    except (Image.DecompressionBombError, MemoryError):
        raise
    except Exception as fault:  # Pillow raises nearly any exception on damaged files
        try:
            return _other_tiff(data, reading)
        except ImageError as error:
            # What Pillow says of a damaged file is more than what is said there.
            if str(error) != DAMAGED:
                raise
            raise fault from None
    return _other_tiff(data, reading)


def _other_tiff(data: bytes, reading: Reading) -> Decoded:
    # Imported here: most TIFF files need no tifffile.
    from coreset_studio.core.data.tiff.decoding import decode_tiff

    return decode_tiff(data, reading, _check_size)


def _dicom(data: bytes, reading: Reading) -> Decoded:
    # Imported here: pydicom takes longer to load than a small dataset to read.
    from coreset_studio.core.data.dicom.decoding import decode_dicom

    return decode_dicom(data, reading, _check_size)


def _is_dicom(name: str, data: bytes) -> bool:
    """Return whether a file is read as DICOM; many of these begin like a TIFF, and some are one as well."""
    if name == "DICOM" or not has_preamble(data):
        return name == "DICOM"
    try:
        with _open(data):
            return False
    except Exception:  # Pillow raises nearly any exception on damaged files
        return True


def _with_form(data: bytes, decoded: Decoded) -> Decoded:
    """Return an image of which it is known if its file has the header of DICOM as well, as some TIFF files do."""
    if not has_preamble(data):
        return decoded
    from coreset_studio.core.data.dicom.parsing import parse

    with suppress(ImageError):
        decoded = replace(decoded, header=parse(data).header())
    return replace(decoded, stored=replace(decoded.stored or Stored(), form="dicom"))


def read_file(file: Path) -> bytes:
    """Return the bytes of an image file; what is no image is refused after its first bytes.

    Raises
    ------
    ImageError
        If it cannot be read, is too large, empty, or no image.
    """
    try:
        with open_regular(file) as stream:
            head = stream.read(HEAD_BYTES)
            if _format_of(head) is None:
                return head
            size = stream.seek(0, io.SEEK_END)
            if size > BYTE_LIMIT:
                raise ImageError(f"The file has {size:,} bytes; at most {BYTE_LIMIT:,} are read.")
            stream.seek(0)
            return stream.read()
    except OSError as error:
        raise ImageError(f"The file cannot be read ({reason_of(error)}).") from error


def decode_page(data: bytes, page: int, reading: Reading) -> Decoded:
    """Decode one page of an image file, and return how it is stored.

    Parameters
    ----------
    data : bytes
        The whole file.
    page : int
        From 1, among the pages of the size of the largest.
    reading : Reading

    Raises
    ------
    ImageError
        If there is no such page, or for what `decode` refuses.
    """
    decoded = decode(data, replace(reading, pages=str(page)))
    n = decoded.stored.n_pages if decoded.stored is not None else 1
    if page > n:
        raise ImageError(f"It has {n:,} page{'s' * (n != 1)}; page {page:,} was requested.")
    return decoded


def n_pages(file: Path) -> int:
    """Return how many pages of the size of the largest a file has; 1 if it cannot be determined."""
    try:
        with open_regular(file) as stream:
            name = _format_of(stream.read(HEAD_BYTES))
        if name not in SEVERAL_PAGES:
            return 1
        data = read_file(file)
        with _QUIET:
            if _is_dicom(name, data):
                return _n_frames(data)
            return _n_tiff_pages(data) if name == "TIFF" else _n_pillow_pages(data)
    except Exception:  # Pillow raises nearly any exception on damaged files; the scan reports the fault
        return 1


def _n_pillow_pages(data: bytes) -> int:
    with _open(data) as image:
        return len(main_pages(image, lambda: _open(data)))


def _n_tiff_pages(data: bytes) -> int:
    try:
        return _n_pillow_pages(data)
    except Exception:  # as above
        from coreset_studio.core.data.tiff.decoding import n_tiff_pages

        return n_tiff_pages(data)


def _n_frames(data: bytes) -> int:
    from coreset_studio.core.data.dicom.decoding import n_frames

    return n_frames(data)


def read_image(dataset: Dataset, index: int) -> RGBArray:
    """Decode an image of a dataset, of any kind of source.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8

    Raises
    ------
    ImageError
        If the file has gone or changed since the scan so that it cannot be read.
    MissingSourceError
        If nothing that is installed knows the dataset's kind.
    """
    return source_of(dataset.kind).read(dataset.root, dataset.images[index].path, dataset.reading)


def read_bytes(dataset: Dataset, index: int) -> bytes | None:
    """Return an image as it is stored, a whole image file, or None where only its pixels are.

    Raises
    ------
    ImageError
        If it cannot be read.
    MissingSourceError
        If nothing that is installed knows the dataset's kind.
    """
    source = source_of(dataset.kind)
    if source.holds_at(dataset.images[index].path) == "arrays":
        return None
    return source.reader.original(dataset.root, dataset.images[index].path)


def is_unchanged(dataset: Dataset, index: int) -> bool:
    """Return whether an image is sure to be the one that was scanned, without decoding it."""
    return not source_of(dataset.kind).reader.changed(dataset.root, dataset.images[index])


def _format_of(data: bytes) -> str | None:
    """Return the format that the first bytes announce."""
    for signature, name in _SIGNATURES.items():
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    return boxed_format(data[:32]) or ("DICOM" if is_dicom(data[:HEAD_BYTES]) else None)


def _check_scans(image: Image.Image, data: bytes) -> None:
    """Refuse a JPEG with so many scans that decoding it would take minutes."""
    if image.format == "JPEG" and image.info.get("progressive"):
        n_scans = data.count(b"\xff\xda")
        if n_scans * image.width * image.height > _MOST_SCANNED and n_scans > _USUAL_SCANS:
            raise ImageError(
                f"It is a JPEG with {n_scans:,} scans of {image.width:,} × {image.height:,} pixels, which "
                "would take too long to decode."
            )


def _check_size(width: int, height: int) -> None:
    if width * height > PIXEL_LIMIT:
        raise ImageError(f"It has {width:,} × {height:,} pixels, more than the limit of {PIXEL_LIMIT:,}.")


def _damage(name: str, error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "There is not enough memory to decode it."
    if isinstance(error, EOFError) or any(word in str(error).lower() for word in ("truncated", "unexpected end")):
        return f"The {name} file is truncated."
    detail = str(error).strip().rstrip(".") or type(error).__name__
    return f"The {name} file is damaged ({detail})."
