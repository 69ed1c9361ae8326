"""The end of a long job is notified while another program is in use."""

from dataclasses import dataclass
from typing import Any, ClassVar

import engine_functions as engine
import pytest
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from coreset_studio.core.errors import ExportError
from coreset_studio.core.progress import Progress
from coreset_studio.core.service.requests import Request
from coreset_studio.core.service.weights_requests import ListWeights
from coreset_studio.desktop_app import notifications
from coreset_studio.desktop_app.job_watch import JobWatch
from coreset_studio.desktop_app.notifications import Notifications
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.widgets.job_bar import JobBar
from coreset_studio.desktop_app.window_frame import NAMES

ADD = engine.Call(engine.add, (1, 2))


@dataclass(frozen=True)
class Report(Request[int]):
    title: ClassVar[str] = "a report"
    fails: bool = False

    def run(self, progress: Progress) -> int:
        if self.fails:
            raise ExportError("The disk is full.")
        return 3


class Told(QObject):
    """A window with a job bar, and what it notifies."""

    def __init__(self, context: PageContext, window: QWidget) -> None:
        super().__init__(window)
        bar = JobBar(window)
        self.context = context
        self.watch = JobWatch(bar, context.service, context.messages, NAMES, lambda stage: False, self)
        self.made = Notifications(window, self.watch, context.service, context.messages, context.preferences)
        self.notes: list[tuple[str, str]] = []
        self.made.notified.connect(self._keep)

    def _keep(self, title: str, text: str) -> None:
        self.notes.append((title, text))

    def say(self, result: Any) -> None:
        self.watch.show_outcome(f"the sum is {result}", "")

    def say_file(self, result: Any) -> None:
        self.context.messages.info(f"Report {result} written.")


@pytest.fixture
def told(page_context: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Everything counts as long, and another program is in use."""
    monkeypatch.setattr(notifications, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(notifications, "SETTLE_MS", 50)
    monkeypatch.setattr(notifications, "is_in_use", lambda: False)
    window = QWidget()
    qtbot.addWidget(window)
    return Told(page_context, window)


def test_a_step_is_notified_with_what_came_out(told: Told, qtbot: QtBot) -> None:
    told.context.service.ask(ADD, told.say, stage="features")
    qtbot.waitUntil(lambda: bool(told.notes))
    ((title, text),) = told.notes
    assert title == "Finished"
    assert text.startswith("Features: the sum is 3 · ")


def test_another_job_is_notified_with_its_message_or_its_name(told: Told, qtbot: QtBot) -> None:
    told.context.service.ask(Report(), told.say_file)
    qtbot.waitUntil(lambda: bool(told.notes))
    assert told.notes == [("Finished", "Report 3 written.")]
    told.context.service.ask(Report())
    qtbot.waitUntil(lambda: len(told.notes) == 2)
    assert told.notes[1][1].startswith("A report: done · ")


def test_a_failure_is_notified_with_its_sentence(told: Told, qtbot: QtBot) -> None:
    told.context.service.ask(Report(fails=True))
    qtbot.waitUntil(lambda: bool(told.notes))
    assert told.notes == [("Failed", "The disk is full.")]


def test_jobs_that_follow_one_another_are_notified_once(told: Told, qtbot: QtBot) -> None:
    def go_on(result: Any) -> None:
        told.context.service.ask(ADD, told.say, stage="clusters")

    told.context.service.ask(ADD, go_on, stage="features")
    qtbot.waitUntil(lambda: bool(told.notes))
    qtbot.wait(150)
    assert [text.partition(":")[0] for _, text in told.notes] == ["Clusters"]


def test_what_is_cancelled_or_for_display_is_not_notified(told: Told, qtbot: QtBot) -> None:
    service = told.context.service
    service.cancel(service.ask(ADD, stage="features"))
    service.ask(ListWeights())
    qtbot.waitUntil(lambda: not service.running())
    qtbot.wait(150)
    assert told.notes == []


@pytest.mark.parametrize("reason", ["short", "here", "off"])
def test_nothing_is_notified_without_need(
    reason: str, told: Told, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason == "short":
        monkeypatch.setattr(notifications, "LONG_SECONDS", 30.0)
    elif reason == "here":
        monkeypatch.setattr(notifications, "is_in_use", lambda: True)
    told.context.preferences.notifications = reason != "off"
    told.context.service.ask(ADD, told.say, stage="features")
    qtbot.waitUntil(lambda: not told.context.service.running())
    qtbot.wait(150)
    assert told.notes == []


class Tray(QObject):
    """Stands for the icon of a system that has a tray."""

    messageClicked = Signal()  # noqa: N815
    activated = Signal()
    shown: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, icon: object, parent: QObject) -> None:
        super().__init__(parent)
        self.visible = False

    @staticmethod
    def isSystemTrayAvailable() -> bool:
        return True

    supportsMessages = isSystemTrayAvailable  # noqa: N815

    def setToolTip(self, text: str) -> None: ...

    def show(self) -> None:
        self.visible = True

    def hide(self) -> None:
        self.visible = False

    def showMessage(self, title: str, text: str, icon: object, ms: int) -> None:
        assert self.visible
        self.shown.append((title, text))


def test_the_tray_shows_a_message_and_a_click_brings_the_window(
    told: Told, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "QSystemTrayIcon", Tray)
    monkeypatch.setattr(notifications, "SCREENLESS", ())
    monkeypatch.setattr(Tray, "shown", [])
    window = told.parent()
    assert isinstance(window, QWidget)
    window.showMinimized()
    told.made.notify("Finished", "Features: 3 images")
    assert Tray.shown == [("Coreset Studio: finished", "Features: 3 images")]
    (tray,) = told.made.findChildren(Tray)
    assert told.made.has_tray_icon
    tray.messageClicked.emit()
    assert not window.windowState() & Qt.WindowState.WindowMinimized
    assert not told.made.has_tray_icon


def test_without_a_screen_no_tray_icon_is_made(told: Told) -> None:
    told.made.notify("Finished", "Features: 3 images")
    assert not told.made.has_tray_icon
    assert told.notes == [("Finished", "Features: 3 images")]
