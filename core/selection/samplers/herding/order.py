"""Herding: keep the mean of the selected images as close as possible to the mean of the class."""

import numpy as np

from coreset_studio.core.selection.greedy import best_row
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int) -> Order:
    """Return images by repeated argmin_{j∉S} ‖(t + 1) μ − Σ_S x − x_j‖, t = |S|, with images that are kept in S.

    References
    ----------
    Welling, Herding dynamical weights to learn, ICML 2009; Rebuffi et al., iCaRL, CVPR 2017, algorithm 4.
    """
    n = min(n, pool.n_free)
    vectors = np.asarray(pool.embedding, dtype=np.float64)
    mean = vectors.mean(axis=0)
    norms = np.einsum("ij,ij->i", vectors, vectors)
    total = vectors[pool.kept].sum(axis=0)
    free = np.zeros(pool.n_images)
    free[pool.kept] = -np.inf
    rows = np.empty(n, dtype=np.int64)
    for t in range(n):
        target = (len(pool.kept) + t + 1) * mean - total
        squares = np.maximum(norms - 2 * (vectors @ target) + target @ target, 0)
        # argmin, not argmax: the image whose distance to the sum is smallest.
        row = best_row(free - np.sqrt(squares))
        rows[t] = row
        total += vectors[row]
        free[row] = -np.inf
    return Order(rows, ("keeps the mean of the class",) * n)
