"""Graph coverage: cover a class along the edges of its neighbour graph, one and two steps away."""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from core.results import FloatArray, IntArray
from core.selection.greedy import lazy_greedy
from core.selection.neighbours import nearest, row_blocks, unit_rows
from core.selection.sampling import ClassPool, Order

N_NEIGHBOURS = 10


def order(pool: ClassPool, n: int) -> Order:
    """Return images by greedy argmax_j Σ_i max(K_ij − m_i, 0), m_i the best cover of i so far.

    References
    ----------
    Rustamov et al., arXiv 2606.22002.
    """
    columns = cover_graph(pool.embedding).tocsc()
    cover = np.zeros(pool.n_images)
    starts, covered, values = columns.indptr, columns.indices, columns.data

    def gains_of(candidates: IntArray) -> NDArray[np.float64]:
        gains = np.empty(len(candidates))
        for place, row in enumerate(candidates.tolist()):
            inside = slice(starts[row], starts[row + 1])
            gains[place] = np.maximum(values[inside] - cover[covered[inside]], 0).sum()
        return gains

    def take(row: int) -> None:
        inside = slice(starts[row], starts[row + 1])
        cover[covered[inside]] = np.maximum(cover[covered[inside]], values[inside])

    rows, gains = lazy_greedy(pool.n_images, min(n, pool.n_images), gains_of, take)
    return Order(rows, tuple(f"raises coverage of the neighbour graph by {gain:.3g}" for gain in gains.tolist()))


def cover_graph(embedding: FloatArray) -> scipy.sparse.csr_array:
    """Return K = Ã + Ã², shape (n, n).

    A joins every image to its 10 nearest by cosine (weights max(0, cosine)), made symmetric by the larger of the two;
    Ã = D^−½ A D^−½ with D the row sums. An image that nothing joins has a row of zeros.
    """
    n = len(embedding)
    units = unit_rows(embedding)
    # Among rows of length 1 the order of distances is that of cosines; rows of zeros are equally far from all.
    neighbours, _ = nearest(units, N_NEIGHBOURS)
    k = neighbours.shape[1]
    heads = np.repeat(np.arange(n), k)
    tails = neighbours.ravel()
    cosines = np.empty(n * k)
    for block in row_blocks(n * k, 2 * units.shape[1]):
        cosines[block] = np.einsum("ij,ij->i", units[heads[block]], units[tails[block]])
    cosines = np.maximum(cosines, 0)
    graph = scipy.sparse.coo_array((cosines, (heads, tails)), shape=(n, n)).tocsr()
    graph = graph.maximum(graph.T)
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    scale = scipy.sparse.diags_array(1 / np.sqrt(np.where(degrees > 0, degrees, np.inf)))
    normal = scale @ graph @ scale
    return scipy.sparse.csr_array(normal + normal @ normal)
