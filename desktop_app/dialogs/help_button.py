"""The "?" next to a description, such as a sampler or an extractor, that opens its page in Help."""

from PySide6.QtWidgets import QToolButton, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.help_pages import page_of
from coreset_studio.desktop_app.dialogs.help_window import show_help


class HelpButton(QToolButton):
    """A small button that opens the page of one description.

    Parameters
    ----------
    kind : str
        Of the description, such as ``"sampler"``.
    name : str
        Of the description; it may be set later.

    Attributes
    ----------
    name : str
    """

    def __init__(self, kind: str, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind, self.name = kind, name
        self.setAutoRaise(True)
        self.setAccessibleName(f"About this {kind}")
        self.setToolTip(f"Open the Help page of this {kind}")
        theme.set_icon(self, "question", "muted")
        self.clicked.connect(self._open)

    def _open(self) -> None:
        show_help(self, page_of(self._kind, self.name))
