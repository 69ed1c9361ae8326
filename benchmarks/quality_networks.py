"""Do the paper's networks gain from chosen images? Paired repetitions of real trainings at 5 and 10 % of the pool.

    python -m benchmarks.quality_networks [--repetitions 5] [--networks transfer custom] [--minutes 60]

Coresets are chosen by colour-texture and VGG16 together, those of even herding, as recommended, by VGG16 averaged
besides; the custom network (paper, Listing 1) is trained from
scratch, the transfer network (Listing 2) on VGG16's backbone. Repetition r seeds selection, initial weights and
shuffling together, so that two rows of one repetition are paired; the split and its test images are the same for all.
Finished runs stay in a folder: a benchmark that was stopped goes on where it was, and the table is written from what
is there.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.quality import IMAGES, LEAST_TEST_IMAGES, RESULTS, SHARED, WEIGHTS, subtypes
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.errors import CancelledError
from coreset_studio.core.pipeline.comparing import compare_stored, run_comparison
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NoProgress
from coreset_studio.core.results import Comparison, RunResult
from coreset_studio.core.settings import (
    ComparisonSettings,
    DataSettings,
    FeatureSettings,
    NetworkName,
    Settings,
    TrainingSettings,
    with_own,
)
from coreset_studio.core.training.comparison import compare

# What samplers see; the controls of the first stand for all, since budgets by difficulty differ by an image or two.
CHOSEN_BY: dict[tuple[str, ...], tuple[str, ...]] = {
    ("colour-texture", "vgg16"): ("stratified", "intelligent", "balanced-herding"),
    ("colour-texture", "vgg16", "vgg16-avg"): ("even-herding",),
}
FRACTIONS = (0.05, 0.1)
# The paper has 256 px. A custom network at 128 px trains in a quarter of the time; a frozen backbone loses too much.
IMAGE_SIZES: dict[NetworkName, int] = {"custom": 128, "transfer": 256}


class _Until(NoProgress):
    """Tell each finished run, and stop when the time is up."""

    def __init__(self, minutes: float) -> None:
        self._until = time.monotonic() + 60 * minutes

    def report(self, done: int, total: int, message: str = "") -> None:  # noqa: ARG002 - the protocol's names
        if time.monotonic() > self._until:
            raise CancelledError

    def publish(self, result: object) -> None:
        if isinstance(result, RunResult):
            key, accuracy = result.key, result.metrics["accuracy"]
            print(
                f"{key.repetition} {key.network:8} {key.sampler:24} {key.fraction:4.0%} "
                f"accuracy {accuracy:.3f} {result.train_seconds:.0f} s",
                flush=True,
            )


def settings_of(network: NetworkName, repetitions: int, extractors: tuple[str, ...]) -> Settings:
    """Return the settings: the defaults of the program but for what the docstring names."""
    samplers = CHOSEN_BY[extractors]
    return Settings(
        data=DataSettings(test_fraction=0.3, validation_fraction=0.1),
        features=FeatureSettings(extractors=extractors),
        training=with_own(TrainingSettings(image_size=IMAGE_SIZES[network]), "transfer", backbone="vgg16"),
        comparison=ComparisonSettings(
            samplers=samplers,
            fractions=FRACTIONS,
            networks=(network,),
            repetitions=repetitions,
            controls="stratified" in samplers,
        ),
    )


def worst_subtype(prepared: Prepared, run: RunResult) -> float:
    """Return the lowest recall among the hidden sub-types with enough test images."""
    kinds = subtypes(prepared.dataset, run.test_indices)
    names, counts = np.unique(kinds, return_counts=True)
    right = run.true == run.predicted
    return min(float(right[kinds == name].mean()) for name in names[counts >= LEAST_TEST_IMAGES])


def heading(prepared: Prepared) -> list[str]:
    """Return what the table rests on."""
    split, training = prepared.split, prepared.study.settings.training
    return [
        "# The paper's networks on coresets",
        "",
        f"Blood cells ({len(prepared.dataset.images):,} images, 8 classes), one split: {len(split.pool):,} images in "
        f"the pool, {len(split.validation):,} to choose the epoch, {len(split.test):,} to test. Chosen by "
        f"colour-texture and VGG16, even herding by VGG16 averaged besides. "
        f"At least {training.min_steps} steps of {training.batch_size} images; "
        + ", ".join(f"{name} network at {size} px" for name, size in IMAGE_SIZES.items())
        + ", the transfer network on VGG16. Written by `python -m benchmarks.quality_networks`.",
    ]


def table(prepared: Prepared, comparison: Comparison) -> list[str]:
    """Return what the finished runs of one network show."""
    lines = [
        "",
        (
            "| network | fraction | sampler | repetitions | accuracy | each | balanced | worst class | worst sub-type "
            "| training s |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    by_row: dict[tuple[float, str], list[RunResult]] = defaultdict(list)
    for run in comparison.runs:
        by_row[run.key.fraction, run.key.sampler].append(run)
    for row in comparison.rows:
        runs = sorted(by_row[row.fraction, row.sampler], key=lambda run: run.key.repetition)
        each = " ".join(f"{run.metrics['accuracy']:.3f}".lstrip("0") for run in runs)
        kinds = np.mean([worst_subtype(prepared, run) for run in runs])
        lines.append(
            f"| {row.network} | {row.fraction:.0%} | {row.sampler} | {row.n_repetitions} "
            f"| {row.means['accuracy']:.3f} ({row.lows['accuracy']:.3f}–{row.highs['accuracy']:.3f}) | {each} "
            f"| {row.means['balanced_accuracy']:.3f} | {row.means['worst_class_recall']:.3f} | {kinds:.3f} "
            f"| {row.train_seconds:.0f} |"
        )
    lines += ["", "Paired differences, 95 % intervals over repetitions and test images:", ""]
    told = ("accuracy", "balanced_accuracy")
    return lines + [f"- {one.sentence}" for one in comparison.differences if one.metric in told]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=IMAGES)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument(
        "--runs", type=Path, default=None, help="folder of finished runs; beside the cache unless given"
    )
    parser.add_argument("--networks", nargs="+", default=list(IMAGE_SIZES), choices=list(IMAGE_SIZES))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many; another call goes on")
    parser.add_argument("--results", type=Path, default=RESULTS / "networks.md")
    options = parser.parse_args()
    if not options.images.is_dir():
        parser.exit(0, f"The images are not at {options.images}; give their folder with --images.\n")
    runs = options.runs or options.cache / "quality-networks"
    weights = SHARED / "weights" / WEIGHTS["vgg16"]
    until = _Until(options.minutes)
    lines: list[str] = []
    for network in IMAGE_SIZES:
        finished: list[RunResult] = []
        for extractors in CHOSEN_BY:
            settings = settings_of(network, options.repetitions, extractors)
            prepared = prepare(Study(options.images, settings, options.cache, weights if weights.is_file() else None))
            if network in options.networks:
                try:
                    run_comparison(prepared, runs, until)
                except CancelledError:
                    print(f"The time for the {network} network is up; another call goes on.")
            finished += compare_stored(prepared, runs).runs
        lines = lines or heading(prepared)
        lines += table(prepared, compare(finished, settings.comparison))
    options.results.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{options.results} is written.")


if __name__ == "__main__":
    main()
