"""Separation of the classes by features: leave-one-out nearest neighbours over the pool."""

import numpy as np

from coreset_studio.core.large_neighbours import nearest_rows
from coreset_studio.core.results import Dataset, IntArray, PoolEmbedding, Separation


def separation(
    dataset: Dataset,
    pool_embedding: PoolEmbedding,
    extractors: tuple[str, ...],
    n_neighbours: int = 5,
    *,
    exact_up_to: int = 0,
) -> Separation:
    """Classify every image of the pool by its nearest others, and count how often that is right.

    Parameters
    ----------
    pool_embedding : PoolEmbedding
        Of the extractors named; only its pool images count, as neighbours too.
    extractors : tuple of str
        For the record.
    n_neighbours : int
        >= 1; fewer where the pool has fewer others. Never the image itself.
    exact_up_to : int, optional
        Of `ClusterSettings`: the neighbours of more images are those in near cells; see `nearest_rows`. 0: exact.

    Returns
    -------
    Separation
        Of classes with the same number of votes the one whose nearest image is nearest wins.

    Notes
    -----
    A pool of one image has no neighbours and an accuracy of 0.
    """
    labels = dataset.labels[pool_embedding.indices[pool_embedding.in_pool]]
    rows = np.asarray(pool_embedding.embedding[pool_embedding.in_pool], dtype=np.float64)
    neighbours, _ = nearest_rows(rows, n_neighbours, exact_up_to)
    right = _winners(labels[neighbours], len(dataset.classes)) == labels
    by_class = {
        name: float(right[labels == position].mean())
        for position, name in enumerate(dataset.classes)
        if (labels == position).any()
    }
    accuracy = float(right.mean()) if len(right) else 0.0
    return Separation(extractors=extractors, accuracy=accuracy, by_class=by_class, n_neighbours=n_neighbours)


def _winners(votes: IntArray, n_classes: int) -> IntArray:
    """Return the class with the most votes in each row; ties to the one that votes first; -1 without votes."""
    n, k = votes.shape
    if k == 0:
        return np.full(n, -1, dtype=np.int64)
    counts = np.zeros((n, n_classes))
    for column in range(k):
        counts[np.arange(n), votes[:, column]] += 1
    # Less than a vote for coming first, so that it only decides between equals.
    for column in reversed(range(k)):
        first = np.arange(n), votes[:, column]
        counts[first] = np.floor(counts[first]) + (k - column) / (k + 1)
    winners: IntArray = np.argmax(counts, axis=1)
    return winners
