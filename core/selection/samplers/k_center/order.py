"""k-Center greedy: the image farthest from all selected ones comes next."""

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.neighbours import row_blocks, squared_distances, squared_norms
from coreset_studio.core.results import FloatArray
from coreset_studio.core.selection.clustering import distance_matrix
from coreset_studio.core.selection.greedy import best_row
from coreset_studio.core.selection.kernel import MEMORY_BUDGET
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int) -> Order:
    """Return images farthest first, starting with the medoid of the class unless images are kept.

    Notes
    -----
    The largest distance to a selected image is at most twice the best possible. Memory is 4 n² bytes where that fits
    `MEMORY_BUDGET`; beyond, distances to an image are computed when it is selected.

    References
    ----------
    Sener and Savarese, Active learning for convolutional neural networks: a core-set approach, ICLR 2018;
    Gonzalez, Clustering to minimize the maximum intercluster distance (1985).
    """
    n = min(n, pool.n_free)
    distances = Distances(pool.embedding)
    rows = np.empty(n, dtype=np.int64)
    reasons: list[str] = []
    nearest = np.full(pool.n_images, np.inf)
    for row in pool.kept.tolist():
        np.minimum(nearest, distances.row(row), out=nearest)
    nearest[pool.kept] = -np.inf
    for place in range(n):
        is_first = place == 0 and not len(pool.kept)
        row = distances.medoid() if is_first else best_row(nearest)
        reasons.append(
            "medoid of the class" if is_first else f"was {nearest[row]:.3g} away from the nearest selected image"
        )
        rows[place] = row
        np.minimum(nearest, distances.row(row), out=nearest)
        nearest[row] = -np.inf
    return Order(rows, tuple(reasons))


class Distances:
    """Euclidean distances between the images of a class, as a matrix where it fits the memory budget."""

    def __init__(self, embedding: FloatArray) -> None:
        n = len(embedding)
        self._vectors = np.asarray(embedding, dtype=np.float64)
        self._norms = squared_norms(self._vectors)
        self._matrix = distance_matrix(embedding) if 4 * n * n <= MEMORY_BUDGET else None

    def _block(self, block: slice) -> NDArray[np.float32]:
        if self._matrix is not None:
            return self._matrix[block]
        squares = squared_distances(self._vectors[block], self._vectors, self._norms)
        result: NDArray[np.float32] = np.sqrt(squares).astype(np.float32)
        return result

    def row(self, row: int) -> NDArray[np.float32]:
        """Return the distances of one image to all, shape (n,)."""
        return self._block(slice(row, row + 1)).ravel()

    def medoid(self) -> int:
        """Return the image whose summed distance to all others is smallest, the first of equal ones."""
        n = len(self._vectors)
        sums = [self._block(block).sum(axis=1, dtype=np.float64) for block in row_blocks(n, n)]
        return best_row(-np.concatenate(sums))
