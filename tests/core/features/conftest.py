"""Datasets and features that stand for real ones in the tests of reduction and separation."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.results import Dataset, FloatArray, Image, IntArray


class FakeFeatures:
    """Features held in memory; counts what is read."""

    def __init__(self, extractor: str, blocks: Mapping[str, FloatArray], fingerprint: str = "f") -> None:
        self.extractor = extractor
        self.blocks = dict(blocks)
        self.block_names = tuple(blocks)
        self.fingerprint = fingerprint
        self.n_reads = 0
        self.most_rows = 0

    def rows(self, block: str, indices: IntArray) -> FloatArray:
        self.n_reads += 1
        self.most_rows = max(self.most_rows, len(indices))
        return self.blocks[block][indices].copy()


def make_image(path: str, class_name: str) -> Image:
    digest = hashlib.sha256(path.encode()).hexdigest()
    return Image(path, class_name, None, "", 8, 8, digest, digest, 1, 0, "0" * 16)


@pytest.fixture(scope="session")
def make_dataset() -> Callable[[Mapping[str, int]], Dataset]:
    def make(sizes: Mapping[str, int]) -> Dataset:
        images = [make_image(f"{name}/{i:05d}.png", name) for name in sorted(sizes) for i in range(sizes[name])]
        return Dataset(root=Path(), source=Path(), kind="folder", images=tuple(images))

    return make


@pytest.fixture(scope="session")
def fake_features() -> type[FakeFeatures]:
    return FakeFeatures


@pytest.fixture(scope="session")
def realistic_rows() -> Callable[[int, int, int], FloatArray]:
    """Rows like a network's: never negative, a falling spectrum, a mean far from zero."""

    def make(n: int, d: int, seed: int) -> FloatArray:
        random = np.random.default_rng(seed)
        hidden = random.standard_normal((n, 30)) * np.geomspace(8, 0.5, 30)
        rows = hidden @ random.standard_normal((30, d)) / 5 + random.standard_normal((n, d)) * 0.3 + 2
        return np.maximum(rows, 0).astype(np.float32)

    return make
