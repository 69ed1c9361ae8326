"""Turn whatever Pillow opened, or an array, into 8-bit RGB.

Depths are converted by what the format says, never by what one image happens to hold, so that equal numbers
in two files become equal pixels. Where no rule gives black and white, the image is refused with the reason.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from core.errors import ImageError

RGBArray = NDArray[np.uint8]

_WHITE = (255, 255, 255, 255)
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO = 0
_UNSIGNED = 1


def to_rgb(image: Image.Image) -> RGBArray:
    """Convert a loaded Pillow image to RGB.

    Transparent parts become white, as on paper. CMYK goes through its own colour profile where it carries one.

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
        If the numbers of the image say nothing about black and white.
    """
    mode = image.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        return _grey_to_rgb(_deep_grey(image))
    if mode == "LAB":
        image = _through_profiles(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    elif mode == "CMYK":
        image = _cmyk(image)
    elif mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = _on_white(image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)


def array_to_rgb(array: NDArray[np.generic]) -> RGBArray:
    """Convert an array such as one image of an .npz to RGB.

    Parameters
    ----------
    array : ndarray of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)
        uint8; uint16 (by its bit depth); or floating point, 0…1 or 0…255. A fourth channel is alpha.

    Returns
    -------
    ndarray of shape (h, w, 3), uint8

    Raises
    ------
    ImageError
        If shape, type or range is none of these.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or 0 in array.shape:
        raise ImageError(f"The array has the shape {array.shape}, which is no grey or colour image.")
    if np.issubdtype(array.dtype, np.floating):
        pixels = _float_to_bytes(array.astype(np.float64))
    elif array.dtype == np.uint16:
        pixels = (array.astype(np.uint16) >> 8).astype(np.uint8)
    elif array.dtype == np.uint8:
        pixels = array.astype(np.uint8)
    else:
        raise ImageError(f"The array holds {array.dtype} numbers; uint8, uint16 and floats can be read.")
    if pixels.ndim == 2:
        return _grey_to_rgb(pixels)
    if pixels.shape[2] == 4:
        return to_rgb(Image.fromarray(np.ascontiguousarray(pixels)))
    return np.ascontiguousarray(pixels)


def _grey_to_rgb(grey: NDArray[np.uint8]) -> RGBArray:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _deep_grey(image: Image.Image) -> NDArray[np.uint8]:
    """Return grey of more than 8 bits as 8 bits, by the depth that the file declares."""
    tags = getattr(image, "tag_v2", {})
    values = np.array(image)
    if image.mode == "F":
        grey = _float_to_bytes(values.astype(np.float64))
    else:
        grey = _integers_to_bytes(values, _bits(image), signed=tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] != _UNSIGNED)
    inverted = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return (255 - grey).astype(np.uint8) if inverted else grey


def _bits(image: Image.Image) -> int:
    """Return the bits per pixel that the file declares; formats other than TIFF have 16."""
    declared = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))
    return int(declared[0])


def _integers_to_bytes(values: NDArray[np.generic], bits: int, *, signed: bool) -> NDArray[np.uint8]:
    if signed or bits not in (10, 12, 14, 16):
        kind = "signed" if signed else "unsigned"
        raise ImageError(
            f"It is {bits}-bit {kind} greyscale, which does not say what is black and what is white; "
            "save it as 8 or 16 bits."
        )
    shifted: NDArray[np.int64] = np.minimum(values.astype(np.int64) >> (bits - 8), 255)
    return shifted.astype(np.uint8)


def _float_to_bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Read values as 0…1 where none is above 1, else as 0…255."""
    if not np.isfinite(values).all():
        raise ImageError("It holds floating-point values that are not finite.")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255:
        raise ImageError(f"It holds floating-point values from {low:g} to {high:g}; 0 to 1 or 0 to 255 can be read.")
    scaled: NDArray[np.float64] = np.rint(values * 255 if high <= 1 else values)
    return scaled.astype(np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    if image.format == "BMP" or rgba.getchannel("A").getextrema() == (255, 255):
        return rgba.convert("RGB")  # the fourth byte of a BMP is mostly padding
    return Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba)


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
