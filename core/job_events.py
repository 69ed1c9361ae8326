"""What an engine process and the window's process say to each other: frozen dataclasses through a pipe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

CANCEL = "cancel"


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
    """The function returned `result` after `seconds`."""

    result: object
    seconds: float


@dataclass(frozen=True)
class Failed:
    """The function could not do it.

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
    """The user asked to stop, and it stopped."""


@dataclass(frozen=True)
class Limited:
    """From now on something is opened that may come from anywhere; only the handle hears of it.

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


@dataclass(frozen=True)
class Ready:
    """A resident's object is built and waits for requests."""


@dataclass(frozen=True)
class Request:
    """Call `method` of the resident's object."""

    number: int
    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Stop:
    """Stop answering this request at its next report."""

    number: int


@dataclass(frozen=True)
class Reported:
    """How far a request is, or (number 0) the building of the object."""

    number: int
    event: Progressed | PartialResult


@dataclass(frozen=True)
class Stopped:
    """A request that has stopped: it was cancelled, or nobody waits for its answer any more."""

    number: int


@dataclass(frozen=True)
class Answered:
    """The result of a request."""

    number: int
    result: object


@dataclass(frozen=True)
class Refused:
    """A request that could not be answered: a sentence for the user, details for whoever looks for the cause."""

    number: int
    sentence: str
    details: str = ""


@dataclass(frozen=True)
class Order:
    """What an engine process is to do.

    Attributes
    ----------
    name : str
        ``"module:function"`` or ``"module:Class"``.
    arguments : bytes
        Pickled ``(positional, keywords)``: opened only after set-up, since they may import NumPy.
    output : Path or None
        File that the process's output is appended to.
    threads : int or None
        Largest number of threads of the numerical libraries; None leaves it to them.
    """

    name: str
    arguments: bytes
    output: Path | None = None
    threads: int | None = None
