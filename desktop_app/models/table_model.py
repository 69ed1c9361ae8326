"""A table over plain rows: a column is a title and a function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

ROW = Qt.ItemDataRole.UserRole
SORT = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    title : str
    text : callable
        Row to what is written.
    key : callable or None
        Row to what it is sorted by; the text where it is None.
    numeric : bool
        Right-aligned.
    tooltip : str
        Of the heading.
    row_tooltip : callable or None
        Row to the tooltip of its cell.
    may_go : int
        Where the columns do not fit side by side, those with the highest number are hidden first; 0 always stays.
    on_request : bool
        Hidden until the user asks for it, whatever room there is.
    """

    title: str
    text: Callable[[Any], str]
    key: Callable[[Any], Any] | None = None
    numeric: bool = False
    tooltip: str = ""
    row_tooltip: Callable[[Any], str] | None = None
    may_go: int = 0
    on_request: bool = False


class TableModel(QAbstractTableModel):
    """Rows of any kind, shown through `Column`s."""

    def __init__(self, columns: Sequence[Column], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self._rows: Sequence[Any] = ()

    @property
    def rows(self) -> Sequence[Any]:
        """The rows shown."""
        return self._rows

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show the rows through other columns, of the same number."""
        if len(columns) != len(self.columns):
            raise ValueError(f"the table has {len(self.columns)} columns, not {len(columns)}")
        self.columns = tuple(columns)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(columns) - 1)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a view asks for about a cell."""
        column, row = self.columns[index.column()], self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == SORT:
            return column.key(row) if column.key else column.text(row).casefold()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(numeric=column.numeric))
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.row_tooltip(row) if column.row_tooltip else column.text(row)
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return what a view asks for about a heading."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tooltip or column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(numeric=column.numeric))
        return None


def _alignment(*, numeric: bool) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if numeric else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
