"""The command that searches hyperparameters: its method, its faults, earlier searches, and one that is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.pipeline import comparing
from coreset_studio.core.settings import SearchSettings, read_settings

GOLDEN = Path(__file__).parents[2] / "golden"
IMAGES = GOLDEN / "format-2" / "images.npz"
COMMON = (
    "search", str(IMAGES), "--extractor", "colour-texture", "--sampler", "stratified", "--fraction", "0.5",
    "--image-size", "32", "--min-steps", "0",
)  # fmt: skip
GRID = ("--learning-rates", "0.002,0.008", "--dropouts", "0,0.1", "--epoch-counts", "2", "--with-pool")
SMALL = ("--parameters", "learning_rate,dropout", "--epochs", "2")


@pytest.mark.slow
def test_a_search_of_the_first_version_is_complete_and_gives_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_arguments: object, **_keywords: object) -> None:
        raise AssertionError("a stored run is trained again")

    monkeypatch.setattr(comparing, "train_planned", refuse)
    out = Path(shutil.copytree(GOLDEN / "search", tmp_path / "search"))
    command = [*COMMON, *GRID, "--cache", str(tmp_path / "cache"), "--out", str(out)]
    assert main(command) == 2
    assert "contains a finished search. Name another folder, or add --overwrite." in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    assert (out / "search.csv").read_bytes() == (GOLDEN / "search" / "search.csv").read_bytes()
    said = capsys.readouterr().out
    assert "note: --learning-rates was given, so every combination of a grid is trained" in said
    assert "Kendall's τ, is 0.89" in said
    assert "test accuracy" not in said.split("Trial  ")[0], "no test result of a trial is told"
    best = read_settings(out / "best-settings.json").training
    assert (best.learning_rate, best.dropout, best.epochs) == (0.002, 0.1, 2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--trials", "0"], "trials must be a whole number of at least 1; found 0."),
        (["--trials", "-3"], "trials must be a whole number of at least 1; found -3."),
        (["--learning-rate-range", "0.02,0.0002"], "the lowest learning rate first; found 0.02 and then 0.0002."),
        (["--image-size-range", "64.5,128"], "--image-size-range is '64.5,128'; expected whole numbers"),
        (["--dropout-range", "a,b"], "--dropout-range is 'a,b'; expected numbers separated by commas"),
        (["--parameters", "momentum"], "parameters must be some of learning_rate, image_size, dropout, augmentation"),
        (["--parameters", "augmentation"], "Augmentation strength cannot be searched: the recipe has none"),
        (["--network", "head"], "The linear probe has none of these hyperparameters; search with"),
        (["--network", "x"], "There is no network named 'x'"),
        (["--method", "random", "--dropouts", "0.1"], "--dropouts has no effect with --method random; remove one"),
        (["--method", "grid", "--trials", "3", "--no-pruning"], "--trials and --pruning have no effect with --method"),
        (["--dropouts", "0.1", "--trials", "3"], "--dropouts belongs to a grid, and --trials to a search by trials"),
        (["--no-validation"], "There are no validation images to select by"),
        (["--soft-labels", "0.5", "--label-smoothing", "0.1"], "are both on"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_said_in_a_sentence(
    cells: Path, tmp_path: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["search", str(cells), "--extractor", "colour-texture", "--cache", str(tmp_path / "cache")]
    assert main([*command, *words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert not (tmp_path / "out" / "search.csv").exists()


def test_the_method_is_that_which_the_words_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from coreset_studio.core.cli import search_command

    asked: list[SearchSettings] = []

    def estimate(study: object, progress: object) -> None:
        asked.append(study.settings.search)  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(search_command, "estimate_search", estimate)
    settings = tmp_path / "settings.json"
    settings.write_text("{}", encoding="utf-8")
    for words, method, note in (
        ([], "tpe", ""),
        (["--trials", "3"], "tpe", ""),
        (["--dropouts", "0.2"], "grid", "--dropouts was given, so every combination of a grid is trained"),
        (["--method", "grid"], "grid", ""),
        (["--method", "random"], "random", ""),
        (["--settings", str(settings)], "grid", "The settings file names no other method, so a grid is trained"),
        (["--settings", str(settings), "--method", "tpe"], "tpe", ""),
        (["--settings", str(settings), "--trials", "3"], "tpe", ""),
    ):
        assert main([*COMMON, *words, "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]) == 130
        assert asked[-1].method == method, words
        said = capsys.readouterr().out
        assert note in said
        assert ("grid is trained" in said) == bool(note)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "from coreset_studio.core.cli import main; main(['search', '--help'])",
        "import coreset_studio.desktop_app.pages.compare_tools",
    ],
)
def test_the_library_is_imported_by_a_search_alone(words: str) -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(sorted({'optuna', 'sqlalchemy', 'alembic'} & set(sys.modules))))\n" + words
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.splitlines()[-1] == "[]"


def start(out: Path, cache: Path) -> "subprocess.Popen[str]":
    command = [*COMMON, *SMALL, "--trials", "5", "--cache", str(cache), "--out", str(out)]
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "coreset_studio.core.cli", *command],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_search_that_was_killed_and_continued_gives_the_same_table(tmp_path: Path) -> None:
    whole, killed, cache = tmp_path / "whole", tmp_path / "killed", tmp_path / "cache"
    first = start(whole, cache)
    said, _ = first.communicate(timeout=280)
    assert first.returncode == 0
    assert said.count("trained in") == 5
    second = start(killed, cache)
    assert second.stdout is not None
    for line in second.stdout:
        if line.startswith("trial 3 "):
            break
    time.sleep(0.3)  # trial 4 is being trained
    second.send_signal(signal.SIGKILL)
    second.stdout.close()
    assert second.wait() == -signal.SIGKILL
    assert not (killed / "search.csv").exists()
    third = start(killed, cache)
    said, _ = third.communicate(timeout=280)
    assert third.returncode == 0
    told = [line.split(" ")[1] for line in said.splitlines() if line.startswith("trial ")]
    assert told == ["4", "5"], "finished trials are not repeated, and the one that ran has its own number"
    assert (killed / "search.csv").read_bytes() == (whole / "search.csv").read_bytes()
