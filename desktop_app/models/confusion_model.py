"""True against predicted classes, for a view."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from coreset_studio.core.words import percent

SHARE = Qt.ItemDataRole.UserRole


class ConfusionModel(QAbstractTableModel):
    """Counts; a row is a true class, a column a predicted one."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.classes: Sequence[str] = ()
        self.counts: NDArray[np.int64] = np.zeros((0, 0), dtype=np.int64)

    def set_counts(self, classes: Sequence[str], counts: NDArray[Any]) -> None:
        """Show counts of shape (n_classes, n_classes)."""
        self.beginResetModel()
        self.classes, self.counts = tuple(classes), np.asarray(counts, dtype=np.int64)
        self.endResetModel()

    def share(self, row: int, column: int) -> float:
        """Return the share of a true class's images that were called `column`; 0 for a class without images."""
        total = int(self.counts[row].sum())
        return float(self.counts[row, column]) / total if total else 0.0

    def sentence(self, row: int, column: int) -> str:
        """Return what a cell says, in words."""
        n, total = int(self.counts[row, column]), int(self.counts[row].sum())
        share = percent(round(self.share(row, column), 2))
        if row == column:
            return f"{n:,} of {total:,} {self.classes[row]} were classified correctly ({share})"
        return f"{n:,} of {total:,} {self.classes[row]} were classified as {self.classes[column]} ({share})"

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of classes."""
        return 0 if parent.isValid() else len(self.classes)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of classes."""
        return 0 if parent.isValid() else len(self.classes)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a view asks for about a cell."""
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{int(self.counts[row, column]):,}"
        if role == SHARE:
            return self.share(row, column)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.sentence(row, column)
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a class name."""
        if role == Qt.ItemDataRole.DisplayRole and section < len(self.classes):
            return self.classes[section]
        if role == Qt.ItemDataRole.ToolTipRole and section < len(self.classes):
            what = "Predicted" if orientation == Qt.Orientation.Horizontal else "True"
            return f"{what} class: {self.classes[section]}"
        return None
