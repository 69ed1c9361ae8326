"""What an engine process and the window's process say to each other: frozen dataclasses through a pipe."""

from dataclasses import dataclass
from typing import Any

from core.service.requests import ServiceRequest

BUILDING = 0
"""Number of what a process does first: its one request, or the building of the object that answers."""


@dataclass(frozen=True)
class Progressed:
    """`done` of `total` units are finished; a `total` of 0 means that the amount is not known."""

    done: int
    total: int
    message: str


@dataclass(frozen=True)
class PartialResult:
    """A finished part of the result (a class's clusters, an epoch, a run)."""

    result: object


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
    """It has stopped: the user asked for that, or nobody waits for the result any more."""


@dataclass(frozen=True)
class Ready:
    """The object that answers is built and waits for requests."""


@dataclass(frozen=True)
class Ended:
    """The process of a service is gone; the last that is heard of it. Fields as of `Failed`."""

    sentence: str
    details: str = ""
    expected: bool = False


@dataclass(frozen=True)
class Limited:
    """From now on something is opened that may come from anywhere; only the handle of the process hears of it.

    Attributes
    ----------
    seconds : float
        That may pass without a word before the process is ended.
    n_bytes : int
        Of memory that the process allows itself for it.
    """

    seconds: float
    n_bytes: int


Event = Progressed | PartialResult | Finished | Failed | Cancelled
ServiceEvent = Event | Ready | Ended


@dataclass(frozen=True)
class Reply:
    """What an engine process says of request `number`."""

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
