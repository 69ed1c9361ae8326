"""The program's log: a file in the user's data folder, and the lines as a Qt signal for the log panel."""

import logging
import logging.handlers
import os
from collections import deque
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

from coreset_studio.core.resources import user_data_folder

LINES_KEPT = 2000
ENGINE = "coreset.engine"
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class Log(QObject):
    """Everything that is logged, also what engine processes and Qt say.

    Signals
    -------
    line_added : (text)
        From any thread.
    """

    line_added = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._handlers: list[logging.Handler] = []

    def open(self, folder: Path | None = None) -> None:
        """Start to listen to Python's logging and to Qt; a folder that cannot be written costs the file only."""
        shown = _SignalHandler(self)
        shown.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
        self._handlers = [shown]
        with suppress(OSError):
            place = folder or user_data_folder() / "logs"
            place.mkdir(parents=True, exist_ok=True)
            kept = _SharedFile(place / "coreset-studio.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8")
            kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            self._handlers.append(kept)
        root = logging.getLogger()
        root.setLevel(logging.INFO)
        for handler in self._handlers:
            root.addHandler(handler)
        qInstallMessageHandler(_log_qt_message)

    def close(self) -> None:
        """Stop to listen."""
        qInstallMessageHandler(None)
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()
        self._handlers = []

    def add_engine_output(self, text: str) -> None:
        """Log what an engine process printed."""
        for line in text.splitlines():
            if line.strip():
                logging.getLogger(ENGINE).info("%s", line.rstrip())

    def add(self, line: str) -> None:
        """Keep one line and emit it."""
        self.lines.append(line)
        self.line_added.emit(line)

    def text(self) -> str:
        """Return the lines kept."""
        return "\n".join(self.lines)


class _SharedFile(logging.handlers.RotatingFileHandler):
    """A log file that several windows write to, each in a process of its own.

    Windows does not rename a file that another window has open: it then grows until that window is closed. Elsewhere,
    the other windows follow to the new file.
    """

    _next_attempt = 0

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802
        """Return whether to start a new file for `record`; go to the new file if another window has begun one."""
        with suppress(OSError):
            if self.stream is not None:
                there = Path(self.baseFilename).stat()
                if not os.path.samestat(os.fstat(self.stream.fileno()), there):
                    self.stream.close()
                    self.stream = self._open()
        if self.stream is not None and self.stream.seek(0, os.SEEK_END) < self._next_attempt:
            return False
        return bool(super().shouldRollover(record))

    def doRollover(self) -> None:  # noqa: N802
        """Begin a new file; where the old one cannot be renamed, go on in it."""
        self._next_attempt = 0
        try:
            super().doRollover()
        except OSError:
            self.stream = self._open()
            self._next_attempt = self.stream.seek(0, os.SEEK_END) + self.maxBytes


class _SignalHandler(logging.Handler):
    """Hands formatted records to the log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        # The window's objects may already be gone when a last thread logs.
        with suppress(RuntimeError):
            self._log.add(self.format(record))


def _log_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:  # noqa: ARG001
    logging.getLogger("coreset.qt").log(_LEVELS.get(kind, logging.WARNING), "%s", message)
