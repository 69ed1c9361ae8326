"""Stratified random sampling: class shares are kept, and inside a class every image is equally likely."""

from coreset_studio.core.results import IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int) -> Order:
    """Return the first `n` images of a permutation that is seeded by the class's name."""
    permutation: IntArray = generator(pool.seed, "stratified", pool.class_name).permutation(pool.n_images)
    rows = permutation[:n]
    return Order(rows, ("drawn at random from the class",) * len(rows))
