"""Long work of the window's own thread, done in short steps between which the window answers."""

import time
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QTimer

STEP_SECONDS = 0.008


class InSteps(QObject):
    """Runs a generator until a step has taken `STEP_SECONDS`, and goes on when the window has nothing else to do.

    Short work is finished at once, in `start`.

    Parameters
    ----------
    parent : QObject
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._work: Iterator[None] | None = None
        self._done: Callable[[], object] | None = None
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._go_on)

    @property
    def is_running(self) -> bool:
        """Whether there is work left."""
        return self._work is not None

    def start(self, work: Iterator[None], on_done: Callable[[], object]) -> None:
        """Do other work; what was left of the work before is dropped."""
        self._timer.stop()
        self._work, self._done = work, on_done
        self._go_on()

    def drop(self) -> None:
        """Do nothing more."""
        self._timer.stop()
        self._work = self._done = None

    def _go_on(self) -> None:
        work, done = self._work, self._done
        if work is None or done is None:
            return
        until = time.perf_counter() + STEP_SECONDS
        for _ in work:
            if time.perf_counter() > until:
                self._timer.start()
                return
        self._work = self._done = None
        done()
