"""How the values of one quality check are distributed, with the threshold from which images are flagged."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from coreset_studio.core import palette
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.plot import Plot
from coreset_studio.desktop_app.widgets.plot_export import Table

N_BINS = 48
TIMES_THRESHOLD = 5.0
"""Values of more than this many times the threshold are counted in the last bar."""
BESIDE_THRESHOLD = 1.2


class QualityHistogram(Plot):
    """Bars on a logarithmic scale; drag the line, or press Left and Right, to move the threshold.

    Signals
    -------
    threshold_moved : (float)
        The line is being dragged.
    threshold_chosen : (float)
        The user chose this threshold.
    """

    threshold_moved = Signal(float)
    threshold_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Distribution of a quality check", "", "images", parent)
        self.setMouseEnabled(x=False, y=False)
        self.setToolTip("Drag the line or press Left and Right to change the threshold")
        self._values: NDArray[np.float64] = np.empty(0)
        self._threshold, self._step = 1.0, 0.1
        self._range = (0.0, 1.0)
        self._is_above = True
        self._edges: NDArray[np.float64] = np.linspace(0, 1, N_BINS + 1)
        self._bars = [pg.BarGraphItem(x=[], height=[], width=1) for _ in range(2)]
        for bars in self._bars:
            self.addItem(bars, ignoreBounds=True)
        self._line = pg.InfiniteLine(angle=90, movable=True)
        self.addItem(self._line, ignoreBounds=True)
        self._line.sigDragged.connect(self._dragged)
        self._line.sigPositionChangeFinished.connect(self._dropped)
        self.set_values(self._values, 1.0, is_above=True)

    def set_values(
        self,
        values: NDArray[np.float64],
        threshold: float,
        *,
        is_above: bool,
        name: str = "",
        label: str = "",
        allowed: tuple[float, float] = (0.0, 1.0),
        step: float = 0.1,
        note: str = "",
    ) -> None:
        """Show the values of a check.

        Parameters
        ----------
        values : ndarray of shape (n,), float64
            NaN where there is none; such images are not shown.
        threshold : float
        is_above : bool
            Whether values above the threshold are flagged.
        name : str
            Title of the check.
        label : str
            What the values are.
        allowed : (float, float)
            The least and the largest threshold that can be chosen.
        step : float
            What Left and Right change it by.
        note : str
            Said while there are no values.
        """
        self._values = values[np.isfinite(values)]
        self._threshold, self._is_above, self._step = threshold, is_above, step
        self._range = allowed
        self.set_plot_name(f"Distribution of a quality check: {name}" if name else "Distribution of a quality check")
        self.set_axis_labels(label, "images")
        self.set_note("" if len(self._values) else note or "No images yet")
        self.redraw()

    def set_threshold(self, threshold: float) -> None:
        """Move the threshold, without a signal."""
        if threshold != self._threshold:
            self._threshold = threshold
            self.redraw()

    @property
    def threshold(self) -> float:
        """The threshold shown."""
        return self._threshold

    def plot_table(self) -> Table:
        """Return a line a bar; none while there are no values."""
        if not len(self._values):
            return (("from", "to", "not flagged", "flagged"), [])
        plain, flagged = self._counts()
        return (
            ("from", "to", "not flagged", "flagged"),
            [
                (float(low), float(high), int(one), int(other))
                for low, high, one, other in zip(self._edges[:-1], self._edges[1:], plain, flagged, strict=True)
            ],
        )

    def redraw(self) -> None:
        """Draw bars and threshold in the colours now in use."""
        named = theme.colours()
        for item in (*self._bars, self._line):
            item.setVisible(bool(len(self._values)))
        if not len(self._values):
            self.setAccessibleDescription("")
            return
        self._choose_edges()
        counts = self._counts()
        colours = (theme.lifted(palette.set_colour("pool").lower(), named.surface), named.warning)
        middles, width = (self._edges[:-1] + self._edges[1:]) / 2, self._edges[1] - self._edges[0]
        for bars, heights, colour in zip(self._bars, counts, colours, strict=True):
            bars.setOpts(
                x=middles, height=np.log10(1 + heights), width=width * 0.9, brush=pg.mkBrush(colour), pen=pg.mkPen(None)
            )
        most = float(np.log10(1 + max(heights.max() for heights in counts)))
        self.setXRange(0, self._edges[-1], padding=0.01)
        self.setYRange(0, most * 1.1, padding=0)
        powers = [10**power for power in range(1 + int(most))]
        self.getAxis("left").setTicks([[(0.0, "0")] + [(float(np.log10(1 + each)), f"{each:,}") for each in powers]])
        self._line.setBounds(self._range)
        self._line.setPen(pg.mkPen(named.text, width=2))
        self._line.setHoverPen(pg.mkPen(named.accent, width=4))
        self._line.setValue(self._threshold)
        side = "above" if self._is_above else "below"
        self.setAccessibleDescription(
            f"{int(counts[1].sum()):,} of {len(self._values):,} images {side} the threshold {self._threshold:g}"
        )

    def _choose_edges(self) -> None:
        end = max(BESIDE_THRESHOLD * self._threshold, min(float(self._values.max()), TIMES_THRESHOLD * self._threshold))
        if not self._is_above:
            end = max(end, min(float(self._values.max()), BESIDE_THRESHOLD * float(np.median(self._values))))
        self._edges = np.linspace(0, end, N_BINS + 1)

    def _counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many images each bar holds: those that are not flagged, and those that are."""
        flagged = self._values > self._threshold if self._is_above else self._values < self._threshold
        places = np.clip(self._values, self._edges[0], self._edges[-1])
        plain, other = (np.histogram(places[which], self._edges)[0].astype(np.int64) for which in (~flagged, flagged))
        return plain, other

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Left and Right move the threshold by a step."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and len(self._values):
            self._choose(self._threshold + step * self._step)
        elif not step:
            super().keyPressEvent(event)

    def _dragged(self) -> None:
        self.threshold_moved.emit(float(self._line.value()))

    def _dropped(self) -> None:
        self._choose(float(self._line.value()))

    def _choose(self, threshold: float) -> None:
        chosen = round(min(max(threshold, self._range[0]), self._range[1]), 2)
        if chosen != self._threshold:
            self._threshold = chosen
            self.redraw()
            self.threshold_chosen.emit(chosen)
