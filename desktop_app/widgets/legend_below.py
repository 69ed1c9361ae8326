"""A legend below a plot, in as many columns as fit, so that it never lies over the lines."""

from typing import Any

import pyqtgraph as pg

from desktop_app import theme

ROW_BELOW_THE_AXIS = 4
SAMPLE = 20
LINE_HEIGHT = 18


class LegendBelow(pg.LegendItem):
    """Names of lines, part of the plot's picture and of what is saved of it.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
        Gets a row more below its horizontal axis.
    """

    def __init__(self, plot: Any) -> None:
        self._room = 0.0
        super().__init__()
        plot.layout.addItem(self, ROW_BELOW_THE_AXIS, 0, 1, 2)

    def updateSize(self) -> None:  # noqa: N802
        """Put the names in their places and ask the plot for the height that they want."""
        columns = self._columns()
        wide = self._room / columns if columns else 0.0
        for number, (sample, label) in enumerate(self.items):
            x, y = (number % columns) * wide, (number // columns) * LINE_HEIGHT
            text = label.itemRect()
            sample.setGeometry(x, y - (SAMPLE - LINE_HEIGHT) / 2, SAMPLE, SAMPLE)
            label.setGeometry(x + SAMPLE + theme.UNIT // 2, y, text.width(), LINE_HEIGHT)
        rows = -(-len(self.items) // columns) if columns else 0
        height = rows * LINE_HEIGHT + (theme.UNIT // 2 if rows else 0)
        self.setMinimumHeight(height)
        self.setMaximumHeight(height)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Take as many columns as fit now."""
        super().resizeEvent(event)
        if self.width() != self._room:
            self._room = float(self.width())
            self.updateSize()

    def mouseDragEvent(self, ev: Any) -> None:  # noqa: N802
        """Stay where it is."""
        ev.ignore()

    def _columns(self) -> int:
        widest = max((label.itemRect().width() for _, label in self.items), default=0.0) + SAMPLE + theme.UNIT * 2
        return min(len(self.items), max(1, int(self._room // widest)))

    def _addItemToLayout(self, sample: Any, label: Any) -> None:  # noqa: N802 - pyqtgraph's grid keeps empty rows
        for item in (sample, label):
            item.setParentItem(self)

    def _removeItemFromLayout(self, *items: Any) -> None:  # noqa: N802
        for item in items:
            item.close()
            if item.scene() is not None:
                item.scene().removeItem(item)
