"""A legend below a plot, as many names in a row as fit, so that it never covers the lines."""

from typing import Any

import pyqtgraph as pg

from coreset_studio.desktop_app import theme

ROW_BELOW_THE_AXIS = 4
SAMPLE = 20
LEADING = 4


class LegendBelow(pg.LegendItem):
    """Names of lines, part of the plot and of what is saved of it.

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
        """Put the names in their places and ask the plot for the height that they require."""
        x, row = 0.0, 0
        # Labels come with more room above and below than lines of text want.
        tall = max((label.itemRect().height() for _, label in self.items), default=0.0)
        line = tall - LEADING
        for sample, label in self.items:
            text = label.itemRect().width()
            width = SAMPLE + theme.UNIT // 2 + text
            if x > 0 and x + width > self._room:
                x, row = 0.0, row + 1
            y = row * line
            sample.setGeometry(x, y + (line - SAMPLE) / 2, SAMPLE, SAMPLE)
            label.setGeometry(x + SAMPLE + theme.UNIT // 2, y - LEADING / 2, text, tall)
            x += width + theme.UNIT * 2
        height = (row + 1) * line + theme.UNIT // 2 if self.items else 0
        self.setMinimumHeight(height)
        self.setMaximumHeight(height)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Put as many names into a row as fit now."""
        super().resizeEvent(event)
        if self.width() != self._room:
            self._room = float(self.width())
            self.updateSize()

    def mouseDragEvent(self, ev: Any) -> None:  # noqa: N802
        """Stay where it is."""
        ev.ignore()

    def _addItemToLayout(self, sample: Any, label: Any) -> None:  # noqa: N802 - pyqtgraph's grid keeps empty rows
        for item in (sample, label):
            item.setParentItem(self)

    def _removeItemFromLayout(self, *items: Any) -> None:  # noqa: N802
        for item in items:
            item.close()
            if item.scene() is not None:
                item.scene().removeItem(item)
