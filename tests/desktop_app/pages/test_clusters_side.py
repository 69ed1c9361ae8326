"""The side of the Clusters page: the curve keeps its height beside any number of clusters."""

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QScrollArea
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app.pages.clusters_side import ClustersSide


@pytest.mark.parametrize("n_clusters", [2, 12, 40])
def test_many_clusters_leave_the_curve_its_height(qtbot: QtBot, n_clusters: int) -> None:
    side = ClustersSide()
    qtbot.addWidget(side)
    side.curve.set_curve(dict.fromkeys(range(2, 11), 0.3), 4, "")
    side.bars.set_sizes(range(n_clusters, 0, -1))
    side.resize(320, 400)
    side.show()
    qtbot.waitExposed(side)

    assert side.minimumSizeHint().height() <= 400
    assert side.curve.height() >= 110
    # The last cluster can be reached.
    area = next(area for area in side.findChildren(QScrollArea) if area.widget() is side.bars)
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    assert side.bars.mapTo(area.viewport(), QPoint(0, side.bars.height())).y() <= area.viewport().height()
