"""Medoid coreset: K-Medoids with as many clusters as images to select; the medoids are the coreset."""

import numpy as np

from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.selection.budgets import water_fill
from coreset_studio.core.selection.clustering import distance_matrix, partition
from coreset_studio.core.selection.kernel import MEMORY_BUDGET
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int) -> Order:
    """Return `n` medoids, that of the largest cluster first.

    Notes
    -----
    Memory is 4 n² bytes for the distances. A class whose distances do not fit `MEMORY_BUDGET` is divided at random
    into equal parts that do, and each part gives its share of the medoids.

    References
    ----------
    Schubert and Rousseeuw, Fast and eager k-medoids clustering, Information Systems 101 (2021).
    """
    n = min(n, pool.n_images)
    parts = _parts(pool)
    shares = water_fill([len(part) for part in parts], n).tolist()
    rows, sizes = [], []
    for number, (part, share) in enumerate(zip(parts, shares, strict=True)):
        medoids, counts = _medoids(pool.embedding[part], share, generator(pool.seed, "medoid", pool.class_name, number))
        rows.append(part[medoids])
        sizes.append(counts)
    all_rows, all_sizes = np.concatenate(rows), np.concatenate(sizes)
    by_size = np.lexsort((all_rows, -all_sizes))
    reasons = tuple(f"medoid of {size} image{'s' * (size != 1)}" for size in all_sizes[by_size].tolist())
    return Order(all_rows[by_size], reasons)


def _medoids(embedding: FloatArray, k: int, random: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Return the medoids and the sizes of their clusters."""
    if k == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if k == len(embedding):
        return np.arange(k, dtype=np.int64), np.ones(k, dtype=np.int64)
    labels, medoids = partition(distance_matrix(embedding), k, random)
    return medoids, np.bincount(labels, minlength=k).astype(np.int64)


def _parts(pool: ClassPool) -> list[IntArray]:
    largest = int(np.sqrt(MEMORY_BUDGET / 4))
    n_parts = -(-pool.n_images // largest)
    if n_parts <= 1:
        return [np.arange(pool.n_images, dtype=np.int64)]
    shuffled = generator(pool.seed, "medoid parts", pool.class_name).permutation(pool.n_images)
    return [np.sort(part).astype(np.int64) for part in np.array_split(shuffled, n_parts)]
