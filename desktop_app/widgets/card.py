"""Containers: a card on a page, and a sheet that asks for choices before something is done."""

import sys

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.question_mark import QuestionMark
from coreset_studio.desktop_app.widgets.words import elide_label, set_tone

LEAST_TITLE = theme.UNIT * 9
"""Pixels of a heading that are always shown."""


class Card(QFrame):
    """A framed part of a page: a heading with its tools, and a body.

    Parameters
    ----------
    title : str
        The heading; no heading row where it is empty.
    question : str
        Two sentences behind a "?" next to the heading.

    Attributes
    ----------
    body : QVBoxLayout
        Where the content goes.
    """

    def __init__(self, title: str = "", question: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(title)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(theme.UNIT * 3 // 2, theme.UNIT, theme.UNIT * 3 // 2, theme.UNIT * 3 // 2)
        outer.setSpacing(theme.UNIT)
        self._heading = QWidget()
        self._row = QHBoxLayout(self._heading)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.UNIT // 2)
        self._title = elide_label(title)
        self._title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._title.setFont(theme.strong_font())
        self._keep_readable()
        self._note = elide_label("")
        self._note.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        set_tone(self._note, "muted")
        self._row.addWidget(self._title)
        if question:
            self._row.addWidget(QuestionMark(question, about=title))
        self._row.addSpacing(theme.UNIT)
        self._row.addWidget(self._note)
        self._row.addStretch(1)
        # As high with tools as without, so that headings of neighbouring cards stand in line.
        self._heading.setMinimumHeight(theme.UNIT * 4)
        self._heading.setVisible(bool(title))
        outer.addWidget(self._heading)
        self.body = QVBoxLayout()
        self.body.setSpacing(theme.UNIT)
        outer.addLayout(self.body, 1)

    def set_title(self, title: str) -> None:
        """Show another heading."""
        self._title.setText(title)
        self._keep_readable()
        self.setAccessibleName(title)
        self._heading.setVisible(bool(title))

    def _keep_readable(self) -> None:
        """Let the note and the tools give way before a short heading does."""
        needed = round(theme.text_width(self._title.text(), theme.strong_font())) + 1
        self._title.setMinimumWidth(min(needed, LEAST_TITLE))

    @property
    def note(self) -> str:
        """The secondary text next to the heading."""
        return self._note.text()

    def set_note(self, note: str) -> None:
        """Show secondary text next to the heading, such as a count."""
        self._note.setText(note)

    def add(self, widget: QWidget, stretch: int = 0) -> None:
        """Add a widget to the body."""
        self.body.addWidget(widget, stretch)

    def add_tool(self, widget: QWidget) -> None:
        """Add a small control at the right of the heading."""
        self._row.addWidget(widget)
        self._heading.setVisible(True)


class Sheet(QDialog):
    """Choices that belong to one act, with the button that does it.

    Parameters
    ----------
    title, sentence : str
    accept : str
        What the button says, such as "Export".

    Attributes
    ----------
    body : QVBoxLayout
    accept_button : QPushButton
    """

    def __init__(self, title: str, sentence: str, accept: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(True)
        if sys.platform == "darwin":
            self.setWindowFlag(Qt.WindowType.Sheet)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(*[theme.UNIT * 3] * 4)
        outer.setSpacing(theme.UNIT * 2)
        heading = QLabel(title)
        heading.setFont(theme.title_font())
        words = QLabel(sentence)
        words.setWordWrap(True)
        words.setVisible(bool(sentence))
        outer.addWidget(heading)
        outer.addWidget(words)
        self.body = QVBoxLayout()
        self.body.setSpacing(theme.UNIT)
        outer.addLayout(self.body, 1)
        self._problem = QLabel()
        set_tone(self._problem, "bad")
        self._problem.setWordWrap(True)
        self._problem.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        outer.addWidget(self._problem)
        buttons = QDialogButtonBox()
        self.accept_button = QPushButton(accept)
        self.accept_button.setProperty("primary", True)
        self.accept_button.setDefault(True)
        buttons.addButton(self.accept_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(QPushButton("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Be wide enough for a sentence."""
        return super().sizeHint().expandedTo(QSize(theme.UNIT * 60, 0))

    def add(self, widget: QWidget, stretch: int = 0) -> None:
        """Add a widget to the body."""
        self.body.addWidget(widget, stretch)

    def fit(self) -> None:
        """Be as high as what is shown now: more or less of it than before."""
        layout = self.layout()
        if self.isVisible() and layout is not None:
            layout.activate()
            self.resize(self.width(), max(layout.totalHeightForWidth(self.width()), self.minimumHeight()))

    @property
    def problem(self) -> str:
        """The problem to fix before the button works; empty if there is none."""
        return self._problem.text()

    def set_problem(self, problem: str) -> None:
        """Say what has to be put right before the button works; an empty text lets it work."""
        self._problem.setText(problem)
        self.accept_button.setEnabled(not problem)
        self.accept_button.setToolTip(problem)
