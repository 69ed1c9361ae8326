"""Moderate: images that are neither close to the mean of their class nor far from it."""

import numpy as np

from coreset_studio.core.results import IntArray
from coreset_studio.core.selection.sampling import ClassPool, Order, rounded


def order(pool: ClassPool, n: int) -> Order:
    """Return images whose distance to the class mean is closest to the median of those distances.

    References
    ----------
    Xia et al., Moderate coreset: a universal method of data selection, ICLR 2023.
    """
    vectors = np.asarray(pool.embedding, dtype=np.float64)
    centred = vectors - vectors.mean(axis=0)
    distances = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    away = rounded(np.abs(distances - np.median(distances)))
    rows: IntArray = np.argsort(away, kind="stable")[:n].astype(np.int64)
    return Order(rows, ("at a median distance from the class mean",) * len(rows))
