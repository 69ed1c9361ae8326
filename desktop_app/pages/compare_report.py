"""The sheet that asks how to write the report."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QWidget

from coreset_studio.desktop_app.widgets.card import Sheet


class ReportSheet(Sheet):
    """With names and images, or without.

    Signals
    -------
    report_requested : (Path, bool)
        Where to, and whether without names.
    """

    report_requested = Signal(object, bool)

    def __init__(self, name: str, parent: QWidget, *, private: bool) -> None:
        super().__init__(
            "Write report",
            "Writes one page with all results and how they were obtained, and the tables as CSV files in the same "
            "folder. The page can be viewed offline, sent and printed.",
            "Choose file…",
            parent,
        )
        self._name = name
        self.private = QCheckBox("Without file names and images")
        self.private.setToolTip("For sharing outside the laboratory: names are replaced by hashes, no image is shown")
        self.private.setChecked(private)
        self.add(self.private)

    def accept(self) -> None:
        """Ask where to; sent away, the sheet stays."""
        file = f"{self._name}.html"
        name, _ = QFileDialog.getSaveFileName(self, "Write report", file, "Web page (*.html)")
        if name:
            self.report_requested.emit(
                Path(name) if name.endswith(".html") else Path(f"{name}.html"), self.is_private()
            )
            super().accept()

    def is_private(self) -> bool:
        """Whether names are left out."""
        return self.private.isChecked()
