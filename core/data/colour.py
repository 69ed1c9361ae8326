"""Convert an image opened by Pillow, or an array, to 8-bit RGB.

Depths are converted by the declared format and by the range of the file kind, never by the values that one image
happens to hold, so that equal numbers in two files become equal pixels: see `core.data.levels`. Where no rule gives
black and white, the image is refused with the reason.
"""

import io
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from coreset_studio.core.data.levels import Decoded, RGBArray, Values, survey_of, to_bytes
from coreset_studio.core.errors import ImageError
from coreset_studio.core.results import Range, Reading, Stored

__all__ = ["BEFORE", "Deep", "Origin", "RGBArray", "array_to_rgb", "decode_array", "decode_deep", "decode_plain",
           "is_deep_grey", "origin_of", "to_rgb"]  # fmt: skip

BEFORE = Reading()
"""How images were read before it could be set."""

_WHITE = (255, 255, 255, 255)
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO = 0
_UNSIGNED = 1
_HIDDEN = 1
"""Largest alpha of an image that nothing would be seen of; 1 of 255 is what a mask of zeros and ones gives."""

_NO_BLACK = (
    "which does not define black and white; save it with 8 or 16 bits, or use the "
    "range of all files with --grey-levels used"
)


@dataclass(frozen=True)
class Origin:
    """Facts about the values of a file from its header.

    Attributes
    ----------
    form : str
        ``"tiff"``, ``"png"``, …
    bits : int
        Of a value.
    signed : bool
        Whether the values are signed integers; a TIFF's.
    inverted : bool
        Whether 0 is white; a TIFF's.
    """

    form: str = ""
    bits: int = 16
    signed: bool = False
    inverted: bool = False


@dataclass(frozen=True)
class Deep:
    """The values of an image of more than 8 bits.

    Attributes
    ----------
    kind : str
        Such as ``"16-bit-tiff"``.
    values : ndarray of shape (h, w) or (h, w, 3)
    bits : int
        That the format declares; 0 for floating point.
    signed : bool
    inverted : bool
    alpha : ndarray of shape (h, w), or None
        In the scale of its own type; floating point in the scale of the values.
    form : str
    """

    kind: str
    values: Values
    bits: int
    signed: bool = False
    inverted: bool = False
    alpha: Values | None = None
    form: str = ""


def origin_of(image: Image.Image) -> Origin:
    """Return the facts in the header of an opened file; formats other than TIFF are 8-bit or 16-bit."""
    tags = getattr(image, "tag_v2", {})
    return Origin(
        form=(image.format or "").lower(),
        bits=int(tags.get(_BITS_PER_SAMPLE, (16,))[0]),
        signed=tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] != _UNSIGNED,
        inverted=tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
    )


def is_deep_grey(mode: str) -> bool:
    """Return whether a mode of Pillow has grey of more than 8 bits."""
    return mode.startswith("I;16") or mode in ("I", "F")


def to_rgb(image: Image.Image) -> RGBArray:
    """Convert a loaded Pillow image to RGB as before it could be set; see `decode_plain`.

    Parameters
    ----------
    image : PIL.Image.Image
        Upright and loaded, in any mode.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8

    Raises
    ------
    ImageError
        If the values of the image do not define black and white.
    """
    return decode_plain(image, origin_of(image), BEFORE).rgb


def decode_plain(image: Image.Image, origin: Origin, reading: Reading) -> Decoded:
    """Convert a loaded Pillow image, of 8 bits or of deeper grey, to RGB.

    Transparent parts become white, unless the alpha channel is ignored. CMYK goes through its own
    colour profile where it carries one.

    Raises
    ------
    ImageError
        If the values of the image do not define black and white, or the image would be invisible.
    """
    mode = image.mode
    if is_deep_grey(mode):
        return decode_deep(_deep_grey(image, origin), reading)
    if mode == "LAB":
        image = _through_profiles(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    elif mode == "CMYK":
        image = _cmyk(image)
    elif mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        # The fourth byte of a BMP is mostly padding.
        if origin.form != "bmp" and rgba.getchannel("A").getextrema() != (255, 255):
            return _seen_through(rgba, origin.form, None, reading)
        image = rgba
    return Decoded(np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8))


def array_to_rgb(array: NDArray[np.generic], reading: Reading = BEFORE) -> RGBArray:
    """Convert an array such as one image of an .npz to RGB; see `decode_array`.

    Returns
    -------
    ndarray of shape (h, w, 3), uint8

    Raises
    ------
    ImageError
        If shape, type or range cannot be read, or wait for a range that is not fixed yet.
    """
    return settled(decode_array(array, reading))


def settled(decoded: Decoded) -> RGBArray:
    """Return the pixels of an image that waits for nothing.

    Raises
    ------
    ImageError
        If a file kind has no range or rule yet.
    """
    if decoded.is_open:
        stored = decoded.stored or Stored()
        what = stored.kind if decoded.survey is not None else stored.alpha
        raise ImageError(f"It is {what}, and the scan found no such image; scan the dataset again.")
    return decoded.rgb


def decode_array(array: NDArray[np.generic], reading: Reading, form: str = "npz") -> Decoded:
    """Convert an array such as one image of an .npz to RGB.

    Parameters
    ----------
    array : ndarray of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)
        Whole numbers, floating point or, unless read as declared, true and false. Declared: uint8; uint16 by its bit
        depth; floating point 0…1 or 0…255. A fourth channel is alpha.
    reading : Reading
    form : str
        What the file kinds of such arrays end in, such as ``"npz"`` for ``"uint16-npz"``.

    Raises
    ------
    ImageError
        If shape, type or range is none of these.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or 0 in array.shape:
        raise ImageError(f"The array has the shape {array.shape}, which is not that of a greyscale or colour image.")
    kind = _array_kind(array, reading, form)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    colour, alpha = (array[:, :, :3], array[:, :, 3]) if array.shape[2:] == (4,) else (array, None)
    if kind:
        bits = 0 if np.issubdtype(array.dtype, np.floating) else 8 * array.dtype.itemsize
        signed = np.issubdtype(array.dtype, np.signedinteger)
        return decode_deep(Deep(kind, colour, bits, signed, alpha=alpha, form=form), reading)
    if alpha is not None:
        rgba = Image.fromarray(np.ascontiguousarray(array.astype(np.uint8)))
        if rgba.getchannel("A").getextrema() != (255, 255):
            return _seen_through(rgba, form, None, reading)
    pixels = colour.astype(np.uint8)
    return Decoded(_grey_to_rgb(pixels) if pixels.ndim == 2 else np.ascontiguousarray(pixels))


def _array_kind(array: NDArray[np.generic], reading: Reading, form: str) -> str:
    """Return the file kind of an array, such as ``"uint16-npz"``; empty for 8 bits."""
    kind = array.dtype
    if kind == np.uint8:
        return ""
    if np.issubdtype(kind, np.floating):
        return f"float-{form}"
    name = f"{kind.name}-{form}"
    declares = reading.levels == "declared" and reading.range_of(name) is None
    if declares and kind != np.uint16:
        raise ImageError(
            f"The array contains {kind} values; uint8, uint16 and floats can be read, other integers "
            "with --grey-levels used."
        )
    if kind == np.bool_:
        return ""
    if not np.issubdtype(kind, np.integer):
        raise ImageError(f"The array contains {kind} values; integers, floats and bool can be read.")
    return name


def decode_deep(deep: Deep, reading: Reading) -> Decoded:
    """Convert values of more than 8 bits to RGB, by the range of their kind.

    Raises
    ------
    ImageError
        If black and white are not defined, or no value is a number.
    """
    values = deep.values
    finite = np.isfinite(values) if deep.bits == 0 else None
    gaps = finite is not None and not finite.all()
    ends = reading.range_of(deep.kind)
    declared = ends is None and reading.levels == "declared"
    if gaps and finite is not None:
        if declared:
            raise ImageError("It contains floating-point values that are not finite.")
        if not finite.any():
            raise ImageError("None of its floating-point values is finite.")
        values = np.where(finite, values, values[finite].min())
    stored = Stored(deep.kind, float(values.min()), float(values.max()), deep.bits, gaps)
    if declared:
        pixels = _declared(replace(deep, values=values))
    elif ends is None:
        return _with_alpha(deep, np.zeros((1, 1, 3), np.uint8), stored, survey_values=values, reading=reading)
    else:
        pixels = to_bytes(values, ends)
    if deep.inverted:
        pixels = (255 - pixels).astype(np.uint8)
    if gaps and finite is not None:
        pixels = np.where(finite, pixels, np.uint8(0))
    rgb = _grey_to_rgb(pixels) if pixels.ndim == 2 else np.ascontiguousarray(pixels)
    return _with_alpha(deep, rgb, stored, survey_values=None, reading=reading)


def _with_alpha(
    deep: Deep, rgb: RGBArray, stored: Stored, *, survey_values: Values | None, reading: Reading
) -> Decoded:
    """Return the pixels with what becomes of their transparent parts, or what they wait for."""
    alpha = None if deep.alpha is None else _alpha_bytes(deep.alpha, stored.high, reading.range_of(deep.kind))
    waits = survey_values is not None
    seen = Decoded(rgb, stored)
    if alpha is not None and alpha.min() < 255:
        shape = alpha.shape if waits else rgb.shape[:2]
        filled = np.zeros((*shape, 3), np.uint8) if waits else rgb
        image = Image.fromarray(np.dstack([filled, alpha]))
        seen = _seen_through(image, deep.form, stored, reading, waits=waits)
    if survey_values is None:
        return seen
    return replace(seen, rgb=rgb, survey=survey_of(survey_values, reading))


def _alpha_bytes(alpha: Values, high: float, ends: Range | None) -> NDArray[np.uint8]:
    """Return an alpha channel as bytes; one of floating point has the scale of its colours, of at most `high`."""
    if np.issubdtype(alpha.dtype, np.floating):
        alpha = np.nan_to_num(alpha)
        declared = (0.0, 255.0 if max(high, float(alpha.max())) > 1 else 1.0)
        return to_bytes(alpha, ends if ends is not None and ends[0] == 0 else declared)
    most = int(np.iinfo(alpha.dtype).max)
    return to_bytes(alpha, (0.0, float(most)))


def _seen_through(
    rgba: Image.Image, form: str, stored: Stored | None, reading: Reading, *, waits: bool = False
) -> Decoded:
    """Return an image that is not opaque on white, or without its alpha channel, as is fixed for its file kind."""
    kind = f"alpha-{form}"
    hidden = bool(np.asarray(rgba.getchannel("A")).max() <= _HIDDEN)
    stored = replace(stored or Stored(), alpha=kind, hidden=hidden)
    rule = reading.alpha_of(kind)
    if rule is None:
        return Decoded(np.zeros((1, 1, 3), np.uint8), stored, open_alpha=True)
    if hidden and rule == "white" and reading.alpha == "auto":
        raise ImageError(
            "Its alpha channel is 0 everywhere, so the image would be invisible, while other images of its kind "
            f"are only partly transparent; --alpha {kind}=ignore ignores the alpha channel."
        )
    if not waits and rule == "white":
        rgba = Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba)
    return Decoded(np.array(rgba.convert("RGB"), dtype=np.uint8), stored)


def _grey_to_rgb(grey: NDArray[np.uint8]) -> RGBArray:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _deep_grey(image: Image.Image, origin: Origin) -> Deep:
    """Return grey of more than 8 bits, in the type that the file declares."""
    values = np.array(image)
    if image.mode == "F":
        return Deep(f"float-{origin.form}", values, 0, inverted=origin.inverted, form=origin.form)
    if origin.bits == 32 and not origin.signed and values.dtype == np.int32:
        values = values.view(np.uint32)  # Pillow has no type for it and keeps the bits
    sign = "signed-" if origin.signed else ""
    kind = f"{sign}{origin.bits}-bit-{origin.form}"
    return Deep(kind, values, origin.bits, origin.signed, origin.inverted, form=origin.form)


def _declared(deep: Deep) -> NDArray[np.uint8]:
    """Return values as 8 bits by the declared range; each floating-point image separately."""
    if deep.bits == 0:
        return _float_to_bytes(deep.values.astype(np.float64))
    if deep.signed or deep.bits not in (10, 12, 14, 16):
        kind = "signed" if deep.signed else "unsigned"
        raise ImageError(f"It is {deep.bits}-bit {kind} greyscale, {_NO_BLACK}.")
    shifted: NDArray[np.int64] = np.minimum(deep.values.astype(np.int64) >> (deep.bits - 8), 255)
    return shifted.astype(np.uint8)


def _float_to_bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Read values as 0…1 where none is above 1, else as 0…255."""
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255:
        raise ImageError(
            f"It contains floating-point values from {low:g} to {high:g}; 0 to 1 or 0 to 255 can be read, other ranges "
            "with --grey-levels used."
        )
    return to_bytes(values, (0.0, 1.0 if high <= 1 else 255.0))


def _cmyk(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            return _through_profiles(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a damaged profile: the plain conversion is what other programs show then
    return image.convert("RGB")


def _through_profiles(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(profile, srgb, image.mode, "RGB")
    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise ImageError(f"Its {image.mode} colours cannot be converted.")
    return converted
