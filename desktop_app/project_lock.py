"""A lock file next to an open project, which shows other windows that it is open, here or on another computer.

It warns and forbids nothing: what is written over is noticed by the digest of the project file
(`ProjectModel.digest`), lock or no lock.
"""

import json
import os
import platform
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psutil
from PySide6.QtCore import QObject, QTimer

from coreset_studio.core.files import replace_atomically
from coreset_studio.core.forms import FormError, read_form, read_json
from coreset_studio.core.project import PROGRAM

RENEW_MS = 5 * 60 * 1000
# A lock of another computer that was not renewed for so long is that of a window that ended badly, or a computer that
# sleeps.
OLD_SECONDS = 60 * 60
_LOCK_BYTES = 100_000


@dataclass(frozen=True)
class Holder:
    """Who has a project open.

    Attributes
    ----------
    process : int
        Number of the process.
    started : float
        When the process started, in seconds since 1970: another process may have the number by now.
    host : str
        The computer.
    program : str
        Name of the program, for whoever looks into the file.
    since : str
        When the project was opened, in ISO 8601.
    window : str
        Distinguishes two windows of one process.
    """

    process: int
    started: float
    host: str
    program: str
    since: str
    window: str

    @property
    def where(self) -> str:
        """Return "on this computer" or "on" the other one."""
        return "on this computer" if self.host == platform.node() else f"on {self.host}"


@dataclass(frozen=True)
class OtherWindow:
    """Another window that has the project open.

    Attributes
    ----------
    holder : Holder
    is_old : bool
        Whether it has not been heard of for an hour; only of another computer, of which no more can be known.
    """

    holder: Holder
    is_old: bool


class ProjectLock(QObject):
    """One window's hold on the project that it has open.

    Attributes
    ----------
    file : Path or None
        The project that was taken last, also where its lock could not be written.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        process = psutil.Process()
        self._process, self._started = process.pid, process.create_time()
        self._window = uuid.uuid4().hex
        self.file: Path | None = None
        self._held: Path | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(RENEW_MS)
        self._timer.timeout.connect(self._renew)

    def other(self, file: Path) -> OtherWindow | None:
        """Return who else has a project open, or None; the lock of a process that is gone counts as none."""
        place = lock_place(file)
        holder = _read(place)
        if holder is None or holder.window == self._window:
            return None
        if holder.host == platform.node():
            return OtherWindow(holder, is_old=False) if _is_alive(holder) else None
        with suppress(OSError):
            return OtherWindow(holder, is_old=time.time() - place.stat().st_mtime > OLD_SECONDS)
        return None

    def take(self, file: Path, *, take_over: bool = False) -> bool:
        """Take hold of a project, and let go of the one before.

        Parameters
        ----------
        take_over : bool
            Also where another window has it.

        Returns
        -------
        bool
            False where another window has it. A lock that cannot be written, as in a folder that is read only, is no
            reason not to work.
        """
        if file != self.file:
            self.release()
        self.file = file
        if not take_over and self.other(file) is not None:
            return False
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        mine = Holder(self._process, self._started, platform.node(), PROGRAM, now, self._window)
        place = lock_place(file)
        with suppress(OSError):
            if place.parent.is_dir():  # it is not made again for a lock
                replace_atomically(place, json.dumps(asdict(mine)).encode())
                self._held = place
                self._timer.start()
        return True

    def release(self) -> None:
        """Let go of the project, and remove the lock file if it is still this window's."""
        self._timer.stop()
        if self._held is not None and self._is_mine(self._held):
            with suppress(OSError):
                self._held.unlink()
        self.file = self._held = None

    def _renew(self) -> None:
        """Show other computers that this window is still there."""
        if self._held is not None and self._is_mine(self._held):
            with suppress(OSError):
                os.utime(self._held)

    def _is_mine(self, place: Path) -> bool:
        holder = _read(place)
        return holder is not None and holder.window == self._window


def lock_place(file: Path) -> Path:
    """Return the path of the lock of a project file; a leading dot keeps it out of scans.

    A link is followed: two names of one file have one lock.
    """
    file = Path(os.path.realpath(file))
    return file.with_name(f".{file.name}.lock")


def _read(place: Path) -> Holder | None:
    """Return who holds a lock; None where there is none, or it is damaged."""
    try:
        return read_form(read_json(place, limit=_LOCK_BYTES), Holder)
    except (OSError, FormError):
        return None


def _is_alive(holder: Holder) -> bool:
    try:
        return abs(psutil.Process(holder.process).create_time() - holder.started) < 2
    except (psutil.Error, ValueError, OverflowError):
        return False
