"""Fine-tuning of the last block of the backbone, compared with the frozen backbone, at 5 % of the blood cells.

    python -m benchmarks.fine_tuning [--backbone mobilenetv2] [--size 96] [--fraction 0.05] [--seeds 1]

One split of the images of `benchmarks.real_data`, coresets drawn by stratified random, seed r of draw, initial weights
and shuffling together. The transfer network is trained four times: with both recipes, with a frozen backbone and with
fine-tuning. The factor of the learning rate of the block was fixed before any measurement. The table is written to
``results/fine_tuning.md``.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.frozen_output import FIGURES, drawn
from benchmarks.quality import RESULTS
from benchmarks.real_data import images_folder, weights_for
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.split import make_split
from coreset_studio.core.results import RunKey
from coreset_studio.core.settings import DataSettings, TrainingSettings, with_own
from coreset_studio.core.training.fitting import Places, TrainingTask, train

FROZEN, TUNED = "frozen", "fine-tuning"
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "paper": {},
    "recommended": {"recipe": "recommended", "orientation": "free"},
}


def measured(options: argparse.Namespace) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Yield recipe, `FROZEN` or `TUNED`, and figures of every training."""
    dataset = scan(images_folder(options.images), cache_folder=options.cache)
    split = make_split(dataset, DataSettings(test_fraction=0.3, validation_fraction=0.1))
    file, untrained = weights_for(options.backbone)
    plain = with_own(
        TrainingSettings(image_size=options.size), "transfer", backbone=options.backbone, untrained_backbone=untrained
    )
    for seed in range(options.seeds):
        indices = drawn(dataset, split, options.fraction, seed)
        for recipe, changes in RECIPES.items():
            for name, said in ((FROZEN, "off"), (TUNED, "on")):
                settings = replace(plain, **changes, fine_tuning=said)
                places = Places(options.cache, file)
                task = TrainingTask(dataset, split, indices, settings, seed=seed, places=places)
                run = train("transfer", task, RunKey("transfer", "stratified", options.fraction, seed, name)).result
                figures = {each: run.metrics[each] for each in FIGURES} | {"seconds": run.train_seconds}
                print(seed, recipe, name, {each: round(value, 4) for each, value in figures.items()}, flush=True)
                yield recipe, name, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument("--backbone", default="mobilenetv2")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--fraction", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    found: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    for recipe, name, figures in measured(options):
        found[recipe, name].append(figures)
    lines = [
        "# Fine-tuning of the backbone's last block",
        "",
        (
            f"Blood cells of 8 classes, one split, {options.fraction:.0%} of the pool by stratified random, "
            f"{options.backbone} at {options.size} px, at least 750 steps of 32 images. In brackets the mean "
            "difference from the frozen backbone in points, paired by seed; n is the number of trainings. The learning "
            "rate of the block, a tenth of that of the output layer, was fixed in advance. Written by `python -m "
            f"benchmarks.fine_tuning --backbone {options.backbone} --size {options.size} --fraction "
            f"{options.fraction:g} --seeds {options.seeds}`; one split and few trainings: differences of a "
            "few points are within chance. Seconds were measured on two cores shared with other work."
        ),
        "",
        "| recipe | backbone | n | accuracy | balanced | worst class | training s |",
        "|---|---|---|---|---|---|---|",
    ]
    for (recipe, name), runs in found.items():
        cells = []
        for figure in FIGURES:
            values = np.array([run[figure] for run in runs])
            beside = np.array([run[figure] for run in found[recipe, FROZEN]])
            gain = "" if name == FROZEN else f" ({100 * (values - beside).mean():+.1f})".replace("-", "−")
            cells.append(f"{values.mean():.3f}{gain}")
        seconds = float(np.mean([run["seconds"] for run in runs]))
        lines.append(f"| {recipe} | {name} | {len(runs)} | {' | '.join(cells)} | {seconds:.0f} |")
    (options.results / "fine_tuning.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
