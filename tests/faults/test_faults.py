"""The fault harness in its short form: one session for each kind of fault. `make soak` goes on for twenty minutes.

A failure names its seed; `SOAK_SEED=… pytest tests/faults -m slow` disturbs in the same way again, as far as the
machine lets it.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.training.runs import load_runs
from tests.faults.__main__ import table
from tests.faults.kinds import CLOCK, FAULTS
from tests.faults.study import (
    CLASSES,
    LOG,
    PROJECT,
    Said,
    damage_of,
    lay_out,
    leftovers_of,
    result_of,
    runs_done,
)
from tests.faults.trial import Outcome, reference, try_fault

SEED = int(os.environ.get("SOAK_SEED", "1"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The result of an undisturbed session."""
    return reference(tmp_path_factory.mktemp("undisturbed") / "study")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost(fault: str, expected: Mapping[str, str]) -> None:
    seed = SEED + list(FAULTS).index(fault)
    print(f"seed {seed}")
    outcome = try_fault(fault, seed, expected)
    if outcome.not_here:
        pytest.skip(outcome.not_here)
    assert not outcome.problems, f"seed {seed}: {outcome}"


# --- the harness itself: what is lost is seen -----------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that the command line has worked through, with the linear probe alone."""
    folder = lay_out(tmp_path_factory.mktemp("finished") / "study")
    options = f"--settings {folder / 'settings.json'} --cache {folder / 'cache'} --out {folder / 'out'} --networks head"
    assert main(["run", str(folder / "images"), *options.split(), "--overwrite"]) == 0
    assert damage_of(folder) == []
    return folder


def _cut_an_image(folder: Path) -> None:
    image = next((folder / "out" / "coreset" / CLASSES[0]).iterdir())
    image.write_bytes(image.read_bytes()[:-9])


def _lose_the_list(folder: Path) -> None:
    (folder / "out" / "coreset" / "coreset.csv").unlink()


def _cut_a_run(folder: Path) -> None:
    file = next((folder / "out" / "runs").glob("*.npz"))
    file.write_bytes(file.read_bytes()[:-200])


def _lose_the_export(folder: Path) -> None:
    (folder / LOG).write_text("scan\nfeatures\nexport\n")
    (folder / PROJECT).write_text("{")
    shutil.rmtree(folder / "out" / "coreset")


@pytest.mark.parametrize(
    ("lose", "told"),
    [
        (_cut_an_image, "the export is not whole"),
        (_lose_the_list, "the export is not whole"),
        (_cut_a_run, "a run is damaged"),
        (_lose_the_export, "the export is gone"),
        (_lose_the_export, "the project does not open"),
    ],
)
def test_a_loss_is_seen(lose: Callable[[Path], None], told: str, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(finished, folder)
    whole = result_of(folder)
    lose(folder)
    assert any(problem.startswith(told) for problem in damage_of(folder))
    assert result_of(folder) != whole


def test_another_answer_of_a_network_is_another_result(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(finished, folder)
    (first, *_) = load_runs(folder / "out" / "runs").runs
    file = next(file for file in (folder / "out" / "runs").glob("*.npz"))
    with np.load(file) as arrays:
        stored = dict(arrays)
    stored["predicted"] = stored["predicted"][::-1]
    np.savez_compressed(file, **stored)
    assert first.key.network == "head"
    assert result_of(folder) != result_of(finished)
    assert runs_done(folder).keys() == runs_done(finished).keys()


def test_what_a_killed_process_left_is_seen(tmp_path: Path) -> None:
    for name in ("cache", "out"):
        (tmp_path / name).mkdir()
    assert leftovers_of(tmp_path) == []
    from coreset_studio.core.files import temporary_name

    ours = temporary_name(tmp_path / "out" / "report.html")
    gone = ours.with_name(ours.name.replace(f"-{os.getpid()}-", "-4194304-"))
    gone.write_text("half")
    ours.write_text("being written")
    assert leftovers_of(tmp_path) == [f"out/{gone.name}"]


def test_the_clock_jumps_and_what_is_measured_goes_on(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("-86400")
    code = "import time; a = time.monotonic(); print(time.time(), time.time_ns(), time.monotonic() - a)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CORESET_CLOCK": str(tmp_path / "clock"), "PYTHONPATH": str(CLOCK)},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, nanoseconds, took = map(float, told.stdout.split())
    assert seconds == pytest.approx(time.time() - 86400, abs=60)
    assert nanoseconds / 1e9 == pytest.approx(seconds, abs=5)
    assert 0 <= took < 5


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (Said(0, "written"), ""),
        (Said(1, "The disk is full. Free some space."), ""),
        (Said(-9, ""), ""),
        (Said(1, "Traceback (most recent call last):\n  …\nKeyError: 'a'"), "a traceback: KeyError: 'a'"),
        (Said(99, "It did not end within 300 s."), "exit code 99: It did not end within 300 s."),
    ],
)
def test_a_user_must_not_see_tracebacks(said: Said, problem: str) -> None:
    assert said.problem == problem


def test_the_table_adds_up() -> None:
    outcomes = [
        Outcome("kill program", "window", 1, times=3, stopped=3),
        Outcome("kill program", "window", 2, times=2, stopped=2, problems=("lost",)),
        Outcome("read only", "window", 3, not_here="setpriv is not installed"),
    ]
    rows = table(outcomes)
    assert "| kill -9 of the whole program | 2 | 5 | 5 | 1 | 1 |" in rows
    assert "| folders lose the right to be written or read | not tried: setpriv is not installed | | | | |" in rows
    assert rows[-1] == "| together | 2 | 5 | 5 | 1 | 1 |"
