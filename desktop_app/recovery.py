"""Autosave: a project with a file is saved by itself, any other is kept for recovery until it is closed.

What cannot be saved to its file is kept for recovery, too: that copy is in the user's data folder, on another disk
perhaps.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from PySide6.QtCore import QObject, QTimer, Signal

from coreset_studio.core.errors import ProjectError
from coreset_studio.core.project import NewerProjectError, Recovery, read_recovery, write_recovery
from coreset_studio.core.resources import user_data_folder
from coreset_studio.core.version import __version__
from coreset_studio.desktop_app.messages import Messages
from coreset_studio.desktop_app.project_model import ChangedOutsideError, ProjectModel
from coreset_studio.desktop_app.settings import Preferences

DELAY_MS = 1500
RETRY_MS = 30_000
_log = logging.getLogger("coreset.recovery")
# What became of the last changes: saved, or kept for recovery as wanted; not saved but kept; neither.
SaveFailure = Literal["", "kept", "lost"]


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
        self._timer.timeout.connect(self.keep)
        self._failure: SaveFailure = ""
        self._conflict = False
        model.project_replaced.connect(self._on_replaced)
        model.saved_changed.connect(self._on_changed)

    @property
    def is_kept(self) -> bool:
        """Whether the last `keep` has put the changes on a disk: into the project's file or a copy for recovery."""
        return self._failure != "lost"

    def keep(self) -> None:
        """Save now: to the project's file if it has one and automatic saving is on, else for recovery."""
        self._timer.stop()
        model = self._model
        if not model.has_unsaved_changes or not model.is_worth_keeping:
            self.clear()
            return
        not_saved = not_kept = gone = None
        if model.file is not None and self._preferences.autosave and not model.held_elsewhere and not self._conflict:
            failure = self._failure
            try:
                model.save()
            except ChangedOutsideError as error:
                gone = error.gone
            except ProjectError as error:
                not_saved = error
            else:
                self.clear()
                if failure:
                    self._messages.info(f"Saving {model.file.name} works again.")
                return
        try:
            recovery = Recovery(model.project, model.file, model.digest)
            write_recovery(recovery, self.place, version=__version__)
        except ProjectError as error:
            not_kept = error
        self._report(not_saved, not_kept)
        if gone is not None:
            self._conflict = True
            self.changed_outside.emit(gone)

    def _report(self, not_saved: ProjectError | None, not_kept: ProjectError | None) -> None:
        """Report a fault when it begins and when it ends, not at every change, and retry from time to time."""
        before = self._failure
        self._failure = "lost" if not_kept is not None else "kept" if not_saved is not None else ""
        if self._failure:
            self._timer.start(RETRY_MS)
        if self._failure == before:
            return
        if not_kept is not None:
            self._messages.warning(f"{'' if not_saved is None else f'{not_saved} '}{not_kept}")
        elif not_saved is not None:
            self._messages.warning(f"{not_saved} Until then, your changes are kept for recovery in {self.place}.")
        else:
            self._messages.info("Your changes are kept for recovery again.")

    def clear(self) -> None:
        """Delete the recovery copy: the project is saved, or was discarded."""
        self._timer.stop()
        with suppress(OSError):
            self.place.unlink(missing_ok=True)

    def _on_changed(self) -> None:
        if self._model.has_unsaved_changes:
            self._timer.start(DELAY_MS)
        else:
            self._conflict, self._failure = False, ""
            self.clear()

    def _on_replaced(self) -> None:
        """Delete the recovery copy of the previous project: it was saved, or discarded."""
        self._conflict, self._failure = False, ""
        self.clear()


@dataclass(frozen=True)
class DamagedCopy:
    """A copy for recovery that cannot be read.

    Attributes
    ----------
    place : Path
        Its new path, under a name that is not read again.
    reason : str
        What is wrong, in a sentence.
    """

    place: Path
    reason: str


@dataclass(frozen=True)
class LeftBehind:
    """Projects and reports left by sessions that ended unexpectedly.

    Attributes
    ----------
    copies : tuple of (Path, Recovery)
        The newest first.
    damaged : tuple of DamagedCopy
    """

    copies: tuple[tuple[Path, Recovery], ...]
    damaged: tuple[DamagedCopy, ...]


def left_behind(folder: Path | None = None) -> LeftBehind:
    """Return what sessions that ended badly have left; copies that cannot be read are given another name."""
    found: list[tuple[float, Path, Recovery]] = []
    damaged: list[DamagedCopy] = []
    for place in sorted((folder or recovery_folder()).glob("*.json")):
        if _is_alive(place):
            continue
        try:
            found.append((place.stat().st_mtime, place, read_recovery(place)))
        except FileNotFoundError:  # another window has taken it up meanwhile
            continue
        except NewerProjectError:  # the newer version finds it when it is started again
            _log.info("%s is of a newer version", place)
        except Exception as error:  # whatever is wrong with it, the program starts
            reason = str(error) if isinstance(error, ProjectError) else f"It is damaged ({type(error).__name__})."
            with suppress(OSError):
                damaged.append(DamagedCopy(_set_aside(place), reason))
    copies = tuple((place, recovery) for _, place, recovery in sorted(found, key=_newest_first))
    return LeftBehind(copies, tuple(damaged))


def _set_aside(place: Path) -> Path:
    aside, number = place.with_name(f"{place.name}.damaged"), 1
    while aside.exists():
        number += 1
        aside = place.with_name(f"{place.name}.{number}.damaged")
    return place.rename(aside)


def _newest_first(entry: tuple[float, Path, Recovery]) -> float:
    return -entry[0]


def _is_alive(place: Path) -> bool:
    try:
        number, started = (int(part) for part in place.stem.split("-"))
        return abs(psutil.Process(number).create_time() - started) < 2
    except (ValueError, OverflowError, psutil.Error):
        return False
