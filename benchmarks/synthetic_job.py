"""What `benchmarks.window` has an engine process do; nothing of Qt is imported here."""

from dataclasses import dataclass

import numpy as np

from core.progress import Progress
from core.results import ClassEmbedding, ViewReduction
from core.service.requests import Request
from core.settings import ClusterSettings


@dataclass(frozen=True)
class ClusterSynthetic(Request[int]):
    """Cluster a class of synthetic embeddings in six groups; the result is k."""

    n_images: int
    n_components: int

    def run(self, progress: Progress) -> int:
        from core.selection.clustering import cluster_class

        n_images, n_components = self.n_images, self.n_components
        rng = np.random.default_rng(0)
        centres = rng.normal(0, 4, (6, n_components))
        noise = rng.normal(0, 1, (n_images, n_components))
        vectors = (centres[rng.integers(0, 6, n_images)] + noise).astype(np.float32)
        view = ViewReduction("synthetic", "synthetic", n_components, n_components, np.ones(n_components), 1.0)
        nothing = np.zeros((0, n_components), dtype=np.float32)
        none = np.zeros(0, dtype=np.int64)
        embedding = ClassEmbedding("synthetic", np.arange(n_images), vectors, none, nothing, (view,))
        return int(cluster_class(embedding, ClusterSettings(k_max=10), progress).k)
