"""The map: a place in the plane for each image with features."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results.arrays import FloatArray, IntArray

MapMethod = Literal["pca", "tsne"]


@dataclass(frozen=True, eq=False)
class ImageMap:
    """Images of all classes in two dimensions.

    Attributes
    ----------
    method : {"pca", "tsne"}
    indices : ndarray of shape (n,), int64
        Pool, validation and test images, ascending: the rows of `points`.
    points : ndarray of shape (n, 2), float32
    fitted : ndarray of shape (n,), bool
        Whether an image determined the map; the others were placed in it.
    shares : tuple of float
        Share of each dimension in the variance of the pool, 0 to 1; empty for t-SNE, whose axes have no meaning.
    """

    method: MapMethod
    indices: IntArray
    points: FloatArray
    fitted: NDArray[np.bool_]
    shares: tuple[float, ...] = ()
