"""Engine processes: what they say, how they stop, and that nothing is left of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import connection as pipes
from pathlib import Path
from typing import Any

import engine_functions as engine
import psutil
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.endings import process_died
from coreset_studio.core.errors import CancelledError
from coreset_studio.core.limits import limits_of
from coreset_studio.core.service import processes
from coreset_studio.core.service.child import PipeProgress
from coreset_studio.core.service.comparison_requests import PredictFolder
from coreset_studio.core.service.coreset_requests import VerifyExport
from coreset_studio.core.service.dataset_requests import ScanDataset
from coreset_studio.core.service.external_requests import EvaluateExternal, MatchClasses
from coreset_studio.core.service.image_requests import DecodeImage
from coreset_studio.core.service.messages import (
    BUILDING,
    Cancelled,
    Ended,
    Event,
    Failed,
    Finished,
    PartialResult,
    Progressed,
    Ready,
    Reply,
)
from coreset_studio.core.service.processes import Job, ServiceProcess
from coreset_studio.core.service.requests import Request, ServiceRequest
from coreset_studio.core.service.weights_requests import ImportWeights

TESTS = Path(__file__).parents[2] / "engine"
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    yield
    left = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended just now
            if "resource_tracker" not in " ".join(child.cmdline()):
                left.append(child)
    assert left == []


def run(name: str, *arguments: Any, **options: Any) -> list[Event]:
    job = Job(engine.Call(getattr(engine, name), arguments), **options)
    job.start()
    return list(job.events())


def gone(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(timeout=5)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def test_the_result_is_the_only_event_of_a_quick_function() -> None:
    (last,) = run("add", 2, 3)
    assert isinstance(last, Finished)
    assert last.result == 5
    assert 0 <= last.seconds < 5


def test_an_engine_process_imports_no_package_by_the_name_of_its_folder() -> None:
    (last,) = run("second_modules")
    assert isinstance(last, Finished)
    assert last.result == []


@pytest.mark.slow
def test_nor_does_a_command_that_runs_there(tmp_path: Path) -> None:
    make_demo(tmp_path / "images", n_images=60)
    last = run("second_modules_after_a_select", str(tmp_path / "images"), str(tmp_path))[-1]
    assert isinstance(last, Finished)
    assert last.result == []


def test_keywords_arrive() -> None:
    job = Job(engine.Call(engine.add, (2,), {"b": 40}))
    job.start()
    (last,) = job.events()
    assert isinstance(last, Finished)
    assert last.result == 42


def test_reports_come_in_order_at_most_twenty_a_second_and_the_last_is_not_lost() -> None:
    events = run("count", 60, 0.005)
    reports = [event.done for event in events if isinstance(event, Progressed)]
    assert reports == sorted(reports)
    assert reports[-1] == 60
    seconds = events[-1].seconds  # type: ignore[union-attr]
    assert len(reports) <= seconds * 20 + 2


def test_parts_are_never_held_back_and_follow_the_report_before_them() -> None:
    events = run("publish", ("a", "b"))
    assert events[:-1] == [
        Progressed(0, 2, "Parts"),
        PartialResult("a"),
        Progressed(1, 2, "Parts"),
        PartialResult("b"),
    ]


def test_an_expected_failure_is_its_own_sentence() -> None:
    (last,) = run("fail_on_purpose")
    assert isinstance(last, Failed)
    assert last.sentence == "The folder holds no image. Choose a folder of class folders."
    assert last.expected
    assert "DatasetError" in last.details


def test_a_mistake_becomes_a_sentence_with_the_traceback_in_the_details() -> None:
    (last,) = run("fail_by_mistake")
    assert isinstance(last, Failed)
    assert last.sentence.startswith("This step stopped at an error inside the program (KeyError: 'nothing').")
    assert "Traceback" not in last.sentence
    assert "Traceback" in last.details
    assert not last.expected


def test_a_result_that_cannot_travel_is_a_failure_and_not_a_silence() -> None:
    (last,) = run("return_a_lambda")
    assert isinstance(last, Failed)
    assert "pickle" in last.details


@posix
@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGSEGV, "SIGSEGV"), (signal.SIGABRT, "SIGABRT")]
)
def test_a_process_that_dies_is_a_failure_with_a_sentence(number: int, word: str) -> None:
    (last,) = run("die", number)
    assert isinstance(last, Failed)
    assert word in last.sentence


def test_a_process_that_leaves_without_a_word_is_a_failure() -> None:
    (last,) = run("leave_at_once")
    assert isinstance(last, Failed)
    assert "exit code 7" in last.sentence


@posix
def test_a_crash_leaves_its_stack_in_the_details(tmp_path: Path) -> None:
    (last,) = run("die", signal.SIGSEGV, output=tmp_path / "log")
    assert isinstance(last, Failed)
    assert "Segmentation fault" in last.details
    assert "engine_functions.py" in last.details


def test_what_is_printed_goes_to_the_output(tmp_path: Path) -> None:
    job = Job(engine.Call(engine.print_lines), output=tmp_path / "log")
    job.start()
    list(job.events())
    assert job.read_output() == "printed by the engine\nwritten by a library\n"
    assert job.read_output() == ""


def test_cancelling_stops_at_the_next_report() -> None:
    job = Job(engine.Call(engine.count, (10_000, 0.01)))
    job.start()
    events: list[Event] = []
    for event in job.events():
        events.append(event)
        job.cancel()
    assert events[-1] == Cancelled()
    assert len(events) < 100


def test_a_function_that_does_not_listen_is_killed_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.3)
    job = Job(engine.Call(engine.ignore_cancel, (60,)))
    job.start()
    job.cancel()
    began = time.monotonic()
    assert list(job.events()) == [Cancelled()]
    assert time.monotonic() - began < 5
    assert job.reap()


@pytest.mark.slow
@posix
def test_cancelling_takes_grandchildren_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.3)
    job = Job(engine.Call(engine.start_a_child_and_wait, (60,)))
    job.start()
    grandchild = 0
    for event in job.events():
        if isinstance(event, PartialResult):
            grandchild = int(str(event.part))
            job.cancel()
    assert grandchild
    assert gone(grandchild)


@pytest.mark.slow
@posix
def test_a_killed_engine_leaves_no_grandchild() -> None:
    part, last = run("start_a_child_and_die")
    assert isinstance(part, PartialResult)
    assert isinstance(last, Failed)
    assert gone(int(str(part.part)))


def test_closing_kills_at_once() -> None:
    job = Job(engine.Call(engine.ignore_cancel, (60,)))
    job.start()
    pid = job.pid
    assert pid is not None
    job.close()
    job.close()
    assert gone(pid)


@pytest.mark.slow
@posix
def test_the_engine_ends_when_its_parent_is_killed() -> None:
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from coreset_studio.core.service.processes import Job;"
        "import engine_functions as engine;"
        "job = Job(engine.Call(engine.start_a_child_and_wait, (60,))); job.start();"
        "print(job.pid, next(iter(job.events())).part, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(TESTS)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    engine, grandchild = (int(word) for word in parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(engine)
    assert gone(grandchild)


def test_the_process_is_polite_and_takes_no_more_threads_than_allowed() -> None:
    (last,) = run("facts_of_the_process", threads=1)
    assert isinstance(last, Finished)
    facts: Any = last.result
    assert facts["pid"] != os.getpid()
    assert facts["threads"] == "1"
    if sys.platform != "win32":
        assert facts["nice"] >= 10
    heavy = {"tensorflow", "keras", "sklearn", "PySide6", "numpy", "pytest"}
    assert not heavy & set(facts["modules"])


def test_arguments_that_cannot_travel_are_refused_before_anything_starts() -> None:
    with pytest.raises((AttributeError, TypeError)):
        Job(engine.Call(engine.add, (lambda: None,)))


def wait_for(service: ServiceProcess, n_answers: int) -> list[Any]:
    answers: list[Any] = []
    deadline = time.monotonic() + 20
    while len(answers) < n_answers and time.monotonic() < deadline and not service.dead:
        pipes.wait(service.waitables(), timeout=0.1)
        answers += service.take_replies()
    return answers


@pytest.fixture
def counter() -> Iterator[ServiceProcess]:
    service = ServiceProcess(engine.OpenCounter(10))
    service.start()
    yield service
    service.close()


def test_a_service_answers_in_order_also_what_was_asked_before_it_was_ready(counter: ServiceProcess) -> None:
    counter.ask(1, engine.Add(1))
    counter.ask(2, engine.Add(5))
    counter.ask(3, engine.Fail())
    counter.ask(4, engine.Add(0))
    ready, *answers = wait_for(counter, 5)
    assert ready == Reply(BUILDING, Ready())
    assert answers[:2] == [Reply(1, Finished(11)), Reply(2, Finished(16))]
    assert isinstance(answers[2].event, Failed)
    assert answers[2].event.sentence == "No such image."
    assert answers[3] == Reply(4, Finished(16))


def test_of_slider_moves_only_the_first_and_the_last_are_computed(counter: ServiceProcess) -> None:
    wait_for(counter, 1)
    for number in range(1, 50):
        counter.ask(number, engine.SlowEcho(number, 0.2), latest=True)
    answers = wait_for(counter, 2)
    assert answers == [Reply(1, Finished(1)), Reply(49, Finished(49))]


def test_other_questions_are_not_dropped_by_slider_moves(counter: ServiceProcess) -> None:
    counter.ask(1, engine.SlowEcho(1, 0.05), latest=True)
    counter.ask(2, engine.Add(1))
    counter.ask(3, engine.SlowEcho(3, 0.0), latest=True)
    answers = wait_for(counter, 3)
    assert answers[1:] == [Reply(2, Finished(11)), Reply(3, Finished(3))]


def test_a_question_with_progress_tells_how_far_it_is(counter: ServiceProcess) -> None:
    counter.ask(3, engine.Count(2, 0.06))
    answers = wait_for(counter, 5)
    assert answers[1:] == [
        Reply(3, Progressed(0, 2, "Counting: units")),
        Reply(3, Progressed(1, 2, "Counting: units")),
        Reply(3, Progressed(2, 2, "Counting: units")),
        Reply(3, Finished(2)),
    ]


def test_a_newer_question_stops_the_one_being_computed(counter: ServiceProcess) -> None:
    counter.ask(1, engine.Count(1000, 0.01), latest=True)
    wait_for(counter, 3)
    counter.ask(2, engine.Count(1, 0.0), latest=True)
    began = time.monotonic()
    answers = []
    while not answers or not isinstance(answers[-1].event, Finished):
        answers += wait_for(counter, 1)
    assert answers[-1] == Reply(2, Finished(1))
    assert time.monotonic() - began < 5


def test_a_question_can_be_taken_back(counter: ServiceProcess) -> None:
    counter.ask(1, engine.Count(1000, 0.01))
    counter.ask(2, engine.Add(100))
    counter.ask(3, engine.Add(1))
    counter.stop(2)
    counter.stop(1)
    answers = []
    while not answers or not isinstance(answers[-1].event, Finished):
        answers += wait_for(counter, 1)
        counter.stop(1)
    assert answers[-1] == Reply(3, Finished(11))


def test_a_cancelled_question_is_told_when_it_has_stopped_also_one_that_waited(counter: ServiceProcess) -> None:
    counter.ask(1, engine.Count(1000, 0.01))
    counter.ask(2, engine.Add(100))
    wait_for(counter, 3)
    counter.cancel(2)
    counter.cancel(1)
    answers = [answer for answer in wait_for(counter, 2) if not isinstance(answer.event, Progressed)]
    while len(answers) < 2:
        answers += [answer for answer in wait_for(counter, 1) if not isinstance(answer.event, Progressed)]
    assert answers == [Reply(2, Cancelled()), Reply(1, Cancelled())]
    assert not counter.dead


def test_a_cancelled_question_that_does_not_listen_is_ended_and_the_successor_answers_the_rest(
    counter: ServiceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coreset_studio.core.service.processes.GRACE_SECONDS", 0.2)
    wait_for(counter, 1)
    counter.ask(1, engine.SlowEcho(1, 60.0))
    counter.ask(2, engine.Add(1))
    counter.cancel(1)
    answers = wait_for(counter, 2)
    assert answers[0] == Reply(1, Cancelled())
    assert isinstance(answers[1].event, Ended)
    assert counter.killed_for_stop
    successor = counter.again()
    successor.start()
    assert wait_for(successor, 2) == [Reply(BUILDING, Ready()), Reply(2, Finished(11))]
    successor.close()


@posix
def test_a_dead_service_refuses_the_question_that_killed_it_and_its_successor_answers_the_rest(
    counter: ServiceProcess,
) -> None:
    counter.ask(1, engine.Die())
    counter.ask(2, engine.Add(1))
    answers = wait_for(counter, 99)
    assert [type(answer.event) for answer in answers] == [Ready, Failed, Ended]
    assert answers[1].number == 1
    assert counter.dead
    successor = counter.again()
    successor.start()
    assert wait_for(successor, 2) == [Reply(BUILDING, Ready()), Reply(2, Finished(11))]
    successor.close()


def test_a_service_that_cannot_be_built_says_why() -> None:
    service = ServiceProcess(engine.OpenCounter(-1))
    service.start()
    (failed,) = wait_for(service, 99)
    assert failed == Reply(BUILDING, Ended("The counter starts at 0 or above.", failed.event.details, expected=True))
    assert service.dead


@pytest.mark.slow
def test_what_opens_for_ever_is_ended_with_a_sentence() -> None:
    began = time.monotonic()
    (failed,) = run("open_for_ever")
    assert isinstance(failed, Failed)
    assert failed.expected
    assert failed.sentence.startswith("Opening was stopped: it made no progress for 1 s,")
    assert time.monotonic() - began < 20


@pytest.mark.slow
def test_what_is_heard_of_may_take_longer_in_all() -> None:
    assert run("open_step_by_step", 8, 0.3)[-1] == Finished(8, pytest.approx(2.4, abs=2.0))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone keeps a limit of memory")
def test_what_fills_the_memory_is_ended_with_a_sentence() -> None:
    *reports, failed = run("open_what_fills_the_memory")
    assert isinstance(failed, Failed)
    assert failed.sentence.startswith("Opening was stopped: it needs more than the 300 MB of memory")
    assert 0 < max(event.done for event in reports if isinstance(event, Progressed)) < 40


@posix
def test_a_crash_while_something_is_opened_is_put_down_to_the_file() -> None:
    (failed,) = run("open_what_crashes")
    assert isinstance(failed, Failed)
    assert failed.sentence.startswith("The engine process crashed (SIGSEGV). A damaged file can cause this")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone keeps a limit of memory")
def test_a_service_keeps_to_limits_for_the_question_alone(counter: ServiceProcess) -> None:
    counter.ask(1, engine.Open(1_000_000_000))
    counter.ask(2, engine.Open(100_000_000))
    counter.ask(3, engine.SlowEcho(3, 1.5))
    counter.ask(4, engine.Open(0))
    counter.ask(5, engine.Add(1))
    answers = wait_for(counter, 99)
    assert [type(answer.event) for answer in answers] == [Ready, Failed, Finished, Finished, Failed, Ended]
    assert "it needs more than the 300 MB" in answers[1].event.sentence
    assert (answers[4].number, answers[4].event.sentence[:20]) == (4, "Opening was stopped:")
    successor = counter.again()
    successor.start()
    assert wait_for(successor, 2) == [Reply(BUILDING, Ready()), Reply(5, Finished(11))]
    successor.close()


@pytest.mark.parametrize(
    "kind", [ScanDataset, ImportWeights, PredictFolder, MatchClasses, EvaluateExternal, VerifyExport, DecodeImage]
)
def test_what_the_window_opens_from_anywhere_has_limits(
    kind: type[Request[Any]] | type[ServiceRequest[Any, Any]],
) -> None:
    assert limits_of(kind.run) is not None


def test_pipe_progress_raises_when_asked_to_stop() -> None:
    import threading

    stop = threading.Event()
    sent: list[object] = []
    progress = PipeProgress(sent.append, stop)
    progress.report(0, 2, "a")
    progress.report(1, 2, "a")
    stop.set()
    with pytest.raises(CancelledError):
        progress.report(2, 2, "a")
    assert sent == [Progressed(0, 2, "a")]
    progress.close()
    assert sent == [Progressed(0, 2, "a"), Progressed(1, 2, "a")]


@posix
@pytest.mark.parametrize(("code", "word"), [(-9, "SIGKILL"), (-11, "SIGSEGV"), (-200, "signal 200"), (3, "code 3")])
def test_the_sentence_about_a_dead_process(code: int, word: str) -> None:
    assert word in process_died(code)
