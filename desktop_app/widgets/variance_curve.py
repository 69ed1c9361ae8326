"""How much of the variance the first components explain, a line a class."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.plot import Plot
from coreset_studio.desktop_app.widgets.plot_export import Table

MOST_POINTS = 400
LEGEND_SHARE = 0.55
STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DashDotLine, Qt.PenStyle.DotLine)


class VarianceCurve(Plot):
    """Cumulative explained variance, with the share that is kept as a level and a dot where each class reaches it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Cumulative explained variance", "components", "cumulative explained variance", parent)
        self._explained: dict[str, NDArray[np.float64]] = {}
        self._keep = 0.95
        self._legend = self.addLegend(offset=(-theme.UNIT, -theme.UNIT), verSpacing=-4)
        self._drawn: list[Any] = []
        self.set_explained({}, self._keep)

    def set_explained(self, explained: Mapping[str, NDArray[Any]], keep: float) -> None:
        """Show curves.

        Parameters
        ----------
        explained : mapping of str to ndarray of shape (n,)
            By class: explained variance ratios of all its components, falling.
        keep : float
            Share of the variance that is kept, 0 to 1.
        """
        self._explained = {name: np.cumsum(np.asarray(ratios, dtype=np.float64)) for name, ratios in explained.items()}
        self._keep = keep
        self.set_note("" if self._explained else "No features yet")
        self.redraw()

    def needed(self, name: str) -> int:
        """Return how many components a class needs to reach the share that is kept."""
        curve = self._explained[name]
        return min(len(curve), int(np.searchsorted(curve, self._keep - 1e-12)) + 1)

    def plot_table(self) -> Table:
        """Return a line a component and class."""
        return (
            ("class", "components", "share explained"),
            [(name, i + 1, v) for name, curve in self._explained.items() for i, v in enumerate(curve.tolist())],
        )

    def redraw(self) -> None:
        """Draw the curves in the colours now in use."""
        named = theme.colours()
        for item in self._drawn:
            self.removeItem(item)
        self._drawn = []
        self._legend.clear()
        self._legend.setLabelTextColor(named.text)
        if not self._explained:
            self.setAccessibleDescription("")
            return
        level = pg.InfiniteLine(
            self._keep,
            angle=0,
            pen=pg.mkPen(named.text, style=Qt.PenStyle.DashLine),
            label=f"{percent(self._keep)} retained",
            labelOpts={"position": 0.99, "color": named.muted, "anchors": [(1, 0), (1, 0)]},
        )
        self._add(level)
        for number, (name, curve) in enumerate(self._explained.items()):
            self._add_curve(number, name, curve)
        longest = max(self.needed(name) for name in self._explained)
        self._fit_legend()
        self.setXRange(0, longest * 1.35, padding=0)
        self.setYRange(0, 1.04, padding=0)
        self.setAccessibleDescription("; ".join(f"{name}: {self.needed(name)} components" for name in self._explained))

    def _add_curve(self, number: int, name: str, curve: NDArray[np.float64]) -> None:
        colour = theme.cluster_colour(number)
        pen = pg.mkPen(theme.edge(colour), width=2, style=STYLES[(number // 4) % len(STYLES)])
        shown = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), MOST_POINTS)).astype(np.int64))
        x, y = np.r_[0, shown + 1], np.r_[0.0, curve[shown]]
        needed = self.needed(name)
        line = pg.PlotDataItem(x, y, pen=pen)
        self._add(line)
        self._legend.addItem(line, f"{name}: {needed:,}")
        dot = pg.ScatterPlotItem(
            [needed],
            [curve[needed - 1]],
            size=9,
            brush=pg.mkBrush(colour),
            pen=pg.mkPen(theme.edge(colour)),
            hoverable=True,
            tip=partial(_tip, f"{name}: {needed:,} of {len(curve):,} components"),
        )
        self._add(dot)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Lay the legend out again."""
        super().resizeEvent(event)
        if hasattr(self, "_legend"):
            self._fit_legend()

    def _fit_legend(self) -> None:
        """Show the legend in one column, in two, or not at all: it must not cover the curves."""
        n_names = len(self._explained)
        line = self.fontMetrics().height() + theme.UNIT // 2
        widest = max((theme.text_width(f"{name}: 0,000") for name in self._explained), default=0.0) + theme.UNIT * 5
        for columns in (1, 2):
            n_lines = -(-n_names // columns)
            if n_lines * line <= self.height() * LEGEND_SHARE and columns * widest <= self.width() * LEGEND_SHARE:
                self._legend.setColumnCount(columns)
                self._legend.setVisible(n_names > 1)
                return
        self._legend.hide()

    def _add(self, item: Any) -> None:
        self.addItem(item, ignoreBounds=True)
        self._drawn.append(item)


def _tip(words: str, **_: object) -> str:
    """Return what a dot says under the mouse; pyqtgraph passes its place too."""
    return words
