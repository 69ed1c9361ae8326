"""Time and memory of every stage, from the scan to the export, as the number of images grows.

    python -m benchmarks.scale [--sizes 5000 10000 20000 50000 100000] [--folder FOLDER] [--cache FOLDER] [--out FILE]

The images are synthetic (64 × 64 pixels, eight classes, the largest with half of the images) and are generated once.
Each size runs in a process of its own with an empty cache, as one run of the program would: colour-texture features,
reduction, clusters, even herding at 10 %, coverage, proxy, suspected label errors, and an export of the list. Times are
processor seconds of all threads and processes, which other programs affect less than the time that passes. Memory is
the largest resident memory during a stage, sampled every 20 ms, and contains mapped files. The last column is the
exponent of growth of the last step: 1 where twice as many images take twice as long. With `--cache`, results are kept
in that folder, and stages that are there already are read: their times then say nothing.
"""

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil

SHARES = {"a": 0.5, "b": 0.2, "c": 0.12, "d": 0.08, "e": 0.05, "f": 0.03, "g": 0.015, "h": 0.005}
SIZES = (5_000, 10_000, 20_000, 50_000, 100_000)
SIDE, FRACTION, AT_ONCE = 64, 0.1, 500
ENGINE_LIMIT = 4e9
RESULTS = Path(__file__).resolve().parent / "results" / "scale.md"


def class_counts(n_images: int) -> dict[str, int]:
    """Return the number of images of each class; the smaller classes are rounded down."""
    counts = {name: int(share * n_images) for name, share in SHARES.items()}
    counts["a"] += n_images - sum(counts.values())
    return counts


def draw(task: tuple[Path, str, int, int]) -> None:
    """Write images `first` to `last` of one class: ellipses with granules; colours and sizes vary by sub-type."""
    from PIL import Image, ImageDraw

    folder, name, first, last = task
    folder.mkdir(parents=True, exist_ok=True)
    kind = list(SHARES).index(name)
    for number in range(first, last):
        file = folder / f"{number:06d}.jpg"
        if file.exists():
            continue
        random = np.random.default_rng((kind, number))
        sub_type = int(random.integers(0, 4))
        ground = random.normal((215, 200, 205), 6)
        image = Image.new("RGB", (SIDE, SIDE), tuple(np.clip(ground, 0, 255).astype(int).tolist()))
        pen = ImageDraw.Draw(image)
        wide, high = random.normal(16 + 2 * kind, 2), random.normal(14 + 3 * sub_type, 2)
        x, y = random.normal(SIDE / 2, 3, 2)
        colour = np.clip(random.normal((120 + 12 * kind, 70 + 25 * sub_type, 150 - 8 * kind), 10), 0, 255).astype(int)
        pen.ellipse((x - wide, y - high, x + wide, y + high), fill=tuple(colour.tolist()))
        for _ in range(3 + 3 * sub_type):
            at = random.normal((x, y), 7)
            pen.ellipse((*(at - 2), *(at + 2)), fill=tuple(np.clip(colour - 50, 0, 255).tolist()))
        pixels = np.asarray(image, dtype=np.int16) + random.integers(-9, 10, (SIDE, SIDE, 3), dtype=np.int16)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, quality=80)


def make_images(folder: Path, n_images: int) -> Path:
    """Return a folder of `n_images`, which are generated where they are not there."""
    place = folder / f"{n_images}"
    tasks = [
        (place / name, name, first, min(first + AT_ONCE, n))
        for name, n in class_counts(n_images).items()
        for first in range(0, n, AT_ONCE)
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw, tasks))
    return place


class Sampled:
    """Resident memory of this process while stages run.

    Attributes
    ----------
    rows : list of (str, float, float)
        Name, processor seconds and largest resident memory in bytes of each stage.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, float]] = []
        self._process, self._peak, self._ends = psutil.Process(), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ends.wait(0.02):
            self._peak = max(self._peak, self._process.memory_info().rss)

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """Run a stage and record it."""
        self._peak, started, before = self._process.memory_info().rss, time.perf_counter(), self._processor_seconds()
        result = work()
        seconds, passed = self._processor_seconds() - before, time.perf_counter() - started
        self.rows.append((name, seconds, max(self._peak, self._process.memory_info().rss)))
        print(f"    {name:20} {seconds:8.1f} s {self.rows[-1][2] / 1e6:8.0f} MB  ({passed:.1f} s passed)", flush=True)
        return result

    def _processor_seconds(self) -> float:
        """Return the processor time of this process and of those that it has started, ended or not."""
        own = self._process.cpu_times()
        seconds = own.user + own.system + own.children_user + own.children_system
        for child in self._process.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                of_child = child.cpu_times()
                seconds += of_child.user + of_child.system
        return float(seconds)


def measure(source: str, cache: str, sampler: str, pipe: Any) -> None:
    """Run all stages on a folder and send their rows."""
    from dataclasses import replace

    from coreset_studio.core.features.reduction import embed_classes, embed_pool
    from coreset_studio.core.features.separation import separation
    from coreset_studio.core.pipeline.exporting import export
    from coreset_studio.core.pipeline.stages import (
        Prepared,
        cached_difficulty,
        choose,
        cluster_classes,
        extract_features,
        open_dataset,
        split_dataset,
    )
    from coreset_studio.core.pipeline.study import Study
    from coreset_studio.core.selection.coverage import coverage, proxy_accuracy
    from coreset_studio.core.selection.label_errors import near_duplicates, suspected_label_errors
    from coreset_studio.core.selection.orders import OrderCache
    from coreset_studio.core.settings import ExportSettings, FeatureSettings, SelectionSettings, Settings

    folder = Path(cache)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        selection=SelectionSettings(sampler=sampler, fraction=FRACTION),
        export=replace(ExportSettings(), files="list"),
    )
    limit = settings.clusters.exact_up_to
    study, seen = Study(Path(source), settings, folder), Sampled()
    dataset = seen.run("scan", lambda: open_dataset(study.source, folder, settings=settings.data))
    split = seen.run("split", lambda: split_dataset(dataset, settings))
    extracted = seen.run("features", lambda: extract_features(study, dataset, split))
    embeddings = seen.run(
        "reduction", lambda: embed_classes(dataset, split, extracted, settings.features, cache_folder=folder)
    )
    clusters = seen.run("clusters", lambda: cluster_classes(embeddings, settings, folder))
    across = seen.run("across classes", lambda: embed_pool(dataset, split, extracted, cache_folder=folder))
    difficulty = seen.run("difficulty", lambda: cached_difficulty(dataset, across, folder, settings.clusters))
    prepared = Prepared(study, dataset, split, extracted, embeddings, clusters, across, difficulty, OrderCache())
    coreset = seen.run("selection", lambda: choose(prepared, settings.selection))
    seen.run("coverage", lambda: coverage(dataset.contents, embeddings, clusters, coreset, exact_up_to=limit))
    contents, chosen = dataset.contents, coreset.indices
    seen.run("proxy", lambda: proxy_accuracy(contents, dataset.labels, across, chosen, exact_up_to=limit))
    seen.run("separation", lambda: separation(dataset, across, settings.features.extractors, exact_up_to=limit))
    seen.run("label errors", lambda: suspected_label_errors(dataset, across, exact_up_to=limit))
    seen.run("near-duplicates", lambda: near_duplicates(dataset, bits=settings.data.near_duplicate_bits))
    seen.run("export", lambda: export(prepared, coreset, folder / "export" / Path(source).name))
    pipe.send((seen.rows, len(coreset.indices)))


def measured(source: Path, sampler: str, kept: Path | None = None) -> tuple[list[tuple[str, float, float]], int]:
    """Measure one size in a process of its own, with an empty cache unless one is `kept`."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    cache = str(kept) if kept is not None else tempfile.mkdtemp(prefix="coreset-scale-")
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(str(source), cache, sampler, sending))
    try:
        process.start()
        sending.close()
        rows: tuple[list[tuple[str, float, float]], int] = receiving.recv()
        process.join()
    except EOFError:
        process.join()
        raise SystemExit(f"The process ended with code {process.exitcode}.") from None
    finally:
        if kept is None:
            shutil.rmtree(cache, ignore_errors=True)
    return rows


def exponent(n_before: int, before: float, n_now: int, now: float) -> float:
    """Return a, where time grows as n^a."""
    return math.log(max(now, 1e-6) / max(before, 1e-6)) / math.log(n_now / n_before)


def table(found: dict[int, list[tuple[str, float, float]]]) -> list[str]:
    """Return the rows of the table, in Markdown."""
    sizes = sorted(found)
    lines = [
        "| stage | " + " | ".join(f"{n:,}" for n in sizes) + " | growth of the last step |",
        "|---|" + "---:|" * (len(sizes) + 1),
    ]
    for at, (name, _, _) in enumerate(found[sizes[0]]):
        seconds = [found[n][at][1] for n in sizes]
        cells = [f"{found[n][at][1]:,.1f} s, {found[n][at][2] / 1e6:,.0f} MB" for n in sizes]
        grows = ""
        if len(sizes) > 1 and seconds[-1] >= 1:
            grows = f"n^{exponent(sizes[-2], seconds[-2], sizes[-1], seconds[-1]):.2f}"
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {grows} |")
    total = [
        f"{sum(row[1] for row in found[n]):,.0f} s, {max(row[2] for row in found[n]) / 1e6:,.0f} MB" for n in sizes
    ]
    lines.append("| **all** | " + " | ".join(total) + " | |")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate the images, measure every size, print and write the table."""
    parser = argparse.ArgumentParser(description="Time and memory of every stage as the number of images grows.")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "coreset-scale-images")
    parser.add_argument("--cache", type=Path, default=None, help="keep results here, and read those that are there")
    parser.add_argument("--sampler", default="even-herding")
    parser.add_argument("--out", type=Path, default=None, help="write the table here")
    options = parser.parse_args(arguments)
    found: dict[int, list[tuple[str, float, float]]] = {}
    for n_images in sorted(options.sizes):
        source = make_images(options.folder, n_images)
        print(f"{n_images:,} images", flush=True)
        found[n_images], n_chosen = measured(source, options.sampler, options.cache)
        print(f"    {n_chosen:,} selected", flush=True)
        if options.out is not None:
            options.out.with_suffix(".json").write_text(json.dumps(found), encoding="utf-8")
    text = "\n".join(table(found))
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
