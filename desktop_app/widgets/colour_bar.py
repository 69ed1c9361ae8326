"""The colours of a map, from 0 to its largest value."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from coreset_studio.core.heat_map import colour_table
from coreset_studio.desktop_app import theme

N_STOPS = 17
HEIGHT = theme.UNIT * 5 // 4


class ColourBar(QWidget):
    """A bar with the colours of `core.heat_map`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Colours of the map, from 0 to its largest value")
        self.setToolTip("Colours of the map: 0 at the left, its largest value at the right")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a thin bar."""
        return QSize(theme.UNIT * 12, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw the colours with an outline."""
        table = colour_table()
        gradient = QLinearGradient(0, 0, self.width(), 0)
        for number in range(N_STOPS):
            share = number / (N_STOPS - 1)
            gradient.setColorAt(share, QColor(*(int(value) for value in table[round(share * 255)])))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(gradient)
        painter.setPen(QPen(QColor(theme.colours().outline), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        painter.end()
