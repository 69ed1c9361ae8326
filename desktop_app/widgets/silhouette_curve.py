"""Mean silhouette by number of clusters, with the number in use marked and draggable."""

from collections.abc import Mapping
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.plot import Plot
from coreset_studio.desktop_app.widgets.plot_export import Table

LEAST_TOP = 0.1
NO_STRUCTURE, WEAK, STRONG = 0.25, 0.5, 0.7
BANDS = ((NO_STRUCTURE, "weak structure above"), (WEAK, "reasonable above"), (STRONG, "strong above"))


class SilhouetteCurve(Plot):
    """The curve; drag the line, click a dot, or press Left and Right to choose another number of clusters.

    Signals
    -------
    k_chosen : (int)
        The user chose this number of clusters.
    """

    k_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Silhouette by number of clusters", "clusters", "mean silhouette", parent)
        self.setMouseEnabled(x=False, y=False)
        self.setToolTip("Drag the line or press Left and Right to change the number of clusters")
        self._curve: dict[int, float] = {}
        self._k = 0
        self._line = pg.PlotDataItem()
        self._best = pg.ScatterPlotItem(pxMode=True)
        self._marker = pg.InfiniteLine(angle=90, movable=True)
        self._words = pg.TextItem()
        self._low = pg.TextItem("all below 0.25", anchor=(1.0, 0.0))
        self._bands: list[Any] = []
        for item in (self._line, self._best):
            self.addItem(item)
        self.addItem(self._marker, ignoreBounds=True)
        self.addItem(self._words, ignoreBounds=True)
        self._low.setZValue(10)  # the marker's line does not go through the words
        self.addItem(self._low, ignoreBounds=True)
        self._marker.sigPositionChangeFinished.connect(self._dropped)
        self._line.sigPointsClicked.connect(self._clicked)
        self.set_curve({}, 0)

    def set_curve(self, curve: Mapping[int, float], k: int, note: str = "") -> None:
        """Show a curve.

        Parameters
        ----------
        curve : mapping of int to float
            Mean silhouette by number of clusters; empty where none exists.
        k : int
            The number in use.
        note : str
            Said while the curve is empty, such as why the class has no clusters.
        """
        self._curve = dict(sorted((int(n), float(value)) for n, value in curve.items()))
        self._k = int(k)
        self.set_note("" if self._curve else note or "No clusters yet")
        self.redraw()

    @property
    def k(self) -> int:
        """The number of clusters marked."""
        return self._k

    def plot_table(self) -> Table:
        """Return a line a number of clusters."""
        return (
            ("clusters", "mean silhouette", "in use"),
            [(k, value, "yes" if k == self._k else "no") for k, value in self._curve.items()],
        )

    def redraw(self) -> None:
        """Draw curve, marker and bands in the colours now in use."""
        named = theme.colours()
        for item in (self._marker, self._words):
            item.setVisible(bool(self._curve))
        ks, values = list(self._curve), list(self._curve.values())
        self._line.setData(
            ks,
            values,
            pen=pg.mkPen(named.accent, width=2),
            symbol="o",
            symbolSize=8,
            symbolBrush=pg.mkBrush(named.accent),
            symbolPen=pg.mkPen(named.surface),
        )
        top = max(values, default=0.0)
        best = [k for k in ks if self._curve[k] == top][:1]
        self._best.setData(
            best, [top] * len(best), size=15, brush=None, pen=pg.mkPen(named.accent, width=1.5), symbol="o"
        )
        self._draw_bands(top)
        if self._curve:
            height = max(LEAST_TOP, top * 1.25)
            low = min(0.0, min(values) - height * 0.08)
            self.setXRange(min(ks) - 0.5, max(ks) + 0.5, padding=0)
            self.setYRange(low, height, padding=0)
            self.getAxis("bottom").setTicks([[(k, str(k)) for k in ks]])
            self._marker.setBounds((min(ks), max(ks)))
        self._draw_marker()

    def _draw_bands(self, top: float) -> None:
        for item in self._bands:
            self.removeItem(item)
        self._bands = []
        named = theme.colours()
        self._low.setVisible(bool(self._curve) and top < NO_STRUCTURE)
        self._low.setColor(named.muted)
        self._low.fill = pg.mkBrush(named.surface)
        for level, words in BANDS:
            if level <= max(LEAST_TOP, top * 1.25):
                line = pg.InfiniteLine(
                    level,
                    angle=0,
                    pen=pg.mkPen(named.outline, style=Qt.PenStyle.DotLine),
                    label=words,
                    labelOpts={"position": 0.98, "color": named.muted, "anchors": [(1, 1), (1, 1)]},
                )
                self.addItem(line, ignoreBounds=True)
                self._bands.append(line)

    def _draw_marker(self) -> None:
        named = theme.colours()
        self._marker.setPen(pg.mkPen(named.text, width=2))
        self._marker.setHoverPen(pg.mkPen(named.accent, width=4))
        self._marker.setValue(self._k)
        value = self._curve.get(self._k)
        self._words.setText(f"{self._k} clusters" + (f" · {value:.3f}" if value is not None else ""))
        self._words.setColor(named.text)
        (left, right), (low, high) = self.viewRange()
        # Anchored on the side where there is room, so that the words are never cut.
        middle = (left + right) / 2
        self._words.setAnchor((-0.06, 0.0) if self._k <= middle else (1.06, 0.0))
        self._words.setPos(self._k, high - (high - low) * 0.01)
        self._low.setPos(right, low + (high - low) * 0.82)
        description = f"{self._k} clusters in use" + (f", mean silhouette {value:.3f}" if value is not None else "")
        self.setAccessibleDescription(description)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Left and Right choose one cluster fewer or more."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and self._k + step in self._curve:
            self._choose(self._k + step)
        elif not step:
            super().keyPressEvent(event)

    def _dropped(self) -> None:
        nearest = min(self._curve, key=lambda k: abs(k - self._marker.value()), default=self._k)
        if nearest == self._k:
            self._draw_marker()
        else:
            self._choose(nearest)

    def _clicked(self, _: Any, points: Any) -> None:
        if len(points):
            self._choose(round(points[0].pos().x()))

    def _choose(self, k: int) -> None:
        if k != self._k:
            self._k = k
            self._draw_marker()
            self.k_chosen.emit(k)
