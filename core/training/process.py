"""A process that trains networks, one after the other, with a fixed number of threads.

It is used by this program for several trainings at once, and by a worker of a scheduler, whose own process may have
loaded TensorFlow with another number of threads already: the number of threads decides the last digits of sums.
Nothing large is imported here, since the child has to set its environment first.
"""

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from coreset_studio.core.main_module import children_allowed, plain_main_module

REPORTS_PER_SECOND = 4


@dataclass(frozen=True)
class Reported:
    """A report of progress of a training."""

    done: int
    total: int


@dataclass(frozen=True)
class Published:
    """A part that a training has published, such as an epoch."""

    part: Any


@dataclass(frozen=True)
class Ended:
    """The end of the process without a result, and its exit code."""

    exit_code: int | None


class TrainingProcess:
    """A process that runs jobs; each has a method ``run(progress)``, whose result is sent back.

    Parameters
    ----------
    environment : mapping of str to str
        Set before anything is imported; see `core.threads.thread_settings`.
    events : queue.SimpleQueue
        Receives ``(process, event)``: `Reported`, `Published`, the result of a job, or `Ended`.
    """

    def __init__(
        self, environment: Mapping[str, str], events: "queue.SimpleQueue[tuple[TrainingProcess, object]]"
    ) -> None:
        self._queue = events
        self._closed = False
        context = multiprocessing.get_context("spawn")
        self._events, events_end = context.Pipe(duplex=False)
        commands_end, self._commands = context.Pipe(duplex=False)
        arguments = (events_end, commands_end, dict(environment))
        self._process = context.Process(target=serve, args=arguments, name="training", daemon=True)
        with children_allowed(), plain_main_module():
            self._process.start()
        # So that the death of either side closes the pipes.
        events_end.close()
        commands_end.close()
        threading.Thread(target=self._receive, name="training-reader", daemon=True).start()

    def start(self, job: object) -> None:
        """Send a job, to be run after those sent before."""
        with contextlib.suppress(OSError):  # its end is noticed by the reader
            self._commands.send_bytes(pickle.dumps(job))

    def close(self) -> None:
        """Kill the process."""
        self._closed = True
        self._process.kill()
        self._process.join()
        with contextlib.suppress(OSError):
            self._commands.close()

    def _receive(self) -> None:
        while True:
            try:
                event = self._events.recv()
            except (EOFError, OSError):
                break
            self._queue.put((self, event))
        if not self._closed:
            with contextlib.suppress(ValueError, AssertionError):
                self._process.join(3)
        self._queue.put((self, Ended(self._process.exitcode)))


class PipeProgress:
    """Sends parts of a job, and a few of its reports per second, through a pipe."""

    def __init__(self, events: Connection) -> None:
        self._events = events
        self._sent_at = 0.0

    def report(self, done: int, total: int, message: str = "") -> None:  # noqa: ARG002 - that of the run is shown
        """Send a report, unless one was sent just now."""
        now = time.monotonic()
        if now - self._sent_at >= 1 / REPORTS_PER_SECOND:
            self._sent_at = now
            self._events.send(Reported(int(done), int(total)))

    def publish(self, part: object, /) -> None:
        """Send a part."""
        self._events.send(Published(part))


def serve(events: Connection, commands: Connection, environment: Mapping[str, str]) -> None:
    """Run the jobs that arrive until the pipe closes; the entry point of the child."""
    os.environ.update(environment)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the parent, which ends this process
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        while True:
            try:
                jobs.put(commands.recv_bytes())
            except (EOFError, OSError):
                os._exit(1)

    threading.Thread(target=listen, name="training-listener", daemon=True).start()
    while True:
        try:
            job = pickle.loads(jobs.get())  # noqa: S301 - from the process that started this one
            events.send(job.run(PipeProgress(events)))
        except (BrokenPipeError, ConnectionError):
            return
        except BaseException:
            # Jobs return their errors; this one cannot be told otherwise.
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(70)
