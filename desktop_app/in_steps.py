"""Work that is done in the window's thread a little at a time, so that keys and mouse are answered between."""

import time
from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer

FIRST_S = 0.01
STEP_S = 0.008


class InSteps(QObject):
    """Runs one piece of work at a time; another one takes its place.

    A preview of a few thousand paths is finished at once. A longer one continues between the events of the window.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._work: Iterator[object] | None = None
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._go_on)

    @property
    def is_running(self) -> bool:
        """Whether work is left to do."""
        return self._work is not None

    def run(self, work: Iterator[object], *, at_once: bool = True) -> bool:
        """Begin a piece of work, and return whether it is finished already.

        Parameters
        ----------
        work : iterator
            A generator that yields after every few milliseconds of work; what it shows, it shows itself.
        at_once : bool
            Begin now; False: once the window has answered what waits.
        """
        self.stop()
        self._work = work
        if at_once:
            self._do(FIRST_S)
        else:
            self._timer.start()
        return not self.is_running

    def stop(self) -> None:
        """Leave what is left undone."""
        self._timer.stop()
        self._work = None

    def _go_on(self) -> None:
        self._do(STEP_S)

    def _do(self, seconds: float) -> None:
        work, end = self._work, time.perf_counter() + seconds
        while work is not None and self._work is work:
            if time.perf_counter() >= end:
                self._timer.start()
                return
            try:
                next(work)
            except StopIteration:
                if self._work is work:
                    self._work = None
                return
