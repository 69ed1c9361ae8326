"""Engine processes as the window uses them: start one, exchange messages with it, and end it with its descendants.

The window computes nothing in threads of its own, since several libraries hold the global interpreter lock for seconds.
A process can also be stopped at any time, releases its memory, and does not crash the window.

- `Job`: one request in one process, which ends after it.
- `ServiceProcess`: one object that stays in a process and answers requests in sequence; built again after a crash.

All processes that are started here end when this process ends, even if it crashes.
"""

import contextlib
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import connection as pipes
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from coreset_studio.core.endings import how_it_died, process_died
from coreset_studio.core.limits import ended_the_process, took_too_long
from coreset_studio.core.main_module import plain_main_module
from coreset_studio.core.service.child import Assignment, run_job, run_service
from coreset_studio.core.service.messages import (
    BUILDING,
    Ask,
    Cancelled,
    Ended,
    Event,
    Failed,
    Finished,
    Limited,
    PartialResult,
    Progressed,
    Ready,
    Reply,
    Stop,
)
from coreset_studio.core.service.process_tools import kill_group, kill_tree, read_from, tail
from coreset_studio.core.service.requests import AnyRequest, AnyServiceRequest
from coreset_studio.core.service.watchdog import Watchdog

GRACE_SECONDS = 3.0


class EngineProcess:
    """One spawned process with a pipe in each direction; the base class of `Job` and `ServiceProcess`.

    Parameters
    ----------
    target : callable
        Entry point in the child process.
    request : PublishingRequest
        The request that the process is started for.
    output : Path, optional
        File that the output of the child is appended to; without it the output is discarded.
    threads : int, optional
        Largest number of threads of the numerical libraries.
    """

    def __init__(
        self,
        target: Callable[..., None],
        request: AnyRequest,
        *,
        output: Path | None = None,
        threads: int | None = None,
    ) -> None:
        self.output = output
        found = (getattr(each, "cache_folder", None) for each in vars(request).values())
        self.cache_folder: Path | None = next((each for each in found if isinstance(each, Path)), None)
        assignment = Assignment(bytes(ForkingPickler.dumps(request)), output, threads)
        context = multiprocessing.get_context("spawn")
        self._events, events_end = context.Pipe(duplex=False)
        commands_end, self._commands = context.Pipe(duplex=False)
        name = f"engine {type(request).__name__}"
        self._process = context.Process(target=target, args=(events_end, commands_end, assignment), name=name)
        self._ends = (events_end, commands_end)
        self._output_read = 0
        self._closed = False
        self._is_disconnected = False

    @property
    def pid(self) -> int | None:
        """Number of the process; None before it has started."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code of the process, negative for a signal; None while it runs."""
        return self._process.exitcode

    def start(self) -> None:
        """Start the process.

        Raises
        ------
        OSError
            If the system refuses another process.
        """
        with plain_main_module():
            self._process.start()
        for end in self._ends:  # so that the death of the child closes the pipes
            end.close()

    def waitables(self) -> list[Any]:
        """Return the objects that `multiprocessing.connection.wait` waits for: messages, or the end of the process."""
        if self._closed or self._process.pid is None:
            return []
        return [self._process.sentinel] if self._is_disconnected else [self._events, self._process.sentinel]

    def send(self, command: Ask | Stop) -> bool:
        """Send a command, and return whether the process could receive it."""
        try:
            self._commands.send(command)
        except (OSError, ValueError):
            return False
        return True

    def receive(self) -> Iterator[Reply | Limited]:
        """Yield the messages that have arrived, without waiting.

        Raises
        ------
        EOFError
            If the process has ended and all its messages were received.
        """
        # Checked before the pipe is emptied, so that messages that were sent before the end are not lost.
        alive = self._process.is_alive()
        try:
            while self._events.poll():
                yield self._events.recv()
        except (EOFError, OSError):
            self._is_disconnected = True
            alive = False
        if not alive:
            raise EOFError

    def read_output(self) -> str:
        """Return the output of the process and its libraries since the last call."""
        new = read_from(self.output, self._output_read)
        self._output_read += len(new)
        return new.decode("utf-8", "replace")

    def kill(self) -> None:
        """Kill the process and its descendants immediately. It can be called at any time and repeatedly."""
        if not self._closed and self._process.pid is not None and self._process.exitcode is None:
            kill_tree(self._process.pid)
            with contextlib.suppress(OSError):
                self._process.kill()

    def close(self) -> None:
        """Kill the process if it still runs, and its descendants, and release all handles."""
        if self._closed:
            return
        self.kill()
        self._closed = True
        if self._process.pid is not None:
            kill_group(self._process.pid)
            self._process.join()
            # If other code has reaped the child, as psutil does in `wait`, its exit code is unknown.
            with contextlib.suppress(ValueError):
                self._process.close()
        for end in (self._events, self._commands, *self._ends):
            end.close()


class Job(EngineProcess):
    """One request in a process of its own.

    The last event is one of `Finished`, `Failed` and `Cancelled`, and there is exactly one of them.

    Examples
    --------
    >>> job = Job(ScanDataset(study))  # doctest: +SKIP
    >>> job.start()  # doctest: +SKIP
    >>> for event in job.events():  # doctest: +SKIP
    ...     print(event)
    """

    def __init__(self, request: AnyRequest, *, output: Path | None = None, threads: int | None = None) -> None:
        super().__init__(run_job, request, output=output, threads=threads)
        self.over = False
        self._kill_at: float | None = None
        self._watchdog = Watchdog()

    def cancel(self) -> None:
        """Request a stop; `take_events` kills the process if it has not stopped after three seconds."""
        if not self.over and self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE_SECONDS
            self.send(Stop(BUILDING))

    def take_events(self) -> list[Event]:
        """Return the events that have arrived, without waiting. After the last one the process may still run.

        A process that has opened an untrusted file and has sent no message within its limit is killed.
        """
        if self.over:
            return []
        events: list[Event] = []
        last: Event | None = None
        try:
            for message in self.receive():
                self._watchdog.reset(message)
                match message:
                    case Reply(_, Progressed() | PartialResult() as event):
                        events.append(event)
                    case Reply(_, Finished() | Failed() | Cancelled() as event):
                        last = event
                        break
        except EOFError:
            last = self._last_event_after_end()
        if last is None and self._kill_at is not None and time.monotonic() > self._kill_at:
            self.kill()
            last = Cancelled()
        if last is None and self._watchdog.has_expired():
            self.kill()
            last = Failed(took_too_long(self._watchdog.seconds), tail(self.output), expected=True)
        if last is not None:
            self.over = True
            self._kill_at = time.monotonic() + GRACE_SECONDS
            events.append(last)
        return events

    def reap(self) -> bool:
        """Return whether the process has ended, without waiting; to be called after the last event.

        A process that has sent its last event may still run threads; it is killed after three seconds.
        """
        if self._closed:
            return True
        if self._process.exitcode is None and self._kill_at is not None and time.monotonic() < self._kill_at:
            return False
        self.close()
        return True

    def events(self) -> Iterator[Event]:
        """Yield the events as they arrive, until the last; then wait for the process to end."""
        while not self.over:
            pipes.wait(self.waitables(), timeout=0.1)
            yield from self.take_events()
        while not self.reap():
            self._process.join(0.05)

    def _last_event_after_end(self) -> Event:
        self._process.join(GRACE_SECONDS)
        if self._kill_at is not None:
            return Cancelled()
        if self._watchdog.n_bytes:
            sentence = ended_the_process(how_it_died(self._process.exitcode, self.cache_folder), self._watchdog.n_bytes)
            return Failed(sentence, tail(self.output))
        return Failed(process_died(self._process.exitcode, self.cache_folder), tail(self.output))


class ServiceProcess(EngineProcess):
    """One object in a process of its own that answers requests one after another.

    Parameters
    ----------
    opening : Request
        Its result is the object, which stays in the process.

    Attributes
    ----------
    ready : bool
        Whether the object is built.
    dead : bool
        Whether the process has ended.
    died_how : str
        Sentence on the end of the process, if it ended without a last message.
    killed_for_stop : bool
        Whether it was killed because a cancelled request did not stop, which is no error of the process.

    Notes
    -----
    Requests that are sent with `latest` are for sliders: a newer one of the same class replaces those that wait, and
    stops the one being answered if it reports progress. A replaced request gets no reply, a stopped one `Cancelled`.
    """

    def __init__(self, opening: AnyRequest, *, output: Path | None = None, threads: int | None = None) -> None:
        super().__init__(run_service, opening, output=output, threads=threads)
        self._opening, self._threads = opening, threads
        self._waiting: deque[tuple[Ask, bool]] = deque()
        self._in_flight: tuple[Ask, bool] | None = None
        self._cancelled: int | None = None
        self._kill_at = float("inf")
        self._to_deliver: list[Reply] = []
        self._watchdog = Watchdog()
        self.ready = False
        self.dead = False
        self.died_how = ""
        self.killed_for_stop = False

    def ask(self, number: int, request: AnyServiceRequest, *, latest: bool = False) -> None:
        """Send a request.

        Parameters
        ----------
        number : int
            Number that the replies contain.
        request : ServiceRequest
        latest : bool
            Whether it replaces waiting requests of the same class that were sent with `latest`.
        """
        if latest:
            kind = type(request)
            self._waiting = deque(one for one in self._waiting if not (one[1] and type(one[0].request) is kind))
            at_work = self._in_flight
            if at_work is not None and at_work[1] and type(at_work[0].request) is kind:
                self.send(Stop(at_work[0].number))
        self._waiting.append((Ask(number, request), latest))
        self._send_next()

    def stop(self, number: int) -> None:
        """Drop a request without a reply; one that is being answered stops at its next report."""
        self._waiting = deque(one for one in self._waiting if one[0].number != number)
        if self._is_in_flight(number):
            self.send(Stop(number))

    def cancel(self, number: int) -> None:
        """Cancel a request; its reply is `Cancelled`.

        One that is being answered stops at its next report. If that takes longer than three seconds, `take_replies`
        kills the process, and `again` continues with the waiting requests.
        """
        waits = any(one[0].number == number for one in self._waiting)
        self.stop(number)
        if waits:
            self._to_deliver.append(Reply(number, Cancelled()))
        elif self._is_in_flight(number):
            self._cancelled, self._kill_at = number, time.monotonic() + GRACE_SECONDS

    def take_replies(self) -> list[Reply]:
        """Return the replies that have arrived, without waiting. After `Ended`, the last one, the process has ended."""
        if self.dead:
            return []
        replies, self._to_deliver = self._to_deliver, []
        if self._cancelled is not None and time.monotonic() > self._kill_at:
            self.killed_for_stop = True
            self.kill()
            self._process.join(GRACE_SECONDS)
        try:
            for message in self.receive():
                self._watchdog.reset(message)
                if isinstance(message, Limited):
                    continue
                match message.event:
                    case Cancelled() | Finished() | Failed():
                        self._in_flight = self._cancelled = None
                        self._watchdog = Watchdog()
                    case Ready():
                        self.ready = True
                replies.append(message)
                if isinstance(message.event, Ended):
                    raise EOFError
                self._send_next()
            if self._watchdog.has_expired():
                self.kill()
                raise EOFError
        except EOFError:
            replies += self._last_replies(has_ended=bool(replies) and isinstance(replies[-1].event, Ended))
        return replies

    def again(self) -> "ServiceProcess":
        """Return a new process with the same object and the waiting requests; it is not started."""
        successor = ServiceProcess(self._opening, output=self.output, threads=self._threads)
        successor._waiting = self._waiting
        successor._output_read = self._output_read
        return successor

    def _is_in_flight(self, number: int | None) -> bool:
        return self._in_flight is not None and self._in_flight[0].number == number

    def _send_next(self) -> None:
        if self.ready and self._in_flight is None and self._waiting:
            self._in_flight = self._waiting.popleft()
            self.send(self._in_flight[0])

    def _last_replies(self, *, has_ended: bool) -> list[Reply]:
        """Close the process, which has ended, and return the last replies."""
        self.dead = True
        self._process.join(GRACE_SECONDS)
        self.died_how = how_it_died(self._process.exitcode, self.cache_folder)
        last: list[Reply] = []
        opened = ""
        if self._watchdog.has_expired():
            opened = took_too_long(self._watchdog.seconds)
        elif self._watchdog.n_bytes:
            opened = ended_the_process(self.died_how, self._watchdog.n_bytes)
        if self._in_flight is not None:
            number = self._in_flight[0].number
            if number == self._cancelled:
                last.append(Reply(number, Cancelled()))
            else:  # it may be what ended the process, so it is not sent again
                sentence = opened or f"{self.died_how} The last request was not answered."
                last.append(Reply(number, Failed(sentence, tail(self.output))))
        if not has_ended:
            died = process_died(self._process.exitcode, self.cache_folder)
            last.append(Reply(BUILDING, Ended(died, tail(self.output))))
        self.close()
        return last
