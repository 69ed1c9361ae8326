"""Autosave: a project with a file is saved by itself, any other is kept for recovery until it is closed."""

from contextlib import suppress
from pathlib import Path

import psutil
from PySide6.QtCore import QObject, QTimer, Signal

from core.errors import ProjectError
from core.project import Recovery, read_recovery, write_recovery
from core.resources import user_data_folder
from core.version import __version__
from desktop_app.messages import Messages
from desktop_app.project_model import ChangedOutsideError, ProjectModel
from desktop_app.settings import Preferences

DELAY_MS = 1500


def recovery_folder() -> Path:
    """Return the folder of projects kept for recovery."""
    return user_data_folder() / "recovery"


class Autosave(QObject):
    """Saves, a moment after the last change.

    Parameters
    ----------
    folder : Path, optional
        Where projects without a file are kept; default in the user's data folder.

    Signals
    -------
    changed_outside : (gone)
        The project's file is not as this window left it: it is not saved by itself any more, until the user has said
        what should become of it. `gone` if it was moved or deleted.
    """

    changed_outside = Signal(bool)

    def __init__(
        self,
        model: ProjectModel,
        preferences: Preferences,
        messages: Messages,
        folder: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._preferences, self._messages = model, preferences, messages
        process = psutil.Process()
        # The time of its start tells this process from a later one with the same number.
        self.place = (folder or recovery_folder()) / f"{process.pid}-{process.create_time():.0f}.json"
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self.keep)
        self._failed = False
        self._conflict = False
        model.project_replaced.connect(self._on_replaced)
        model.saved_changed.connect(self._on_changed)

    def keep(self) -> None:
        """Save now: to the project's file where it has one and the user wants that, else for recovery."""
        self._timer.stop()
        model = self._model
        if not model.has_unsaved_changes or not model.is_worth_keeping:
            self.clear()
            return
        by_itself = self._preferences.autosave and not model.held_elsewhere and not self._conflict
        gone: bool | None = None
        try:
            if model.file is not None and by_itself:
                try:
                    model.save()
                    self.clear()
                except ChangedOutsideError as error:
                    gone = error.gone
            if model.has_unsaved_changes:
                recovery = Recovery(model.project, model.file, model.digest)
                write_recovery(recovery, self.place, version=__version__)
            self._failed = False
        except ProjectError as error:
            if not self._failed:  # once, not at every change
                self._messages.warning(str(error))
            self._failed = True
        if gone is not None:
            self._conflict = True
            self.changed_outside.emit(gone)

    def clear(self) -> None:
        """Take back what was kept for recovery: it is saved, or not wanted."""
        self._timer.stop()
        with suppress(OSError):
            self.place.unlink(missing_ok=True)

    def _on_changed(self) -> None:
        if self._model.has_unsaved_changes:
            self._timer.start()
        else:
            self._conflict = False
            self.clear()

    def _on_replaced(self) -> None:
        """Take back what was kept of the project before: it was saved, or not wanted."""
        self._conflict = self._failed = False
        self.clear()


def recoveries_of_last_time(folder: Path | None = None) -> list[tuple[Path, Recovery]]:
    """Return what sessions that ended badly have left, the newest first."""
    found: list[tuple[float, Path, Recovery]] = []
    for place in (folder or recovery_folder()).glob("*.json"):
        if _is_alive(place):
            continue
        try:
            found.append((place.stat().st_mtime, place, read_recovery(place)))
        except (ProjectError, OSError):
            with suppress(OSError):
                place.unlink()
    return [(place, recovery) for _, place, recovery in sorted(found, key=_newest_first)]


def _newest_first(entry: tuple[float, Path, Recovery]) -> float:
    return -entry[0]


def _is_alive(place: Path) -> bool:
    try:
        number, started = (int(part) for part in place.stem.split("-"))
        return abs(psutil.Process(number).create_time() - started) < 2
    except (ValueError, psutil.Error):
        return False
