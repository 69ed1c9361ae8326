"""A line of words inside a page: an information, a warning or an error, with what can be done about it."""

from typing import Literal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from coreset_studio.desktop_app import theme

Kind = Literal["info", "good", "warning", "bad"]
ICON: dict[str, str] = {"info": "info", "good": "done", "warning": "warning", "bad": "error"}
SPOKEN: dict[str, str] = {"info": "Information", "good": "Done", "warning": "Warning", "bad": "Error"}


class MessageStrip(QFrame):
    """One message with an icon, a button for what can be done, and a cross; hidden while it has nothing to say.

    Signals
    -------
    action_triggered : ()
    more_requested : ()
        The secondary button, for the details of the message.
    closed : ()
        The user sent it away.
    """

    action_triggered = Signal()
    more_requested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message_strip")
        self._kind: Kind = "info"
        self._icon = QLabel()
        self._icon.setFixedWidth(20)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._action = QPushButton()
        self._action.clicked.connect(self.action_triggered)
        self._more = QPushButton()
        self._more.setFlat(True)
        self._more.clicked.connect(self.more_requested)
        self._close = QToolButton()
        self._close.setIconSize(QSize(14, 14))
        self._close.setToolTip("Hide this message")
        self._close.setAccessibleName("Hide this message")
        self._close.clicked.connect(self._dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.UNIT * 3 // 2, theme.UNIT // 2, theme.UNIT // 2, theme.UNIT // 2)
        row.setSpacing(theme.UNIT)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(self._more)
        row.addWidget(self._action)
        row.addWidget(self._close)
        self.setMinimumHeight(theme.UNIT * 5)
        theme.changed.connect(self._restyle)
        self.hide()

    @property
    def kind(self) -> Kind:
        """The kind of the message that is shown, or was last."""
        return self._kind

    @property
    def action_button(self) -> QPushButton:
        """The button for the way out; without text where there is none."""
        return self._action

    @property
    def more_button(self) -> QPushButton:
        """The button for details."""
        return self._more

    @property
    def close_button(self) -> QToolButton:
        """The button that hides the message."""
        return self._close

    @property
    def text(self) -> str:
        """The message shown; empty while there is none."""
        return self._text.text()

    def show_message(
        self, kind: Kind, text: str, action: str = "", tooltip: str = "", *, more: str = "", closable: bool = True
    ) -> None:
        """Show a message.

        Parameters
        ----------
        kind : {"info", "good", "warning", "bad"}
        text : str
            What happened, and what to do.
        action : str
            What the button says; no button where it is empty.
        tooltip : str
            Of the button.
        more : str
            Text of a secondary button that shows details; no button if empty.
        closable : bool
            Whether the user may send the message away.
        """
        self._kind = kind
        self._text.setText(text)
        self._action.setText(action)
        self._action.setToolTip(tooltip)
        self._action.setVisible(bool(action))
        self._more.setText(more)
        self._more.setVisible(bool(more))
        self._close.setVisible(closable)
        self.setAccessibleName(f"{SPOKEN[kind]}: {text}")
        self._restyle()
        self.show()

    def clear(self) -> None:
        """Have nothing to say."""
        self._text.clear()
        self._action.setText("")
        self._action.setToolTip("")
        self.setAccessibleName("")
        self.hide()

    def _dismiss(self) -> None:
        self.clear()
        self.closed.emit()

    def _restyle(self) -> None:
        named = theme.colours()
        ground, ink = {
            "info": (named.accent_soft, "accent"),
            "good": (named.good_soft, "good"),
            "warning": (named.warning_soft, "warning"),
            "bad": (named.bad_soft, "bad"),
        }[self._kind]
        self.setStyleSheet(
            f"#message_strip {{ background: {ground}; border: none; border-radius: 6px; }}"
            f"#message_strip QLabel {{ color: {named.text}; background: transparent; }}"
        )
        self._icon.setPixmap(theme.icon(ICON[self._kind], ink).pixmap(QSize(18, 18), self.devicePixelRatioF()))
        theme.set_icon(self._close, "close")
