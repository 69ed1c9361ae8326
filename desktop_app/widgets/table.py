"""A table that sorts, copies and saves; the ground of every table of the window."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QToolButton, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import SORT, Column, TableModel
from coreset_studio.desktop_app.widgets import plot_export
from coreset_studio.desktop_app.widgets.words import paint_note

PLAIN_WIDTH_LIMIT = theme.UNIT * 60
MEASURED_ROWS = 200
"""How many rows a column is fitted to, from the first shown: 8,000 rows of findings took 25 ms a column."""


def fitted(needs: Sequence[int], room: int, least: int) -> list[int]:
    """Return widths of at most `room` in all: the widest give way first, to one common width, none below `least`.

    Parameters
    ----------
    needs : sequence of int
        Width that the contents require, in pixels.
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


def fitting(needs: Mapping[int, int], may_go: Mapping[int, int], room: int) -> list[int]:
    """Return the columns that are shown side by side: all that fit, those go first that may go most.

    Parameters
    ----------
    needs : mapping of int to int
        Width that each column requires, in pixels.
    may_go : mapping of int to int
        See `Column.may_go`; of equal ones the right-hand column goes first.
    room : int
        Pixels.
    """
    shown = dict(needs)
    for column in sorted(needs, key=lambda each: (may_go[each], each), reverse=True):
        if sum(shown.values()) <= room or not may_go[column]:
            break
        del shown[column]
    return list(shown)


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

    Attributes
    ----------
    absent : set of int
        Columns that say nothing of the present rows, and are not offered.

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
        self._note = "Nothing to list yet."
        self._spread_to: list[int] = []
        self._shown_by_user: dict[int, bool] = {}
        self._button: QToolButton | None = None
        self.absent: set[int] = set()
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
        header.setResizeContentsPrecision(MEASURED_ROWS)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setMinimumSectionSize(theme.UNIT * 5)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._offer_columns)
        self.doubleClicked.connect(self._open)
        self.selectionModel().currentRowChanged.connect(self._emit)

    def column_button(self) -> QToolButton:
        """Return the button that says how many columns are hidden, and lets the user choose; it is there when some are.

        It belongs next to the heading of the table.
        """
        if self._button is None:
            self._button = QToolButton()
            self._button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            self._button.setMenu(self._column_menu())
            self._show_hidden()
        return self._button

    def _column_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.aboutToShow.connect(lambda: self._fill_menu(menu))
        return menu

    def _fill_menu(self, menu: QMenu) -> None:
        menu.clear()
        for number, column in enumerate(self.rows_model.columns):
            if number in self.absent:
                continue
            action = menu.addAction(column.title)
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(number))
            action.setEnabled(column.may_go > 0)
            action.toggled.connect(lambda shown, number=number: self._choose_column(number, shown=shown))
        menu.addSeparator()
        menu.addAction("Fit to width", self._choose_none).setEnabled(bool(self._shown_by_user))

    def _choose_column(self, number: int, *, shown: bool) -> None:
        self._shown_by_user[number] = shown
        self._spread()

    def _choose_none(self) -> None:
        self._shown_by_user.clear()
        self._spread()

    def _show_hidden(self) -> None:
        columns = self.rows_model.columns
        hidden = {n: c for n, c in enumerate(columns) if self.isColumnHidden(n) and n not in self.absent}
        if self._button is not None:
            n = len(hidden)
            self._button.setVisible(bool(hidden or self._shown_by_user))
            self._button.setText(f"{n} more column{'s' * (n != 1)}…" if hidden else "Columns")
            on_request = {n for n, c in hidden.items() if c.on_request and not self._shown_by_user.get(n)}
            pressed = ", ".join(c.title for n, c in hidden.items() if n not in on_request)
            what = f"Hidden, not enough space: {pressed}. " if pressed else ""
            what += f"On request: {', '.join(hidden[n].title for n in sorted(on_request))}. " if on_request else ""
            self._button.setToolTip(f"{what}Choose the columns to show")
            self._button.setAccessibleName(f"Columns of {self._name}")

    def _offer_columns(self, place: QPoint) -> None:
        """Offer the columns, where some may be hidden."""
        if any(column.may_go for column in self.rows_model.columns):
            menu = self._column_menu()
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.horizontalHeader().mapToGlobal(place))

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Show other rows."""
        self.rows_model.set_rows(rows)
        self.setAccessibleDescription(f"{len(rows):,} rows")
        self._spread()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Spread the columns again, unless the user has widened one."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width() and self._widths() == self._spread_to:
            self._spread()

    def _spread(self) -> None:
        """Give every column its contents and as much air as there is room for; the last takes what is left.

        Where the contents need more than there is, the columns that may go are hidden, and then the widest give way,
        with an ellipsis in their texts. Columns that the user has chosen stay, and the table scrolls sideways for them.
        """
        needs, shown = self._shown()
        room, least = self.viewport().width(), self.horizontalHeader().minimumSectionSize()
        widths = [min(needs[column], PLAIN_WIDTH_LIMIT) for column in shown]
        spare = room - sum(widths)
        if spare >= 0:
            extra = min(spare // max(1, len(shown)), theme.UNIT * 2)
            widths = [need + extra for need in widths]
        elif not any(self._shown_by_user.values()):
            widths = fitted(widths, room, least)
        for column, width in zip(shown[:-1], widths, strict=False):
            self.setColumnWidth(column, width)
        # Stretched by itself where it is too narrow, and not made narrower where it is too wide.
        if shown:
            self.setColumnWidth(shown[-1], max(room - sum(widths[:-1]), widths[-1] if spare < 0 else 0, least))
        self._spread_to = self._widths()
        self._show_hidden()

    def _shown(self) -> tuple[dict[int, int], list[int]]:
        """Show the columns that fit, and return the width that each requires and which are shown."""
        header, columns = self.horizontalHeader(), self.rows_model.columns
        for column in range(len(columns)):
            self.setColumnHidden(column, column in self.absent)
        present = [column for column in range(len(columns)) if column not in self.absent]
        needs = {each: max(self.sizeHintForColumn(each), header.sectionSizeHint(each), header.minimumSectionSize())
                 for each in present}  # fmt: skip
        offered = [each for each in present if self._shown_by_user.get(each, not columns[each].on_request)]
        may_go = {each: 0 if self._shown_by_user.get(each) else columns[each].may_go for each in offered}
        shown = fitting({each: needs[each] for each in offered}, may_go, self.viewport().width())
        for column in present:
            self.setColumnHidden(column, column not in shown)
        return needs, shown

    def _widths(self) -> list[int]:
        """Return the widths of the columns that are shown, but of the last, which takes what is left."""
        shown = [column for column in range(self.model().columnCount()) if not self.isColumnHidden(column)]
        return [self.columnWidth(column) for column in shown[:-1]]

    def set_note(self, note: str) -> None:
        """Set the text shown while there are no rows: what will appear here, or why nothing does."""
        self._note = note
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the rows, or the text for an empty table."""
        super().paintEvent(event)
        if not self.rows_model.rows:
            paint_note(self.viewport(), self._note)

    def row_at(self, index: QModelIndex | QPersistentModelIndex) -> Any:
        """Return the row at an index of the view."""
        return self.rows_model.rows[self._sorted.mapToSource(index).row()]

    def chosen_rows(self) -> list[Any]:
        """Return the selected rows, in the order shown."""
        indexes = sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)
        return [self.row_at(index) for index in indexes]

    def shown_rows(self) -> list[Any]:
        """Return all rows, in the order shown."""
        return [self.row_at(self._sorted.index(number, 0)) for number in range(self._sorted.rowCount())]

    def plot_name(self) -> str:
        """Return the name that files get."""
        return self._name

    def plot_table(self) -> plot_export.Table:
        """Return what is shown, in the order shown."""
        columns = self.rows_model.columns
        return (
            [column.title for column in columns],
            [[column.text(row) for column in columns] for row in self.shown_rows()],
        )

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

    def _emit(self, index: QModelIndex) -> None:
        if index.isValid():
            self.row_chosen.emit(self.row_at(index))
