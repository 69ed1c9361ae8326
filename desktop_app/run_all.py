"""Do everything: each step in turn with what is recommended on this machine, to the answer on Compare."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.messages import Messages
from desktop_app.pages.page import Page
from desktop_app.project_model import ProjectModel
from desktop_app.window_frame import NAMES, STAGES
from desktop_app.worker import Worker

LOOK_MS = 150
BY_ITSELF = "coreset"
"""Chosen as soon as its page is shown; nothing has to be started."""


class RunAll(QObject):
    """Goes from step to step, and starts each as the user would; stops where one fails or is cancelled.

    Parameters
    ----------
    page_of : callable
        Returns the page of a stage.
    go_to : callable
        Shows a stage.

    Signals
    -------
    changed : ()
        It has begun or ended.
    """

    changed = Signal()

    def __init__(
        self,
        model: ProjectModel,
        worker: Worker,
        messages: Messages,
        page_of: Callable[[str], Page],
        go_to: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._worker, self._messages = model, worker, messages
        self._page_of, self._go_to = page_of, go_to
        self._entered = self._recommended = self._started = ""
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        worker.resident.refused.connect(self._on_refused)
        model.project_replaced.connect(self.stop)

    @property
    def is_running(self) -> bool:
        """Whether it is under way."""
        return self._timer.isActive()

    def start(self) -> None:
        """Begin with the first step that is not done."""
        if not self.is_running and self._model.project.source is not None:
            self._entered = self._recommended = self._started = ""
            self._timer.start()
            self._messages.info("Doing everything, step by step, to the answer on Compare. Cancel stops it.")
            self.changed.emit()

    def stop(self) -> None:
        """Start no further step; what runs goes on."""
        if self.is_running:
            self._timer.stop()
            self.changed.emit()

    # --- step by step -----------------------------------------------------------------------------------------

    def _look(self) -> None:
        stage = next((each for each in STAGES if self._model.state(each) != "done"), None)
        if stage is None:
            self.stop()
            self._go_to(STAGES[-1])
        elif self._worker.is_running(stage):
            self._started = stage
        elif stage != self._entered:
            self._enter(stage)
        elif stage == BY_ITSELF:
            return
        elif stage == self._started:  # it has ended and brought nothing: whoever ended it has said why
            self.stop()
        elif self._page_of(stage).is_settled():
            self._run(stage)

    def _enter(self, stage: str) -> None:
        self._entered = stage
        if stage == BY_ITSELF:  # before it is shown, and chooses
            self._page_of(stage).recommend()
            self._recommended = stage
        self._go_to(stage)

    def _run(self, stage: str) -> None:
        page = self._page_of(stage)
        if stage != self._recommended:
            self._recommended = stage
            page.recommend()
        elif reason := page.reason_not_to_run():
            self.stop()
            self._messages.warning(f"Doing everything ends at {NAMES[stage]}. {reason}")
        else:
            self._started = stage
            page.run()

    def _on_refused(self, request: int, sentence: str, details: str) -> None:  # noqa: ARG002
        if self._entered == BY_ITSELF:
            self.stop()
