"""The window's one background thread: it starts engine processes, reads their pipes and emits typed Qt signals.

It computes nothing. Jobs run in processes of their own (`core.jobs.Job`); one resident process
(`core.jobs.Resident`) answers what must feel instant. Connect the signals to methods of QObjects only: PySide6
runs a lambda or a plain function in the emitting thread.
"""

import itertools
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.jobs import Cancelled, Event, Failed, Finished
from desktop_app.worker_commands import Ask, Cancel, CancelAsking, Open, Shut, Start, StopAsking, as_call
from desktop_app.worker_thread import WorkerThread


class Worker(QObject):
    """Runs engine functions for the pages; lives in the window's thread.

    Attributes
    ----------
    resident : ResidentFace
        What answers at once while a project with clusters is open.

    Signals
    -------
    started : (job_id, stage)
    progressed : (job_id, done, total, message, seconds_left)
        `total` is 0 where the amount is not known, `seconds_left` is None where that cannot be told.
    partial : (job_id, result)
        A finished part of the result.
    finished : (job_id, result)
    failed : (job_id, sentence, details)
    cancelled : (job_id)
        Every job ends with exactly one of finished, failed and cancelled.
    ended : (job_id, stage)
        After that one, whichever it was.
    logged : (text)
        What an engine process printed.

    Examples
    --------
    >>> job_id = worker.start("dataset", "core.pipeline:scan", (folder,))  # doctest: +SKIP
    """

    started = Signal(int, str)
    progressed = Signal(int, int, int, str, object)
    partial = Signal(int, object)
    finished = Signal(int, object)
    failed = Signal(int, str, str)
    cancelled = Signal(int)
    ended = Signal(int, str)
    logged = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.threads: int | None = None
        self._numbers = itertools.count(1)
        self._stages: dict[int, str] = {}
        self._functions: dict[int, str] = {}
        self._seconds: dict[int, float] = {}
        self._expected: dict[int, float | None] = {}
        self._thread = WorkerThread()
        self.resident = ResidentFace(self._thread, self)
        self._thread.job_progressed.connect(self._on_job_progressed)
        self._thread.job_published.connect(self._on_job_published)
        self._thread.job_ended.connect(self._on_job_ended)
        self._thread.logged.connect(self.logged)

    def start(self, stage: str, function: str, arguments: object = (), *, expected_seconds: float | None = None) -> int:
        """Start ``function(*arguments, progress=...)`` in a process of its own.

        Parameters
        ----------
        stage : str
            Whose step shows it as running.
        function : str
            ``"module:function"``, imported in that process only.
        arguments : tuple, mapping or object
            A tuple is taken as positional arguments, a mapping as keywords, anything else as the one argument.
            Frozen dataclasses and paths; no large arrays.
        expected_seconds : float, optional
            What it is said to take, for the time left until its own pace is known.

        Returns
        -------
        int
            Number of the job; it comes with every signal.
        """
        positional, keywords = as_call(arguments)
        number = next(self._numbers)
        self._stages[number], self._functions[number] = stage, function
        self._expected[number] = expected_seconds
        self._begin(number, function, positional, keywords)
        self.started.emit(number, stage)
        return number

    def cancel(self, job_id: int) -> None:
        """Ask a job to stop; it is killed if it has not stopped after three seconds. No harm if it is over."""
        self._thread.tell(Cancel(job_id))

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        for number in self.running():
            self.cancel(number)

    def drop(self, job_id: int) -> None:
        """Cancel a job and count it as over now: nothing that its process still says is heard. No harm if it is."""
        self.cancel(job_id)
        self._on_job_ended(job_id, Cancelled())

    def drop_all(self) -> None:
        """Drop every job, as when another project is opened."""
        for number in self.running():
            self.drop(number)

    def running(self) -> tuple[int, ...]:
        """Return the numbers of the jobs that are not over, the oldest first."""
        return tuple(self._stages)

    def stage_of(self, job_id: int) -> str:
        """Return the stage of a job that is not over."""
        return self._stages[job_id]

    def function_of(self, job_id: int) -> str:
        """Return the name of the function of a job that is not over."""
        return self._functions[job_id]

    def is_running(self, stage: str) -> bool:
        """Whether a job of the stage is not over."""
        return stage in self._stages.values()

    def seconds_of(self, job_id: int) -> float:
        """Return how long a finished job's function took; 0 for any other."""
        return self._seconds.get(job_id, 0.0)

    def close(self) -> None:
        """Kill every engine process and end the thread. Nothing is emitted afterwards."""
        self._thread.close()
        self._stages.clear()
        self._functions.clear()

    def _begin(self, number: int, function: str, positional: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        self._thread.tell(
            Start(
                number,
                self._stages[number],
                function,
                positional,
                keywords,
                self.threads,
                self._expected.pop(number, None),
            )
        )

    def _on_job_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:
        if number in self._stages:
            self.progressed.emit(number, done, total, message, left)

    def _on_job_published(self, number: int, part: object) -> None:
        if number in self._stages:
            self.partial.emit(number, part)

    def _on_job_ended(self, number: int, last: Event) -> None:
        """Forget the job first, then tell: whoever hears of its end may start the next."""
        stage = self._stages.pop(number, None)
        self._functions.pop(number, None)
        if stage is None:
            return
        if isinstance(last, Finished):
            self._seconds[number] = last.seconds
            self.finished.emit(number, last.result)
        elif isinstance(last, Failed):
            self.failed.emit(number, last.sentence, last.details)
        else:
            self.cancelled.emit(number)
        self.ended.emit(number, stage)


class ResidentFace(QObject):
    """The process that stays: an object that answers requests one after another.

    Signals
    -------
    ready : ()
        The object is built, also after a death.
    progressed : (request_id, done, total, message, seconds_left)
        Of a question whose method takes `progress`; request 0 is the building of the object.
    partial : (request_id, result)
    answered : (request_id, result)
    refused : (request_id, sentence, details)
        This request could not be answered.
    stopped : (request_id)
        This request has stopped without an answer: cancelled, or no longer wanted. With 0 the object was being built:
        the process is gone, and all questions with it.
    revived : (sentence)
        The process had ended and was started again.
    died : (sentence, details)
        The process is gone and is not started again; `open` it anew.
    """

    ready = Signal()
    progressed = Signal(int, int, int, str, object)
    partial = Signal(int, object)
    answered = Signal(int, object)
    refused = Signal(int, str, str)
    stopped = Signal(int)
    revived = Signal(str)
    died = Signal(str, str)

    def __init__(self, thread: WorkerThread, parent: QObject) -> None:
        super().__init__(parent)
        self._thread = thread
        self._numbers = itertools.count(1)
        self._build = self._since = 0
        self.opened: tuple[str, object] | None = None
        thread.resident_ready.connect(self._on_ready)
        thread.resident_progressed.connect(self._on_progressed)
        thread.resident_published.connect(self._on_published)
        thread.answered.connect(self._on_answered)
        thread.refused.connect(self._on_refused)
        thread.stopped.connect(self._on_stopped)
        thread.revived.connect(self._on_revived)
        thread.died.connect(self._on_died)

    def open(self, name: str, arguments: object = ()) -> None:
        """Build ``"module:Class"`` with `arguments` in the process; the same name and arguments are left as they are.

        Questions may be asked at once; they are answered when the object is built.
        """
        if self.opened == (name, arguments):
            return
        self.opened = (name, arguments)
        positional, keywords = as_call(arguments)
        self._build += 1
        self._thread.tell(Open(self._build, name, positional, keywords))

    def ask(self, method: str, arguments: object = ()) -> int:
        """Ask for ``object.method(*arguments)`` and return the number that comes with the answer."""
        return self._ask(method, arguments, latest=False)

    def ask_latest(self, method: str, arguments: object = ()) -> int:
        """Ask as `ask` does, and want no answer to older questions to `method` any more; for sliders."""
        return self._ask(method, arguments, latest=True)

    def stop(self, request_id: int) -> None:
        """Want no answer to this question any more; one that is being computed stops at its next report."""
        self._thread.tell(StopAsking(request_id))

    def cancel(self, request_id: int) -> None:
        """Stop a question as the user wants; `stopped` tells when it has. 0 ends the building of the object.

        A question that has not stopped after three seconds is ended with the process, which is then started again.
        """
        if not request_id:
            self.opened = None
        self._thread.tell(CancelAsking(request_id))

    def shut(self) -> None:
        """End the process; nothing that it has said is heard any more."""
        self.opened = None
        self._build += 1
        self._since = self._build
        self._thread.tell(Shut(self._build))

    # What a process has said may still be on its way when another is opened, or it is shut. Nothing is heard of one
    # that was shut; of one that gave way to another, only what came of its questions.

    def _on_ready(self, build: int) -> None:
        if build == self._build:
            self.ready.emit()

    def _on_progressed(self, build: int, request: int, done: int, total: int, message: str, left: object) -> None:
        if build == self._build or (request and build >= self._since):
            self.progressed.emit(request, done, total, message, left)

    def _on_published(self, build: int, request: int, part: object) -> None:
        if build >= self._since:
            self.partial.emit(request, part)

    def _on_answered(self, build: int, request: int, result: object) -> None:
        if build >= self._since:
            self.answered.emit(request, result)

    def _on_refused(self, build: int, request: int, sentence: str, details: str) -> None:
        if build >= self._since:
            self.refused.emit(request, sentence, details)

    def _on_stopped(self, build: int, request: int) -> None:
        if build >= self._since:
            self.stopped.emit(request)

    def _on_revived(self, build: int, sentence: str) -> None:
        if build == self._build:
            self.revived.emit(sentence)

    def _on_died(self, build: int, sentence: str, details: str) -> None:
        if build == self._build:
            self.opened = None
            self.died.emit(sentence, details)

    def _ask(self, method: str, arguments: object, *, latest: bool) -> int:
        number = next(self._numbers)
        self._thread.tell(Ask(number, method, as_call(arguments)[0], latest))
        return number
