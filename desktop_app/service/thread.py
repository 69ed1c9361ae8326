"""The background worker thread of the window: it waits for requests of the window and messages of engine processes.

There is only one, and it computes nothing. It starts engine processes, reads their pipes and emits Qt signals, so that
the window's own thread never waits for a process. The public methods are called in the window's thread; each puts a
call of a private method into a queue, which runs in this thread.
"""

import logging
import multiprocessing
import queue
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection as pipes
from pathlib import Path
from typing import Any

from PySide6.QtCore import QThread, Signal

from coreset_studio.core.errors import CoresetError
from coreset_studio.core.service.messages import (
    BUILDING,
    Cancelled,
    Ended,
    Event,
    Failed,
    Finished,
    PartialResult,
    Progressed,
    Reply,
)
from coreset_studio.core.service.processes import Job, ServiceProcess
from coreset_studio.core.service.requests import AnyRequest, AnyServiceRequest
from coreset_studio.desktop_app.service.remaining_time import RemainingTime

LOOK_SECONDS = 0.5
RESTARTS = 3
_log = logging.getLogger("coreset.worker")


@dataclass
class _Running:
    job: Job
    left: RemainingTime = field(default_factory=RemainingTime)


class WorkerThread(QThread):
    """Serves the window until it is closed; one for every window.

    Signals
    -------
    job_progressed : (job, done, total, message, seconds_left)
    job_published : (job, part)
    job_ended : (job, last_event)
        One of `Finished`, `Failed`, `Cancelled`.
    logged : (text)
    service_replied : (build, request, event)
    service_progressed : (build, request, done, total, message, seconds_left)
    service_restarted : (build, sentence)
        The process had ended by itself and was started again.
        All emitted from this thread. `build` is the number given when the service was opened: messages of a service
        may arrive after another one was opened.
    """

    job_progressed = Signal(int, int, int, str, object)
    job_published = Signal(int, object)
    job_ended = Signal(int, object)
    logged = Signal(str)
    service_replied = Signal(int, int, object)
    service_progressed = Signal(int, int, int, int, str, object)
    service_restarted = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("worker")
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_end, self._wake = multiprocessing.Pipe(duplex=False)
        self._jobs: dict[int, _Running] = {}
        self._leaving: list[Job] = []
        self._service: ServiceProcess | None = None
        self._build = 0
        self._left_of = (-1, RemainingTime())
        self._deaths = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._closing = False

    # --- called by the window's thread ------------------------------------------------------------------------

    def start_job(self, number: int, request: AnyRequest, *, threads: int | None, expected: float | None) -> None:
        """Run `request` in a process of its own, with so many threads, in about `expected` seconds."""
        self._put(partial(self._start_job, number, request, threads, expected))

    def cancel_job(self, number: int) -> None:
        """Ask a job to stop."""
        self._put(partial(self._cancel_job, number))

    def open_service(self, build: int, opening: AnyRequest) -> None:
        """Start another service process for `opening`; its replies carry the number `build`."""
        self._put(partial(self._open_service, build, opening))

    def ask_service(self, number: int, request: AnyServiceRequest, *, latest: bool) -> None:
        """Ask the service."""
        self._put(partial(self._ask_service, number, request, latest))

    def stop_asking(self, number: int) -> None:
        """Drop a request to the service."""
        self._put(partial(self._stop_asking, number))

    def cancel_asking(self, number: int) -> None:
        """Stop a request to the service for the user; with `BUILDING` abort the start of the service."""
        self._put(partial(self._cancel_asking, number))

    def shut_service(self, build: int) -> None:
        """End the service; replies to later requests carry the number `build`."""
        self._put(partial(self._shut_service, build))

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

    def _put(self, call: Callable[[], None]) -> None:
        """Let the thread do `call`; it is started by the first."""
        if self._closing:
            return
        self._calls.put(call)
        if self.isRunning():
            self._wake.send_bytes(b".")
        else:
            self.start()

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
            if self._service is not None:
                self._service.close()
            self._folder.cleanup()

    def _turn(self) -> None:
        while not self._calls.empty():  # nobody else takes any
            self._calls.get_nowait()()
        self._read_jobs()
        self._read_service()
        self._wait()

    def _wait(self) -> None:
        waitables: list[Any] = [self._wake_end]
        for job in (*(running.job for running in self._jobs.values()), *self._leaving):
            waitables += job.waitables()
        if self._service is not None:
            waitables += self._service.waitables()
        busy = len(waitables) > 1
        ready = pipes.wait(waitables, LOOK_SECONDS if busy else None)
        if self._wake_end in ready:
            while self._wake_end.poll():
                self._wake_end.recv_bytes()

    # jobs

    def _start_job(self, number: int, request: AnyRequest, threads: int | None, expected: float | None) -> None:
        try:
            job = Job(request, output=self._output(f"job-{number}.log"), threads=threads)
            job.start()
        except Exception as error:
            self.job_ended.emit(number, _not_started(error))
            return
        self._jobs[number] = _Running(job, RemainingTime(expected))

    def _cancel_job(self, number: int) -> None:
        if number in self._jobs:
            self._jobs[number].job.cancel()

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
        match event:
            case Progressed(done, total, message):
                left = running.left.update(done, total)
                shrink = max(1, total >> 30)  # Qt's int has 32 bits; a download counts bytes
                self.job_progressed.emit(number, done // shrink, total // shrink, message, left)
            case PartialResult(part):
                self.job_published.emit(number, part)
            case Finished() | Failed() | Cancelled():
                self.job_ended.emit(number, event)

    # the service

    def _open_service(self, build: int, opening: AnyRequest) -> None:
        self._shut_service(build)
        self._deaths = 0
        try:
            service = ServiceProcess(opening, output=self._output("service.log"))
            service.start()
        except Exception as error:
            failed = _not_started(error)
            self.service_replied.emit(build, BUILDING, Ended(failed.sentence, failed.details))
            return
        self._service = service

    def _ask_service(self, number: int, request: AnyServiceRequest, latest: bool) -> None:
        if self._service is None:
            refused = Failed("The engine is not ready for this yet. Run the previous step first.")
            self.service_replied.emit(self._build, number, refused)
            return
        self._service.ask(number, request, latest=latest)

    def _stop_asking(self, number: int) -> None:
        if self._service is not None:
            self._service.stop(number)

    def _cancel_asking(self, number: int) -> None:
        if number != BUILDING and self._service is not None:
            self._service.cancel(number)
        else:
            self._shut_service(self._build)
            self.service_replied.emit(self._build, number, Cancelled())

    def _shut_service(self, build: int) -> None:
        self._build = build
        if self._service is not None:
            self._service.close()
            self._service = None

    def _read_service(self) -> None:
        service = self._service
        if service is None:
            return
        for reply in service.take_replies():
            self._pass_on(service, reply)
        self._log_output(service.read_output())

    def _pass_on(self, service: ServiceProcess, reply: Reply) -> None:
        match reply.event:
            case Progressed(done, total, message):
                if reply.number != self._left_of[0]:
                    self._left_of = reply.number, RemainingTime()
                left = self._left_of[1].update(done, total)
                self.service_progressed.emit(self._build, reply.number, done, total, message, left)
            case Ended() as ended:
                self._restart(service, ended)
            case event:
                if isinstance(event, Finished):
                    self._deaths = 0
                self.service_replied.emit(self._build, reply.number, event)

    def _restart(self, dead: ServiceProcess, ended: Ended) -> None:
        """Start the service again, unless it could not be built or dies again and again."""
        self._deaths += not dead.killed_for_stop
        self._service = None
        if ended.expected or not dead.ready or self._deaths > RESTARTS:
            self.service_replied.emit(self._build, BUILDING, ended)
            return
        _log.info("The service process is started again: %s", ended.sentence)
        successor = dead.again()
        try:
            successor.start()
        except OSError as error:
            failed = _not_started(error)
            self.service_replied.emit(self._build, BUILDING, Ended(failed.sentence, failed.details))
            return
        self._service = successor
        if not dead.killed_for_stop:
            self.service_restarted.emit(self._build, f"{dead.died_how} It was restarted.")

    def _output(self, name: str) -> Path | None:
        return None if self._folder is None else Path(self._folder.name) / name

    def _log_output(self, text: str) -> None:
        if text:
            self.logged.emit(text)


def _not_started(error: BaseException) -> Failed:
    if isinstance(error, CoresetError):
        return Failed(str(error), expected=True)
    return Failed(f"The engine process could not be started ({type(error).__name__}: {error}).")
