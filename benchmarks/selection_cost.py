"""What selecting costs: seconds and memory of every sampler on 17,000 embeddings in 8 imbalanced classes.

    python -m benchmarks.selection_cost [--images 17000] [--components 200]

Embeddings, clusters and embeddings across classes are made up and count as cached; what is timed is difficulty, budgets
and the sampler's order. Each sampler runs in a process of its own, so that its peak memory is its own. The aim: 10 s on
two cores and 3 GB, at 5 % and at 25 %, and 200 ms for another fraction.
"""

import argparse
import multiprocessing
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.pipeline.stages import peak_memory
from coreset_studio.core.reference import SHARES, class_sizes
from coreset_studio.core.results import ClassClusters, ClassEmbedding, Dataset, Image, PoolEmbedding, Split
from coreset_studio.core.selection.difficulty import class_difficulty
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.selecting import select
from coreset_studio.core.settings import BY_DIFFICULTY, SelectionSettings

N_CLUSTERS = 5
AIM_SECONDS, AIM_BYTES, AIM_RESLICE = 10.0, 3 * 10**9, 0.2
FRACTIONS = (0.05, 0.25)
Scene = tuple[Dataset, Split, list[ClassEmbedding], list[ClassClusters], PoolEmbedding]


def made_up(n_images: int, n_components: int) -> Scene:
    """Return a dataset with embeddings, clusters and embeddings across classes that stand for cached ones."""
    random = np.random.default_rng(0)
    sizes = class_sizes(n_images)
    images, embeddings, clusters, across = [], [], [], []
    falling = np.exp(-np.arange(n_components) / (n_components / 3))
    for number, size in enumerate(sizes):
        name = f"class {number}"
        first = len(images)
        images += [
            Image(f"{name}/{i:06d}.png", name, None, "", 1, 1, f"{name}{i}", "", 0, 0, "0" * 16) for i in range(size)
        ]
        labels = np.sort(random.integers(0, N_CLUSTERS, size))
        points = (
            random.normal(size=(size, n_components)) + random.normal(size=(N_CLUSTERS, n_components))[labels]
        ) * falling
        points = ((points - points.mean(axis=0)) / np.sqrt((points**2).sum(axis=1).mean())).astype(np.float32)
        indices = np.arange(first, first + size)
        nothing = np.zeros(0, dtype=np.int64)
        embeddings.append(ClassEmbedding(name, indices, points, nothing, points[:0], ()))
        medoids = first + np.searchsorted(labels, np.arange(N_CLUSTERS))
        clusters.append(ClassClusters(name, indices, labels, medoids, np.zeros(size), {}, "silhouette"))
        across.append(random.normal(size=(size, 50)) + 0.7 * random.normal(size=50))
    everything = np.arange(n_images)
    dataset = Dataset(root=Path(), source=Path(), kind="folder", images=tuple(images))
    nothing = np.zeros(0, dtype=np.int64)
    pool = PoolEmbedding(everything, np.concatenate(across).astype(np.float32), np.ones(n_images, dtype=bool))
    return dataset, Split(everything, nothing, nothing), embeddings, clusters, pool


def measure(sampler: str, fraction: float, n_images: int, n_components: int, answers: Any) -> None:
    """Time one sampler; put seconds, seconds for another fraction, and bytes into `answers`."""
    dataset, split, embeddings, clusters, pool = made_up(n_images, n_components)
    orders = OrderCache()
    settings = SelectionSettings(sampler=sampler, fraction=fraction)
    started, worked = time.perf_counter(), time.process_time()
    by_difficulty = SAMPLERS[sampler].budget_rule(settings.budget_over_classes) in BY_DIFFICULTY
    difficulty = class_difficulty(dataset.labels, dataset.classes, pool.embedding) if by_difficulty else None
    given = {"difficulty": difficulty, "orders": orders, "across": pool}
    coreset = select(dataset, split, embeddings, clusters, settings, **given)
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    assert len(coreset.indices) == round(fraction * n_images)
    started = time.perf_counter()
    other = replace(settings, fraction=0.8 * fraction)
    select(dataset, split, embeddings, clusters, other, **given)
    again = time.perf_counter() - started
    answers.put((seconds, cpu, again if SAMPLERS[sampler].nested else None, peak_memory()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=17_000)
    parser.add_argument("--components", type=int, default=200)
    parser.add_argument("--samplers", nargs="+", default=list(SAMPLERS))
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print(f"{options.images:,} embeddings of {options.components} numbers in {len(SHARES)} classes")
    print(
        f"{'sampler':<20}{'fraction':>9}{'seconds':>9}{'CPU s':>8}{'of aim':>8}"
        f"{'another fraction':>18}{'peak GB':>9}{'of aim':>8}"
    )
    missed = []
    for sampler in options.samplers:
        for fraction in FRACTIONS:
            answers = context.Queue()
            process = context.Process(
                target=measure, args=(sampler, fraction, options.images, options.components, answers)
            )
            process.start()
            seconds, cpu, again, peak = answers.get()
            process.join()
            reslice = f"{1000 * again:.0f} ms" if again is not None else "not nested"
            print(
                f"{sampler:<20}{fraction:>9.0%}{seconds:>9.2f}{cpu:>8.2f}{seconds / AIM_SECONDS:>8.2f}{reslice:>18}"
                f"{peak / 1e9:>9.2f}{peak / AIM_BYTES:>8.2f}",
                flush=True,
            )
            if seconds > AIM_SECONDS or peak > AIM_BYTES or (again or 0) > AIM_RESLICE:
                missed.append(f"{sampler} at {fraction:.0%}")
    print("Missed: " + ", ".join(missed) if missed else "Every aim is met.")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
