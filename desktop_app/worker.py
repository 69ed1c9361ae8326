"""The window's one background thread: it starts engine processes, reads their pipes and emits typed Qt signals.

It computes nothing. Jobs run in processes of their own (`core.jobs.Job`); one resident process
(`core.jobs.Resident`) answers what must feel instant. Connect the signals to methods of QObjects only: PySide6
runs a lambda or a plain function in the emitting thread.
"""

import itertools
import logging
import multiprocessing
import queue
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing import connection as pipes
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from core.errors import CoresetError
from core.jobs import (
    Answered,
    Cancelled,
    Event,
    Failed,
    Finished,
    Job,
    PartialResult,
    Progressed,
    Ready,
    Refused,
    Reported,
    Resident,
)

LOOK_SECONDS = 0.5
RESTARTS = 3
_log = logging.getLogger("coreset.worker")


class RemainingTime:
    """How long a job will still take, from how it went so far."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None
        self._share = 0.0
        self._seconds: float | None = None

    def update(self, done: int, total: int) -> float | None:
        """Return the seconds left, or None as long as that cannot be told."""
        now = time.monotonic()
        share = done / total if total > 0 else 0.0
        before, self._share = self._share, share
        if self._began is None or share < before:  # another unit is being counted now
            self._began, self._seconds = (now, share), None
            return None
        elapsed, gained = now - self._began[0], share - self._began[1]
        if gained <= 0 or elapsed < 1.5:
            return self._seconds
        fresh = elapsed * (1 - share) / gained
        self._seconds = fresh if self._seconds is None else 0.7 * self._seconds + 0.3 * fresh
        return self._seconds


@dataclass
class _Running:
    job: Job
    stage: str
    left: RemainingTime = field(default_factory=RemainingTime)


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
        self._seconds: dict[int, float] = {}
        self._thread = _WorkerThread(self)
        self.resident = ResidentFace(self._thread, self)
        self._thread.resident_face = self.resident
        self._thread.job_ended.connect(self._on_job_ended)

    def start(self, stage: str, function: str, arguments: object = ()) -> int:
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

        Returns
        -------
        int
            Number of the job; it comes with every signal.
        """
        positional, keywords = as_call(arguments)
        number = next(self._numbers)
        self._stages[number] = stage
        self._begin(number, function, positional, keywords)
        self.started.emit(number, stage)
        return number

    def cancel(self, job_id: int) -> None:
        """Ask a job to stop; it is killed if it has not stopped after three seconds. No harm if it is over."""
        self._thread.tell(_Cancel(job_id))

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        for number in self.running():
            self.cancel(number)

    def running(self) -> tuple[int, ...]:
        """Return the numbers of the jobs that are not over, the oldest first."""
        return tuple(self._stages)

    def stage_of(self, job_id: int) -> str:
        """Return the stage of a job that is not over."""
        return self._stages[job_id]

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

    def _begin(self, number: int, function: str, positional: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        self._thread.tell(_Start(number, self._stages[number], function, positional, keywords, self.threads))

    def _on_job_ended(self, number: int, last: Event) -> None:
        """Forget the job first, then tell: whoever hears of its end may start the next."""
        stage = self._stages.pop(number, None)
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
    died : (sentence, details)
        The process is gone and is not started again; `open` it anew.
    """

    ready = Signal()
    progressed = Signal(int, int, int, str, object)
    partial = Signal(int, object)
    answered = Signal(int, object)
    refused = Signal(int, str, str)
    died = Signal(str, str)

    def __init__(self, thread: "_WorkerThread", parent: QObject) -> None:
        super().__init__(parent)
        self._thread = thread
        self._numbers = itertools.count(1)
        self.opened: tuple[str, object] | None = None

    def open(self, name: str, arguments: object = ()) -> None:
        """Build ``"module:Class"`` with `arguments` in the process; the same name and arguments are left as they are.

        Questions may be asked at once; they are answered when the object is built.
        """
        if self.opened == (name, arguments):
            return
        self.opened = (name, arguments)
        positional, keywords = as_call(arguments)
        self._thread.tell(_Open(name, positional, keywords))

    def ask(self, method: str, arguments: object = ()) -> int:
        """Ask for ``object.method(*arguments)`` and return the number that comes with the answer."""
        return self._ask(method, arguments, latest=False)

    def ask_latest(self, method: str, arguments: object = ()) -> int:
        """Ask as `ask` does, and want no answer to older questions to `method` any more; for sliders."""
        return self._ask(method, arguments, latest=True)

    def stop(self, request_id: int) -> None:
        """Want no answer to this question any more; one that is being computed stops at its next report."""
        self._thread.tell(_StopAsking(request_id))

    def shut(self) -> None:
        """End the process."""
        self.opened = None
        self._thread.tell(_Shut())

    def _ask(self, method: str, arguments: object, *, latest: bool) -> int:
        number = next(self._numbers)
        self._thread.tell(_Ask(number, method, as_call(arguments)[0], latest))
        return number


def as_call(arguments: object) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Return positional and keyword arguments: a tuple, a mapping, or the one argument."""
    if isinstance(arguments, tuple):
        return arguments, {}
    if isinstance(arguments, Mapping):
        return (), arguments
    return (arguments,), {}


@dataclass(frozen=True)
class _Start:
    number: int
    stage: str
    function: str
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]
    threads: int | None


@dataclass(frozen=True)
class _Cancel:
    number: int


@dataclass(frozen=True)
class _Open:
    name: str
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]


@dataclass(frozen=True)
class _Ask:
    number: int
    method: str
    arguments: tuple[Any, ...]
    latest: bool


@dataclass(frozen=True)
class _StopAsking:
    number: int


@dataclass(frozen=True)
class _Shut:
    pass


class _WorkerThread(QThread):
    """Waits for commands from the window and for news from the processes, whichever comes first."""

    job_ended = Signal(int, object)

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.setObjectName("worker")
        self._worker = worker
        self.resident_face: ResidentFace | None = None
        self._commands: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._wake_end, self._wake = multiprocessing.Pipe(duplex=False)
        self._jobs: dict[int, _Running] = {}
        self._leaving: list[Job] = []
        self._resident: Resident | None = None
        self._left_of = (-1, RemainingTime())
        self._deaths = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._closing = False

    # --- called by the window's thread ------------------------------------------------------------------------

    def tell(self, command: object) -> None:
        """Hand a command over; the thread is started by the first."""
        if self._closing:
            return
        self._commands.put(command)
        if self.isRunning():
            self._wake.send_bytes(b".")
        else:
            self.start()

    def close(self) -> None:
        """End all processes and the thread."""
        if self._closing:
            return
        self._closing = True
        if self.isRunning():
            self._wake.send_bytes(b"!")
            self.wait()
        self._wake.close()
        self._wake_end.close()

    # --- in the thread ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until the window closes."""
        self._folder = tempfile.TemporaryDirectory(prefix="coreset-studio-", ignore_cleanup_errors=True)
        try:
            while not self._closing:
                try:
                    self._turn()
                except Exception:  # a thread that died would leave the window waiting for ever
                    _log.exception("The worker thread met an error and goes on")
                    time.sleep(LOOK_SECONDS)
        finally:
            for job in (*(running.job for running in self._jobs.values()), *self._leaving):
                job.close()
            if self._resident is not None:
                self._resident.close()
            self._folder.cleanup()

    def _turn(self) -> None:
        self._obey()
        self._read_jobs()
        self._read_resident()
        self._wait()

    def _wait(self) -> None:
        waitables: list[Any] = [self._wake_end]
        for job in (*(running.job for running in self._jobs.values()), *self._leaving):
            waitables += job.waitables()
        if self._resident is not None:
            waitables += self._resident.waitables()
        busy = len(waitables) > 1
        ready = pipes.wait(waitables, LOOK_SECONDS if busy else None)
        if self._wake_end in ready:
            while self._wake_end.poll():
                self._wake_end.recv_bytes()

    def _obey(self) -> None:
        while True:
            try:
                command = self._commands.get_nowait()
            except queue.Empty:
                return
            if isinstance(command, _Start):
                self._start_job(command)
            elif isinstance(command, _Cancel) and command.number in self._jobs:
                self._jobs[command.number].job.cancel()
            elif isinstance(command, _Open):
                self._open(command)
            elif isinstance(command, _Ask):
                self._ask(command)
            elif isinstance(command, _StopAsking) and self._resident is not None:
                self._resident.stop(command.number)
            elif isinstance(command, _Shut):
                self._shut()

    def _start_job(self, command: _Start) -> None:
        try:
            job = Job(
                command.function,
                command.positional,
                command.keywords,
                output=self._output(f"job-{command.number}.log"),
                threads=command.threads,
            )
            job.start()
        except Exception as error:
            self.job_ended.emit(command.number, _not_started(error))
            return
        self._jobs[command.number] = _Running(job, command.stage)

    def _read_jobs(self) -> None:
        for number, running in list(self._jobs.items()):
            events = running.job.take_events()
            self._log_output(running.job.read_output())
            for event in events:
                self._emit(number, running, event)
            if running.job.over:
                self._leaving.append(self._jobs.pop(number).job)
        self._leaving = [job for job in self._leaving if not job.reap()]

    def _emit(self, number: int, running: _Running, event: Event) -> None:
        if isinstance(event, Progressed):
            left = running.left.update(event.done, event.total)
            shrink = max(1, event.total >> 30)  # Qt's int has 32 bits; a download counts bytes
            self._worker.progressed.emit(number, event.done // shrink, event.total // shrink, event.message, left)
        elif isinstance(event, PartialResult):
            self._worker.partial.emit(number, event.result)
        elif isinstance(event, Finished | Failed | Cancelled):
            self.job_ended.emit(number, event)

    def _open(self, command: _Open) -> None:
        self._shut()
        self._deaths = 0
        try:
            resident = Resident(command.name, command.positional, command.keywords, output=self._output("resident.log"))
            resident.start()
        except Exception as error:
            failed = _not_started(error)
            self._face.died.emit(failed.sentence, failed.details)
            return
        self._resident = resident

    def _ask(self, command: _Ask) -> None:
        if self._resident is None:
            self._face.refused.emit(command.number, "The engine is not ready for this yet. Run the step before.", "")
            return
        self._resident.ask(command.number, command.method, command.arguments, latest=command.latest)

    def _read_resident(self) -> None:
        resident = self._resident
        if resident is None:
            return
        for answer in resident.take_answers():
            if isinstance(answer, Ready):
                self._face.ready.emit()
            elif isinstance(answer, Reported):
                self._report(answer)
            elif isinstance(answer, Answered):
                self._deaths = 0
                self._face.answered.emit(answer.number, answer.result)
            elif isinstance(answer, Refused):
                self._face.refused.emit(answer.number, answer.sentence, answer.details)
            else:
                self._revive(resident, answer)
        self._log_output(resident.read_output())

    def _report(self, answer: Reported) -> None:
        if isinstance(answer.event, PartialResult):
            self._face.partial.emit(answer.number, answer.event.result)
            return
        if answer.number != self._left_of[0]:
            self._left_of = answer.number, RemainingTime()
        event = answer.event
        left = self._left_of[1].update(event.done, event.total)
        self._face.progressed.emit(answer.number, event.done, event.total, event.message, left)

    def _revive(self, dead: Resident, why: Failed) -> None:
        """Start the resident again, unless it was its own constructor that failed or it dies again and again."""
        self._deaths += 1
        self._resident = None
        if why.expected or not dead.ready or self._deaths > RESTARTS:
            self._face.died.emit(why.sentence, why.details)
            self._face.opened = None
            return
        _log.info("The resident engine is started again: %s", why.sentence)
        heir = dead.again()
        try:
            heir.start()
        except OSError as error:
            failed = _not_started(error)
            self._face.died.emit(failed.sentence, failed.details)
            return
        self._resident = heir

    def _shut(self) -> None:
        if self._resident is not None:
            self._resident.close()
            self._resident = None

    @property
    def _face(self) -> ResidentFace:
        assert self.resident_face is not None  # noqa: S101 - set by the worker before the thread starts
        return self.resident_face

    def _output(self, name: str) -> Path | None:
        return None if self._folder is None else Path(self._folder.name) / name

    def _log_output(self, text: str) -> None:
        if text:
            self._worker.logged.emit(text)


def _not_started(error: BaseException) -> Failed:
    if isinstance(error, CoresetError):
        return Failed(str(error), expected=True)
    return Failed(f"The engine process could not be started ({type(error).__name__}: {error}).")
