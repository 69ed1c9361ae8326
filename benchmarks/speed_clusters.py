"""K-Medoids of one class for k = 2 … 10, beside the library by itself."""

import time
from collections.abc import Iterator

import kmedoids
import numpy as np
from sklearn.metrics import pairwise_distances

from coreset_studio.core.results import ClassEmbedding
from coreset_studio.core.selection.clustering import cluster_class
from coreset_studio.core.settings import ClusterSettings

N_IMAGES, N_COMPONENTS, N_GROUPS, K_MAX = 3_329, 200, 5, 10


def made_up() -> ClassEmbedding:
    """Return an embedding of a class in overlapping groups, with components of falling variance."""
    random = np.random.default_rng(0)
    falling = np.exp(-np.arange(N_COMPONENTS) / (N_COMPONENTS / 3))
    middles = 0.8 * random.normal(size=(N_GROUPS, N_COMPONENTS))
    points = random.normal(size=(N_IMAGES, N_COMPONENTS)) + middles[random.integers(0, N_GROUPS, N_IMAGES)]
    points = (points * falling).astype(np.float32)
    nothing = np.zeros(0, dtype=np.int64)
    return ClassEmbedding("class", np.arange(N_IMAGES), points, nothing, points[:0], ())


def clustering_pair(repeat: int, *, from_distances: bool) -> Iterator[tuple[float, float]]:
    """Yield seconds of `cluster_class`, and of a fit and a silhouette of `kmedoids` for each k.

    With `from_distances`, both start from distances that `kmedoids` is given, on one thread; otherwise `kmedoids` gets
    the embedding, as in the example of its documentation: it computes the distances in each fit, and those of the
    silhouettes once more.
    """
    embedding = made_up()
    settings = ClusterSettings(k_max=K_MAX)
    distances = pairwise_distances(embedding.embedding)
    for _ in range(repeat):
        started = time.perf_counter()
        for k in range(2, K_MAX + 1):
            if from_distances:
                found = kmedoids.fasterpam(distances, k, random_state=k, n_cpu=1)
                kmedoids.silhouette(distances, found.labels, n_cpu=1)
            else:
                fitted = kmedoids.KMedoids(k, method="fasterpam", metric="euclidean", random_state=k)
                fitted.fit(embedding.embedding)
                kmedoids.silhouette(pairwise_distances(embedding.embedding), fitted.labels_)
        bare = time.perf_counter() - started
        started = time.perf_counter()
        cluster_class(embedding, settings)
        yield time.perf_counter() - started, bare
