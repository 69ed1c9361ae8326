"""Images that occur in the dataset more than once, and which of each is kept."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.widgets.table import Table


class Copy(NamedTuple):
    """One of several images with the same pixels.

    Attributes
    ----------
    group : int
        Which images belong together, from 0.
    image : int
        In the dataset.
    path, class_name : str
    conflicting : bool
        Whether the group has images of more than one class.
    kept : bool
    """

    group: int
    image: int
    path: str
    class_name: str
    conflicting: bool
    kept: bool


class DuplicatesTable(Table):
    """A row a copy, groups together; Space keeps that copy alone, or again all of its group.

    Signals
    -------
    keep_changed : (object, int)
        Indices of a group, and the one to keep; -1 to keep all.
    """

    keep_changed = Signal(object, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        columns = [
            Column("Group", lambda row: f"{row.group + 1:,}", lambda row: row.group, numeric=True),
            Column("Kept", lambda row: "kept" if row.kept else "excluded"),
            Column("Class", lambda row: row.class_name),
            Column("File", lambda row: row.path),
            Column(
                "Finding",
                _meaning,
                tooltip="The same image cannot belong to two classes",
                row_tooltip=_meaning,
            ),
        ]
        super().__init__("Duplicates", columns, parent)
        self.set_note("No duplicates")
        self.setToolTip(
            "Double-click to open the image. Press Space to keep only this copy; press again for the whole group."
        )

    def set_copies(self, copies: Sequence[Copy]) -> None:
        """Show copies, groups together."""
        self.set_rows(copies)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Space keeps the copy that the keyboard is at."""
        if event.key() == Qt.Key.Key_Space and self.currentIndex().isValid():
            self._toggle(self.row_at(self.currentIndex()))
        else:
            super().keyPressEvent(event)

    def toggle_chosen(self) -> None:
        """Keep the copy that is selected alone, or again all of its group."""
        for row in self.chosen_rows()[:1]:
            self._toggle(row)

    def keep_one_of_each(self, *, conflicts_too: bool = False) -> None:
        """Ask to keep the first copy of every group; of groups under two classes only where asked for."""
        done: set[int] = set()
        for row in self.rows_model.rows:
            if row.group not in done and (conflicts_too or not row.conflicting):
                done.add(row.group)
                self.keep_changed.emit(self._group(row), row.image)

    def _toggle(self, row: Any) -> None:
        group = [other for other in self.rows_model.rows if other.group == row.group]
        alone = row.kept and sum(1 for other in group if other.kept) == 1
        self.keep_changed.emit(self._group(row), -1 if alone else row.image)

    def _group(self, row: Any) -> tuple[int, ...]:
        return tuple(other.image for other in self.rows_model.rows if other.group == row.group)


def _meaning(row: Any) -> str:
    return "Identical images under two classes" if row.conflicting else "Identical images"
