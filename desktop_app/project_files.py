"""New, open, save, close: every way from one project to the next, each asking first where something would be lost."""

import itertools
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget
from shiboken6 import isValid

from core.errors import CoresetError
from core.project import SUFFIX, Recovery, write_project
from core.resources import user_data_folder
from core.service.dataset_requests import DrawDemo
from core.settings import unknown_words
from core.version import __version__
from desktop_app.dialogs.question import Question
from desktop_app.messages import Messages
from desktop_app.project_lock import OtherWindow, ProjectLock
from desktop_app.project_model import ChangedOutsideError, ProjectModel
from desktop_app.recovery import Autosave, recovery_folder
from desktop_app.registries import sources
from desktop_app.service.engine import EngineService
from desktop_app.service.running import running_work, sentence
from desktop_app.settings import Preferences

PROJECT_FILTER = f"Projects (*{SUFFIX})"
DEMO_LAST_FILE = ".truth.csv"


def demo_folder() -> Path:
    """Return where the demo's pictures lie once they are drawn."""
    return user_data_folder() / "demo" / "synthetic cells"


class ProjectFiles(QObject):
    """Opens and saves projects for the window.

    Signals
    -------
    opened : ()
        A project is open that was not before, or none is any more.
    may_close : ()
        What `close` asked for may happen: nothing is lost.
    """

    opened = Signal()
    may_close = Signal()

    def __init__(
        self,
        model: ProjectModel,
        service: EngineService,
        messages: Messages,
        preferences: Preferences,
        autosave: Autosave,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._model, self._service, self._messages = model, service, messages
        self._preferences, self._autosave, self._window = preferences, autosave, window
        self._then: Callable[[], object] | None = None
        self._after_stop: Callable[[], object] = self._leave_unsaved
        self._wanted = Path()
        self._lock = ProjectLock(self)
        self._window_closed = False
        self._is_drawing = False
        self._demo_folder = Path()
        self.question: Question | None = None
        self._dialogs: list[QFileDialog] = []
        model.project_replaced.connect(self._on_replaced)
        model.saved_changed.connect(self._hold)
        autosave.changed_outside.connect(self._on_changed_outside)

    # --- asked for by menus, start page, drops ----------------------------------------------------------------

    def open_path(self, path: Path) -> None:
        """Open whatever a path is: a project, or a folder or file of images as a new project."""
        path = path.absolute()
        if path.suffix.lower() == SUFFIX and not path.is_dir():
            other = self._lock.other(path)
            if other is None:
                self._leave(partial(self._open, path))
            else:
                self._ask_about_other_window(path, other)
        elif path.is_dir() or path.suffix.lower() in sources().suffixes:
            self._leave(partial(self._start, path))
        else:
            choose = sources().alternatives(f"a {SUFFIX} project")
            self._messages.warning(f"{path.name} cannot be opened. Choose {choose}.")

    def close_project(self) -> None:
        """Go back to the start page."""
        self._leave(self._start_nothing)

    def close(self) -> None:
        """Ask whether the window may close; `may_close` is the answer, silence a no."""
        self._leave(self.may_close.emit)

    def recover(self, recovery: Recovery) -> None:
        """Open what a session that ended badly has left."""
        self._model.recover(recovery.project, recovery.file, recovery.digest)
        self.opened.emit()
        self._tell_missing()
        if recovery.file is not None and self._model.held_elsewhere:
            name = recovery.file.name
            self._messages.warning(f"{name} is open in another window. Save what was recovered under another name.")

    def recover_from(self, place: Path, recovery: Recovery) -> None:
        """Open the copy for recovery at `place`, once nothing is lost by it; the copy goes when it is kept anew."""
        self._leave(partial(self._recover_from, place, recovery))

    def _recover_from(self, place: Path, recovery: Recovery) -> None:
        self.recover(recovery)
        self._autosave.keep()
        if self._autosave.is_kept:
            with suppress(OSError):
                place.unlink(missing_ok=True)

    def release(self) -> None:
        """Let other windows know that the project is not open here any more, nor will be: the window is closed.

        Jobs that end later still change the model; that must not take the lock again.
        """
        self._window_closed = True
        self._lock.release()

    def _tell_missing(self) -> None:
        """Say what the project names that is not here, such as a sampler of a plugin; the project is as it was."""
        missing = unknown_words(self._model.project.settings)
        if missing:
            self._messages.warning(f"{self._model.name} needs what is not on this machine. {missing}")

    def open_demo(self) -> None:
        """Open the folder of synthetic cells, made first where it is not there yet."""
        folder = demo_folder()
        if (folder / DEMO_LAST_FILE).exists():
            self.open_path(folder)
        elif not self._is_drawing:
            shutil.rmtree(folder, ignore_errors=True)  # what a cancelled drawing has left
            self._demo_folder = folder
            self._is_drawing = True
            self._service.ask(
                DrawDemo(folder), self._on_demo_drawn, on_failed=self._on_demo_failed, on_cancelled=self._forget_demo
            )

    def choose_folder(self) -> QFileDialog:
        """Let the user choose a folder of images, by the dialog that is returned."""
        return self._ask_for(QFileDialog.FileMode.Directory, "Choose a folder of images", "", self._on_chosen)

    def choose_table(self) -> None:
        """Let the user choose a file of images, such as a CSV or .npz."""
        known = sources()
        title = f"Choose a {known.file_words()} file"
        self._ask_for(QFileDialog.FileMode.ExistingFile, title, known.file_filter(), self._on_chosen)

    def choose_project(self) -> None:
        """Let the user choose a project."""
        self._ask_for(QFileDialog.FileMode.ExistingFile, "Open a project", PROJECT_FILTER, self._on_chosen)

    def choose_new_place(self) -> None:
        """Let the user say where the images are now."""
        source = self._model.project.source
        if source is not None and source.suffix.lower() in sources().suffixes:
            mode, words = QFileDialog.FileMode.ExistingFile, sources().file_filter()
        else:
            mode, words = QFileDialog.FileMode.Directory, ""
        self._ask_for(mode, "Where are the images now?", words, self._on_located)

    def save(self) -> None:
        """Save, or ask where to where the project has no file."""
        if self._model.file is None:
            self.save_as()
        else:
            self._save_to(self._model.file)

    def save_as(self) -> None:
        """Ask where to save."""
        dialog = self._dialog("Save the project")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(PROJECT_FILTER)
        dialog.setDefaultSuffix(SUFFIX.lstrip("."))
        dialog.selectFile(f"{self._model.name or 'study'}{SUFFIX}")
        dialog.fileSelected.connect(self.save_to)
        dialog.rejected.connect(self._forget_then)
        dialog.open()

    def save_to(self, name: str) -> None:
        """Save to a file, and go on with what waited for it."""
        file = Path(name)
        named = file if file.suffix == SUFFIX else file.with_name(file.name + SUFFIX)
        if named != file and named != self._model.file and named.exists():  # the dialog has not asked about this one
            self._wanted = named
            self._ask(
                f"Replace {named.name}?",
                "There is a project of that name already; it would be lost.",
                {"replace": "Replace it", "stay": "Cancel"},
                self._on_replace_answered,
            )
        elif self._save_to(named, overwrite=True):
            self._go_on()

    def _on_replace_answered(self, answer: str) -> None:
        if answer != "replace":
            self._forget_then()
        elif self._save_to(self._wanted, overwrite=True):
            self._go_on()

    # --- leaving ----------------------------------------------------------------------------------------------

    def _leave(self, then: Callable[[], object]) -> None:
        """Do `then`, once nothing is lost by it."""
        self._then = then
        self._stop_work(self._leave_unsaved)

    def _stop_work(self, after: Callable[[], object]) -> None:
        """Do `after`, once the user lets go of what runs."""
        work = running_work(self._service)
        if not work:
            after()
            return
        self._after_stop = after
        more = "What a step has finished is kept and need not be computed again; other work starts anew next time."
        self._ask(
            "Stop what is running?",
            f"{sentence(work)} {more}",
            {"stop": "Stop it", "stay": "Let it run"},
            self._on_stop_answered,
        )

    def _on_stop_answered(self, answer: str) -> None:
        if answer == "stop":
            self._service.cancel_all()
            self._after_stop()
        else:
            self._forget_then()

    def _leave_unsaved(self) -> None:
        model = self._model
        by_itself = self._preferences.autosave and not model.held_elsewhere
        if model.has_unsaved_changes and model.file is not None and by_itself:
            if self._save_to(model.file, leaving=True):
                self._go_on()
        elif model.has_unsaved_changes and model.is_worth_keeping:
            self._ask(
                f"Save {model.name}?",
                "Its choices and results would be lost. Computed features stay in the cache either way.",
                {"save": "Save", "drop": "Don't save", "stay": "Cancel"},
                self._on_save_answered,
            )
        else:
            self._go_on()

    def _on_save_answered(self, answer: str) -> None:
        if answer == "drop":
            self._go_on()
        elif answer not in ("save", "save_as"):
            self._forget_then()
        elif self._model.file is None or answer == "save_as":
            self.save_as()
        elif self._save_to(self._model.file):
            self._go_on()

    def _go_on(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    def _forget_then(self) -> None:
        self._then = None

    def _ask(self, text: str, more: str, answers: dict[str, str], slot: Callable[[str], None]) -> None:
        self.question = Question(self._window, text, more, answers)
        self.question.finished.connect(self._on_question_closed)
        self.question.answered.connect(slot)
        self.question.open()

    def _on_question_closed(self) -> None:
        if self.sender() is self.question:
            self.question = None

    # --- other windows ----------------------------------------------------------------------------------------

    def _ask_about_other_window(self, file: Path, other: OtherWindow) -> None:
        """Ask before a project is opened that another window has."""
        self._wanted = file
        more = (
            "Opened anyway, it is not saved here by itself, and what both windows save is told apart when it is saved. "
            "Take it over if the other window is not in use any more."
        )
        answers = {"open": "Open anyway", "take": "Take over", "stay": "Cancel"}
        if other.is_old:
            more = f"That window has not been heard of for more than an hour; it may have ended badly. {more}"
            answers = {"take": "Take over", "open": "Open anyway", "stay": "Cancel"}
        self._ask(_is_open_elsewhere(file, other), more, answers, self._on_other_window_answered)

    def _on_other_window_answered(self, answer: str) -> None:
        if answer != "stay":
            self._leave(partial(self._open, self._wanted, take_over=answer == "take"))

    def _ask_before_taking_over(self, file: Path, other: OtherWindow) -> None:
        """Ask before the project's own file is saved while another window has it."""
        self._ask(
            _is_open_elsewhere(file, other),
            "What both windows save would stand in one file. Save under another name, or take the project over.",
            {"save_as": "Save as…", "mine": "Take over and save", "stay": "Cancel"},
            self._on_conflict_answered,
        )

    def _on_changed_outside(self, gone: bool) -> None:
        """Ask at once, unless the user is busy with another question; the next save asks then."""
        if self.is_asking():
            name = self._model.file.name if self._model.file is not None else ""
            self._messages.warning(f"{name} was changed by another window or program. Save to say what to do.")
        else:
            self._ask_about_change(gone=gone)

    def _ask_about_change(self, *, gone: bool) -> None:
        file = self._model.file
        assert file is not None  # noqa: S101 - only a file can have changed
        kept = "Your version is kept for recovery until you have chosen."
        if gone:
            self._ask(
                f"{file.name} is not there any more",
                f"It was moved or deleted. {kept}",
                {"save_as": "Save as…", "mine": "Save it there again", "stay": "Decide later"},
                self._on_conflict_answered,
            )
            return
        self._ask(
            f"{file.name} was changed by another window or program",
            f"{kept} Keep mine writes over the other version; take theirs opens it, and leaves yours beside it.",
            {"save_as": "Save as…", "mine": "Keep mine", "theirs": "Take theirs", "stay": "Decide later"},
            self._on_conflict_answered,
        )

    def _on_conflict_answered(self, answer: str) -> None:
        file = self._model.file
        if answer == "save_as":
            self.save_as()
        elif answer == "mine" and file is not None:
            if self._save_to(file, overwrite=True, take_over=True):
                self._go_on()
        elif answer == "theirs" and file is not None:
            self._take_theirs(file)
        else:
            self._forget_then()

    def _take_theirs(self, file: Path) -> None:
        """Leave this window's version beside the file, then open the file, or go where the user wanted to go."""
        try:
            copy = self._keep_copy(file)
            if self._then is None:
                self._model.open(file)
        except CoresetError as error:
            self._forget_then()
            self._messages.exception(error)
            return
        if self._then is None:
            self.opened.emit()
            self._tell_missing()
        self._preferences.remember(copy)
        self._messages.info(f"Your version is kept as {copy}.", copy.parent)
        self._go_on()

    def _keep_copy(self, file: Path) -> Path:
        """Write this window's version beside the file, or where that cannot be, into the user's data folder."""
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
            self._lock.release()
        elif file != self._lock.file:
            self._model.held_elsewhere = not self._lock.take(file)

    def _on_replaced(self) -> None:
        """Let go of the project before: its lock, and what is still asked of it, which must not act on the new one."""
        self._lock.release()
        question, self.question = self.question, None
        asking: list[QDialog] = [dialog for dialog in self._dialogs if isValid(dialog)]
        for dialog in asking if question is None else [*asking, question]:
            dialog.blockSignals(True)
            dialog.close()
        self._dialogs.clear()

    def is_asking(self) -> bool:
        """Whether a question or a file dialog of the files is open."""
        return self.question is not None or any(isValid(dialog) and dialog.isVisible() for dialog in self._dialogs)

    # --- doing ------------------------------------------------------------------------------------------------

    def _open(self, file: Path, *, take_over: bool = False) -> None:
        try:
            self._model.open(file)
        except CoresetError as error:
            if not file.exists():
                self._preferences.forget(file)
            self._messages.exception(error)
            return
        if take_over:
            self._lock.take(file, take_over=True)
            self._model.held_elsewhere = False
        self._preferences.remember(file)
        self._preferences.last_folder = file.parent
        self.opened.emit()
        self._tell_missing()

    def _start(self, source: Path) -> None:
        self._preferences.last_folder = source.parent
        self._model.start(source)
        self.opened.emit()

    def _start_nothing(self) -> None:
        self._model.close()
        self.opened.emit()

    def _save_to(self, file: Path, *, overwrite: bool = False, take_over: bool = False, leaving: bool = False) -> bool:
        """Save, or ask and return False; what waits for the save goes on waiting for the answer.

        With `leaving` there is a way out where the file cannot be written, as on a drive that is gone for good.
        """
        other = None if take_over else self._lock.other(file)
        if other is not None and file == self._model.file:
            if self._model.held_elsewhere:
                self._ask_before_taking_over(file, other)
                return False
        elif other is not None:
            self._messages.error(f"{_is_open_elsewhere(file, other)}. It was not saved; choose another name.")
            self._forget_then()
            return False
        try:
            self._model.save(file, overwrite=overwrite)
        except ChangedOutsideError as error:
            self._ask_about_change(gone=error.gone)
            return False
        except CoresetError as error:
            if leaving:
                self._ask(
                    f"Leave {self._model.name} without saving?",
                    str(error),
                    {"save_as": "Save as…", "drop": "Don't save", "stay": "Cancel"},
                    self._on_save_answered,
                )
            else:
                self._messages.exception(error)
                self._forget_then()
            return False
        self._model.held_elsewhere = not self._lock.take(file, take_over=take_over)
        self._autosave.clear()
        self._preferences.remember(file)
        self._messages.info(f"Saved to {file.name}.")
        return True

    def _ask_for(
        self, mode: QFileDialog.FileMode, title: str, name_filter: str, slot: Callable[[str], None]
    ) -> QFileDialog:
        dialog = self._dialog(title)
        dialog.setFileMode(mode)
        if name_filter:
            dialog.setNameFilter(name_filter)
        dialog.fileSelected.connect(slot)
        dialog.open()
        return dialog

    def _dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title, os.fspath(self._preferences.last_folder))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dialogs = [*(other for other in self._dialogs if isValid(other)), dialog]
        return dialog

    def _on_chosen(self, name: str) -> None:
        self.open_path(Path(name))

    def _on_located(self, name: str) -> None:
        self._then = partial(self._locate, Path(name))
        self._stop_work(self._go_on)  # what works on the images where they were is stopped

    def _locate(self, place: Path) -> None:
        self._preferences.last_folder = place.parent
        self._model.locate(place)

    def _on_demo_drawn(self, _nothing: None) -> None:
        self._is_drawing = False
        if self.question is not None or self._then is not None:  # on the way to another project, perhaps
            self._messages.info("The demo is drawn. Open it in the File menu.")
        else:
            self.open_path(self._demo_folder)

    def _forget_demo(self) -> None:
        self._is_drawing = False

    def _on_demo_failed(self, sentence: str, details: str) -> None:
        self._is_drawing = False
        self._messages.error(sentence, details)


def _is_open_elsewhere(file: Path, other: OtherWindow) -> str:
    return f"{file.stem} is open in another window {other.holder.where}"


def _free_name(folder: Path, name: str) -> Path:
    """Return a file for this window's version of a project: "study (mine).coreset", or with a number."""
    for number in itertools.count(1):
        file = folder / f"{name} (mine{'' if number == 1 else f' {number}'}){SUFFIX}"
        if not file.exists():
            return file
    raise AssertionError


def dropped_path(data: QMimeData) -> Path | None:
    """Return the folder, table or project that is dragged over the window, or None for anything else."""
    urls = data.urls()
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    if path is None or not (path.is_dir() or path.suffix.lower() in (SUFFIX, *sources().suffixes)):
        return None
    return path
