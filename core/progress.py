"""Progress and cancellation of long engine functions."""

from typing import Protocol


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

    def publish(self, result: object) -> None:
        """Hand out a finished part (a class's clusters, an epoch, a run) before the whole is done."""


class NoProgress:
    """Listen to nothing and never stop; the default of every engine function."""

    def report(self, done: int, total: int, message: str = "") -> None:
        """Do nothing."""

    def publish(self, result: object) -> None:
        """Do nothing."""


NO_PROGRESS: Progress = NoProgress()


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
    hands_on : bool
        Whether finished parts are handed to the parent.
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
        hands_on: bool = True,
    ) -> None:
        self._parent = parent
        self._step, self._n_steps = step, n_steps
        self._message, self._resolution, self._hands_on = message, resolution, hands_on

    def report(self, done: int, total: int, message: str = "") -> None:
        """Report the share of the whole that is done to the parent."""
        if self._resolution == 0:
            counted = (done, total) if total <= 0 else (self._step * total + done, self._n_steps * total)
            self._parent.report(*counted, self._message or message)
            return
        share = done / total if total > 0 else 0.0
        words = _of_shares(self._message or message)
        self._parent.report(round((self._step + share) * self._resolution), self._n_steps * self._resolution, words)

    def publish(self, result: object) -> None:
        """Hand the part on, unless the parent is not to have it."""
        if self._hands_on:
            self._parent.publish(result)


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
    hands_on : bool
        Whether finished parts are handed to the parent.
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
        hands_on: bool = True,
    ) -> None:
        self._parent, self._start, self._end = parent, start, end
        self._message, self._prefix, self._hands_on = message, prefix, hands_on
        self._done = 0.0

    def report(self, done: int, total: int, message: str = "") -> None:
        """Report the share of the whole that is done to the parent."""
        self._done = max(self._done, done / total if total > 0 else 0.0)
        share = self._start + (self._end - self._start) * self._done
        what = message.partition(":")[0]
        told = f"{self._prefix}{what[:1].lower()}{what[1:]}" if self._prefix else self._message or message
        self._parent.report(round(share * self.RESOLUTION), self.RESOLUTION, _of_shares(told))

    def publish(self, result: object) -> None:
        """Hand the part on, unless the parent is not to have it."""
        if self._hands_on:
            self._parent.publish(result)


def _of_shares(message: str) -> str:
    """Return a message with the unit of shares in place of its own, which they do not count."""
    what = message.partition(": ")[0]
    return f"{what}: {SHARES}" if what else ""
