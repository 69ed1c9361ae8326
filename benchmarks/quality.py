"""How good are coresets? Every sampler, chosen in several feature spaces, judged in several, over several splits.

    python -m benchmarks.quality [--splits 5] [--fractions 0.01 0.05 …] [--minutes 5]

For each split of the blood-cell images, each set of extractors a sampler may see, each sampler and each rule of class
budgets, coresets of several fractions are chosen from the pool. The `head` (multinomial logistic regression on
embeddings across classes, 300 components a view, penalty chosen once in the pool for each judge) is trained on each
under each judging extractor, of which MobileNetV2 is seen by no sampler, and tested on the same test images. Hidden
sub-types come from the file names, which no sampler sees.

Every finished cell is one row of a CSV, so a run that was stopped goes on where it was; tables are written from it.
"""

import argparse
import csv
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.quality_tables import write_tables
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.features.reduction import HEAD_COMPONENTS, embed_pool
from coreset_studio.core.pipeline.stages import Prepared, choose, extract_features, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import Dataset, IntArray, PoolEmbedding
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.settings import (
    DataSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    own_settings,
    with_own,
)
from coreset_studio.core.training.architectures.head.logistic import choose_head_strength, fit_head

RESULTS = Path(__file__).parent / "results"
SHARED = Path(os.environ.get("CORESET_SHARED", Path(__file__).parents[2] / "shared"))
IMAGES = SHARED / "data" / "pbc_sample"
WEIGHTS = {"vgg16": "vgg16_imagenet_notop.h5", "mobilenetv2": "mobilenet_v2_imagenet_notop.weights.h5"}
CHOSEN_BY = (
    ("colour-texture",),
    ("vgg16",),
    ("colour-texture", "vgg16"),
    # The average costs nothing where VGG16 itself was computed.
    ("colour-texture", "vgg16", "vgg16-avg"),
)
JUDGES = ("colour-texture", "vgg16", "mobilenetv2")
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.25)
RULES = ("proportional", "difficulty")
CONTROLS = ("random", "stratified")
LEAST_TEST_IMAGES = 30
# Draws of one split are averaged, so that the random variation of the control does not enter every gain.
CONTROL_SEEDS, DRAWN_SEEDS = 5, 2


@dataclass(frozen=True)
class Cell:
    """One row of the results but its figures."""

    split: int
    chosen_by: str
    sampler: str
    budgets: str
    beta: float
    mu: float
    fraction: float
    seed: int
    judge: str

    @property
    def key(self) -> tuple[str, ...]:
        """As it stands in the CSV."""
        return tuple(str(getattr(self, field.name)) for field in fields(self))


CELL_COLUMNS = tuple(field.name for field in fields(Cell))
FIGURES = ("n_images", "accuracy", "balanced", "worst_class", "worst_subtype", "worst_subtype_name", "select_seconds")


@dataclass(frozen=True)
class Judge:
    """One judging extractor on one split."""

    name: str
    embedding: PoolEmbedding
    strength: float


class Results:
    """Rows on disk, appended one by one."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.keys: set[tuple[str, ...]] = set()
        if file.exists():
            with file.open(newline="") as stream:
                self.keys = {tuple(row[name] for name in CELL_COLUMNS) for row in csv.DictReader(stream)}
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", newline="") as stream:
                csv.writer(stream).writerow([*CELL_COLUMNS, *FIGURES])

    def add(self, cell: Cell, figures: dict[str, object]) -> None:
        with self.file.open("a", newline="") as stream:
            csv.writer(stream).writerow([*cell.key, *(figures[name] for name in FIGURES)])
        self.keys.add(cell.key)


def planned(split: int, chosen_by: tuple[str, ...], fractions: tuple[float, ...], beta: float) -> Iterator[Cell]:
    """Yield the cells of one split and one set of extractors, but for the judge."""
    for sampler in (*SAMPLERS, "matched"):
        for rule in RULES:
            if (sampler in CONTROLS or sampler == "matched") and (rule == "difficulty") != (sampler == "matched"):
                # The matched random of proportional budgets is stratified random itself.
                continue
            if sampler in CONTROLS and chosen_by != CHOSEN_BY[0]:
                # They look at no features.
                continue
            n_seeds = (
                CONTROL_SEEDS if sampler in CONTROLS else DRAWN_SEEDS if sampler in ("intelligent", "matched") else 1
            )
            for fraction in sorted(fractions, reverse=True):
                for seed in range(n_seeds):
                    name = "" if sampler in CONTROLS else "+".join(chosen_by)
                    own_beta = beta if rule == "difficulty" else 0.0
                    yield Cell(split, name, sampler, rule, own_beta, mu_of(sampler), fraction, 100 * split + seed, "")


def mu_of(sampler: str) -> float:
    """Return balanced herding's μ; other samplers have none."""
    own = own_settings(SelectionSettings(), SAMPLERS[sampler]) if sampler in SAMPLERS else None
    return float(getattr(own, "mu", 0.0))


def chosen(prepared: Prepared, cell: Cell) -> IntArray:
    """Return the images of a cell's coreset."""
    settings = SelectionSettings(
        sampler="matched:balanced-herding" if cell.sampler == "matched" else cell.sampler,
        fraction=cell.fraction,
        seed=cell.seed,
        budget_over_classes=cell.budgets,  # type: ignore[arg-type]
        beta=cell.beta,
    )
    if cell.sampler == "balanced-herding":
        settings = with_own(settings, cell.sampler, mu=cell.mu)
    return np.sort(choose(prepared, settings).indices)


def subtypes(dataset: Dataset, indices: IntArray) -> np.ndarray:
    """Return the hidden sub-type of each image: its file name up to the first underscore."""
    return np.array([Path(dataset.images[index].path).name.partition("_")[0] for index in indices.tolist()])


def judged(dataset: Dataset, test: IntArray, judge: Judge, indices: IntArray) -> dict[str, object]:
    """Train the head on some images and return its figures on the test images."""
    rows = np.searchsorted(judge.embedding.indices, indices)
    vectors = np.asarray(judge.embedding.embedding)
    # One thread: these fits are small, and several threads would only wait for each other.
    with threadpool_limits(limits=1):
        head = fit_head(vectors[rows], dataset.labels[indices], len(dataset.classes), judge.strength)
    predicted = head.probabilities(vectors[np.searchsorted(judge.embedding.indices, test)]).argmax(axis=1)
    true = dataset.labels[test]
    right = predicted == true
    recalls = [right[true == position].mean() for position in np.unique(true)]
    kinds = subtypes(dataset, test)
    names, counts = np.unique(kinds, return_counts=True)
    by_kind = {str(name): right[kinds == name].mean() for name in names[counts >= LEAST_TEST_IMAGES]}
    worst = min(by_kind, key=lambda name: by_kind[name])
    return {
        "n_images": len(indices),
        "accuracy": f"{right.mean():.6f}",
        "balanced": f"{np.mean(recalls):.6f}",
        "worst_class": f"{min(recalls):.6f}",
        "worst_subtype": f"{by_kind[worst]:.6f}",
        "worst_subtype_name": worst,
    }


def settings_of(split: int, extractors: tuple[str, ...]) -> Settings:
    """Return the settings of one split: 70/30, no validation images, duplicates kept on one side."""
    data = DataSettings(test_fraction=0.3, validation_fraction=0.0, split_seed=split)
    return Settings(data=data, features=FeatureSettings(extractors=extractors))


def study_of(options: argparse.Namespace, split: int, extractors: tuple[str, ...]) -> Study:
    """Return a study whose weights are those beside the images, where they are there."""
    files = [SHARED / "weights" / WEIGHTS[name] for name in extractors if name in WEIGHTS]
    found = next((file for file in files if file.is_file()), None)
    return Study(options.images, settings_of(split, extractors), options.cache, found)


def judges_of(options: argparse.Namespace, split: int, prepared: Prepared) -> list[Judge]:
    """Return the judges on the split of a prepared study."""
    judges = []
    for name in JUDGES:
        study = study_of(options, split, (name,))
        seen = extract_features(study, prepared.dataset, prepared.split)
        embedding = embed_pool(
            prepared.dataset, prepared.split, seen, n_components=HEAD_COMPONENTS, cache_folder=study.cache_folder
        )
        judges.append(Judge(name, embedding, choose_head_strength(prepared.dataset, embedding)))
    return judges


def run_split(results: Results, split: int, options: argparse.Namespace, until: float) -> bool:
    """Fill what is missing of one split; return whether time was left."""
    judges: list[Judge] = []
    for extractors in CHOSEN_BY:
        cells = [
            replace(cell, judge=name)
            for cell in planned(split, extractors, tuple(options.fractions), options.beta)
            for name in JUDGES
        ]
        everything = [Cell(split, "", "everything", "", 0.0, 0.0, 1.0, 0, name) for name in JUDGES]
        missing = [cell for cell in [*everything, *cells] if cell.key not in results.keys]
        if not missing:
            continue
        prepared = prepare(study_of(options, split, extractors))
        judges = judges or judges_of(options, split, prepared)
        by_name = {judge.name: judge for judge in judges}
        selected: dict[Cell, tuple[IntArray, float]] = {}
        for cell in missing:
            if time.monotonic() > until:
                return False
            plain = replace(cell, judge="")
            if plain not in selected:
                started = time.perf_counter()
                indices = prepared.split.pool if cell.sampler == "everything" else chosen(prepared, cell)
                selected[plain] = (indices, time.perf_counter() - started)
            indices, seconds = selected[plain]
            figures = judged(prepared.dataset, prepared.split.test, by_name[cell.judge], indices)
            results.add(cell, figures | {"select_seconds": f"{seconds:.3f}"})
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=IMAGES)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument("--splits", type=int, default=5, help="how many splits")
    parser.add_argument("--first-split", type=int, default=0, help="seed of the first")
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS)
    parser.add_argument("--beta", type=float, default=SelectionSettings().beta)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many; another call goes on")
    parser.add_argument("--results", type=Path, default=RESULTS / "quality.csv")
    options = parser.parse_args()
    if not options.images.is_dir():
        parser.exit(0, f"The images are not at {options.images}; give their folder with --images.\n")
    until = time.monotonic() + 60 * options.minutes
    results = Results(options.results)
    finished = True
    for split in range(options.first_split, options.first_split + options.splits):
        started = time.perf_counter()
        finished = run_split(results, split, options, until)
        print(f"split {split}: {time.perf_counter() - started:.0f} s, {len(results.keys)} rows", flush=True)
        if not finished:
            break
    tables = write_tables(options.results)
    print(f"{'All done' if finished else 'Time is up; call again to go on'}. Tables: {tables}")


if __name__ == "__main__":
    main()
