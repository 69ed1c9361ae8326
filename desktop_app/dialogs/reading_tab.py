"""Base class of the tabs of the sheet on reading: sends requests, shows a status, and resets the settings."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from coreset_studio.core.results import SmallImage
from coreset_studio.core.service.requests import Request
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.words import set_tone

Result = TypeVar("Result")
WAIT_MS = 250
BUSY = "Reading…"


class ReadingTab(QWidget):
    """One tab with settings and a preview of their result.

    Parameters
    ----------
    service : EngineService

    Attributes
    ----------
    title : str
        Title of the tab.
    body : QVBoxLayout
    reset_button : QPushButton

    Signals
    -------
    changed : ()
        `changes` or `problem` may have changed.
    """

    title = ""
    changed = Signal()

    def __init__(self, service: EngineService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._job: int | None = None
        self._is_started = False
        self.problem = ""
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._wait.timeout.connect(self.preview)
        self.body = QVBoxLayout()
        self.body.setSpacing(theme.UNIT)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setAccessibleName("Result")
        self.reset_button = QPushButton("Reset to automatic")
        self.reset_button.setAutoDefault(False)
        self.reset_button.setToolTip("Discard what was chosen in this tab, and let the program choose again")
        self.reset_button.setAccessibleDescription(self.reset_button.toolTip())
        self.reset_button.clicked.connect(self.reset)
        last = QHBoxLayout()
        last.setSpacing(theme.UNIT * 2)
        last.addWidget(self.status, 1)
        last.addWidget(self.reset_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.UNIT, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addLayout(self.body, 1)
        column.addLayout(last)

    # --- implemented by tabs ----------------------------------------------------------------------------------

    def preview(self) -> None:
        """Request a preview of the result."""

    def reset(self) -> None:
        """Reset the settings to automatic."""

    def changes(self) -> dict[str, Any]:
        """Return the fields of `DataSettings` that were changed in this tab, with their values."""
        return {}

    # --- used by tabs -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Request the first preview, once the tab is shown."""
        if not self._is_started:
            self._is_started = True
            self.preview()

    def preview_soon(self) -> None:
        """Request a preview once the user has stopped changing the settings."""
        self._wait.start()

    def ask(self, request: Request[Result], on_result: Callable[[Result], object]) -> None:
        """Send a request; the results of earlier ones are dropped."""
        self.stop()
        self.say(BUSY)
        self._job = self._service.ask(request, partial(self._take, on_result), on_failed=self._fail)

    def stop(self) -> None:
        """Drop the request in progress."""
        self._wait.stop()
        if self._job is not None:
            job, self._job = self._job, None
            self._service.drop(job)

    @property
    def is_busy(self) -> bool:
        """Whether a result is pending."""
        return self._job is not None or self._wait.isActive()

    def say(self, words: str, tone: str = "muted") -> None:
        """Show what would be read, or why it cannot be."""
        self.status.setText(words)
        self.status.setAccessibleDescription(words)
        set_tone(self.status, tone)

    def set_problem(self, problem: str) -> None:
        """Show why the settings cannot be used; an empty text means that they can."""
        if problem:
            self.say(problem, "bad")
        if problem != self.problem:
            self.problem = problem
            self.changed.emit()

    def show_empty(self, words: str) -> None:
        """Only show why there are no settings."""
        label = QLabel(words)
        label.setWordWrap(True)
        set_tone(label, "muted")
        self.body.addWidget(label)
        self.body.addStretch(1)
        self.status.hide()
        self.reset_button.hide()

    def _take(self, on_result: Callable[[Any], object], result: object) -> None:
        self._job = None
        on_result(result)

    def _fail(self, sentence: str, details: str) -> None:  # noqa: ARG002
        self._job = None
        self.say(sentence, "bad")


def label_of(widget: QWidget, name: str, tip: str) -> QLabel:
    """Return the label of a control, which gets the accessible name `name` and the tooltip `tip`."""
    label = QLabel(name)
    label.setBuddy(widget)
    widget.setAccessibleName(name)
    widget.setToolTip(tip)
    widget.setAccessibleDescription(tip)
    return label


def captioned(image_label: QLabel, caption: str, side: int) -> QVBoxLayout:
    """Return a column of a caption and a label for an image, which becomes a square of `side` pixels."""
    image_label.setFixedSize(side, side)
    image_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    image_label.setAccessibleName(caption)
    heading = QLabel(caption)
    set_tone(heading, "muted")
    column = QVBoxLayout()
    column.addWidget(heading)
    column.addWidget(image_label)
    column.addStretch(1)
    return column


def pixmap_of(image: SmallImage | None) -> QPixmap:
    """Return a small image that the engine has made; empty for none."""
    if image is None:
        return QPixmap()
    made = QImage(image.rgb, image.width, image.height, 3 * image.width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(made.copy())


def scaled_pixmap(image: SmallImage | None, side: int) -> QPixmap:
    """Return a small image as large as a square of `side` pixels allows; empty for none."""
    pixmap = pixmap_of(image)
    return pixmap if pixmap.isNull() else pixmap.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio)


def counts_words(counts: tuple[tuple[str, int], ...], most: int = 6) -> str:
    """Return names with their numbers in a few words."""
    shown = ", ".join(f"{name} {n:,}" for name, n in counts[:most])
    return shown + (f" and {len(counts) - most:,} more" if len(counts) > most else "")
