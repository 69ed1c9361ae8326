"""The classes of a dataset, each to be taken or left out."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

COUNT = Qt.ItemDataRole.UserRole
LARGEST = Qt.ItemDataRole.UserRole + 1
INCLUDED = Qt.ItemDataRole.UserRole + 2
TITLES = ("Class", "Images", "")
NAME, BAR, NOTE = range(3)


class ClassCount(NamedTuple):
    """One class.

    Attributes
    ----------
    name : str
    n_images : int
    note : str
        A few quiet words, such as the size of its images.
    """

    name: str
    n_images: int
    note: str = ""


class ClassModel(QAbstractTableModel):
    """Classes with their counts.

    Signals
    -------
    inclusion_changed : (str, bool)
        A class and whether it is now included.
    """

    inclusion_changed = Signal(str, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._classes: Sequence[ClassCount] = ()
        self._excluded: frozenset[str] = frozenset()

    def set_classes(self, classes: Sequence[ClassCount], excluded: Iterable[str] = ()) -> None:
        """Show classes in the order given, some of them left out."""
        self.beginResetModel()
        self._classes, self._excluded = classes, frozenset(excluded)
        self.endResetModel()

    @property
    def classes(self) -> Sequence[ClassCount]:
        """The classes shown."""
        return self._classes

    def included(self, name: str) -> bool:
        """Return whether a class is included."""
        return name not in self._excluded

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of classes."""
        return 0 if parent.isValid() else len(self._classes)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of columns."""
        return 0 if parent.isValid() else len(TITLES)

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        """Let names be checked."""
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return usual | Qt.ItemFlag.ItemIsUserCheckable if index.column() == NAME else usual

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a view asks for about a cell."""
        one = self._classes[index.row()]
        included = self.included(one.name)
        if role == Qt.ItemDataRole.DisplayRole:
            return (one.name, f"{one.n_images:,}", one.note)[index.column()]
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == NAME:
            return Qt.CheckState.Checked if included else Qt.CheckState.Unchecked
        if role == COUNT:
            return one.n_images
        if role == LARGEST:
            return max(other.n_images for other in self._classes)
        if role == INCLUDED:
            return included
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{one.name}: {one.n_images:,} images, {'included' if included else 'excluded'} (Space)"
        return None

    def setData(  # noqa: N802
        self, index: QModelIndex | QPersistentModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        """Take a class or leave it out."""
        if role != Qt.ItemDataRole.CheckStateRole or index.column() != NAME:
            return False
        name = self._classes[index.row()].name
        included = Qt.CheckState(value) == Qt.CheckState.Checked
        self._excluded = self._excluded - {name} if included else self._excluded | {name}
        self.dataChanged.emit(self.index(index.row(), 0), self.index(index.row(), len(TITLES) - 1))
        self.inclusion_changed.emit(name, included)
        return True

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a heading."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return TITLES[section]
        return None
