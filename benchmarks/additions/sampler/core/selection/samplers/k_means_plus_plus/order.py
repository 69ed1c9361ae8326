"""Seeding of k-means++: images drawn by their squared distance from those drawn before."""

import numpy as np

from coreset_studio.core.seeds import generator
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int) -> Order:
    """Return images drawn with a probability in proportion to the squared distance from the nearest one drawn before.

    References
    ----------
    Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007.
    """
    n = min(n, pool.n_images)
    random = generator(pool.seed, "k-means-plus-plus", pool.class_name)
    vectors = np.asarray(pool.embedding, dtype=np.float64)
    nearest = np.full(pool.n_images, np.inf)
    free = np.ones(pool.n_images)
    rows = np.empty(n, dtype=np.int64)
    for place in range(n):
        weights = nearest * free if place and (nearest * free).any() else free
        shares = np.cumsum(weights)
        rows[place] = row = int(np.searchsorted(shares, random.random() * shares[-1], side="right"))
        free[row] = 0
        nearest = np.minimum(nearest, ((vectors - vectors[row]) ** 2).sum(axis=1))
    return Order(rows, ("drawn by its distance from those drawn before",) * n)
