"""What approximate nearest neighbours lose: difficulty, label errors, separation, coverage and proxy, against exact.

    python -m benchmarks.near_cells FOLDER... [--cache FOLDER]

All images of a labelled folder count as the pool, with colour-texture features. Everything is computed exactly and with
the neighbours of near cells (`core.large_neighbours`), however many images there are. A coreset of 40 % of the largest
class stands for coverage, which compares fewer selected images exactly. Processor seconds are given as exact / near.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.features.reduction import embed_pool
from coreset_studio.core.large_neighbours import nearest_rows, nearest_target, with_largest_exact
from coreset_studio.core.neighbours import nearest_among
from coreset_studio.core.pipeline.stages import extract_features, open_dataset, split_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import Dataset, PoolEmbedding
from coreset_studio.core.selection.coverage import proxy_accuracy
from coreset_studio.core.selection.difficulty import class_difficulty
from coreset_studio.core.selection.label_errors import N_NEIGHBOURS, suspected_label_errors
from coreset_studio.core.settings import DataSettings, FeatureSettings, Settings

LIMITS = (0, 1)


def prepared(source: Path, cache: Path) -> tuple[Dataset, PoolEmbedding]:
    """Return the images of a folder and their embedding across classes, all of them as the pool."""
    data = DataSettings(test_fraction=0.0, validation_fraction=0.0)
    settings = Settings(data=data, features=FeatureSettings(extractors=("colour-texture",)))
    study = Study(source, settings, cache)
    dataset = open_dataset(study.source, cache, settings=data)
    split = split_dataset(dataset, settings)
    return dataset, embed_pool(dataset, split, extract_features(study, dataset, split), cache_folder=cache)


def both(work: Callable[[int], Any]) -> tuple[Any, Any, str]:
    """Return the exact result, that of near cells, and the processor seconds of both."""
    results, seconds = [], []
    for limit in LIMITS:
        before = time.process_time()
        results.append(work(limit))
        seconds.append(time.process_time() - before)
    return results[0], results[1], f"{seconds[0]:.1f} / {seconds[1]:.1f} s"


def report(source: Path, cache: Path) -> None:
    """Print what is lost on one folder."""
    dataset, across = prepared(source, cache)
    rows, indices = np.asarray(across.pool_rows), across.pool_indices
    labels = dataset.labels[indices]
    print(f"{source.name}: {len(rows):,} images, {rows.shape[1]} components", flush=True)
    exact, near, seconds = both(lambda limit: nearest_rows(rows, N_NEIGHBOURS, limit)[0])
    found = np.mean([len(np.intersect1d(one, other)) / N_NEIGHBOURS for one, other in zip(exact, near, strict=True)])
    shares = [(labels[each] != labels[:, None]).mean(axis=1) for each in (exact, near)]
    print(f"  recall of {N_NEIGHBOURS} neighbours {100 * found:.2f} %, {seconds}")
    print(f"  score of an image: mean difference {np.abs(shares[0] - shares[1]).mean():.5f}, "
          f"largest {np.abs(shares[0] - shares[1]).max():.2f}", flush=True)  # fmt: skip
    winners = [(labels[each[:, 0]] == labels).mean() for each in (exact, near)]
    print(f"  accuracy of the nearest neighbour {100 * winners[0]:.3f} %, {100 * winners[1]:.3f} %")
    one, other, seconds = both(
        lambda limit: {each.index for each in suspected_label_errors(dataset, across, exact_up_to=limit)}
    )
    print(
        f"  suspected label errors {len(one):,}, {len(other):,}, in common {len(one & other):,}, {seconds}", flush=True
    )
    hard, close, seconds = both(lambda limit: class_difficulty(labels, dataset.classes, rows, exact_up_to=limit))
    print(f"  difficulty: largest difference {max(abs(hard[name] - close[name]) for name in hard):.5f}, {seconds}")
    chosen = np.sort(np.random.default_rng(0).choice(len(rows), size=len(rows) * 2 // 5, replace=False))
    right, near_right, seconds = both(
        lambda limit: proxy_accuracy(dataset.contents, dataset.labels, across, indices[chosen], exact_up_to=limit)
    )
    print(f"  proxy {100 * right:.3f} %, {100 * near_right:.3f} %, {seconds}", flush=True)
    of_class = rows[labels == np.bincount(labels).argmax()]
    targets = of_class[np.sort(np.random.default_rng(0).choice(len(of_class), len(of_class) * 2 // 5, replace=False))]
    before = time.process_time()
    distances = nearest_among(of_class, targets)[1]
    between = time.process_time()
    close_to = with_largest_exact(of_class, targets, nearest_target(of_class, targets, 1)[1], 12)
    after = time.process_time()
    same = np.argsort(-distances, kind="stable")[:12].tolist() == np.argsort(-close_to, kind="stable")[:12].tolist()
    more = 100 * (close_to.mean() / distances.mean() - 1)
    print(f"  mean distance of {len(of_class):,} to {len(targets):,}: +{more:.3f} %, largest 12 "
          f"{'the same' if same else 'others'}, {between - before:.1f} / {after - between:.1f} s")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Report on every folder."""
    parser = argparse.ArgumentParser(description="What approximate nearest neighbours lose against exact ones.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, default=None)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="coreset-near-cells-") as folder:
        for source in options.folders:
            report(source, options.cache or Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
