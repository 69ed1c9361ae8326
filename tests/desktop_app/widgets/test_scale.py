"""Plots and tables with as many images as large studies have; bounds on time are five times what was measured."""

import time

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.widgets.scatter import Scatter
from coreset_studio.desktop_app.widgets.table import Table
from tests.desktop_app.widgets.test_scatter import drag

SIZES = [20_000, pytest.param(100_000, marks=pytest.mark.slow)]
SECONDS = 0.5
"""Five times the longest stall that a user does not notice, for a busy machine."""


def work(act) -> float:
    """Return the seconds that the window's thread works until something is done and drawn."""
    began = time.thread_time()
    act()
    QApplication.processEvents()
    return time.thread_time() - began


@pytest.mark.parametrize("n", SIZES)
def test_a_lasso_among_many_points_selects_exactly_those_inside(qtbot, n: int) -> None:
    side = np.linspace(0, 1, n)
    points = np.column_stack([side, np.tile([0.2, 0.8], n // 2)])
    labels, medoids = np.arange(n) % 2, np.array([0, 1])
    scatter = Scatter()
    qtbot.addWidget(scatter)
    scatter.resize(600, 500)
    scatter.show()
    bound = SECONDS * n / 20_000
    assert work(lambda: scatter.set_points(points, labels, medoids, "component 1", "component 2")) < bound
    drag(qtbot, scatter, [(-0.01, 0.5), (1.01, 0.5), (1.01, 0.9), (-0.01, 0.9)])
    assert np.array_equal(scatter.selection, np.arange(1, n, 2))
    assert work(lambda: qtbot.keyClick(scatter, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)) < bound
    assert len(scatter.selection) == n
    assert work(scatter.drop_selection) < bound
    assert len(scatter.selection) == 0


def drawn_colours(scatter: Scatter) -> int:
    """Return how many colours the plot has where points of one cluster lie on each other."""
    image = scatter.grab().toImage()
    middle = image.rect().center()
    return len({image.pixel(middle.x() + x, middle.y() + y) for x in range(-80, 80) for y in range(-80, 80)})


def test_many_selected_points_still_show_how_dense_a_place_is(qtbot) -> None:
    chance = np.random.default_rng(0)
    scatter = Scatter()
    qtbot.addWidget(scatter)
    scatter.resize(600, 500)
    scatter.show()
    points = chance.uniform(-1, 1, (20_000, 2))
    scatter.set_points(points, np.zeros(20_000, dtype=np.int64), np.array([0]), "component 1", "component 2")
    QApplication.processEvents()
    before = drawn_colours(scatter)
    scatter.set_selection(np.arange(20_000))
    QApplication.processEvents()
    assert drawn_colours(scatter) > before / 2


@pytest.mark.parametrize("n", SIZES)
def test_a_long_table_fits_its_columns_to_the_rows_shown_first(qtbot, n: int) -> None:
    table = Table("Images", [Column("Path", lambda row: row[0]), Column("Class", lambda row: row[1])])
    qtbot.addWidget(table)
    table.resize(900, 400)
    table.show()
    name = "a path that is rather long for a column.png"
    assert work(lambda: table.set_rows([(name, "class")] * n)) < SECONDS
    assert table.columnWidth(0) >= table.fontMetrics().horizontalAdvance(name)
    assert len(table.shown_rows()) == n
