"""The worker thread itself: it waits for commands of the window and for news from engine processes."""

import logging
import multiprocessing
import queue
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing import connection as pipes
from pathlib import Path
from typing import Any

from PySide6.QtCore import QThread, Signal

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
    Stopped,
)
from desktop_app.worker_commands import Ask, Cancel, CancelAsking, Open, Shut, Start, StopAsking

LOOK_SECONDS = 0.5
RESTARTS = 3
_log = logging.getLogger("coreset.worker")


class RemainingTime:
    """How long a job will still take, from how it went so far and from what was expected.

    Parameters
    ----------
    expected : float, optional
        Seconds that the whole was said to take, until its own pace is known: after `KNOWN` of it.
    """

    KNOWN = 0.05

    def __init__(self, expected: float | None = None) -> None:
        self._expected = expected
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
            return None if self._expected is None else self._expected * (1 - share)
        elapsed, gained = now - self._began[0], share - self._began[1]
        if gained <= 0 or elapsed < 1.5:
            return self._seconds
        fresh = elapsed * (1 - share) / gained
        if self._expected is not None:
            known = min(1.0, gained / self.KNOWN)
            fresh = known * fresh + (1 - known) * self._expected * (1 - share)
        self._seconds = fresh if self._seconds is None else 0.7 * self._seconds + 0.3 * fresh
        return self._seconds


@dataclass
class _Running:
    job: Job
    stage: str
    left: RemainingTime = field(default_factory=RemainingTime)


class WorkerThread(QThread):
    """Waits for commands from the window and for news from the processes, whichever comes first.

    Signals
    -------
    job_progressed : (job, done, total, message, seconds_left)
    job_published : (job, part)
    job_ended : (job, last_event)
    logged : (text)
    resident_ready : (build)
    resident_progressed, resident_published, answered, refused, stopped : (build, request, ...)
    revived : (build, sentence)
    died : (build, sentence, details)
        All emitted from this thread. `build` is that of the `Open` that the resident was started by: what was said
        just before another was wanted is heard after it.
    """

    job_progressed = Signal(int, int, int, str, object)
    job_published = Signal(int, object)
    job_ended = Signal(int, object)
    logged = Signal(str)
    resident_ready = Signal(int)
    resident_progressed = Signal(int, int, int, int, str, object)
    resident_published = Signal(int, int, object)
    answered = Signal(int, int, object)
    refused = Signal(int, int, str, str)
    stopped = Signal(int, int)
    revived = Signal(int, str)
    died = Signal(int, str, str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("worker")
        self._commands: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._wake_end, self._wake = multiprocessing.Pipe(duplex=False)
        self._jobs: dict[int, _Running] = {}
        self._leaving: list[Job] = []
        self._resident: Resident | None = None
        self._build = 0
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
            if isinstance(command, Start):
                self._start_job(command)
            elif isinstance(command, Cancel) and command.number in self._jobs:
                self._jobs[command.number].job.cancel()
            elif isinstance(command, Open):
                self._open(command)
            elif isinstance(command, Ask):
                self._ask(command)
            elif isinstance(command, StopAsking) and self._resident is not None:
                self._resident.stop(command.number)
            elif isinstance(command, CancelAsking):
                self._cancel_asking(command.number)
            elif isinstance(command, Shut):
                self._shut()
                self._build = command.build

    def _start_job(self, command: Start) -> None:
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
        self._jobs[command.number] = _Running(job, command.stage, RemainingTime(command.expected_seconds))

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
            self.job_progressed.emit(number, event.done // shrink, event.total // shrink, event.message, left)
        elif isinstance(event, PartialResult):
            self.job_published.emit(number, event.result)
        elif isinstance(event, Finished | Failed | Cancelled):
            self.job_ended.emit(number, event)

    def _open(self, command: Open) -> None:
        self._shut()
        self._build = command.build
        self._deaths = 0
        try:
            resident = Resident(command.name, command.positional, command.keywords, output=self._output("resident.log"))
            resident.start()
        except Exception as error:
            failed = _not_started(error)
            self.died.emit(self._build, failed.sentence, failed.details)
            return
        self._resident = resident

    def _ask(self, command: Ask) -> None:
        if self._resident is None:
            self.refused.emit(
                self._build, command.number, "The engine is not ready for this yet. Run the step before.", ""
            )
            return
        self._resident.ask(command.number, command.method, command.arguments, latest=command.latest)

    def _cancel_asking(self, number: int) -> None:
        if number and self._resident is not None:
            self._resident.cancel(number)
        else:
            self._shut()
            self.stopped.emit(self._build, number)

    def _read_resident(self) -> None:
        resident = self._resident
        if resident is None:
            return
        for answer in resident.take_answers():
            if isinstance(answer, Ready):
                self.resident_ready.emit(self._build)
            elif isinstance(answer, Reported):
                self._report(answer)
            elif isinstance(answer, Answered):
                self._deaths = 0
                self.answered.emit(self._build, answer.number, answer.result)
            elif isinstance(answer, Refused):
                self.refused.emit(self._build, answer.number, answer.sentence, answer.details)
            elif isinstance(answer, Stopped):
                self.stopped.emit(self._build, answer.number)
            else:
                self._revive(resident, answer)
        self._log_output(resident.read_output())

    def _report(self, answer: Reported) -> None:
        if isinstance(answer.event, PartialResult):
            self.resident_published.emit(self._build, answer.number, answer.event.result)
            return
        if answer.number != self._left_of[0]:
            self._left_of = answer.number, RemainingTime()
        event = answer.event
        left = self._left_of[1].update(event.done, event.total)
        self.resident_progressed.emit(self._build, answer.number, event.done, event.total, event.message, left)

    def _revive(self, dead: Resident, why: Failed) -> None:
        """Start the resident again, unless it was its own constructor that failed or it dies again and again."""
        self._deaths += not dead.killed_for_stop
        self._resident = None
        if why.expected or not dead.ready or self._deaths > RESTARTS:
            self.died.emit(self._build, why.sentence, why.details)
            return
        _log.info("The resident engine is started again: %s", why.sentence)
        heir = dead.again()
        try:
            heir.start()
        except OSError as error:
            failed = _not_started(error)
            self.died.emit(self._build, failed.sentence, failed.details)
            return
        self._resident = heir
        if not dead.killed_for_stop:
            self.revived.emit(self._build, f"{dead.died_how} It was started again.")

    def _shut(self) -> None:
        if self._resident is not None:
            self._resident.close()
            self._resident = None

    def _output(self, name: str) -> Path | None:
        return None if self._folder is None else Path(self._folder.name) / name

    def _log_output(self, text: str) -> None:
        if text:
            self.logged.emit(text)


def _not_started(error: BaseException) -> Failed:
    if isinstance(error, CoresetError):
        return Failed(str(error), expected=True)
    return Failed(f"The engine process could not be started ({type(error).__name__}: {error}).")
