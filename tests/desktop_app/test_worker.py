"""The worker thread with real engine processes: what it tells, how it stops, what it survives."""

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QObject, Qt, QThread, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop_app.pages.page import PageContext
from desktop_app.worker import Worker
from desktop_app.worker_thread import RemainingTime

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


class Listener(QObject):
    """Writes down every signal with the thread it arrived in."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.heard: list[tuple[Any, ...]] = []
        self.threads: set[QThread] = set()
        worker.started.connect(self.on_started)
        worker.progressed.connect(self.on_progressed)
        worker.partial.connect(self.on_partial)
        worker.finished.connect(self.on_finished)
        worker.failed.connect(self.on_failed)
        worker.cancelled.connect(self.on_cancelled)
        worker.ended.connect(self.on_ended)
        worker.logged.connect(self.on_logged)
        worker.resident.answered.connect(self.on_answered)
        worker.resident.refused.connect(self.on_refused)
        worker.resident.died.connect(self.on_died)
        worker.resident.ready.connect(self.on_ready)
        worker.resident.progressed.connect(self.on_resident_progressed)

    def hear(self, *what: Any) -> None:
        self.heard.append(what)
        self.threads.add(QThread.currentThread())

    def on_started(self, number: int, stage: str) -> None:
        self.hear("started", number, stage)

    def on_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:
        self.hear("progressed", number, done, total, message)

    def on_partial(self, number: int, result: object) -> None:
        self.hear("partial", number, result)

    def on_finished(self, number: int, result: object) -> None:
        self.hear("finished", number, result)

    def on_failed(self, number: int, sentence: str, details: str) -> None:
        self.hear("failed", number, sentence, details)

    def on_cancelled(self, number: int) -> None:
        self.hear("cancelled", number)

    def on_ended(self, number: int, stage: str) -> None:
        self.hear("ended", number, stage)

    def on_logged(self, text: str) -> None:
        self.hear("logged", text)

    def on_answered(self, number: int, result: object) -> None:
        self.hear("answered", number, result)

    def on_refused(self, number: int, sentence: str, details: str) -> None:
        self.hear("refused", number, sentence)

    def on_died(self, sentence: str, details: str) -> None:
        self.hear("died", sentence)

    def on_ready(self) -> None:
        self.hear("ready")

    def on_resident_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:
        self.hear("asking", number, done, total)

    def words(self) -> list[str]:
        return [str(what[0]) for what in self.heard]

    def only(self, word: str) -> list[tuple[Any, ...]]:
        return [what for what in self.heard if what[0] == word]


@pytest.fixture
def worker(engine: str, qapp: object) -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


@pytest.fixture
def listener(worker: Worker) -> Listener:
    return Listener(worker)


def ended(listener: Listener, n: int = 1) -> Any:
    return lambda: len(listener.only("ended")) >= n


def test_a_job_tells_everything_in_order_in_the_windows_thread(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    number = worker.start("features", f"{engine}:publish", (("a", "b"),))
    assert worker.is_running("features")
    assert worker.running() == (number,)
    qtbot.waitUntil(ended(listener), timeout=20_000)
    assert listener.heard == [
        ("started", number, "features"),
        ("progressed", number, 0, 2, "Parts"),
        ("partial", number, "a"),
        ("progressed", number, 1, 2, "Parts"),
        ("partial", number, "b"),
        ("finished", number, None),
        ("ended", number, "features"),
    ]
    assert listener.threads == {worker.thread()}
    assert not worker.running()


def test_a_job_that_is_dropped_is_over_at_once_and_nothing_more_is_heard_of_it(
    worker: Worker, listener: Listener, engine: str, engine_children: Callable[[], list[Any]], qtbot: QtBot
) -> None:
    number = worker.start("features", f"{engine}:tell_pid_and_count", (0.01,))
    qtbot.waitUntil(lambda: bool(listener.only("partial")), timeout=20_000)
    listener.heard.clear()
    worker.drop_all()
    assert listener.heard == [("cancelled", number), ("ended", number, "features")]
    assert not worker.running()
    qtbot.waitUntil(lambda: not engine_children(), timeout=20_000)
    qtbot.wait(50)
    worker.drop(number)
    assert listener.words() == ["cancelled", "ended"]


def test_how_far_a_resident_was_is_not_told_after_it_was_shut(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    worker.resident.open(f"{engine}:Counter", (1,))
    worker.resident.ask("count", (500, 0.01))
    qtbot.waitUntil(lambda: bool(listener.only("asking")), timeout=20_000)
    time.sleep(0.1)  # reports wait in the queue now
    worker.resident.shut()
    listener.heard.clear()
    qtbot.wait(300)
    assert "asking" not in listener.words()
    worker.resident.open(f"{engine}:Counter", (1,))
    worker.resident.ask("count", (3, 0.01))
    qtbot.waitUntil(lambda: bool(listener.only("answered")), timeout=20_000)
    assert "asking" in listener.words()


@pytest.mark.parametrize(
    ("arguments", "result"), [((2, 3), 5), ({"a": 2, "b": 40}, 42), (7, 7)], ids=["tuple", "mapping", "one"]
)
def test_arguments_may_be_a_tuple_a_mapping_or_one(
    arguments: object, result: int, worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    number = worker.start("", f"{engine}:add", arguments)
    qtbot.waitUntil(ended(listener), timeout=20_000)
    assert ("finished", number, result) in listener.heard
    assert worker.seconds_of(number) >= 0


def test_two_jobs_run_beside_each_other(worker: Worker, listener: Listener, engine: str, qtbot: QtBot) -> None:
    slow = worker.start("features", f"{engine}:count", (40, 0.05))
    quick = worker.start("", f"{engine}:add", (1, 1))
    qtbot.waitUntil(ended(listener, 2), timeout=20_000)
    assert [what[1] for what in listener.only("finished")] == [quick, slow]


def test_a_failure_comes_as_a_sentence_with_details(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    number = worker.start("dataset", f"{engine}:fail_on_purpose")
    qtbot.waitUntil(ended(listener), timeout=20_000)
    ((_, of, sentence, details),) = listener.only("failed")
    assert (of, sentence) == (number, "The folder holds no image. Choose a folder of class folders.")
    assert "Traceback" in details


def test_arguments_that_cannot_travel_fail_like_any_other(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    worker.start("dataset", f"{engine}:add", (threading.Lock(), 1))
    qtbot.waitUntil(ended(listener), timeout=20_000)
    assert listener.words() == ["started", "failed", "ended"]


def test_cancel_stops_a_job(worker: Worker, listener: Listener, engine: str, qtbot: QtBot) -> None:
    number = worker.start("features", f"{engine}:count", (100_000, 0.01))
    qtbot.waitUntil(lambda: bool(listener.only("progressed")), timeout=20_000)
    worker.cancel(number)
    qtbot.waitUntil(ended(listener), timeout=5_000)
    assert listener.words()[-2:] == ["cancelled", "ended"]
    worker.cancel(number)


def test_a_job_that_does_not_listen_is_killed(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.jobs.GRACE_SECONDS", 0.3)
    number = worker.start("features", f"{engine}:ignore_cancel", (60,))
    worker.cancel(number)
    qtbot.waitUntil(ended(listener), timeout=10_000)
    assert listener.words()[-2:] == ["cancelled", "ended"]


@posix
def test_an_engine_killed_from_outside_is_a_message_and_the_next_job_runs(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot, engine_children: Any
) -> None:
    worker.start("features", f"{engine}:count", (100_000, 0.01))
    qtbot.waitUntil(lambda: bool(listener.only("progressed")), timeout=20_000)
    (child,) = engine_children()
    os.kill(child.pid, signal.SIGKILL)
    qtbot.waitUntil(ended(listener), timeout=10_000)
    assert "SIGKILL" in listener.only("failed")[0][2]
    worker.start("features", f"{engine}:add", (1, 2))
    qtbot.waitUntil(ended(listener, 2), timeout=20_000)
    assert listener.only("finished")[0][2] == 3


def test_what_the_engine_prints_is_logged(worker: Worker, listener: Listener, engine: str, qtbot: QtBot) -> None:
    worker.start("", f"{engine}:print_lines")
    qtbot.waitUntil(ended(listener), timeout=20_000)
    text = "".join(what[1] for what in listener.only("logged"))
    assert "printed by the engine" in text
    assert "written by a library" in text


@pytest.mark.parametrize(
    ("function", "said"),
    [("open_for_ever", "nothing was heard of it"), ("open_what_fills_the_memory", "it wants more than 0.3 GB")],
)
def test_a_hostile_file_leaves_the_window_awake_and_ends_with_one_sentence(
    function: str, said: str, worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    if function != "open_for_ever" and not sys.platform.startswith("linux"):
        pytest.skip("Linux alone keeps a limit of memory")
    ticks = [time.monotonic()]
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(20)
    worker.start("dataset", f"{engine}:{function}")
    qtbot.waitUntil(ended(listener), timeout=30_000)
    ((_, _, sentence, _),) = listener.only("failed")
    assert sentence.startswith(f"Opening was stopped: {said}")
    assert max(later - earlier for earlier, later in itertools.pairwise(ticks)) < 1.0
    number = worker.start("dataset", f"{engine}:add", (1, 2))
    qtbot.waitUntil(ended(listener, 2), timeout=20_000)
    assert listener.only("finished") == [("finished", number, 3)]


def test_closing_leaves_no_process_and_no_thread(engine: str, qtbot: QtBot, engine_children: Any) -> None:
    worker = Worker()
    listener = Listener(worker)
    for _ in range(2):
        worker.start("features", f"{engine}:ignore_cancel", (60,))
    worker.resident.open(f"{engine}:Counter", (1,))
    qtbot.waitUntil(lambda: bool(listener.only("ready")), timeout=20_000)
    began = time.monotonic()
    worker.close()
    assert time.monotonic() - began < 2
    assert engine_children() == []
    assert not worker._thread.isRunning()
    worker.close()
    assert worker.start("features", f"{engine}:add", (1, 2))  # after the end nothing happens


def test_a_count_beyond_32_bits_is_told_in_larger_units(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    worker.start("", f"{engine}:report_bytes", (5_000_000_000, 10_000_000_000))
    qtbot.waitUntil(ended(listener), timeout=20_000)
    ((_, _, done, total, _),) = listener.only("progressed")
    assert done / total == pytest.approx(0.5)
    assert total < 2**31


# --- the resident ---------------------------------------------------------------------------------------------


def test_the_resident_answers_what_was_asked_before_it_was_ready(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    worker.resident.open(f"{engine}:Counter", (10,))
    first = worker.resident.ask("add", (1,))
    second = worker.resident.ask("fail")
    qtbot.waitUntil(lambda: bool(listener.only("refused")), timeout=20_000)
    assert listener.heard == [("ready",), ("answered", first, 11), ("refused", second, "No such image.")]


def test_opening_the_same_again_keeps_it(worker: Worker, listener: Listener, engine: str, qtbot: QtBot) -> None:
    worker.resident.open(f"{engine}:Counter", (10,))
    worker.resident.ask("add", (1,))
    worker.resident.open(f"{engine}:Counter", (10,))
    worker.resident.ask("add", (1,))
    qtbot.waitUntil(lambda: len(listener.only("answered")) == 2, timeout=20_000)
    assert [what[2] for what in listener.only("answered")] == [11, 12]
    worker.resident.open(f"{engine}:Counter", (100,))
    worker.resident.ask("add", (1,))
    qtbot.waitUntil(lambda: len(listener.only("answered")) == 3, timeout=20_000)
    assert listener.only("answered")[-1][2] == 101


def hear_late(qtbot: QtBot, said: Any, first: Callable[[], object], then: Callable[[], object]) -> None:
    """Do `first`, and `then` when the thread has emitted `said` and the window's thread has not heard it yet."""
    emitted = threading.Event()
    said.connect(lambda *_: emitted.set(), Qt.ConnectionType.DirectConnection)
    first()
    assert emitted.wait(20)
    then()
    qtbot.wait(50)


def test_an_error_of_a_resident_that_was_shut_is_not_heard(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    def open_one_that_fails() -> None:
        worker.resident.open(f"{engine}:Counter", (-1,))

    hear_late(qtbot, worker._thread.died, open_one_that_fails, worker.resident.shut)
    assert listener.heard == []


def test_an_error_of_a_resident_that_gave_way_does_not_end_the_next(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    def open_another() -> None:
        worker.resident.shut()
        worker.resident.open(f"{engine}:Counter", (5,))

    def open_one_that_fails() -> None:
        worker.resident.open(f"{engine}:Counter", (-1,))

    hear_late(qtbot, worker._thread.died, open_one_that_fails, open_another)
    assert worker.resident.opened == (f"{engine}:Counter", (5,))
    number = worker.resident.ask("add", (1,))
    qtbot.waitUntil(lambda: bool(listener.only("answered")), timeout=20_000)
    assert listener.heard == [("ready",), ("answered", number, 6)]


def test_what_a_resident_that_was_shut_refused_or_answered_is_not_heard(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    def ask_to_fail() -> None:
        worker.resident.ask("fail")

    def ask_to_add() -> None:
        worker.resident.ask("add", (1,))

    for ask, said in ((ask_to_fail, worker._thread.refused), (ask_to_add, worker._thread.answered)):
        worker.resident.open(f"{engine}:Counter", (1,))
        qtbot.waitUntil(lambda: bool(listener.only("ready")), timeout=20_000)
        listener.heard.clear()
        hear_late(qtbot, said, ask, worker.resident.shut)
        assert listener.heard == []


def test_a_question_after_the_end_of_the_resident_is_refused(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    worker.resident.open(f"{engine}:Counter", (1,))
    worker.resident.shut()
    number = worker.resident.ask("add", (1,))
    qtbot.waitUntil(lambda: bool(listener.only("refused")), timeout=20_000)
    assert listener.only("refused")[0][1] == number


@posix
def test_a_killed_resident_is_started_again_and_answers(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot, engine_children: Any
) -> None:
    worker.resident.open(f"{engine}:Counter", (10,))
    qtbot.waitUntil(lambda: bool(listener.only("ready")), timeout=20_000)
    (child,) = engine_children()
    os.kill(child.pid, signal.SIGKILL)
    number = worker.resident.ask("add", (1,))
    qtbot.waitUntil(lambda: bool(listener.only("answered") or listener.only("refused")), timeout=20_000)
    if listener.only("refused"):  # it was asked in the moment of the death
        number = worker.resident.ask("add", (1,))
        qtbot.waitUntil(lambda: bool(listener.only("answered")), timeout=20_000)
    assert listener.only("answered") == [("answered", number, 11)]
    assert len(listener.only("ready")) == 2
    assert not listener.only("died")


@posix
def test_a_resident_that_dies_again_and_again_is_given_up(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    worker.resident.open(f"{engine}:Counter", (10,))
    for _ in range(6):
        worker.resident.ask("die")
    qtbot.waitUntil(lambda: bool(listener.only("died")), timeout=40_000)
    assert len(listener.only("ready")) == 4
    assert worker.resident.opened is None


def test_a_resident_that_cannot_be_built_says_so_once(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    worker.resident.open(f"{engine}:Counter", (-1,))
    qtbot.waitUntil(lambda: bool(listener.only("died")), timeout=20_000)
    assert listener.heard == [("died", "The counter starts at 0 or above.")]


def test_without_a_resident_a_question_is_refused(worker: Worker, listener: Listener, qtbot: QtBot) -> None:
    number = worker.resident.ask("add", (1,))
    qtbot.waitUntil(lambda: bool(listener.heard), timeout=20_000)
    assert listener.heard[0][:2] == ("refused", number)


def test_a_slider_gets_its_last_answer(worker: Worker, listener: Listener, engine: str, qtbot: QtBot) -> None:
    worker.resident.open(f"{engine}:Counter", (10,))
    qtbot.waitUntil(lambda: bool(listener.only("ready")), timeout=20_000)
    numbers = [worker.resident.ask_latest("slow_echo", (value, 0.05)) for value in range(30)]
    qtbot.waitUntil(lambda: ("answered", numbers[-1], 29) in listener.heard, timeout=20_000)
    assert len(listener.only("answered")) < 10


def test_a_long_question_tells_its_progress_and_can_be_stopped(
    worker: Worker, listener: Listener, engine: str, qtbot: QtBot
) -> None:
    worker.resident.open(f"{engine}:Counter", (10,))
    number = worker.resident.ask("count", (100_000, 0.01))
    qtbot.waitUntil(lambda: bool(listener.only("asking")), timeout=20_000)
    worker.resident.stop(number)
    after = worker.resident.ask("add", (1,))
    qtbot.waitUntil(lambda: bool(listener.only("answered")), timeout=5_000)
    assert listener.only("answered") == [("answered", after, 11)]


def test_what_was_expected_counts_until_the_pace_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first batch takes long, as it compiles the network: that is no pace."""
    now = [100.0]
    monkeypatch.setattr("desktop_app.worker_thread.time.monotonic", lambda: now[0])
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
    monkeypatch.setattr("desktop_app.worker_thread.time.monotonic", lambda: now[0])
    left = RemainingTime()
    assert left.update(0, 100) is None
    now[0] += 10
    assert left.update(10, 100) == pytest.approx(90)
    now[0] += 10
    assert left.update(20, 100) == pytest.approx(0.7 * 90 + 0.3 * 80)
    assert left.update(0, 50) is None
    assert left.update(0, 0) is None


def test_a_worker_that_was_closed_begins_nothing_that_waited(
    page_context: PageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.pipeline import window_jobs

    begun: list[object] = []
    monkeypatch.setattr(window_jobs, "compare", lambda *given, **named: begun.append(given))
    worker = page_context.worker
    worker.start("compare", "core.pipeline.window_jobs:compare")
    worker.close()
    QApplication.processEvents()
    assert not begun
