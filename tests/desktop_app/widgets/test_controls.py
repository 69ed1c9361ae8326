import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QKeySequence, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QLineEdit,
    QMainWindow,
    QTabBar,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app.widgets.controls import ComboBox, NumberBox, Slider, SpinBox, TabWidget
from coreset_studio.desktop_app.widgets.fraction_control import STEPS, TICKS, FractionControl, to_fraction, to_step
from coreset_studio.desktop_app.widgets.pattern_field import PatternField
from coreset_studio.desktop_app.widgets.small_multiples import MOST_DRAWN, ClassPlot, SmallMultiples, thinned


class TestFractionControl:
    @pytest.fixture
    def control(self, qtbot) -> FractionControl:
        made = FractionControl()
        qtbot.addWidget(made)
        made.set_pool(9571)
        made.set_fraction(0.05)
        made.show()
        return made

    def test_the_three_follow_one_another(self, qtbot, control) -> None:
        assert control.images.value() == 479
        assert control.percent.value() == 5
        with qtbot.waitSignal(control.fraction_changed) as signal:
            control.slider.setValue(to_step(0.25))
        assert signal.args == [0.25]
        assert control.images.value() == 2393
        assert control.percent.value() == 25

    def test_a_number_of_images_is_met_exactly(self, qtbot, control) -> None:
        control.images.selectAll()
        qtbot.keyClicks(control.images, "480")
        with qtbot.waitSignal(control.fraction_changed) as signal:
            qtbot.keyClick(control.images, Qt.Key.Key_Return)
        assert int(signal.args[0] * 9571 + 0.5) == 480
        assert control.images.value() == 480

    @pytest.mark.parametrize("n_images", [1, 7, 333, 9571])
    def test_every_number_of_images_comes_back(self, qtbot, control, n_images: int) -> None:
        control.images.setValue(n_images)
        assert int(control.fraction * 9571 + 0.5) == n_images

    def test_percent_is_typed(self, qtbot, control) -> None:
        control.percent.selectAll()
        qtbot.keyClicks(control.percent, "12.5")
        with qtbot.waitSignal(control.fraction_changed) as signal:
            qtbot.keyClick(control.percent, Qt.Key.Key_Return)
        assert signal.args == [0.125]

    def test_keys_move_the_slider_and_sends_one_signal_each(self, qtbot, control) -> None:
        got: list[float] = []
        control.fraction_changed.connect(got.append)
        qtbot.keyClick(control.slider, Qt.Key.Key_PageUp)
        qtbot.keyClick(control.slider, Qt.Key.Key_End)
        assert len(got) == 2
        assert 0.05 < got[0] < 0.1
        assert got[1] == 1.0
        assert control.images.value() == 9571

    def test_showing_a_fraction_sends_no_signal(self, qtbot, control) -> None:
        with qtbot.assertNotEmitted(control.fraction_changed):
            control.set_fraction(0.02)
            control.set_pool(100)
        assert control.images.value() == 2

    def test_without_images_it_is_off_and_says_why(self, control) -> None:
        control.set_pool(0, "Scan the dataset first.")
        assert not control.slider.isEnabled()
        assert control.toolTip() == "Scan the dataset first."

    def test_ticks_are_met_exactly_and_the_scale_rises(self) -> None:
        assert [to_fraction(to_step(tick)) for tick in TICKS] == list(TICKS)
        values = [to_fraction(step) for step in range(STEPS + 1)]
        assert values == sorted(values)
        assert values[-1] == 1.0


class TestPatternField:
    def test_tells_once_after_the_last_key(self, qtbot) -> None:
        field = PatternField()
        qtbot.addWidget(field)
        field.show()
        got: list[str] = []
        field.pattern_changed.connect(got.append)
        with qtbot.waitSignal(field.pattern_changed):
            qtbot.keyClicks(field.field, r"(P\d+)")
        assert got == [r"(P\d+)"]

    def test_enter_tells_at_once(self, qtbot) -> None:
        field = PatternField()
        qtbot.addWidget(field)
        field.show()
        qtbot.keyClicks(field.field, "x")
        with qtbot.waitSignals([field.pattern_changed, field.pattern_accepted], order="strict"):
            qtbot.keyClick(field.field, Qt.Key.Key_Return)
        assert field.pattern == "x"

    def test_preview_counts_groups_and_those_without(self, qtbot) -> None:
        field = PatternField()
        qtbot.addWidget(field)
        field.set_preview([("a/P1_1.png", "P1"), ("a/P1_2.png", "P1"), ("a/x.png", "")])
        assert field.summary.text() == "1 group in 3 images; 1 image without a group, such as a/x.png"
        assert field.preview.plot_table()[1] == [["a/P1_1.png", "P1"], ["a/P1_2.png", "P1"], ["a/x.png", "–"]]

    def test_groups_are_listed_with_the_largest_first(self, qtbot) -> None:
        field = PatternField()
        qtbot.addWidget(field)
        field.set_preview(
            [(f"a/{name}_{n}.png", name) for name, many in (("P2", 2), ("P1", 3), ("P3", 2)) for n in range(many)]
        )
        assert field.groups.plot_table()[1] == [["P1", "3"], ["P2", "2"], ["P3", "2"]]
        assert field.summary.text() == "3 groups in 7 images"

    def test_an_example_is_marked_and_stepped_by_keys(self, qtbot) -> None:
        field = PatternField()
        qtbot.addWidget(field)
        field.example.set_paths(["P12_1.png", "P13_2.png"])
        field.show()
        field.example.line.setFocus()
        qtbot.keyClick(field.example.line, Qt.Key.Key_Home)
        with qtbot.waitSignal(field.example_marked) as marked:
            for _ in range(3):
                qtbot.keyClick(field.example.line, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
        assert marked.args == ["P12_1.png", 0, 3]
        qtbot.keyClicks(field.example.line, "x")
        assert field.example.line.text() == "P12_1.png"  # read only
        with qtbot.waitSignal(field.example_moved) as moved:
            qtbot.keyClick(field.example.line, Qt.Key.Key_Down)
        assert moved.args == ["P13_2.png"]
        qtbot.mouseClick(field.example.before, Qt.MouseButton.LeftButton)
        assert field.example.path == "P12_1.png"

    def test_an_offered_pattern_is_used_by_enter_and_dropped_by_escape(self, qtbot) -> None:
        field = PatternField()
        qtbot.addWidget(field)
        field.example.set_paths(["P12_1.png"])
        field.set_pattern("old")
        field.show()
        for key, accepted, left in ((Qt.Key.Key_Escape, [], "old"), (Qt.Key.Key_Return, ["(P[0-9]+)"], "(P[0-9]+)")):
            got: list[str] = []
            field.pattern_accepted.connect(got.append)
            field.offer("(P[0-9]+)")
            assert field.use.isVisible()
            qtbot.keyClick(field.example.line, key)
            assert (got, field.pattern, field.use.isVisible()) == (accepted, left, False)
            field.pattern_accepted.disconnect(got.append)

    def test_a_bad_pattern_is_said_in_red(self, qtbot) -> None:
        field = PatternField()
        qtbot.addWidget(field)
        field.set_preview((), "The bracket at place 1 is never closed.")
        assert field.summary.text() == "The bracket at place 1 is never closed."
        assert field.summary.property("tone") == "bad"
        field.set_preview(())
        assert field.summary.property("tone") == "muted"

    def test_showing_a_pattern_sends_no_signal(self, qtbot) -> None:
        field = PatternField()
        qtbot.addWidget(field)
        with qtbot.assertNotEmitted(field.pattern_changed, wait=200):
            field.set_pattern("(a)")


class TestSmallMultiples:
    @pytest.fixture
    def tiles(self, qtbot) -> SmallMultiples:
        made = SmallMultiples()
        qtbot.addWidget(made)
        rng = np.random.default_rng(0)
        made.set_classes(
            [ClassPlot(n, rng.normal(size=(50, 2)), rng.integers(0, 3, 50), 3, 50, "0.05") for n in ("ba", "ig", "mo")]
        )
        made.resize(220, 500)
        made.show()
        return made

    def test_mouse_and_arrow_keys_choose_a_class(self, qtbot, tiles) -> None:
        with qtbot.waitSignal(tiles.class_chosen) as signal:
            qtbot.mouseClick(tiles._tiles[1], Qt.MouseButton.LeftButton)
        assert signal.args == ["ig"]
        tiles.activateWindow()
        tiles._tiles[1].setFocus()
        with qtbot.waitSignal(tiles.class_chosen) as signal:
            qtbot.keyClick(tiles._tiles[1], Qt.Key.Key_Down)
        assert signal.args == ["mo"]
        assert tiles.chosen == "mo"

    def test_the_choice_outlives_new_plots(self, qtbot, tiles) -> None:
        tiles.set_chosen("ig")
        with qtbot.assertNotEmitted(tiles.class_chosen):
            tiles.set_classes([ClassPlot("ig", np.zeros((0, 2)), np.zeros(0, int), 0, 12)])
        assert tiles.chosen == "ig"
        assert tiles._tiles[0].accessibleName() == "ig: 12 images"
        assert not tiles.grab().isNull()

    def test_large_classes_are_thinned_evenly(self) -> None:
        points = np.arange(20_000, dtype=float).reshape(-1, 2)
        few, labels = thinned(points, np.zeros(10_000, dtype=np.int64))
        assert len(few) == len(labels) == MOST_DRAWN
        assert few[0, 0] == 0
        assert few[-1, 0] == points[-1, 0]


# --- the wheel ------------------------------------------------------------------------------------------------


def a_choice() -> ComboBox:
    box = ComboBox()
    box.addItems(["one", "two", "three"])
    box.setCurrentIndex(1)
    return box


def a_number() -> SpinBox:
    box = SpinBox()
    box.setValue(5)
    return box


def a_fraction() -> NumberBox:
    box = NumberBox()
    box.setValue(5)
    return box


def a_slider() -> Slider:
    slider = Slider()
    slider.setValue(5)
    return slider


def some_tabs() -> TabWidget:
    tabs = TabWidget()
    for name in ("one", "two", "three"):
        tabs.addTab(QWidget(), name)
    tabs.setCurrentIndex(1)
    return tabs


def turned(widget: QWidget, up: int) -> bool:
    """Turn the wheel over a widget; return whether it took the event."""
    at = QPointF(widget.rect().center())
    event = QWheelEvent(
        at, widget.mapToGlobal(at), QPoint(), QPoint(0, up), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def value_of(widget: Any) -> Any:
    return widget.currentIndex() if isinstance(widget, QComboBox | QTabBar) else widget.value()


@pytest.mark.parametrize("make", [a_choice, a_number, a_fraction, a_slider, some_tabs])
def test_the_wheel_turns_a_control_only_while_it_has_the_focus(make: Callable[[], Any], qtbot: QtBot) -> None:
    made = make()
    widget = made.tabBar() if isinstance(made, TabWidget) else made
    window = QWidget()
    qtbot.addWidget(window)
    other = QLineEdit(window)
    QVBoxLayout(window).addWidget(made)
    window.show()
    qtbot.waitExposed(window)
    other.setFocus()
    before = value_of(widget)
    for up in (-120, 120):
        assert not turned(widget, up)
        assert value_of(widget) == before
    assert not widget.hasFocus()
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    assert turned(widget, -120)
    assert value_of(widget) != before


@pytest.mark.parametrize("n", [2, 3, 7, 10, 25])
def test_a_list_opens_without_a_cut_row(n: int, qtbot: QtBot) -> None:
    box = ComboBox()
    qtbot.addWidget(box)
    box.addItems([f"choice {number}" for number in range(n)])
    box.show()
    qtbot.waitExposed(box)
    box.showPopup()
    view = box.view()
    qtbot.waitUntil(view.isVisible)
    rows = min(n, box.maxVisibleItems())
    assert view.viewport().height() >= rows * view.sizeHintForRow(0)
    box.hidePopup()


@pytest.mark.parametrize("make", [a_number, a_fraction])
def test_undo_is_the_windows_unless_something_is_typed(make: Callable[[], Any], qtbot: QtBot) -> None:
    box, window, undone = make(), QMainWindow(), []
    qtbot.addWidget(window)
    window.setCentralWidget(box)
    action = QAction("Undo", window, shortcut=QKeySequence.StandardKey.Undo)
    action.triggered.connect(lambda: undone.append(box.value()))
    window.addAction(action)
    window.show()
    window.activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    qtbot.keyClick(box, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert undone == [5]
    box.selectAll()
    qtbot.keyClicks(box, "7")
    qtbot.keyClick(box, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert undone == [5]
    assert box.lineEdit().text() != "7"


def test_the_program_uses_no_control_that_the_wheel_changes_without_the_focus() -> None:
    kinds = "ComboBox|FontComboBox|SpinBox|DoubleSpinBox|Slider|TabWidget|TabBar|DateEdit|TimeEdit|DateTimeEdit|Dial"
    made = re.compile(rf"\bQ({kinds})\(")
    code = Path(__file__).parents[3] / "desktop_app"
    found = [
        f"{file.relative_to(code)}: {line.strip()}"
        for file in code.rglob("*.py")
        if file.name != "controls.py"
        for line in file.read_text().splitlines()
        if made.search(line)
    ]
    assert found == []
