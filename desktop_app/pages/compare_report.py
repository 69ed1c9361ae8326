"""The sheet that asks how the report is to be written."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QWidget

from desktop_app.widgets.card import Sheet


class ReportSheet(Sheet):
    """With names and pictures, or without.

    Signals
    -------
    report_wanted : (Path, bool)
        Where to, and whether without names.
    """

    report_wanted = Signal(object, bool)

    def __init__(self, name: str, parent: QWidget, *, private: bool) -> None:
        super().__init__(
            "Write the report",
            "One page with all that was found and how it was made, and its tables as CSV beside it. It needs no "
            "network and can be sent and printed.",
            "Choose where…",
            parent,
        )
        self._name = name
        self.private = QCheckBox("Without names of files and pictures of images")
        self.private.setToolTip("For a page that leaves the laboratory: names become hashes, no image is shown")
        self.private.setChecked(private)
        self.add(self.private)

    def accept(self) -> None:
        """Ask where to; sent away, the sheet stays."""
        file = f"{self._name}.html"
        name, _ = QFileDialog.getSaveFileName(self, "Write the report", file, "Web page (*.html)")
        if name:
            self.report_wanted.emit(Path(name) if name.endswith(".html") else Path(f"{name}.html"), self.is_private())
            super().accept()

    def is_private(self) -> bool:
        """Whether names are left out."""
        return self.private.isChecked()
