"""Notifies the end of a long job while another program is in use: in the task bar, and by a message of the system."""

import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from coreset_studio.core.words import duration
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.job_watch import JobWatch
from coreset_studio.desktop_app.messages import Message, Messages
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.service.running import is_for_display, title_of_job
from coreset_studio.desktop_app.settings import LONG_SECONDS, Preferences

SETTLE_MS = 1500
"""The next step of a run of all steps, or the verification of an export, starts within this; then there is no end."""
SHOWN_MS = 15_000
SCREENLESS = ("offscreen", "minimal")
"""Platforms of Qt without a task bar."""


class Notifications(QObject):
    """Listens to the engine service, and notifies when work that the user asked for has ended after a long time.

    Jobs that follow one another are one piece of work. What a page asks for by itself counts as little as work that
    the user has cancelled.

    Parameters
    ----------
    window : QWidget
        The main window, which a click on the message brings to the front.

    Signals
    -------
    notified : (title, text)
        Something was notified.
    """

    notified = Signal(str, str)

    def __init__(
        self, window: QWidget, watch: JobWatch, service: EngineService, messages: Messages, preferences: Preferences
    ) -> None:
        super().__init__(window)
        self._window, self._watch, self._service, self._preferences = window, watch, service, preferences
        self._running: dict[int, str] = {}
        self._since: float | None = None
        self._seconds = 0.0
        self._title = self._text = self._sentence = ""
        self._tray: QSystemTrayIcon | None = None
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._end)
        service.started.connect(self._on_started)
        service.finished.connect(self._on_finished)
        service.failed.connect(self._on_failed)
        service.cancelled.connect(self._on_cancelled)
        service.ended.connect(self._on_ended)
        messages.posted.connect(self._on_message)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._on_state_changed)

    @property
    def has_tray_icon(self) -> bool:
        """Whether there is an icon in the system tray, as while a message is shown."""
        return self._tray is not None

    # --- hearing ----------------------------------------------------------------------------------------------

    def _on_started(self, number: int, stage: str) -> None:
        if not stage and (is_for_display(self._service, number) or not title_of_job(self._service, number)):
            return
        self._settle.stop()
        if self._since is None:
            self._since = time.monotonic()
        self._running[number] = "" if stage else title_of_job(self._service, number)
        self._sentence = ""

    def _on_finished(self, number: int) -> None:
        if number in self._running:
            self._title = "Finished"

    def _on_failed(self, number: int, sentence: str, details: str) -> None:  # noqa: ARG002
        if number in self._running:
            self._title, self._text = "Failed", sentence

    def _on_cancelled(self, number: int) -> None:
        if number in self._running:
            self._title = self._text = ""

    def _on_message(self, message: Message) -> None:
        if message.level == "info" and self._running:
            self._sentence = message.sentence

    def _on_ended(self, number: int, stage: str) -> None:
        """Keep what came out: a step says it in the job bar, another job by a message or not at all."""
        name = self._running.pop(number, None)
        if name is None or self._since is None:
            return
        self._seconds = time.monotonic() - self._since
        if self._title == "Finished":
            took = duration(self._service.seconds_of(number))
            self._text = self._watch.outcome if stage else self._sentence or f"{name}: done · {took}"
        if not self._running:
            self._settle.start()

    def _end(self) -> None:
        """Notify, unless the work was short, was cancelled, or the user is here."""
        self._since = None
        is_due = self._preferences.notifications and self._seconds >= LONG_SECONDS and self._title
        if is_due and not is_in_use():
            self.notify(self._title, self._text)

    # --- telling ----------------------------------------------------------------------------------------------

    def notify(self, title: str, text: str) -> None:
        """Mark the window in the task bar, and show a message where the system has a tray; nothing without a screen."""
        if QGuiApplication.platformName() not in SCREENLESS:
            QApplication.alert(self._window)
            if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
                self._show_message(title, text)
        self.notified.emit(title, text)

    def _show_message(self, title: str, text: str) -> None:
        if self._tray is None:
            self._tray = QSystemTrayIcon(theme.app_icon(), self)
            self._tray.setToolTip("Coreset Studio")
            self._tray.messageClicked.connect(self._come)
            self._tray.activated.connect(self._come)
        self._tray.show()
        self._tray.showMessage(f"Coreset Studio: {title.lower()}", text, theme.app_icon(), SHOWN_MS)

    def _come(self) -> None:
        """Bring the window to the front."""
        self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowMinimized)
        self._window.raise_()
        self._window.activateWindow()
        self._remove_icon()

    def _on_state_changed(self, state: Qt.ApplicationState) -> None:
        if state == Qt.ApplicationState.ApplicationActive:
            self._remove_icon()

    def _remove_icon(self) -> None:
        """Leave no icon behind once the user is here."""
        if self._tray is not None:
            self._tray.hide()
            self._tray.deleteLater()
            self._tray = None


def is_in_use() -> bool:
    """Return whether a window of the program is the one in use."""
    return QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive
