"""Several trainings at once against one at a time: time and bits.

    python -m benchmarks.at_once [--images FOLDER] [--fraction 0.15] [--trainings 4] [--steps 150] [--rounds 2]

The same trainings of the custom network on blood cells, in processes of their own: one at a time with a thread for each
processor, one at a time with one thread, and one for each processor at once with one thread each. Ways take turns, so
that what else runs on the machine concerns all; the least of the rounds counts. Results with the same number of threads
have to be the same to the bit.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.real_data import images_folder
from coreset_studio.core.cluster.at_once import trained_at_once
from coreset_studio.core.pipeline.comparing import run_comparison
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.settings import ComparisonSettings, FeatureSettings, Settings, TrainingSettings
from coreset_studio.core.threads import limit_threads, n_processors

RESULTS = Path(__file__).resolve().parent / "results" / "at_once.md"


def prepared_for(options: argparse.Namespace) -> Prepared:
    """Return the study: random coresets of one size, one for each training."""
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        training=TrainingSettings(image_size=64, epochs=1, min_steps=options.steps),
        comparison=ComparisonSettings(
            samplers=("random",),
            fractions=(options.fraction,),
            networks=("custom",),
            repetitions=options.trainings,
            controls=False,
        ),
    )
    return prepare(Study(images_folder(options.images), settings, options.cache))


def measure(options: argparse.Namespace) -> None:
    """Train in this process, which prints the seconds, those of processors, and a digest of all results."""
    at_once, threads = options.measure
    limit_threads(threads)
    prepared = prepared_for(options)
    with tempfile.TemporaryDirectory() as scratch, trained_at_once(at_once):
        before, started = os.times(), time.perf_counter()
        comparison = run_comparison(prepared, Path(scratch))
        seconds, after = time.perf_counter() - started, os.times()
    used = sum(after[:4]) - sum(before[:4])
    digest = hashlib.sha256()
    for run in comparison.runs:
        digest.update(b"" if run.probabilities is None else run.probabilities.tobytes())
    n_images = comparison.runs[0].n_images
    print(json.dumps({"seconds": seconds, "used": used, "digest": digest.hexdigest(), "images": n_images}))


def measured(options: argparse.Namespace, at_once: int, threads: int) -> dict[str, object]:
    """Return what `measure` prints in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.at_once", "--measure", str(at_once), str(threads)]
    words += ["--fraction", str(options.fraction), "--trainings", str(options.trainings), "--steps", str(options.steps)]
    words += ["--cache", str(options.cache), *(["--images", str(options.images)] if options.images else [])]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all ways, and print and write the table."""
    parser = argparse.ArgumentParser(description="Several trainings at once against one at a time.")
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--fraction", type=float, default=0.15)
    parser.add_argument("--trainings", type=int, default=4)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--cache", type=Path, default=None)
    parser.add_argument("--measure", type=int, nargs=2, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure is not None:
        measure(options)
        return 0
    n = n_processors()
    ways: dict[tuple[int, int], list[dict[str, object]]] = {(1, n): [], (1, 1): [], (n, 1): []}
    with tempfile.TemporaryDirectory() as scratch:
        options.cache = options.cache or Path(scratch)
        prepared_for(options)
        loads = []
        for _ in range(options.rounds):
            for way, found in ways.items():
                found.append(measured(options, *way))
                loads.append(os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"))
                print(way, found[-1], flush=True)
    first = ways[1, n][0]
    lines = []
    for (at_once, threads), found in ways.items():
        seconds = min(float(str(each["seconds"])) for each in found)
        used = min(float(str(each["used"])) for each in found)
        bits = {str(each["digest"])[:12] for each in found}
        lines.append(f"| {at_once} | {threads} | {seconds:.0f} | {used:.0f} | {', '.join(sorted(bits))} |")
    text = [
        "# Several trainings at once",
        "",
        f"{options.trainings} trainings of the custom network at 64 px, each {options.steps} steps on "
        f"{first['images']} images of pbc_sample; {n} processors ({platform.machine()}) that other work shared, load "
        f"average {min(loads):.1f} to {max(loads):.1f}; least of rounds in which ways take turns: {options.rounds}. "
        "Time with the start of processes and without features. Written by `python -m benchmarks.at_once "
        f"{' '.join(sys.argv[1:])}`.".replace(" `.", "`."),
        "",
        "| at once | threads each | time, s | processor time, s | SHA-256 of all predicted probabilities |",
        "|---:|---:|---:|---:|---|",
        *lines,
        "",
    ]
    print("\n".join(text))
    options.out.write_text("\n".join(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
