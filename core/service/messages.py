"""Messages between the window's process and an engine process: frozen dataclasses, sent through pipes."""

from dataclasses import dataclass
from typing import Any

from coreset_studio.core.service.requests import ServiceRequest

BUILDING = 0
"""Number of the request that a process is started for: a job, or the opening of a service."""


@dataclass(frozen=True)
class Progressed:
    """A report of progress.

    Attributes
    ----------
    done, total : int
        Finished units, and all; a `total` of 0 means that their number is unknown.
    message : str
        Name of the work and of its units.
    """

    done: int
    total: int
    message: str


@dataclass(frozen=True)
class PartialResult:
    """A finished part of the result, such as an epoch or a run."""

    part: object


@dataclass(frozen=True)
class Finished:
    """The result, and the time to compute it in seconds."""

    result: object
    seconds: float = 0.0


@dataclass(frozen=True)
class Failed:
    """A failed request.

    Attributes
    ----------
    sentence : str
        Error message for the user.
    details : str
        Traceback or output for finding the cause; may be empty.
    expected : bool
        Whether the cause is known, such as an invalid file or a full disk, so that `details` are of little use.
    """

    sentence: str
    details: str = ""
    expected: bool = False


@dataclass(frozen=True)
class Cancelled:
    """A request that was stopped, by the user or because its result is no longer needed."""


@dataclass(frozen=True)
class Ready:
    """The service is built and accepts requests."""


@dataclass(frozen=True)
class Ended:
    """The last message of a service, whose process has ended; attributes as those of `Failed`."""

    sentence: str
    details: str = ""
    expected: bool = False


@dataclass(frozen=True)
class Limited:
    """A message to the watchdog that the process now opens an untrusted file.

    Attributes
    ----------
    seconds : float
        Longest time without a message before the process is killed.
    n_bytes : int
        Memory limit of the process in bytes.
    """

    seconds: float
    n_bytes: int


Event = Progressed | PartialResult | Finished | Failed | Cancelled
ServiceEvent = Event | Ready | Ended


@dataclass(frozen=True)
class Reply:
    """An event of the request `number`, sent by an engine process."""

    number: int
    event: ServiceEvent


@dataclass(frozen=True)
class Ask:
    """The command to answer `request`; its replies contain `number`."""

    number: int
    request: ServiceRequest[Any, Any]


@dataclass(frozen=True)
class Stop:
    """The command to stop the request `number` at its next report."""

    number: int
