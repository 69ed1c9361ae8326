"""The content of the job bar: the newest running job, else the outcome of the last, and temporary messages."""

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from coreset_studio.core.words import duration
from coreset_studio.desktop_app.messages import Message, Messages
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.service.running import is_for_display, title_of_job
from coreset_studio.desktop_app.widgets.job_bar import JobBar

PASSING_MS = 8000
LONG_SECONDS = 30.0
"""A job that has run for so long is not stopped by a key alone."""


def progress_words(message: str, done: int, total: int) -> str:
    """Return what the bar says: ``"Scanning: images"`` becomes ``"Scanning · 528 of 601 images"``.

    Of work of several steps, which counts shares (`core.progress.StepProgress`), no number is shown next to the bar.
    """
    what, _, unit = message.partition(": ")
    if total <= 0 or unit == "%":
        return what
    return f"{what} · {done:,} of {total:,} {unit}".rstrip()


class JobWatch(QObject):
    """Listens to the engine service and the messages for the job bar, and cancels for it.

    Parameters
    ----------
    names : mapping of str to str
        What a step is called, by stage, in the order of the steps.
    is_done : callable
        Whether a stage's result is there: the way on leads to the first that is not.

    Signals
    -------
    running_changed : ()
        A job, or a long answer of the selection service, has started or ended.
    step_requested : (stage)
        The user follows the bar's button to the next step.
    stop_requested : ()
        The user stops what is shown.
    """

    running_changed = Signal()
    step_requested = Signal(str)
    stop_requested = Signal()

    def __init__(
        self,
        bar: JobBar,
        service: EngineService,
        messages: Messages,
        names: dict[str, str],
        is_done: Callable[[str], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bar, self._service, self._messages, self._names = bar, service, messages, names
        self._is_done = is_done
        self._shown: int | None = None
        self._request: int | None = None
        self._stopping: int | None = None
        self._since = 0.0
        self._came_out = 0
        self._next = ""
        self._outcome = ""
        self._file: Path | None = None
        self._note = ""
        self._stage = ""
        self._passing = QTimer(self)
        self._passing.setSingleShot(True)
        self._passing.setInterval(PASSING_MS)
        self._passing.timeout.connect(self._on_passed)
        service.started.connect(self._on_started)
        service.progressed.connect(self._on_progressed)
        service.finished.connect(self._on_finished)
        service.failed.connect(self._on_failed)
        service.cancelled.connect(self._on_cancelled)
        service.ended.connect(self._on_ended)
        service.selection.progressed.connect(self._on_selection_progressed)
        service.selection.over.connect(self._on_selection_over)
        service.selection.restarted.connect(self._on_selection_restarted)
        service.selection.lost.connect(self._on_selection_lost)
        service.selection.ready.connect(self._on_selection_ready)
        messages.posted.connect(self._on_message)
        bar.cancel_requested.connect(self.cancel)
        bar.action_triggered.connect(self._go_to_next)

    @property
    def is_running(self) -> bool:
        """Whether there is something to cancel."""
        return self._shown is not None or self._request is not None

    @property
    def outcome(self) -> str:
        """The outcome of the last step, with its duration; empty if there is no message."""
        return self._outcome

    @property
    def is_long(self) -> bool:
        """Whether what the bar shows has run for so long that stopping it by mistake would hurt."""
        return self.is_running and self.seconds > LONG_SECONDS

    @property
    def seconds(self) -> float:
        """For how long what the bar shows has run."""
        return time.monotonic() - self._since

    def cancel(self) -> None:
        """Stop what the bar shows."""
        self.stop_requested.emit()
        if self._shown is not None:
            self._bar.show_cancelling()
            self._service.cancel(self._shown)
        elif self._request is not None:
            self._stopping = self._request
            self._bar.show_cancelling()
            self._service.selection.cancel(self._request)

    def show_outcome(self, sentence: str, next_stage: str) -> None:
        """Say what came out of a step, and offer the next one; at once where no job is about to end."""
        self._outcome, self._next, self._file = sentence, next_stage, None
        self._end_note()
        self._show_rest()

    def enter(self, stage: str) -> None:
        """Hear which step is shown: it is not offered as the next one."""
        self._stage = stage
        self._show_rest()

    def clear(self) -> None:
        """Forget what runs and what came out: another project is open."""
        self._end_note()
        self._shown = self._request = self._stopping = None
        self._came_out = 0
        self._outcome = self._next = ""
        self._file = None
        self._show_rest()
        self.running_changed.emit()

    def _on_started(self, number: int, stage: str) -> None:
        if self._shown is not None and is_for_display(self._service, number):
            return  # nobody has asked for it: the bar, and Cancel, stay with what was asked for
        self._shown = number
        self._since = time.monotonic()
        if stage:
            self._end_note()
            self._outcome = self._next = ""
            self._file = None
            self._bar.show_progress(f"{self._names[stage]} · starting", 0, 0)
        elif words := title_of_job(self._service, number):
            self._bar.show_progress(f"{words} · starting", 0, 0)
        # What pages ask for by themselves is often over at once: it is shown when it first reports, and what came out
        # of the step before stays.
        self.running_changed.emit()

    def _on_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:
        if number != self._shown:
            return
        stage = self._service.stage_of(number) if number in self._service.running() else ""
        text = progress_words(message or self._names.get(stage, "Working"), done, total)
        self._bar.show_progress(text, done, total, left if isinstance(left, float) else None)

    def _on_finished(self, number: int) -> None:
        if number == self._shown:
            self._came_out = number

    def _on_failed(self, number: int, sentence: str, details: str) -> None:  # noqa: ARG002
        if number == self._shown:
            self._outcome = sentence

    def _on_cancelled(self, number: int) -> None:
        if number == self._shown:
            self._outcome = "Cancelled. Finished work is kept."

    def _on_ended(self, number: int, stage: str) -> None:
        if number == self._came_out and stage:
            took = duration(self._service.seconds_of(number))
            self._outcome = f"{self._names[stage]}: {self._outcome or 'done'} · {took}"
            self._end_note()
        if number != self._shown:  # its page has started another one already
            return
        others = sorted(self._service.running(), key=lambda one: not is_for_display(self._service, one))
        self._shown = others[-1] if others else None
        if self._shown is None:
            self._show_rest()
        self.running_changed.emit()

    def _on_selection_progressed(self, request: int, done: int, total: int, message: str, left: object) -> None:
        if self._shown is None and request != self._stopping:
            self._set_request(request)
            text = progress_words(message or "Working", done, total)
            self._bar.show_progress(text, done, total, left if isinstance(left, float) else None)

    def _on_selection_over(self, request: int) -> None:
        if request == self._request:
            self._set_request(None)

    def _on_selection_ready(self) -> None:
        self._on_selection_over(0)

    def _on_selection_lost(self, sentence: str, details: str) -> None:  # noqa: ARG002
        self._set_request(None)

    def _on_selection_restarted(self, sentence: str) -> None:
        self._set_request(None)
        self._messages.info(sentence)

    def _set_request(self, request: int | None) -> None:
        if request == self._request:
            return
        self._request = request
        self._since = time.monotonic()
        self._stopping = None
        if request is None and self._shown is None:
            self._show_rest()
        self.running_changed.emit()

    def _on_message(self, message: Message) -> None:
        if message.level != "info":
            return
        if message.file is not None:  # what came out stays until something else does
            self._outcome, self._next, self._file = message.sentence, "", message.file
        self._note = message.sentence
        self._passing.start()
        if self.is_running:
            self._bar.show_note(message.sentence, *self._opening(message.file))
        self._show_rest()

    def _on_passed(self) -> None:
        self._end_note()
        self._show_rest()

    def _end_note(self) -> None:
        self._passing.stop()
        self._note = ""
        self._bar.end_note()

    @staticmethod
    def _opening(file: Path | None) -> tuple[str, str]:
        """Return what the button says that opens what came out, and its tip; nothing where there is nothing."""
        return ("Open", f"Open {file}") if file is not None else ("", "")

    def _show_rest(self) -> None:
        """Show the temporary message, else the last outcome, with a button for the next step or to open it."""
        if self._note and self._file is None and not self.is_running:
            self._bar.show_message(self._note)
        elif not self.is_running:
            stage = self._way_on()
            offer = f"Continue to {self._names[stage]}" if stage and stage != self._stage else ""
            if self._file is not None:
                self._bar.show_message(self._outcome, *self._opening(self._file))
            else:
                self._bar.show_message(self._outcome, offer, is_next=bool(offer))

    def _go_to_next(self) -> None:
        if self._file is not None:
            if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._file))):
                self._messages.warning(f"No program to open this file was found. The file is {self._file}.")
        elif stage := self._way_on():
            self.step_requested.emit(stage)

    def _way_on(self) -> str:
        """Return the first step from the next one on that is not done; empty where all are, or none comes."""
        stages = list(self._names)
        after = stages[stages.index(self._next) :] if self._next in self._names else []
        return next((stage for stage in after if not self._is_done(stage)), "")
