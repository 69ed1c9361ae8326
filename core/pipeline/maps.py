"""The map of a prepared study, from the cache if it was computed before."""

import numpy as np

from coreset_studio.core.cache import ArrayCache, fingerprint
from coreset_studio.core.estimate import MOST_FITTED
from coreset_studio.core.features.image_map import compute_map
from coreset_studio.core.pipeline.stages import Prepared
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import ImageMap, MapMethod

MAP_VERSION = 1


def map_of(prepared: Prepared, method: MapMethod, seed: int = 0, progress: Progress = NO_PROGRESS) -> ImageMap:
    """Return the map of all images with features; see `core.features.image_map.compute_map`.

    Parameters
    ----------
    prepared : Prepared
        Its clusters are not needed.
    method : {"pca", "tsne"}
    seed : int
        >= 0.
    progress : Progress
    """
    across = prepared.pool_embedding
    # PCA draws nothing, so that its key has no seed; the sample of t-SNE has a size.
    drawn = [seed, MOST_FITTED] if method == "tsne" else []
    key = fingerprint(MAP_VERSION, method, *drawn, np.asarray(across.embedding), np.asarray(across.in_pool))
    cache = ArrayCache(prepared.study.cache_folder)
    stored = cache.load("map", key)
    if stored is None:
        found = compute_map(across, method, seed, progress)
        arrays = {"points": found.points, "fitted": found.fitted}
        stored = cache.store("map", key, arrays, {"shares": list(found.shares)})
    return ImageMap(
        method,
        np.array(across.indices),
        np.array(stored.arrays["points"]),
        np.array(stored.arrays["fitted"]),
        tuple(float(share) for share in stored.facts["shares"]),
    )
