"""Seeded random clicks and keys over the real window and its real pages: nothing may break, whatever is pressed."""

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import pytest
from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QSlider,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.progress import Progress
from coreset_studio.core.project import STAGES
from coreset_studio.core.results import Comparison
from coreset_studio.core.service.comparison_requests import CompareNetworks, SearchHyperparameters
from coreset_studio.core.service.feature_requests import ComputeFeatures, FeaturesSummary
from coreset_studio.core.settings import ComparisonSettings, FeatureSettings, TrainingSettings, with_own
from coreset_studio.desktop_app.logs import Log
from coreset_studio.desktop_app.main_window import MainWindow
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.recovery import Autosave

QUICK, MANY = 300, 3000
LEFT = Qt.MouseButton.LeftButton
KEYS = (
    Qt.Key.Key_Tab, Qt.Key.Key_Space, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right,
    Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageDown, Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Delete,
)  # fmt: skip
TEXTS = ("5", "0,1", "(P", "abc", "-3", "1e9", "a/b", "100", "%", " ")
# What leaves the program, the network or the user's folders; every dialog of these has tests of its own.
KEPT_AWAY = ("quit", "full_screen", "new")


class Monkey(QObject):
    """Presses whatever can be pressed, by one seed; keeps a record that tells how to get there again."""

    def __init__(self, window: MainWindow, seed: int) -> None:
        super().__init__(window)
        self.window, self.chance = window, random.Random(seed)
        self.record: list[str] = []
        self.counts: Counter[str] = Counter()
        self._acts: tuple[tuple[Callable[[], str], int], ...] = (
            (self._click, 10), (self._button, 6), (self._key, 6), (self._type, 2), (self._wheel, 2), (self._drag, 2),
            (self._command, 2), (self._step, 2), (self._undo, 2), (self._wait, 3),
        )  # fmt: skip

    def act(self) -> None:
        """Do one thing, then send away what has opened."""
        acts, weights = zip(*self._acts, strict=True)
        act = self.chance.choices(acts, weights)[0]
        self.record.append(f"{act.__name__}: {act()}")
        self.counts[act.__name__] += 1
        QApplication.processEvents()
        self.send_away()

    def send_away(self) -> None:
        """Close every dialog and menu, as a user does with Esc; a few sheets are played with before."""
        while (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
            QApplication.processEvents()
        for dialog in [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()]:
            if not isValid(dialog):  # it was closed with the one before, or by a project that was opened meanwhile
                continue
            if not isinstance(dialog, QFileDialog) and self.chance.random() < 0.5:
                self._play_with(dialog)
            self.record.append(f"closed {type(dialog).__name__} {dialog.windowTitle()!r}")
            dialog.close()
            QApplication.processEvents()

    def _play_with(self, dialog: QDialog) -> None:
        fields = [field for field in dialog.findChildren(QLineEdit) if field.isVisible()]
        for field in fields[:2]:
            field.setText(self.chance.choice(TEXTS))
        QTest.keyClick(dialog, Qt.Key.Key_Tab)
        QApplication.processEvents()

    def _visible(self, *kinds: type[QWidget]) -> list[QWidget]:
        found = [w for kind in kinds for w in self.window.findChildren(kind)]
        return [w for w in found if w.isVisible() and w.isEnabled() and w.window() is self.window]

    def _where(self, widget: QWidget) -> QPoint:
        return QPoint(self.chance.randrange(max(1, widget.width())), self.chance.randrange(max(1, widget.height())))

    def _click(self) -> str:
        at = self._where(self.window)
        widget = self.window.childAt(at) or self.window
        inside = widget.mapFrom(self.window, at)
        if self.chance.random() < 0.15:
            QTest.mouseDClick(widget, LEFT, pos=inside)
        elif not _opens_menu(widget):
            QTest.mouseClick(widget, LEFT, pos=inside)
        return _name(widget)

    def _button(self) -> str:
        buttons = [b for b in self._visible(QAbstractButton, QComboBox) if not _opens_menu(b)]
        if not buttons:
            return "none"
        button = self.chance.choice(buttons)
        if isinstance(button, QComboBox):
            button.setCurrentIndex(self.chance.randrange(max(1, button.count())))
            button.activated.emit(button.currentIndex())
        elif isinstance(button, QAbstractButton):
            button.click()
        return _name(button)

    def _key(self) -> str:
        key = self.chance.choice(KEYS)
        target = QApplication.focusWidget() or self.window
        if isinstance(target, QAbstractButton) and _opens_menu(target):
            target = self.window
        QTest.keyClick(target, key)
        return f"{key.name} to {_name(target)}"

    def _type(self) -> str:
        fields = self._visible(QLineEdit, QAbstractSpinBox)
        if not fields:
            return "nowhere"
        field = self.chance.choice(fields)
        field.setFocus()
        QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        text = self.chance.choice(TEXTS)
        QTest.keyClicks(field, text)
        if self.chance.random() < 0.5:
            QTest.keyClick(field, Qt.Key.Key_Return)
        return f"{text!r} into {_name(field)}"

    def _wheel(self) -> str:
        sliders = self._visible(QSlider)
        if sliders:
            slider = self.chance.choice(sliders)
            assert isinstance(slider, QSlider)
            slider.setValue(self.chance.randint(slider.minimum(), slider.maximum()))
            return _name(slider)
        return "no slider"

    def _drag(self) -> str:
        widget = self.window.childAt(self._where(self.window)) or self.window
        if isinstance(widget, QAbstractButton) or _opens_menu(widget):
            return "not dragged"
        corners = [self._where(widget) for _ in range(6)]
        QTest.mousePress(widget, LEFT, pos=corners[0])
        for corner in corners[1:]:
            QTest.mouseMove(widget, corner)
        QTest.mouseRelease(widget, LEFT, pos=corners[-1])
        return _name(widget)

    def _command(self) -> str:
        actions = self.window.menus.actions
        names = [n for n in actions._actions if n not in KEPT_AWAY and actions[n].isEnabled()]
        name = self.chance.choice(names)
        actions[name].trigger()
        return name

    def _step(self) -> str:
        stage = self.chance.choice(list(STAGES))
        self.window.go_to_stage(stage)
        return stage

    def _undo(self) -> str:
        stack = self.window.context.model.undo_stack
        (stack.undo if self.chance.random() < 0.6 else stack.redo)()
        return str(stack.index())

    def _wait(self) -> str:
        QTest.qWait(self.chance.choice((1, 20, 60)))
        return "waited"


def _opens_menu(widget: QWidget) -> bool:
    """Whether a press would run a menu's own event loop, which only a hand can end."""
    menu = getattr(widget, "menu", None)
    return type(widget).__name__ in ("QMenuBar", "QMenu") or (callable(menu) and menu() is not None)


def _name(widget: QWidget) -> str:
    words = widget.text() if isinstance(widget, QAbstractButton) else ""
    return f"{type(widget).__name__} {widget.objectName() or words or widget.accessibleName()}"


@pytest.fixture
def no_native_dialogs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer the dialogs that run an event loop of their own with "cancelled"; keep off network and browser."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given, **named: ("", ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **named: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given, **named: "")
    monkeypatch.setattr("PySide6.QtGui.QDesktopServices.openUrl", lambda url: True)
    monkeypatch.setattr(
        "coreset_studio.core.features.weight_download.download", lambda *given, **named: pytest.fail("network")
    )


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Exceptions that nobody caught."""
    found: list[str] = []

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        import traceback

        found.append("".join(traceback.format_exception(kind, error, trace)))

    monkeypatch.setattr(sys, "excepthook", hook)
    return found


@pytest.fixture
def window(page_context: PageContext, qtbot: QtBot, tmp_path: Path, no_native_dialogs: None) -> Iterator[MainWindow]:
    """The window with the demo open and cheap choices made; jobs run at once in this process."""
    make_demo(tmp_path / "demo", n_images=60, side=32)
    autosave = Autosave(page_context.model, page_context.preferences, page_context.messages, tmp_path / "recovery")
    window = MainWindow(page_context, autosave, Log())
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    window.files.open_path(tmp_path / "demo")
    model = page_context.model
    qtbot.waitUntil(lambda: model.state("dataset") == "done")
    model.put_settings("features", FeatureSettings(extractors=("colour-texture",)))
    training = TrainingSettings(epochs=1, min_steps=0, image_size=32)
    model.put_settings("training", with_own(training, "transfer", untrained_backbone=True))
    model.put_settings("comparison", ComparisonSettings(networks=("head",), fractions=(0.2, 1.0), samplers=("random",)))
    yield window
    page_context.service.cancel_all()
    window.files.may_close.emit()


@pytest.fixture
def only_cheap_jobs(page_context: PageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse what would train networks or run long in this process; the refusal goes the way of every error."""
    from coreset_studio.core.errors import TrainingError

    whole, able = CompareNetworks.run, ComputeFeatures.run

    def compare(request: CompareNetworks, progress: Progress) -> Comparison:
        chosen = request.study.settings.comparison
        if set(chosen.networks) != {"head"} or chosen.repetitions > 1 or len(chosen.samplers) > 2:
            raise TrainingError("This comparison is too long for a test.")
        return whole(request, progress)

    def compute_features(request: ComputeFeatures, progress: Progress) -> FeaturesSummary:
        if request.study.settings.features.extractors != ("colour-texture",):
            raise TrainingError("These features are too dear for a test.")
        return able(request, progress)

    def search(request: SearchHyperparameters, progress: Progress) -> None:
        raise TrainingError("A search is too long for a test.")

    monkeypatch.setattr(CompareNetworks, "run", compare)
    monkeypatch.setattr(ComputeFeatures, "run", compute_features)
    monkeypatch.setattr(SearchHyperparameters, "run", search)


def press(window: MainWindow, seed: int, n_actions: int, raised: list[str]) -> Monkey:
    """Do the actions; on the first exception say which led there."""
    monkey = Monkey(window, seed)
    for number in range(n_actions):
        monkey.act()
        if raised:
            last = "\n".join(monkey.record[-12:])
            pytest.fail(f"seed {seed}, action {number}:\n{last}\n{raised[0]}")
    window.helpers.close_all()
    return monkey


@pytest.mark.slow
@pytest.mark.usefixtures("only_cheap_jobs")
def test_three_hundred_random_actions_break_nothing(window: MainWindow, raised: list[str], qtbot: QtBot) -> None:
    monkey = press(window, 1, QUICK, raised)
    assert sum(monkey.counts.values()) == QUICK
    assert len(monkey.counts) > 7
    assert window.isVisible()
    qtbot.waitUntil(lambda: not window.context.service.running(), timeout=60_000)
    assert not raised
    errors = window.context.messages.sentences("error")  # type: ignore[attr-defined]
    assert not [sentence for sentence in errors if "internal error" in sentence], errors


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("only_cheap_jobs")
@pytest.mark.parametrize("seed", [2, 3])
def test_thousands_of_random_actions_break_nothing(
    window: MainWindow, raised: list[str], seed: int, qtbot: QtBot
) -> None:
    press(window, seed, MANY, raised)
    qtbot.waitUntil(lambda: not window.context.service.running(), timeout=120_000)
    assert not raised
    errors = window.context.messages.sentences("error")  # type: ignore[attr-defined]
    assert not [sentence for sentence in errors if "internal error" in sentence], errors
