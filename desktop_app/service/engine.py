"""The interface for work that takes long: each request runs in an engine process of its own."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from coreset_studio.core.service.messages import Cancelled, Failed, Finished
from coreset_studio.core.service.requests import AnyRequest, PublishingRequest
from coreset_studio.desktop_app.service.selection import SelectionClient
from coreset_studio.desktop_app.service.thread import WorkerThread

Result = TypeVar("Result")
Part = TypeVar("Part")


@dataclass(frozen=True)
class _Running:
    """A request that is not over, with its callbacks."""

    request: AnyRequest
    stage: str
    on_result: Callable[[Any], None] | None
    on_part: Callable[[Any], object] | None
    on_failed: Callable[[str, str], None] | None
    on_cancelled: Callable[[], None] | None


class EngineService(QObject):
    """Runs requests for the window; lives in the window's thread.

    Attributes
    ----------
    selection : SelectionClient
        What answers at once while a project with clusters is open.
    threads : int or None
        Largest number of threads of the numerical libraries in a job's process; None leaves it to them.

    Signals
    -------
    started : (job, stage)
    progressed : (job, done, total, message, seconds_left)
        `total` is 0 where the amount is not known, `seconds_left` is None where it is not known.
    finished : (job)
    failed : (job, sentence, details)
    cancelled : (job)
        Every job ends with exactly one of finished, failed and cancelled. They serve watchers of all jobs, such as the
        job bar; the callbacks given to `ask` are called right after.
    ended : (job, stage)
        After that.
    logged : (text)
        What an engine process printed.

    Examples
    --------
    >>> service.ask(VerifyExport(folder), self.show_verified)  # doctest: +SKIP
    """

    started = Signal(int, str)
    progressed = Signal(int, int, int, str, object)
    finished = Signal(int)
    failed = Signal(int, str, str)
    cancelled = Signal(int)
    ended = Signal(int, str)
    logged = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.threads: int | None = None
        self._numbers = itertools.count(1)
        self._running: dict[int, _Running] = {}
        self._seconds: dict[int, float] = {}
        self._thread = WorkerThread()
        self.selection = SelectionClient(self._thread, self)
        self._thread.job_progressed.connect(self._on_progressed)
        self._thread.job_published.connect(self._on_published)
        self._thread.job_ended.connect(self._on_ended)
        self._thread.logged.connect(self.logged)

    def ask(
        self,
        request: PublishingRequest[Result, Part],
        on_result: Callable[[Result], None] | None = None,
        *,
        on_part: Callable[[Part], object] | None = None,
        on_failed: Callable[[str, str], None] | None = None,
        on_cancelled: Callable[[], None] | None = None,
        stage: str = "",
        expected_seconds: float | None = None,
    ) -> int:
        """Run `request` in a process of its own.

        Parameters
        ----------
        request : PublishingRequest
            A `Request`, or one that publishes parts.
        on_result : callable
            Takes the result.
        on_part : callable
            Takes each finished part of the result, of the type that the class of the request names.
        on_failed : callable
            Takes a sentence for the user and details.
        on_cancelled : callable
            All are called in the window's thread, and not after the object that they are methods of was deleted.
        stage : str
            Whose step shows it as running; "" for none.
        expected_seconds : float, optional
            Its estimated time, used for the time left until its speed is known.

        Returns
        -------
        int
            Number of the job; it comes with every signal.
        """
        number = next(self._numbers)
        self._running[number] = _Running(request, stage, on_result, on_part, on_failed, on_cancelled)
        self._start(number, request, expected_seconds)
        self.started.emit(number, stage)
        return number

    def cancel(self, job: int) -> None:
        """Ask a job to stop; it is killed if it has not stopped after three seconds. No harm if it is over."""
        self._thread.cancel_job(job)

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        for number in self.running():
            self.cancel(number)

    def drop(self, job: int) -> None:
        """Cancel a job and count it as over now; messages that still come from its process are ignored."""
        self.cancel(job)
        self._on_ended(job, Cancelled())

    def drop_all(self) -> None:
        """Drop every job, as when another project is opened."""
        for number in self.running():
            self.drop(number)

    def running(self) -> tuple[int, ...]:
        """Return the numbers of the jobs that are not over, the oldest first."""
        return tuple(self._running)

    def stage_of(self, job: int) -> str:
        """Return the stage of a job that is not over."""
        return self._running[job].stage

    def request_of(self, job: int) -> AnyRequest:
        """Return the request of a job that is not over."""
        return self._running[job].request

    def is_running(self, stage: str) -> bool:
        """Whether a job of the stage is not over."""
        return any(one.stage == stage for one in self._running.values())

    def seconds_of(self, job: int) -> float:
        """Return how long a finished job took; 0 for any other."""
        return self._seconds.get(job, 0.0)

    def close(self) -> None:
        """Kill every engine process and end the thread. No signal is emitted afterwards."""
        self._thread.close()
        self._running.clear()

    def _start(self, number: int, request: AnyRequest, expected_seconds: float | None) -> None:
        self._thread.start_job(number, request, threads=self.threads, expected=expected_seconds)

    def _on_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:
        if number in self._running:
            self.progressed.emit(number, done, total, message, left)

    def _on_published(self, number: int, part: object) -> None:
        if number in self._running:
            deliver(self._running[number].on_part, part)

    def _on_ended(self, number: int, last: Finished | Failed | Cancelled) -> None:
        """Remove the job before its callbacks are called: they may start the next one."""
        one = self._running.pop(number, None)
        if one is None:
            return
        match last:
            case Finished(result, seconds):
                self._seconds[number] = seconds
                self.finished.emit(number)
                deliver(one.on_result, result)
            case Failed(sentence, details):
                self.failed.emit(number, sentence, details)
                deliver(one.on_failed, sentence, details)
            case Cancelled():
                self.cancelled.emit(number)
                deliver(one.on_cancelled)
        self.ended.emit(number, one.stage)


def deliver(listener: Callable[..., object] | None, *what: object) -> None:
    """Call `listener`, unless there is none or the QObject that it is a method of was deleted."""
    method = listener.func if isinstance(listener, partial) else listener
    owner = getattr(method, "__self__", None)
    if listener is not None and (not isinstance(owner, QObject) or isValid(owner)):
        listener(*what)
