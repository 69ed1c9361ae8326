"""What each stage takes of memory at its peak, beside what it says that it needs.

    python -m benchmarks.memory [--stages clustering reduction …]

Each measurement runs in a process of its own, on made-up features or images. The need has to be above the measured
peak, so that nothing begins that cannot end, and at most 1.5 times as much, so that hardly anything is refused that
would fit. Where the peak is below 64 MB the ratio says little: libraries take as much by chance. Linux only.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.progress import NO_PROGRESS

LARGEST_RATIO = 1.5
TOO_SMALL = 64e6
BASE_ROWS = 997


@dataclass(frozen=True)
class Case:
    """One stage at one size; `make` returns what it needs in bytes and what runs it."""

    stage: str
    what: str
    make: Callable[..., tuple[float, Callable[[], object]]]
    arguments: tuple[Any, ...]


def embedding(n: int, d: int) -> Any:
    return np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)


def clustering(n: int, d: int, sample: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.estimate import clustering_bytes
    from coreset_studio.core.results import ClassEmbedding
    from coreset_studio.core.selection.clustering import cluster_class
    from coreset_studio.core.settings import ClusterSettings

    rows, nothing = embedding(n, d), np.zeros(0, dtype=np.int64)
    one = ClassEmbedding("a", np.arange(n), rows, nothing, rows[:0], ())
    # Fewer numbers of clusters than a user tries: they take time, and no memory of their own.
    settings = ClusterSettings(k_max=4, sample_above=sample)
    return clustering_bytes(n, d, settings), lambda: cluster_class(one, settings)


def sampler(name: str, n: int, d: int, limit: int = 0) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.selection.orders import put_in_order, sampler_bytes
    from coreset_studio.core.selection.samplers import SAMPLERS
    from coreset_studio.core.selection.sampling import ClassPool

    rows = embedding(n, d)
    pool = replace(ClassPool.plain("a", n, 0), embedding=rows)
    pool.labels[:] = np.arange(n) % 5
    pool = replace(pool, medoids=np.arange(5))
    one = SAMPLERS[name]
    return sampler_bytes(one, pool, limit), lambda: put_in_order(one, pool, max(1, n // 50), exact_up_to=limit)


def reduction(n: int, d: int, n_outside: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.estimate import class_reduction_bytes
    from coreset_studio.core.features.reduction import reduce_view

    rows, outside, made = np.arange(n), np.arange(n_outside), MadeUp.of(d)
    return class_reduction_bytes(n, d, n_outside), lambda: reduce_view(made, "block", rows, outside, 0.95)


def pool_reduction(n: int, d: int, k: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.estimate import pool_reduction_bytes
    from coreset_studio.core.features.pool_pca import PoolPca

    rows, made = np.arange(n), MadeUp.of(d)

    def run() -> object:
        return PoolPca(lambda indices: made.rows("block", indices), rows, d, k).project(rows)

    return pool_reduction_bytes(n, d, k), run


@dataclass(frozen=True)
class MadeUp:
    """Features of `d` numbers with falling variances, mixed from a few rows where they are asked for."""

    d: int
    base: Any
    extractor: str = "made up"
    fingerprint: str = ""
    block_names: tuple[str, ...] = ("block",)

    @classmethod
    def of(cls, d: int) -> "MadeUp":
        base = np.random.default_rng(0).standard_normal((BASE_ROWS, d), dtype=np.float32)
        base *= np.exp(-np.arange(d, dtype=np.float32) / (d / 8))
        return cls(d, base)

    def rows(self, _block: str, indices: Any) -> Any:
        result = np.empty((len(indices), self.d), dtype=np.float32)
        for row, index in enumerate(indices):
            # A row at a time: what mixing takes must not be measured.
            np.add(self.base[index % BASE_ROWS], self.base[index // 3 % BASE_ROWS], out=result[row])
        return result


def difficulty(n: int, d: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.selection.difficulty import class_difficulty, difficulty_bytes

    labels = np.arange(n) % 8
    rows = embedding(n, d)
    return difficulty_bytes(n, d), lambda: class_difficulty(labels, [str(i) for i in range(8)], rows)


def training(size: int, batch: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.estimate import TENSORFLOW_BYTES, training_bytes
    from coreset_studio.core.settings import TrainingSettings
    from coreset_studio.core.training.architectures import NETWORKS
    from coreset_studio.core.training.architectures.custom.model import build_custom
    from coreset_studio.core.training.loop import Labelled, fit

    settings = TrainingSettings(image_size=size, batch_size=batch, epochs=1, min_steps=3)
    n = 2 * batch

    def run() -> object:
        pixels = MadeUpPixels(np.full((n, size, size, 3), 1, np.uint8))
        return fit(build_custom(4, settings), Labelled(pixels, np.arange(n) % 4), None, settings, seed=0, title="x")

    needed = training_bytes(NETWORKS["custom"], (n, 0), image_size=size, batch_size=batch)
    return TENSORFLOW_BYTES + needed, run


@dataclass(frozen=True)
class MadeUpPixels:
    """Images in memory."""

    pixels: Any

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: Any) -> Any:
        return self.pixels[rows]


def extraction(name: str) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.features.extractors import extractor_named
    from coreset_studio.core.features.weights import load_weights

    extractor = extractor_named(name)

    def run() -> object:
        compute = extractor.load(load_weights(name, untrained=True)[0] if extractor.weights else None)
        image = np.zeros((300, 300, 3), np.uint8)
        return [compute(np.stack([extractor.prepare(image)] * extractor.batch_size)) for _ in range(2)]

    return extractor.cost.bytes_fixed, run


def label_errors(n: int, d: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.selection.label_errors import label_errors_bytes, suspected_label_errors

    dataset, pool = made_up_pool(n, d)
    return label_errors_bytes(n, d), lambda: suspected_label_errors(dataset, pool)


def alike(n: int, d: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.selection.label_errors import _alike, alike_bytes

    rows = embedding(n, d)
    return alike_bytes(n, d), lambda: _alike(np.arange(n), rows, 0.99, NO_PROGRESS)


def coverage(n: int, d: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.results import ClassClusters, ClassEmbedding, Coreset
    from coreset_studio.core.selection.coverage import MEMORY_BUDGET, class_coverage, coverage_bytes

    rows, nothing = embedding(n, d), np.zeros(0, dtype=np.int64)
    one = ClassEmbedding("a", np.arange(n), rows, nothing, rows[:0], ())
    clusters = ClassClusters("a", np.arange(n), np.zeros(n, np.int64), nothing[:0], np.zeros(n), {}, "only")
    coreset = Coreset("random", 0, np.arange(0, n, 10), np.arange(0, n, 10), (), {}, {}, nested=True)
    needed = coverage_bytes(n, d, whole=4 * n * n <= MEMORY_BUDGET)
    contents = [f"{i:064x}" for i in range(n)]
    return needed, lambda: class_coverage(contents, one, clusters, coreset)


def proxy(n: int, d: int, m: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.selection.coverage import proxy_accuracy, proxy_bytes

    dataset, pool = made_up_pool(n, d)
    chosen = np.arange(0, n, n // m)[:m]
    contents = dataset.contents
    return proxy_bytes(n, d, m), lambda: proxy_accuracy(contents, dataset.labels, pool, chosen)


def teacher(n: int, d: int, n_views: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.training.teacher import Units, fit_teacher, teacher_bytes

    dataset, _ = made_up_pool(n, 1)
    views = [MadeUp.of(d)] * n_views
    needed = teacher_bytes(n, [d] * n_views, len(dataset.classes))
    return needed, lambda: fit_teacher(dataset, views, Units(np.arange(n), np.arange(n)))


def made_up_pool(n: int, d: int) -> tuple[Any, Any]:
    from coreset_studio.core.results import Dataset, Image, PoolEmbedding

    def image(i: int) -> Image:
        return Image(f"{i:07}.png", f"c{i % 5}", None, "", 9, 9, f"{i:064x}", f"{i:064x}", 1, 1, f"{i:016x}")

    dataset = Dataset(Path("/x"), Path("/x"), "folder", tuple(image(i) for i in range(n)), (), ())
    assert len(dataset.labels) == n
    return dataset, PoolEmbedding(np.arange(n), embedding(n, d), np.ones(n, dtype=bool))


def scan(n: int) -> tuple[float, Callable[[], object]]:
    import tempfile

    from coreset_studio.core.data import dataset as scanning

    # Removed when the process ends. All images are one, so that there is one thumbnail; each has facts of its own.
    folder = tempfile.TemporaryDirectory()
    place = Path(folder.name)
    np.savez(place / "many.npz", train_images=np.full((n, 9, 9), 7, np.uint8), train_labels=np.arange(n) % 4)

    def run() -> object:
        with folder:
            return scanning.scan(place / "many.npz", cache_folder=place / "cache")

    return scanning.scan_bytes(n), run


def backbone(name: str, size: int) -> tuple[float, Callable[[], object]]:
    from coreset_studio.core.training.backbones import IMAGES_AT_ONCE, backbone_bytes, backbone_of
    from coreset_studio.core.training.calling import compiled
    from coreset_studio.core.training.network import BackboneChoice

    choice = BackboneChoice(name, size, untrained=True)

    def run() -> object:
        call = compiled(backbone_of(choice).pooled, np.dtype(np.uint8))
        return [call(np.zeros((IMAGES_AT_ONCE, size, size, 3), np.uint8)) for _ in range(2)]

    return backbone_bytes(name, size), run


def cases() -> Iterator[Case]:
    yield from stage_cases()
    yield from judging_cases()
    yield from network_cases()
    from coreset_studio.core.selection.samplers import SAMPLERS

    for name, one in SAMPLERS.items():
        for n, d in ((4_000, 50), (9_000, 200)) if one.cost.bytes_fixed else ((9_000, 200),):
            yield Case(f"sampler {name}", f"{n:,} × {d}", sampler, (name, n, d))
        if one.divided and one.uses_embedding:
            yield Case(f"sampler {name}", "50,000 × 50, limit 20,000", sampler, (name, 50_000, 50, 20_000))


def judging_cases() -> Iterator[Case]:
    for n, d in ((5_000, 50), (30_000, 50), (30_000, 200)):
        yield Case("label_errors", f"{n:,} × {d}", label_errors, (n, d))
        yield Case("label_errors alike", f"{n:,} × {d}", alike, (n, d))
    for n, d in ((4_000, 50), (9_000, 200), (20_000, 50)):
        yield Case("coverage", f"{n:,} × {d}", coverage, (n, d))
    for n, d, m in ((5_000, 50, 500), (30_000, 50, 3_000), (60_000, 200, 60_000)):
        yield Case("coverage proxy", f"{n:,} × {d}, {m:,} chosen", proxy, (n, d, m))
    for n, d, n_views in ((3_000, 25_088, 1), (20_000, 500, 4)):
        yield Case("teacher", f"{n:,} × {d:,}, {n_views} view{'s' * (n_views > 1)}", teacher, (n, d, n_views))


def network_cases() -> Iterator[Case]:
    for name in ("vgg16", "resnet101v2", "mobilenetv2", "efficientnet-lite0"):
        for size in (64, 128, 256):
            yield Case("backbone", f"{name}, {size} px", backbone, (name, size))
    for size, batch in ((64, 32), (256, 32), (256, 48)):
        yield Case("training custom", f"{size} px, batches of {batch}", training, (size, batch))
    for name in ("colour-texture", "vgg16", "resnet101v2", "mobilenetv2", "efficientnet-lite0"):
        yield Case("extraction", name, extraction, (name,))


def stage_cases() -> Iterator[Case]:
    for n in (20_000, 100_000):
        yield Case("scan", f"{n:,}", scan, (n,))
    # The last one is beyond the limit of exact clustering.
    sizes = (
        (3_000, 50, 0),
        (8_000, 50, 0),
        (10_000, 200, 0),
        (20_000, 50, 5_000),
        (20_000, 300, 2_000),
        (50_000, 50, 0),
    )
    for n, d, sample in sizes:
        yield Case("clustering", f"{n:,} × {d}" + f", sample {sample:,}" * bool(sample), clustering, (n, d, sample))
    for n, d, n_outside in ((600, 25_088, 300), (2_000, 25_088, 900), (5_000, 1_742, 500), (3_000, 1_280, 0)):
        yield Case("reduction of a class", f"{n:,} × {d:,}", reduction, (n, d, n_outside))
    for n, d, k in ((6_000, 1_742, 50), (3_000, 25_088, 50), (5_000, 25_088, 50)):
        yield Case("reduction of the pool", f"{n:,} × {d:,} to {k}", pool_reduction, (n, d, k))
    for n, d in ((5_000, 50), (30_000, 50), (30_000, 200)):
        yield Case("difficulty", f"{n:,} × {d}", difficulty, (n, d))


def status(name: str) -> int:
    """Return a line of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def measure(make: Callable[..., Any], arguments: tuple[Any, ...], answers: Any) -> None:
    """Run one case; put need, peak above what was held before, and the same of address space into `answers`."""
    need, run = make(*arguments)
    held, mapped = status("VmRSS"), status("VmSize")
    # Of what was done to prepare the case the peak says nothing.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    run()
    answers.send((need, status("VmHWM") - held, status("VmPeak") - mapped))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", help="those whose names begin so; default: all")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print(f"{'stage':<28}{'size':<28}{'need MB':>9}{'peak MB':>9}{'ratio':>7}{'mapped MB':>11}{'seconds':>9}")
    missed, started = [], time.perf_counter()
    for case in cases():
        if options.stages and not case.stage.startswith(tuple(options.stages)):
            continue
        begun = time.perf_counter()
        told, telling = context.Pipe(duplex=False)
        process = context.Process(target=measure, args=(case.make, case.arguments, telling))
        process.start()
        telling.close()
        # Ends with EOFError where the process died without an answer.
        need, peak, mapped = told.recv()
        process.join()
        ratio = need / peak
        print(
            f"{case.stage:<28}{case.what:<28}{need / 1e6:>9,.0f}{peak / 1e6:>9,.0f}{ratio:>7.2f}{mapped / 1e6:>11,.0f}"
            f"{time.perf_counter() - begun:>9.1f}",
            flush=True,
        )
        if peak > TOO_SMALL and not 1 <= ratio <= LARGEST_RATIO:
            missed.append(f"{case.stage} {case.what}")
    print(f"{time.perf_counter() - started:.0f} s. " + ("Outside: " + "; ".join(missed) if missed else "All hold."))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
