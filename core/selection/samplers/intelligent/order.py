"""Intelligent sampling: every cluster of a class gives the same number of images, drawn at random inside it."""

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results import IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.selection.budgets import beyond, hand_out_over_clusters
from coreset_studio.core.selection.samplers.intelligent import IntelligentSettings
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int, settings: IntelligentSettings) -> Order:
    """Return images in the order in which clusters give them.

    Parameters
    ----------
    pool : ClassPool
        Its clusters decide; its embeddings count only for the ``"neyman"`` rule.
    settings : IntelligentSettings
        `budget_over_clusters`.
    """
    k = len(pool.medoids)
    sizes: IntArray = np.bincount(pool.labels, minlength=k).astype(np.int64)
    spreads = cluster_spreads(pool) if settings.budget_over_clusters == "neyman" else np.zeros(k)
    # What a cluster has given to an earlier coreset counts as given.
    given = np.bincount(pool.labels[pool.kept], minlength=k).astype(np.int64)
    cluster_of_rank = beyond(hand_out_over_clusters(settings.budget_over_clusters, sizes, spreads), given)[:n]
    rows = np.empty(len(cluster_of_rank), dtype=np.int64)
    for cluster in range(k):
        members = np.flatnonzero(pool.labels == cluster)
        drawn = generator(pool.seed, "intelligent", pool.class_name, cluster).permutation(members)
        drawn = drawn[~np.isin(drawn, pool.kept)]
        places = np.flatnonzero(cluster_of_rank == cluster)
        rows[places] = drawn[: len(places)]
    words = [f"drawn from cluster {cluster + 1}" for cluster in range(k)]
    return Order(rows, tuple(words[cluster] for cluster in cluster_of_rank.tolist()))


def cluster_spreads(pool: ClassPool) -> NDArray[np.float64]:
    """Return S_g, the root mean squared distance of a cluster's images to its medoid, shape (k,)."""
    result = np.zeros(len(pool.medoids))
    for cluster, medoid in enumerate(pool.medoids):
        away = np.asarray(pool.embedding[pool.labels == cluster] - pool.embedding[medoid], dtype=np.float64)
        result[cluster] = np.sqrt(np.einsum("ij,ij->i", away, away).mean()) if len(away) else 0.0
    return result
