"""Curves of shares against shares, with the diagonal: ROC and reliability curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from coreset_studio.core import palette
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.legend_below import LegendBelow
from coreset_studio.desktop_app.widgets.plot import Plot
from coreset_studio.desktop_app.widgets.plot_export import Table

NAMED = 12
"""Of more curves only the main one is named."""


@dataclass(frozen=True)
class Curve:
    """A curve.

    Attributes
    ----------
    name : str
    x, y : sequence of float
        0 to 1.
    is_main : bool
        Drawn thicker and in the colour of text.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    is_main: bool = False


class UnitCurves(Plot):
    """Curves between 0 and 1, the diagonal below them.

    Parameters
    ----------
    name : str
        For screen readers and file names.
    x_label, y_label : str
    has_dots : bool
        Whether the points of the curves are marked.
    """

    def __init__(
        self, name: str, x_label: str, y_label: str, parent: QWidget | None = None, *, has_dots: bool = False
    ) -> None:
        super().__init__(name, x_label, y_label, parent)
        self.setMouseEnabled(x=False, y=False)
        self._labels = (x_label, y_label)
        self._has_dots = has_dots
        self._curves: Sequence[Curve] = ()
        self._items: list[pg.GraphicsObject] = []
        self._legend = LegendBelow(self.getPlotItem())
        self._diagonal = pg.PlotDataItem([0, 1], [0, 1])
        self.addItem(self._diagonal)
        self.setXRange(0, 1, padding=0.02)
        self.setYRange(0, 1, padding=0.02)
        self.set_curves((), "No results yet")

    def set_curves(self, curves: Sequence[Curve], note: str = "") -> None:
        """Show other curves; without any, `note` says why."""
        self._curves = tuple(curves)
        self.set_note("" if self._curves else note)
        main = next((curve for curve in self._curves if curve.is_main), None)
        self.setAccessibleDescription(f"{len(self._curves)} curves" if main is not None else note)
        self.redraw()

    def plot_table(self) -> Table:
        """Return a line a point."""
        x, y = self._labels
        rows = [(curve.name, *point) for curve in self._curves for point in zip(curve.x, curve.y, strict=True)]
        return (("curve", x, y), rows)

    def redraw(self) -> None:
        """Draw the curves in the colours now in use."""
        named = theme.colours()
        for item in self._items:
            self.removeItem(item)
        self._items = []
        self._legend.clear()
        self._legend.setLabelTextColor(named.text)
        self._diagonal.setPen(pg.mkPen(named.muted, width=1, style=Qt.PenStyle.DashLine))
        self._diagonal.setVisible(bool(self._curves))
        n_others = sum(not curve.is_main for curve in self._curves)
        for number, curve in enumerate(self._curves):
            is_named = curve.is_main or n_others <= NAMED
            colour = named.text if curve.is_main else self._colour(number) if is_named else named.muted
            self._draw(curve, colour)
            if is_named and len(self._curves) > 1:
                self._legend.addItem(self._items[-1], curve.name)
        self._legend.updateSize()

    def _draw(self, curve: Curve, colour: str) -> None:
        line = pg.PlotDataItem(
            _array(curve.x), _array(curve.y), pen=pg.mkPen(colour, width=2.5 if curve.is_main else 1.2),
            symbol="o" if self._has_dots else None, symbolSize=7, symbolBrush=pg.mkBrush(colour), symbolPen=None,
        )  # fmt: skip
        self._items.append(line)
        self.addItem(line)

    @staticmethod
    def _colour(number: int) -> str:
        return theme.lifted(palette.class_mark(number).colour.lower(), theme.colours().surface)


def _array(values: Sequence[float]) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)
