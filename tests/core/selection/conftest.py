"""Datasets, embeddings and clusters that stand for real ones in the tests of selection."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.results import ClassClusters, ClassEmbedding, Dataset, Image, Split
from coreset_studio.core.selection.clustering import cluster_class
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.sampling import Order
from coreset_studio.core.settings import ClusterSettings


@dataclass(frozen=True)
class Scene:
    """A dataset whose images are points, ready to be chosen from."""

    dataset: Dataset
    split: Split
    embeddings: tuple[ClassEmbedding, ...]
    clusters: tuple[ClassClusters, ...]

    def paths(self, indices: np.ndarray) -> list[str]:
        return [self.dataset.images[int(index)].path for index in indices]


def _point(path: str, n_groups: int) -> np.ndarray:
    """A point that belongs to a path, in one of some groups; the first group is the largest."""
    digest = hashlib.sha256(path.encode()).digest()
    random = np.random.default_rng(list(digest[:8]))
    group = min(int(random.geometric(0.5)) - 1, n_groups - 1)
    return random.standard_normal(4) + 15.0 * group


def _image(path: str, class_name: str) -> Image:
    digest = hashlib.sha256(path.encode()).hexdigest()
    return Image(path, class_name, None, "", 8, 8, digest, digest, 1, 0, "0" * 16)


@pytest.fixture(scope="session")
def make_scene() -> Callable[..., Scene]:
    def make(sizes: Mapping[str, int], *, n_groups: int = 3, n_test: int = 0, seed: int = 0) -> Scene:
        images = [_image(f"{name}/{i:05d}.png", name) for name in sorted(sizes) for i in range(sizes[name])]
        dataset = Dataset(root=Path(), source=Path(), kind="folder", images=tuple(images))
        everything = np.arange(len(images))
        is_test = np.array([int(image.path[-9:-4]) < n_test for image in images])
        split = Split(everything[~is_test], np.zeros(0, dtype=np.int64), everything[is_test])
        embeddings = []
        for position, name in enumerate(dataset.classes):
            indices = split.pool[dataset.labels[split.pool] == position]
            points = np.array([_point(images[index].path, n_groups) for index in indices], dtype=np.float32)
            nothing = np.zeros((0, 4), dtype=np.float32)
            embeddings.append(ClassEmbedding(name, indices, points, np.zeros(0, dtype=np.int64), nothing, ()))
        clusters = tuple(cluster_class(embedding, ClusterSettings(seed=seed)) for embedding in embeddings)
        return Scene(dataset, split, tuple(embeddings), clusters)

    return make


@dataclass(frozen=True, kw_only=True)
class MadeSampler(Sampler):
    """A sampler whose code is a function of the test."""

    does: str = ""
    made: Callable[..., Order]

    @property
    def code(self) -> Any:
        return self.made


@pytest.fixture(scope="session")
def make_sampler() -> Callable[..., Sampler]:
    """Describe ``order(pool, n[, settings])`` as a sampler, with the facts of another one, or with some of its own."""

    def make(order: Callable[..., Order], like: Sampler | None = None, **facts: Any) -> Sampler:
        known = {each.name: getattr(like, each.name) for each in fields(Sampler)} if like is not None else {}
        return MadeSampler(**{"name": "made", "title": "Made", "tip": "Made by a test.", **known, **facts}, made=order)

    return make
