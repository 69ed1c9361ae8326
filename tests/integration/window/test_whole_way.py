"""The real application on a virtual screen, with real engine processes, from images to a verified export."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import psutil
import pytest

from coreset_studio.core.data.demo import make_demo

STEPS = ["demo", "extractors", "features", "clusters", "coreset", "export", "training", "killed engine"]
LIMIT_SECONDS = 1200

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xvfb,
    pytest.mark.timeout(LIMIT_SECONDS + 60),
    pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="there is no xvfb-run on this machine"),
]


def with_mark(mark: str) -> list[int]:
    """Processes that were started by the test, told by a mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("CORESET_TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program saw of itself, and which processes it left."""
    place = tmp_path_factory.mktemp("whole way")
    make_demo(place / "data" / "demo" / "synthetic cells", n_images=90, side=64)
    mark = os.fspath(place)
    environment = os.environ | {
        "QT_QPA_PLATFORM": "xcb",
        "CORESET_DATA": os.fspath(place / "data"),
        "CORESET_CACHE": os.fspath(place / "cache"),
        "XDG_CONFIG_HOME": os.fspath(place / "config"),
        "CORESET_TEST_MARK": mark,
    }
    (place / "temporary").mkdir()
    # Not for xvfb-run, which takes no folder with a space in its name.
    program = ["env", f"TMPDIR={place / 'temporary'}", sys.executable, "-m", "coreset_studio.desktop_app"]
    command = ["xvfb-run", "-a", *program, "--self-test", os.fspath(place / "seen.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    told: dict[str, Any] = json.loads((place / "seen.json").read_text(encoding="utf-8"))
    left = psutil.wait_procs([psutil.Process(pid) for pid in with_mark(mark) if psutil.pid_exists(pid)], timeout=5)[1]
    temporary = [one.name for one in (place / "temporary").iterdir()]
    return told | {"code": done.returncode, "stderr": done.stderr, "left": left, "temporary": temporary}


def test_every_step_was_done(seen: dict[str, Any]) -> None:
    assert seen["ok"], seen.get("error")
    assert seen["code"] == 0
    assert list(seen["steps"]) == STEPS
    assert "colour-texture" in seen["extractors"]


def test_the_coreset_was_exported_and_verified(seen: dict[str, Any]) -> None:
    assert seen["exported"] > 0
    assert seen["verified"]


def test_networks_were_trained_on_coreset_and_pool(seen: dict[str, Any]) -> None:
    assert {"everything", "intelligent", "stratified"} <= set(seen["accuracies"])
    assert all(0 <= accuracy <= 1 for accuracy in seen["accuracies"].values())


def test_nothing_heavy_entered_the_windows_process(seen: dict[str, Any]) -> None:
    assert seen["heavy"] == []


def test_nothing_was_left_running_and_qt_had_nothing_to_say(seen: dict[str, Any]) -> None:
    assert seen["left"] == seen["temporary"] == []
    assert "Traceback" not in seen["stderr"]
    warnings = [line for line in seen["stderr"].splitlines() if line.startswith(("QObject", "QPainter", "QWidget"))]
    assert warnings == []
