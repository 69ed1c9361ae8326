"""Fixtures for tests of the window: a page's context whose jobs run at once, and a watch for what is left behind."""

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QSettings, QTimer

from core.jobs import Cancelled, Event, Failed, Finished, ImmediateJob, PartialResult, Progressed
from desktop_app.messages import Message, Messages
from desktop_app.pages.page import PageContext
from desktop_app.project_model import ProjectModel
from desktop_app.settings import Preferences
from desktop_app.worker import ResidentFace, Worker
from desktop_app.worker_commands import as_call

HARMLESS_THREADS = ("MainThread", "Thread-", "pydevd", "Dummy")


def engine_processes() -> list[psutil.Process]:
    """Processes started by this one, but for the standard library's own helper."""
    children = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE and "resource_tracker" not in " ".join(child.cmdline()):
                children.append(child)
        except psutil.Error:
            continue
    return children


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a process or a thread behind."""
    threads = set(threading.enumerate())
    yield
    children = engine_processes()
    _, alive = psutil.wait_procs(children, timeout=5)
    for child in alive:
        child.kill()
    assert not alive, f"processes left behind: {alive}"
    left = [t for t in threading.enumerate() if t not in threads and not t.name.startswith(HARMLESS_THREADS)]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> str:
    """Module of the functions that tests run in engine processes."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "engine"))
    return "engine_functions"


@pytest.fixture
def engine_children() -> Callable[[], list[psutil.Process]]:
    """A function that lists the engine processes alive now."""
    return engine_processes


class ImmediateWorker(Worker):
    """A worker whose jobs run in this process, in the next turn of the event loop; nothing is spawned."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str, object]] = []
        self.resident = ImmediateResident(self)  # type: ignore[assignment]
        self._waiting: list[ImmediateJob] = []

    def _begin(self, number: int, function: str, positional: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        self.calls.append((self._stages[number], function, keywords or positional))
        job = ImmediateJob(function, positional, keywords)
        self._waiting.append((number, job))  # type: ignore[arg-type]
        QTimer.singleShot(0, self._run_next)

    def cancel(self, job_id: int) -> None:
        """Cancel a job that has not run yet."""
        kept = [(number, job) for number, job in self._waiting if number != job_id]  # type: ignore[misc]
        if len(kept) != len(self._waiting):
            self._waiting = kept  # type: ignore[assignment]
            self._on_job_ended(job_id, Cancelled())

    def _run_next(self) -> None:
        if not self._waiting:
            return
        number, job = self._waiting.pop(0)  # type: ignore[misc]
        job.start()
        for event in job.take_events():
            self._tell(number, event)

    def _tell(self, number: int, event: Event) -> None:
        if isinstance(event, Progressed):
            self.progressed.emit(number, event.done, event.total, event.message, None)
        elif isinstance(event, PartialResult):
            self.partial.emit(number, event.result)
        elif isinstance(event, Finished | Failed | Cancelled):
            self._on_job_ended(number, event)


class ImmediateResident(ResidentFace):
    """A resident in this process: answers in the next turn of the event loop."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker._thread, worker)
        self._object: Any = None
        self._questions: list[tuple[int, str, tuple[Any, ...], bool]] = []

    def open(self, name: str, arguments: object = ()) -> None:
        from core.calls import resolve

        if self.opened == (name, arguments):
            return
        self.opened = (name, arguments)
        positional, keywords = as_call(arguments)
        self._object = resolve(name)(*positional, **keywords)
        QTimer.singleShot(0, self.ready.emit)

    def shut(self) -> None:
        self.opened = self._object = None

    def _ask(self, method: str, arguments: object, *, latest: bool) -> int:
        number = next(self._numbers)
        if latest:
            self._questions = [asked for asked in self._questions if not (asked[3] and asked[1] == method)]
        self._questions.append((number, method, as_call(arguments)[0], latest))
        QTimer.singleShot(0, self._answer_next)
        return number

    def _answer_next(self) -> None:
        from core.calls import failure

        if not self._questions:
            return
        number, method, arguments, _ = self._questions.pop(0)
        if self._object is None:
            self.refused.emit(number, "The engine is not ready for this yet. Run the step before.", "")
            return
        try:
            result = getattr(self._object, method)(*arguments)
        except Exception as error:
            failed = failure(error)
            self.refused.emit(number, failed.sentence, failed.details)
        else:
            self.answered.emit(number, result)


class RecordedMessages(Messages):
    """The door for messages, with everything that went through it in `posts`."""

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[Message] = []

    def _post(self, message: Message) -> None:
        self.posts.append(message)
        super()._post(message)

    def sentences(self, level: str | None = None) -> list[str]:
        return [post.sentence for post in self.posts if level in (None, post.level)]


@pytest.fixture
def preferences(tmp_path: Path, qapp: object) -> Preferences:
    """Preferences in a file of the test's own."""
    return Preferences(QSettings(str(tmp_path / "preferences.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def page_context(preferences: Preferences) -> Iterator[PageContext]:
    """What a page is given; jobs and the resident run in this process, messages are recorded."""
    worker = ImmediateWorker()
    yield PageContext(ProjectModel(), worker, RecordedMessages(), preferences)
    worker.close()


@pytest.fixture
def process_context(preferences: Preferences) -> Iterator[PageContext]:
    """What a page is given, with real engine processes."""
    worker = Worker()
    yield PageContext(ProjectModel(), worker, RecordedMessages(), preferences)
    worker.close()
