"""Copy a Methods paragraph to the clipboard."""

from PySide6.QtGui import QGuiApplication

from coreset_studio.core.results import MethodsText
from coreset_studio.desktop_app.messages import Messages

COPIED = "The Methods paragraph and its references were copied. Check them before use."


def copy_methods(messages: Messages, found: MethodsText) -> None:
    """Copy the paragraph, with what it cites as BibTeX below it, and say so."""
    QGuiApplication.clipboard().setText(f"{found.text}\n\n{found.bibtex}")
    messages.info(" ".join((COPIED, *found.notes)))
