"""Run every sampler on one small example in two dimensions, for the figures in Help.

    python -m benchmarks.sampler_figures [--add NAME …] [--out FILE]

The example is one made-up class of 400 images with two numbers each: a dense group, a sparse group, a small rare group
and a few odd ones. Every sampler that has a figure already or is added, and matched random, chooses 20 of them through
`core` as it does for real images. What is written is where the images lie, which were chosen, and the clusters; the
window draws it in the colours of its mode. A test runs this again and compares, so that the figures show what the
samplers do now.
"""

import argparse
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.resources import resource_folder
from coreset_studio.core.results import (
    ClassClusters,
    ClassEmbedding,
    Coreset,
    Dataset,
    FloatArray,
    Image,
    PoolEmbedding,
    Split,
)
from coreset_studio.core.selection.clustering import cluster_class
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.selecting import matched_random, select
from coreset_studio.core.settings import ClusterSettings, SelectionSettings

BUDGET = 20
CLASS = "cell"
# Images, middle and spread of each part.
PARTS = {
    "dense": (230, (-1.0, 0.35), 0.3),
    "sparse": (130, (1.15, -0.25), 0.62),
    "rare": (30, (0.1, 2.05), 0.14),
}
ODD = (
    (-2.75, -1.3), (-2.2, 1.75), (-0.9, -1.75), (3.3, 1.2), (2.6, 1.95),
    (3.35, -1.7), (1.3, -2.3), (-2.85, 0.35), (1.45, 1.85), (-1.2, 2.15),
)  # fmt: skip
DECIMALS = 4
FILE = resource_folder() / "help" / "samplers" / "figures.json"


def drawn() -> tuple[str, ...]:
    """Return the samplers that have a figure, matched random not among them."""
    chosen = json.loads(FILE.read_text(encoding="utf-8"))["chosen"]
    return tuple(name for name in SAMPLERS if name in chosen)


def example() -> tuple[FloatArray, list[str]]:
    """Return where the 400 images lie, shape (400, 2), centred and of mean squared length 1, and the part of each."""
    random = np.random.default_rng(9)
    places = [random.normal(middle, spread, size=(n, 2)) for n, middle, spread in PARTS.values()]
    points = np.concatenate([*places, np.array(ODD)])
    points -= points.mean(axis=0)
    points /= np.sqrt((points**2).sum(axis=1).mean())
    parts = [part for part, (n, _, _) in PARTS.items() for _ in range(n)] + ["odd"] * len(ODD)
    return np.round(points, DECIMALS).astype(np.float32), parts


def choose(points: FloatArray, names: Collection[str]) -> tuple[ClassClusters, dict[str, Coreset]]:
    """Return the clusters of the example and what samplers take of it, by name; matched random beside them."""
    n = len(points)
    everything, nothing = np.arange(n), np.zeros(0, dtype=np.int64)
    images = tuple(Image(f"{CLASS}/{i:03d}.png", CLASS, None, "", 1, 1, str(i), "", 0, 0, "0" * 16) for i in everything)
    dataset = Dataset(root=Path(), source=Path(), kind="folder", images=images)
    split = Split(everything, nothing, nothing)
    embedding = ClassEmbedding(CLASS, everything, points, nothing, points[:0], ())
    clusters = cluster_class(embedding, ClusterSettings())
    # For samplers that choose from all classes together: the same two numbers, as there is one class.
    across = PoolEmbedding(everything, points, np.ones(n, dtype=bool))
    chosen = {}
    for name in (name for name in SAMPLERS if name in names):
        settings = SelectionSettings(sampler=name, images=BUDGET)
        # One class has no others among its neighbours.
        chosen[name] = select(dataset, split, [embedding], [clusters], settings, difficulty={CLASS: 0.0}, across=across)
    chosen["matched"] = matched_random(dataset, split, chosen["balanced-herding"], seed=0)
    return clusters, chosen


def figure_data(names: Collection[str]) -> dict[str, Any]:
    """Return what the window draws from, for samplers of these names: JSON values."""
    points, parts = example()
    clusters, chosen = choose(points, names)
    middling = np.median(np.sqrt((np.asarray(points, dtype=np.float64) ** 2).sum(axis=1)))
    return {
        "points": [[round(float(x), DECIMALS), round(float(y), DECIMALS)] for x, y in points],
        "parts": parts,
        "clusters": clusters.labels.tolist(),
        "middling": round(float(middling), DECIMALS),
        "chosen": {name: coreset.indices.tolist() for name, coreset in chosen.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--add", nargs="+", default=[], choices=list(SAMPLERS), help="samplers without a figure yet")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    data = figure_data({*drawn(), *options.add})
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in data.items() if key != "chosen")
    chosen = ",\n".join(f"  {json.dumps(name)}: {json.dumps(rows)}" for name, rows in data["chosen"].items())
    options.out.write_text(f'{{\n{lines},\n"chosen": {{\n{chosen}\n}}\n}}\n', encoding="utf-8")
    for name, rows in data["chosen"].items():
        parts = [data["parts"][row] for row in rows]
        print(
            f"{name:<20}" + "  ".join(f"{part} {parts.count(part):>2}" for part in ("dense", "sparse", "rare", "odd"))
        )
    print(f"{max(data['clusters']) + 1} clusters; wrote {options.out}")


if __name__ == "__main__":
    main()
