"""Questions and file dialogs about the open project; they close with it."""

import os
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget
from shiboken6 import isValid

from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.settings import Preferences


class ProjectQuestions(QObject):
    """Asks the user; one question at a time, and the file dialogs.

    Parameters
    ----------
    window : QWidget
        In front of which the user is asked.

    Attributes
    ----------
    question : Question or None
        The one that is open.
    """

    def __init__(self, preferences: Preferences, window: QWidget) -> None:
        super().__init__(window)
        self._preferences, self._window = preferences, window
        self._dialogs: list[QFileDialog] = []
        self.question: Question | None = None

    def ask(self, text: str, more: str, answers: dict[str, str], slot: Callable[[str], None]) -> None:
        """Ask, with the words on the button of each answer; `slot` takes the answer."""
        self.question = Question(self._window, text, more, answers)
        self.question.finished.connect(self._on_question_closed)
        self.question.answered.connect(slot)
        self.question.open()

    def file_dialog(self, title: str) -> QFileDialog:
        """Return a file dialog that is not open yet."""
        dialog = QFileDialog(self._window, title, os.fspath(self._preferences.last_folder))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dialogs = [*(other for other in self._dialogs if isValid(other)), dialog]
        return dialog

    def is_asking(self) -> bool:
        """Whether a question or a file dialog is open."""
        return self.question is not None or any(isValid(dialog) and dialog.isVisible() for dialog in self._dialogs)

    def close_all(self) -> None:
        """Close all questions and dialogs of the project that was open before; their answers are ignored."""
        question, self.question = self.question, None
        asking: list[QDialog] = [dialog for dialog in self._dialogs if isValid(dialog)]
        for dialog in asking if question is None else [*asking, question]:
            dialog.blockSignals(True)
            dialog.close()
        self._dialogs.clear()

    def _on_question_closed(self) -> None:
        if self.sender() is self.question:
            self.question = None
