"""A question with named answers, and a message with details to copy."""

import html
from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.desktop_app import theme

ICON_PIXELS = theme.UNIT * 4


class Question(QMessageBox):
    """A message box that asks a question and emits the answer.

    Parameters
    ----------
    text, more : str
        The question, and a sentence under it.
    answers : mapping of str to str
        What each button answers and says, from the one that acts to the one that does not. The last is what Esc
        and the window's cross mean.

    Signals
    -------
    answered : (answer)
    """

    answered = Signal(str)

    def __init__(self, parent: QWidget | None, text: str, more: str, answers: Mapping[str, str]) -> None:
        super().__init__(parent)
        self.setIconPixmap(theme.icon("question", "accent").pixmap(ICON_PIXELS, ICON_PIXELS))
        self.setStyleSheet(f"#qt_msgbox_informativelabel {{ min-width: {theme.UNIT * 44}px; }}")
        self.setWindowTitle("Coreset Studio")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setText(f"<b>{html.escape(text)}</b>")
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setInformativeText(html.escape(more))
        self._answers: dict[QAbstractButton, str] = {}
        roles = QMessageBox.ButtonRole
        for number, (answer, words) in enumerate(answers.items()):
            last = number == len(answers) - 1
            role = roles.AcceptRole if number == 0 else roles.RejectRole if last else roles.DestructiveRole
            button = self.addButton(words, role)
            self._answers[button] = answer
            if number == 0:
                self.setDefaultButton(button)
            if last:
                self.setEscapeButton(button)
        self.finished.connect(self._emit)

    def choose(self, answer: str) -> None:
        """Press the button of an answer; for tests."""
        for button, meant in self._answers.items():
            if meant == answer:
                button.click()
                return
        raise KeyError(f"{answer} is no answer to: {self.text()}")

    def _emit(self) -> None:
        pressed = self.clickedButton()
        last = list(self._answers.values())[-1]
        self.answered.emit(self._answers.get(pressed, last) if pressed is not None else last)


class DetailsDialog(QDialog):
    """A sentence, with details that can be opened and copied.

    Parameters
    ----------
    sentence : str
        What happened, what was expected, what to do.
    details : str
        For whoever looks for the cause; without them there is no "Details".
    """

    def __init__(
        self, parent: QWidget | None, title: str, sentence: str, details: str, icon: str = "error", colour: str = "bad"
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Coreset Studio")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(theme.UNIT * 60)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 3] * 4)
        layout.setSpacing(theme.UNIT * 2)
        symbol = QLabel()
        symbol.setPixmap(theme.icon(icon, colour).pixmap(ICON_PIXELS, ICON_PIXELS))
        heading = QLabel(title)
        heading.setFont(theme.title_font())
        self.sentence = QLabel(sentence)
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QVBoxLayout()
        words.setSpacing(theme.UNIT)
        words.addWidget(heading)
        words.addWidget(self.sentence)
        head = QHBoxLayout()
        head.setSpacing(theme.UNIT * 2)
        head.addWidget(symbol, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        layout.addLayout(head)
        self.details = QPlainTextEdit(details)
        self.details.setReadOnly(True)
        self.details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.details.setMinimumHeight(theme.UNIT * 24)
        self.details.setAccessibleName("Details")
        self.details.hide()
        layout.addWidget(self.details, 1)
        self.buttons = QDialogButtonBox()
        self.more = QPushButton("Details", self)
        self.more.setCheckable(True)
        self.more.setToolTip("Show the technical details")
        self.more.toggled.connect(self.details.setVisible)
        self.more.toggled.connect(self._fit)
        self.copy = QPushButton("Copy", self)
        self.copy.setToolTip("Copy the message and the details for a bug report")
        self.copy.clicked.connect(self._copy)
        self.more.setHidden(True)
        self.copy.setHidden(True)
        if details:  # the box shows every button that it is given
            self.buttons.addButton(self.more, QDialogButtonBox.ButtonRole.ActionRole)
            self.buttons.addButton(self.copy, QDialogButtonBox.ButtonRole.ActionRole)
        close = self.buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.setDefault(True)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.sentence.text()}\n\n{self.details.toPlainText()}")

    def _fit(self) -> None:
        self.adjustSize()
