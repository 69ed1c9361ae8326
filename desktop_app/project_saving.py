"""Saving a project, and resolving conflicts with other windows and programs."""

import itertools
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from coreset_studio.core.errors import CoresetError
from coreset_studio.core.project import SUFFIX, write_project
from coreset_studio.core.version import __version__
from coreset_studio.desktop_app.messages import Messages
from coreset_studio.desktop_app.project_lock import OtherWindow, ProjectLock
from coreset_studio.desktop_app.project_model import ChangedOutsideError, ProjectModel
from coreset_studio.desktop_app.project_questions import ProjectQuestions
from coreset_studio.desktop_app.recovery import Autosave, recovery_folder
from coreset_studio.desktop_app.settings import Preferences

PROJECT_FILTER = f"Projects (*{SUFFIX})"


class ProjectSaving(QObject):
    """Saves the project that is open, and holds its lock.

    Attributes
    ----------
    lock : ProjectLock
        Tells other windows that the project is open here.

    Signals
    -------
    done : ()
        What waited for the save may go on: the project is saved, or need not be.
    given_up : ()
        It was not saved: actions that waited for the save are cancelled.
    gave_way : (file, copy)
        The version of another window or program is taken; this window's is in `copy`.
    """

    done = Signal()
    given_up = Signal()
    gave_way = Signal(Path, Path)

    def __init__(
        self,
        model: ProjectModel,
        messages: Messages,
        preferences: Preferences,
        autosave: Autosave,
        questions: ProjectQuestions,
    ) -> None:
        super().__init__(questions)
        self._model, self._messages, self._preferences = model, messages, preferences
        self._autosave, self._questions = autosave, questions
        self._target = Path()
        self._window_closed = False
        self.lock = ProjectLock(self)
        model.project_replaced.connect(self.lock.release)
        model.saved_changed.connect(self._hold)
        autosave.changed_outside.connect(self._on_changed_outside)

    def save(self) -> None:
        """Save, or ask where to where the project has no file."""
        if self._model.file is None:
            self.save_as()
        else:
            self._save_to(self._model.file)

    def save_as(self) -> None:
        """Ask where to save."""
        dialog = self._questions.file_dialog("Save project")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(PROJECT_FILTER)
        dialog.setDefaultSuffix(SUFFIX.lstrip("."))
        dialog.selectFile(f"{self._model.name or 'study'}{SUFFIX}")
        dialog.fileSelected.connect(self.save_to)
        dialog.rejected.connect(self.given_up)
        dialog.open()

    def save_to(self, name: str) -> None:
        """Save to a file, and go on with what waited for it."""
        file = Path(name)
        named = file if file.suffix == SUFFIX else file.with_name(file.name + SUFFIX)
        if named != file and named != self._model.file and named.exists():  # the dialog has not asked about this one
            self._target = named
            self._questions.ask(
                f"Replace {named.name}?",
                "A project of this name already exists. It would be overwritten.",
                {"replace": "Replace", "stay": "Cancel"},
                self._on_replace_answered,
            )
        elif self._save_to(named, overwrite=True):
            self.done.emit()

    def _on_replace_answered(self, answer: str) -> None:
        if answer != "replace":
            self.given_up.emit()
        elif self._save_to(self._target, overwrite=True):
            self.done.emit()

    def save_or_ask(self) -> None:
        """Save before the project is left: automatically if the user chose so, else ask whether to."""
        model = self._model
        by_itself = self._preferences.autosave and not model.held_elsewhere
        if model.has_unsaved_changes and model.file is not None and by_itself:
            if self._save_to(model.file, leaving=True):
                self.done.emit()
        elif model.has_unsaved_changes and model.is_worth_keeping:
            self._questions.ask(
                f"Save changes to {model.name}?",
                "Otherwise its settings and results are lost. Computed features stay in the cache in either case.",
                {"save": "Save", "drop": "Don't save", "stay": "Cancel"},
                self._on_save_answered,
            )
        else:
            self.done.emit()

    def _on_save_answered(self, answer: str) -> None:
        if answer == "drop":
            self.done.emit()
        elif answer not in ("save", "save_as"):
            self.given_up.emit()
        elif self._model.file is None or answer == "save_as":
            self.save_as()
        elif self._save_to(self._model.file):
            self.done.emit()

    # --- other windows and programs ---------------------------------------------------------------------------

    def _ask_before_taking_over(self, file: Path, other: OtherWindow) -> None:
        """Ask before the project's own file is saved while another window has it."""
        self._questions.ask(
            is_open_elsewhere(file, other),
            "Both windows would write to the same file. Save under another name, or take the project over.",
            {"save_as": "Save as…", "mine": "Take over and save", "stay": "Cancel"},
            self._on_conflict_answered,
        )

    def _on_changed_outside(self, gone: bool) -> None:
        """Ask at once, unless the user is busy with another question; the next save asks then."""
        if self._questions.is_asking():
            name = self._model.file.name if self._model.file is not None else ""
            self._messages.warning(f"{name} was changed by another window or program. Save to resolve the conflict.")
        else:
            self._ask_about_change(gone=gone)

    def _ask_about_change(self, *, gone: bool) -> None:
        file = self._model.file
        assert file is not None  # noqa: S101 - only a file can have changed
        kept = "Your version is kept for recovery until you decide."
        if gone:
            self._questions.ask(
                f"{file.name} was not found",
                f"The file was moved or deleted. {kept}",
                {"save_as": "Save as…", "mine": "Save it again", "stay": "Decide later"},
                self._on_conflict_answered,
            )
            return
        self._questions.ask(
            f"{file.name} was changed by another window or program",
            (
                f"{kept} “Keep mine” overwrites the other version; “Open theirs” opens it and saves yours in the same "
                "folder."
            ),
            {"save_as": "Save as…", "mine": "Keep mine", "theirs": "Open theirs", "stay": "Decide later"},
            self._on_conflict_answered,
        )

    def _on_conflict_answered(self, answer: str) -> None:
        file = self._model.file
        if answer == "save_as":
            self.save_as()
        elif answer == "mine" and file is not None:
            if self._save_to(file, overwrite=True, take_over=True):
                self.done.emit()
        elif answer == "theirs" and file is not None:
            self._take_theirs(file)
        else:
            self.given_up.emit()

    def _take_theirs(self, file: Path) -> None:
        """Leave this window's version next to the file, then give way to the other."""
        try:
            copy = self._keep_copy(file)
        except CoresetError as error:
            self.given_up.emit()
            self._messages.exception(error)
            return
        self.gave_way.emit(file, copy)

    def _keep_copy(self, file: Path) -> Path:
        """Write this window's version next to the file, or where that cannot be, into the user's data folder."""
        with suppress(CoresetError):
            copy = _free_name(file.parent, file.stem)
            write_project(self._model.project, copy, version=__version__)
            return copy
        copy = _free_name(recovery_folder(), file.stem)
        write_project(self._model.project, copy, version=__version__)
        return copy

    def _hold(self) -> None:
        """Have the lock of the project that is open, and of no other."""
        file = self._model.file
        if file is None or self._window_closed:
            self.lock.release()
        elif file != self.lock.file:
            self._model.held_elsewhere = not self.lock.take(file)

    def _save_to(self, file: Path, *, overwrite: bool = False, take_over: bool = False, leaving: bool = False) -> bool:
        """Save, or ask and return False; actions that wait for the save then wait for the answer.

        With `leaving` there is a way out where the file cannot be written, as on a drive that is gone for good.
        """
        other = None if take_over else self.lock.other(file)
        if other is not None and file == self._model.file:
            if self._model.held_elsewhere:
                self._ask_before_taking_over(file, other)
                return False
        elif other is not None:
            self._messages.error(f"{is_open_elsewhere(file, other)}. The project was not saved; choose another name.")
            self.given_up.emit()
            return False
        try:
            self._model.save(file, overwrite=overwrite)
        except ChangedOutsideError as error:
            self._ask_about_change(gone=error.gone)
            return False
        except CoresetError as error:
            if leaving:
                self._questions.ask(
                    f"Leave {self._model.name} without saving?",
                    str(error),
                    {"save_as": "Save as…", "drop": "Don't save", "stay": "Cancel"},
                    self._on_save_answered,
                )
            else:
                self._messages.exception(error)
                self.given_up.emit()
            return False
        self._model.held_elsewhere = not self.lock.take(file, take_over=take_over)
        self._autosave.clear()
        self._preferences.remember(file)
        self._messages.info(f"Saved to {file.name}.")
        return True

    def release(self) -> None:
        """Let other windows know that the project is not open here any more, nor will be: the window is closed.

        Jobs that end later still change the model; that must not take the lock again.
        """
        self._window_closed = True
        self.lock.release()


def is_open_elsewhere(file: Path, other: OtherWindow) -> str:
    """Return that a project is open in another window, without the full stop."""
    return f"{file.stem} is open in another window {other.holder.where}"


def _free_name(folder: Path, name: str) -> Path:
    """Return a file for this window's version of a project: "study (mine).coreset", or with a number."""
    for number in itertools.count(1):
        file = folder / f"{name} (mine{'' if number == 1 else f' {number}'}){SUFFIX}"
        if not file.exists():
            return file
    raise AssertionError
