"""Small datasets and results made by hand; no other room of the engine is asked."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from coreset_studio.core.data.scanning import pixel_hash
from coreset_studio.core.output.content import ReportContent
from coreset_studio.core.results import (
    ClassClusters,
    ClassCoverage,
    ClassEmbedding,
    ClusterShares,
    Comparison,
    Coreset,
    Coverage,
    Dataset,
    Difference,
    Duplicates,
    Epoch,
    Image,
    LeftOut,
    Metrics,
    NearDuplicate,
    ProxyPoint,
    Row,
    RunKey,
    RunResult,
    Separation,
    Skipped,
    Split,
    StageTime,
    SuspectedLabelError,
    ViewReduction,
    WeightsUsed,
)
from coreset_studio.core.settings import Settings
from coreset_studio.core.training.metrics import METRICS


def image_record(root: Path, path: str, class_name: str) -> Image:
    """The record that a scan would make of the file."""
    content = (root / path).read_bytes()
    with Pillow.open(root / path) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    known = pixel_hash(pixels)
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


def build_case(
    folder: Path, files: dict[str, str] | None = None, kind: str = "folder", root_name: str = "cells"
) -> Case:
    """A folder of two classes of ten PNGs (or the files named by path and class), half of the pool chosen."""
    root = folder / root_name
    if files is None:
        files = {f"{name}/{sub}{n:02d}.png": name for name in ("eos", "neu") for sub in ("a/", "") for n in range(5)}
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


@pytest.fixture
def make_case(tmp_path: Path) -> Callable[..., Case]:
    """Makes a case in the test's own folder."""
    return partial(build_case, tmp_path)


@pytest.fixture
def case(make_case: Callable[..., Case]) -> Case:
    return make_case()


def embeddings_of(dataset: Dataset, clusters: tuple[ClassClusters, ...]) -> tuple[ClassEmbedding, ...]:
    rng = np.random.default_rng(2)
    explained = np.array([0.5, 0.3, 0.1, 0.06, 0.04])
    views = (
        ViewReduction("vgg16", "block5_pool", 25088, 4, explained, 0.5),
        ViewReduction("colour-texture", "colour", 344, 4, explained, 0.5),
    )
    none = np.array([], dtype=np.int64)
    return tuple(
        ClassEmbedding(each.class_name, each.indices, rng.normal(size=(len(each.indices), 4)).astype(np.float32), none,
                       np.zeros((0, 4), np.float32), views)
        for each in clusters
    )  # fmt: skip


def run_of(dataset: Dataset, split: Split, network: str, sampler: str, fraction: float, repetition: int) -> RunResult:
    true = dataset.labels[split.test]
    predicted = true.copy()
    predicted[-(repetition + 1) :] = 0
    n = len(dataset.classes)
    confusion = np.zeros((n, n), dtype=np.int64)
    np.add.at(confusion, (true, predicted), 1)
    recall = confusion.diagonal() / np.maximum(confusion.sum(axis=1), 1)
    by_class = dict(zip(dataset.classes, recall.tolist(), strict=True))
    value = float((true == predicted).mean())
    values = dict.fromkeys(METRICS, value) | {"worst_cluster_recall": float("nan")}
    metrics = Metrics(values, dataset.classes[0], "", by_class, by_class, by_class, dict.fromkeys(dataset.classes, 2),
                      confusion)  # fmt: skip
    history = () if network == "head" else tuple(
        Epoch(number, 1 / number, 0.5 + number / 20, 1 / number, 0.4 + number / 20, 0.002, 1.5) for number in (1, 2, 3)
    )  # fmt: skip
    return RunResult(
        RunKey(network, sampler, fraction, repetition, "f"), round(fraction * len(split.pool)),
        dataset.classes, history,
        2 if history else 0, metrics, split.test, true, predicted, np.ones(len(true), np.float32), 12.0 * fraction, 0.0,
        0.5, "CPU", None, "VGG16 backbone." if network == "transfer" else "",
    )  # fmt: skip


def comparison_of(dataset: Dataset, split: Split) -> Comparison:
    plan = [(network, sampler, fraction)
            for network in ("custom", "transfer", "head")
            for sampler, fraction in (("everything", 1.0), ("random", 0.25), ("stratified", 0.25),
            ("intelligent", 0.25),
                                      ("intelligent", 0.5), ("matched:intelligent", 0.25))]  # fmt: skip
    runs = tuple(run_of(dataset, split, *row, repetition) for row in plan for repetition in (0, 1))
    rows = []
    for network, sampler, fraction in plan:
        mine = [r for r in runs if (r.key.network, r.key.sampler, r.key.fraction) == (network, sampler, fraction)]
        means = {key: float(np.mean([run.metrics[key] for run in mine])) for key in METRICS}
        rows.append(Row(network, sampler, fraction, mine[0].n_images, 2, means, {k: v - 0.02 for k, v in means.items()},
                        {k: v + 0.02 for k, v in means.items()}, 0.5, 12 * fraction, 1))  # fmt: skip
    differences = tuple(
        Difference(network, "intelligent", "stratified", 0.25, "accuracy", 0.01, low, 0.03, 2, low > 0, 7,
                   f"{network}: {'shown' if low > 0 else 'no difference shown'}.")
        for network, low in (("custom", -0.01), ("transfer", 0.005))
    )  # fmt: skip
    sentences = ("Rows first.", *(each.sentence for each in differences), "Keep in mind.")
    return Comparison(runs, tuple(rows), differences, sentences)


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> ReportContent:
    """A report with every piece, all of it made by hand; its images are never changed."""
    case = build_case(tmp_path_factory.mktemp("content"))
    dataset = replace(case.dataset, skipped=(Skipped("eos/Smith John.txt", "It is not an image."),))
    pool, name = case.split.pool, dataset.classes[0]
    shares = tuple(
        ClusterShares(c.class_name, c.sizes, np.maximum(c.sizes // 2, 1), c.sizes // 3, c.sizes * 0.5)
        for c in case.clusters
    )  # fmt: skip
    by_class = tuple(
        ClassCoverage(c.class_name, len(c.indices), 3, 0.4, 1.1, int(c.indices[0]), 0.01, 2, 2, 0)
        for c in case.clusters
    )  # fmt: skip
    return ReportContent(
        dataset=dataset,
        labels=("Synthetic images.",),
        split=replace(case.split, left_out=(LeftOut(0, "the same pixels under two labels"),), leaks=((1, 4),)),
        duplicates=(Duplicates((0, 1), conflicting=False), Duplicates((2, 12), conflicting=True)),
        separations=(Separation(("vgg16",), 0.63, dict.fromkeys(dataset.classes, 0.6), 5),),
        weights=(WeightsUsed("vgg16", "ab" * 32, "unverified"), WeightsUsed("colour-texture", "", "none")),
        embeddings=embeddings_of(dataset, case.clusters),
        clusters=case.clusters,
        coreset=case.coreset,
        shares=shares,
        coverage=Coverage(by_class, 0.4, 1.1, 0.01, 4, 4, 0, (int(pool[0]), int(pool[1]))),
        proxy=(ProxyPoint(0.1, 2, 0.7, 0.6, 0.5, 0.7), ProxyPoint(0.5, 6, 0.9, 0.8, 0.8, 0.8)),
        label_errors=(SuspectedLabelError(int(pool[0]), 0.8, name, dataset.classes[1]),),
        near_duplicates=(NearDuplicate(0, 2, 1, 0.99, identical=False, conflicting=False),),
        comparison=comparison_of(dataset, case.split),
        settings=Settings(),
        times=(StageTime("scan", 2.0, 100_000_000),),
    )
