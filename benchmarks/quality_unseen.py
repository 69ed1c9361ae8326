"""Try ideas for coresets that serve an unseen network too: chosen on some splits, confirmed on others.

    python -m benchmarks.quality_unseen --first-split 0 --splits 5 --parts 2 --results …/unseen_choose.csv
    python -m benchmarks.quality_unseen --first-split 20 --splits 10 --ideas … --results …/unseen_confirm.csv

Same images, splits, judges and figures as `benchmarks.quality`. To tell ideas apart on few splits, each is tried on
several *parts* of a split's pool: part 0 is all of it, the others 85 % of every class; their mean counts as one
value of the split. Differences to balanced herding on two views are paired by split and part. No idea may see the
features of MobileNetV2, but for two that tell what seeing them would bring.
"""

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.quality import FRACTIONS, IMAGES, JUDGES, RESULTS, judged, judges_of, study_of
from benchmarks.quality_ideas import BASE, IDEAS, TWO, Scene, try_idea
from benchmarks.quality_tables import METRICS
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.pipeline.stages import Prepared, choose, prepare
from coreset_studio.core.settings import SelectionSettings

COLUMNS = ("idea", "split", "part", "fraction", "judge", *METRICS)
STRATIFIED = "stratified random"
DRAWS = 5
Values = dict[tuple[str, int, int, float, str], dict[str, float]]


def read(file: Path) -> Values:
    """Return figures in points, by idea, split, part, fraction and judge."""
    if not file.exists():
        return {}
    with file.open(newline="") as stream:
        return {
            (row["idea"], int(row["split"]), int(row["part"]), float(row["fraction"]), row["judge"]): {
                metric: 100 * float(row[metric]) for metric in METRICS
            }
            for row in csv.DictReader(stream)
        }


def run_split(split: int, options: argparse.Namespace) -> None:
    """Fill what is missing of one split."""
    done = read(options.results)
    wanted = [
        (name, part)
        for name in options.ideas
        for part in range(options.parts)
        if (name, split, part, options.fractions[-1], JUDGES[-1]) not in done
    ]
    if not wanted:
        return
    two = prepare(study_of(options, split, TWO))
    judges = judges_of(options, split, two)
    is_new = not options.results.exists()
    with options.results.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if is_new:
            writer.writerow(COLUMNS)

        def add(name: str, part: int, fraction: float, indices: np.ndarray) -> None:
            for judge in judges:
                figures = judged(two.dataset, two.split.test, judge, indices)
                writer.writerow([name, split, part, fraction, judge.name, *(figures[metric] for metric in METRICS)])
            stream.flush()

        for part in range(DRAWS):
            for fraction in options.fractions:
                if (STRATIFIED, split, part, fraction, JUDGES[-1]) not in done:
                    drawn = SelectionSettings(sampler="stratified", fraction=fraction, seed=100 * split + part)
                    add(STRATIFIED, part, fraction, np.sort(choose(two, drawn).indices))
        prepared: dict[tuple[str, ...], Prepared] = {TWO: two}
        for name, part in wanted:
            idea = IDEAS[name]
            if idea.extractors not in prepared:
                prepared[idea.extractors] = prepare(study_of(options, split, idea.extractors))
            scene = Scene(prepared[idea.extractors], part)
            for fraction, indices in try_idea(scene, idea, options.fractions).items():
                add(name, part, fraction, indices)


def differences(values: Values, name: str, other: str, judge: str, metric: str) -> np.ndarray:
    """Return paired differences, shape (n_splits, n_fractions), means over parts."""
    found: dict[tuple[int, float], list[float]] = defaultdict(list)
    for (idea, split, part, fraction, by), figures in values.items():
        key = (other, split, part, fraction, by)
        if idea == name and by == judge and key in values:
            found[split, fraction].append(figures[metric] - values[key][metric])
    splits, fractions = (sorted({key[place] for key in found}) for place in (0, 1))
    return np.array([[np.mean(found[split, fraction]) for fraction in fractions] for split in splits])  # type: ignore[index]


def gains(values: Values, name: str, judge: str) -> np.ndarray:
    """Return mean gains in accuracy over stratified random by fraction."""
    own: dict[tuple[float, int], list[float]] = defaultdict(list)
    drawn: dict[tuple[float, int], list[float]] = defaultdict(list)
    for (idea, split, _, fraction, by), figures in values.items():
        if by == judge and idea in (name, STRATIFIED):
            (own if idea == name else drawn)[fraction, split].append(figures["accuracy"])
    fractions = sorted({fraction for fraction, _ in own})
    return np.array(
        [
            np.mean([np.mean(own[key]) - np.mean(drawn[key]) for key in own if key[0] == fraction])
            for fraction in fractions
        ]
    )


def _number(values: np.ndarray) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):+.1f} ± {error:.1f}"


def report(file: Path, names: list[str]) -> Path:
    """Write the Markdown beside the CSV."""
    values = read(file)
    splits = sorted({split for _, split, *_ in values})
    parts = 1 + max(part for idea, _, part, *_ in values if idea != STRATIFIED)
    lines = [
        f"# Ideas against the loss under an unseen network, splits {splits[0]}–{splits[-1]}, {parts} part(s) each\n",
        (
            "Points of accuracy over stratified random at 1 · 2 · 5 · 10 · 25 %, and (in brackets) the mean of these "
            f"fractions minus that of {BASE}, paired, ± one standard error over splits. No idea sees MobileNetV2, but "
            "for those that begin with “no limit”. Last: balanced accuracy and recall of the worst hidden sub-type "
            "minus the same, mean of the judges.\n"
        ),
        "| idea | " + " | ".join(JUDGES) + " | mean of the judges | balanced | worst sub-type |",
        "|---|" + "---|" * (len(JUDGES) + 3),
    ]
    for name in names:
        cells, means = [], defaultdict(list)
        for judge in JUDGES:
            for metric in METRICS:
                means[metric].append(differences(values, name, BASE, judge, metric).mean(axis=1))
            plain = " · ".join(f"{gain:+.1f}" for gain in gains(values, name, judge))
            cells.append(f"{plain} ({_number(means['accuracy'][-1])})")
        overall = [_number(np.mean(means[metric], axis=0)) for metric in METRICS]
        lines.append(f"| {name} | " + " | ".join([*cells, *overall]) + " |")
    target_file = file.with_suffix(".md")
    target_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=IMAGES)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--first-split", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--fractions", type=float, nargs="+", default=list(FRACTIONS))
    parser.add_argument("--ideas", nargs="+", default=list(IDEAS), choices=list(IDEAS))
    parser.add_argument("--results", type=Path, default=RESULTS / "unseen_choose.csv")
    options = parser.parse_args()
    with threadpool_limits(limits=1):
        for split in range(options.first_split, options.first_split + options.splits):
            started = time.perf_counter()
            run_split(split, options)
            print(f"split {split}: {time.perf_counter() - started:.0f} s", flush=True)
    print(report(options.results, options.ideas))


if __name__ == "__main__":
    main()
