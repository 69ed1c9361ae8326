"""Collecting cyclic garbage in the window's thread alone.

Python collects cycles in whichever thread happens to allocate. Pages and controls are parts of cycles (a signal holds a
bound method, the method its widget); a collection in the worker thread would destroy them there, and Qt crashes when
a widget or a running timer is destroyed outside the thread it lives in.
"""

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 500


MANY = 10_000


def leave_out_of_collections(n_objects: int) -> None:
    """Let later collections pass over what is there now, if that includes many new objects without cycles.

    A full collection looks at every image of a dataset: 90 ms for 100,000 of them. They are freed as before, when
    nothing refers to them any more.

    Parameters
    ----------
    n_objects : int
        New objects, such as the images of a dataset.
    """
    if n_objects >= MANY:
        gc.collect(1)  # so that no new cycles are kept for good
        gc.freeze()


class GarbageCollection(QObject):
    """Turns automatic collection off and collects from the event loop of the thread it was made in.

    Generations are collected at the thresholds of `gc.get_threshold`, at most one in each interval.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_on = gc.isenabled()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.collect_if_due)

    def start(self) -> None:
        """Take over from automatic collection."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Give back to automatic collection, if that was on before."""
        self._timer.stop()
        if self._was_on:
            gc.enable()

    def collect_if_due(self) -> None:
        """Collect the oldest generation that is due."""
        counts = zip(gc.get_count(), gc.get_threshold(), strict=True)
        due = [generation for generation, (count, threshold) in enumerate(counts) if count > threshold > 0]
        if due:
            gc.collect(due[-1])
