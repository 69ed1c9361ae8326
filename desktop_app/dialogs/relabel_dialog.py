"""Ask for the class of images: one of the dataset's, or a new one."""

from collections.abc import Collection, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.words import images, set_tone

CLASS = Qt.ItemDataRole.UserRole


class RelabelDialog(QDialog):
    """A list of classes that narrows down while a name is typed; Enter takes the marked one.

    Parameters
    ----------
    classes : sequence of str
    current : collection of str
        Classes that the images have now.
    n_images : int

    Signals
    -------
    chosen : (str)
    """

    chosen = Signal(str)

    def __init__(
        self, classes: Sequence[str], current: Collection[str], n_images: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._classes, self._current = classes, current
        self.setWindowTitle(f"Relabel {images(n_images)}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Class name")
        self.field.setClearButtonEnabled(True)
        self.field.setAccessibleName("Class name")
        self.field.setToolTip("Type to find a class, or the name of a new one")
        self.list = QListWidget()
        self.list.setAccessibleName("Classes")
        note = QLabel("The files are not changed: the new label is recorded in the project and in every export.")
        note.setWordWrap(True)
        set_tone(note, "muted")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Relabel")
        column = QVBoxLayout(self)
        column.setSpacing(theme.UNIT)
        column.addWidget(self.field)
        column.addWidget(self.list, 1)
        column.addWidget(note)
        column.addWidget(self.buttons)
        self.field.textChanged.connect(self._narrow)
        self.list.itemActivated.connect(self._take)
        self.list.currentItemChanged.connect(self._show_ready)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self.resize(theme.UNIT * 44, theme.UNIT * 52)
        self._narrow("")
        self.field.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Walk the list with Up and Down while the focus is in the field."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        if step and self.field.hasFocus() and self.list.count():
            self.list.setCurrentRow(min(max(self.list.currentRow() + step, 0), self.list.count() - 1))
        else:
            super().keyPressEvent(event)

    def _narrow(self, text: str) -> None:
        typed = text.strip()
        self.list.clear()
        for name in self._classes:
            if typed.lower() in name.lower():
                item = QListWidgetItem(f"{name} (current)" if name in self._current else name, self.list)
                item.setData(CLASS, name)
        if typed and typed not in self._classes:
            item = QListWidgetItem(f"New class “{typed}”", self.list)
            item.setData(CLASS, typed)
        exact = next((row for row in range(self.list.count()) if self._name(row).lower() == typed.lower()), 0)
        self.list.setCurrentRow(exact if self.list.count() else -1)
        self._show_ready()

    def _name(self, row: int) -> str:
        return str(self.list.item(row).data(CLASS))

    def _show_ready(self) -> None:
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(self.list.currentItem() is not None)

    def _take(self, item: QListWidgetItem) -> None:
        self.accept()
        self.chosen.emit(str(item.data(CLASS)))

    def _accept(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self._take(item)
