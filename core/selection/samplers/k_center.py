"""k-Center greedy: the image farthest from all chosen ones comes next."""

import numpy as np

from core.results import FloatArray
from core.selection.greedy import best_row
from core.selection.neighbours import row_blocks, squared_distances
from core.selection.sampling import ClassPool, Order, Sampler
from core.settings import SelectionSettings


def order(pool: ClassPool, n: int, settings: SelectionSettings) -> Order:  # noqa: ARG001
    """Return images farthest first, starting with the medoid of the class.

    Notes
    -----
    The largest distance to a chosen image is at most twice the best possible.

    References
    ----------
    Sener and Savarese, Active learning for convolutional neural networks: a core-set approach, ICLR 2018;
    Gonzalez, Clustering to minimize the maximum intercluster distance (1985).
    """
    n = min(n, pool.n_images)
    vectors = np.asarray(pool.embedding, dtype=np.float64)
    rows = np.empty(n, dtype=np.int64)
    reasons: list[str] = []
    distances = np.full(pool.n_images, np.inf)
    for place in range(n):
        row = medoid(pool.embedding) if place == 0 else best_row(distances)
        reasons.append(f"was {distances[row]:.3g} away from the nearest chosen" if place else "medoid of the class")
        rows[place] = row
        squares = squared_distances(vectors[row : row + 1], vectors)[0]
        np.minimum(distances, np.sqrt(squares), out=distances)
        distances[rows[: place + 1]] = -np.inf
    return Order(rows, tuple(reasons))


def medoid(embedding: FloatArray) -> int:
    """Return the image whose summed distance to all others is smallest, the first of equal ones."""
    sums = np.empty(len(embedding))
    for block in row_blocks(len(embedding), len(embedding)):
        sums[block] = np.sqrt(squared_distances(embedding[block], embedding)).sum(axis=1)
    return best_row(-sums)


SAMPLER = Sampler(
    name="k-center",
    title="k-Center",
    summary="Takes the image farthest from all chosen ones, again and again: outliers first, good above 20 %.",
    source="Sener and Savarese 2018",
    order=order,
)
