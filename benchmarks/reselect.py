"""How long another fraction, budget rule or pin takes at 17,000 images, once a sampler's orders are known.

    python -m benchmarks.reselect [--images 17000] [SAMPLER …]

Expected: at most 200 ms for each, shares of clusters included.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.results import ClassClusters, ClassEmbedding, Dataset, Image, Split
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.selecting import select
from coreset_studio.core.selection.shares import expected_random
from coreset_studio.core.settings import SelectionSettings

# Of the blood cells of Acevedo et al. 2020, by class.
SHARES = (0.071, 0.182, 0.091, 0.169, 0.071, 0.083, 0.195, 0.138)
N_COMPONENTS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samplers", nargs="*", default=[name for name, one in SAMPLERS.items() if one.nested])
    parser.add_argument("--images", type=int, default=17000)
    chosen = parser.parse_args()
    dataset, split, embeddings, clusters = scene(chosen.images)
    difficulty = dict.fromkeys(dataset.classes, 0.2)
    for name in chosen.samplers:
        orders = OrderCache()

        def timed(sampler: str = name, kept: OrderCache = orders, **choices: Any) -> float:
            start = time.perf_counter()
            wanted = SelectionSettings(sampler=sampler, **choices)
            coreset = select(dataset, split, embeddings, clusters, wanted, difficulty=difficulty, orders=kept)
            expected_random(clusters, coreset)
            return time.perf_counter() - start

        first = timed(fraction=0.05)
        fractions = [timed(fraction=fraction) for fraction in np.linspace(0.002, 0.5, 60).tolist()]
        rules = [timed(fraction=0.1, budget_over_classes=rule) for rule in ("equal", "square-root", "difficulty")]
        pins = tuple(image.path for image in dataset.images[::500])
        pinned = [timed(fraction=0.1, pinned_in=pins[::2], pinned_out=pins[1::2]) for _ in range(5)]
        worst = 1000 * max(*fractions, *rules, *pinned)
        print(
            f"{name:20} first {first:6.2f} s; then at worst a fraction {1000 * max(fractions):5.1f} ms, "
            f"a rule {1000 * max(rules):5.1f} ms, pins {1000 * max(pinned):5.1f} ms"
            f"{'' if worst <= 200 else '   ABOVE the expected 200 ms'}"
        )


def scene(n: int) -> tuple[Dataset, Split, tuple[ClassEmbedding, ...], tuple[ClassClusters, ...]]:
    """A dataset of random points in eight classes of the sizes of real ones, all of it in the pool."""
    random = np.random.default_rng(0)
    sizes = np.floor(np.array(SHARES) * n).astype(int)
    sizes[-1] += n - sizes.sum()
    images = tuple(
        Image(f"class {c}/{i:05d}.jpg", f"class {c}", None, "", 360, 363, f"{c}-{i}", f"{c}-{i}", 1, 0, "0" * 16)
        for c, size in enumerate(sizes)
        for i in range(size)
    )
    dataset = Dataset(root=Path(), source=Path(), kind="folder", images=images)
    nothing = np.zeros(0, dtype=np.int64)
    embeddings, clusters = [], []
    for position, name in enumerate(dataset.classes):
        indices = np.flatnonzero(dataset.labels == position)
        points = random.standard_normal((len(indices), N_COMPONENTS)).astype(np.float32) / np.sqrt(N_COMPONENTS)
        no_points = np.zeros((0, N_COMPONENTS), dtype=np.float32)
        embeddings.append(ClassEmbedding(name, indices, points.astype(np.float32), nothing, no_points, ()))
        labels = np.sort(random.integers(0, 4, len(indices)))
        medoids = np.array([indices[np.flatnonzero(labels == cluster)[0]] for cluster in range(4)])
        clusters.append(ClassClusters(name, indices, labels, medoids, np.zeros(len(indices)), {}, "silhouette"))
    return dataset, Split(np.arange(n), nothing, nothing), tuple(embeddings), tuple(clusters)


if __name__ == "__main__":
    main()
