"""Read one image: from a file's bytes to upright 8-bit RGB, or one sentence with the reason why not."""

import io
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

from core.data.codecs import FORMATS, NAMES, boxed_format
from core.data.colour import BEFORE, RGBArray, settled
from core.data.levels import Decoded
from core.data.pages import SEVERAL_PAGES, decode_file, main_pages
from core.data.quiet import QuietPillow
from core.data.sources import source_of
from core.data.thumbnails import THUMBNAIL_SIDE, thumbnail_file, write_thumbnail
from core.errors import ImageError
from core.files import reason_of
from core.reading import open_regular
from core.results import Dataset, Reading

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
_KNOWN = f"JPEG, PNG, BMP, TIFF, WebP, GIF, {NAMES[0]}, {NAMES[1]} and {NAMES[2]} can be read"
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
            if name == "JPEG" and _FILL in data:
                raise ImageError("It is damaged: it contains more meaningless bytes than any valid image.")
            with _open(data) as image:
                _check_scans(image, data)
                return decode_file(image, data, reading, lambda: _open(data), _check_size)
        except ImageError:
            raise
        except Image.DecompressionBombError as error:
            raise ImageError(f"It has more pixels than the limit of {PIXEL_LIMIT:,}.") from error
        except UnidentifiedImageError as error:
            words = f"{'an' if name == 'AVIF' else 'a'} {name} file"
            raise ImageError(f"It starts like {words}, but is damaged or in a variant that cannot be read.") from error
        except Exception as error:  # Pillow raises nearly any exception on damaged files
            raise ImageError(_damage(name, error)) from error


def _open(data: bytes) -> Image.Image:
    return Image.open(_Counted(data), formats=_FORMATS)


def read_file(file: Path) -> bytes:
    """Return the bytes of an image file; what is no image is refused after its first bytes.

    Raises
    ------
    ImageError
        If it cannot be read, is too large, empty, or no image.
    """
    try:
        with open_regular(file) as stream:
            head = stream.read(32)
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
            if _format_of(stream.read(32)) not in SEVERAL_PAGES:
                return 1
        data = read_file(file)
        with _QUIET, _open(data) as image:
            return len(main_pages(image, lambda: _open(data)))
    except Exception:  # Pillow raises nearly any exception on damaged files; the scan reports the fault
        return 1


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
    return boxed_format(data[:32])


class _Counted(io.BytesIO):
    """The bytes of a file, with a limit on the number of reads.

    Pillow looks for what comes next piece by piece, byte by byte where it is lost: megabytes of rubbish that follow
    the head of a file would keep it busy for minutes.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MOST_PIECES

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes."""
        self._left -= 1
        if self._left < 0:
            raise ImageError("It is damaged: it has more parts than any valid image.")
        return super().read(size)


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
