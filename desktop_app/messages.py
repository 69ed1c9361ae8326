"""The one door for messages to the user: a typed signal, shown by the main window, replaced whole in tests."""

import logging
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal

from coreset_studio.core.errors import CoresetError

Level = Literal["info", "warning", "error"]
_log = logging.getLogger("coreset.messages")
_SEVERITY = {"info": logging.INFO, "warning": logging.INFO, "error": logging.INFO}


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes
    ----------
    level : {"info", "warning", "error"}
        An error interrupts with a dialog; the others pass by in the job bar.
    sentence : str
        What happened, what was expected, what to do.
    details : str
        Shown on request, to be copied; may be empty.
    file : Path or None
        Resulting file or folder, which the user can open.
    """

    level: Level
    sentence: str
    details: str = ""
    file: Path | None = None


class Messages(QObject):
    """Where every part of the window says what the user should know.

    Signals
    -------
    posted : (Message)
    """

    posted = Signal(Message)

    def info(self, sentence: str, file: Path | None = None) -> None:
        """Say what came out, and offer to open the file or folder."""
        self._post(Message("info", sentence, file=file))

    def warning(self, sentence: str, details: str = "") -> None:
        """Say what the user should look at."""
        self._post(Message("warning", sentence, details))

    def error(self, sentence: str, details: str = "") -> None:
        """Say what could not be done."""
        self._post(Message("error", sentence, details))

    def exception(self, error: BaseException) -> None:
        """Say what an exception means: its own sentence where it was raised on purpose."""
        details = "".join(traceback.format_exception(error))
        if isinstance(error, CoresetError):
            self.error(str(error), details)
        else:
            self.error("An internal error occurred. Your project was kept.", details)

    def _post(self, message: Message) -> None:
        _log.log(_SEVERITY[message.level], "%s: %s", message.level, message.sentence)
        self.posted.emit(message)
