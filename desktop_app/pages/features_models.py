"""Models of the user on the Features page: adding one with its dialog, and removing one."""

from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QPushButton

from coreset_studio.core.service.model_requests import ModelSummary, RemoveModel
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.pages.own_model_dialog import FILTER, OwnModelDialog
from coreset_studio.desktop_app.pages.page import Page


class OwnModels(QObject):
    """The button that adds a model, and the question before one is removed.

    Parameters
    ----------
    page : Page

    Attributes
    ----------
    button : QPushButton
        Opens the file dialog.
    dialog : OwnModelDialog or None
        The dialog that was opened last.

    Signals
    -------
    changed : ()
        A model was added or removed.
    """

    changed = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._page = page
        self._name = ""
        self.dialog: OwnModelDialog | None = None
        self.button = QPushButton("Add a model…")
        self.button.setObjectName("add_model")
        self.button.setToolTip("Add a model of your own, an ONNX file, as an extractor")
        self.button.clicked.connect(self.choose)

    def choose(self) -> None:
        """Let an ONNX file be chosen."""
        dialog = QFileDialog(self._page, "Add a model", str(Path.home()), FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.open)
        dialog.open()

    def open(self, file: str) -> None:
        """Open the dialog for a model file."""
        self.dialog = OwnModelDialog(self._page.service, Path(file), self._page)
        self.dialog.model_added.connect(self._tell)
        self.dialog.open()

    def ask_to_remove(self, name: str) -> None:
        """Ask before a model is removed."""
        self._name = name
        question = Question(
            self._page,
            f"Remove the model {name}?",
            "The copy in your data folder is removed; the file that you added it from is kept. Projects that use the "
            "model name it as missing until it is added again.",
            {"remove": "Remove", "no": "Cancel"},
        )
        question.answered.connect(self._on_answered)
        question.open()

    def _on_answered(self, answer: str) -> None:
        if answer == "remove":
            self._page.ask(RemoveModel(self._name), self._tell)

    def _tell(self, _model: ModelSummary) -> None:
        self.changed.emit()
