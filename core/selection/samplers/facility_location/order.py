"""Facility location: take the image that most raises how well every image of the class is represented."""

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.neighbours import row_blocks, unit_rows
from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.selection.greedy import greedy_cover
from coreset_studio.core.selection.kernel import MEMORY_BUDGET
from coreset_studio.core.selection.sampling import ClassPool, Order

# Similarities that are not held in memory come by a matrix product, where a few rows cost hardly more than one.
BATCH = 32


def order(pool: ClassPool, n: int) -> Order:
    """Return images by greedy argmax of Σ_i max_{j∈S} s_ij, s = max(0, cosine); images that are kept are in S.

    Notes
    -----
    At least 1 − 1/e of the best possible. Memory is 4 n² bytes where that fits `MEMORY_BUDGET`; beyond, rows of
    similarities are computed when a gain is evaluated.

    References
    ----------
    Nemhauser, Wolsey and Fisher, Mathematical Programming 14 (1978).
    """
    similarities = Similarities(pool.embedding)
    batch = 1 if similarities.fits else BATCH
    rows, gains = greedy_cover(similarities.rows, pool.n_images, n, batch=batch, kept=pool.kept)
    return Order(rows, tuple(f"raises coverage by {gain:.3g} images" for gain in gains.tolist()))


class Similarities:
    """s_ij = max(0, cosine) between the images of a class, as a matrix where it fits the memory budget."""

    def __init__(self, embedding: FloatArray, memory_budget: int | None = None) -> None:
        self._units = unit_rows(embedding)
        n = len(self._units)
        self.fits = 4 * n * n <= (MEMORY_BUDGET if memory_budget is None else memory_budget)
        self._matrix = np.empty((n, n) if self.fits else (0, n), dtype=np.float32)
        if self.fits:
            for block in row_blocks(n, n):
                self._matrix[block] = self._computed(self._units[block])

    def _computed(self, units: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.maximum(units @ self._units.T, 0).astype(np.float32)

    def rows(self, rows: IntArray) -> NDArray[np.float32]:
        """Return the similarities of some images to all, shape (len(rows), n); the caller may change them."""
        return self._matrix[rows] if self.fits else self._computed(self._units[rows])
