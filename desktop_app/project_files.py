"""New, open, save, close: every way from one project to the next, each asking first where something would be lost."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from core.errors import CoresetError
from core.project import SUFFIX, Recovery
from core.resources import user_data_folder
from core.settings import unknown_words
from desktop_app.dialogs.question import Question
from desktop_app.messages import Messages
from desktop_app.project_model import ProjectModel
from desktop_app.recovery import Autosave
from desktop_app.registries import sources
from desktop_app.settings import Preferences
from desktop_app.worker import Worker

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
        worker: Worker,
        messages: Messages,
        preferences: Preferences,
        autosave: Autosave,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._model, self._worker, self._messages = model, worker, messages
        self._preferences, self._autosave, self._window = preferences, autosave, window
        self._then: Callable[[], object] | None = None
        self._target: Path | None = None
        self._demo_job: int | None = None
        self._demo_folder = Path()
        self.question: Question | None = None
        worker.finished.connect(self._on_job_finished)
        worker.failed.connect(self._on_job_failed)
        worker.cancelled.connect(self._on_job_cancelled)

    # --- asked for by menus, start page, drops ----------------------------------------------------------------

    def open_path(self, path: Path) -> None:
        """Open whatever a path is: a project, or a folder or file of images as a new project."""
        path = path.absolute()
        self._target = path
        if path.suffix.lower() == SUFFIX and not path.is_dir():
            self._leave(self._open_target)
        elif path.is_dir() or path.suffix.lower() in sources().suffixes:
            self._leave(self._start_target)
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
        self._model.recover(recovery.project, recovery.file)
        self.opened.emit()
        self._tell_missing()

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
        elif self._demo_job is None:
            shutil.rmtree(folder, ignore_errors=True)  # what a cancelled drawing has left
            self._demo_folder = folder
            self._demo_job = self._worker.start("", "core.data.demo:make_demo", (folder,))

    def choose_folder(self) -> None:
        """Let the user choose a folder of images."""
        self._ask_for(QFileDialog.FileMode.Directory, "Choose a folder of images", "", self._on_chosen)

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
        if self._save_to(file if file.suffix == SUFFIX else file.with_name(file.name + SUFFIX)):
            self._go_on()

    # --- leaving ----------------------------------------------------------------------------------------------

    def _leave(self, then: Callable[[], object]) -> None:
        """Do `then`, once nothing is lost by it."""
        self._then = then
        if any(self._worker.stage_of(number) for number in self._worker.running()):
            self._ask(
                "Stop what is running?",
                "A step is still running. What it has finished is kept and need not be computed again.",
                {"stop": "Stop it", "stay": "Let it run"},
                self._on_stop_answered,
            )
        else:
            self._leave_unsaved()

    def _on_stop_answered(self, answer: str) -> None:
        if answer == "stop":
            self._worker.cancel_all()
            self._leave_unsaved()
        else:
            self._forget_then()

    def _leave_unsaved(self) -> None:
        model = self._model
        if model.has_unsaved_changes and model.file is not None and self._preferences.autosave:
            if self._save_to(model.file):
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
        elif answer != "save":
            self._forget_then()
        elif self._model.file is None:
            self.save_as()
        elif self._save_to(self._model.file):
            self._go_on()

    def _go_on(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            self._autosave.clear()
            then()

    def _forget_then(self) -> None:
        self._then = None

    def _ask(self, text: str, more: str, answers: dict[str, str], slot: Callable[[str], None]) -> None:
        self.question = Question(self._window, text, more, answers)
        self.question.answered.connect(slot)
        self.question.open()

    # --- doing ------------------------------------------------------------------------------------------------

    def _open_target(self) -> None:
        file = self._target
        assert file is not None  # noqa: S101 - set by open_path, the only way here
        try:
            self._model.open(file)
        except CoresetError as error:
            if not file.exists():
                self._preferences.forget(file)
            self._messages.exception(error)
            return
        self._preferences.remember(file)
        self._preferences.last_folder = file.parent
        self.opened.emit()
        self._tell_missing()

    def _start_target(self) -> None:
        source = self._target
        assert source is not None  # noqa: S101 - set by open_path, the only way here
        self._preferences.last_folder = source.parent
        self._model.start(source)
        self.opened.emit()

    def _start_nothing(self) -> None:
        self._model.close()
        self.opened.emit()

    def _save_to(self, file: Path) -> bool:
        try:
            self._model.save(file)
        except CoresetError as error:
            self._messages.exception(error)
            self._forget_then()
            return False
        self._autosave.clear()
        self._preferences.remember(file)
        self._messages.info(f"Saved to {file.name}.")
        return True

    def _ask_for(self, mode: QFileDialog.FileMode, title: str, name_filter: str, slot: Callable[[str], None]) -> None:
        dialog = self._dialog(title)
        dialog.setFileMode(mode)
        if name_filter:
            dialog.setNameFilter(name_filter)
        dialog.fileSelected.connect(slot)
        dialog.open()

    def _dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title, os.fspath(self._preferences.last_folder))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    def _on_chosen(self, name: str) -> None:
        self.open_path(Path(name))

    def _on_located(self, name: str) -> None:
        self._preferences.last_folder = Path(name).parent
        self._model.locate(Path(name))

    def _on_job_finished(self, number: int, result: object) -> None:  # noqa: ARG002
        if number == self._demo_job:
            self._demo_job = None
            self.open_path(self._demo_folder)

    def _on_job_cancelled(self, number: int) -> None:
        if number == self._demo_job:
            self._demo_job = None

    def _on_job_failed(self, number: int, sentence: str, details: str) -> None:
        if number == self._demo_job:
            self._demo_job = None
            self._messages.error(sentence, details)


def dropped_path(data: QMimeData) -> Path | None:
    """Return the folder, table or project that is dragged over the window, or None for anything else."""
    urls = data.urls()
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    if path is None or not (path.is_dir() or path.suffix.lower() in (SUFFIX, *sources().suffixes)):
        return None
    return path
