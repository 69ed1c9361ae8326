"""The "?" next to an unexpected number: two sentences, by mouse or keyboard."""

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import QToolButton, QToolTip, QWidget

from coreset_studio.desktop_app import theme

SHOWN_FOR_MS = 30_000


class QuestionMark(QToolButton):
    """A small button that shows an explanation next to it.

    Parameters
    ----------
    explanation : str
        Two sentences.
    about : str
        What it explains, for screen readers.
    """

    def __init__(self, explanation: str, about: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setIconSize(QSize(14, 14))
        self.setFixedSize(QSize(theme.UNIT * 3, theme.UNIT * 3))
        self.setAccessibleName(f"What is {about}?" if about else "Explain")
        theme.set_icon(self, "question", "muted")
        self.set_explanation(explanation)
        self.clicked.connect(self._show)

    def set_explanation(self, explanation: str) -> None:
        """Explain something else from now on."""
        self._explanation = explanation
        self.setAccessibleDescription(explanation)
        # Rich text makes tooltips wrap.
        self.setToolTip(f"<p style='white-space: pre-wrap'>{explanation}</p>")

    @property
    def explanation(self) -> str:
        """The sentences shown."""
        return self._explanation

    def _show(self) -> None:
        below = self.mapToGlobal(QPoint(0, self.height()))
        QToolTip.showText(below, self.toolTip(), self, self.rect(), SHOWN_FOR_MS)
