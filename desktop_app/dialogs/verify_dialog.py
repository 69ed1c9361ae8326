"""Verifies an export: progress while its files are read, then that all is well or the list of differences."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.results import VerifyResult
from coreset_studio.core.service.coreset_requests import VerifyExport
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.job_progress import JobProgress
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.plot_export import save_plot
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import elide_label, files, set_tone

HOW = (
    "Every file of an export is compared with the SHA-256 that was written to its coreset.json. Nothing in the folder "
    "is changed."
)
DIFFERENCES = {"differing": "changed", "missing": "missing", "extra": "not part of the export"}
Row = tuple[str, str]


class VerifyDialog(QDialog):
    """Verifies an export as soon as it is made, unless the result is known.

    Parameters
    ----------
    service : EngineService
    folder : Path
        The export.
    result : VerifyResult, optional
        What has been found already.

    Attributes
    ----------
    strip : MessageStrip
        What came out.
    table : Table
        Rows are file and difference; hidden where there are none.
    """

    def __init__(
        self, service: EngineService, folder: Path, parent: QWidget | None = None, *, result: VerifyResult | None = None
    ) -> None:
        super().__init__(parent)
        self._service, self._folder = service, folder
        self._job: int | None = None
        self._is_closed = False
        self.setWindowTitle("Verify export")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(theme.UNIT * 72)
        place = elide_label(str(folder))
        place.mode = Qt.TextElideMode.ElideMiddle
        place.setFont(theme.strong_font())
        how = QLabel(HOW)
        how.setWordWrap(True)
        set_tone(how, "muted")
        self.strip = MessageStrip()
        columns = [Column("File", lambda row: row[0]), Column("Difference", lambda row: row[1])]
        self.table = Table("Differences", columns)
        self.table.setMinimumHeight(theme.UNIT * 24)
        self.table.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 3] * 4)
        layout.setSpacing(theme.UNIT * 2)
        layout.addWidget(place)
        layout.addWidget(how)
        self.busy = JobProgress("Stop verifying")
        self.busy.cancel_requested.connect(self._stop)
        layout.addWidget(self.busy)
        layout.addWidget(self.strip)
        layout.addWidget(self.table, 1)
        layout.addStretch(0)
        layout.addLayout(self._make_buttons())
        service.progressed.connect(self._on_progressed)
        if result is None:
            self.verify()
        else:
            self._show(result)

    def _make_buttons(self) -> QHBoxLayout:
        self.again = self._button("Verify again", "Read all files again")
        self.again.clicked.connect(self.verify)
        self.copy = self._button("Copy list", "Copy the list of differences, separated by tabs")
        self.copy.clicked.connect(self._copy)
        self.save = self._button("Save list…", "Save the list of differences as CSV")
        self.save.clicked.connect(self._ask_where)
        close = QDialogButtonBox()
        close.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.rejected.connect(self.reject)
        row = QHBoxLayout()
        for button in (self.again, self.copy, self.save):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(close)
        return row

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        return button

    # --- doing ------------------------------------------------------------------------------------------------

    def verify(self) -> None:
        """Read every file of the export and compare it."""
        if self._job is not None:
            return
        self.strip.clear()
        self._list(())
        self._job = self._service.ask(
            VerifyExport(self._folder), self._on_verified, on_failed=self._on_failed, on_cancelled=self._on_cancelled
        )
        self._show_busy()

    def _stop(self) -> None:
        if self._job is not None:
            self.busy.show_cancelling()
            self._service.cancel(self._job)

    def done(self, result: int) -> None:
        """Close and stop, as no receiver is left for the findings."""
        self._stop()
        self._is_closed = True
        super().done(result)

    def _copy(self) -> None:
        names, rows = self.table.plot_table()
        lines = ["\t".join(map(str, row)) for row in (names, *rows)]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _ask_where(self) -> None:
        dialog = QFileDialog(self, "Save list", f"{self._folder.name} differences.csv", "CSV table (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.save_to)
        dialog.open()

    def save_to(self, file: str) -> None:
        """Write the list of differences as CSV and report the outcome."""
        try:
            save_plot(self.table, Path(file))
        except (OSError, ValueError) as error:
            self.strip.show_message("bad", f"The list was not saved: {error}")
        else:
            self.strip.show_message(
                "info", f"The list of {files(len(self.table.rows_model.rows))} was saved to {file}."
            )

    # --- hearing ----------------------------------------------------------------------------------------------

    def _on_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:
        if number != self._job or self._is_closed:
            return
        words = f"Verifying · {done:,} of {files(total)}" if total else message
        self.busy.show_progress(done, total, words, left)

    def _on_verified(self, result: VerifyResult) -> None:
        self._job = None
        if not self._is_closed:
            self._show(result)

    def _on_failed(self, sentence: str, details: str) -> None:  # noqa: ARG002
        self._job = None
        if not self._is_closed:
            self.strip.show_message("bad", sentence, closable=False)
            self._show_busy()

    def _on_cancelled(self) -> None:
        self._job = None
        if not self._is_closed:
            self.strip.show_message("info", "Cancelled. The export was not verified.", closable=False)
            self._show_busy()

    # --- showing ----------------------------------------------------------------------------------------------

    def _show(self, result: VerifyResult) -> None:
        self.strip.show_message("good" if result.ok else "bad", result.sentence, closable=False)
        self._list([(name, words) for kind, words in DIFFERENCES.items() for name in getattr(result, kind)])
        self._show_busy()

    def _list(self, rows: "list[Row] | tuple[()]") -> None:
        self.table.set_rows(rows)
        for widget in (self.table, self.copy, self.save):
            widget.setVisible(bool(rows))

    def _show_busy(self) -> None:
        is_busy = self._job is not None
        self.busy.show_busy("Verifying" if is_busy else "")
        self.again.setEnabled(not is_busy)
        self.adjustSize()
