"""What does each part of a training recipe do by itself? The custom network on few blood cells.

    python -m benchmarks.recipes [--fraction 0.05] [--seeds 2] [--minutes 20]

One split of the blood cells of `benchmarks.real_data`: 64 pixels, 25 checks on the validation images, at least 750
steps of 32 images. Coresets are drawn by stratified random and chosen by even herding on colour-texture, which needs no
weights. A variant is the paper's recipe with one part more; seed r seeds selection, initial weights and shuffling
together, so that two variants of one sampler and seed are paired. Finished trainings stand in a CSV file: a benchmark
that was stopped goes on where it was, and the table is written from what is there.
"""

import argparse
import csv
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import LEAST_TEST_IMAGES, RESULTS, subtypes
from benchmarks.real_data import images_folder
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.pipeline.planning import PlannedRun
from coreset_studio.core.pipeline.split_parts import Selections, SplitPart
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import RunResult
from coreset_studio.core.settings import (
    DataSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
    parts_of,
)
from coreset_studio.core.training.fitting import Places, TrainingTask, train

SAMPLERS = ("stratified", "even-herding")
PAPER = "paper"
# Values fixed before anything was measured.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    PAPER: {},
    "flips and turns": {"flips_and_turns": "on"},
    "soft labels 0.5": {"soft_labels": 0.5},
    "flips and turns, soft labels 0.5": {"flips_and_turns": "on", "soft_labels": 0.5},
    "class weights": {"class_weights": "on"},
    "weight decay 0.05": {"weight_decay": 0.05},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "averaged weights 0.99": {"averaged_weights": 0.99},
    "shifts 0.05": {"shifts": 0.05},
    "zoom 0.1": {"zoom": 0.1},
    "brightness 0.1": {"brightness": 0.1},
    "contrast 0.1": {"contrast": 0.1},
    "stain jitter 0.05": {"stain_jitter": 0.05},
}
FIGURES = ("accuracy", "balanced_accuracy", "worst_class_recall", "worst_subtype")
COLUMNS = ("fraction", "seed", "sampler", "variant", *FIGURES, "seconds", "n_images")
Done = dict[tuple[str, ...], dict[str, str]]


def study_of(images: Path, cache: Path) -> Study:
    settings = Settings(
        data=DataSettings(test_fraction=0.3, validation_fraction=0.1),
        features=FeatureSettings(extractors=("colour-texture",)),
        # Budgets by difficulty for even herding, which were the default when this was first measured.
        selection=SelectionSettings(budget_over_classes="sampler"),
        training=TrainingSettings(image_size=64, checks=25, orientation="free"),
    )
    return Study(images, settings, cache)


def planned(seeds: int) -> Iterator[tuple[int, str, str]]:
    """Yield seed, variant and sampler, seeds outermost, so that what is there is paired."""
    for seed in range(seeds):
        for variant in VARIANTS:
            for sampler in SAMPLERS:
                yield seed, variant, sampler


def trained(part: SplitPart, one: PlannedRun, changes: Mapping[str, Any], cache: Path) -> RunResult:
    """Train the custom network on a coreset with one part more than the paper has."""
    prepared = part.prepared
    settings = replace(prepared.study.settings.training, **changes)
    teacher = part.teaching.teacher() if parts_of(settings).soft_labels else None
    task = TrainingTask(
        prepared.dataset,
        prepared.split,
        part.indices(one),
        settings,
        seed=one.seed,
        places=Places(cache),
        teacher=teacher,
    )
    return train("custom", task, part.key(one)).result


def figures_of(prepared: Prepared, run: RunResult) -> dict[str, float]:
    kinds = subtypes(prepared.dataset, run.test_indices)
    names, counts = np.unique(kinds, return_counts=True)
    right = run.true == run.predicted
    worst = min(float(right[kinds == name].mean()) for name in names[counts >= LEAST_TEST_IMAGES])
    return {**{name: run.metrics[name] for name in FIGURES[:-1]}, "worst_subtype": worst}


def read(file: Path) -> Done:
    if not file.exists():
        return {}
    with file.open(newline="", encoding="utf-8") as stream:
        return {(r["fraction"], r["seed"], r["sampler"], r["variant"]): r for r in csv.DictReader(stream)}


def add(file: Path, row: Mapping[str, object]) -> None:
    fresh = not file.exists()
    with file.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def table(done: Done, fraction: str) -> list[str]:
    """Return each variant beside the paper's recipe, paired by seed."""
    lines = [
        "",
        f"{float(fraction):.0%} of the pool:",
        "",
        "| sampler | part | n | accuracy | balanced | worst class | worst sub-type | training s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for sampler in SAMPLERS:
        for variant in VARIANTS:
            seeds = [key[1] for key in done if key[0] == fraction and key[2:] == (sampler, variant)]
            rows = [done[fraction, seed, sampler, variant] for seed in seeds]
            base = [done.get((fraction, seed, sampler, PAPER)) for seed in seeds]
            if not rows:
                continue
            cells = []
            for name in FIGURES:
                mean = float(np.mean([float(row[name]) for row in rows]))
                gains = [float(r[name]) - float(b[name]) for r, b in zip(rows, base, strict=True) if b is not None]
                gain = f" ({100 * np.mean(gains):+.1f})".replace("-", "−") if gains and variant != PAPER else ""
                cells.append(f"{mean:.3f}{gain}")
            seconds = float(np.mean([float(row["seconds"]) for row in rows]))
            lines.append(f"| {sampler} | {variant} | {len(rows)} | {' | '.join(cells)} | {seconds:.0f} |")
    return lines


def written(done: Done, results: Path) -> None:
    fractions = sorted({key[0] for key in done}, key=float)
    lines = [
        "# What each part of a training recipe does by itself",
        "",
        (
            "Blood cells of 8 classes, one split, custom network at 64 px, at least 750 steps of 32 images, 25 checks "
            "on the validation images. A row is the paper's recipe with one part more; in brackets the mean difference "
            "from the paper's recipe in points, paired by seed; n is the number of trainings. Even herding chooses by "
            "colour-texture. Written by `python -m benchmarks.recipes`, every training in `recipes.csv`. One split and "
            "few seeds: differences of a few points are within chance."
        ),
    ]
    for fraction in fractions:
        lines += table(done, fraction)
    (results / "recipes.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument("--fraction", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many; another call goes on")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    prepared = prepare(study_of(images_folder(options.images), options.cache))
    part = SplitPart(prepared, {}, {}, Selections(prepared, prepared.study.settings.selection))
    file = options.results / "recipes.csv"
    done = read(file)
    for seed, variant, sampler in planned(options.seeds):
        key = (f"{options.fraction:g}", str(seed), sampler, variant)
        if key in done or time.monotonic() > until:
            continue
        one = PlannedRun("custom", sampler, options.fraction, seed)
        run = trained(part, one, VARIANTS[variant], options.cache)
        figures = {name: f"{value:.4f}" for name, value in figures_of(prepared, run).items()}
        row = {**dict(zip(COLUMNS, key, strict=False)), **figures, "seconds": f"{run.train_seconds:.1f}",
               "n_images": run.n_images}  # fmt: skip
        add(file, row)
        print(*row.values(), flush=True)
        done = read(file)
    written(done, options.results)


if __name__ == "__main__":
    main()
