"""New, open, close: every way from one project to the next, each asking first where something would be lost."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from coreset_studio.core.errors import CoresetError
from coreset_studio.core.project import SUFFIX, Recovery
from coreset_studio.core.resources import user_data_folder
from coreset_studio.core.service.dataset_requests import DrawDemo
from coreset_studio.core.settings import unknown_words
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.messages import Messages
from coreset_studio.desktop_app.project_lock import OtherWindow
from coreset_studio.desktop_app.project_model import ProjectModel
from coreset_studio.desktop_app.project_questions import ProjectQuestions
from coreset_studio.desktop_app.project_saving import PROJECT_FILTER, ProjectSaving, is_open_elsewhere
from coreset_studio.desktop_app.recovery import Autosave
from coreset_studio.desktop_app.registries import sources
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.service.running import running_work, sentence
from coreset_studio.desktop_app.settings import Preferences

DEMO_LAST_FILE = ".truth.csv"


def demo_folder() -> Path:
    """Return the folder of the demo's images once they are drawn."""
    return user_data_folder() / "demo" / "synthetic cells"


class ProjectFiles(QObject):
    """Opens projects for the window, and has them saved.

    Attributes
    ----------
    saving : ProjectSaving
        Saves the project that is open.

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
        self._preferences, self._autosave = preferences, autosave
        self._then: Callable[[], object] | None = None
        self._requested = Path()
        self._is_drawing = False
        self._demo_folder = Path()
        self._questions = ProjectQuestions(preferences, window)
        self.saving = ProjectSaving(model, messages, preferences, autosave, self._questions)
        self._after_stop: Callable[[], object] = self.saving.save_or_ask
        self.saving.done.connect(self._go_on)
        self.saving.given_up.connect(self._forget_then)
        self.saving.gave_way.connect(self._on_gave_way)
        model.project_replaced.connect(self._questions.close_all)

    # --- asked for by menus, start page, drops ----------------------------------------------------------------

    def open_path(self, path: Path) -> None:
        """Open whatever a path is: a project, or a folder or file of images as a new project."""
        path = path.absolute()
        if path.suffix.lower() == SUFFIX and not path.is_dir():
            other = self.saving.lock.other(path)
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
        self._warn_missing()
        if recovery.file is not None and self._model.held_elsewhere:
            name = recovery.file.name
            self._messages.warning(f"{name} is open in another window. Save the recovered project under another name.")

    def recover_from(self, place: Path, recovery: Recovery) -> None:
        """Open the copy for recovery at `place`, once nothing is lost by it; the copy goes when it is kept again."""
        self._leave(partial(self._recover_from, place, recovery))

    def _recover_from(self, place: Path, recovery: Recovery) -> None:
        self.recover(recovery)
        self._autosave.keep()
        if self._autosave.is_kept:
            with suppress(OSError):
                place.unlink(missing_ok=True)

    def _warn_missing(self) -> None:
        """Say what the project names that is not here, such as a sampler of a plugin; the project is as it was."""
        missing = unknown_words(self._model.project.settings)
        if missing:
            self._messages.warning(f"{self._model.name} uses components that are not installed. {missing}")

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
        return self._ask_for(QFileDialog.FileMode.Directory, "Choose image folder", "", self._on_chosen)

    def choose_table(self) -> None:
        """Let the user choose a file of images, such as a CSV or .npz."""
        known = sources()
        title = f"Choose a {known.file_words()} file"
        self._ask_for(QFileDialog.FileMode.ExistingFile, title, known.file_filter(), self._on_chosen)

    def choose_project(self) -> None:
        """Let the user choose a project."""
        self._ask_for(QFileDialog.FileMode.ExistingFile, "Open project", PROJECT_FILTER, self._on_chosen)

    def choose_new_place(self) -> None:
        """Let the user say where the images are now."""
        source = self._model.project.source
        if source is not None and source.suffix.lower() in sources().suffixes:
            mode, words = QFileDialog.FileMode.ExistingFile, sources().file_filter()
        else:
            mode, words = QFileDialog.FileMode.Directory, ""
        self._ask_for(mode, "Locate the images", words, self._on_located)

    # --- leaving ----------------------------------------------------------------------------------------------

    def _leave(self, then: Callable[[], object]) -> None:
        """Do `then`, once nothing is lost by it."""
        self._then = then
        self._stop_work(self.saving.save_or_ask)

    def _stop_work(self, after: Callable[[], object]) -> None:
        """Do `after`, once the user lets go of what runs."""
        work = running_work(self._service)
        if not work:
            after()
            return
        self._after_stop = after
        more = "Finished work is kept; the rest must be computed again next time."
        self._questions.ask(
            "Stop the running jobs?",
            f"{sentence(work)} {more}",
            {"stop": "Stop", "stay": "Keep running"},
            self._on_stop_answered,
        )

    def _on_stop_answered(self, answer: str) -> None:
        if answer == "stop":
            self._service.cancel_all()
            self._after_stop()
        else:
            self._forget_then()

    def _go_on(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    def _forget_then(self) -> None:
        self._then = None

    # --- other windows ----------------------------------------------------------------------------------------

    def _ask_about_other_window(self, file: Path, other: OtherWindow) -> None:
        """Ask before a project is opened that another window has."""
        self._requested = file
        more = (
            "If you open it anyway, changes here are not saved automatically, and conflicting changes are resolved "
            "when you save. Take it over if the other window is no longer in use."
        )
        answers = {"open": "Open anyway", "take": "Take over", "stay": "Cancel"}
        if other.is_old:
            more = f"That window has not responded for more than an hour; it may have crashed. {more}"
            answers = {"take": "Take over", "open": "Open anyway", "stay": "Cancel"}
        self._questions.ask(is_open_elsewhere(file, other), more, answers, self._on_other_window_answered)

    def _on_other_window_answered(self, answer: str) -> None:
        if answer != "stay":
            self._leave(partial(self._open, self._requested, take_over=answer == "take"))

    def _on_gave_way(self, file: Path, copy: Path) -> None:
        """Open the version that another window has saved, or continue to where the user was going."""
        if self._then is None:
            try:
                self._model.open(file)
            except CoresetError as error:
                self._messages.exception(error)
                return
            self.opened.emit()
            self._warn_missing()
        self._preferences.remember(copy)
        self._messages.info(f"Your version was saved as {copy}.", copy.parent)
        self._go_on()

    # --- asking -----------------------------------------------------------------------------------------------

    @property
    def question(self) -> Question | None:
        """The question that is open."""
        return self._questions.question

    def is_asking(self) -> bool:
        """Whether a question or a file dialog of the files is open."""
        return self._questions.is_asking()

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
            self.saving.lock.take(file, take_over=True)
            self._model.held_elsewhere = False
        self._preferences.remember(file)
        self._preferences.last_folder = file.parent
        self.opened.emit()
        self._warn_missing()

    def _start(self, source: Path) -> None:
        self._preferences.last_folder = source.parent
        self._model.start(source)
        self.opened.emit()

    def _start_nothing(self) -> None:
        self._model.close()
        self.opened.emit()

    def _ask_for(
        self, mode: QFileDialog.FileMode, title: str, name_filter: str, slot: Callable[[str], None]
    ) -> QFileDialog:
        dialog = self._questions.file_dialog(title)
        dialog.setFileMode(mode)
        if name_filter:
            dialog.setNameFilter(name_filter)
        dialog.fileSelected.connect(slot)
        dialog.open()
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
            self._messages.info("The demo is ready. Open it from the File menu.")
        else:
            self.open_path(self._demo_folder)

    def _forget_demo(self) -> None:
        self._is_drawing = False

    def _on_demo_failed(self, sentence: str, details: str) -> None:
        self._is_drawing = False
        self._messages.error(sentence, details)


def dropped_path(data: QMimeData) -> Path | None:
    """Return the folder, table or project that is dragged over the window, or None for anything else."""
    urls = data.urls()
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    if path is None or not (path.is_dir() or path.suffix.lower() in (SUFFIX, *sources().suffixes)):
        return None
    return path
