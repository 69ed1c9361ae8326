"""Random sampling: every image of the pool is equally likely."""

from core.results import IntArray
from core.seeds import generator
from core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int) -> Order:
    """Return the first `n` images of one seeded permutation."""
    permutation: IntArray = generator(pool.seed, "random", pool.class_name).permutation(pool.n_images)
    rows = permutation[:n]
    return Order(rows, ("drawn at random from the pool",) * len(rows))
