"""What a coreset costs and what it saves: seconds to select it, to train on it and to train on everything.

    python -m benchmarks.cost [--images FOLDER] [--fractions 0.05 0.1 0.25] [--networks custom] [--splits 2]

The table behind Figs. 7 and 8 of the paper, with the accuracy that the time buys. It is what `coreset compare`
measures, with an empty cache: features, reduction and clusters are computed once for all fractions; selecting and
training are means over the splits. Times depend on the machine and on what else runs on it; the table states both.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.real_data import images_folder
from coreset_studio.core.pipeline.comparing import run_comparison
from coreset_studio.core.pipeline.stages import Clock, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import Comparison, Row
from coreset_studio.core.settings import (
    ComparisonSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
)

ONCE = ("features", "reduction", "clusters", "across classes")
RESULTS = Path(__file__).resolve().parent / "results" / "cost.md"
HEAD = (
    "| network | kept | selected by | images | selecting, s | training, s | training on everything, s | accuracy | "
    "accuracy of everything | pays after trainings |"
)


def study_of(options: argparse.Namespace, cache: Path) -> Study:
    """Return the study: one sampler and stratified random at each fraction, and the whole pool."""
    settings = Settings(
        features=FeatureSettings(extractors=(options.extractor,)),
        selection=SelectionSettings(sampler=options.sampler),
        training=TrainingSettings(image_size=options.image_size, epochs=options.epochs, recipe=options.recipe),
        comparison=ComparisonSettings(
            samplers=("stratified", options.sampler),
            fractions=(*options.fractions, 1.0),
            networks=tuple(options.networks),
            splits=options.splits,
            controls=False,
        ),
    )
    return Study(images_folder(options.images), settings, cache)


def share(row: Row) -> str:
    """Return the accuracy of a row with its 95 % interval."""
    mean, low, high = (values["accuracy"] for values in (row.means, row.lows, row.highs))
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


def lines_of(comparison: Comparison) -> list[str]:
    """Return the table in Markdown: each coreset beside the whole pool."""
    everything = {row.network: row for row in comparison.rows if row.fraction >= 1}
    lines = [HEAD, "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|"]
    for row in comparison.rows:
        whole = everything[row.network]
        if row is whole:
            continue
        pays = f"{row.pays_after:,}" if row.pays_after is not None else "never"
        lines.append(
            f"| {row.network} | {row.fraction:.0%} | {row.sampler} | {row.n_images:,} | {row.select_seconds:.2f} | "
            f"{row.train_seconds:.0f} | {whole.train_seconds:.0f} | {share(row)} | {share(whole)} | {pays} |"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison, print and write the table."""
    parser = argparse.ArgumentParser(description="What a coreset costs and what it saves.")
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.05, 0.1, 0.25])
    parser.add_argument("--networks", nargs="+", default=["custom"])
    parser.add_argument("--sampler", default="even-herding")
    parser.add_argument("--extractor", default="colour-texture")
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        study, clock = study_of(options, Path(scratch) / "cache"), Clock()
        prepared = prepare(study, clock=clock)
        comparison = run_comparison(prepared, Path(scratch) / "runs")
    once = {each.stage: each.seconds for each in clock.times}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    text = [
        "# What a coreset costs, and what it saves",
        "",
        f"{len(prepared.dataset.images):,} images of {len(prepared.dataset.classes)} classes in {study.source.name}, "
        f"{len(prepared.split.pool):,} in the pool; {', '.join(options.networks)} at {options.image_size} px, recipe "
        f"{options.recipe}, {options.epochs} epochs or at least {study.settings.training.min_steps:,} steps; means "
        f"over {comparison.n_splits} splits, accuracies with 95 % intervals. {os.cpu_count()} processors "
        f"({platform.machine()}), load average at the end {load:.1f}. Written by "
        f"`python -m benchmarks.cost {' '.join(sys.argv[1:])}`.".replace(" `.", "`."),
        "",
        "Once for all fractions: " + ", ".join(f"{name} {once[name]:.0f} s" for name in ONCE if name in once) + ".",
        "",
        *lines_of(comparison),
        "",
    ]
    print("\n".join(text))
    options.out.write_text("\n".join(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
