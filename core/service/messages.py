"""Messages between the window's process and an engine process: frozen dataclasses, sent through pipes."""

from dataclasses import dataclass
from typing import Any

from core.service.requests import ServiceRequest

BUILDING = 0
"""Number of the request that a process is started for: a job, or the start of a service."""


@dataclass(frozen=True)
class Progressed:
    """`done` of `total` units are finished; a `total` of 0 means that the amount is not known."""

    done: int
    total: int
    message: str


@dataclass(frozen=True)
class PartialResult:
    """A finished part of the result, such as an epoch or a run."""

    part: object


@dataclass(frozen=True)
class Finished:
    """The result, after `seconds`."""

    result: object
    seconds: float = 0.0


@dataclass(frozen=True)
class Failed:
    """It could not be done.

    Attributes
    ----------
    sentence : str
        For the user.
    details : str
        For whoever has to find the cause; may be empty.
    expected : bool
        Whether the program raised it on purpose (a bad file, a full disk), so that details are of little use.
    """

    sentence: str
    details: str = ""
    expected: bool = False


@dataclass(frozen=True)
class Cancelled:
    """It was stopped, by the user or because the result is not needed any more."""


@dataclass(frozen=True)
class Ready:
    """The service is built and accepts requests."""


@dataclass(frozen=True)
class Ended:
    """The process of a service has ended; its last message. Fields as in `Failed`."""

    sentence: str
    details: str = ""
    expected: bool = False


@dataclass(frozen=True)
class Limited:
    """An untrusted file is being opened from now on; for the watchdog alone.

    Attributes
    ----------
    seconds : float
        Longest time without a message before the process is ended.
    n_bytes : int
        Memory limit of the process.
    """

    seconds: float
    n_bytes: int


Event = Progressed | PartialResult | Finished | Failed | Cancelled
ServiceEvent = Event | Ready | Ended


@dataclass(frozen=True)
class Reply:
    """Something that an engine process reports about request `number`."""

    number: int
    event: ServiceEvent


@dataclass(frozen=True)
class Ask:
    """Answer `request`; `number` comes back with the reply."""

    number: int
    request: ServiceRequest[Any, Any]


@dataclass(frozen=True)
class Stop:
    """Stop working on request `number` at its next report."""

    number: int
