"""The window's side of an engine process: starting it, talking to it, ending it with all that it started."""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from core.job_events import Limited, Order

GRACE_SECONDS = 3.0
NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})


class Silence:
    """How long a process that opens something has not been heard of.

    Attributes
    ----------
    seconds : float
        That it may be silent for.
    n_bytes : int
        Of memory that it may take; 0 while it opens nothing from elsewhere.
    """

    def __init__(self) -> None:
        self.seconds = float("inf")
        self.n_bytes = 0
        self._heard_at = time.monotonic()

    def heard(self, event: object) -> None:
        """Take notice of an event."""
        self._heard_at = time.monotonic()
        if isinstance(event, Limited):
            self.seconds, self.n_bytes = event.seconds, event.n_bytes

    def is_over(self) -> bool:
        """Return whether it has been silent for longer than it may be."""
        return time.monotonic() - self._heard_at > self.seconds


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
        found = (getattr(each, "cache_folder", None) for each in (*arguments, *keywords.values()))
        self.cache_folder: Path | None = next((each for each in found if isinstance(each, Path)), None)
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


def tail(output: Path | None, n_characters: int = 4000) -> str:
    """Return the end of what a process printed, where a crash leaves its stack."""
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
