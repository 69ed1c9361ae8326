"""How a long engine function tells how far it is, and learns that it should stop."""

from typing import Protocol


class Progress(Protocol):
    """What every long engine function takes as its last argument.

    `report` is called between units of work. It raises `CancelledError` when the user asked to
    stop, which is the engine's only cancel code.
    """

    def report(self, done: int, total: int, message: str = "") -> None:
        """Tell that `done` of `total` units are finished.

        Parameters
        ----------
        done, total : int
            0 <= done <= total; a `total` of 0 means that the amount is not known.
        message : str
            What is being done and the unit counted, such as ``"Extracting vgg16: images"``.

        Raises
        ------
        CancelledError
            If the user asked to stop.
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


class StepProgress:
    """One step of several, seen from the outside as a share of the whole.

    Parameters
    ----------
    parent : Progress
        Whom to tell.
    step, n_steps : int
        0 <= step < n_steps.
    """

    RESOLUTION = 1000

    def __init__(self, parent: Progress, step: int, n_steps: int) -> None:
        self._parent = parent
        self._step = step
        self._n_steps = n_steps

    def report(self, done: int, total: int, message: str = "") -> None:
        """Tell the parent the share of the whole that is done."""
        share = done / total if total > 0 else 0.0
        self._parent.report(round((self._step + share) * self.RESOLUTION), self._n_steps * self.RESOLUTION, message)

    def publish(self, result: object) -> None:
        """Hand the part on."""
        self._parent.publish(result)
