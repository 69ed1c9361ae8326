"""Small datasets and results made by hand; no other room of the engine is asked."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from core.results import ClassClusters, Coreset, Dataset, Image, Split


def image_record(root: Path, path: str, class_name: str) -> Image:
    """The record that a scan would make of the file."""
    content = (root / path).read_bytes()
    with Pillow.open(root / path) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    known = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    size, mtime = len(content), (root / path).stat().st_mtime_ns
    return Image(path, class_name, None, "", pixels.shape[1], pixels.shape[0], known,
                 hashlib.sha256(content).hexdigest(), size, mtime, "0" * 16)  # fmt: skip


@dataclass(frozen=True)
class Case:
    dataset: Dataset
    split: Split
    clusters: tuple[ClassClusters, ...]
    coreset: Coreset


def write_image(file: Path, seed: int, **options: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    block = rng.integers(40, 215, (4, 4, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    Pillow.fromarray(block).save(file, **options)


def coreset_of(dataset: Dataset, pool: np.ndarray, indices: list[int], sampler: str = "intelligent") -> Coreset:
    names = [dataset.images[i].class_name for i in indices]
    ranks = [names[:at].count(name) for at, name in enumerate(names)]
    pool_names = [dataset.images[i].class_name for i in pool]
    return Coreset(
        sampler, 3, np.array(indices, dtype=np.int64), np.array(ranks, dtype=np.int64),
        tuple(f"drawn from cluster {i % 2 + 1}" for i in indices), {n: names.count(n) for n in dataset.classes},
        {n: pool_names.count(n) for n in dataset.classes}, True,
    )  # fmt: skip


def clusters_of(dataset: Dataset, pool: np.ndarray, k: int = 2) -> tuple[ClassClusters, ...]:
    result = []
    for name in dataset.classes:
        rows = np.array([i for i in pool if dataset.images[i].class_name == name], dtype=np.int64)
        if len(rows) == 0:
            continue
        labels = np.sort(np.arange(len(rows)) % k).astype(np.int64)
        n_found = int(labels.max()) + 1
        medoids = np.array([rows[np.flatnonzero(labels == c)[0]] for c in range(n_found)], dtype=np.int64)
        silhouettes = np.linspace(-0.1, 0.3, len(rows))
        curve = {2: float(silhouettes.mean()), 3: 0.05, 4: 0.02}
        result.append(ClassClusters(name, rows, labels, medoids, silhouettes, curve, "silhouette"))
    return tuple(result)


@pytest.fixture
def make_case(tmp_path: Path) -> Callable[..., Case]:
    """A folder of two classes of ten PNGs (or the files named), half of the pool chosen."""

    def make(files: dict[str, str] | None = None, kind: str = "folder", root_name: str = "cells") -> Case:
        root = tmp_path / root_name
        if files is None:
            files = {f"{name}/{sub}{n:02d}.png": name for name in ("eos", "neu") for sub in ("a/", "")
                     for n in range(5)}  # fmt: skip
        for seed, path in enumerate(sorted(files)):
            write_image(root / path, seed)
        images = tuple(image_record(root, path, files[path]) for path in sorted(files))
        dataset = Dataset(root, root, kind, images)
        everything = np.arange(len(images), dtype=np.int64)
        test, validation = everything[everything % 5 == 4], everything[everything % 5 == 3]
        pool = np.setdiff1d(everything, np.concatenate([test, validation]))
        split = Split(pool, validation, test)
        by_class = sorted(pool.tolist(), key=lambda i: (images[i].class_name, i))
        return Case(dataset, split, clusters_of(dataset, pool), coreset_of(dataset, pool, by_class[::2]))

    return make


@pytest.fixture
def case(make_case: Callable[..., Case]) -> Case:
    return make_case()
