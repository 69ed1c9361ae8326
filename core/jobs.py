"""Run engine functions in processes of their own, and learn by typed events how they fare.

A window that computed in one of its own threads would freeze: several libraries hold Python's global lock for
seconds. A process can also be stopped at any moment, gives its memory back, and may crash without taking the
window with it.

- `Job`: one function call in one process, which ends with it.
- `Resident`: one object that stays in a process and answers requests in order; built anew after a death.
- `ImmediateJob`: the same face as `Job`, but the call happens at once in this process; for tests.

Everything that is started here ends when this process ends, however it ends.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import connection as pipes
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from core.engine_process import (
    CANCEL,
    Answered,
    Cancelled,
    Event,
    Failed,
    Finished,
    Order,
    PartialResult,
    Progressed,
    Ready,
    Refused,
    Reported,
    Request,
    Stop,
    Stopped,
    failure,
    resolve,
    run_function,
    run_resident,
    takes_progress,
)
from core.errors import CancelledError

__all__ = [
    "Answered", "Cancelled", "Event", "Failed", "Finished", "ImmediateJob", "Job", "PartialResult",
    "Progressed", "Ready", "Refused", "Reported", "Resident", "process_died",
]  # fmt: skip

Answer = Ready | Reported | Answered | Refused | Failed
GRACE_SECONDS = 3.0
NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})


def process_died(exit_code: int | None) -> str:
    """Return a sentence for an engine process that ended without a last word."""
    if exit_code is not None and exit_code < 0:
        try:
            name = signal.Signals(-exit_code).name
        except ValueError:
            name = f"signal {-exit_code}"
        if name == "SIGKILL":
            return (
                "The engine process was ended from outside (SIGKILL), often because memory ran out. "
                "What was finished is kept; run the step again, if need be with fewer images or extractors."
            )
        return f"The engine process crashed ({name}). What was finished is kept; run the step again."
    return f"The engine process ended unexpectedly (exit code {exit_code}). What was finished is kept; run it again."


class EngineProcess:
    """One spawned process with a pipe each way; what `Job` and `Resident` share.

    Parameters
    ----------
    target : callable
        Entry point in the child.
    name : str
        ``"module:function"``, imported in the child only.
    arguments, keywords
        Picklable; frozen dataclasses and paths, no large arrays.
    output : Path, optional
        File that the child's output is appended to; without it the output is dropped.
    threads : int, optional
        Largest number of threads of the numerical libraries.
    """

    def __init__(
        self,
        target: Callable[..., None],
        name: str,
        arguments: tuple[Any, ...] = (),
        keywords: Mapping[str, Any] = NO_KEYWORDS,
        *,
        output: Path | None = None,
        threads: int | None = None,
    ) -> None:
        self.name = name
        self.output = output
        packed = bytes(ForkingPickler.dumps((arguments, dict(keywords))))
        context = multiprocessing.get_context("spawn")
        self._events, events_end = context.Pipe(duplex=False)
        commands_end, self._commands = context.Pipe(duplex=False)
        order = Order(name, packed, output, threads)
        self._process = context.Process(target=target, args=(events_end, commands_end, order), name=f"engine {name}")
        self._ends = (events_end, commands_end)
        self._output_read = 0
        self._closed = False
        self._hung_up = False

    @property
    def pid(self) -> int | None:
        """Number of the process; None before it is started."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code of the process, negative for a signal; None while it lives."""
        return self._process.exitcode

    def start(self) -> None:
        """Start the process.

        Raises
        ------
        OSError
            If the system refuses another process.
        """
        with _plain_main_module():
            self._process.start()
        for end in self._ends:  # so that the death of the child closes the pipes
            end.close()

    def waitables(self) -> list[Any]:
        """Return what `multiprocessing.connection.wait` can wait for: news, or the end of the process."""
        if self._closed or self._process.pid is None:
            return []
        return [self._process.sentinel] if self._hung_up else [self._events, self._process.sentinel]

    def send(self, command: object) -> bool:
        """Send a command; False if the process is no longer there."""
        try:
            self._commands.send(command)
        except (OSError, ValueError):
            return False
        return True

    def receive(self) -> Iterator[object]:
        """Yield what has arrived, without waiting; raises EOFError when the process has nothing more to say."""
        # Whether it lives is asked before the pipe is emptied: what it said before it died is not lost.
        alive = self._process.is_alive()
        try:
            while self._events.poll():
                yield self._events.recv()
        except (EOFError, OSError):
            self._hung_up = True
            alive = False
        if not alive:
            raise EOFError

    def read_output(self) -> str:
        """Return what the process and its libraries printed since the last call."""
        if self.output is None:
            return ""
        try:
            with self.output.open("rb") as stream:
                stream.seek(self._output_read)
                new = stream.read()
        except OSError:
            return ""
        self._output_read += len(new)
        return new.decode("utf-8", "replace")

    def kill(self) -> None:
        """End the process and whatever it started, at once. Safe to call at any time, more than once."""
        if not self._closed and self._process.pid is not None and self._process.exitcode is None:
            _kill_tree(self._process.pid)
            with contextlib.suppress(OSError):
                self._process.kill()

    def close(self) -> None:
        """End the process if it still lives, and whatever it left behind; then give its handles back."""
        if self._closed:
            return
        self.kill()
        self._closed = True
        if self._process.pid is not None:
            self._sweep_group()
            self._process.join()
            # Where someone else has reaped the child (psutil does, when asked to wait), its end is never learnt.
            with contextlib.suppress(ValueError):
                self._process.close()
        for end in (self._events, self._commands, *self._ends):
            end.close()

    def _sweep_group(self) -> None:
        """End what a dead child left behind. The system gives a number to nobody else while its group has members."""
        if sys.platform != "win32" and self._process.pid is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)


class Job(EngineProcess):
    """One call of an engine function, in a process of its own.

    The function's `progress` argument, where it has one, is passed by the process. The last event is one of
    `Finished`, `Failed` and `Cancelled`, and there is exactly one of them.

    Examples
    --------
    >>> job = Job("core.pipeline:scan", (folder,))  # doctest: +SKIP
    >>> job.start()  # doctest: +SKIP
    >>> for event in job.events():  # doctest: +SKIP
    ...     print(event)
    """

    def __init__(
        self,
        name: str,
        arguments: tuple[Any, ...] = (),
        keywords: Mapping[str, Any] = NO_KEYWORDS,
        *,
        output: Path | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(run_function, name, arguments, keywords, output=output, threads=threads)
        self.over = False
        self._kill_at: float | None = None

    @property
    def cancelling(self) -> bool:
        """Whether it was asked to stop and has not stopped yet."""
        return self._kill_at is not None and not self.over

    def cancel(self) -> None:
        """Ask it to stop; `take_events` kills it if it has not stopped after three seconds."""
        if not self.over and self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE_SECONDS
            self.send(CANCEL)

    def take_events(self) -> list[Event]:
        """Return the events that have arrived, without waiting. After the last one the process may still be leaving."""
        if self.over:
            return []
        events: list[Event] = []
        last: Event | None = None
        try:
            for event in self.receive():
                if isinstance(event, Finished | Failed | Cancelled):
                    last = event
                    break
                events.append(event)  # type: ignore[arg-type]
        except EOFError:
            last = self._last_of_the_dead()
        if last is None and self._kill_at is not None and time.monotonic() > self._kill_at:
            self.kill()
            last = Cancelled()
        if last is not None:
            self.over = True
            self._kill_at = time.monotonic() + GRACE_SECONDS
            events.append(last)
        return events

    def reap(self) -> bool:
        """Return whether the process is gone, without waiting, once the last event was taken.

        A function that has said its last word may still hold threads and buffers; after three seconds it is killed.
        """
        if self._closed:
            return True
        if self._process.exitcode is None and self._kill_at is not None and time.monotonic() < self._kill_at:
            return False
        self.close()
        return True

    def events(self) -> Iterator[Event]:
        """Yield the events as they come, until the last; then wait for the process to leave."""
        while not self.over:
            pipes.wait(self.waitables(), timeout=0.1)
            yield from self.take_events()
        while not self.reap():
            self._process.join(0.05)

    def _last_of_the_dead(self) -> Event:
        self._process.join(GRACE_SECONDS)
        if self._kill_at is not None:
            return Cancelled()
        return Failed(process_died(self._process.exitcode), _tail(self.output))


class Resident(EngineProcess):
    """One object in a process of its own that answers requests one after another.

    Parameters
    ----------
    name : str
        ``"module:Class"``; built in the process with `arguments` and `keywords`.

    Notes
    -----
    Questions asked with `latest` are for a slider: a newer one to the same method takes the place of those that wait
    and stops the one being computed, if it reports progress. What was overtaken is never answered.
    """

    def __init__(
        self,
        name: str,
        arguments: tuple[Any, ...] = (),
        keywords: Mapping[str, Any] = NO_KEYWORDS,
        *,
        output: Path | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(run_resident, name, arguments, keywords, output=output, threads=threads)
        self._recipe = (name, arguments, keywords, output, threads)
        self._asked: deque[tuple[Request, str]] = deque()
        self._in_flight: tuple[Request, str] | None = None
        self.ready = False
        self.dead = False

    def ask(self, number: int, method: str, arguments: tuple[Any, ...] = (), *, latest: bool = False) -> None:
        """Ask for ``object.method(*arguments)``; `number` comes back with the answer.

        Parameters
        ----------
        latest : bool
            Drop questions to the same method that are still waiting and were asked with `latest`, too.
        """
        kind = method if latest else ""
        if latest:
            self._asked = deque(asked for asked in self._asked if asked[1] != kind)
            if self._in_flight is not None and self._in_flight[1] == kind:
                self.send(Stop(self._in_flight[0].number))
        self._asked.append((Request(number, method, arguments), kind))
        self._send_next()

    def stop(self, number: int) -> None:
        """Want no answer to this question any more; one that is being computed stops at its next report."""
        self._asked = deque(asked for asked in self._asked if asked[0].number != number)
        if self._in_flight is not None and self._in_flight[0].number == number:
            self.send(Stop(number))

    def take_answers(self) -> list[Answer]:
        """Return what has arrived, without waiting. `Failed` is the last: the process is gone."""
        if self.dead:
            return []
        answers: list[Answer] = []
        try:
            for answer in self.receive():
                if isinstance(answer, Stopped | Answered | Refused):
                    self._in_flight = None
                self.ready = self.ready or isinstance(answer, Ready)
                if not isinstance(answer, Stopped):
                    answers.append(answer)  # type: ignore[arg-type]
                if isinstance(answer, Failed):
                    raise EOFError
                self._send_next()
        except EOFError:
            answers += self._bury(spoke=bool(answers) and isinstance(answers[-1], Failed))
        return answers

    def again(self) -> "Resident":
        """Return a new process with the same object, not yet started, that takes over the questions still waiting."""
        name, arguments, keywords, output, threads = self._recipe
        heir = Resident(name, arguments, keywords, output=output, threads=threads)
        heir._asked = self._asked
        heir._output_read = self._output_read
        return heir

    def _send_next(self) -> None:
        if self.ready and self._in_flight is None and self._asked:
            self._in_flight = self._asked.popleft()
            self.send(self._in_flight[0])

    def _bury(self, *, spoke: bool) -> list[Refused | Failed]:
        self.dead = True
        last: list[Refused | Failed] = []
        self._process.join(GRACE_SECONDS)
        sentence = process_died(self._process.exitcode)
        if self._in_flight is not None:  # perhaps what killed it: it is not asked again
            last.append(Refused(self._in_flight[0].number, sentence, _tail(self.output)))
        if not spoke:
            last.append(Failed(sentence, _tail(self.output)))
        self.close()
        return last


class ImmediateJob:
    """The same face as `Job`, but `start` calls the function at once in this process; for tests of pages."""

    def __init__(
        self,
        name: str,
        arguments: tuple[Any, ...] = (),
        keywords: Mapping[str, Any] = NO_KEYWORDS,
        **_options: object,
    ) -> None:
        self.name = name
        self.over = False
        self._call = (arguments, dict(keywords))
        self._events: list[Event] = []

    def start(self) -> None:
        """Call the function and keep its events."""
        positional, keywords = self._call
        began = time.monotonic()
        try:
            function = resolve(self.name)
            if takes_progress(function):
                keywords = {**keywords, "progress": self}
            self._events.append(Finished(function(*positional, **keywords), time.monotonic() - began))
        except CancelledError:
            self._events.append(Cancelled())
        except Exception as error:
            self._events.append(failure(error))

    def report(self, done: int, total: int, message: str = "") -> None:
        """Keep the report as an event."""
        self._events.append(Progressed(done, total, message))

    def publish(self, result: object) -> None:
        """Keep the part as an event."""
        self._events.append(PartialResult(result))

    def take_events(self) -> list[Event]:
        """Return all events of the call."""
        events, self._events = self._events, []
        self.over = self.over or bool(events)
        return events

    def cancel(self) -> None:
        """Do nothing: it is over before anyone can ask."""


def _kill_tree(pid: int) -> None:
    """Kill what the process started, then, where it leads a group of its own, the whole group."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)


def _tail(output: Path | None, n_characters: int = 4000) -> str:
    if output is None:
        return ""
    try:
        with output.open("rb") as stream:
            stream.seek(max(0, output.stat().st_size - n_characters))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


@contextlib.contextmanager
def _plain_main_module() -> Iterator[None]:
    """Keep the child from importing this process's main module: it has nothing that the engine needs.

    The start of a child would otherwise import, say, pytest or a notebook's script a second time.
    """
    main = sys.modules.get("__main__")
    saved = {name: getattr(main, name) for name in ("__spec__", "__file__") if hasattr(main, name)}
    if main is None:
        yield
        return
    main.__spec__ = None
    if hasattr(main, "__file__"):
        del main.__file__
    try:
        yield
    finally:
        for name, value in saved.items():
            setattr(main, name, value)
