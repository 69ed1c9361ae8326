"""What nobody caught: kept, written down, told once."""

import logging
import sys
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app import crash
from coreset_studio.desktop_app.crash import CrashKeeper, mark_seen, reports_of_last_time


@pytest.fixture
def keeper(qapp: object, tmp_path: Path) -> CrashKeeper:
    return CrashKeeper(tmp_path / "crashes")


def raised(message: str) -> Exception:
    try:
        raise RuntimeError(message)
    except RuntimeError as error:
        return error


def test_an_error_saves_first_is_written_down_and_told(keeper: CrashKeeper, qtbot: QtBot) -> None:
    saved: list[str] = []
    keeper.rescues.append(lambda: saved.append("project"))
    with qtbot.waitSignal(keeper.crashed) as told:
        keeper.catch(raised("a bolt came loose"))
    assert saved == ["project"]
    (report,) = told.args or [""]
    assert "RuntimeError: a bolt came loose" in report
    assert report.startswith("Coreset Studio ")
    (file,) = keeper.folder.glob("crash-*.txt")
    assert file.read_text(encoding="utf-8") == report


def test_the_same_error_is_told_once(keeper: CrashKeeper, qtbot: QtBot) -> None:
    errors = [raised("again") for _ in range(2)]
    told: list[str] = []
    keeper.crashed.connect(told.append)
    for error in (*errors, raised("another")):
        keeper.catch(error)
    assert len(told) == 2
    assert len(list(keeper.folder.glob("crash-*.txt"))) == 2


def test_a_rescue_that_fails_does_not_hide_the_error(
    keeper: CrashKeeper, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError("full")

    keeper.rescues.append(fail)
    with qtbot.waitSignal(keeper.crashed), caplog.at_level(logging.CRITICAL):
        keeper.catch(raised("first"))


def test_an_error_in_another_thread_is_told_in_the_windows_thread(
    keeper: CrashKeeper, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", keeper._thread_hook)
    threads: list[str] = []

    def note(report: str) -> None:
        threads.append(threading.current_thread().name)

    keeper.crashed.connect(note)

    def work() -> None:
        raise RuntimeError("in the thread")

    with qtbot.waitSignal(keeper.crashed) as told:
        thread = threading.Thread(target=work, name="painter")
        thread.start()
    thread.join()
    assert threads == ["MainThread"]
    assert "thread painter" in (told.args or [""])[0]


def test_the_hooks_are_taken_and_given_back(keeper: CrashKeeper, monkeypatch: pytest.MonkeyPatch) -> None:
    import faulthandler

    monkeypatch.setattr(faulthandler, "enable", lambda *args, **options: None)
    monkeypatch.setattr(faulthandler, "disable", lambda: None)
    for name in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    keeper.install()
    assert sys.excepthook == keeper._hook
    assert list(keeper.folder.glob("native-*.txt"))
    keeper.remove()
    assert sys.excepthook is sys.__excepthook__
    assert not list(keeper.folder.glob("native-*.txt"))


def test_a_keyboard_interrupt_is_no_crash(keeper: CrashKeeper, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(keeper.crashed):
        keeper._hook(KeyboardInterrupt, KeyboardInterrupt(), None)


def test_hard_crashes_of_dead_processes_are_offered_once(tmp_path: Path) -> None:
    (tmp_path / "native-999999999.txt").write_text("Fatal Python error: Segmentation fault", encoding="utf-8")
    (tmp_path / "native-999999998.txt").touch()
    (tmp_path / f"native-{crash.psutil.Process().pid}.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "crash-2026-01-01.txt").write_text("RuntimeError: x", encoding="utf-8")
    assert reports_of_last_time(tmp_path) == ["RuntimeError: x", "Fatal Python error: Segmentation fault"]
    assert reports_of_last_time(tmp_path) == []
    assert not (tmp_path / "native-999999998.txt").exists()


def test_what_was_shown_is_not_offered_again(keeper: CrashKeeper) -> None:
    keeper.catch(raised("seen"))
    mark_seen(keeper.folder)
    assert reports_of_last_time(keeper.folder) == []


def test_old_reports_make_room(keeper: CrashKeeper) -> None:
    for number in range(crash.REPORTS_KEPT + 5):
        keeper.catch(raised(f"number {number}"))
    assert len(list(keeper.folder.glob("crash-*.txt"))) == crash.REPORTS_KEPT
