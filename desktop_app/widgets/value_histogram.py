"""How often each stored value occurs, with the range that becomes black to white."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.words import paint_note

HEIGHT = theme.UNIT * 11
_EDGE = theme.UNIT


class ValueHistogram(QWidget):
    """Bars of shares between the least and the largest value, and two lines for black and white."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: Sequence[float] = ()
        self._low, self._high = 0.0, 1.0
        self._range: tuple[float, float] | None = None
        self.setAccessibleName("Stored values")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Be low and wide."""
        return QSize(theme.UNIT * 40, HEIGHT)

    def set_values(self, counts: Sequence[float], low: float, high: float, ends: tuple[float, float] | None) -> None:
        """Show other values.

        Parameters
        ----------
        counts : sequence of float
            Shares of values in intervals of equal width from `low` to `high`.
        low, high : float
        ends : (float, float) or None
            The values that become black and white.
        """
        self._counts, self._low, self._high, self._range = counts, low, high, ends
        words = f"Values from {low:g} to {high:g}" if counts else "No values"
        if ends is not None:
            words += f"; black is {ends[0]:g}, white is {ends[1]:g}"
        self.setAccessibleDescription(words)
        self.setToolTip(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw the bars and the range."""
        if not self._counts:
            paint_note(self, "No values yet")
            return
        named = theme.colours()
        ends = self._range or (self._low, self._high)
        first, last = min(self._low, ends[0]), max(self._high, ends[1])
        text = self.fontMetrics().height()
        place = QRectF(self.rect()).adjusted(_EDGE, 2, -_EDGE, -text - 2)
        scale = place.width() / (last - first or 1.0)
        width = (self._high - self._low or 1.0) * scale / len(self._counts)
        # Square roots, so that few values are seen beside many.
        highest = max(self._counts) ** 0.5 or 1.0
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(named.accent))
        left = place.left() + (self._low - first) * scale
        for number, share in enumerate(self._counts):
            height = share**0.5 / highest * place.height()
            painter.drawRect(QRectF(left + number * width, place.bottom() - height, max(width, 1.0), height))
        painter.setPen(QPen(QColor(named.text), 1))
        painter.drawLine(place.bottomLeft(), place.bottomRight())
        if self._range is not None:
            self._draw_ends(painter, place, first, scale, text)
        painter.end()

    def _draw_ends(self, painter: QPainter, place: QRectF, first: float, scale: float, text: int) -> None:
        align = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)
        for value, name, side in zip(self._range or (), ("black", "white"), align, strict=True):
            x = place.left() + (value - first) * scale
            painter.drawLine(QPointF(x, place.top()), QPointF(x, place.bottom()))
            words = f"{value:g} {name}"
            room = self.fontMetrics().horizontalAdvance(words) + 2
            at = min(max(x if side == Qt.AlignmentFlag.AlignLeft else x - room, 0.0), self.width() - room)
            painter.drawText(QRectF(at, place.bottom() + 1, room, text), int(side), words)
