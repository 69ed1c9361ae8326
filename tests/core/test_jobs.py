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

import psutil
import pytest

from core import jobs
from core.calls import resolve
from core.engine_process import PipeProgress
from core.errors import CancelledError
from core.jobs import (
    Answered,
    Cancelled,
    Event,
    Failed,
    Finished,
    ImmediateJob,
    Job,
    PartialResult,
    Progressed,
    Ready,
    Refused,
    Reported,
    Resident,
    Stopped,
)
from core.limits import limits_of

TESTS = Path(__file__).parents[1] / "engine"
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@pytest.fixture(autouse=True)
def _engine_functions_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TESTS))


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
    job = Job(f"engine_functions:{name}", arguments, **options)
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


def test_keywords_arrive() -> None:
    job = Job("engine_functions:add", (2,), {"b": 40})
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


@pytest.mark.parametrize("name", ["no_such_function", "engine:missing"])
def test_a_name_that_is_not_there_fails(name: str) -> None:
    (last,) = run(name)
    assert isinstance(last, Failed)


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
    job = Job("engine_functions:print_lines", output=tmp_path / "log")
    job.start()
    list(job.events())
    assert job.read_output() == "printed by the engine\nwritten by a library\n"
    assert job.read_output() == ""


def test_cancelling_stops_at_the_next_report() -> None:
    job = Job("engine_functions:count", (10_000, 0.01))
    job.start()
    events: list[Event] = []
    for event in job.events():
        events.append(event)
        job.cancel()
    assert events[-1] == Cancelled()
    assert len(events) < 100


def test_a_function_that_does_not_listen_is_killed_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "GRACE_SECONDS", 0.3)
    job = Job("engine_functions:ignore_cancel", (60,))
    job.start()
    job.cancel()
    began = time.monotonic()
    assert list(job.events()) == [Cancelled()]
    assert time.monotonic() - began < 5
    assert job.reap()


@posix
def test_cancelling_takes_grandchildren_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "GRACE_SECONDS", 0.3)
    job = Job("engine_functions:start_a_child_and_wait", (60,))
    job.start()
    grandchild = 0
    for event in job.events():
        if isinstance(event, PartialResult):
            grandchild = int(str(event.result))
            job.cancel()
    assert grandchild
    assert gone(grandchild)


@posix
def test_a_killed_engine_leaves_no_grandchild() -> None:
    part, last = run("start_a_child_and_die")
    assert isinstance(part, PartialResult)
    assert isinstance(last, Failed)
    assert gone(int(str(part.result)))


def test_closing_kills_at_once() -> None:
    job = Job("engine_functions:ignore_cancel", (60,))
    job.start()
    pid = job.pid
    assert pid is not None
    job.close()
    job.close()
    assert gone(pid)


@posix
def test_the_engine_ends_when_its_parent_is_killed() -> None:
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from core.jobs import Job;"
        "job = Job('engine_functions:start_a_child_and_wait', (60,)); job.start();"
        "print(job.pid, next(iter(job.events())).result, flush=True); time.sleep(60)"
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
        Job("engine_functions:add", (lambda: None,))


def wait_for(resident: Resident, n_answers: int) -> list[Any]:
    answers: list[Any] = []
    deadline = time.monotonic() + 20
    while len(answers) < n_answers and time.monotonic() < deadline and not resident.dead:
        pipes.wait(resident.waitables(), timeout=0.1)
        answers += resident.take_answers()
    return answers


@pytest.fixture
def counter() -> Iterator[Resident]:
    resident = Resident("engine_functions:Counter", (10,))
    resident.start()
    yield resident
    resident.close()


def test_a_resident_answers_in_order_also_what_was_asked_before_it_was_ready(counter: Resident) -> None:
    counter.ask(1, "add", (1,))
    counter.ask(2, "add", (5,))
    counter.ask(3, "fail")
    counter.ask(4, "add", (0,))
    ready, *answers = wait_for(counter, 5)
    assert ready == Ready()
    assert answers[:2] == [Answered(1, 11), Answered(2, 16)]
    assert isinstance(answers[2], Refused)
    assert answers[2].sentence == "No such image."
    assert answers[3] == Answered(4, 16)


def test_of_slider_moves_only_the_first_and_the_last_are_computed(counter: Resident) -> None:
    wait_for(counter, 1)
    for number in range(1, 50):
        counter.ask(number, "slow_echo", (number, 0.2), latest=True)
    answers = wait_for(counter, 2)
    assert answers == [Answered(1, 1), Answered(49, 49)]


def test_other_questions_are_not_dropped_by_slider_moves(counter: Resident) -> None:
    counter.ask(1, "slow_echo", (1, 0.05), latest=True)
    counter.ask(2, "add", (1,))
    counter.ask(3, "slow_echo", (3, 0.0), latest=True)
    answers = wait_for(counter, 3)
    assert answers[1:] == [Answered(2, 11), Answered(3, 3)]


def test_a_question_with_progress_tells_how_far_it_is(counter: Resident) -> None:
    counter.ask(3, "count", (2, 0.06))
    answers = wait_for(counter, 5)
    assert answers[1:] == [
        Reported(3, Progressed(0, 2, "Counting: units")),
        Reported(3, Progressed(1, 2, "Counting: units")),
        Reported(3, Progressed(2, 2, "Counting: units")),
        Answered(3, 2),
    ]


def test_a_newer_question_stops_the_one_being_computed(counter: Resident) -> None:
    counter.ask(1, "count", (1000, 0.01), latest=True)
    wait_for(counter, 3)
    counter.ask(2, "count", (1, 0.0), latest=True)
    began = time.monotonic()
    answers = []
    while not answers or not isinstance(answers[-1], Answered):
        answers += wait_for(counter, 1)
    assert answers[-1] == Answered(2, 1)
    assert time.monotonic() - began < 5


def test_a_question_can_be_taken_back(counter: Resident) -> None:
    counter.ask(1, "count", (1000, 0.01))
    counter.ask(2, "add", (100,))
    counter.ask(3, "add", (1,))
    counter.stop(2)
    counter.stop(1)
    answers = []
    while not answers or not isinstance(answers[-1], Answered):
        answers += wait_for(counter, 1)
        counter.stop(1)
    assert answers[-1] == Answered(3, 11)


def test_a_cancelled_question_is_told_when_it_has_stopped_also_one_that_waited(counter: Resident) -> None:
    counter.ask(1, "count", (1000, 0.01))
    counter.ask(2, "add", (100,))
    wait_for(counter, 3)
    counter.cancel(2)
    counter.cancel(1)
    answers = [answer for answer in wait_for(counter, 2) if not isinstance(answer, Reported)]
    while len(answers) < 2:
        answers += [answer for answer in wait_for(counter, 1) if not isinstance(answer, Reported)]
    assert answers == [Stopped(2), Stopped(1)]
    assert not counter.dead


def test_a_cancelled_question_that_does_not_listen_is_ended_and_the_heir_answers_the_rest(
    counter: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.resident.GRACE_SECONDS", 0.2)
    wait_for(counter, 1)
    counter.ask(1, "slow_echo", (1, 60.0))
    counter.ask(2, "add", (1,))
    counter.cancel(1)
    answers = wait_for(counter, 2)
    assert answers[0] == Stopped(1)
    assert isinstance(answers[1], Failed)
    assert counter.killed_for_stop
    heir = counter.again()
    heir.start()
    assert wait_for(heir, 2) == [Ready(), Answered(2, 11)]
    heir.close()


@posix
def test_a_dead_resident_refuses_the_question_that_killed_it_and_its_heir_answers_the_rest(counter: Resident) -> None:
    counter.ask(1, "die")
    counter.ask(2, "add", (1,))
    answers = wait_for(counter, 99)
    assert [type(answer) for answer in answers] == [Ready, Refused, Failed]
    assert answers[1].number == 1
    assert counter.dead
    heir = counter.again()
    heir.start()
    assert wait_for(heir, 2) == [Ready(), Answered(2, 11)]
    heir.close()


def test_a_resident_that_cannot_be_built_says_why() -> None:
    resident = Resident("engine_functions:Counter", (-1,))
    resident.start()
    (failed,) = wait_for(resident, 99)
    assert failed.sentence == "The counter starts at 0 or above."
    assert failed.expected
    assert resident.dead


def test_what_opens_for_ever_is_ended_with_a_sentence() -> None:
    began = time.monotonic()
    (failed,) = run("open_for_ever")
    assert isinstance(failed, Failed)
    assert failed.expected
    assert failed.sentence.startswith("Opening was stopped: nothing was heard of it for 1 s,")
    assert time.monotonic() - began < 20


def test_what_is_heard_of_may_take_longer_in_all() -> None:
    assert run("open_step_by_step", 8, 0.3)[-1] == Finished(8, pytest.approx(2.4, abs=2.0))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone keeps a limit of memory")
def test_what_fills_the_memory_is_ended_with_a_sentence() -> None:
    *reports, failed = run("open_what_fills_the_memory")
    assert isinstance(failed, Failed)
    assert failed.sentence.startswith("Opening was stopped: it wants more than 0.3 GB of memory")
    assert 0 < max(event.done for event in reports if isinstance(event, Progressed)) < 40


@posix
def test_a_crash_while_something_is_opened_is_put_down_to_the_file() -> None:
    (failed,) = run("open_what_crashes")
    assert isinstance(failed, Failed)
    assert failed.sentence.startswith("The engine process crashed (SIGSEGV). A damaged file can do that")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone keeps a limit of memory")
def test_a_resident_keeps_to_limits_for_the_question_alone(counter: Resident) -> None:
    counter.ask(1, "open", (1_000_000_000,))
    counter.ask(2, "open", (100_000_000,))
    counter.ask(3, "slow_echo", (3, 1.5))
    counter.ask(4, "open", (0,))
    counter.ask(5, "add", (1,))
    answers = wait_for(counter, 99)
    assert [type(answer) for answer in answers] == [Ready, Refused, Answered, Answered, Refused, Failed]
    assert "it wants more than 0.3 GB" in answers[1].sentence
    assert (answers[4].number, answers[4].sentence[:20]) == (4, "Opening was stopped:")
    heir = counter.again()
    heir.start()
    assert wait_for(heir, 2) == [Ready(), Answered(5, 11)]
    heir.close()


@pytest.mark.parametrize(
    "name",
    [
        "core.pipeline.scanning:scan_source",
        "core.pipeline.window_jobs:import_weights",
        "core.pipeline.window_jobs:predict_folder",
        "core.pipeline.window_jobs:verify_export",
        "core.pipeline.desk:Desk.picture",
    ],
)
def test_what_the_window_opens_from_anywhere_has_limits(name: str) -> None:
    assert limits_of(resolve(name)) is not None


def test_an_immediate_job_has_the_same_events() -> None:
    job = ImmediateJob("engine_functions:publish", ((7,),))
    job.start()
    events = job.take_events()
    assert events[:2] == [Progressed(0, 1, "Parts"), PartialResult(7)]
    assert isinstance(events[2], Finished)
    assert job.over
    assert job.take_events() == []


def test_an_immediate_job_turns_errors_into_sentences() -> None:
    job = ImmediateJob("engine_functions:fail_on_purpose")
    job.start()
    (last,) = job.take_events()
    assert isinstance(last, Failed)
    assert last.expected


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
    assert word in jobs.process_died(code)
