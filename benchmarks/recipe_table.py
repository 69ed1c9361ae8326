"""What chosen images and what a recipe are worth: both recipes, few images and all, over several splits.

    python -m benchmarks.recipe_table [--fractions 0.05] [--splits 3] [--minutes 60]

The custom network at 64 pixels on the blood cells of `benchmarks.real_data`, one training a split, 25 checks on the
validation images, steps that fall with the images to at least 750 of 32. Coresets are drawn by stratified random and
chosen by even herding on colour-texture, which needs no weights; both recipes train on the same coresets. A difference
is paired by split, with the corrected interval of docs/method.md, section 4. Finished trainings are kept in the cache:
a benchmark that was stopped goes on where it was, split by split, and the table is written from what is there.
"""

import argparse
import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from benchmarks.quality import RESULTS
from benchmarks.real_data import images_folder
from benchmarks.recipes import SAMPLERS, figures_of
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.pipeline.comparing import train_or_find
from coreset_studio.core.pipeline.planning import EVERYTHING, plan_of_split
from coreset_studio.core.pipeline.split_parts import SplitPart, open_split
from coreset_studio.core.pipeline.stages import prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import RunResult
from coreset_studio.core.settings import (
    ComparisonSettings,
    DataSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
)
from coreset_studio.core.training.bootstrap import corrected_interval
from coreset_studio.core.training.evidence import Values
from coreset_studio.core.training.intervals import Resampled, mean_and_interval, shared_tests
from coreset_studio.core.training.runs import load_runs, save_run

RECIPES = ("paper", "recommended")
COLUMNS = ("accuracy", "balanced_accuracy", "worst_class_recall", "worst_subtype", "seconds")


@dataclass(frozen=True)
class Row:
    """The runs of one recipe, sampler and fraction, by split, with what is told of each."""

    recipe: str
    sampler: str
    fraction: float
    runs: Mapping[int, RunResult]
    figures: Mapping[int, Mapping[str, float]]

    def mean(self, name: str) -> float:
        return float(np.mean([one[name] for one in self.figures.values()]))


def study_of(images: Path, cache: Path, recipe: str, fractions: Sequence[float], splits: int) -> Study:
    settings = Settings(
        data=DataSettings(test_fraction=0.3, validation_fraction=0.1),
        features=FeatureSettings(extractors=("colour-texture",)),
        # The rule that was the default when the table was made.
        selection=SelectionSettings(budget_over_classes="sampler"),
        training=TrainingSettings(image_size=64, checks=25, orientation="free", recipe=recipe),
        comparison=ComparisonSettings(
            samplers=SAMPLERS, fractions=(*fractions, 1.0), networks=("custom",), splits=splits, controls=False
        ),
    )
    return Study(images, settings, cache)


def trained(studies: Mapping[str, Study], folder: Path, until: float) -> list[Row]:
    """Train what is missing, both recipes of a split before the next; return what is there."""
    stored = {run.key.fingerprint: run for run in load_runs(folder).runs}
    prepared = {recipe: prepare(study) for recipe, study in studies.items()}
    found: dict[tuple[str, str, float], dict[int, tuple[RunResult, SplitPart]]] = {}
    for split in range(next(iter(studies.values())).settings.comparison.splits):
        for recipe, study in studies.items():
            part = open_split(prepared[recipe], split)
            for one in plan_of_split(study.settings.comparison, split):
                known = stored.get(part.key(one).fingerprint)
                if known is None and time.monotonic() > until:
                    continue
                run, new = train_or_find(part, one, stored)
                if new is not None:
                    save_run(run, folder)
                    print(split, recipe, one.sampler, one.fraction, f"{run.metrics['accuracy']:.4f}",
                          f"{run.train_seconds:.0f} s", flush=True)  # fmt: skip
                asked = part.as_planned(run, one, part.key(one))
                found.setdefault((recipe, one.sampler, one.fraction), {})[split] = (asked, part)
    return [
        Row(
            *key,
            {split: run for split, (run, _) in runs.items()},
            {
                split: {**figures_of(part.prepared, run), "seconds": run.train_seconds}
                for split, (run, part) in runs.items()
            },
        )
        for key, runs in found.items()
    ]


def difference(ours: Row, theirs: Row) -> str:
    """Return the difference in accuracy, paired by split, in points with its corrected 95 % interval."""
    splits = sorted(set(ours.runs) & set(theirs.runs))
    resampled = Resampled({split: ours.runs[split].test_indices for split in splits})
    pairs = {id(ours.runs[split]): theirs.runs[split] for split in splits}

    def under_resampling(run: RunResult, *, together: bool) -> Values:
        other = resampled.of(pairs[id(run)], "accuracy", together=together)
        return resampled.of(run, "accuracy", together=together) - other

    runs = [ours.runs[split] for split in splits]
    values = [run.metrics["accuracy"] - pairs[id(run)].metrics["accuracy"] for run in runs]
    found = mean_and_interval([(split, 0) for split in splits], values, runs, under_resampling, (-1.0, 1.0))
    mean, low, high = (f"{100 * value:+.1f}".replace("-", "−") for value in found)
    return f"{mean} ({low} to {high}), n = {len(splits)}"


def gain(ours: Row, theirs: Row, name: str) -> str:
    """Return the mean difference of a figure, paired by split, in points with its corrected 95 % interval."""
    splits = sorted(set(ours.runs) & set(theirs.runs))
    values = np.array([ours.figures[split][name] - theirs.figures[split][name] for split in splits])
    if len(splits) < 2:
        return f"{100 * float(values.mean()):+.1f}".replace("-", "−")
    low, high = corrected_interval(values, shared_tests([(split, 0) for split in splits], list(ours.runs.values())))
    mean, least, most = (f"{100 * value:+.1f}".replace("-", "−") for value in (float(values.mean()), low, high))
    return f"{mean} ({least} to {most})"


def kept_words(row: Row) -> tuple[str, str]:
    """Return what was kept, and what chose it."""
    return ("everything", "") if row.sampler == EVERYTHING else (f"{row.fraction:.0%}", row.sampler)


def written(rows: Sequence[Row], results: Path, splits: int) -> None:
    """Write table and differences."""
    by_key = {(row.recipe, row.sampler, row.fraction): row for row in rows}
    named = " ".join(f"{fraction:g}" for fraction in sorted({row.fraction for row in rows} - {1.0}))
    lines = [
        "# Chosen images and recipes",
        "",
        (
            "Blood cells of 8 classes, custom network at 64 px, one training a split, 25 checks on the validation "
            "images, at least 750 steps of 32 images; steps fall with the images, so accuracy stands beside the cost. "
            "Even herding chooses by colour-texture, with class budgets by difficulty. n is the number of splits, each "
            "with other test images. "
            f"Written by `python -m benchmarks.recipe_table --fractions {named} --splits {splits}`; every training is "
            "in `recipe_table.csv`."
        ),
        "",
        "| recipe | kept | chosen by | n | accuracy | balanced | worst class | worst sub-type | training s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    ordered = sorted(rows, key=lambda row: (row.recipe, row.fraction))
    for row in ordered:
        kept, by = kept_words(row)
        cells = " | ".join(f"{row.mean(name):.3f}" for name in COLUMNS[:-1])
        lines.append(f"| {row.recipe} | {kept} | {by} | {len(row.runs)} | {cells} | {row.mean('seconds'):.0f} |")
    lines += [
        "",
        (
            "Accuracy within one recipe, in points with the corrected 95 % interval "
            "(docs/method.md, 4), paired by split:"
        ),
        "",
        "| recipe | kept | even herding − everything | even herding − stratified |",
        "|---|---|---|---|",
    ]
    for recipe, of_recipe in groupby(ordered, key=lambda row: row.recipe):
        for row in of_recipe:
            if row.sampler != "even-herding":
                continue
            others = (by_key.get((recipe, EVERYTHING, 1.0)), by_key.get((recipe, "stratified", row.fraction)))
            told = " | ".join(difference(row, other) if other is not None else "" for other in others)
            lines.append(f"| {recipe} | {row.fraction:.0%} | {told} |")
    lines += [
        "",
        (
            "What the recipe does, recommended − paper, with the same coresets, in points with the corrected 95 % "
            "interval, paired by split:"
        ),
        "",
        "| kept | chosen by | n | accuracy | balanced | worst class | worst sub-type |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ordered:
        other = by_key.get((RECIPES[0], row.sampler, row.fraction))
        if row.recipe != RECIPES[1] or other is None:
            continue
        kept, by = kept_words(row)
        n = len(set(row.runs) & set(other.runs))
        lines.append(f"| {kept} | {by} | {n} | {' | '.join(gain(row, other, name) for name in COLUMNS[:-1])} |")
    (results / "recipe_table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (results / "recipe_table.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("recipe", "sampler", "fraction", "split", "n_images", *COLUMNS))
        for row in ordered:
            for split, run in sorted(row.runs.items()):
                values = (f"{row.figures[split][name]:.4f}" for name in COLUMNS)
                writer.writerow((row.recipe, row.sampler, f"{row.fraction:g}", split, run.n_images, *values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.05])
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many; another call goes on")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    images = images_folder(options.images)
    studies = {recipe: study_of(images, options.cache, recipe, options.fractions, options.splits) for recipe in RECIPES}
    rows = trained(studies, options.cache / "recipe-table", until)
    written(rows, options.results, options.splits)


if __name__ == "__main__":
    main()
