"""Points inside a drawn outline, and the point nearest to the mouse."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def inside(points: Points, outline: Points) -> NDArray[np.bool_]:
    """Return which points are inside a closed outline, by the parity of crossings.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
    outline : ndarray of shape (m, 2)
        Corners in order; the last is joined to the first.

    Returns
    -------
    ndarray of shape (n,), bool
        All False for fewer than three corners.
    """
    result = np.zeros(len(points), dtype=bool)
    if len(outline) < 3 or not len(points):
        return result
    low, high = outline.min(axis=0), outline.max(axis=0)
    near = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
    x, y = points[near, 0], points[near, 1]
    within = np.zeros(len(near), dtype=bool)
    x0, y0 = outline[-1]
    for x1, y1 in outline:
        if y0 != y1:
            crossed = (y0 > y) != (y1 > y)
            within[crossed] ^= x[crossed] < (x1 - x0) * (y[crossed] - y0) / (y1 - y0) + x0
        x0, y0 = x1, y1
    result[near] = within
    return result


def nearest(points: Points, to: tuple[float, float], reach: float) -> int:
    """Return the row of the point nearest to `to`, -1 where none is within `reach`."""
    if not len(points):
        return -1
    squares = (points[:, 0] - to[0]) ** 2 + (points[:, 1] - to[1]) ** 2
    best = int(np.argmin(squares))
    return best if squares[best] <= reach**2 else -1
