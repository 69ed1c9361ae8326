"""Markers outside a plot, drawn as pyqtgraph draws them inside."""

from typing import cast

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from coreset_studio.desktop_app import theme


def symbol_path(symbol: str) -> QPainterPath:
    """Return the outline of a marker, one unit wide around the origin."""
    return cast("QPainterPath", Symbols[symbol])


def draw_symbol(painter: QPainter, centre: QPointF, symbol: str, colour: str, size: float) -> None:
    """Draw a marker `size` pixels wide."""
    painter.save()
    painter.translate(centre)
    painter.scale(size, size)
    pen = QPen(QColor(theme.edge(colour)), 1)
    pen.setCosmetic(True)
    painter.setPen(pen)
    painter.setBrush(QColor(colour))
    painter.drawPath(symbol_path(symbol))
    painter.restore()
