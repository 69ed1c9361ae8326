"""The Dask scheduler on whose workers features are extracted: its address, files for TLS, and a test."""

import os

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.service.cluster_requests import TLS_FILES, ReachScheduler, SchedulerChoice
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.file_field import FileField
from coreset_studio.desktop_app.widgets.job_progress import JobProgress
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.words import set_tone

SENTENCE = (
    "With an address, features are extracted on the workers of this Dask scheduler; everything else stays on this "
    "computer. Images must have the same path on all machines, and each needs the same versions and weights."
)
WARNING = "Dask runs code that is sent to it: use it in a trusted network only. TLS encrypts connections."
TIPS = {
    "tls_ca": "PEM file: certificate of the authority that signed the certificates of all machines",
    "tls_cert": "PEM file: certificate of this computer",
    "tls_key": "PEM file: private key of this certificate, without a password",
}


class TlsField(FileField):
    """The field of one TLS file.

    Parameters
    ----------
    name : str
        Field of `SchedulerChoice`.

    Signals
    -------
    changed : (str, str)
        The field, and the file; empty: none.
    """

    changed = Signal(str, str)

    def __init__(self, name: str) -> None:
        super().__init__(f"{TLS_FILES[name]} for TLS")
        self._name = name
        self.button.setToolTip(TIPS[name])
        self.remove.setToolTip("Use no such file")
        self.chosen.connect(self._choose)
        self.removed.connect(self._remove)

    def _choose(self, file: str) -> None:
        self.changed.emit(self._name, file)

    def _remove(self) -> None:
        self.changed.emit(self._name, "")


class SchedulerDialog(QDialog):
    """Address and TLS files of a scheduler; they are used once they are saved.

    Parameters
    ----------
    choice : SchedulerChoice
        What is set now.
    service : EngineService

    Signals
    -------
    saved : (SchedulerChoice)
    """

    saved = Signal(object)

    def __init__(self, choice: SchedulerChoice, service: EngineService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._testing: int | None = None
        self._files = {name: getattr(choice, name) for name in TLS_FILES}
        self.setWindowTitle("Scheduler")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(theme.UNIT * 68)
        self.address = QLineEdit(choice.address)
        self.address.setPlaceholderText("None: extract on this computer")
        self.address.setClearButtonEnabled(True)
        self.address.setAccessibleName("Address")
        self.address.setToolTip("HOST:PORT, such as 10.0.0.5:8786, or tls://HOST:PORT with the three files below")
        self.address.textChanged.connect(self._show)
        self.fields = {name: TlsField(name) for name in TLS_FILES}
        for field in self.fields.values():
            field.changed.connect(self.set_file)
        form = QFormLayout()
        form.setHorizontalSpacing(theme.UNIT * 2)
        form.setVerticalSpacing(theme.UNIT)
        form.addRow("Address", self.address)
        for name, title in TLS_FILES.items():
            form.addRow(f"TLS: {title.lower()}", self.fields[name])
        self.strip = MessageStrip()
        self.busy = JobProgress("Stop the test")
        self.busy.cancel_requested.connect(self._stop)
        self.busy.show_busy("")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 3] * 4)
        layout.setSpacing(theme.UNIT * 2)
        for words in (SENTENCE, WARNING):
            label = QLabel(words)
            label.setWordWrap(True)
            layout.addWidget(label)
        set_tone(label, "muted")
        layout.addLayout(form)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        set_tone(self.problem, "warning")
        layout.addWidget(self.problem)
        layout.addWidget(self.strip)
        layout.addWidget(self.busy)
        layout.addStretch(1)
        layout.addWidget(self._make_buttons())
        self.save.setDefault(True)  # once it has its place: Return in the address saves
        self._show()

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        self.test = QPushButton("Test")
        self.test.setAutoDefault(False)
        self.test.clicked.connect(self.run_test)
        self.save = QPushButton("Save")
        self.save.setProperty("primary", True)
        self.save.clicked.connect(self._save)
        self.help = QPushButton("Help")
        self.help.setAutoDefault(False)
        self.help.setToolTip("Open the Help page about several machines")
        self.help.clicked.connect(self._show_help)
        buttons.addButton(self.help, QDialogButtonBox.ButtonRole.HelpRole)
        buttons.addButton(self.test, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole).setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        return buttons

    def choice(self) -> SchedulerChoice:
        """Return what is entered."""
        return SchedulerChoice(self.address.text().strip(), **self._files)

    def set_file(self, name: str, file: str) -> None:
        """Choose the file of a field of `SchedulerChoice`; empty: none."""
        self._files[name] = os.path.normpath(file) if file else ""
        self._show()

    def done(self, result: int) -> None:
        """Close, and end a test that runs."""
        self._stop()
        super().done(result)

    def _show(self) -> None:
        """Show files and whether all can be used; an earlier test says nothing about what was changed since."""
        self._stop()
        self.busy.show_busy("")
        self.strip.clear()
        for name, field in self.fields.items():
            file = self._files[name]
            field.show_file(os.path.basename(file), place=file, details=file)  # noqa: PTH119 - text as entered
        choice = self.choice()
        problem = choice.problem()
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.save.setEnabled(not problem)
        self.save.setToolTip(problem or "Use this scheduler from the next extraction on")
        self.test.setEnabled(bool(choice.address) and not problem)
        self.test.setToolTip(problem or ("Connect, and count the workers" if choice.address else "Enter an address"))

    def run_test(self) -> None:
        """Connect to the scheduler in an engine process."""
        self.strip.clear()
        self.test.setEnabled(False)
        self.busy.show_busy("Connecting to the scheduler…")
        request = ReachScheduler(self.choice())
        self._testing = self._service.ask(
            request, self._on_answer, on_failed=self._on_failed, on_cancelled=self._on_over
        )

    def _stop(self) -> None:
        if self._testing is not None:
            self._service.drop(self._testing)
            self._testing = None

    def _on_answer(self, sentence: str) -> None:
        self._on_over()
        self.strip.show_message("good", sentence)

    def _on_failed(self, sentence: str, details: str) -> None:  # noqa: ARG002 - the sentence says all
        self._on_over()
        self.strip.show_message("bad", sentence)

    def _on_over(self) -> None:
        self._testing = None
        self.busy.show_busy("")
        self.test.setEnabled(True)

    def _show_help(self) -> None:
        # Not before it is wanted: pages of Help have figures, whose library would delay the start of the window.
        from coreset_studio.desktop_app.dialogs.help_window import show_help

        show_help(self, "machines")

    def _save(self) -> None:
        self.saved.emit(self.choice())
        self.accept()
