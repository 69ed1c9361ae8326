"""Limits of time and memory for engine functions that open what may come from anywhere.

Readers refuse by themselves what is too large or takes too long. The limits are for what they do not foresee, such as
a fault of a library: the engine process is ended then, and the user reads one sentence.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from coreset_studio.core.words import byte_size, duration

F = TypeVar("F", bound=Callable[..., Any])

SHARE_OF_FREE = 0.75
LEAST_BYTES = 1_000_000_000
_ATTRIBUTE = "__opening_limits__"
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Limits:
    """Limits of time and memory of a function that opens a file.

    Attributes
    ----------
    seconds : float
        That may pass without a report; a function that never reports has them for all it does.
    n_bytes : int
        Of memory beyond what the process has before; None for three quarters of what is free then.
    """

    seconds: float
    n_bytes: int | None = None

    def allowed_bytes(self) -> int:
        """Return how many bytes of memory may be taken on this machine now."""
        free = max(LEAST_BYTES, int(SHARE_OF_FREE * psutil.virtual_memory().available))
        return free if self.n_bytes is None else min(free, self.n_bytes)


def limited(seconds: float, n_bytes: int | None = None) -> Callable[[F], F]:
    """Mark a function that an engine process is to run within `Limits`."""

    def mark(function: F) -> F:
        setattr(function, _ATTRIBUTE, Limits(seconds, n_bytes))
        return function

    return mark


def limits_of(function: Callable[..., Any]) -> Limits | None:
    """Return the limits that a function is marked with."""
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Limits) else None


@contextlib.contextmanager
def memory_within(n_bytes: int) -> Iterator[None]:
    """Limit the memory of this process to this many bytes more than now; beyond that, it gets a `MemoryError`.

    Mapped files do not count, and nor does address space that is only reserved, of which TensorFlow takes a lot. Linux
    has such a limit; elsewhere this has no effect.
    """
    taken = _data_bytes()
    if taken is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    n_allowed = taken + n_bytes
    for known in (soft, hard):
        if known != resource.RLIM_INFINITY:
            n_allowed = min(n_allowed, known)
    resource.setrlimit(resource.RLIMIT_DATA, (n_allowed, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int | None:
    """Return what RLIMIT_DATA counts of this process, or None if the system does not report it."""
    try:
        found = re.search(r"^VmData:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def took_too_long(seconds: float) -> str:
    """Return the sentence for an opening that was ended because it made no progress for this time."""
    return (
        f"Opening was stopped: it made no progress for {duration(seconds)}, longer than any intact file takes. "
        "Choose another file, or copy this one to a faster disk first."
    )


def took_too_much(n_bytes: int) -> str:
    """Return the sentence for an opening that needed more memory than allowed."""
    return (
        f"Opening was stopped: it needs more than the {byte_size(n_bytes)} of memory that it may use here. "
        "Choose another file, or close other programs."
    )


def ended_the_process(how: str, n_bytes: int) -> str:
    """Return the sentence for an opening that ended its process; `how` states how it ended."""
    return (
        f"{how} A damaged file can cause this in a library, and so can one that needs more than "
        f"{byte_size(n_bytes)} of memory. Choose another file."
    )
