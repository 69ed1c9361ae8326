"""Continuing from an earlier coreset on the Coreset page: choose its export, see what it is, stop continuing."""

import os
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from coreset_studio.core.service.coreset_requests import ReadEarlierCoreset
from coreset_studio.core.settings import EarlierCoreset, SelectionSettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.page import Page
from coreset_studio.desktop_app.widgets.words import images

FILTER = "Exports (coreset.json);;All files (*)"
UNDO_TEXT = "continuing from an earlier coreset"


class Continuing(QObject):
    """A line and a button in a page's column: from which coreset the selection continues.

    Attributes
    ----------
    widget : QWidget
        What the column shows.
    words : QLabel
        From what the selection continues; hidden while it does not.
    button : QPushButton
        Opens the file dialog.
    stop : QPushButton
        Ends it; hidden while there is nothing to end.
    dialog : QFileDialog or None
        The file dialog that was opened last.
    """

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._page = page
        self.dialog: QFileDialog | None = None
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.button = QPushButton("Continue from an earlier coreset…")
        self.button.setToolTip("Keep the images of an earlier export, and select only the others. Undo reverts this.")
        self.button.clicked.connect(self.choose)
        self.stop = QPushButton("Stop continuing")
        self.stop.setToolTip("Select all images again. Undo reverts this.")
        self.stop.clicked.connect(self._stop)
        self.widget = QWidget()
        column = QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        for part in (self.words, self.stop, self.button):
            column.addWidget(part)

    def show_settings(self, settings: SelectionSettings) -> None:
        """Show from what the selection continues."""
        earlier = settings.continue_from
        self.words.setVisible(earlier is not None)
        self.stop.setVisible(earlier is not None)
        self.button.setText("Continue from another coreset…" if earlier else "Continue from an earlier coreset…")
        if earlier is not None:
            named = f"“{earlier.name}”" if earlier.name else "an earlier coreset"
            self.words.setText(f"Continues from {named}, {images(len(earlier.images))}.")
            self.words.setToolTip(f"SHA-256 of its coreset.json: {earlier.digest}")

    def choose(self) -> None:
        """Let the `coreset.json` of an earlier export be chosen."""
        source = self._page.model.project.source
        start = os.fspath(source.parent if source is not None else Path.home())
        self.dialog = QFileDialog(self._page, "Continue from an earlier coreset", start, FILTER)
        self.dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.fileSelected.connect(self.read)
        self.dialog.open()

    def read(self, file: str) -> None:
        """Read an earlier export, and continue from it."""
        self._page.ask(ReadEarlierCoreset(Path(file)), self._take)

    def _take(self, found: tuple[EarlierCoreset, tuple[str, ...]]) -> None:
        earlier, notes = found
        self._page.change_settings("selection", text=UNDO_TEXT, continue_from=earlier)
        if notes:
            self._page.messages.warning(" ".join(notes), "")

    def _stop(self) -> None:
        self._page.change_settings("selection", text=f"end of {UNDO_TEXT}", continue_from=None)
