"""Try to do better than balanced herding as it stands: variants of it, chosen on some splits and confirmed on others.

    python -m benchmarks.quality_variants --first-split 100 --splits 6            (to choose)
    python -m benchmarks.quality_variants --first-split 200 --splits 8 --variants … (to confirm, on fresh splits)

Same images, judges and figures as `benchmarks.quality`; every variant chooses by colour-texture and VGG16 together
(or by --extractors) with the class budgets of balanced herding (β ¼). Differences are paired by split.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.quality import FRACTIONS, IMAGES, JUDGES, RESULTS, Cell, Judge, Results, judged, judges_of, study_of
from benchmarks.quality_tables import METRICS, Table, Variant
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.pipeline.stages import Prepared, choose, prepare
from coreset_studio.core.results import ClassClusters, ClassEmbedding, FloatArray, IntArray
from coreset_studio.core.selection.greedy import best_row
from coreset_studio.core.selection.kernel import Kernel, bandwidth
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.samplers.balanced_herding.order import herd, target
from coreset_studio.core.selection.sampling import ClassPool
from coreset_studio.core.settings import SelectionSettings

BASE = "colour-texture+vgg16"


@dataclass(frozen=True)
class Seen:
    """What a variant sees of one class: the pool of a sampler, and which columns belong to which view."""

    pool: ClassPool
    views: tuple[slice, ...]
    # Extractors count the same, and share it among their views.
    weights: tuple[float, ...]


OrderOf = Callable[[Seen, int], IntArray]


def rbf(width: float, mu: float = 0.25) -> OrderOf:
    """Balanced herding with σ times `width`."""

    def order(seen: Seen, n: int) -> IntArray:
        pool = seen.pool
        kernel = Kernel(pool.embedding, width * bandwidth(pool.embedding))
        return herd(kernel, kernel.times(target(pool.labels, mu)), n)

    return order


def mixed(share: float, width: float = 1.0, mu: float = 0.25) -> OrderOf:
    """R plus a share of the linear kernel, whose mean diagonal is that of R."""

    def order(seen: Seen, n: int) -> IntArray:
        pool = seen.pool
        points = pool.embedding.astype(np.float64)
        every = np.arange(len(points))
        matrix = Kernel(pool.embedding, width * bandwidth(pool.embedding)).rows(every).astype(np.float64)
        scale = max((points**2).sum(axis=1).mean(), 1e-12)
        return greedy_discrepancy(
            (1 - share) * matrix + share * (points @ points.T) / scale, target(pool.labels, mu), n
        )

    return order


def greedy_discrepancy(matrix: np.ndarray, weights: np.ndarray, n: int) -> IntArray:
    """Take again and again the image that leaves the smallest MMD to the weighted class."""
    return steps(matrix, matrix @ weights, n)


def steps(matrix: np.ndarray, wanted: np.ndarray, n: int) -> IntArray:
    """Take again and again the image that leaves the smallest MMD to what has the products `wanted` with all images."""
    own = matrix.diagonal() / 2
    picked, free, rows = np.zeros(len(matrix)), np.zeros(len(matrix)), np.empty(n, dtype=np.int64)
    for m in range(n):
        rows[m] = best_row(free + wanted - (picked + own) / (m + 1))
        picked += matrix[rows[m]]
        free[rows[m]] = -np.inf
    return rows


def flattened(power: float, inner: OrderOf) -> OrderOf:
    """Weigh components by variance^-power, which makes small ones count more, before choosing."""

    def order(seen: Seen, n: int) -> IntArray:
        pool = seen.pool
        spread = pool.embedding.std(axis=0)
        scale = np.where(spread > 0, np.maximum(spread, 1e-6 * spread.max()) ** -power, 0)
        points: FloatArray = (pool.embedding * scale).astype(np.float32)
        return inner(replace(seen, pool=replace(pool, embedding=points)), n)

    return order


def linear(seen: Seen, n: int) -> IntArray:
    """Herding (Welling)."""
    return SAMPLERS["herding"].order(seen.pool, n).rows


def view_kernels(seen: Seen, width: float) -> np.ndarray:
    """The weighted mean of one kernel for each view, each with a σ of its own."""
    every = np.arange(seen.pool.n_images)
    result = np.zeros((len(every), len(every)))
    for view, weight in zip(seen.views, seen.weights, strict=True):
        points = np.ascontiguousarray(seen.pool.embedding[:, view])
        result += weight * Kernel(points, width * bandwidth(points)).rows(every)
    return result / sum(seen.weights)


def by_views(width: float, mu: float, share: float = 1.0) -> OrderOf:
    """Herding with the mean of the views' kernels, and the joined kernel for the rest of the share."""

    def order(seen: Seen, n: int) -> IntArray:
        pool = seen.pool
        matrix = share * view_kernels(seen, width)
        if share < 1:
            matrix += (1 - share) * Kernel(pool.embedding).rows(np.arange(pool.n_images)).astype(np.float64)
        return greedy_discrepancy(matrix, target(pool.labels, mu), n)

    return order


def balanced_linear(mu: float) -> OrderOf:
    """Herding towards the balanced target."""

    def order(seen: Seen, n: int) -> IntArray:
        pool = seen.pool
        points = pool.embedding.astype(np.float64)
        return greedy_discrepancy(points @ points.T, target(pool.labels, mu), n)

    return order


VARIANTS: Mapping[str, OrderOf] = {
    "as it stands": rbf(1.0),
    "σ × 0.7": rbf(0.7),
    "σ × 1.5": rbf(1.5),
    "σ × 2": rbf(2.0),
    "σ × 3": rbf(3.0),
    "μ 0": rbf(1.0, 0.0),
    "μ ½": rbf(1.0, 0.5),
    "σ × 2, μ 0": rbf(2.0, 0.0),
    "herding": linear,
    "herding, μ ¼": balanced_linear(0.25),
    "R + ½ linear": mixed(0.5),
    "R + 0.8 linear": mixed(0.8),
    "R + ½ linear, μ 0": mixed(0.5, mu=0.0),
    "views": by_views(1.0, 0.25),
    "views, μ 0": by_views(1.0, 0.0),
    "views, σ × 2": by_views(2.0, 0.25),
    "views, σ × 2, μ 0": by_views(2.0, 0.0),
    "½ views": by_views(1.0, 0.25, 0.5),
    "½ views, μ 0": by_views(1.0, 0.0, 0.5),
    "flattened ¼": flattened(0.25, rbf(1.0)),
    "flattened ½": flattened(0.5, rbf(1.0)),
    "flattened ¼, R + ½ linear": flattened(0.25, mixed(0.5)),
    "flattened ½, R + ½ linear": flattened(0.5, mixed(0.5)),
}


def variant(name: str, chosen_by: str) -> Variant:
    """Return the key of a variant in the tables."""
    return (name, "difficulty", chosen_by, "0.25", "0.25")


def seen_of(embedding: ClassEmbedding, clusters: ClassClusters) -> Seen:
    """Return what a variant sees of one class."""
    medoids = clusters.medoid_rows
    pool = ClassPool(embedding.class_name, np.asarray(embedding.embedding), clusters.labels, medoids, 0)
    kept = [view for view in embedding.views if view.scale > 0]
    ends = np.cumsum([0, *(view.n_components for view in kept)]).tolist()
    sharing = Counter(view.extractor for view in kept)
    return Seen(pool, tuple(map(slice, ends, ends[1:])), tuple(1 / sharing[view.extractor] for view in kept))


def coresets(prepared: Prepared, order_of: OrderOf, fractions: tuple[float, ...]) -> dict[float, IntArray]:
    """Return a variant's coresets by fraction, with the class budgets of balanced herding."""
    budgets = {
        fraction: choose(
            prepared, SelectionSettings(sampler="balanced-herding", fraction=fraction, budget_over_classes="difficulty")
        ).budgets
        for fraction in fractions
    }
    chosen: dict[float, list[IntArray]] = {fraction: [] for fraction in fractions}
    for embedding, clusters in zip(prepared.embeddings, prepared.clusters, strict=True):
        largest = max(budget[embedding.class_name] for budget in budgets.values())
        rows = order_of(seen_of(embedding, clusters), largest)
        for fraction, budget in budgets.items():
            chosen[fraction].append(embedding.indices[rows[: budget[embedding.class_name]]])
    return {fraction: np.sort(np.concatenate(parts)) for fraction, parts in chosen.items()}


def run_split(results: Results, split: int, options: argparse.Namespace, until: float) -> bool:
    """Fill what is missing of one split; return whether time was left."""
    chosen_by = "+".join(options.extractors)
    cells = {
        name: [
            Cell(split, chosen_by, name, "difficulty", 0.25, 0.25, fraction, 0, judge)
            for fraction in options.fractions
            for judge in JUDGES
        ]
        for name in options.variants
    }
    drawn = [
        Cell(split, "", "stratified", "proportional", 0.0, 0.0, fraction, seed, judge)
        for fraction in options.fractions
        for seed in range(100 * split, 100 * split + 5)
        for judge in JUDGES
    ]
    if all(cell.key in results.keys for part in [*cells.values(), drawn] for cell in part):
        return True
    prepared = prepare(study_of(options, split, tuple(options.extractors)))
    judges = {judge.name: judge for judge in judges_of(options, split, prepared)}
    for cell in drawn:
        if cell.key not in results.keys:
            settings = SelectionSettings(sampler="stratified", fraction=cell.fraction, seed=cell.seed)
            _add(results, prepared, judges, cell, np.sort(choose(prepared, settings).indices))
    for name, wanted in cells.items():
        if time.monotonic() > until:
            return False
        if any(cell.key not in results.keys for cell in wanted):
            chosen = coresets(prepared, VARIANTS[name], tuple(options.fractions))
            for cell in wanted:
                if cell.key not in results.keys:
                    _add(results, prepared, judges, cell, chosen[cell.fraction])
    return True


def _add(results: Results, prepared: Prepared, judges: Mapping[str, Judge], cell: Cell, indices: IntArray) -> None:
    figures = judged(prepared.dataset, prepared.split.test, judges[cell.judge], indices)
    results.add(cell, figures | {"select_seconds": ""})


def report(file: Path, names: list[str], chosen_by: str) -> Path:
    """Write gains over stratified random and paired differences to balanced herding as it stands."""
    table = Table(file)
    stratified: Variant = ("stratified", "proportional", "", "0.0", "0.0")
    lines = [
        f"# Variants of balanced herding, splits {table.splits[0]}–{table.splits[-1]}\n",
        (
            "Points over stratified random, and (in brackets) over balanced herding as it stands, paired by split; "
            "accuracy · balanced accuracy · recall of the worst sub-type; mean of the judges ± one standard error.\n"
        ),
        "| variant | " + " | ".join(f"{100 * fraction:g} %" for fraction in table.fractions) + " |",
        "|---|" + "---|" * len(table.fractions),
    ]
    for name in names:
        cells = []
        for fraction in table.fractions:
            over = [table.gain(variant(name, chosen_by), fraction, metric, over=stratified)[0] for metric in METRICS]
            against = [
                table.gain(variant(name, chosen_by), fraction, metric, over=variant("as it stands", BASE))[:2]
                for metric in METRICS
            ]
            plain = " · ".join(f"{gain:+.1f}" for gain in over)
            paired = " · ".join(f"{mean:+.1f} ± {error:.1f}" for mean, error in against)
            cells.append(plain + (f" ({paired})" if variant(name, chosen_by) != variant("as it stands", BASE) else ""))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("\n## Half as many images, chosen, against random ones (accuracy)\n")
    lines += ["| variant | " + " | ".join(f"5 − 10 %, {judge}" for judge in table.judges) + " |", "|---|---|---|---|"]
    for name in names:
        cells = [
            table.gain(variant(name, chosen_by), 0.05, "accuracy", over=stratified, over_fraction=0.1, judges=[judge])
            for judge in table.judges
        ]
        lines.append(f"| {name} | " + " | ".join(f"{mean:+.1f} ± {error:.1f}" for mean, error, _ in cells) + " |")
    lines.append("\n## Mean over fractions, under each judge (accuracy)\n")
    lines += ["| variant | " + " | ".join(table.judges) + " |", "|---|---|---|---|"]
    for name in names:
        gains = [
            np.mean(
                [
                    table.gain(variant(name, chosen_by), f, "accuracy", over=stratified, judges=[j])[0]
                    for f in table.fractions
                ]
            )
            for j in table.judges
        ]
        lines.append(f"| {name} | " + " | ".join(f"{gain:+.2f}" for gain in gains) + " |")
    target_file = file.with_suffix(".md")
    target_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=IMAGES)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument("--splits", type=int, default=6)
    parser.add_argument("--first-split", type=int, default=100)
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--extractors", nargs="+", default=BASE.split("+"))
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--results", type=Path, default=RESULTS / "variants.csv")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    results = Results(options.results)
    with threadpool_limits(limits=1):
        finished = all(
            run_split(results, split, options, until)
            for split in range(options.first_split, options.first_split + options.splits)
        )
    written = report(options.results, options.variants, "+".join(options.extractors))
    print(f"{'All done' if finished else 'Time is up'}: {written}")


if __name__ == "__main__":
    main()
