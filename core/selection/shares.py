"""Images that a coreset takes from each cluster, next to those of random sampling (paper, Fig. 2)."""

from collections.abc import Sequence

import numpy as np

from coreset_studio.core.results import ClassClusters, ClusterShares, Coreset, IntArray
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool


def expected_random(clusters: Sequence[ClassClusters], coreset: Coreset) -> tuple[ClusterShares, ...]:
    """Count the selected images of each cluster, next to a random draw of as many images from the same pool.

    Parameters
    ----------
    clusters : sequence of ClassClusters
        Of all classes of the pool.
    coreset : Coreset
        Selected from the same pool.

    Returns
    -------
    tuple of ClusterShares
        By class. The draw is the one that random sampling makes with the coreset's seed; what it takes on average from
        a cluster of n_g images is n_g · b / n, for b of n images.
    """
    by_class = sorted(clusters, key=lambda found: found.class_name)
    pool = np.sort(np.concatenate([found.indices for found in by_class]))
    drawn = _random_draw(pool, len(coreset.indices), coreset.seed)
    share = len(coreset.indices) / len(pool)
    return tuple(
        ClusterShares(
            class_name=found.class_name,
            sizes=found.sizes,
            chosen=_counts(found, coreset.indices),
            random=_counts(found, drawn),
            expected_random=found.sizes * np.float64(share),
        )
        for found in by_class
    )


def _random_draw(pool: IntArray, budget: int, seed: int) -> IntArray:
    return pool[SAMPLERS["random"].order(ClassPool.plain("", len(pool), seed), budget).rows]


def _counts(found: ClassClusters, chosen: IntArray) -> IntArray:
    inside = found.labels[np.isin(found.indices, chosen)]
    return np.bincount(inside, minlength=found.k).astype(np.int64)
