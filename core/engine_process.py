"""What runs inside an engine process: set-up, the listener, one function call or a resident object.

Imported by the child alone (and for the names of its two entry points by `core.jobs`). Nothing heavy is imported
here: the function asked for is found by name and imported only after the process has lowered its priority, moved
its output to a file and limited its threads.
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
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from core.calls import failure, resolve, takes_progress
from core.errors import CancelledError, OpeningError
from core.job_events import (
    CANCEL,
    Answered,
    Cancelled,
    Event,
    Finished,
    Limited,
    Order,
    PartialResult,
    Progressed,
    Ready,
    Refused,
    Reported,
    Request,
    Stop,
    Stopped,
)
from core.limits import limits_of, memory_within, took_too_much
from core.threads import limit_threads

REPORTS_PER_SECOND = 20


class PipeProgress:
    """Progress through a pipe: at most 20 reports a second, the last one never lost.

    Parameters
    ----------
    send : callable
        Takes an event.
    stop : threading.Event
        Set when the user asked to stop.
    """

    def __init__(self, send: Callable[[object], None], stop: threading.Event) -> None:
        self._send = send
        self._stop = stop
        self._sent_at = -1.0
        self._held_back: Progressed | None = None
        self._lock = threading.Lock()  # the engine may report from several threads

    def report(self, done: int, total: int, message: str = "") -> None:
        """Tell the window, unless it was told within the last 50 ms; raise `CancelledError` when asked to stop."""
        if self._stop.is_set():
            raise CancelledError
        with self._lock:
            event = Progressed(int(done), int(total), message)
            now = time.monotonic()
            if now - self._sent_at < 1 / REPORTS_PER_SECOND:
                self._held_back = event
                return
            self._sent_at, self._held_back = now, None
            self._send(event)

    def publish(self, result: object) -> None:
        """Hand out a finished part, after the report that was held back."""
        with self._lock:
            self._flush()
            self._send(PartialResult(result))

    def close(self) -> None:
        """Send the report that was held back."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        if self._held_back is not None:
            event, self._held_back = self._held_back, None
            self._sent_at = time.monotonic()
            self._send(event)


def run_function(events: Connection, commands: Connection, order: Order) -> None:
    """Call one function and send its events; the entry point of a job's process."""
    stop = threading.Event()
    _set_up(order)
    _listen(commands, stop.set)
    progress = PipeProgress(events.send, stop)
    began = time.monotonic()
    try:
        positional, keywords = pickle.loads(order.arguments)  # noqa: S301 - from the window's own process
        function = resolve(order.name)
        if takes_progress(function):
            keywords = {**keywords, "progress": progress}
        with _limits(function, events.send):
            result = function(*positional, **keywords)
        seconds = time.monotonic() - began
        _keep_limit(progress)
        progress.close()
        last: Event = Finished(result, seconds)
    except CancelledError:
        last = Cancelled()
    except BaseException as error:
        last = failure(error)
    _send_last(events, last)


def _keep_limit(progress: PipeProgress) -> None:
    """Bring the cache within its limit, if the job has used one. The job is done: a stop only ends this."""
    if "core.cache_use" not in sys.modules:
        return
    from core.cache_limit import trim_after_work

    try:
        for note in trim_after_work(progress):
            sys.stderr.write(f"{note}\n")
    except CancelledError:
        pass
    except OSError as error:
        sys.stderr.write(f"The cache could not be brought within its limit ({error}).\n")


def run_resident(events: Connection, commands: Connection, order: Order) -> None:
    """Build one object and answer requests until the pipe closes; the entry point of a resident's process."""
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    stops: dict[int, threading.Event] = {0: threading.Event()}
    _set_up(order)
    _listen(commands, stops[0].set, _Mailbox(requests, stops).take)
    try:
        positional, keywords = pickle.loads(order.arguments)  # noqa: S301 - from the window's own process
        served = _call(resolve(order.name), positional, keywords, events, 0, stops[0])
    except BaseException as error:
        _send_last(events, failure(error))
        return
    events.send(Ready())
    while True:
        request = requests.get()
        answer = _answer(served, request, events, stops[request.number])
        del stops[request.number]
        try:
            events.send(answer)
        except (BrokenPipeError, ConnectionError):
            return
        except Exception as error:  # a result that cannot be pickled
            failed = failure(error)
            events.send(Refused(request.number, failed.sentence, failed.details))


class _Mailbox:
    """What the listening thread of a resident does with a command."""

    def __init__(self, requests: "queue.SimpleQueue[Request]", stops: dict[int, threading.Event]) -> None:
        self._requests = requests
        self._stops = stops

    def take(self, command: object) -> None:
        if isinstance(command, Request):
            self._stops[command.number] = threading.Event()
            self._requests.put(command)
        elif isinstance(command, Stop) and command.number in self._stops:
            self._stops[command.number].set()


def _answer(served: Any, request: Request, events: Connection, stop: threading.Event) -> Answered | Refused | Stopped:
    try:
        method = getattr(served, request.method)
        return Answered(request.number, _call(method, request.arguments, {}, events, request.number, stop))
    except CancelledError:
        return Stopped(request.number)
    except Exception as error:
        failed = failure(error)
        return Refused(request.number, failed.sentence, failed.details)


def _call(
    function: Callable[..., Any],
    positional: tuple[Any, ...],
    keywords: dict[str, Any],
    events: Connection,
    number: int,
    stop: threading.Event,
) -> Any:
    """Call `function`, with a progress that says which request it is about where the function takes one."""

    def send(event: Any) -> None:
        events.send(Reported(number, event))

    with _limits(function, events.send):
        if not takes_progress(function):
            return function(*positional, **keywords)
        progress = PipeProgress(send, stop)
        result = function(*positional, **keywords, progress=progress)
        progress.close()
        return result


@contextlib.contextmanager
def _limits(function: Callable[..., Any], send: Callable[[Limited], None]) -> Iterator[None]:
    """Keep a function that opens files from anywhere within its limits; the handle is told how long it may be silent.

    Raises
    ------
    OpeningError
        If it wants more memory than it may have.
    """
    limits = limits_of(function)
    if limits is None:
        yield
        return
    n_bytes = limits.allowed_bytes()
    send(Limited(limits.seconds, n_bytes))
    try:
        with memory_within(n_bytes):
            yield
    except MemoryError as error:
        raise OpeningError(took_too_much(n_bytes)) from error


def _send_last(events: Connection, last: Event) -> None:
    try:
        events.send(last)
    except (BrokenPipeError, ConnectionError):
        pass
    except Exception as error:
        events.send(failure(error))
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        events.close()


def _set_up(order: Order) -> None:
    """Make this process a quiet one: own group, low priority, output to a file, few threads."""
    if hasattr(os, "setpgid"):
        # A group of its own: a kill reaches what the engine itself started, and Ctrl+C in a terminal does not.
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(psutil.Error, OSError):
        # Below normal: on Windows a class of its own, elsewhere a niceness.
        psutil.Process().nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 10))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if order.threads is not None:
        limit_threads(order.threads)
    _redirect_output(order.output)


def _redirect_output(output: Path | None) -> None:
    """Append whatever this process and its libraries print to `output`; a window has no terminal to print to."""
    target = os.open(output or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", 0, closefd=False), "utf-8", "replace", write_through=True)
    sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", 0, closefd=False), "utf-8", "replace", write_through=True)
    faulthandler.enable(sys.stderr, all_threads=True)


def _listen(commands: Connection, cancel: Callable[[], None], take: Callable[[object], None] | None = None) -> None:
    """Read commands in a thread; when the window's process is gone, end this one and all that it started."""

    def loop() -> None:
        while True:
            try:
                command = commands.recv()
            except (EOFError, OSError):
                _end_group()
                return
            if command == CANCEL:
                cancel()
            elif take is not None:
                take(command)

    threading.Thread(target=loop, name="engine-listener", daemon=True).start()


def _end_group() -> None:
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
