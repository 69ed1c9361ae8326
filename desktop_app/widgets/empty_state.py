"""A placeholder for missing content: what will appear, and the button that creates it."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.words import set_tone

ICON_SIZE = QSize(48, 48)
MOST_WIDTH = theme.UNIT * 44


class EmptyState(QWidget):
    """An icon, a sentence and a button.

    Parameters
    ----------
    icon : str
        Name of an icon.
    sentence : str
        The content that will appear here.
    action : str
        What the button says; no button where it is empty.
    tooltip : str
        Of the button.

    Signals
    -------
    action_triggered : ()
    """

    action_triggered = Signal()

    def __init__(
        self, icon: str, sentence: str, action: str = "", tooltip: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._icon_name = icon
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence = QLabel(sentence)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence.setWordWrap(True)
        set_tone(self._sentence, "muted")
        self.button = QPushButton(action)
        self.button.setProperty("primary", True)
        self.button.clicked.connect(self.action_triggered)
        column = QVBoxLayout(self)
        column.setSpacing(theme.UNIT * 3 // 2)
        column.addStretch(1)
        for widget in (self._icon, self._sentence, self.button):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self.set_content(sentence, action, tooltip)
        theme.changed.connect(self._restyle)
        self._restyle()

    @property
    def sentence(self) -> str:
        """The sentence that is shown."""
        return self._sentence.text()

    def set_content(self, sentence: str, action: str = "", tooltip: str = "", why_not: str = "") -> None:
        """Say something else.

        Parameters
        ----------
        sentence, action, tooltip : str
        why_not : str
            Why the button cannot be pressed now; it can where this is empty.
        """
        self._sentence.setText(sentence)
        # A wrapped label inside an aligned layout is squeezed unless its height is said.
        width = min(round(theme.text_width(sentence)) + theme.UNIT, MOST_WIDTH)
        self._sentence.setFixedSize(width, self._sentence.heightForWidth(width))
        self.setAccessibleName(sentence)
        self.button.setText(action)
        self.button.setVisible(bool(action))
        self.button.setEnabled(not why_not)
        self.button.setToolTip(why_not or tooltip)

    def _restyle(self) -> None:
        self._icon.setPixmap(theme.icon(self._icon_name, "outline").pixmap(ICON_SIZE, self.devicePixelRatioF()))
