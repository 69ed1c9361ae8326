"""The inside of the scatter: left drag draws a lasso, middle or right drag moves, the wheel zooms."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.geometry import Points

LEAST_CORNERS = 3


class LassoView(pg.ViewBox):
    """A view box with a lasso.

    Signals
    -------
    outlined : (object, bool)
        Corners of the finished lasso, shape (m, 2), in data coordinates; whether it adds to the selection
        (Shift or Ctrl).
    """

    outlined = Signal(object, bool)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.panning = False
        self._corners: list[tuple[float, float]] = []
        self._line = pg.PlotCurveItem()
        self._line.setZValue(100)
        self.addItem(self._line, ignoreBounds=True)

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:  # noqa: N802
        """Draw the lasso, or move the plot."""
        lasso = ev.button() == Qt.MouseButton.LeftButton and not self.panning and axis is None
        if not lasso:
            if ev.button() == Qt.MouseButton.RightButton:
                ev.accept()
                shift = self.mapToView(ev.lastPos()) - self.mapToView(ev.pos())
                self.translateBy(x=shift.x(), y=shift.y())
                return
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        if ev.isStart():
            self._corners = [self._at(ev.buttonDownPos())]
        self._corners.append(self._at(ev.pos()))
        self._draw()
        if ev.isFinish():
            corners: Points = np.array(self._corners)
            self._corners = []
            self._draw()
            held = ev.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier)
            if len(corners) >= LEAST_CORNERS:
                self.outlined.emit(corners, bool(held))

    def _at(self, position: QPointF) -> tuple[float, float]:
        point = self.mapToView(position)
        return point.x(), point.y()

    def _draw(self) -> None:
        if not self._corners:
            self._line.setData([], [])
            return
        closed = np.array([*self._corners, self._corners[0]])
        self._line.setData(closed[:, 0], closed[:, 1])
        self._line.setPen(pg.mkPen(theme.colours().accent, width=1.5, style=Qt.PenStyle.DashLine))
