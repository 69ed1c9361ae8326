"""Progress and cancellation of long engine functions."""

from typing import Generic, Protocol, TypeVar

Part = TypeVar("Part", contravariant=True)


class Progress(Protocol):
    """The last argument of every long engine function.

    `report` is called between units of work. It raises `CancelledError` when the user has asked to
    stop, which is the engine's only cancel code.
    """

    def report(self, done: int, total: int, message: str = "") -> None:
        """Report that `done` of `total` units are finished.

        Parameters
        ----------
        done, total : int
            0 <= done <= total; a `total` of 0 means that the amount is not known.
        message : str
            What is being done and the unit counted, such as ``"Extracting vgg16: images"``.

        Raises
        ------
        CancelledError
            If the user cancelled.
        """


class Publisher(Progress, Protocol[Part]):
    """The last argument of an engine function that also publishes finished parts of its result, of type `Part`."""

    def publish(self, part: Part, /) -> None:
        """Publish a finished part, such as an epoch or a run, before the whole is done."""


class NoProgress:
    """Ignore everything and never stop; the default of every engine function."""

    def report(self, done: int, total: int, message: str = "") -> None:
        """Do nothing."""

    def publish(self, part: object, /) -> None:
        """Do nothing."""


NO_PROGRESS: Publisher[object] = NoProgress()


SHARES = "%"
"""Unit of a report that counts shares of a whole rather than things: it is shown as a percentage."""


class StepProgress:
    """One step of several, seen from the outside as a share of the whole.

    Parameters
    ----------
    parent : Progress
        The receiver of reports.
    step, n_steps : int
        0 <= step < n_steps.
    message : str
        What is reported instead of the step's own messages; empty: theirs.
    resolution : int
        How many parts of a step are reported apart; 0: those that the step itself counts, all steps having as many. Of
        a single step, those that it reports.
    """

    RESOLUTION = 1000

    def __init__(
        self,
        parent: Progress,
        step: int,
        n_steps: int,
        *,
        message: str = "",
        resolution: int = RESOLUTION,
    ) -> None:
        self._parent = parent
        self._step, self._n_steps = step, n_steps
        self._message, self._resolution = message, resolution

    def report(self, done: int, total: int, message: str = "") -> None:
        """Report the share of the whole that is done to the parent."""
        if self._resolution == 0:
            counted = (done, total) if total <= 0 else (self._step * total + done, self._n_steps * total)
            self._parent.report(*counted, self._message or message)
            return
        share = done / total if total > 0 else 0.0
        words = _of_shares(self._message or message)
        self._parent.report(round((self._step + share) * self._resolution), self._n_steps * self._resolution, words)


class PartProgress:
    """A part of the whole that takes from one share of its time to another; it never goes back.

    Parameters
    ----------
    parent : Progress
        The receiver of reports.
    start, end : float
        0 <= start <= end <= 1: shares of the whole.
    message : str
        What is reported instead of the part's own messages; empty: theirs.
    prefix : str
        What is reported before the part's own messages, which then begin in lower case and without the unit that they
        count in.
    """

    RESOLUTION = 100_000

    def __init__(
        self,
        parent: Progress,
        start: float,
        end: float,
        *,
        message: str = "",
        prefix: str = "",
    ) -> None:
        self._parent, self._start, self._end = parent, start, end
        self._message, self._prefix = message, prefix
        self._done = 0.0

    def report(self, done: int, total: int, message: str = "") -> None:
        """Report the share of the whole that is done to the parent."""
        self._done = max(self._done, done / total if total > 0 else 0.0)
        share = self._start + (self._end - self._start) * self._done
        what = message.partition(":")[0]
        message = f"{self._prefix}{what[:1].lower()}{what[1:]}" if self._prefix else self._message or message
        self._parent.report(round(share * self.RESOLUTION), self.RESOLUTION, _of_shares(message))


class PublishingProgress(Generic[Part]):
    """Reports to one object and publishes to another, such as for one step of a function that publishes parts.

    Parameters
    ----------
    progress : Progress
        Receiver of reports, such as a `StepProgress`.
    publisher : Publisher
        Receiver of parts.
    """

    def __init__(self, progress: Progress, publisher: Publisher[Part]) -> None:
        self._progress, self._publisher = progress, publisher

    def report(self, done: int, total: int, message: str = "") -> None:
        """Report to the receiver of reports."""
        self._progress.report(done, total, message)

    def publish(self, part: Part, /) -> None:
        """Publish to the receiver of parts."""
        self._publisher.publish(part)


def _of_shares(message: str) -> str:
    """Return a message with the unit of shares in place of its own, which they do not count."""
    what = message.partition(": ")[0]
    return f"{what}: {SHARES}" if what else ""
