"""Medoids of a large class, improved on all of its images after they were found on a sample."""

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.neighbours import nearest_among, row_blocks, squared_distances, squared_norms
from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.selection.sampling import rounded

# Images nearest to the mean of a cluster that are tried as its medoid, and members that each is measured against.
N_CANDIDATES, MOST_MEMBERS = 64, 4_000
MOST_ROUNDS = 5


def nearest_medoid(embedding: FloatArray, medoids: IntArray) -> tuple[IntArray, float]:
    """Let every image join its nearest medoid; of equally near ones, the one that comes first in the class.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    medoids : ndarray of shape (k,), int64
        Rows, by cluster.

    Returns
    -------
    labels : ndarray of shape (n,), int64
    total : float
        The sum of the distances to the medoids, which K-Medoids minimises.
    """
    first = np.argsort(medoids, kind="stable")
    around = np.asarray(embedding[medoids[first]])
    labels = np.empty(len(embedding), dtype=np.int64)
    total = 0.0
    for block in row_blocks(len(embedding), max(len(medoids), embedding.shape[1])):
        positions, distances = nearest_among(embedding[block], around)
        labels[block] = first[positions]
        total += float(distances.sum(dtype=np.float64))
    labels[medoids] = np.arange(len(medoids))
    return labels, total


def refined(embedding: FloatArray, medoids: IntArray, random: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Improve the medoids of a class on all of its images, and assign every image to the nearest.

    In each round, the medoid of a cluster is replaced by the one of the 64 images nearest to the cluster's mean whose
    summed distance to the members (to a random 4,000 of them, if there are more) is smallest, if that is smaller than
    its own, and all images join the nearest medoid. It ends when no medoid changes or the sum of all distances no
    longer falls, after at most five rounds. Time and memory grow in proportion to the images.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    medoids : ndarray of shape (k,), int64
        Rows, by cluster.
    random : Generator
        Draws the members.

    Returns
    -------
    labels : ndarray of shape (n,), int64
    medoids : ndarray of shape (k,), int64
    """
    labels, total = nearest_medoid(embedding, medoids)
    for _ in range(MOST_ROUNDS):
        changed = np.array(
            [_best_medoid(embedding, np.flatnonzero(labels == k), int(row), random) for k, row in enumerate(medoids)],
            dtype=np.int64,
        )
        if np.array_equal(changed, medoids):
            break
        found, reached = nearest_medoid(embedding, changed)
        # Sums of many rounded distances: the same on any number of threads in six digits.
        if not rounded(np.array([reached]))[0] < rounded(np.array([total]))[0]:
            break
        labels, total, medoids = found, reached, changed
    return labels, medoids


def _best_medoid(embedding: FloatArray, members: IntArray, medoid: int, random: np.random.Generator) -> int:
    """Return the member of one cluster that is most central among its medoid and the images nearest to the mean."""
    away = _to_mean(embedding, members)
    near = np.argsort(rounded(away), kind="stable")[:N_CANDIDATES]
    candidates = np.concatenate([[medoid], members[near]])
    against = members
    if len(members) > MOST_MEMBERS:
        against = np.sort(random.choice(members, size=MOST_MEMBERS, replace=False))
    vectors = np.asarray(embedding[candidates], dtype=np.float64)
    norms = squared_norms(vectors)
    sums = np.zeros(len(candidates))
    for block in row_blocks(len(against), max(len(candidates), embedding.shape[1])):
        squares = squared_distances(embedding[against[block]], vectors, norms)
        sums += np.sqrt(squares, out=squares).sum(axis=0)
    return int(candidates[int(np.argmin(rounded(sums)))])


def _to_mean(embedding: FloatArray, members: IntArray) -> NDArray[np.float64]:
    """Return the squared distance of some images to their mean, shape (len(members),)."""
    mean = np.zeros(embedding.shape[1])
    blocks = list(row_blocks(len(members), 2 * embedding.shape[1]))
    for block in blocks:
        mean += embedding[members[block]].sum(axis=0, dtype=np.float64)
    mean /= len(members)
    result = np.empty(len(members))
    for block in blocks:
        differences = embedding[members[block]] - mean
        result[block] = np.einsum("ij,ij->i", differences, differences)
    return result
