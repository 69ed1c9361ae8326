"""How many images each class has, and which classes are taken (Fig. 4)."""

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from coreset_studio.core import palette
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.class_model import (
    BAR,
    COUNT,
    INCLUDED,
    LARGEST,
    NAME,
    NOTE,
    ClassCount,
    ClassModel,
)
from coreset_studio.desktop_app.widgets.plot_export import Table

MOST_NAME_WIDTH = theme.UNIT * 30
MOST_EXTRA_HEIGHT = theme.UNIT * 2
BAR_SHARE = 0.5


LEAST_BAR = theme.UNIT * 12
"""Pixels of a bar and its count, below which notes are left out."""


class ClassHistogram(QTableView):
    """A row a class: a box to take it or leave it out, a bar, its count.

    Up and down walk, Space takes or leaves out.

    Signals
    -------
    inclusion_changed : (str, bool)
        A class and whether it is taken now.
    class_chosen : (str)
        The class that was clicked or walked to.
    """

    inclusion_changed = Signal(str, bool)
    class_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Images per class")
        self.classes = ClassModel(self)
        self.setModel(self.classes)
        self.setItemDelegateForColumn(BAR, _BarDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.verticalHeader().hide()
        self._least_height = self.fontMetrics().height() + theme.UNIT * 3 // 2
        self.verticalHeader().setDefaultSectionSize(self._least_height)
        self.horizontalHeader().hide()
        self.horizontalHeader().setMinimumSectionSize(0)
        self.classes.inclusion_changed.connect(self.inclusion_changed)
        self.selectionModel().currentRowChanged.connect(self._emit)
        theme.changed.connect(self.viewport().update)

    def set_classes(self, classes: Sequence[ClassCount], excluded: Iterable[str] = ()) -> None:
        """Show classes in the order given, some of them left out."""
        self.classes.set_classes(classes, excluded)
        self.setAccessibleDescription("; ".join(f"{one.name}: {one.n_images:,}" for one in classes))
        header = self.horizontalHeader()
        header.setSectionResizeMode(BAR, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(NOTE, QHeaderView.ResizeMode.ResizeToContents)
        # Not by contents: the padding of a style sheet is left out of the width of a cell with a box.
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Fixed)
        widest = max((theme.text_width(one.name) for one in classes), default=0.0)
        header.resizeSection(NAME, min(round(widest) + theme.UNIT * 6, MOST_NAME_WIDTH))
        self._use_room()
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Have room for every class."""
        rows = self.classes.rowCount() * self._least_height
        return QSize(theme.UNIT * 40, rows + theme.UNIT)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give the rows the room that there is."""
        super().resizeEvent(event)
        self._use_room()

    def _use_room(self) -> None:
        header, notes = self.horizontalHeader(), [one.note for one in self.classes.classes if one.note]
        widest = max((theme.text_width(note) for note in notes), default=0.0) + theme.UNIT * 2
        # The bars are what the table is for: where they would be mere lines, the notes give way.
        fits = header.sectionSize(NAME) + widest + LEAST_BAR <= self.viewport().width()
        self.setColumnHidden(NOTE, not (notes and fits))
        each = self.viewport().height() // max(1, self.classes.rowCount())
        height = min(max(each, self._least_height), self._least_height + MOST_EXTRA_HEIGHT)
        if height != self.verticalHeader().defaultSectionSize():
            self.verticalHeader().setDefaultSectionSize(height)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Space takes the class or leaves it out, whichever column the keyboard is at."""
        index = self.currentIndex()
        if event.key() == Qt.Key.Key_Space and index.isValid():
            name = self.classes.index(index.row(), NAME)
            included = bool(name.data(INCLUDED))
            state = Qt.CheckState.Unchecked if included else Qt.CheckState.Checked
            self.classes.setData(name, state.value, Qt.ItemDataRole.CheckStateRole)
        else:
            super().keyPressEvent(event)

    def plot_name(self) -> str:
        """Return the name that files get."""
        return "images per class"

    def plot_table(self) -> Table:
        """Return a line a class."""
        return (
            ("class", "images", "taken"),
            [(c.name, c.n_images, "yes" if self.classes.included(c.name) else "no") for c in self.classes.classes],
        )

    def _emit(self, index: QModelIndex) -> None:
        if index.isValid():
            self.class_chosen.emit(self.classes.classes[index.row()].name)


class _BarDelegate(QStyledItemDelegate):
    """Draws a bar with its count at the right; an outline where the class is left out."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        widget = option.widget
        widget.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, widget)
        included = bool(index.data(INCLUDED))
        named = theme.colours()
        words = str(index.data())
        room = theme.text_width(f"{int(index.data(LARGEST)):,}") + theme.UNIT * 2
        place = QRectF(option.rect).adjusted(theme.UNIT, 0, -theme.UNIT // 2, 0)
        length = (place.width() - room) * int(index.data(COUNT)) / max(1, int(index.data(LARGEST)))
        thick = max(option.fontMetrics.height() - 2, round(place.height() * BAR_SHARE))
        bar = QRectF(place.left(), place.center().y() - thick / 2, max(2.0, length), thick)
        colour = theme.lifted(palette.set_colour("pool").lower(), named.surface)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colour if included else named.outline), 1))
        painter.setBrush(QColor(colour) if included else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(bar, 2, 2)
        painter.setPen(QColor(named.text if included else named.muted))
        painter.drawText(place, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), words)
        painter.restore()
