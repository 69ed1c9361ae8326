"""What `benchmarks.window` has an engine process do; nothing of Qt is imported here."""

import numpy as np

from core.progress import NO_PROGRESS, Progress
from core.results import ClassEmbedding, ViewReduction
from core.selection.clustering import cluster_class
from core.settings import ClusterSettings


def cluster_synthetic(n_images: int, n_components: int, progress: Progress = NO_PROGRESS) -> int:
    """Cluster a class of synthetic embeddings in six groups, and return k."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 4, (6, n_components))
    vectors = (centres[rng.integers(0, 6, n_images)] + rng.normal(0, 1, (n_images, n_components))).astype(np.float32)
    view = ViewReduction("synthetic", "synthetic", n_components, n_components, np.ones(n_components), 1.0)
    nothing = np.zeros((0, n_components), dtype=np.float32)
    none = np.zeros(0, dtype=np.int64)
    embedding = ClassEmbedding("synthetic", np.arange(n_images), vectors, none, nothing, (view,))
    return int(cluster_class(embedding, ClusterSettings(k_max=10), progress).k)
