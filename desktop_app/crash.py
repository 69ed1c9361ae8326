"""Handling of uncaught exceptions: keep a recovery copy, write a report, notify the user once."""

import faulthandler
import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

import psutil
from PySide6.QtCore import QObject, Qt, Signal, qVersion

from coreset_studio.core.resources import user_data_folder
from coreset_studio.core.version import __version__

REPORTS_KEPT = 10
_log = logging.getLogger("coreset.crash")


def crash_folder() -> Path:
    """Return the folder of crash reports."""
    return user_data_folder() / "crashes"


class CrashKeeper(QObject):
    """Catches what nobody caught, in every thread, and what the interpreter itself cannot raise.

    Signals
    -------
    crashed : (report)
        In the window's thread, for the first of several equal errors; the report is text to copy.
    """

    crashed = Signal(str)
    _caught = Signal(str)

    def __init__(self, folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder or crash_folder()
        self.rescues: list[Callable[[], None]] = []
        self._known: set[str] = set()
        self._native: TextIO | None = None
        self._native_file = self.folder / f"native-{psutil.Process().pid}.txt"
        self._caught.connect(self._on_caught, Qt.ConnectionType.AutoConnection)

    def install(self) -> None:
        """Take over the hooks of the interpreter."""
        sys.excepthook = self._hook
        threading.excepthook = self._thread_hook
        sys.unraisablehook = self._unraisable_hook
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._native = self._native_file.open("w", encoding="utf-8")
            faulthandler.enable(self._native, all_threads=True)

    def remove(self) -> None:
        """Give the hooks back, at an orderly end."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        sys.unraisablehook = sys.__unraisablehook__
        if self._native is not None:
            faulthandler.disable()
            self._native.close()
            self._native = None
            with suppress(OSError):
                self._native_file.unlink()

    def catch(self, error: BaseException, where: str = "") -> None:
        """Deal with an exception that was caught at the last moment."""
        self._caught.emit(_report(error, where))

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:  # noqa: ARG002
        if not isinstance(error, KeyboardInterrupt):
            self.catch(error)

    def _thread_hook(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.catch(args.exc_value, f"thread {args.thread.name if args.thread else ''}")

    def _unraisable_hook(self, args: "sys.UnraisableHookArgs") -> None:
        if args.exc_value is not None:
            self.catch(args.exc_value, f"{args.err_msg or ''} {args.object!r}")

    def _on_caught(self, report: str) -> None:
        body = report.split("\n\n", 1)[-1]
        if body in self._known:  # an error in painting comes back with every frame
            return
        self._known.add(body)
        _log.error("%s", report)
        for rescue in self.rescues:
            try:
                rescue()
            except Exception:
                _log.exception("Unsaved changes could not be kept")
        self._write(report)
        self.crashed.emit(report)

    def _write(self, report: str) -> None:
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            stamp = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S-%f")
            (self.folder / f"crash-{stamp}.txt").write_text(report, encoding="utf-8")
            for old in sorted(self.folder.glob("crash-*"))[:-REPORTS_KEPT]:
                old.unlink()


def reports_of_last_time(folder: Path | None = None) -> list[str]:
    """Return reports that nobody has seen yet, and mark them as seen.

    Only hard crashes are among them: what was shown when it happened is marked by `mark_seen`.
    """
    folder = folder or crash_folder()
    found: list[str] = []
    for file in sorted([*folder.glob("crash-*.txt"), *folder.glob("native-*.txt")]):
        with suppress(OSError, ValueError):
            if file.name.startswith("native-") and psutil.pid_exists(int(file.stem.split("-")[1])):
                continue
            text = file.read_text(encoding="utf-8", errors="replace").strip()
            if text:
                found.append(text)
                file.replace(file.with_suffix(".seen"))
            else:
                file.unlink()
    return found


def mark_seen(folder: Path | None = None) -> None:
    """Mark the reports of this session as seen: the user was notified."""
    for file in (folder or crash_folder()).glob("crash-*.txt"):
        with suppress(OSError):
            file.replace(file.with_suffix(".seen"))


def _report(error: BaseException, where: str) -> str:
    head = f"Coreset Studio {__version__}, Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}"
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    trace = "".join(traceback.format_exception(error)).strip()
    return f"{head}\n{when} {where}".rstrip() + f"\n\n{trace}"
