"""Faults of TIFF files, and of the results of other readers."""

from PIL import Image

DAMAGED = "The TIFF file is damaged or truncated."
"""What is said where nothing better is known; the sentence of another reader is preferred to it."""

_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_ALPHA = (1, 2)
_SAMPLES, _BITS, _PHOTOMETRIC, _PLANAR, _EXTRA, _FORMAT = 277, 258, 262, 284, 338, 339
_SIGNED, _SEPARATE = 2, 2


def is_misread(image: Image.Image) -> bool:
    """Return whether Pillow, or OpenCV for 16-bit colours, would open a TIFF file and give other values than stored.

    It drops channels that are no colours and no alpha channel, takes signed values of 8 bits as unsigned, and OpenCV
    confuses the planes of 16-bit colours that are stored one after the other.
    """
    tags = getattr(image, "tag_v2", None)
    if image.format != "TIFF" or not tags:
        return False
    try:
        samples, bits = int(tags.get(_SAMPLES, 1)), tuple(tags.get(_BITS, (1,)))
        extra = tuple(tags.get(_EXTRA, ()))
        signed = next(iter(tags.get(_FORMAT, (1,)))) == _SIGNED
        grey = tags.get(_PHOTOMETRIC) in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
    except (IndexError, StopIteration, TypeError, ValueError):
        return False
    if signed and bits[0] == 8:
        return True
    if grey and samples > 1:
        return not (samples == 2 and set(extra) & set(_ALPHA))
    if samples > 2 and len(image.getbands()) < 3:
        return True
    return samples >= 3 and set(bits) == {16} and tags.get(_PLANAR) == _SEPARATE
