"""The engine service and its thread with real engine processes: what it tells, how it stops, what it survives."""

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import engine_functions as engine
import pytest
import shiboken6
from PySide6.QtCore import QObject, Qt, QThread, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.service.comparison_requests import CompareNetworks
from coreset_studio.core.service.requests import AnyRequest, AnyServiceRequest
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.service.remaining_time import RemainingTime
from coreset_studio.desktop_app.service.selection import SelectionQuestions

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


class Listener(QObject):
    """Asks, and writes down all that is heard with the thread it arrived in."""

    def __init__(self, service: EngineService) -> None:
        super().__init__()
        self.service = service
        self.heard: list[tuple[Any, ...]] = []
        self.threads: set[QThread] = set()
        service.started.connect(self.on_started)
        service.progressed.connect(self.on_progressed)
        service.ended.connect(self.on_ended)
        service.logged.connect(self.on_logged)
        service.selection.refused.connect(self.on_refused)
        service.selection.lost.connect(self.on_lost)
        service.selection.ready.connect(self.on_ready)
        service.selection.progressed.connect(self.on_selection_progressed)
        self.questions = SelectionQuestions(service.selection, self)

    def ask(self, request: AnyRequest, stage: str = "") -> int:
        return self.service.ask(
            request,
            self.on_result,
            on_part=self.on_part,
            on_failed=self.on_failed,
            on_cancelled=self.on_cancelled,
            stage=stage,
        )

    def call(self, function: Callable[..., Any], *arguments: Any, stage: str = "") -> int:
        return self.ask(engine.Call(function, arguments), stage)

    def ask_service(self, request: AnyServiceRequest, *, latest: bool = False) -> int:
        return self.questions.ask(request, self.on_answered, latest=latest)

    def hear(self, *what: Any) -> None:
        self.heard.append(what)
        self.threads.add(QThread.currentThread())

    def on_started(self, number: int, stage: str) -> None:
        self.hear("started", number, stage)

    def on_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:
        self.hear("progressed", number, done, total, message)

    def on_part(self, part: object) -> None:
        self.hear("part", part)

    def on_result(self, result: object) -> None:
        self.hear("finished", result)

    def on_failed(self, sentence: str, details: str) -> None:
        self.hear("failed", sentence, details)

    def on_cancelled(self) -> None:
        self.hear("cancelled")

    def on_ended(self, number: int, stage: str) -> None:
        self.hear("ended", number, stage)

    def on_logged(self, text: str) -> None:
        self.hear("logged", text)

    def on_answered(self, result: object) -> None:
        self.hear("answered", result)

    def on_refused(self, number: int, sentence: str, details: str) -> None:
        self.hear("refused", number, sentence)

    def on_lost(self, sentence: str, details: str) -> None:
        self.hear("lost", sentence)

    def on_ready(self) -> None:
        self.hear("ready")

    def on_selection_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:
        self.hear("asking", number, done, total)

    def words(self) -> list[str]:
        return [str(what[0]) for what in self.heard]

    def only(self, word: str) -> list[tuple[Any, ...]]:
        return [what for what in self.heard if what[0] == word]


@pytest.fixture
def service(qapp: object) -> Iterator[EngineService]:
    service = EngineService()
    yield service
    service.close()


@pytest.fixture
def listener(service: EngineService) -> Listener:
    return Listener(service)


def ended(listener: Listener, n: int = 1) -> Any:
    return lambda: len(listener.only("ended")) >= n


def test_a_job_tells_everything_in_order_in_the_windows_thread(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    number = listener.call(engine.publish, ("a", "b"), stage="features")
    assert service.is_running("features")
    assert service.running() == (number,)
    qtbot.waitUntil(ended(listener), timeout=20_000)
    assert listener.heard == [
        ("started", number, "features"),
        ("progressed", number, 0, 2, "Parts"),
        ("part", "a"),
        ("progressed", number, 1, 2, "Parts"),
        ("part", "b"),
        ("finished", None),
        ("ended", number, "features"),
    ]
    assert listener.threads == {service.thread()}
    assert not service.running()


@pytest.mark.slow
def test_a_job_that_is_dropped_is_over_at_once_and_nothing_more_is_heard_of_it(
    service: EngineService, listener: Listener, engine_children: Callable[[], list[Any]], qtbot: QtBot
) -> None:
    number = listener.call(engine.tell_pid_and_count, 0.01, stage="features")
    qtbot.waitUntil(lambda: bool(listener.only("part")), timeout=20_000)
    listener.heard.clear()
    service.drop_all()
    assert listener.heard == [("cancelled",), ("ended", number, "features")]
    assert not service.running()
    qtbot.waitUntil(lambda: not engine_children(), timeout=20_000)
    qtbot.wait(50)
    service.drop(number)
    assert listener.words() == ["cancelled", "ended"]


def test_how_far_a_service_was_is_not_told_after_it_was_shut(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    service.selection.open(engine.OpenCounter(1))
    listener.ask_service(engine.Count(500, 0.01))
    qtbot.waitUntil(lambda: bool(listener.only("asking")), timeout=20_000)
    time.sleep(0.1)  # reports wait in the queue now
    service.selection.shut()
    listener.heard.clear()
    qtbot.wait(300)
    assert "asking" not in listener.words()
    service.selection.open(engine.OpenCounter(1))
    listener.ask_service(engine.Count(3, 0.01))
    qtbot.waitUntil(lambda: bool(listener.only("answered")), timeout=20_000)
    assert "asking" in listener.words()


def test_how_long_a_job_took_is_known_when_its_result_is_told(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    number = listener.call(engine.count, 3, 0.1)
    qtbot.waitUntil(ended(listener), timeout=20_000)
    assert ("finished", 3) in listener.heard
    assert 0.3 <= service.seconds_of(number) < 20
    assert service.seconds_of(number + 1) == 0


def test_nothing_is_told_to_what_was_deleted_meanwhile(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    dialog = Listener(service)
    other = service.ask(engine.Call(engine.count, (3, 0.05)), dialog.on_result, on_part=partial(dialog.hear, "part"))
    shiboken6.delete(dialog)
    qtbot.waitUntil(lambda: other not in service.running(), timeout=20_000)
    assert dialog.words() == ["started"]


@pytest.mark.slow
def test_two_jobs_run_beside_each_other(service: EngineService, listener: Listener, qtbot: QtBot) -> None:
    slow = listener.call(engine.count, 40, 0.05, stage="features")
    quick = listener.call(engine.add, 1, 1)
    qtbot.waitUntil(ended(listener, 2), timeout=20_000)
    assert listener.only("finished") == [("finished", 2), ("finished", 40)]
    assert [what[1] for what in listener.only("ended")] == [quick, slow]


def test_a_failure_comes_as_a_sentence_with_details(service: EngineService, listener: Listener, qtbot: QtBot) -> None:
    listener.call(engine.fail_on_purpose, stage="dataset")
    qtbot.waitUntil(ended(listener), timeout=20_000)
    ((_, sentence, details),) = listener.only("failed")
    assert sentence == "The folder holds no image. Choose a folder of class folders."
    assert "Traceback" in details


def test_arguments_that_cannot_travel_fail_like_any_other(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    listener.call(engine.add, threading.Lock(), 1, stage="dataset")
    qtbot.waitUntil(ended(listener), timeout=20_000)
    assert listener.words() == ["started", "failed", "ended"]


def test_cancel_stops_a_job(service: EngineService, listener: Listener, qtbot: QtBot) -> None:
    number = listener.call(engine.count, 100_000, 0.01, stage="features")
    qtbot.waitUntil(lambda: bool(listener.only("progressed")), timeout=20_000)
    service.cancel(number)
    qtbot.waitUntil(ended(listener), timeout=5_000)
    assert listener.words()[-2:] == ["cancelled", "ended"]
    service.cancel(number)


def test_a_job_that_does_not_listen_is_killed(
    service: EngineService, listener: Listener, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coreset_studio.core.service.processes.GRACE_SECONDS", 0.3)
    number = listener.call(engine.ignore_cancel, 60, stage="features")
    service.cancel(number)
    qtbot.waitUntil(ended(listener), timeout=10_000)
    assert listener.words()[-2:] == ["cancelled", "ended"]


@posix
def test_an_engine_killed_from_outside_is_a_message_and_the_next_job_runs(
    service: EngineService, listener: Listener, qtbot: QtBot, engine_children: Any
) -> None:
    listener.call(engine.count, 100_000, 0.01, stage="features")
    qtbot.waitUntil(lambda: bool(listener.only("progressed")), timeout=20_000)
    (child,) = engine_children()
    os.kill(child.pid, signal.SIGKILL)
    qtbot.waitUntil(ended(listener), timeout=10_000)
    assert "SIGKILL" in listener.only("failed")[0][1]
    listener.call(engine.add, 1, 2, stage="features")
    qtbot.waitUntil(ended(listener, 2), timeout=20_000)
    assert listener.only("finished") == [("finished", 3)]


def test_what_the_engine_prints_is_logged(service: EngineService, listener: Listener, qtbot: QtBot) -> None:
    listener.call(engine.print_lines)
    qtbot.waitUntil(ended(listener), timeout=20_000)
    text = "".join(what[1] for what in listener.only("logged"))
    assert "printed by the engine" in text
    assert "written by a library" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "said"),
    [("open_for_ever", "it made no progress"), ("open_what_fills_the_memory", "it needs more than the 300 MB")],
)
def test_a_hostile_file_leaves_the_window_awake_and_ends_with_one_sentence(
    function: str, said: str, service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    if function != "open_for_ever" and not sys.platform.startswith("linux"):
        pytest.skip("Linux alone keeps a limit of memory")
    ticks = [time.monotonic()]
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(20)
    listener.call(getattr(engine, function), stage="dataset")
    qtbot.waitUntil(ended(listener), timeout=30_000)
    ((_, sentence, _),) = listener.only("failed")
    assert sentence.startswith(f"Opening was stopped: {said}")
    assert max(later - earlier for earlier, later in itertools.pairwise(ticks)) < 1.0
    listener.call(engine.add, 1, 2, stage="dataset")
    qtbot.waitUntil(ended(listener, 2), timeout=20_000)
    assert listener.only("finished") == [("finished", 3)]


def test_closing_leaves_no_process_and_no_thread(qtbot: QtBot, engine_children: Any) -> None:
    service = EngineService()
    listener = Listener(service)
    for _ in range(2):
        listener.call(engine.ignore_cancel, 60, stage="features")
    service.selection.open(engine.OpenCounter(1))
    qtbot.waitUntil(lambda: bool(listener.only("ready")), timeout=20_000)
    began = time.monotonic()
    service.close()
    assert time.monotonic() - began < 2
    assert engine_children() == []
    assert not service._thread.isRunning()
    service.close()
    assert listener.call(engine.add, 1, 2)  # after the end nothing happens


def test_a_count_beyond_32_bits_is_told_in_larger_units(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    listener.call(engine.report_bytes, 5_000_000_000, 10_000_000_000)
    qtbot.waitUntil(ended(listener), timeout=20_000)
    ((_, _, done, total, _),) = listener.only("progressed")
    assert done / total == pytest.approx(0.5)
    assert total < 2**31


# --- a service process ----------------------------------------------------------------------------------------


def test_the_service_answers_what_was_asked_before_it_was_ready(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    service.selection.open(engine.OpenCounter(10))
    listener.ask_service(engine.Add(1))
    second = listener.ask_service(engine.Fail())
    qtbot.waitUntil(lambda: bool(listener.only("refused")), timeout=20_000)
    assert listener.heard == [("ready",), ("answered", 11), ("refused", second, "No such image.")]


def test_opening_the_same_again_keeps_it(service: EngineService, listener: Listener, qtbot: QtBot) -> None:
    service.selection.open(engine.OpenCounter(10))
    listener.ask_service(engine.Add(1))
    service.selection.open(engine.OpenCounter(10))
    listener.ask_service(engine.Add(1))
    qtbot.waitUntil(lambda: len(listener.only("answered")) == 2, timeout=20_000)
    assert listener.only("answered") == [("answered", 11), ("answered", 12)]
    service.selection.open(engine.OpenCounter(100))
    listener.ask_service(engine.Add(1))
    qtbot.waitUntil(lambda: len(listener.only("answered")) == 3, timeout=20_000)
    assert listener.only("answered")[-1] == ("answered", 101)


def hear_late(qtbot: QtBot, said: Any, first: Callable[[], object], then: Callable[[], object]) -> None:
    """Do `first`, and `then` when the thread has emitted `said` and the window's thread has not heard it yet."""
    emitted = threading.Event()
    said.connect(lambda *_: emitted.set(), Qt.ConnectionType.DirectConnection)
    first()
    assert emitted.wait(20)
    then()
    qtbot.wait(50)


def test_an_error_of_a_service_that_was_shut_is_not_heard(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    def open_one_that_fails() -> None:
        service.selection.open(engine.OpenCounter(-1))

    hear_late(qtbot, service._thread.service_replied, open_one_that_fails, service.selection.shut)
    assert listener.heard == []


def test_an_error_of_a_service_that_gave_way_does_not_end_the_next(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    def open_another() -> None:
        service.selection.shut()
        service.selection.open(engine.OpenCounter(5))

    def open_one_that_fails() -> None:
        service.selection.open(engine.OpenCounter(-1))

    hear_late(qtbot, service._thread.service_replied, open_one_that_fails, open_another)
    assert service.selection.opening == engine.OpenCounter(5)
    listener.ask_service(engine.Add(1))
    qtbot.waitUntil(lambda: bool(listener.only("answered")), timeout=20_000)
    assert listener.heard == [("ready",), ("answered", 6)]


def test_what_a_service_that_was_shut_refused_or_answered_is_not_heard(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    def ask_to_fail() -> None:
        listener.ask_service(engine.Fail())

    def ask_to_add() -> None:
        listener.ask_service(engine.Add(1))

    for ask in (ask_to_fail, ask_to_add):
        service.selection.open(engine.OpenCounter(1))
        qtbot.waitUntil(lambda: bool(listener.only("ready")), timeout=20_000)
        listener.heard.clear()
        hear_late(qtbot, service._thread.service_replied, ask, service.selection.shut)
        assert listener.heard == []


def test_a_question_after_the_end_of_the_service_is_refused(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    service.selection.open(engine.OpenCounter(1))
    service.selection.shut()
    number = listener.ask_service(engine.Add(1))
    qtbot.waitUntil(lambda: bool(listener.only("refused")), timeout=20_000)
    assert listener.only("refused")[0][1] == number


def test_nothing_waits_for_a_service_that_was_shut(service: EngineService, listener: Listener) -> None:
    service.selection.open(engine.OpenCounter(1))
    listener.ask_service(engine.Add(1))
    assert listener.questions.is_waiting(engine.Add)
    service.selection.shut()
    assert not listener.questions.is_waiting(engine.Add)
    assert listener.questions.waiting(engine.Add) == []


@posix
def test_a_killed_service_is_started_again_and_answers(
    service: EngineService, listener: Listener, qtbot: QtBot, engine_children: Any
) -> None:
    service.selection.open(engine.OpenCounter(10))
    qtbot.waitUntil(lambda: bool(listener.only("ready")), timeout=20_000)
    (child,) = engine_children()
    os.kill(child.pid, signal.SIGKILL)
    listener.ask_service(engine.Add(1))
    qtbot.waitUntil(lambda: bool(listener.only("answered") or listener.only("refused")), timeout=20_000)
    if listener.only("refused"):  # it was asked in the moment of the death
        listener.ask_service(engine.Add(1))
        qtbot.waitUntil(lambda: bool(listener.only("answered")), timeout=20_000)
    assert listener.only("answered") == [("answered", 11)]
    assert len(listener.only("ready")) == 2
    assert not listener.only("lost")


@pytest.mark.slow
@posix
def test_a_service_that_dies_again_and_again_is_given_up(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    service.selection.open(engine.OpenCounter(10))
    for _ in range(6):
        listener.ask_service(engine.Die())
    qtbot.waitUntil(lambda: bool(listener.only("lost")), timeout=40_000)
    assert len(listener.only("ready")) == 4
    assert service.selection.opening is None


def test_a_service_that_cannot_be_built_says_so_once(service: EngineService, listener: Listener, qtbot: QtBot) -> None:
    service.selection.open(engine.OpenCounter(-1))
    qtbot.waitUntil(lambda: bool(listener.only("lost")), timeout=20_000)
    assert listener.heard == [("lost", "The counter starts at 0 or above.")]


def test_without_a_service_a_question_is_refused(service: EngineService, listener: Listener, qtbot: QtBot) -> None:
    number = listener.ask_service(engine.Add(1))
    qtbot.waitUntil(lambda: bool(listener.heard), timeout=20_000)
    assert listener.heard[0][:2] == ("refused", number)


def test_a_slider_gets_its_last_answer(service: EngineService, listener: Listener, qtbot: QtBot) -> None:
    service.selection.open(engine.OpenCounter(10))
    qtbot.waitUntil(lambda: bool(listener.only("ready")), timeout=20_000)
    for value in range(30):
        listener.ask_service(engine.SlowEcho(value, 0.05), latest=True)
    qtbot.waitUntil(lambda: ("answered", 29) in listener.heard, timeout=20_000)
    assert len(listener.only("answered")) < 10


def test_a_long_question_tells_its_progress_and_can_be_stopped(
    service: EngineService, listener: Listener, qtbot: QtBot
) -> None:
    service.selection.open(engine.OpenCounter(10))
    listener.ask_service(engine.Count(100_000, 0.01))
    qtbot.waitUntil(lambda: bool(listener.only("asking")), timeout=20_000)
    listener.questions.drop(engine.Count)
    listener.ask_service(engine.Add(1))
    qtbot.waitUntil(lambda: bool(listener.only("answered")), timeout=5_000)
    assert listener.only("answered") == [("answered", 11)]


def test_what_was_expected_counts_until_the_pace_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first batch takes long, as it compiles the network: that is no pace."""
    now = [100.0]
    monkeypatch.setattr("coreset_studio.desktop_app.service.remaining_time.time.monotonic", lambda: now[0])
    left = RemainingTime(expected=400.0)
    assert left.update(0, 1000) == pytest.approx(400)
    now[0] += 20
    assert left.update(1, 1000) == pytest.approx(0.02 * 20 * 999 + 0.98 * 399.6)  # by its pace alone: 19,980
    for done in range(2, 101):  # twice as slow as expected
        now[0] += 0.8
        seconds = left.update(done, 1000)
    assert seconds is not None
    assert 0.5 < seconds / (900 * 0.8) < 2


def test_the_time_left_follows_the_pace_and_starts_anew_with_another_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("coreset_studio.desktop_app.service.remaining_time.time.monotonic", lambda: now[0])
    left = RemainingTime()
    assert left.update(0, 100) is None
    now[0] += 10
    assert left.update(10, 100) == pytest.approx(90)
    now[0] += 10
    assert left.update(20, 100) == pytest.approx(0.7 * 90 + 0.3 * 80)
    assert left.update(0, 50) is None
    assert left.update(0, 0) is None


def test_a_service_that_was_closed_begins_nothing_that_waited(
    page_context: PageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    monkeypatch.setattr(CompareNetworks, "run", lambda request, progress: begun.append(request))
    service = page_context.service
    service.ask(CompareNetworks(Study(Path("images")), Path("runs"), None), stage="compare")
    service.close()
    QApplication.processEvents()
    assert not begun
