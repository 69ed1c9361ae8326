"""Colours of a map of numbers over an image, the same in the window and in files."""

import numpy as np
from numpy.typing import NDArray

OPACITY = 0.6
"""Default opacity of the largest value."""
CAUTION = (
    "The map shows which regions raise the score of the class in this network, at the coarse resolution of its last "
    "convolutional map; it does not show that they are the cause, or that the class is correct."
)
# Dark blue over red to yellow, of rising lightness, so that larger values are brighter in grey as well.
_STOPS = (
    (0.0, (24, 15, 61)),
    (0.25, (106, 23, 110)),
    (0.5, (196, 55, 76)),
    (0.75, (249, 142, 9)),
    (1.0, (252, 255, 164)),
)

FloatMap = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def colour_table() -> Bytes:
    """Return the colours of 256 values from 0 to the largest, shape (256, 3)."""
    places = np.linspace(0.0, 1.0, 256)
    at = [place for place, _ in _STOPS]
    channels = [np.interp(places, at, [colour[channel] for _, colour in _STOPS]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


def enlarged(values: FloatMap, height: int, width: int) -> FloatMap:
    """Return a map stretched to `height` × `width`, bilinear, its edges along those of the image.

    Parameters
    ----------
    values : ndarray of shape (h, w), float32
    height, width : int
        >= 1.
    """
    found = _weights(values.shape[0], height) @ values.astype(np.float64) @ _weights(values.shape[1], width).T
    return np.asarray(found, dtype=np.float32)


def _weights(n: int, wanted: int) -> NDArray[np.float64]:
    """Return the matrix of shape (wanted, n) that interpolates n values linearly, with pixels centred in both."""
    places = np.clip((np.arange(wanted) + 0.5) * n / wanted - 0.5, 0, n - 1)
    lower = np.minimum(np.floor(places).astype(np.int64), max(0, n - 2))
    share = places - lower
    weights = np.zeros((wanted, n))
    rows = np.arange(wanted)
    weights[rows, lower] = 1 - share
    weights[rows, np.minimum(lower + 1, n - 1)] += share
    return weights


def coloured(values: FloatMap, height: int, width: int) -> Bytes:
    """Return a map as RGBA, shape (height, width, 4): its largest value is opaque, and 0 is transparent.

    Parameters
    ----------
    values : ndarray of shape (h, w), float32
        Not negative. A map of zeros is transparent all over.
    height, width : int
    """
    largest = float(values.max())
    shares = enlarged(values, height, width) / largest if largest > 0 else np.zeros((height, width), np.float32)
    levels = np.clip(np.rint(shares * 255), 0, 255).astype(np.uint8)
    return np.dstack([colour_table()[levels], levels])


def overlaid(rgb: Bytes, values: FloatMap, opacity: float = OPACITY) -> Bytes:
    """Return an image with a map over it.

    Parameters
    ----------
    rgb : ndarray of shape (height, width, 3), uint8
    values : ndarray of shape (h, w), float32
        See `coloured`.
    opacity : float
        Of the largest value, 0 to 1.
    """
    colours = coloured(values, *rgb.shape[:2]).astype(np.float64)
    share = opacity * colours[..., 3:] / 255
    return np.asarray(np.rint(rgb * (1 - share) + colours[..., :3] * share), dtype=np.uint8)
