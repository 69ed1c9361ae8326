"""Global graph coverage: cover the whole pool along one neighbour graph, within class budgets."""

from coreset_studio.core.selection.graph import GraphCover
from coreset_studio.core.selection.greedy import lazy_greedy
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int) -> Order:
    """Return images by greedy argmax_j Σ_i max(K_ij − m_i, 0) over all images i, j of a class whose quota is open.

    Parameters
    ----------
    pool : ClassPool
        The whole pool, with the embedding across classes; without quotas it is taken as one class.
    n : int
        No more than the sum of the quotas is taken.

    References
    ----------
    Rustamov et al., arXiv 2606.22002.
    """
    cover = GraphCover(pool.embedding)
    # A pool without quotas is one class that gives what is requested.
    has_quotas = len(pool.quotas) > 0
    left = pool.quotas.tolist() if has_quotas else [pool.n_images]
    classes = pool.classes.tolist() if has_quotas else [0] * pool.n_images

    def take(row: int) -> None:
        cover.take(row)
        left[classes[row]] -= 1

    rows, gains = lazy_greedy(
        pool.n_images, min(n, sum(left)), cover.gains_of, take, may_take=lambda row: left[classes[row]] > 0
    )
    return Order(rows, tuple(f"raises coverage of the neighbour graph by {gain:.3g}" for gain in gains.tolist()))
