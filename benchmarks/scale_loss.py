"""What is lost by clustering and selecting beyond the limit of exact stages, where the exact forms run as well.

    python -m benchmarks.scale_loss [--data cells made-up] [--samplers even-herding …] [--markdown FILE]

*Objective:* one class of n images, exact and with a limit of n / 4, so that it is divided into about four parts; each
sampler by the objective that it optimises (mean cosine or kernel similarity to the nearest selected image, coverage of
the neighbour graph, mean or largest distance to the nearest selected image, distance of the means, MMD² to the target).
The loss is that of the objective in percent; of MMD² and the distance of the means, which are close to 0, in percent of
the value of as many random images. *Probe:* the accuracy of a linear probe (logistic regression) on held-out images,
trained on the coreset of all classes, in points, mean over splits with its standard error. `cells` are the blood cells
of the shared folder with colour-texture features, all as one class for the objective; `made-up` is a mixture of
overlapping Gaussians.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from benchmarks.real_data import images_folder
from coreset_studio.core.pipeline.stages import extract_features, open_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import ClassEmbedding, FloatArray, IntArray, Split
from coreset_studio.core.selection.clustering import cluster_class
from coreset_studio.core.selection.graph import cover_graph
from coreset_studio.core.selection.kernel import Kernel
from coreset_studio.core.selection.orders import put_in_order
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.samplers.balanced_herding.order import target
from coreset_studio.core.selection.samplers.even_herding.order import even_target
from coreset_studio.core.selection.sampling import ClassPool
from coreset_studio.core.settings import ClusterSettings, FeatureSettings, SelectionSettings, Settings, own_settings

SAMPLED = ("even-herding", "balanced-herding", "herding", "facility-location", "max-herding", "graph-coverage",
           "medoid", "k-center", "typiclust")  # fmt: skip
FRACTIONS = (0.01, 0.05, 0.25)
CACHE = Path(tempfile.gettempdir()) / "S1" / "cache"
SCALE, LEAST_LIMIT = 0.2, 100
NOTHING = np.zeros(0, dtype=np.int64)
Objective = tuple[Callable[[IntArray], float], bool]


def made_up(n: int, d: int = 50, groups: int = 8, seed: int = 0) -> tuple[FloatArray, IntArray]:
    """Return rows and their groups: Gaussians of unequal sizes and widths that overlap."""
    random = np.random.default_rng(seed)
    falling = np.exp(-np.arange(d) / (d / 4))
    centres = 1.2 * random.standard_normal((groups, d)) * falling
    labels = random.choice(groups, n, p=random.dirichlet(2 * np.ones(groups)))
    widths = random.gamma(4, 0.25, (n, 1))
    return (centres[labels] + widths * random.standard_normal((n, d)) * falling).astype(np.float32), labels


def cells() -> tuple[FloatArray, IntArray]:
    """Return colour-texture features of the blood cells, reduced to 100 components, and their classes."""
    source = images_folder()
    study = Study(source, Settings(features=FeatureSettings(extractors=("colour-texture",))), CACHE)
    dataset = open_dataset(source, CACHE)
    every = np.arange(len(dataset.images))
    (extracted,) = extract_features(study, dataset, Split(every, NOTHING, NOTHING))
    blocks = [np.asarray(extracted.rows(name, every), dtype=np.float64) for name in extracted.block_names]
    centred = [block - block.mean(axis=0) for block in blocks]
    joined = np.hstack([block / np.sqrt((block**2).sum(axis=1).mean()) for block in centred])
    return PCA(100, random_state=0).fit_transform(joined).astype(np.float32), dataset.labels


def objectives(rows: FloatArray, labels: IntArray) -> dict[str, Objective]:
    """Return for each sampler its objective, and whether more is better."""
    kernel = Kernel(rows)
    n = len(rows)
    every = np.arange(n)
    matrix = kernel.rows(every).astype(np.float64)
    graph = cover_graph(rows).toarray()
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = np.maximum(units @ units.T, 0)

    def mmd(weights: NDArray[np.float64]) -> Callable[[IntArray], float]:
        potential = matrix @ weights
        constant = float(weights @ potential)
        return lambda chosen: float(matrix[np.ix_(chosen, chosen)].mean() - 2 * potential[chosen].mean() + constant)

    means = rows.astype(np.float64)
    away: Callable[[IntArray], FloatArray] = lambda chosen: cdist(rows, rows[chosen]).min(axis=1)  # noqa: E731
    return {
        "even-herding": (mmd(even_target(matrix.mean(axis=0))), False),
        "balanced-herding": (mmd(target(labels, 0.25)), False),
        "herding": (lambda c: float(np.linalg.norm(means[c].mean(axis=0) - means.mean(axis=0))), False),
        "facility-location": (lambda c: float(cosines[c].max(axis=0).mean()), True),
        "max-herding": (lambda c: float(matrix[c].max(axis=0).mean()), True),
        "graph-coverage": (lambda c: float(graph[:, c].max(axis=1).mean()), True),
        "medoid": (lambda c: float(away(c).mean()), False),
        "k-center": (lambda c: float(away(c).max()), False),
        "typiclust": (lambda c: float(away(c).mean()), False),
    }


def pool_of(rows: FloatArray, labels: IntArray, medoids: IntArray, name: str = "a", seed: int = 0) -> ClassPool:
    return replace(ClassPool.plain(name, len(rows), seed), embedding=rows, labels=labels, medoids=medoids)


def embedded(rows: FloatArray, name: str = "a") -> ClassEmbedding:
    return ClassEmbedding(name, np.arange(len(rows)), rows, NOTHING, rows[:0], ())


def selected(name: str, pool: ClassPool, n: int, limit: int) -> IntArray:
    sampler = SAMPLERS[name]
    settings = own_settings(SelectionSettings(), sampler)
    return put_in_order(sampler, pool, n, settings, exact_up_to=limit).rows


def objective_table(rows: FloatArray, limit: int, samplers: tuple[str, ...]) -> list[str]:
    """Return the rows of the table of objectives."""
    clusters = cluster_class(embedded(rows), ClusterSettings(exact_up_to=0))
    pool = pool_of(rows, clusters.labels, clusters.medoid_rows)
    aims = objectives(rows, clusters.labels)
    lines = []
    for name in samplers:
        value, more = aims[name]
        cells: list[str] = []
        seconds = {limit: 0.0, 0: 0.0}
        for fraction in FRACTIONS:
            n = round(fraction * len(rows))
            found: dict[int, float] = {}
            for each in (0, limit):
                started = time.perf_counter()
                found[each] = value(selected(name, pool, n, each))
                seconds[each] += time.perf_counter() - started
            draws = [value(selected("stratified", replace(pool, seed=seed), n, 0)) for seed in range(5)]
            at_random = float(np.mean(draws))
            lost = found[0] - found[limit] if more else found[limit] - found[0]
            unit: float = at_random if "herding" in name and name != "max-herding" else found[0]
            share = lost / abs(unit)
            gain = lost / abs(at_random - found[0])
            cells.append(f"{100 * share:+.2f} ({100 * gain:+.0f})")
        lines.append(f"| {SAMPLERS[name].title} | {' | '.join(cells)} | {seconds[0]:.1f} / {seconds[limit]:.1f} |")
        print(lines[-1], flush=True)
    return lines


def clustering_lines(rows: FloatArray, limit: int) -> list[str]:
    """Return the loss of the sum of distances to the medoids, for several numbers of clusters."""
    losses = []
    for k in (3, 5, 8):
        sums = []
        for each in (0, limit):
            settings = ClusterSettings(k_max=2, k_by_class={"a": k}, exact_up_to=each)
            medoids = cluster_class(embedded(rows), settings).medoid_rows
            sums.append(float(cdist(rows, rows[medoids]).min(axis=1).sum()))
        losses.append(f"k = {k}: {100 * (sums[1] / sums[0] - 1):+.2f} %")
    return [f"Clusters, loss of the sum of distances to the medoids: {', '.join(losses)}."]


def probe_table(rows: FloatArray, labels: IntArray, samplers: tuple[str, ...], n_splits: int) -> list[str]:
    """Return the rows of the table of accuracies: points lost by parts, mean over splits with its standard error."""
    lines = []
    lost: dict[str, list[list[float]]] = {name: [[] for _ in FRACTIONS] for name in samplers}
    for split in range(n_splits):
        random = np.random.default_rng(split)
        is_test = random.random(len(rows)) < 0.3
        members = [np.flatnonzero((labels == label) & ~is_test) for label in np.unique(labels)]
        pools = []
        for number, one in enumerate(members):
            centred = np.ascontiguousarray(rows[one] - rows[one].mean(axis=0))
            found = cluster_class(embedded(centred), ClusterSettings(k_max=4, exact_up_to=0))
            pools.append(pool_of(centred, found.labels, found.medoid_rows, str(number), split))
        for name in samplers:
            for place, fraction in enumerate(FRACTIONS):
                accuracy = []
                for is_large in (False, True):
                    chosen = []
                    for one, pool in zip(members, pools, strict=True):
                        limit = max(LEAST_LIMIT, len(one) // 4) if is_large else 0
                        chosen.append(one[selected(name, pool, max(2, round(fraction * len(one))), limit)])
                    picked = np.concatenate(chosen)
                    probe = LogisticRegression(C=1.0, max_iter=300).fit(rows[picked] / SCALE, labels[picked])
                    accuracy.append(probe.score(rows[is_test] / SCALE, labels[is_test]))
                lost[name][place].append(100 * (accuracy[0] - accuracy[1]))
    for name in samplers:
        cells = [
            f"{np.mean(each):+.2f} ± {np.std(each, ddof=1) / np.sqrt(len(each)):.2f}"
            if len(each) > 1
            else f"{each[0]:+.2f}"
            for each in lost[name]
        ]
        lines.append(f"| {SAMPLERS[name].title} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=("cells", "made-up"), default=["cells", "made-up"])
    parser.add_argument("--samplers", nargs="+", default=list(SAMPLED))
    parser.add_argument("--images", type=int, default=6_000, help="of the made-up data")
    parser.add_argument("--splits", type=int, default=8)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    samplers = tuple(options.samplers)
    shares = " | ".join(f"{fraction:.0%}" for fraction in FRACTIONS)
    dashes = "---|" * len(FRACTIONS)
    text = []
    for name in options.data:
        rows, labels = cells() if name == "cells" else made_up(options.images)
        limit = len(rows) // 4
        text += [f"## {name}: {len(rows):,} images, limit {limit:,}", "", *clustering_lines(rows, limit), ""]
        text += [f"| objective lost, % (of the gain over random, %) | {shares} | seconds exact / in parts |"]
        text += [f"|---|{dashes}---|", *objective_table(rows, limit, samplers), ""]
        text += [f"| points of probe accuracy lost | {shares} |", f"|---|{dashes}"]
        text += [*probe_table(rows, labels, samplers, options.splits), ""]
    if options.markdown:
        options.markdown.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
