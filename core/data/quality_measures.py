"""Measure the quality of one image from its decoded pixels, during the scan."""

import cv2
import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.data.colour import RGBArray
from coreset_studio.core.data.quality import MEASURES

GreyArray = NDArray[np.uint8]

_LEAST_SIDE = 8
_LEAST_LAG = 4
_LAGS_PER_SIDE = 32
_DIGITS = 5
_DARKEST, _BRIGHTEST = 0.05, 0.99
_ROUNDING = 1e-9


def to_grey(rgb: RGBArray) -> GreyArray:
    """Return the grey levels (ITU-R BT.601) of an image.

    Parameters
    ----------
    rgb : ndarray of shape (h, w, 3), uint8

    Returns
    -------
    ndarray of shape (h, w), uint8
    """
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def measure_quality(rgb: RGBArray, small: RGBArray, grey: GreyArray) -> tuple[float, ...]:
    """Return the measures of `core.data.quality.MEASURES` of one image.

    Parameters
    ----------
    rgb : ndarray of shape (h, w, 3), uint8
        At full resolution, of which only the edge width is measured.
    small : ndarray of shape (h, w, 3), uint8
        The same image as a thumbnail, of which the others are.
    grey : ndarray of shape (h, w), uint8
        Grey levels of `small`.

    Returns
    -------
    tuple of float
        Finite, rounded to five significant digits.
    """
    shares = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel() / np.float64(grey.size)
    darkest, brightest = np.searchsorted(shares.cumsum() + _ROUNDING, (_DARKEST, _BRIGHTEST)) / 255
    present = shares[shares > 0]
    colour = np.array(cv2.mean(small)[:3], dtype=np.float32).reshape(1, 1, 3) / 255
    lightness, green_red, blue_yellow = cv2.cvtColor(colour, cv2.COLOR_RGB2LAB).ravel().tolist()
    values = {
        "edge_width": edge_width(rgb),
        "darkest": float(darkest),
        "brightest": float(brightest),
        "entropy": max(0.0, -float((present * np.log2(present)).sum())),
        "lightness": lightness,
        "green_red": green_red,
        "blue_yellow": blue_yellow,
    }
    return tuple(float(f"{values[name]:.{_DIGITS}g}") for name in MEASURES)


def edge_width(rgb: RGBArray) -> float:
    """Return the typical width of the edges of an image, in per cent of its shorter side.

    Parameters
    ----------
    rgb : ndarray of shape (h, w, 3), uint8

    Returns
    -------
    float
        0 to about 3 for images of at least 128 pixels, more for smaller ones; 0 for an image without any edge, and for
        sides below 8 pixels.

    Notes
    -----
    An edge that rises linearly over w pixels adds 1/w to the sum of squared differences of neighbouring pixels, and
    about L to that of pixels L >= w apart, both times the square of its height: w = D(L) / (L D(1)), D the mean squared
    difference of the grey levels at a distance, horizontal and vertical ones together. L is 1/32 of the shorter side,
    and at least 4 pixels. Rows and columns 2 L apart are measured, at full resolution. Noise makes edges seem
    narrower.
    """
    height, width = (int(length) for length in rgb.shape[:2])
    side = min(height, width)
    if side < _LEAST_SIDE:
        return 0.0
    lag = max(_LEAST_LAG, round(side / _LAGS_PER_SIDE))
    rows = to_grey(rgb[lag :: 2 * lag])
    # OpenCV takes the nearest columns several times faster than NumPy takes every n-th.
    some = (max(1, width // (2 * lag)), height)
    columns = to_grey(np.asarray(cv2.resize(rgb, some, interpolation=cv2.INTER_NEAREST), dtype=np.uint8))
    near = _mean_square(rows[:, 1:], rows[:, :-1]) + _mean_square(columns[1:], columns[:-1])
    far = _mean_square(rows[:, lag:], rows[:, :-lag]) + _mean_square(columns[lag:], columns[:-lag])
    if far <= 0:
        return 0.0
    return 100 * min(1.0, far / (lag * near) / side) if near > 0 else 100.0 * lag / side


def _mean_square(one: GreyArray, other: GreyArray) -> float:
    return float(cv2.norm(one, other, cv2.NORM_L2SQR)) / one.size if one.size else 0.0
