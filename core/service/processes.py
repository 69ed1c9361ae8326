"""The window's side of an engine process: starting it, talking to it, ending it with all that it started.

A window that computed in one of its own threads would freeze: several libraries hold Python's global lock for
seconds. A process can also be stopped at any moment, gives its memory back, and may crash without taking the
window with it.

- `Job`: one request in one process, which ends with it.
- `ServiceProcess`: one object that stays in a process and answers requests in order; built again after a death.

Everything that is started here ends when this process ends, however it ends.
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

from core.endings import how_it_died, process_died
from core.limits import ended_the_process, took_too_long
from core.service.child import Assignment, run_job, run_service
from core.service.messages import (
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
from core.service.process_tools import kill_group, kill_tree, plain_main_module, read_from, tail
from core.service.requests import AnyRequest, AnyServiceRequest
from core.service.watchdog import Watchdog

GRACE_SECONDS = 3.0


class EngineProcess:
    """One spawned process with a pipe each way; what `Job` and `ServiceProcess` share.

    Parameters
    ----------
    target : callable
        Entry point in the child.
    request : Request
        What the process is started for.
    output : Path, optional
        File that the child's output is appended to; without it the output is dropped.
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
        with plain_main_module():
            self._process.start()
        for end in self._ends:  # so that the death of the child closes the pipes
            end.close()

    def waitables(self) -> list[Any]:
        """Return what `multiprocessing.connection.wait` can wait for: news, or the end of the process."""
        if self._closed or self._process.pid is None:
            return []
        return [self._process.sentinel] if self._hung_up else [self._events, self._process.sentinel]

    def send(self, command: Ask | Stop) -> bool:
        """Send a command; False if the process is no longer there."""
        try:
            self._commands.send(command)
        except (OSError, ValueError):
            return False
        return True

    def receive(self) -> Iterator[Reply | Limited]:
        """Yield what has arrived, without waiting; raises EOFError when the process has ended and no more will come."""
        # Whether it lives is asked before the pipe is emptied: what it sent before it died is not lost.
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
        new = read_from(self.output, self._output_read)
        self._output_read += len(new)
        return new.decode("utf-8", "replace")

    def kill(self) -> None:
        """End the process and whatever it started, at once. Safe to call at any time, more than once."""
        if not self._closed and self._process.pid is not None and self._process.exitcode is None:
            kill_tree(self._process.pid)
            with contextlib.suppress(OSError):
                self._process.kill()

    def close(self) -> None:
        """End the process if it still lives, and whatever it left behind; then give its handles back."""
        if self._closed:
            return
        self.kill()
        self._closed = True
        if self._process.pid is not None:
            kill_group(self._process.pid)
            self._process.join()
            # Where someone else has reaped the child (psutil does, when asked to wait), its end is never learnt.
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
        """Ask it to stop; `take_events` kills it if it has not stopped after three seconds."""
        if not self.over and self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE_SECONDS
            self.send(Stop(BUILDING))

    def take_events(self) -> list[Event]:
        """Return the events that have arrived, without waiting. After the last one the process may still be leaving.

        A process that has opened an untrusted file and has sent nothing for too long is killed.
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
            last = self._last_of_the_dead()
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
        """Return whether the process is gone, without waiting, once the last event was taken.

        A process that has sent its last event may still hold threads and buffers; after three seconds it is killed.
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
        if self._watchdog.n_bytes:
            said = ended_the_process(how_it_died(self._process.exitcode, self.cache_folder), self._watchdog.n_bytes)
            return Failed(said, tail(self.output))
        return Failed(process_died(self._process.exitcode, self.cache_folder), tail(self.output))


class ServiceProcess(EngineProcess):
    """One object in a process of its own that answers requests one after another.

    Parameters
    ----------
    opening : Request
        Its result is the object; it stays in the process.

    Notes
    -----
    Requests asked with `latest` are for sliders: a newer one of the same class replaces those that wait and stops
    the one being answered, if it reports progress. A replaced request gets no reply, a stopped one `Cancelled`.

    Attributes
    ----------
    ready : bool
        The object is built.
    dead : bool
    died_how : str
        A sentence, where it ended without a last word.
    killed_for_stop : bool
        It ended because a request was cancelled and did not stop by itself, which is not a fault of its own.
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
        """Ask; `number` comes back with the replies.

        Parameters
        ----------
        latest : bool
            Drop requests of the same class that are still waiting and were asked with `latest`, too.
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
        """Want no answer to this request any more; one that is being answered stops at its next report."""
        self._waiting = deque(one for one in self._waiting if one[0].number != number)
        if self._is_in_flight(number):
            self.send(Stop(number))

    def cancel(self, number: int) -> None:
        """Stop a request when the user cancels it; `Cancelled` is its answer.

        One that is being answered stops at its next report; if that takes longer than three seconds, `take_replies`
        kills the process, and `again` continues with the requests that wait.
        """
        waits = any(one[0].number == number for one in self._waiting)
        self.stop(number)
        if waits:
            self._to_deliver.append(Reply(number, Cancelled()))
        elif self._is_in_flight(number):
            self._cancelled, self._kill_at = number, time.monotonic() + GRACE_SECONDS

    def take_replies(self) -> list[Reply]:
        """Return what has arrived, without waiting. `Ended` is the last: the process is gone."""
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
        """Return a new process with the same object, not yet started, that takes over the requests still waiting."""
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
        """Close what is left of a dead process, and return the last replies."""
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
            else:  # perhaps what killed it: it is not asked again
                sentence = opened or f"{self.died_how} The last request was not answered."
                last.append(Reply(number, Failed(sentence, tail(self.output))))
        if not has_ended:
            died = process_died(self._process.exitcode, self.cache_folder)
            last.append(Reply(BUILDING, Ended(died, tail(self.output))))
        self.close()
        return last
