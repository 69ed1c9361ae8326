"""What `benchmarks.window` and `benchmarks.window_scale` have an engine process do; nothing of Qt is imported here."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coreset_studio.core.progress import Progress
from coreset_studio.core.results import ClassEmbedding, Dataset, Image, Split, ViewReduction
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.requests import Request
from coreset_studio.core.settings import ClusterSettings

N_SMALL = 6


@dataclass(frozen=True)
class ClusterSynthetic(Request[int]):
    """Cluster a class of synthetic embeddings in six groups; the result is k."""

    n_images: int
    n_components: int

    def run(self, progress: Progress) -> int:
        from coreset_studio.core.selection.clustering import cluster_class

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


@dataclass(frozen=True)
class SyntheticScan(Request[DatasetSummary]):
    """A scan of images that were never read; half of them are of the first class, all of which are in the pool."""

    folder: Path
    n_images: int

    def run(self, progress: Progress) -> DatasetSummary:  # noqa: ARG002
        n = self.n_images
        labels = np.where(np.arange(n) < n // 2, 0, 1 + np.arange(n) % N_SMALL)
        images = tuple(
            Image(
                path=f"class {label}/image_{i:06}.png", class_name=f"class {label}", split=None, group="", width=64,
                height=64, pixels=f"{i:064x}", file=f"{i:064x}", n_bytes=20_000 + i, modified_ns=0,
                perceptual=f"{i:016x}",
            )
            for i, label in enumerate(labels.tolist())
        )  # fmt: skip
        sides = np.where(np.arange(n) < n // 2, 0, np.arange(n) % 10)
        split = Split(np.flatnonzero(sides < 6), np.flatnonzero(sides == 6), np.flatnonzero(sides > 6))
        dataset = Dataset(self.folder, self.folder, "folder", images)
        _ = dataset.quality, dataset.sizes
        return DatasetSummary(dataset, split, (), self.folder)
