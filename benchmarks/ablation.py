"""What each choice of the paper's method contributes: its sampler with one choice changed at a time.

    python -m benchmarks.ablation [--splits 5] [--first-split 300] [--minutes 60]

The paper (section 4) selects with VGG16 features, 95 % of the variance, Euclidean distances and the number of clusters
with the largest mean silhouette, and takes the same number of images from each cluster. Here each of these is changed
while the others stay: the rule and the number of clusters, the variance, the extractor, the distance. Every coreset
trains the linear probe under three judges, of which MobileNetV2 is seen by no variant but its own, and is compared with
stratified random sampling of the same split (mean of five draws). Images, splits and figures are those of
`benchmarks.quality`.

Every finished cell is one row of a CSV, so that a run that was stopped continues, and a later one adds splits.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import kmedoids
import numpy as np
from scipy.spatial.distance import cdist

from benchmarks.quality import (
    CONTROL_SEEDS,
    DRAWN_SEEDS,
    IMAGES,
    JUDGES,
    RESULTS,
    Cell,
    Judge,
    Results,
    judged,
    judges_of,
    study_of,
)
from benchmarks.quality_tables import Table, Variant
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.pipeline.stages import Prepared, choose, prepare
from coreset_studio.core.results import ClassEmbedding, FloatArray, IntArray
from coreset_studio.core.selection.clustering import best_k, distance_matrix, partition, silhouettes_of
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool
from coreset_studio.core.settings import SelectionSettings
from coreset_studio.core.training.bootstrap import corrected_interval

FRACTIONS = (0.05, 0.1, 0.25)
K_MAX = 10
TEST_SHARE = 0.3
Clusters = tuple[IntArray, IntArray]


def unit(rows: FloatArray) -> FloatArray:
    """Return rows of length 1, whose Euclidean distances order images as the cosine does."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: FloatArray = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def cosine(rows: FloatArray) -> FloatArray:
    return distance_matrix(unit(rows))


def manhattan(rows: FloatArray) -> FloatArray:
    return cdist(rows, rows, "cityblock").astype(np.float32)


def silhouette(distances: FloatArray, seed: int) -> Clusters:
    """As in the paper: k from 2 to 10 with the largest mean silhouette."""
    found = {k: fixed(k)(distances, seed) for k in range(2, min(K_MAX, len(distances) - 1) + 1)}
    curve = {k: float(silhouettes_of(distances, labels, k).mean()) for k, (labels, _) in found.items()}
    return found[best_k(curve)]


def medoid_silhouette(distances: FloatArray, seed: int) -> Clusters:
    """k from 2 to 10 by the medoid silhouette, which DynMSC optimises itself (Lenssen and Schubert 2024)."""
    result = kmedoids.dynmsc(distances, min(K_MAX, len(distances) - 1), 2, random_state=seed)
    return np.asarray(result.labels, dtype=np.int64), np.asarray(result.medoids, dtype=np.int64)


def fixed(k: int) -> Callable[[FloatArray, int], Clusters]:
    """The same number of clusters in every class."""

    def clusters(distances: FloatArray, seed: int) -> Clusters:
        return partition(distances, min(k, len(distances)), np.random.default_rng(seed))

    return clusters


@dataclass(frozen=True)
class Ablation:
    """One choice changed; the defaults are the paper's."""

    changed: str
    extractor: str = "vgg16"
    variance: float = 0.95
    distances: Callable[[FloatArray], FloatArray] = distance_matrix
    clusters: Callable[[FloatArray, int], Clusters] = silhouette


VARIANTS: Mapping[str, Ablation] = {
    "paper": Ablation("nothing"),
    "medoid silhouette": Ablation("rule for k", clusters=medoid_silhouette),
    **{f"k = {k}": Ablation("number of clusters", clusters=fixed(k)) for k in (1, 2, 5, 10, 20)},
    **{f"{share:.0%} of variance": Ablation("variance", variance=share) for share in (0.5, 0.8, 0.9, 0.99)},
    **{name: Ablation("extractor", extractor=name) for name in ("vgg16-avg", "mobilenetv2", "colour-texture")},
    "cosine": Ablation("distance", distances=cosine),
    "Manhattan": Ablation("distance", distances=manhattan),
}


def key(name: str) -> Variant:
    """Return the key of a variant in the tables."""
    return (name, "proportional", VARIANTS[name].extractor, "0.0", "0.0")


def cells_of(name: str, split: int, fractions: tuple[float, ...]) -> list[Cell]:
    return [
        Cell(split, VARIANTS[name].extractor, name, "proportional", 0.0, 0.0, fraction, 100 * split + seed, judge)
        for fraction in fractions
        for seed in range(DRAWN_SEEDS)
        for judge in JUDGES
    ]


def coreset(pools: list[tuple[ClassEmbedding, ClassPool]], budget: Mapping[str, int], seed: int) -> IntArray:
    """Take the same number from each cluster of every class (paper 4.4)."""
    parts = [
        embedding.indices[SAMPLERS["intelligent"].order(replace(pool, seed=seed), budget[pool.class_name]).rows]
        for embedding, pool in pools
    ]
    return np.sort(np.concatenate(parts))


def clustered(prepared: Prepared, ablation: Ablation, split: int) -> list[tuple[ClassEmbedding, ClassPool]]:
    pools = []
    for embedding in prepared.embeddings:
        rows = np.asarray(embedding.embedding)
        labels, medoids = ablation.clusters(ablation.distances(rows), split)
        pools.append((embedding, ClassPool(embedding.class_name, rows, labels, medoids, 0)))
    return pools


def run_split(results: Results, split: int, options: argparse.Namespace, until: float) -> bool:
    """Fill what is missing of one split; return whether time was left."""
    fractions = tuple(options.fractions)
    random = [
        Cell(split, "", "stratified", "proportional", 0.0, 0.0, fraction, 100 * split + seed, judge)
        for fraction in fractions
        for seed in range(CONTROL_SEEDS)
        for judge in JUDGES
    ]
    wanted = {"stratified": random} | {name: cells_of(name, split, fractions) for name in VARIANTS}
    missing = {name: [cell for cell in cells if cell.key not in results.keys] for name, cells in wanted.items()}
    if not any(missing.values()):
        return True
    judges: dict[str, Judge] = {}
    prepared: dict[tuple[str, float], Prepared] = {}
    for name, cells in missing.items():
        if time.monotonic() > until:
            return False
        ablation = VARIANTS.get(name, VARIANTS["paper"])
        seen = (ablation.extractor, ablation.variance)
        if cells and seen not in prepared:
            study = study_of(options, split, (ablation.extractor,))
            settings = replace(study.settings, features=replace(study.settings.features, variance=ablation.variance))
            prepared[seen] = prepare(replace(study, settings=settings))
            judges = judges or {judge.name: judge for judge in judges_of(options, split, prepared[seen])}
        if cells:
            fill(results, cells, prepared[seen], None if name == "stratified" else ablation, judges)
    return True


def fill(
    results: Results, cells: list[Cell], prepared: Prepared, ablation: Ablation | None, judges: Mapping[str, Judge]
) -> None:
    """Choose for every cell and write what its judge says; without an ablation, at random within each class."""
    pools = clustered(prepared, ablation, cells[0].split) if ablation else []
    chosen: dict[tuple[float, int], IntArray] = {}
    for cell in cells:
        drawn = (cell.fraction, cell.seed)
        if drawn not in chosen:
            at_random = choose(
                prepared, SelectionSettings(sampler="stratified", fraction=cell.fraction, seed=cell.seed)
            )
            chosen[drawn] = coreset(pools, at_random.budgets, cell.seed) if ablation else np.sort(at_random.indices)
        figures = judged(prepared.dataset, prepared.split.test, judges[cell.judge], chosen[drawn])
        results.add(cell, figures | {"select_seconds": ""})


def report(file: Path) -> Path:
    """Write the gain of every variant over stratified random, and its difference to the paper's choices."""
    table = Table(file)
    random: Variant = ("stratified", "proportional", "", "0.0", "0.0")
    n = len(table.splits)
    lines = [
        "# Ablation of the paper's method\n",
        (
            f"Written by `python -m benchmarks.ablation`: 4,276 blood-cell images in eight classes, {n} splits "
            f"({', '.join(table.splits)}), 70 % pool and 30 % test, linear probe, mean of {len(table.judges)} judges "
            f"({', '.join(table.judges)}), {DRAWN_SEEDS} draws a split. First: points of accuracy over stratified "
            "random of the same split, with the 95 % interval that is corrected for shared test images (Nadeau and "
            "Bengio 2003). In brackets: points over the paper's choices. An interval that contains 0 shows no "
            "difference. One data set: what holds here need not hold elsewhere.\n"
        ),
        "| changed | variant | " + " | ".join(f"{fraction:.0%}" for fraction in table.fractions) + " |",
        "|---|---|" + "---|" * len(table.fractions),
    ]
    for name, ablation in VARIANTS.items():
        cells = [
            f"{figure(table, key(name), random, fraction)}"
            + ("" if name == "paper" else f" ({figure(table, key(name), key('paper'), fraction)})")
            for fraction in table.fractions
        ]
        lines.append(f"| {ablation.changed} | {name} | " + " | ".join(cells) + " |")
    target = file.with_suffix(".md")
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def figure(table: Table, variant: Variant, over: Variant, fraction: float) -> str:
    """Return the mean paired difference in points and its interval."""
    own, other = table.values(variant, fraction, "accuracy"), table.values(over, fraction, "accuracy")
    gains = np.array([
        100 * np.mean([own[split, judge] - other[split, judge] for judge in table.judges])
        for split in table.splits
        if all((split, judge) in own and (split, judge) in other for judge in table.judges)
    ])  # fmt: skip
    if len(gains) == 0:
        return "–"
    if len(gains) == 1:
        return f"{gains[0]:+.1f}"
    low, high = corrected_interval(gains, TEST_SHARE)
    return f"{gains.mean():+.1f} [{low:+.1f}, {high:+.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=IMAGES)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument("--file", type=Path, default=RESULTS / "ablation.csv")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--first-split", type=int, default=300)
    parser.add_argument("--fractions", type=float, nargs="+", default=list(FRACTIONS))
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    results = Results(options.file)
    for split in range(options.first_split, options.first_split + options.splits):
        if not run_split(results, split, options, until):
            print("Time is up; call it again to continue.")
            break
    print(report(options.file))


if __name__ == "__main__":
    main()
