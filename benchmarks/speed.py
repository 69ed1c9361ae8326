"""The speed of each stage as a ratio to the bare library on the same inputs, in one table.

    python -m benchmarks.speed [STAGE …] [--images FOLDER] [--n 96] [--repeat 3]

Both sides of a stage run in turn, so that other work on the machine slows both; the ratio is the median over the
repetitions. The table is `benchmarks/results/speed.md`; a call with some stages replaces their rows and keeps the
others. The load average, above the number of processors where others were at work, is that at the end of each stage.
Training and evaluation use a GPU where TensorFlow finds one; that has not been tested.
"""

import argparse
import csv
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import speed_training
from benchmarks.extraction import compared_seconds, first_images
from benchmarks.quality import RESULTS
from benchmarks.real_data import images_folder
from benchmarks.scan import plain_decode
from benchmarks.speed_clusters import clustering_pair
from benchmarks.window_start import measure as window_start
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.results import Dataset
from coreset_studio.core.threads import n_processors

COLUMNS = ("stage", "ours", "bare", "ratio", "spread", "goal", "reached", "load")
HEADS = ("stage", "ours", "bare", "ratio", "lowest and highest", "goal", "reached", "load")


@dataclass(frozen=True)
class Goal:
    """What a stage is to reach.

    Attributes
    ----------
    value : float
    at_least : bool
        Whether the ratio is to be at least the value, otherwise at most.
    is_seconds : bool
        Whether it is a time instead of a ratio; there is nothing to compare it with then.
    """

    value: float
    at_least: bool = True
    is_seconds: bool = False

    def is_reached(self, found: float) -> bool:
        return found >= self.value if self.at_least else found <= self.value

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        return f"{bound} {self.value:g}{' s' if self.is_seconds else ''}"


@dataclass(frozen=True)
class Scene:
    """What the stages are measured on."""

    folder: Path
    dataset: Dataset
    place: Path
    n: int
    repeat: int


Pair = tuple[float, float]
"""Seconds of ours and of the bare library; the second is 0 for a stage that has only a time."""


def of_network(scene: Scene, name: str, n: int) -> Iterator[Pair]:
    """Yield seconds of extraction from files and of the bare network on ready batches."""
    return compared_seconds(first_images(scene.dataset, n), name, scene.repeat)


def of_scan(scene: Scene) -> Iterator[Pair]:
    """Yield seconds of a scan into an empty cache, and of decoding with Pillow on all processors."""
    folder = linked(scene.dataset, 10 * scene.n, scene.place / "scan")
    plain_decode(folder)
    for number in range(scene.repeat):
        bare = timed(lambda: plain_decode(folder))
        yield timed(partial(scan, folder, cache_folder=scene.place / f"scan cache {number}")), bare


def linked(dataset: Dataset, n: int, folder: Path) -> Path:
    """Return a folder with links to n images of a dataset in class folders."""
    for image in first_images(dataset, n).images:
        file = folder / image.class_name / Path(image.path).name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.symlink_to((dataset.root / image.path).resolve())
    return folder


def of_command(scene: Scene, *arguments: str) -> Iterator[Pair]:
    """Yield seconds of the command line in a fresh process with an empty cache of data, and of one that does nothing.

    The program's bytecode is kept, as for a user.
    """
    for number in range(-1, scene.repeat):
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = kept | {
            "PYTHONPYCACHEPREFIX": str(scene.place / "bytecode"),
            "CORESET_CACHE": str(scene.place / f"cache of command {number}"),
        }
        taken = timed(
            lambda environment=environment: subprocess.run(
                [sys.executable, "-m", "coreset_studio.core.cli", *arguments],
                env=environment,
                capture_output=True,
                check=True,
            )
        )
        if number >= 0:
            yield taken, 0.0


def of_window(scene: Scene) -> Iterator[Pair]:
    """Yield seconds until the window is shown, offscreen."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(scene.place / "bytecode")
    window_start()
    for _ in range(scene.repeat):
        yield float(str(window_start()["seconds"])), 0.0


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def hundred(scene: Scene) -> str:
    return str(linked(scene.dataset, 100, scene.place / "hundred"))


STAGES: Mapping[str, tuple[str, Goal, Callable[[Scene], Iterator[Pair]]]] = {
    "vgg16": ("VGG16, 224 px, from files", Goal(0.95), lambda scene: of_network(scene, "vgg16", scene.n // 3)),
    "mobilenetv2": ("MobileNetV2, from files", Goal(0.95), lambda scene: of_network(scene, "mobilenetv2", scene.n)),
    "scan": ("scan beside decoding", Goal(1.3, at_least=False), of_scan),
    "clusters": (
        "K-Medoids k = 2…10 with silhouettes, n = 3,329, beside nine fits of `kmedoids` with its silhouette",
        Goal(0.45, at_least=False),
        lambda scene: clustering_pair(scene.repeat, from_distances=False),
    ),
    "clusters-distances": (
        "the same beside `kmedoids` on distances that are ready, one thread each",
        Goal(0.45, at_least=False),
        lambda scene: clustering_pair(scene.repeat, from_distances=True),
    ),
    "training-128": (
        "custom network, training, 128 px, beside Keras `fit` from files",
        Goal(1.5),
        lambda scene: speed_training.training(scene.dataset, scene.place, scene.n, 128, scene.repeat),
    ),
    "training-256": (
        "custom network, training, 256 px, beside Keras `fit` from files",
        Goal(1.5),
        lambda scene: speed_training.training(scene.dataset, scene.place, scene.n, 256, scene.repeat),
    ),
    "training-memory": (
        "custom network, training, 128 px, beside Keras `fit` on arrays in memory: the limit",
        Goal(1.0),
        lambda scene: speed_training.limit(scene.dataset, scene.n, 128, scene.repeat),
    ),
    "evaluation": (
        "custom network, evaluation, 128 px, beside `model.predict`",
        Goal(1.5),
        lambda scene: speed_training.evaluation(scene.dataset, 4 * scene.n, 128, scene.repeat),
    ),
    "help": ("`coreset --help`", Goal(0.15, at_least=False, is_seconds=True), lambda s: of_command(s, "--help")),
    "scan-100": (
        "`coreset scan` of 100 images",
        Goal(1.0, at_least=False, is_seconds=True),
        lambda scene: of_command(scene, "scan", hundred(scene)),
    ),
    "window": ("window shown", Goal(1.0, at_least=False, is_seconds=True), of_window),
}


def row_of(name: str, scene: Scene) -> dict[str, str]:
    """Measure a stage."""
    title, goal, pairs_of = STAGES[name]
    pairs = list(pairs_of(scene))
    ours, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    if goal.is_seconds:
        found, of_each = ours, [pair[0] for pair in pairs]
    else:
        # A speed is higher where the time is shorter.
        of_each = [pair[1] / pair[0] if goal.at_least else pair[0] / pair[1] for pair in pairs]
        found = statistics.median(of_each)
    return {
        "stage": title,
        "ours": f"{ours:.2f} s",
        "bare": "" if goal.is_seconds else f"{bare:.2f} s",
        "ratio": "" if goal.is_seconds else f"{found:.2f}",
        "spread": f"{min(of_each):.2f} to {max(of_each):.2f}",
        "goal": str(goal),
        "reached": "yes" if goal.is_reached(found) else "no",
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "",
    }


REASONS = Path(__file__).with_name("speed_reasons.md")


def written(rows: Mapping[str, Mapping[str, str]], n: int) -> str:
    """Return the table, in the sequence of `STAGES`, and the reasons of goals that are missed."""
    intro = (
        f"`python -m benchmarks.speed` on {n_processors()} processors; {n} images unless the stage says otherwise. "
        "*Ratio* is that of speeds where the goal is “at least”, and of times where it is “at most”; the medians of "
        "both times are given beside it. *Load* above the number of processors: others were at work."
    )
    lines = ["# Speed", "", intro, "", f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]
    lines += [f"| {' | '.join(rows[name][column] for column in COLUMNS)} |" for name in STAGES if name in rows]
    return "\n".join([*lines, "", REASONS.read_text(encoding="utf-8").strip(), ""])


def earlier(file: Path) -> dict[str, dict[str, str]]:
    if not file.exists():
        return {}
    found = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8")))
    return {row.pop("name"): row for row in found}


def kept(rows: Mapping[str, Mapping[str, str]], file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ("name", *COLUMNS))
        writer.writeheader()
        writer.writerows({"name": name, **rows[name]} for name in STAGES if name in rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"some of {', '.join(STAGES)}; default all")
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--n", type=int, default=96, help="images in each pass")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.stages) - set(STAGES))
    if unknown:
        parser.error(f"there is no stage {', '.join(unknown)}; expected some of {', '.join(STAGES)}")
    file = chosen.results / "speed.csv"
    rows = earlier(file)
    folder = images_folder(chosen.images)
    with tempfile.TemporaryDirectory() as place:
        dataset = scan(folder, cache_folder=Path(place) / "cache")
        scene = Scene(folder, dataset, Path(place), chosen.n, chosen.repeat)
        for name in chosen.stages or STAGES:
            rows[name] = row_of(name, scene)
            print(" | ".join(rows[name].values()), flush=True)
            kept(rows, file)
            (chosen.results / "speed.md").write_text(written(rows, chosen.n), encoding="utf-8")


if __name__ == "__main__":
    main()
