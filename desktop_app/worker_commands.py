"""What the window asks of its worker thread, and how arguments are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def as_call(arguments: object) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Return positional and keyword arguments: a tuple, a mapping, or the one argument."""
    if isinstance(arguments, tuple):
        return arguments, {}
    if isinstance(arguments, Mapping):
        return (), arguments
    return (arguments,), {}


@dataclass(frozen=True)
class Start:
    """Start a job."""

    number: int
    stage: str
    function: str
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]
    threads: int | None
    expected_seconds: float | None = None


@dataclass(frozen=True)
class Cancel:
    """Ask a job to stop."""

    number: int


@dataclass(frozen=True)
class Open:
    """Build the resident; `build` comes with all that this one says."""

    build: int
    name: str
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]


@dataclass(frozen=True)
class Ask:
    """Ask the resident."""

    number: int
    method: str
    arguments: tuple[Any, ...]
    latest: bool


@dataclass(frozen=True)
class StopAsking:
    """Want no answer any more."""

    number: int


@dataclass(frozen=True)
class CancelAsking:
    """Stop a question as the user wants, or with 0 the building of the resident."""

    number: int


@dataclass(frozen=True)
class Shut:
    """End the resident; `build` comes with what is answered to questions from now on."""

    build: int
