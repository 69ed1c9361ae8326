"""Coverage along the edges of a neighbour graph: what the samplers by graph coverage share."""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from coreset_studio.core.neighbours import nearest, row_blocks, unit_rows
from coreset_studio.core.results import FloatArray, IntArray

N_NEIGHBOURS = 10


class GraphCover:
    """Coverage of all images by those taken so far, one and two steps away.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
        Of the images that the graph joins.
    """

    def __init__(self, embedding: FloatArray) -> None:
        columns = cover_graph(embedding).tocsc()
        self._starts, self._covered, self._values = columns.indptr, columns.indices, columns.data
        self._cover = np.zeros(len(embedding))

    def gains_of(self, candidates: IntArray) -> NDArray[np.float64]:
        """Return Σ_i max(K_ij − m_i, 0) of some images j, m_i the best cover of i so far."""
        gains = np.empty(len(candidates))
        for place, row in enumerate(candidates.tolist()):
            inside = slice(self._starts[row], self._starts[row + 1])
            gains[place] = np.maximum(self._values[inside] - self._cover[self._covered[inside]], 0).sum()
        return gains

    def take(self, row: int) -> None:
        """Count an image as taken."""
        inside = slice(self._starts[row], self._starts[row + 1])
        covered = self._covered[inside]
        self._cover[covered] = np.maximum(self._cover[covered], self._values[inside])


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
