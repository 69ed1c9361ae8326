"""A measure against coreset size: a line a sampler with its intervals, and everything as a level (Fig. 7, 8, 9)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.legend_below import LegendBelow
from coreset_studio.desktop_app.widgets.plot import Plot
from coreset_studio.desktop_app.widgets.plot_export import Cell, Table

DODGE = 0.012
LEVEL_SHADE = 40


class Line(NamedTuple):
    """One line.

    Attributes
    ----------
    name : str
        Sampler: gives colour and marker.
    fractions : sequence of float
        0 < f <= 1, ascending.
    means, lows, highs : sequence of float
        NaN where not known.
    title : str
        What the legend calls it; the sampler's title where it is empty.
    dashed : bool
        For the second of two measures of one sampler, such as validation next to training.
    """

    name: str
    fractions: Sequence[float]
    means: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    title: str = ""
    dashed: bool = False

    @property
    def shown_title(self) -> str:
        """The name in the legend."""
        return self.title or theme.sampler_title(self.name)


class Level(NamedTuple):
    """The result of training on the whole pool."""

    mean: float
    low: float
    high: float
    title: str = "Whole pool"


class LineWithIntervals(Plot):
    """Lines over fractions of the pool, on a logarithmic axis.

    Signals
    -------
    point_clicked : (str, float)
        Sampler and fraction.
    """

    point_clicked = Signal(str, float)

    def __init__(self, name: str = "Accuracy", y_label: str = "test accuracy", parent: QWidget | None = None) -> None:
        super().__init__(f"{name} by coreset size", "fraction of the pool", y_label, parent)
        self._lines: Sequence[Line] = ()
        self._level: Level | None = None
        self._from_zero = False
        self._legend = LegendBelow(self.getPlotItem())
        self._drawn: list[Any] = []
        self.setMouseEnabled(x=False, y=True)
        self.set_lines(())

    def set_lines(
        self, lines: Sequence[Line], level: Level | None = None, *, from_zero: bool = False, note: str = ""
    ) -> None:
        """Show lines.

        Parameters
        ----------
        lines : sequence of Line
        level : Level, optional
            What everything reached.
        from_zero : bool
            Begin the axis at 0, as for times; accuracies are shown in their own range.
        note : str
            Said while there is nothing to draw.
        """
        self._lines, self._level, self._from_zero = lines, level, from_zero
        self.set_note("" if lines or level else note or "No results yet")
        parts = [f"{line.shown_title}: " + ", ".join(_points(line)) for line in lines]
        if level:
            parts.append(f"{level.title}: {level.mean:.3f}")
        self.setAccessibleDescription("; ".join(parts))
        self.redraw()

    def plot_table(self) -> Table:
        """Return a line a point."""
        rows: list[list[Cell]] = []
        for line in self._lines:
            points = zip(line.fractions, line.means, line.lows, line.highs, strict=True)
            rows += [[line.shown_title, *point] for point in points]
        if self._level:
            rows.append([self._level.title, 1.0, self._level.mean, self._level.low, self._level.high])
        return (("series", "fraction", self.axis_labels()[1], "low", "high"), rows)

    def redraw(self) -> None:
        """Draw lines, intervals and level in the colours now in use."""
        for item in self._drawn:
            self.removeItem(item)
        self._drawn = []
        self._legend.clear()
        self._legend.setLabelTextColor(theme.colours().text)
        if not (self._lines or self._level):
            return
        if self._level:
            self._draw_level(self._level)
        for number, line in enumerate(self._lines):
            self._draw_line(line, (number - (len(self._lines) - 1) / 2) * DODGE)
        fractions = sorted({f for line in self._lines for f in line.fractions} | ({1.0} if not self._lines else set()))
        self.getAxis("bottom").setTicks([[(np.log10(f), percent(f)) for f in fractions]])
        at = np.log10(fractions)
        # Room for half of the last mark's words, too.
        room = max(0.12, 0.14 * float(at[-1] - at[0]))
        self.setXRange(float(at[0]) - room, float(at[-1]) + room, padding=0)
        self._fit_values()

    def _fit_values(self) -> None:
        values = [v for line in self._lines for part in (line.means, line.lows, line.highs) for v in part]
        if self._level:
            values += [self._level.mean, self._level.low, self._level.high]
        finite = [value for value in values if np.isfinite(value)]
        if finite:
            low, high = (0.0 if self._from_zero else min(finite)), max(finite)
            room = 0.08 * (high - low) or 0.05 * (abs(high) or 1.0)
            self.setYRange(low if self._from_zero else low - room, high + room, padding=0)

    def _draw_level(self, level: Level) -> None:
        colour = QColor(theme.sampler_colour("everything"))
        shade = QColor(colour)
        shade.setAlpha(LEVEL_SHADE)
        if level.low < level.high:
            band = pg.LinearRegionItem(
                (level.low, level.high), "horizontal", brush=shade, pen=pg.mkPen(None), movable=False
            )
            self._add(band)
        line = pg.InfiniteLine(level.mean, angle=0, pen=pg.mkPen(colour, width=1.5, style=Qt.PenStyle.DashLine))
        self._add(line)
        sample = pg.PlotDataItem([], [], pen=pg.mkPen(colour, width=1.5, style=Qt.PenStyle.DashLine))
        self._legend.addItem(sample, level.title)

    def _draw_line(self, line: Line, shift: float) -> None:
        colour = theme.sampler_colour(line.name)
        edge = theme.edge(colour)
        x = np.log10(np.asarray(line.fractions, dtype=np.float64)) + shift
        means = np.asarray(line.means, dtype=np.float64)
        below, above = means - np.asarray(line.lows), np.asarray(line.highs) - means
        if np.isfinite(below).any():
            kept = np.isfinite(means) & np.isfinite(below) & np.isfinite(above)
            bars = pg.ErrorBarItem(
                x=x[kept],
                y=means[kept],
                top=above[kept],
                bottom=below[kept],
                beam=0.02,
                pen=pg.mkPen(edge, width=1.2),
            )
            self._add(bars)
        style = Qt.PenStyle.DashLine if line.dashed else Qt.PenStyle.SolidLine
        drawn = pg.PlotDataItem(
            x,
            means,
            pen=pg.mkPen(edge, width=2, style=style),
            symbol=theme.sampler_symbol(line.name),
            symbolSize=10,
            symbolBrush=pg.mkBrush(theme.colours().surface if line.dashed else colour),
            symbolPen=pg.mkPen(edge, width=1.2),
        )
        # Bound to this plot: a plain closure would outlive it.
        drawn.sampler, drawn.fractions = line.name, tuple(line.fractions)
        drawn.sigPointsClicked.connect(self._clicked)
        self._add(drawn)
        self._legend.addItem(drawn, line.shown_title)

    def _add(self, item: Any) -> None:
        self.addItem(item, ignoreBounds=True)
        self._drawn.append(item)

    def _clicked(self, item: Any, points: Any) -> None:
        if len(points):
            self.point_clicked.emit(item.sampler, float(item.fractions[points[0].index()]))


def _points(line: Line) -> list[str]:
    return [f"{percent(f)} {mean:.3f}" for f, mean in zip(line.fractions, line.means, strict=True) if mean == mean]
