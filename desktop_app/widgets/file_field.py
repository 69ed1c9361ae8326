"""A file that a setting names: which it is, and buttons to choose another or none."""

import os
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme

NONE = "None chosen"


class FileField(QWidget):
    """Which file is chosen, and the ways to choose another one or none.

    Parameters
    ----------
    title : str
        Of the setting; the title of the file dialog.

    Attributes
    ----------
    words : QLabel
    button : QPushButton
        Opens the file dialog.
    remove : QPushButton
        Hidden while no file is chosen.
    dialog : QFileDialog or None
        The one that was opened last.

    Signals
    -------
    chosen : (str)
        The user chose this file; it is shown once `show_file` is called.
    removed : ()
        The user removed the file.
    """

    chosen = Signal(str)
    removed = Signal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._start = title, ""
        self.dialog: QFileDialog | None = None
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.button = QPushButton("Choose…")
        self.button.setAutoDefault(False)
        self.button.setAccessibleName(f"Choose: {title}")
        self.button.clicked.connect(self.choose)
        self.remove = QPushButton("Remove")
        self.remove.setAutoDefault(False)
        self.remove.setAccessibleName(f"Remove: {title}")
        self.remove.setToolTip("Use no such file. Undo reverts this.")
        self.remove.clicked.connect(self.removed)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(theme.UNIT)
        buttons.addWidget(self.button)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        column.addWidget(self.words)
        column.addLayout(buttons)
        self.setFocusProxy(self.button)
        self.show_file("")

    def show_file(self, words: str, *, place: str = "", details: str = "") -> None:
        """Show which file is chosen.

        Parameters
        ----------
        words : str
            Empty: none.
        place : str
            Where it is; the file dialog begins there.
        details : str
            Tooltip of the words.
        """
        self._start = place
        self.words.setText(words or NONE)
        self.words.setToolTip(details)
        self.remove.setVisible(bool(words))

    def choose(self) -> None:
        """Let a file be chosen."""
        start = os.fspath(Path(self._start).parent if self._start else Path.home())
        self.dialog = QFileDialog(self, self._title, start)
        self.dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.fileSelected.connect(self.chosen)
        self.dialog.open()
