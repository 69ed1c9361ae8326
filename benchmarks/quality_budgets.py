"""Which class budgets serve even herding best? Budgets and fair anchors, on three unequal sets of images.

    python -m benchmarks.quality_budgets [--minutes 5]    the open images; names a rule
    python -m benchmarks.quality_budgets --open-locked     the locked images, once a rule is named

The sets: the blood cells; scikit-learn's digits, drawn as images of 64 pixels and made unequal (class k keeps its first
max(12, 0.75^k of its) images in an order seeded by 0); the demo's cells, which are synthetic. Of each, 30 % are locked
away. What is tested was stated before in docs/method.md, section 3. Each finished cell is one row of a CSV, so a run
that was stopped goes on where it was.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from benchmarks.quality import IMAGES, RESULTS, SHARED, WEIGHTS, Judge
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.features.extraction import Extracted
from coreset_studio.core.features.reduction import HEAD_COMPONENTS, embed_classes, embed_pool
from coreset_studio.core.pipeline.stages import (
    Prepared,
    cached_difficulty,
    choose,
    extract_features,
    open_dataset,
    split_dataset,
)
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import Dataset, IntArray, Split
from coreset_studio.core.seeds import generator
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.settings import DataSettings, FeatureSettings, SelectionSettings, Settings
from coreset_studio.core.training.architectures.head.logistic import choose_head_strength, fit_head

SETS = ("blood-cells", "digits", "demo-synthetic")
JUDGES = ("colour-texture", "mobilenetv2")
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.25)
SPLITS = 4
LOCK_SEED, LOCKED, TESTED = 1000, 0.3, 0.3
BASE = ("even-herding", "difficulty")
CANDIDATES = ("square-root", "square-root-difficulty", "equal-then-square-root")
VARIANTS = (
    ("stratified", "proportional"),
    BASE,
    *(("even-herding", rule) for rule in (*CANDIDATES, "equal")),
    ("max-herding", "equal"),
    ("max-herding", "difficulty"),
    ("global-graph-coverage", "equal"),
    ("global-graph-coverage", "difficulty"),
)
DRAWS = 3
KEY = ("part", "set", "split", "sampler", "budgets", "fraction", "seed", "judge")
FIGURES = ("n_images", "n_test", "accuracy", "balanced")


def folder_of(name: str, made: Path) -> Path:
    """Return the folder of a set, drawn where it is none of photographs."""
    if name == "blood-cells":
        return IMAGES
    folder = made / name
    if not folder.is_dir():
        draw_digits(folder) if name == "digits" else make_demo(folder, n_images=1500)
    return folder


def draw_digits(folder: Path) -> None:
    """Write scikit-learn's digits as unequal class folders."""
    digits = load_digits()
    for label in range(10):
        rows = generator(0, "digits", str(label)).permutation(np.flatnonzero(digits.target == label))
        (folder / str(label)).mkdir(parents=True)
        for row in rows[: max(12, round(0.75**label * len(rows)))].tolist():
            grey = np.clip(digits.images[row] * 16, 0, 255).astype(np.uint8)
            large = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / str(label) / f"{row:04d}.png"), large)


def divided(dataset: Dataset, opened: IntArray, locked: IntArray, split: int) -> tuple[Split, IntArray]:
    """Return a split of the open images, whose test images include the locked ones, and its own test images."""
    test = []
    for position, name in enumerate(dataset.classes):
        members = opened[dataset.labels[opened] == position]
        drawn = generator(split, "budgets", name).permutation(members)
        test += drawn[: round(TESTED * len(members))].tolist()
    own = np.sort(np.array(test, dtype=np.int64))
    nothing = np.zeros(0, dtype=np.int64)
    return Split(np.setdiff1d(opened, own), nothing, np.sort(np.concatenate([own, locked]))), own


class Set:
    """A set of images with the features of all judges."""

    def __init__(self, name: str, made: Path, cache: Path) -> None:
        data = DataSettings(test_fraction=LOCKED, validation_fraction=0.0, split_seed=LOCK_SEED)
        settings = Settings(data=data, features=FeatureSettings(extractors=("colour-texture",)))
        self.study = Study(folder_of(name, made), settings, cache, None)
        self.dataset = open_dataset(self.study.source, cache, settings=data)
        first = split_dataset(self.dataset, settings)
        self.opened, self.locked = first.pool, first.test
        self.extracted: dict[str, tuple[Extracted, ...]] = {}
        for judge in JUDGES:
            file = SHARED / "weights" / WEIGHTS[judge] if judge in WEIGHTS else None
            self.extracted[judge] = extract_features(
                replace(self.study, weights_file=file), self.dataset, first, (judge,)
            )

    def split(self, number: int) -> tuple[Prepared, IntArray, list[Judge]]:
        """Return a split ready to be chosen from, its open test images, and its judges."""
        cache = self.study.cache_folder
        split, own = divided(self.dataset, self.opened, self.locked, number)
        seen = self.extracted["colour-texture"]
        embeddings = embed_classes(self.dataset, split, seen, self.study.settings.features, cache_folder=cache)
        across = embed_pool(self.dataset, split, seen, cache_folder=cache)
        prepared = Prepared(
            self.study, self.dataset, split, seen, embeddings, (), across,
            cached_difficulty(self.dataset, across, cache, self.study.settings.clusters), OrderCache(),
        )  # fmt: skip
        judges = []
        for name in JUDGES:
            wide = embed_pool(
                self.dataset, split, self.extracted[name], n_components=HEAD_COMPONENTS, cache_folder=cache
            )
            judges.append(Judge(name, wide, choose_head_strength(self.dataset, wide)))
        return prepared, own, judges


def judged(dataset: Dataset, test: IntArray, judge: Judge, indices: IntArray) -> dict[str, str]:
    """Train the head on some images and return its figures on the test images."""
    vectors, known = np.asarray(judge.embedding.embedding), judge.embedding.indices
    with threadpool_limits(limits=1):
        rows = vectors[np.searchsorted(known, indices)]
        head = fit_head(rows, dataset.labels[indices], len(dataset.classes), judge.strength)
    right = head.probabilities(vectors[np.searchsorted(known, test)]).argmax(axis=1) == dataset.labels[test]
    recalls = [right[dataset.labels[test] == position].mean() for position in np.unique(dataset.labels[test])]
    figures = (len(indices), len(test), f"{right.mean():.6f}", f"{np.mean(recalls):.6f}")
    return dict(zip(FIGURES, map(str, figures), strict=True))


def planned(part: str, name: str, split: int) -> Iterator[tuple[str, ...]]:
    """Yield the keys of one split but for the judge."""
    for (sampler, rule), fraction in product(VARIANTS, sorted(FRACTIONS, reverse=True)):
        for seed in range(DRAWS if sampler == "stratified" else 1):
            yield part, name, str(split), sampler, rule, str(fraction), str(100 * split + seed)


def read_rows(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def run(file: Path, part: str, options: argparse.Namespace) -> bool:
    """Fill what is missing of a part; return whether all is there."""
    until = time.monotonic() + 60 * options.minutes
    done = {tuple(row[name] for name in KEY) for row in read_rows(file)}
    if not file.exists():
        file.write_text(",".join((*KEY, *FIGURES)) + "\n")
    for name in options.sets:
        found: Set | None = None
        for number in range(SPLITS):
            missing = [key for key in planned(part, name, number) if any((*key, j) not in done for j in JUDGES)]
            if not missing:
                continue
            found = found or Set(name, options.made, options.cache)
            prepared, own, judges = found.split(number)
            for key in missing:
                if time.monotonic() > until:
                    return False
                _, _, _, sampler, rule, fraction, seed = key
                wanted = SelectionSettings(
                    sampler=sampler, fraction=float(fraction), seed=int(seed), budget_over_classes=rule,  # type: ignore[arg-type]
                )  # fmt: skip
                indices = np.sort(choose(prepared, wanted).indices)
                for judge in judges:
                    if (*key, judge.name) not in done:
                        figures = judged(found.dataset, found.locked if part == "locked" else own, judge, indices)
                        with file.open("a", newline="") as stream:
                            csv.writer(stream).writerow([*key, judge.name, *figures.values()])
            print(f"{part} {name} split {number}: done", flush=True)
    return True


def means(rows: list[dict[str, str]], metric: str) -> dict[tuple[str, str, str, str], float]:
    """Return means over splits, draws and judges by set, sampler, budgets and fraction."""
    values: dict[tuple[str, str, str, str], list[float]] = {}
    for row in rows:
        key = row["set"], row["sampler"], row["budgets"], row["fraction"]
        values.setdefault(key, []).append(100 * float(row[metric]))
    return {key: float(np.mean(found)) for key, found in values.items()}


def overall(rows: list[dict[str, str]], metric: str, name: str, rule: str) -> float:
    """Return the mean over the fractions of even herding with a rule on a set."""
    found = means(rows, metric)
    return float(np.mean([found[name, "even-herding", rule, str(fraction)] for fraction in FRACTIONS]))


def named_rule(rows: list[dict[str, str]], sets: tuple[str, ...]) -> str:
    """Return the candidate of the highest mean balanced accuracy on the open images."""
    return max(CANDIDATES, key=lambda rule: np.mean([overall(rows, "balanced", name, rule) for name in sets]))


def verdict(rows: list[dict[str, str]], rule: str, sets: tuple[str, ...]) -> str:
    """Say whether the named rule holds on the locked images, as stated in docs/method.md."""
    lost = {name: overall(rows, "accuracy", name, rule) - overall(rows, "accuracy", name, BASE[1]) for name in sets}
    won = {name: overall(rows, "balanced", name, rule) - overall(rows, "balanced", name, BASE[1]) for name in sets}
    holds = min(lost.values()) >= -0.2 and min(won.values()) >= 0 and np.mean(list(won.values())) >= 0.5
    shown = "; ".join(f"{name} {lost[name]:+.2f} · {won[name]:+.2f}" for name in sets)
    return (
        f"**{rule} against {BASE[1]}** (accuracy · balanced accuracy, points, mean of judges, splits and fractions): "
        f"{shown}. The rule as stated {'holds' if holds else 'does not hold'}."
    )


def table(rows: list[dict[str, str]], sets: tuple[str, ...]) -> str:
    """Return the gains over stratified of every variant."""
    accuracy, balanced = means(rows, "accuracy"), means(rows, "balanced")
    lines = ["| set | sampler | budgets | " + " | ".join(f"{100 * f:g} %" for f in FRACTIONS) + " |"]
    lines.append("|---" * (3 + len(FRACTIONS)) + "|")
    for name, (sampler, rule) in product(sets, VARIANTS):
        cells = []
        for fraction in map(str, FRACTIONS):
            key, control = (name, sampler, rule, fraction), (name, *VARIANTS[0], fraction)
            if key not in accuracy:
                cells.append("–")
            elif key == control:
                cells.append(f"{accuracy[key]:.1f} · {balanced[key]:.1f}")
            else:
                cells.append(f"{accuracy[key] - accuracy[control]:+.1f} · {balanced[key] - balanced[control]:+.1f}")
        lines.append(f"| {name} | {sampler} | {rule} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write_table(files: dict[str, Path], sets: tuple[str, ...]) -> None:
    """Write what both parts showed, the open images first."""
    text = [
        "# Class budgets",
        (
            "`python -m benchmarks.quality_budgets`, then `--open-locked`. Points over stratified random (its own row: "
            f"per cent), accuracy · balanced accuracy, mean of {len(JUDGES)} judges ({', '.join(JUDGES)}) and "
            f"{SPLITS} splits, "
            f"which share their locked images; {DRAWS} draws of stratified. Chosen by colour-texture."
        ),
    ]
    opened = read_rows(files["open"])
    for part, file in files.items():
        rows = read_rows(file)
        if not rows:
            continue
        sizes = {row["set"]: row["n_test"] for row in rows}
        pool = {row["set"]: row["n_images"] for row in rows if row["fraction"] == str(FRACTIONS[-1])}
        text.append(f"## {part.capitalize()} images")
        text.append("; ".join(f"{n}: {sizes[n]} test images, {pool[n]} images at 25 %" for n in sizes) + ".")
        text.append(table(rows, sets))
        rule = named_rule(opened, sets)
        text.append(f"Named: {rule}." if part == "open" else verdict(rows, rule, sets))
    (RESULTS / "budgets.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open-locked", action="store_true", help="judge on the locked images")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many; another call goes on")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument("--made", type=Path, default=Path(tempfile.gettempdir()) / "coreset-budget-sets")
    options = parser.parse_args()
    files = {part: RESULTS / f"budgets_{part}.csv" for part in ("open", "locked")}
    finished = run(files["open"], "open", options)
    if finished and options.open_locked:
        finished = run(files["locked"], "locked", options)
    if finished:
        write_table(files, tuple(options.sets))
    print("All done" if finished else "Time is up; call again to go on")


if __name__ == "__main__":
    main()
