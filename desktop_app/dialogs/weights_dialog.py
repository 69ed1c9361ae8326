"""Weights of pretrained networks: what is on this computer, what works without, and how to bring what is missing."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.results import WeightsEntry
from coreset_studio.core.service.requests import Request
from coreset_studio.core.service.weights_requests import DownloadWeights, ImportWeights, ListWeights
from coreset_studio.core.words import byte_size
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.job_progress import JobProgress
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.words import set_tone

SENTENCE = (
    "Some extractors, and the transfer network on the Compare page, use pretrained networks, whose parameters are "
    "stored in weight files. Colour and texture and the custom network work without weight files."
)
HOW = (
    "For a computer without internet access: copy the address below, download the file on another computer, and "
    "select it here with Import file. The program detects which network the file belongs to, and verifies it."
)
STATES = {
    "verified": ("Installed, verified", "good"),
    "unverified": ("Installed, unverified: the file fits, but its checksum is unknown", "warning"),
    "missing": ("Missing", "warning"),
    "unusable": ("Cannot be used", "warning"),
}
FILTER = "Weights (*.h5 *.keras);;All files (*)"


class WeightsDialog(QDialog):
    """Lists the sets of weights; imports a file, or downloads one that the user asks for.

    Signals
    -------
    weights_changed : ()
        Weights were added to this computer.
    """

    weights_changed = Signal()

    def __init__(self, service: EngineService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._bringing: int | None = None
        self._is_closed = False
        self._to_download: WeightsEntry | None = None
        self.rows: dict[str, WeightsRow] = {}
        self.setWindowTitle("Pretrained weights")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(theme.UNIT * 80)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 3] * 4)
        layout.setSpacing(theme.UNIT * 2)
        for words in (SENTENCE, HOW):
            label = QLabel(words)
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.addWidget(self._make_list(), 1)
        self.strip = MessageStrip()
        layout.addWidget(self.strip)
        self.busy = JobProgress("Stop without changing anything")
        self.busy.keep_space()  # so that nothing moves when a file is imported
        self.busy.cancel_requested.connect(self._stop)
        layout.addWidget(self.busy)
        layout.addLayout(self._make_buttons())
        service.progressed.connect(self._on_progressed)
        self._show_busy("")
        self._look()

    # --- making -----------------------------------------------------------------------------------------------

    def _make_list(self) -> QWidget:
        inside = QWidget()
        inside.setAutoFillBackground(False)
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, theme.UNIT, 0)
        self._column.setSpacing(theme.UNIT)
        self.looking = QLabel("Searching for weights…")
        set_tone(self.looking, "muted")
        self._column.addWidget(self.looking)
        self._column.addStretch(1)
        area = QScrollArea()
        area.setAccessibleName("Weights")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setMinimumHeight(theme.UNIT * 34)
        area.setWidget(inside)
        area.viewport().setAutoFillBackground(False)
        return area

    def _make_buttons(self) -> QHBoxLayout:
        self.import_button = QPushButton("Import file…")
        self.import_button.setProperty("primary", True)
        self.import_button.setToolTip("Copy a weight file from this computer or a USB drive, and verify it")
        self.import_button.clicked.connect(self._choose)
        close = QDialogButtonBox()
        close.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self.import_button)
        row.addStretch(1)
        row.addWidget(close)
        return row

    # --- doing ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._service.ask(ListWeights(), self._show, on_failed=self._on_listing_failed)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Import weights", "", FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.import_file)
        dialog.open()

    def import_file(self, file: str) -> None:
        """Copy a file into the user's data folder, if it fits a network."""
        if self._bringing is None:
            self.strip.clear()
            self._show_busy(f"Importing {Path(file).name}")
            self._bring(ImportWeights(Path(file)))

    def ask_to_download(self, weights: WeightsEntry) -> None:
        """Ask before the network is used."""
        self._to_download = weights
        question = Question(
            self,
            f"Download the weights of {weights.title}?",
            f"This downloads {weights.official_file} (about {byte_size(weights.n_bytes)}) from {weights.address} to "
            "your data folder and verifies it. The program uses the internet for nothing else.",
            {"download": "Download", "no": "Cancel"},
        )
        question.answered.connect(self._on_answered)
        question.open()

    def _on_answered(self, answer: str) -> None:
        if answer == "download" and self._to_download is not None and self._bringing is None:
            self.strip.clear()
            self._show_busy(f"Downloading {self._to_download.official_file}")
            self._bring(DownloadWeights(self._to_download.name))

    def _bring(self, request: Request[WeightsEntry]) -> None:
        self._bringing = self._service.ask(
            request, self._on_brought, on_failed=self._on_failed, on_cancelled=self._on_cancelled
        )

    def _stop(self) -> None:
        if self._bringing is not None:
            self._service.cancel(self._bringing)

    def done(self, result: int) -> None:
        """Close and stop the transfer, as no receiver is left for its outcome. A later download resumes it."""
        self._stop()
        self._is_closed = True
        super().done(result)

    # --- hearing ----------------------------------------------------------------------------------------------

    def _on_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:
        if number != self._bringing:
            return
        share = round(1000 * done / total) if total else 0
        self.busy.show_progress(share, 1000 if total else 0, message, left)

    def _on_brought(self, weights: WeightsEntry) -> None:
        if self._is_over():
            return
        words = f"The weights of {weights.title} are installed"
        if weights.state == "verified":
            self.strip.show_message("good", f"{words} and verified.")
        else:
            self.strip.show_message("warning", f"{words}. They fit, but their checksum is unknown.")
        self._look()
        self.weights_changed.emit()

    def _on_failed(self, sentence: str, details: str) -> None:  # noqa: ARG002
        if not self._is_over():
            self.strip.show_message("bad", sentence)

    def _on_cancelled(self) -> None:
        if not self._is_over():
            self.strip.show_message("info", "Cancelled. Nothing was changed.")

    def _is_over(self) -> bool:
        """Mark the transfer as ended, and return whether no receiver is left."""
        self._bringing = None
        if not self._is_closed:
            self._show_busy("")
        return self._is_closed

    def _on_listing_failed(self, sentence: str, details: str) -> None:  # noqa: ARG002
        self.looking.setText(sentence)

    # --- showing ----------------------------------------------------------------------------------------------

    def _show(self, found: Sequence[WeightsEntry]) -> None:
        self.looking.hide()
        for weights in found:
            if weights.name not in self.rows:
                row = WeightsRow()
                row.download_requested.connect(self.ask_to_download)
                self.rows[weights.name] = row
                self._column.insertWidget(self._column.count() - 1, row)
            self.rows[weights.name].show_weights(weights, busy=self._bringing is not None)

    def _show_busy(self, doing: str) -> None:
        self.busy.show_busy(doing)
        self.import_button.setEnabled(not doing)
        for row in self.rows.values():
            row.download.setEnabled(not doing)


class WeightsRow(QFrame):
    """One set of weights.

    Signals
    -------
    download_requested : (WeightsEntry)
    """

    download_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._weights: WeightsEntry | None = None
        self.title = QLabel()
        self.title.setFont(theme.strong_font())
        self.state = QLabel()
        self.used_by = QLabel()
        self.place = QLabel()
        for label in (self.used_by, self.place):
            label.setWordWrap(True)
            set_tone(label, "muted")
        self.place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy = QPushButton("Copy address")
        self.copy.setToolTip("Copy the address of the official file to download it on another computer")
        self.copy.clicked.connect(self._copy)
        self.download = QPushButton("Download…")
        self.download.setToolTip("Download the official file to this computer, after confirmation")
        self.download.clicked.connect(self._emit)
        for button in (self.copy, self.download):
            button.setAutoDefault(False)
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addWidget(self.state, 1)
        head.addWidget(self.copy)
        head.addWidget(self.download)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.UNIT)
        column.setSpacing(theme.UNIT // 2)
        column.addLayout(head)
        column.addWidget(self.used_by)
        column.addWidget(self.place)

    def show_weights(self, weights: WeightsEntry, *, busy: bool) -> None:
        """Show what is known of a set."""
        self._weights = weights
        words, tone = STATES.get(weights.state, (weights.state, "warning"))
        self.title.setText(weights.title)
        self.state.setText(words)
        set_tone(self.state, tone)
        backbone = "; available as backbone of the transfer network" if weights.is_backbone else ""
        self.used_by.setText(f"Used by {' and '.join(weights.extractor_titles)}{backbone}.")
        missing = weights.state == "missing"
        self.place.setText(_where_from(weights) if missing else str(weights.file))
        self.copy.setVisible(missing and bool(weights.address))
        self.copy.setAccessibleName(f"Copy the address of the weights of {weights.title}")
        self.download.setVisible(missing and bool(weights.address))
        self.download.setAccessibleName(f"Download the weights of {weights.title}")
        self.download.setEnabled(not busy)

    def _copy(self) -> None:
        if self._weights is not None:
            QGuiApplication.clipboard().setText(self._weights.address)
            self.copy.setText("Copied")

    def _emit(self) -> None:
        self.download_requested.emit(self._weights)


def _where_from(weights: WeightsEntry) -> str:
    """Return where missing weights are to be had, how large they are, and whose they are."""
    size = f"about {byte_size(weights.n_bytes)}. {weights.licence}"
    if weights.official_file:
        return f"Official file: {weights.official_file}, {size}"
    size = size[:1].upper() + size[1:]
    return f"{size}. In a copy of the source code: {weights.command}" if weights.command else size
