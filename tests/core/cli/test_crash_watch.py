"""A command that the system ends is told in a sentence; the command itself stays the process that was started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coreset_studio.core.cli import crash_watch
from coreset_studio.core.data.demo import make_demo

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows ends no process so")]
BEGIN = """
import os, sys
from coreset_studio.core.cli import crash_watch, main
crash_watch.start()
from coreset_studio.core.cli import commands
"""
# Between the check of a file's length and the reading of its rows.
CUT = """
from coreset_studio.core import arrays, row_store
arrays.READ_BELOW_BYTES = 1
images, cache = sys.argv[1:]
flags = [images, "--cache", cache, "--extractor", "colour-texture"]
assert main(["extractors", *flags, "--compute"]) == 0
check = row_store.check_length

def checked_then_cut(file, rows):
    check(file, rows)
    os.truncate(file, 0)

row_store.check_length = checked_then_cut
sys.argv = ["coreset", "select", *flags, "--out", "list.csv"]
main()
"""
ENDED = """
import faulthandler
commands.plugins = lambda _: {call}
sys.argv = ["coreset", "plugins"]
sys.exit(main())
"""
SLEEPS = """
import time

def sleep(_):
    print("begun", flush=True)
    time.sleep(60)

commands.plugins = sleep
sys.argv = ["coreset", "plugins"]
sys.exit(main())
"""


def command(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", BEGIN + script, *map(str, arguments)]


def run(script: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(script, *arguments), cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_file_of_the_cache_that_is_cut_while_it_is_read_is_a_sentence(tmp_path: Path) -> None:
    make_demo(tmp_path / "images", n_images=60, side=48)
    done = run(CUT, tmp_path / "images", tmp_path / "cache", cwd=tmp_path)
    assert done.returncode == -signal.SIGBUS
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("coreset: "))
    log = Path(os.environ["CORESET_DATA"]) / "logs" / "coreset.log"
    assert said == (
        "coreset: The command crashed (SIGBUS), because a file that it was reading was truncated or its disk failed, "
        f"probably one in the cache folder {tmp_path / 'cache'}. Finished work is kept; run the command again to "
        f"recompute damaged files, and check whether the disk is full or failing. The details are in {log}."
    )
    assert "Fatal Python error" not in done.stderr
    kept = log.read_text()
    assert f"coreset select {tmp_path / 'images'}" in kept
    assert "core/row_store.py" in kept


@pytest.mark.parametrize(
    ("call", "name"),
    [("faulthandler._sigsegv()", "SIGSEGV"), ("os.abort()", "SIGABRT"), ("faulthandler._sigfpe()", "SIGFPE"),
     ("os.kill(os.getpid(), 4)", "SIGILL")],
)  # fmt: skip
def test_any_crash_is_a_sentence(call: str, name: str, tmp_path: Path) -> None:
    done = run(ENDED.format(call=call), cwd=tmp_path)
    assert done.returncode == -signal.Signals[name]
    (said,) = done.stderr.splitlines()
    if name == "SIGILL":
        assert said.startswith(
            "coreset: The command crashed, because the processor lacks an instruction that it requires (SIGILL). "
            "Finished work is kept. TensorFlow requires a processor with AVX;"
        )
        return
    assert said.startswith(f"coreset: The command crashed ({name}). Finished work is kept; run the command again.")


@pytest.mark.slow
def test_what_ends_otherwise_is_as_it_is_without(tmp_path: Path) -> None:
    for call, code in (("0", 0), ("os._exit(3)", 3), ("os.kill(os.getpid(), 15)", -15)):
        done = run(ENDED.format(call=call), cwd=tmp_path)
        assert done.returncode == code
        assert "crashed" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_signals_reach_the_command_and_nothing_is_left(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with subprocess.Popen(
        command(SLEEPS), cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # what a terminal does on Ctrl+C
        else:
            process.kill()
        _, said = process.communicate(timeout=20)  # both pipes are closed, so the second process has ended as well
        assert process.returncode == code
    assert "Traceback" not in said
    assert "crashed" not in said
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("a process is left")


def test_without_the_right_to_a_second_process_the_command_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    monkeypatch.setattr(os, "fork", refused)
    monkeypatch.setattr(crash_watch, "_to_watcher", None)
    crash_watch.start()
    assert crash_watch._to_watcher is None
    crash_watch.set_facts(Path(), Path(), "0", [])
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_commands_called_from_python_start_no_second_process() -> None:
    from coreset_studio.core.cli import main

    assert main(["plugins"]) == 0
    assert crash_watch._to_watcher is None
