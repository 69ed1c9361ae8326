"""The real application in processes of its own, with real engines."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from coreset_studio.core.project import Project, Recovery, write_recovery
from coreset_studio.desktop_app.application import parse_arguments
from coreset_studio.desktop_app.recovery import recovery_folder

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("application_driver.py")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0)
    for name in ("eosinophil", "platelet"):
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(4):
            pixels = noise.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "cells" / name / f"{number}.png")
    return tmp_path / "cells"


def drive(task: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(DRIVER), task, os.fspath(folder)], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


@pytest.mark.slow
def test_a_folder_is_scanned_and_the_window_closes(images: Path) -> None:
    seen = drive("scan", images)
    assert seen["facts"]
    assert seen["heavy"] == []
    assert not seen["visible"]


@pytest.mark.slow
@posix
def test_an_engine_killed_from_outside_is_a_message_and_the_window_goes_on(images: Path) -> None:
    seen = drive("kill", images)
    assert "SIGKILL" in seen["sentence"]
    assert seen["next"] == 42
    assert not seen["visible"]


@pytest.mark.slow
def test_closing_a_busy_window_leaves_no_process(images: Path) -> None:
    seen = drive("busy_close", images)
    assert len(seen["pids"]) >= 2
    assert not [pid for pid in seen["pids"] if psutil.pid_exists(pid)]
    assert seen["seconds"] < 3
    assert not seen["visible"]


@pytest.mark.slow
def test_an_unhandled_error_is_shown_and_the_project_recovered_at_the_next_start(images: Path) -> None:
    seen = drive("crash", images)
    assert "Your project was kept" in seen["sentence"]
    assert drive("recover", images) == {"fraction": 0.07}


@pytest.mark.slow
def test_a_damaged_copy_is_told_once_and_what_was_asked_for_is_opened(images: Path) -> None:
    place = recovery_folder() / "999999999-1.json"
    place.parent.mkdir(parents=True)
    place.write_text("[" * 100_000, encoding="utf-8")
    seen = drive("open_asked", images)
    (sentence,) = seen["sentences"]
    assert str(place.with_name("999999999-1.json.damaged")) in sentence
    assert seen["source"] == str(images)
    assert drive("open_asked", images)["sentences"] == []


@pytest.mark.slow
def test_every_copy_is_offered_and_none_is_lost(tmp_path: Path) -> None:
    for number, notes in enumerate(("oldest", "middle", "newest")):
        place = recovery_folder() / f"99999999{number}-1.json"
        write_recovery(Recovery(Project(source=tmp_path / notes, notes=notes), None), place)
        os.utime(place, (number, number))
    seen = drive("take_up", tmp_path)
    assert [text for text in seen["asked"] if "Recover" in text] == [
        "<b>Recover newest?</b>", "<b>Recover middle?</b>", "<b>Recover oldest?</b>",
    ]  # fmt: skip
    assert "<b>Save changes to middle?</b>" in seen["asked"]
    assert seen["left"] == sorted(["999999992-1.json", seen["mine"]])


@pytest.mark.slow
def test_a_file_that_the_system_names_by_an_event_is_opened(images: Path) -> None:
    """macOS opens what is double-clicked in this way, before the window is made or later."""
    seen = drive("file_events", images)
    assert seen["at_start"] == seen["while_asking"] == str(images)
    assert seen["said"] == ["first.coreset was not opened, because one window shows one project."]
    assert seen["notes"] == "second.coreset"


def test_the_command_line() -> None:
    assert parse_arguments(["x"]).path is None
    assert parse_arguments(["x", "folder"]).path == Path("folder")
    assert parse_arguments(["x", '"a folder"']).path == Path("a folder")
    assert parse_arguments(["x", "--demo"]).demo
    with pytest.raises(SystemExit):
        parse_arguments(["x", "--version"])


def test_a_self_test_leaves_no_folder_behind(tmp_path: Path) -> None:
    """Neither in the temporary folder, where Qt wrote the settings anew at the end, nor among the user's settings."""
    for name in ("temporary", "home"):
        (tmp_path / name).mkdir()
    places = {"TMPDIR": "temporary", "TEMP": "temporary", "HOME": "home", "XDG_CONFIG_HOME": "home/config"}
    environment = os.environ | {name: os.fspath(tmp_path / place) for name, place in places.items()}
    command = [sys.executable, "-m", "desktop_app", "--self-test", os.fspath(tmp_path / "seen.json"), "start"]
    subprocess.run(command, env=environment, check=True, timeout=120, cwd=ROOT)
    assert json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))["ok"]
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [file for file in (tmp_path / "home").rglob("*") if file.is_file()] == []


def test_nothing_heavy_is_imported_before_it_is_wanted() -> None:
    """The window is to be shown within a second: plots come with the first page that has one."""
    program = (
        "import sys, coreset_studio.desktop_app.application\n"
        "heavy = {'pyqtgraph', 'scipy', 'sklearn', 'tensorflow', 'keras', 'matplotlib', 'cv2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
