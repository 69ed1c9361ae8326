"""Random sampling: every image of the pool is equally likely."""

from coreset_studio.core.results import IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int) -> Order:
    """Return the first `n` images of one seeded permutation."""
    permutation: IntArray = generator(pool.seed, "random", pool.class_name).permutation(pool.n_images)
    rows = permutation[:n]
    return Order(rows, ("drawn at random from the pool",) * len(rows))
