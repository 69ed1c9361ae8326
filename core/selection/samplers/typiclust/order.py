"""TypiClust: the most typical image of every cluster, large clusters first, in turn."""

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from coreset_studio.core.neighbours import nearest
from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.selection.sampling import ClassPool, Order, rounded

MOST_CLUSTERS = 500
N_NEIGHBOURS = 20
MOST_ROUNDS = 50


def order(pool: ClassPool, n: int) -> Order:
    """Return images from k-means clusters in turn, each giving its most typical one not yet taken.

    Typicality is 1 / mean distance to the 20 nearest images of the class. There are min(n, 500) clusters, so another
    `n` gives other images: the order is not nested.

    References
    ----------
    Hacohen, Dekel and Weinshall, Active learning on a budget: opposite strategies suit high and low budgets,
    ICML 2022, algorithm 1.
    """
    n = min(n, pool.n_images)
    if n == 0:
        return Order(np.zeros(0, dtype=np.int64), ())
    labels = k_means(pool.embedding, min(n, MOST_CLUSTERS), pool)
    _, distances = nearest(pool.embedding, N_NEIGHBOURS)
    # Most typical first is smallest mean distance first; a single image has no neighbour and needs none.
    spread = rounded(distances.mean(axis=1, dtype=np.float64)) if distances.shape[1] else np.zeros(pool.n_images)
    by_typicality = np.lexsort((np.arange(pool.n_images), spread, labels))
    sizes = np.bincount(labels)
    place = np.empty(pool.n_images, dtype=np.int64)
    place[by_typicality] = np.arange(pool.n_images) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows: IntArray = np.lexsort((np.arange(pool.n_images), labels, place))[:n].astype(np.int64)
    words = [f"typical of cluster {label + 1} of {len(sizes)}" for label in labels[rows].tolist()]
    return Order(rows, tuple(words))


def k_means(embedding: FloatArray, k: int, pool: ClassPool) -> IntArray:
    """Return clusters by k-means, numbered by size, largest first, ties by the image that comes first."""
    distinct = np.unique(embedding, axis=0)
    seed = int(generator(pool.seed, "typiclust", pool.class_name, k).integers(2**31))
    means = KMeans(min(k, len(distinct)), n_init=1, max_iter=MOST_ROUNDS, random_state=seed)
    # One thread: with several, sums are taken in the order in which threads finish.
    with threadpool_limits(limits=1):
        found = means.fit_predict(np.asarray(embedding, dtype=np.float64))
    _, first, labels, sizes = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    number = np.empty(len(sizes), dtype=np.int64)
    number[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return number[labels]
