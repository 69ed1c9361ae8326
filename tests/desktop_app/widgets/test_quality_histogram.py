"""The distribution of a quality check, whose threshold is dragged."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app.widgets.quality_histogram import N_BINS, QualityHistogram

VALUES = np.array([0.5, 0.9, 1.0, 1.0, 1.1, 1.2, np.nan, 2.5, 2.6, 900.0])


@pytest.fixture
def plot(qtbot: QtBot) -> QualityHistogram:
    made = QualityHistogram()
    qtbot.addWidget(made)
    made.resize(500, 260)
    made.set_values(VALUES, 2.0, is_above=True, name="Blurry", label="edge width", allowed=(1.0, 20.0), step=0.1)
    made.show()
    qtbot.waitExposed(made)
    return made


def place_of(plot: QualityHistogram, value: float) -> QPoint:
    """Return where a value stands in the plot, half way up."""
    box = plot.getViewBox()
    top = box.viewRange()[1][1]
    return plot.mapFromScene(box.mapViewToScene(QPointF(value, top / 2)))


def test_every_image_is_in_one_bar(plot: QualityHistogram) -> None:
    names, rows = plot.plot_table()
    assert list(names) == ["from", "to", "not flagged", "flagged"]
    assert len(rows) == N_BINS
    assert sum(int(row[2]) for row in rows) == 6
    assert sum(int(row[3]) for row in rows) == 3
    assert int(rows[-1][3]) == 1  # what is far away is in the last bar
    assert plot.accessibleDescription() == "3 of 9 images above the threshold 2"
    assert plot.plot_name() == "Distribution of a quality check: Blurry"


def test_below_a_threshold_the_other_side_is_flagged(plot: QualityHistogram) -> None:
    plot.set_values(VALUES, 0.95, is_above=False, allowed=(0.01, 1.0), step=0.05)
    assert plot.accessibleDescription() == "2 of 9 images below the threshold 0.95"


def test_the_line_is_dragged(plot: QualityHistogram, qtbot: QtBot) -> None:
    moved: list[float] = []
    chosen: list[float] = []
    plot.threshold_moved.connect(moved.append)
    plot.threshold_chosen.connect(chosen.append)
    start, end = place_of(plot, 2.0), place_of(plot, 1.5)
    view = plot.viewport()

    def send(kind: QEvent.Type, place: QPoint, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        where = QPointF(place)
        event = QMouseEvent(kind, where, view.mapToGlobal(where), button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(view, event)

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    send(QEvent.Type.MouseMove, start, none, none)
    send(QEvent.Type.MouseButtonPress, start, left, left)
    for share in (0.3, 0.7, 1.0):
        qtbot.wait(30)  # pyqtgraph takes moves at most so often
        send(QEvent.Type.MouseMove, start + (end - start) * share, none, left)
    send(QEvent.Type.MouseButtonRelease, end, left, none)
    qtbot.waitUntil(lambda: bool(chosen))
    assert chosen == [pytest.approx(1.5, abs=0.05)]
    assert moved
    assert 1.4 < moved[-1] < 2.0
    assert plot.threshold == chosen[0]


def test_arrow_keys_move_it_by_a_step_within_its_range(plot: QualityHistogram, qtbot: QtBot) -> None:
    chosen: list[float] = []
    plot.threshold_chosen.connect(chosen.append)
    plot.setFocus()
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Right):
        qtbot.keyClick(plot, key)
    assert chosen == [1.9, 1.8, 1.9]
    plot.set_threshold(1.05)
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert chosen[3:] == [1.0]


def test_without_values_it_says_why(plot: QualityHistogram, qtbot: QtBot) -> None:
    plot.set_values(np.full(3, np.nan), 2.0, is_above=True, note="Not measured")
    assert plot._note.text() == "Not measured"
    plot.setFocus()
    with qtbot.assertNotEmitted(plot.threshold_chosen):
        qtbot.keyClick(plot, Qt.Key.Key_Left)
