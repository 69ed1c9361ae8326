"""Run engine functions in processes of their own, and learn by typed events how they fare.

A window that computed in one of its own threads would freeze: several libraries hold Python's global lock for
seconds. A process can also be stopped at any moment, gives its memory back, and may crash without taking the
window with it.

- `Job`: one function call in one process, which ends with it.
- `Resident`: one object that stays in a process and answers requests in order; built anew after a death.
- `ImmediateJob`: the same face as `Job`, but the call happens at once in this process; for tests.

Everything that is started here ends when this process ends, however it ends.
"""

import time
from collections.abc import Iterator, Mapping
from multiprocessing import connection as pipes
from pathlib import Path
from typing import Any

from core.calls import failure, resolve, takes_progress
from core.endings import how_it_died, process_died
from core.engine_handle import GRACE_SECONDS, NO_KEYWORDS, EngineProcess, Silence, tail
from core.engine_process import run_function
from core.errors import CancelledError
from core.job_events import (
    CANCEL,
    Answered,
    Cancelled,
    Event,
    Failed,
    Finished,
    Limited,
    PartialResult,
    Progressed,
    Ready,
    Refused,
    Reported,
    Stopped,
)
from core.limits import ended_the_process, took_too_long
from core.resident import Resident

__all__ = [
    "Answered", "Cancelled", "Event", "Failed", "Finished", "ImmediateJob", "Job", "PartialResult",
    "Progressed", "Ready", "Refused", "Reported", "Resident", "Stopped",
    "process_died",
]  # fmt: skip


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
        self._silence = Silence()

    def cancel(self) -> None:
        """Ask it to stop; `take_events` kills it if it has not stopped after three seconds."""
        if not self.over and self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE_SECONDS
            self.send(CANCEL)

    def take_events(self) -> list[Event]:
        """Return the events that have arrived, without waiting. After the last one the process may still be leaving.

        One that opens something and has not been heard of for longer than it may take is killed.
        """
        if self.over:
            return []
        events: list[Event] = []
        last: Event | None = None
        try:
            for event in self.receive():
                self._silence.heard(event)
                if isinstance(event, Limited):
                    continue
                if isinstance(event, Finished | Failed | Cancelled):
                    last = event
                    break
                events.append(event)  # type: ignore[arg-type]
        except EOFError:
            last = self._last_of_the_dead()
        if last is None and self._kill_at is not None and time.monotonic() > self._kill_at:
            self.kill()
            last = Cancelled()
        if last is None and self._silence.is_over():
            self.kill()
            last = Failed(took_too_long(self._silence.seconds), tail(self.output), expected=True)
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
        if self._silence.n_bytes:
            said = ended_the_process(how_it_died(self._process.exitcode, self.cache_folder), self._silence.n_bytes)
            return Failed(said, tail(self.output))
        return Failed(process_died(self._process.exitcode, self.cache_folder), tail(self.output))


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
