"""The map: images of all classes as points, coloured by any filter, with a legend and a lasso."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from pyqtgraph.graphicsItems.LegendItem import ItemSample
from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QKeyEvent
from PySide6.QtWidgets import QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.legend_below import LegendBelow
from coreset_studio.desktop_app.widgets.plot_export import Table
from coreset_studio.desktop_app.widgets.scatter import FEW, NONE, Rows, Scatter

MOST_NAMED = 12
"""Values that the legend names, the most frequent ones; the filters show the colours of all."""
NO_VALUE = "no value"
BELOW, ABOVE = 5, 10
RING_ALPHA = 150
SAMPLE_SIZE = 10


class MapPlot(Scatter):
    """Points by value: colours and markers, with a legend; mouse and keys as in `Scatter`.

    Up and Down go to the first image of the value before and after.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        self._names: Sequence[str] = ()
        self._is_coloured = False
        self._ringed = ""
        super().__init__(parent, "Map of images")
        self._legend = LegendBelow(self.getPlotItem())
        self._legend.setSampleType(_Sample)
        self.set_note("No map yet")

    def show_images(
        self,
        points: NDArray[Any],
        codes: Rows,
        names: Sequence[str],
        axes: tuple[str, str],
        *,
        is_other: bool = True,
        note: str = "",
    ) -> None:
        """Show images.

        Parameters
        ----------
        points : ndarray of shape (n, 2)
        codes : ndarray of shape (n,), int64
            Position of each image's value in `names`; -1 for none.
        names : sequence of str
            Titles of the values; empty: all images have one colour, and there is no legend.
        axes : tuple of str
            Labels of the x and the y axis; empty if they have no meaning.
        is_other : bool
            Whether it is another map, which is shown whole; else the part that is shown stays.
        note : str
            Shown in the middle if there are no points.
        """
        self._names, self._is_coloured = names, bool(names)
        labels = np.where(codes < 0, len(names), codes).astype(np.int64)
        view = self.viewRange()
        was_empty = not len(self._points)
        self.set_points(points, labels, np.zeros(0, dtype=np.int64), *axes, note or "No map yet")
        if not is_other and not was_empty and len(self._points):
            self.getViewBox().setRange(xRange=view[0], yRange=view[1], padding=0)
        what = f"{len(self._points):,} images" + (f", coloured by {len(names):,} values" if names else "")
        self.setAccessibleDescription(what)
        self._draw_legend()

    def ring(self, rows: NDArray[Any], name: str) -> None:
        """Ring rows, which the legend calls `name`."""
        self._ringed = name if len(rows) else ""
        self.set_chosen(rows)
        self._draw_legend()

    @property
    def legend_names(self) -> list[str]:
        """The names in the legend, in its order."""
        return [label.text for _, label in self._legend.items]

    def plot_table(self) -> Table:
        """Return coordinates and value, a line an image."""
        x_label, y_label = self.axis_labels()
        named = [*self._names, NO_VALUE if self._is_coloured else ""]
        ringed = set(self.chosen.tolist())
        return (
            (x_label or "x", y_label or "y", "value", "ringed"),
            [
                (x, y, named[label], "yes" if row in ringed else "no")
                for row, ((x, y), label) in enumerate(zip(self._points.tolist(), self._labels.tolist(), strict=True))
            ],
        )

    # --- drawing ---

    def colour_of(self, number: int) -> str:
        """Return the colour of a value; grey for images without one."""
        if number < len(self._names):
            return theme.cluster_colour(number)
        return theme.colours().disabled if self._is_coloured else theme.cluster_colour(0)

    def symbol_of(self, number: int) -> str:
        """Return the marker of a value."""
        return theme.cluster_symbol(number) if number < len(self._names) else "o"

    def redraw(self) -> None:
        """Draw all points, those without a value below the others."""
        super().redraw()
        for number, item in enumerate(self._items):
            item.setZValue(ABOVE if number < len(self._names) else BELOW)
        if hasattr(self, "_legend"):
            self._draw_legend()

    def _draw_chosen(self) -> None:
        """Draw thin rings: of many thick ones, no point would be seen."""
        at = self._points[self._chosen]
        colour = QColor(theme.colours().text)
        colour.setAlpha(255 if len(at) <= FEW else RING_ALPHA)
        pen = pg.mkPen(colour, width=1.4 if len(at) <= FEW else 1.0)
        self._chosen_item.setData(at[:, 0], at[:, 1], symbol="o", size=self._size() + 2, brush=None, pen=pen)

    def _draw_legend(self) -> None:
        self._legend.clear()
        if not len(self._points):
            return
        text = theme.colours().text
        counts = np.bincount(self._labels, minlength=len(self._names) + 1)
        shown = np.flatnonzero(counts[: len(self._names)])
        most = np.sort(shown[np.argsort(-counts[shown], kind="stable")][:MOST_NAMED])
        named = [(self._items[number], self._names[number]) for number in most.tolist()]
        if self._is_coloured and counts[len(self._names)]:
            named.append((self._items[len(self._names)], NO_VALUE))
        if self._ringed:
            named.append((self._chosen_item, self._ringed))
        for item, name in named:
            self._legend.addItem(item, name)
        if len(shown) > len(most):
            named_last = f"and {len(shown) - len(most):,} more, see the filters"
            self._legend.addItem(self._medoid_item, named_last)
        for _, label in self._legend.items:
            label.setText(label.text, color=text)
        self._legend.updateSize()

    # --- keys ---

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go to the value before or after by Up and Down."""
        key = Qt.Key(event.key())
        if key not in (Qt.Key.Key_Up, Qt.Key.Key_Down) or not len(self._walk):
            super().keyPressEvent(event)
            return
        values = np.unique(self._labels)
        place = 0
        if self._current != NONE:
            step = 1 if key == Qt.Key.Key_Down else -1
            place = (int(np.searchsorted(values, self._labels[self._current])) + step) % len(values)
        first = int(np.searchsorted(self._labels[self._walk], values[place]))
        self._go(int(self._walk[first]))


class _Sample(ItemSample):
    """A sample of the legend that does not hide its points when it is clicked: a lasso would select them unseen."""

    def paint(self, painter: Any, *_: Any) -> None:
        """Draw the marker in its full colour: the points are translucent, so that dense places show."""
        opts = self.item.opts
        brush = QBrush(opts["brush"])
        if brush.style() != Qt.BrushStyle.NoBrush:
            colour = brush.color()
            colour.setAlpha(255)
            brush = QBrush(colour)
        painter.translate(10, 10)
        painter.setRenderHint(painter.RenderHint.Antialiasing)
        drawSymbol(painter, opts["symbol"], SAMPLE_SIZE, pg.mkPen(opts["pen"]), brush)

    def mouseClickEvent(self, event: Any) -> None:  # noqa: N802
        """Leave the points as they are."""
        event.ignore()
