"""A small study, the two ways to work through it, and what must stand at its end whatever happened on the way.

A study's folder holds ``images/``, ``cache/``, ``out/`` and ``study.coreset``. It is worked through as the window does
it, each step in an engine process (`tests.faults.session`), or as the command line does, in one process.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from coreset_studio.core.files import is_leftover
from coreset_studio.core.output.verification import verify
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.project import read_project
from coreset_studio.core.settings import Settings, settings_to_dict
from coreset_studio.core.training.runs import load_runs

ROOT = Path(__file__).resolve().parents[2]
CLASSES, IMAGES_A_CLASS, SIDE = ("round", "square"), 36, 24
WAYS = ("window", "command line")
PROJECT, LOG = "study.coreset", "done.log"
# One sentence, bad input, and Ctrl+C: what the program may end with. Zero is success.
GRACEFUL = (0, 1, 2, 130)


def make_images(folder: Path) -> None:
    """Draw two classes of synthetic images, one of which stands there twice."""
    random = np.random.default_rng(3)
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for image in range(IMAGES_A_CLASS):
            pixels = random.integers(0, 90, (SIDE, SIDE, 3))
            pixels[4 + number : 16, 4:20, (image + number) % 3] += 120
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{image:02}.png")
    shutil.copyfile(folder / CLASSES[0] / "00.png", folder / CLASSES[0] / "copy of 00.png")


def settings() -> Settings:
    """Return settings under which every stage has something to do, and none takes long."""
    made = Settings()
    return replace(
        made,
        features=replace(made.features, extractors=("colour-texture",)),
        clusters=replace(made.clusters, k_max=4),
        selection=replace(made.selection, sampler="even-herding", fraction=0.25),
        comparison=replace(
            made.comparison, networks=("custom", "head"), samplers=("random", "even-herding"), fractions=(0.25,),
            repetitions=1, controls=False,
        ),
        training=replace(made.training, image_size=32, epochs=2, min_steps=4, batch_size=8),
    )  # fmt: skip


def study_of(folder: Path) -> Study:
    """Return the study of a folder."""
    return Study(folder / "images", settings(), folder / "cache")


def lay_out(folder: Path) -> Path:
    """Make the folder of a study that has not begun, and return it."""
    make_images(folder / "images")
    for name in ("cache", "out"):
        (folder / name).mkdir()
    (folder / "settings.json").write_text(json.dumps(settings_to_dict(settings())))
    return folder


def command(way: str, folder: Path) -> list[str]:
    """Return the command that works through a study in one of the two `WAYS`, going on where an earlier call ended."""
    if way == "window":
        return [sys.executable, "-m", "tests.faults.session", str(folder)]
    options = f"--settings {folder / 'settings.json'} --cache {folder / 'cache'} --out {folder / 'out'} --overwrite"
    return [sys.executable, "-m", "coreset_studio.core.cli", "run", str(folder / "images"), *options.split()]


def environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a session, with data, settings and temporary files in a place of its own."""
    own = {
        "CORESET_CACHE": str(folder / "cache"), "CORESET_DATA": str(folder / "data"), "HOME": str(folder),
        "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "2",
    }  # fmt: skip
    return {**os.environ, **own, **(extra or {})}


@dataclass(frozen=True)
class Said:
    """How a session ended: its exit code, negative for a signal, and what it printed."""

    code: int
    text: str

    @property
    def problem(self) -> str:
        """What a user must not see: a traceback, or an exit code that means nothing; empty where all is well."""
        if "Traceback (most recent call last)" in self.text:
            return f"a traceback: {self.text.strip().splitlines()[-1][:300]}"
        if self.code > 0 and self.code not in GRACEFUL:
            return f"exit code {self.code}: {self.text.strip()[-300:]}"
        return ""


def start(way: str, folder: Path, *, before: Sequence[str] = (), **options: Any) -> "subprocess.Popen[str]":
    """Start a session; `before` stands in front of its command."""
    extra = options.pop("extra", None)
    return subprocess.Popen(
        [*before, *command(way, folder)], cwd=ROOT, env=environment(folder, extra), text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **options,
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]", timeout: float = 300) -> Said:
    """Wait for a session and return how it ended; one that hangs is killed and says so."""
    try:
        text, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        text, _ = process.communicate()
        return Said(99, f"{text}\nIt did not end within {timeout:g} s.")
    return Said(process.returncode, text)


def work_through(way: str, folder: Path, **options: Any) -> Said:
    """Work through a study, undisturbed unless `options` for `start` say otherwise."""
    return ended(start(way, folder, **options))


# --- what stands there ------------------------------------------------------------------------------------------


def result_of(folder: Path) -> dict[str, str]:
    """Return what came out of a study, as digests: its list of images, each exported file, each run's answers."""
    export = folder / "out" / "coreset"
    found = {}
    for file in sorted(export.rglob("*")):
        if file.is_file() and file.name != "coreset.json":  # which says when it was made
            found[file.relative_to(export).as_posix()] = hashlib.sha256(file.read_bytes()).hexdigest()
    for run in load_runs(folder / "out" / "runs").runs:
        answers = (run.predicted, run.confidence, run.test_indices)
        digest = hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in answers))
        found[f"run {run.key.network} {run.key.sampler} {run.key.fraction} {run.key.repetition}"] = digest.hexdigest()
    found["report"] = str((folder / "out" / "report.html").is_file())
    return found


def steps_done(folder: Path) -> list[str]:
    """Return the steps that a session of the window called done."""
    log = folder / LOG
    return log.read_text().split() if log.is_file() else []


def runs_done(folder: Path) -> dict[str, int]:
    """Return the finished runs that stand there, with the times at which they were written."""
    return {file.name: file.stat().st_mtime_ns for file in (folder / "out" / "runs").glob("*.json")}


def damage_of(folder: Path) -> list[str]:
    """Return, in sentences, what is not as it must be right after something happened: nothing half written is whole."""
    found = []
    done = steps_done(folder)
    if done:
        try:
            project = read_project(folder / PROJECT)
        except Exception as error:
            found.append(f"the project does not open: {error}")
        else:
            if missing := [step for step in done[:-1] if step not in project.notes.split()]:
                found.append(f"the project has lost {missing}")
    export = folder / "out" / "coreset"
    if export.is_dir() and any(export.iterdir()):
        checked = verify(export)
        if not checked.ok:
            found.append(f"the export is not whole: {checked.sentence}")
    elif "export" in done:
        found.append("the export is gone")
    found += [f"a run is damaged: {note}" for note in load_runs(folder / "out" / "runs").notes]
    return found


def leftovers_of(folder: Path) -> list[str]:
    """Return what killed processes left behind that the next session should have removed."""
    places = (folder / "cache", folder / "out")
    return [str(file.relative_to(folder)) for place in places for file in place.rglob(".*") if is_leftover(file)]
