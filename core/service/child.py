"""The code that runs in an engine process: set-up, the listener, and one request or a service that answers many.

Only imported by the child, and by `core.service.processes` for its two entry points. It imports no large library: the
request is unpickled, and its libraries are imported, only after the process has lowered its priority, redirected its
output to a file and limited its threads.
"""

import contextlib
import faulthandler
import io
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from coreset_studio.core.errors import CancelledError, OpeningError
from coreset_studio.core.limits import Limits, memory_within, took_too_much
from coreset_studio.core.progress import Progress
from coreset_studio.core.service.failures import failure
from coreset_studio.core.service.messages import (
    BUILDING,
    Ask,
    Cancelled,
    Ended,
    Failed,
    Finished,
    Limited,
    PartialResult,
    Progressed,
    Ready,
    Reply,
    Stop,
)
from coreset_studio.core.service.requests import AnyRequest
from coreset_studio.core.threads import limit_threads

REPORTS_PER_SECOND = 20


@dataclass(frozen=True)
class Assignment:
    """The task of an engine process.

    Attributes
    ----------
    request : bytes
        Pickled; it is unpickled after the set-up, since that may import NumPy.
    output : Path or None
        File that the output of the process is appended to; None discards it.
    threads : int or None
        Largest number of threads of the numerical libraries; None: their default.
    """

    request: bytes
    output: Path | None = None
    threads: int | None = None


class PipeProgress:
    """Progress that is sent through a pipe: at most 20 reports per second, including the last one.

    Parameters
    ----------
    send : callable
        Called with each event.
    stop : threading.Event
        Set when the request is cancelled.
    """

    def __init__(self, send: Callable[[Progressed | PartialResult], None], stop: threading.Event) -> None:
        self._send = send
        self._stop = stop
        self._sent_at = -1.0
        self._kept: Progressed | None = None
        self._lock = threading.Lock()  # the engine may report from several threads

    def report(self, done: int, total: int, message: str = "") -> None:
        """Send a report, or keep it if one was sent within the last 50 ms.

        Raises
        ------
        CancelledError
            If the request was cancelled.
        """
        if self._stop.is_set():
            raise CancelledError
        with self._lock:
            event = Progressed(int(done), int(total), message)
            now = time.monotonic()
            if now - self._sent_at < 1 / REPORTS_PER_SECOND:
                self._kept = event
                return
            self._sent_at, self._kept = now, None
            self._send(event)

    def publish(self, part: object, /) -> None:
        """Send a finished part, after the report that was kept."""
        with self._lock:
            self._flush()
            self._send(PartialResult(part))

    def close(self) -> None:
        """Send the report that was kept."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        if self._kept is not None:
            event, self._kept = self._kept, None
            self._sent_at = time.monotonic()
            self._send(event)


def run_job(events: Connection, commands: Connection, assignment: Assignment) -> None:
    """Run one request and send its events; the entry point of the process of a job."""
    stop = threading.Event()
    _set_up(assignment)
    _listen(commands, {BUILDING: stop}, None)
    last = _run_first(events, assignment, stop, keeps_cache=True)
    _send_last(events, Reply(BUILDING, last))


def run_service(events: Connection, commands: Connection, assignment: Assignment) -> None:
    """Build one object and answer requests until the pipe closes; the entry point of the process of a service."""
    waiting: queue.SimpleQueue[Ask] = queue.SimpleQueue()
    stops: dict[int, threading.Event] = {BUILDING: threading.Event()}
    _set_up(assignment)
    _listen(commands, stops, waiting)
    built = _run_first(events, assignment, stops[BUILDING])
    if not isinstance(built, Finished):
        failed = built if isinstance(built, Failed) else Failed("It was cancelled.", expected=True)
        _send_last(events, Reply(BUILDING, Ended(failed.sentence, failed.details, failed.expected)))
        return
    events.send(Reply(BUILDING, Ready()))
    while True:
        one = waiting.get()
        reply = Reply(one.number, _answer(built.result, one, events, stops[one.number]))
        del stops[one.number]
        try:
            events.send(reply)
        except (BrokenPipeError, ConnectionError):
            return
        except Exception as error:  # a result that cannot be pickled
            events.send(Reply(one.number, failure(error)))


def _run_first(
    events: Connection, assignment: Assignment, stop: threading.Event, *, keeps_cache: bool = False
) -> Finished | Failed | Cancelled:
    """Run the request that the process was started for; with `keeps_cache` trim the cache to its limit afterwards."""
    try:
        request: AnyRequest = pickle.loads(assignment.request)  # noqa: S301 - from the window's own process
        progress = PipeProgress(_sender(events, BUILDING), stop)
        began = time.monotonic()
        with _within(request.limits, events):
            result = request.run(progress)
        seconds = time.monotonic() - began
        if keeps_cache:
            _keep_limit(progress)
        progress.close()
    except CancelledError:
        return Cancelled()
    except BaseException as error:
        return failure(error)
    return Finished(result, seconds)


def _answer(service: Any, one: Ask, events: Connection, stop: threading.Event) -> Finished | Failed | Cancelled:
    """Answer one request with the object that was built."""
    try:
        progress = PipeProgress(_sender(events, one.number), stop)
        with _within(one.request.limits, events):
            result = one.request.run(service, progress)
        progress.close()
    except CancelledError:
        return Cancelled()
    except Exception as error:
        return failure(error)
    return Finished(result)


def _sender(events: Connection, number: int) -> Callable[[Progressed | PartialResult], None]:
    def send(event: Progressed | PartialResult) -> None:
        events.send(Reply(number, event))

    return send


def _keep_limit(progress: Progress) -> None:
    """Trim the cache to its limit if the job has used it. The job is finished, so a stop only ends the trimming."""
    if "coreset_studio.core.cache_use" not in sys.modules:
        return
    from coreset_studio.core.cache_limit import trim_after_work

    try:
        for note in trim_after_work(progress):
            sys.stderr.write(f"{note}\n")
    except CancelledError:
        pass
    except OSError as error:
        sys.stderr.write(f"The cache could not be trimmed to its limit ({error}).\n")


@contextlib.contextmanager
def _within(limits: Limits | None, events: Connection) -> Iterator[None]:
    """Apply the limits of a request that opens untrusted files, and send them to the watchdog.

    Raises
    ------
    OpeningError
        If it requires more memory than its limit.
    """
    if limits is None:
        yield
        return
    n_bytes = limits.allowed_bytes()
    events.send(Limited(limits.seconds, n_bytes))
    try:
        with memory_within(n_bytes):
            yield
    except MemoryError as error:
        raise OpeningError(took_too_much(n_bytes)) from error


def _send_last(events: Connection, last: Reply) -> None:
    try:
        events.send(last)
    except (BrokenPipeError, ConnectionError):
        pass
    except Exception as error:
        events.send(Reply(last.number, failure(error)))
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        events.close()


def _set_up(assignment: Assignment) -> None:
    """Set up this process: own process group, low priority, output to a file, few threads."""
    if hasattr(os, "setpgid"):
        # A process group of its own: descendants are killed with it, and Ctrl+C in a terminal does not reach it.
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(psutil.Error, OSError):
        # Below normal: a priority class on Windows, a niceness on other systems.
        psutil.Process().nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 10))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if assignment.threads is not None:
        limit_threads(assignment.threads)
    _redirect_output(assignment.output)


def _redirect_output(output: Path | None) -> None:
    """Append the output of this process and its libraries to `output`, since a window has no terminal."""
    target = os.open(output or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    if target > 2:
        os.close(target)
    else:
        # It took the number of a stream that was closed, or missing in a program without a console.
        for number in (1, 2):
            os.set_inheritable(number, True)
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", 0, closefd=False), "utf-8", "replace", write_through=True)
    sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", 0, closefd=False), "utf-8", "replace", write_through=True)
    faulthandler.enable(sys.stderr, all_threads=True)


def _listen(commands: Connection, stops: dict[int, threading.Event], waiting: "queue.SimpleQueue[Ask] | None") -> None:
    """Read commands in a thread; if the process of the window has ended, end this one and its descendants."""

    def loop() -> None:
        while True:
            try:
                command: Ask | Stop = commands.recv()
            except (EOFError, OSError):
                _end_group()
                return
            match command:
                case Stop(number) if number in stops:
                    stops[number].set()
                case Ask() if waiting is not None:
                    stops[command.number] = threading.Event()
                    waiting.put(command)

    threading.Thread(target=loop, name="engine-listener", daemon=True).start()


def _end_group() -> None:
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
