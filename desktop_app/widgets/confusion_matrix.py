"""Which classes were taken for which; a cell opens the images behind it."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.confusion_model import SHARE, ConfusionModel
from coreset_studio.desktop_app.widgets.plot_export import Table
from coreset_studio.desktop_app.widgets.words import set_tone

LEAST_SIDE = theme.UNIT * 4
HALF = 0.5


class ConfusionMatrix(QTableView):
    """True classes down, predicted ones across; the darker a cell, the larger its share of the true class.

    Arrow keys walk, Enter, Space or a click opens a cell.

    Signals
    -------
    cell_opened : (str, str)
        True and predicted class.
    """

    cell_opened = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Confusion matrix: true classes in rows, predicted classes in columns")
        self.setToolTip("Click a cell to show the test images behind it")
        self.counts = ConfusionModel(self)
        self.setModel(self.counts)
        self.setItemDelegate(_CellDelegate(self))
        self.setHorizontalHeader(_TiltedHeader(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
            header.setHighlightSections(False)
            header.setSectionsClickable(False)
        # Wide enough for a count, and as low as its words allow: eight classes then fit below the answer.
        self.horizontalHeader().setMinimumSectionSize(LEAST_SIDE)
        self.verticalHeader().setMinimumSectionSize(self.fontMetrics().height() + 2)
        self.verticalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._corner = QLabel("predicted →\ntrue ↓", self)
        self._corner.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom)
        self._corner.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        set_tone(self._corner, "muted")
        self.clicked.connect(self._open)
        theme.changed.connect(self.viewport().update)

    def set_counts(self, classes: Sequence[str], counts: NDArray[Any]) -> None:
        """Show counts of shape (n_classes, n_classes); a row is a true class."""
        self.counts.set_counts(classes, counts)
        self.updateGeometry()

    def updateGeometries(self) -> None:  # noqa: N802
        """Keep the words in the corner."""
        super().updateGeometries()
        corner = getattr(self, "_corner", None)
        if corner is not None:
            frame = self.frameWidth()
            across, down = self.horizontalHeader(), self.verticalHeader()
            corner.setGeometry(frame, frame, down.width() - theme.UNIT, across.height() - 2)
            corner.setVisible(bool(self.counts.classes))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Have room for readable cells."""
        side = len(self.counts.classes) * theme.UNIT * 6
        return QSize(
            side + self.verticalHeader().sizeHint().width(), side + self.horizontalHeader().sizeHint().height()
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter or Space opens the cell."""
        opens = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if opens and self.currentIndex().isValid():
            self._open(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def plot_name(self) -> str:
        """Return the name that files get."""
        return "confusion matrix"

    def plot_table(self) -> Table:
        """Return a line a true class."""
        rows = zip(self.counts.classes, self.counts.counts.tolist(), strict=True)
        return (("true \\ predicted", *self.counts.classes), [[name, *line] for name, line in rows])

    def _open(self, index: QModelIndex) -> None:
        self.cell_opened.emit(self.counts.classes[index.row()], self.counts.classes[index.column()])


class _CellDelegate(QStyledItemDelegate):
    """Draws a cell: one hue, stronger for a larger share; what is right and what is wrong differ in hue."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        named = theme.colours()
        share = float(index.data(SHARE))
        full = QColor(named.accent if index.row() == index.column() else named.bad)
        ground = _mixed(QColor(named.surface), full, share if share <= 0 else 0.08 + 0.92 * share)
        cell = QRectF(option.rect).adjusted(1, 1, -1, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(named.line), 1))
        painter.setBrush(ground)
        painter.drawRoundedRect(cell, 3, 3)
        state = option.state
        if state & (QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_MouseOver):
            painter.setPen(QPen(QColor(named.text), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), 3, 3)
        words = str(index.data())
        ink = theme.words_on(ground.name()) if share > 0 else named.disabled
        painter.setPen(QColor(ink))
        painter.drawText(cell, int(Qt.AlignmentFlag.AlignCenter), words)
        painter.restore()


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    return QColor(
        round(one.red() + (other.red() - one.red()) * share),
        round(one.green() + (other.green() - one.green()) * share),
        round(one.blue() + (other.blue() - one.blue()) * share),
    )


class _TiltedHeader(QHeaderView):
    """Class names across, upright where they would not fit side by side."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)

    def _longest(self) -> int:
        model = self.model()
        names = [str(model.headerData(i, self.orientation())) for i in range(self.count())] if model else []
        return round(max((theme.text_width(name) for name in names), default=0))

    def _upright(self) -> bool:
        narrowest = min((self.sectionSize(i) for i in range(self.count())), default=0)
        return self._longest() + theme.UNIT > narrowest

    def sizeHint(self) -> QSize:  # noqa: N802
        height = self._longest() + theme.UNIT * 2 if self._upright() else 2 * self.fontMetrics().height() + theme.UNIT
        return QSize(super().sizeHint().width(), min(height, theme.UNIT * 16))

    def paintSection(self, painter: QPainter, rect: QRect, logical_index: int) -> None:  # noqa: N802
        painter.save()
        painter.setPen(QColor(theme.colours().muted))
        name = str(self.model().headerData(logical_index, self.orientation()))
        if self._upright():
            painter.translate(rect.left() + rect.width() / 2, rect.bottom() - theme.UNIT / 2)
            painter.rotate(-90)
            place = QRectF(0, -rect.width() / 2, rect.height() - theme.UNIT / 2, rect.width())
            short = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(place.width()))
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), short)
        else:
            place = QRectF(rect).adjusted(0, 0, 0, -theme.UNIT / 2)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom), name)
        painter.restore()
