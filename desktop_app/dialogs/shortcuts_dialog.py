"""Every key, listed."""

import sys

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.actions import MENUS, Command, command_keys

ALWAYS: tuple[tuple[str, str], ...] = (
    ("Enter", "Run the current step"),
    ("Ctrl+1 … Ctrl+7", "Go to a step, to Images or to Review"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo and redo a change"),
    ("Arrow keys", "Move between images, steps and points"),
    ("Space", "Preview the current image"),
    ("S", "Find images that are similar to the selected ones"),
    ("I, O, U", "Pin the selected images in, out, or unpin them"),
    ("R, X, N", "Relabel, exclude or note on the selected images"),
    ("Ctrl+F, Ctrl++, Ctrl+-", "Images: search, larger and smaller thumbnails"),
    ("K, A, 1 … 9, X, S", "Review: keep the label, take the suggested one, relabel, exclude, skip"),
    ("P, N", "Review: previous and next finding"),
    ("+, -, 0, 1", "Large image: zoom in and out, fit, 100 %"),
    ("Shift or Ctrl+Arrow keys", "Large image: pan"),
    ("Home, End", "Large image: first and last image of the list"),
    ("L, Backspace", "Large image: show or hide similar images, go back from one"),
    ("G", "Large image: show or hide the class activation map"),
    ("Tab, Shift+Tab", "Go to the next or previous control"),
)


class ShortcutsDialog(QDialog):
    """A table of keys and what they do."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(theme.UNIT * 64, theme.UNIT * 64)
        rows = [*((_native(keys), action) for keys, action in ALWAYS), *_from_menus()]
        self.table = QTableWidget(len(rows), 2)
        self.table.setHorizontalHeaderLabels(["Key", "Action"])
        self.table.setAccessibleName("Shortcuts")
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        buttons = QDialogButtonBox()
        buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 2] * 4)
        layout.addWidget(self.table, 1)
        layout.addWidget(buttons)


def _native(keys: str) -> str:
    """Return keys as macOS writes them there: Qt's Ctrl is the command key."""
    return keys.replace("Ctrl+", "⌘").replace("Shift+", "⇧") if sys.platform == "darwin" else keys


def _from_menus() -> list[tuple[str, str]]:
    rows = []
    for commands in MENUS.values():
        for command in commands:
            if isinstance(command, Command) and command_keys(command):
                # The first: others are keys of their own that few keyboards have, such as "Open".
                key = command_keys(command)[0].toString(QKeySequence.SequenceFormat.NativeText)
                rows.append((key, command.tip))
    return rows
