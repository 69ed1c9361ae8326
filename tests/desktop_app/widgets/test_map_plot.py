"""The map plot: colours, legend, rings, what stays shown, and the keyboard."""

import numpy as np
import pytest
from pyqtgraph import ItemSample, ScatterPlotItem
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.map_plot import MOST_NAMED, MapPlot

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0], [6.0, 5.0], [5.0, 6.0]])
CODES = np.array([0, 0, 1, 1, -1, 2])
NAMES = ("basophil", "eosinophil", "neutrophil", "platelet")


@pytest.fixture
def plot(qtbot: QtBot) -> MapPlot:
    made = MapPlot()
    qtbot.addWidget(made)
    made.resize(600, 500)
    made.show_images(POINTS, CODES, NAMES, ("first", "second"))
    made.show()
    QApplication.processEvents()
    return made


def test_the_legend_names_the_values_that_are_there_and_the_rings(plot: MapPlot) -> None:
    assert plot.legend_names == ["basophil", "eosinophil", "neutrophil", "no value"]
    plot.ring(np.array([0, 3]), "in the coreset")
    assert plot.legend_names[-1] == "in the coreset"
    plot.ring(np.zeros(0, dtype=np.int64), "in the coreset")
    plot.show_images(POINTS, np.full(6, -1), (), ("", ""))
    assert plot.legend_names == []


def test_a_long_legend_names_the_most_frequent_values(plot: MapPlot) -> None:
    codes = np.repeat(np.arange(20), np.arange(1, 21))
    points = np.random.default_rng(0).normal(size=(len(codes), 2))
    plot.show_images(points, codes, [f"value {n}" for n in range(20)], ("", ""))
    assert plot.legend_names == [f"value {n}" for n in range(20 - MOST_NAMED, 20)] + ["and 8 more, see the filters"]


def test_colours_are_those_of_the_filters_and_no_value_is_grey(plot: MapPlot) -> None:
    assert [plot.colour_of(number) for number in range(4)] == [theme.cluster_colour(number) for number in range(4)]
    assert plot.colour_of(4) == theme.colours().disabled
    assert len({plot.symbol_of(number) for number in range(4)}) == 4  # told apart without colours


def test_another_colour_leaves_the_part_that_is_shown(plot: MapPlot) -> None:
    plot.getViewBox().setRange(xRange=(4, 7), yRange=(4, 7), padding=0)
    before = plot.viewRange()
    plot.show_images(POINTS, np.zeros(6, dtype=np.int64), ("one",), ("first", "second"), is_other=False)
    np.testing.assert_allclose(plot.viewRange(), before)
    plot.show_images(POINTS * 10, CODES, NAMES, ("first", "second"))
    assert plot.viewRange()[0][1] > 50


def test_the_keyboard_walks_values_and_images(plot: MapPlot, qtbot: QtBot) -> None:
    clicked: list[int] = []
    plot.clicked.connect(clicked.append)
    for _ in range(5):
        qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert [int(CODES[row]) for row in clicked] == [0, 1, 2, -1, 0]
    qtbot.keyClick(plot, Qt.Key.Key_Up)
    assert CODES[clicked[-1]] == -1
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert clicked[-1] == 0
    assert plot.selection.tolist() == [0]
    qtbot.keyClick(plot, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert plot.selection.tolist() == [0, 1, 2, 3, 4, 5]


def samples(plot: MapPlot) -> list[ItemSample]:
    """Return the samples in the legend, from the top."""
    found = [item for item in plot.scene().items() if isinstance(item, ItemSample)]
    return sorted(found, key=lambda sample: sample.scenePos().y())


def test_a_click_on_the_legend_hides_nothing(plot: MapPlot, qtbot: QtBot) -> None:
    sample = samples(plot)[0]
    place = plot.mapFromScene(sample.mapToScene(sample.rect().center()))
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert all(item.isVisible() for item in plot.plotItem.items if isinstance(item, ScatterPlotItem))


def test_the_table_has_the_value_of_each_image(plot: MapPlot) -> None:
    plot.ring(np.array([5]), "in the coreset")
    heads, rows = plot.plot_table()
    assert heads == ("first", "second", "value", "ringed")
    assert rows[4] == (6.0, 5.0, "no value", "no")
    assert rows[5] == (5.0, 6.0, "neutrophil", "yes")


def test_the_sample_of_the_rings_is_empty_and_those_of_points_are_full(plot: MapPlot) -> None:
    plot.ring(np.array([0]), "in the coreset")
    QApplication.processEvents()
    drawn = plot.grab().toImage()
    centres = []
    for sample, _ in (plot._legend.items[0], plot._legend.items[-1]):
        place = plot.mapFromScene(sample.mapToScene(10, 10))
        centres.append(drawn.pixelColor(place * drawn.devicePixelRatio()).name())
    assert centres == [theme.cluster_colour(0).lower(), theme.colours().surface.lower()]
