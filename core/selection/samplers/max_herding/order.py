"""MaxHerding: facility location with the Gaussian kernel of the herding samplers."""

import numpy as np
from numpy.typing import NDArray

from core.results import IntArray
from core.selection.greedy import lazy_greedy
from core.selection.neighbours import row_blocks
from core.selection.sampling import ClassPool, Order

# Rows that are not held in memory come by a matrix product, where a few cost hardly more than one.
BATCH = 32


def order(pool: ClassPool, n: int) -> Order:
    """Return images by greedy argmax of Σ_i max_{j∈S} R_ij, R = exp(−d² / 2σ²) with the width of herding.

    Notes
    -----
    At least 1 − 1/e of the best possible. Memory is 4 n² bytes where that fits the kernel's budget; beyond, rows are
    computed when a gain is evaluated.

    References
    ----------
    Bae, Noh and Sutherland, Generalized coverage for more robust low-budget active learning, arXiv 2407.12212.
    """
    kernel = pool.make_kernel(pool.embedding)
    cover = np.zeros(pool.n_images, dtype=np.float32)

    def gains_of(rows: IntArray) -> NDArray[np.float64]:
        gains = np.empty(len(rows))
        for block in row_blocks(len(rows), pool.n_images):
            above = kernel.rows(rows[block]) - cover
            gains[block] = np.maximum(above, 0, out=above).sum(axis=1, dtype=np.float64)
        return gains

    def take(row: int) -> None:
        np.maximum(cover, kernel.rows(np.array([row]))[0], out=cover)

    batch = 1 if kernel.is_held else BATCH
    rows, gains = lazy_greedy(pool.n_images, min(n, pool.n_images), gains_of, take, batch=batch)
    return Order(rows, tuple(f"raises coverage by {gain:.3g} images" for gain in gains.tolist()))
