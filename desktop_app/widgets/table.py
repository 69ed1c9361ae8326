"""A table that sorts, copies and saves; the ground of every table of the window."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop_app import theme
from desktop_app.models.table_model import SORT, Column, TableModel
from desktop_app.widgets import plot_export
from desktop_app.widgets.words import paint_note

PLAIN_WIDTH_LIMIT = theme.UNIT * 60


def fitted(needs: Sequence[int], room: int, least: int) -> list[int]:
    """Return widths of at most `room` in all: the widest give way first, to one common width, none below `least`.

    Parameters
    ----------
    needs : sequence of int
        Pixels that the contents want.
    room, least : int
        Pixels. Where `least` for all is more than `room`, the widths are above `room`.
    """
    widths = sorted(needs)
    left, level = room, least
    for number, need in enumerate(widths):
        level = left // (len(widths) - number)
        if need > level:
            break
        left -= need
    return [min(need, max(level, min(least, need))) for need in needs]


class _Sorted(QSortFilterProxyModel):
    """Sorts by the columns' keys, of whatever kind."""

    def lessThan(  # noqa: N802
        self, left: QModelIndex | QPersistentModelIndex, right: QModelIndex | QPersistentModelIndex
    ) -> bool:
        source = self.sourceModel()
        one, other = source.data(left, SORT), source.data(right, SORT)
        # What is missing (None, NaN) comes last in ascending order.
        one_missing, other_missing = one is None or one != one, other is None or other != other
        if one_missing or other_missing:
            return other_missing and not one_missing
        return bool(one < other)


class Table(QTableView):
    """Rows shown through columns.

    Parameters
    ----------
    name : str
        For screen readers and file names.
    columns : sequence of Column
    wraps : bool
        Whether long texts take several lines, for a few rows of sentences; else they are cut by an ellipsis.

    Signals
    -------
    row_chosen, row_opened : (object)
        The row itself; by mouse or keyboard.
    """

    row_chosen = Signal(object)
    row_opened = Signal(object)

    def __init__(
        self, name: str, columns: Sequence[Column], parent: QWidget | None = None, *, wraps: bool = False
    ) -> None:
        super().__init__(parent)
        self._name = name
        self._note = "There is nothing to list yet."
        self._spread_to: list[int] = []
        self.setAccessibleName(name)
        self.rows_model = TableModel(columns, self)
        self._sorted = _Sorted(self)
        self._sorted.setSourceModel(self.rows_model)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        # In the order given, until a heading is clicked.
        self._sorted.sort(-1)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(wraps)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + theme.UNIT * 3 // 2)
        if wraps:
            self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setMinimumSectionSize(theme.UNIT * 5)
        self.doubleClicked.connect(self._open)
        self.selectionModel().currentRowChanged.connect(self._tell)

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Show other rows."""
        self.rows_model.set_rows(rows)
        self.setAccessibleDescription(f"{len(rows):,} rows")
        self._spread()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Spread the columns anew, unless the user has widened one."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width() and self._widths() == self._spread_to:
            self._spread()

    def _spread(self) -> None:
        """Give every column its contents and as much air as there is room for; the last takes what is left.

        Where the contents need more than there is, the widest columns give way, and their texts are cut by an
        ellipsis: a table that scrolls sideways hides whole columns.
        """
        n_columns = self.model().columnCount()
        self.resizeColumnsToContents()
        # The last is stretched already: what it needs is asked for.
        last = max(self.sizeHintForColumn(n_columns - 1), self.horizontalHeader().sectionSizeHint(n_columns - 1))
        room = self.viewport().width()
        needs = [*(min(width, PLAIN_WIDTH_LIMIT) for width in self._widths()), last]
        spare = room - sum(needs)
        if spare >= 0:
            extra = min(spare // max(1, n_columns), theme.UNIT * 2)
            wanted = [need + extra for need in needs]
        else:
            wanted = fitted(needs, room, self.horizontalHeader().minimumSectionSize())
        for column, width in enumerate(wanted[:-1]):
            self.setColumnWidth(column, width)
        # Stretched by itself where it is too narrow, and not made narrower where it is too wide.
        self.setColumnWidth(n_columns - 1, max(room - sum(wanted[:-1]), self.horizontalHeader().minimumSectionSize()))
        self._spread_to = self._widths()

    def _widths(self) -> list[int]:
        return [self.columnWidth(column) for column in range(self.model().columnCount() - 1)]

    def set_note(self, note: str) -> None:
        """Say what will stand here, or why nothing does, while there are no rows."""
        self._note = note
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the rows, or what will stand here."""
        super().paintEvent(event)
        if not self.rows_model.rows:
            paint_note(self.viewport(), self._note)

    def row_at(self, index: QModelIndex | QPersistentModelIndex) -> Any:
        """Return the row that stands at an index of the view."""
        return self.rows_model.rows[self._sorted.mapToSource(index).row()]

    def chosen_rows(self) -> list[Any]:
        """Return the selected rows, in the order shown."""
        indexes = sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)
        return [self.row_at(index) for index in indexes]

    def plot_name(self) -> str:
        """Return the name that files get."""
        return self._name

    def plot_table(self) -> plot_export.Table:
        """Return what is shown, in the order shown."""
        columns = self.rows_model.columns
        rows = [self.row_at(self._sorted.index(number, 0)) for number in range(self._sorted.rowCount())]
        return ([column.title for column in columns], [[column.text(row) for column in columns] for row in rows])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter opens, Ctrl+C copies the selected rows."""
        if event.matches(QKeySequence.StandardKey.Copy):
            columns = self.rows_model.columns
            lines = ["\t".join(column.text(row) for column in columns) for row in self.chosen_rows()]
            QGuiApplication.clipboard().setText("\n".join(["\t".join(c.title for c in columns), *lines]))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._open(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _open(self, index: QModelIndex) -> None:
        self.row_opened.emit(self.row_at(index))

    def _tell(self, index: QModelIndex) -> None:
        if index.isValid():
            self.row_chosen.emit(self.row_at(index))
