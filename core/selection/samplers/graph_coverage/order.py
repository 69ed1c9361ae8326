"""Graph coverage: cover a class along the edges of its neighbour graph, one and two steps away."""

from coreset_studio.core.selection.graph import GraphCover
from coreset_studio.core.selection.greedy import lazy_greedy_beside
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int) -> Order:
    """Return images by greedy argmax_j Σ_i max(K_ij − m_i, 0), m_i the best cover of i so far, by kept images, too.

    References
    ----------
    Rustamov et al., arXiv 2606.22002.
    """
    cover = GraphCover(pool.embedding)
    rows, gains = lazy_greedy_beside(pool.kept, pool.n_images, n, cover.gains_of, cover.take)
    return Order(rows, tuple(f"raises coverage of the neighbour graph by {gain:.3g}" for gain in gains.tolist()))
