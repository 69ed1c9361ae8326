"""Putting the application together: preferences, log, crash keeper, engine service, model, window."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSettings, QTimer, Signal
from PySide6.QtGui import QFileOpenEvent, QGuiApplication
from PySide6.QtWidgets import QApplication

from coreset_studio.core.project import Recovery
from coreset_studio.core.resources import ensure_home
from coreset_studio.core.typed_paths import unquoted
from coreset_studio.core.version import __version__
from coreset_studio.core.windows import make_known
from coreset_studio.desktop_app import crash, theme
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.garbage import GarbageCollection
from coreset_studio.desktop_app.logs import Log
from coreset_studio.desktop_app.main_window import MainWindow
from coreset_studio.desktop_app.messages import Messages
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.project_model import ProjectModel
from coreset_studio.desktop_app.recovery import Autosave, left_behind
from coreset_studio.desktop_app.registries import sources
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.settings import Preferences

ORGANISATION = APPLICATION = "coreset-studio"
ASK_AGAIN_MS = 200


@dataclass(frozen=True)
class Options:
    """The arguments of the command line: a path to open, or the demo."""

    path: Path | None = None
    demo: bool = False


class StudioApplication(QApplication):
    """The Qt application.

    macOS does not name a file that was double-clicked or dropped on the icon in the arguments of the program: it sends
    an event, which may come before the window is made and at any time after.

    Signals
    -------
    file_requested : (Path)
    """

    file_requested = Signal(object)

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__(list(arguments))
        self._early: list[Path] = []
        self._has_receiver = False

    def early_requests(self) -> list[Path]:
        """Return the files that were requested so far; later ones are emitted."""
        self._has_receiver = True
        early, self._early = self._early, []
        return early

    def event(self, event: QEvent) -> bool:
        """Take the request to open a file; everything else as usual."""
        if event.type() == QEvent.Type.FileOpen and isinstance(event, QFileOpenEvent) and event.file():
            path = Path(event.file())
            if self._has_receiver:
                self.file_requested.emit(path)
            else:
                self._early.append(path)
            return True
        return super().event(event)


class Application(QObject):
    """Owns everything that lives as long as the program.

    Attributes
    ----------
    window : MainWindow
    """

    def __init__(self, app: QApplication, options: Options, store: QSettings | None = None) -> None:
        super().__init__(app)
        self._without_home = ensure_home()
        self.garbage = GarbageCollection(self)
        self.garbage.start()
        self._path, self._demo = options.path, options.demo
        self._has_begun = False
        self._left: list[tuple[Path, Recovery]] = []
        self._recovered = False
        self.log = Log(self)
        self.log.open()
        self.preferences = Preferences(store or QSettings(ORGANISATION, APPLICATION), self)
        theme.apply(app, self.preferences.theme)
        self.preferences.theme_changed.connect(self._on_theme_changed)
        self.messages = Messages(self)
        self.service = EngineService(self)
        self.service.threads = self.preferences.threads or None
        self.service.logged.connect(self.log.add_engine_output)
        model = ProjectModel(self)
        self.autosave = Autosave(model, self.preferences, self.messages, parent=self)
        self.crash_keeper = crash.CrashKeeper(parent=self)
        self.crash_keeper.rescues.append(self.autosave.keep)
        self.crash_keeper.install()
        self.context = PageContext(model, self.service, self.messages, self.preferences)
        self.window = MainWindow(self.context, self.autosave, self.log)
        self.crash_keeper.crashed.connect(self._on_crashed)
        app.aboutToQuit.connect(self.close)
        if isinstance(app, StudioApplication):
            app.file_requested.connect(self._on_file_requested)
            for path in app.early_requests():
                self._on_file_requested(path)

    def start(self) -> None:
        """Show the window, then deal with what was asked for and with what last time left."""
        self.window.show()
        QTimer.singleShot(0, self._begin)

    def close(self) -> None:
        """End what would outlive the window."""
        self.window.files.saving.release()
        self.service.close()
        self.garbage.stop()  # after the worker thread has ended
        self.crash_keeper.remove()
        self.log.close()

    def _begin(self) -> None:
        if self._without_home:
            self.messages.warning(self._without_home)
        reports = crash.reports_of_last_time()
        if reports:
            self.window.helpers.show_last_crash(reports)
        left = left_behind()
        if left.damaged:
            places = " and ".join(str(damaged.place) for damaged in left.damaged)
            self.messages.error(
                "Unsaved changes from a crashed session cannot be read and are not offered again. They are kept in "
                f"{places}.",
                "\n".join(damaged.reason for damaged in left.damaged),
            )
        self._left = list(left.copies)
        self._offer_next()

    def _open_requested(self) -> None:
        path, self._path = self._path, None
        if path is not None:
            self.window.files.open_path(path)
        elif self._demo:
            self.window.files.open_demo()
        self._demo = False

    def _on_file_requested(self, path: Path) -> None:
        """Open a file that the system names while the program runs, or once it has begun."""
        if self._path is not None and self._path != path:
            self.messages.warning(f"{self._path.name} was not opened, because one window shows one project.")
        is_waiting = self._path is not None
        self._path = path
        if self._has_begun and not is_waiting:
            self._open_when_possible()

    def _open_when_possible(self) -> None:
        if self.window.files.is_asking():  # what becomes of the open project, perhaps
            QTimer.singleShot(ASK_AGAIN_MS, self._open_when_possible)
        else:
            self.window.raise_()
            self.window.activateWindow()
            self._open_requested()

    def _offer_next(self) -> None:
        """Offer what was not saved, one after the other, then open what was asked for."""
        if self.window.files.is_asking():  # what became of the one before is being asked
            QTimer.singleShot(ASK_AGAIN_MS, self._offer_next)
        elif self._left:
            self._offer(*self._left.pop(0))
        else:
            self._has_begun = True
            if self._recovered:
                self._path = None  # the recovered project is shown
            else:
                self._open_requested()
            # After what was opened, which clears what was said before.
            self.window.show_plugin_problems()

    def _offer(self, place: Path, recovery: Recovery) -> None:
        self._offered = place, recovery
        project = recovery.project
        name = recovery.file.stem if recovery.file else project.source.name if project.source else "an untitled project"
        more = "The program closed unexpectedly before these changes were saved."
        if self._left:
            more += f" {len(self._left)} more will be offered next."
        answers = {"recover": "Recover", "drop": "Don't recover", "later": "Ask next time"}
        question = Question(self.window, f"Recover {name}?", more, answers)
        question.answered.connect(self._on_recovery_answered)
        question.open()

    def _on_recovery_answered(self, answer: str) -> None:
        place, recovery = self._offered
        if answer == "recover":
            self._recovered = True
            self.window.files.recover_from(place, recovery)
        elif answer == "drop":
            with suppress(OSError):
                place.unlink(missing_ok=True)
        self._offer_next()

    def _on_theme_changed(self, mode: theme.Mode) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, mode)

    def _on_crashed(self, report: str) -> None:
        self.window.helpers.show_crash(report)
        crash.mark_seen()


def make_qt_application(arguments: Sequence[str]) -> StudioApplication:
    """Return the Qt application, named and ready for preferences."""
    make_known(has_window=True)  # before the first window
    app = StudioApplication(arguments[:1])
    app.setApplicationName(APPLICATION)
    app.setApplicationDisplayName("Coreset Studio")
    app.setOrganizationName(ORGANISATION)
    app.setApplicationVersion(__version__)
    QGuiApplication.setDesktopFileName("coreset-studio")
    return app


def parse_arguments(arguments: Sequence[str]) -> Options:
    """Read the command line; ends the program on ``--help`` and ``--version``."""
    parser = argparse.ArgumentParser(prog="coreset-studio", description="Select a small, diverse training subset.")
    parser.add_argument("path", nargs="?", type=Path, help=sources().alternatives("a project"))
    parser.add_argument("--demo", action="store_true", help="open the demo: synthetic stained cells")
    parser.add_argument("--version", action="version", version=f"Coreset Studio {__version__}")
    parsed = parser.parse_args([unquoted(each) for each in arguments[1:]])
    return Options(parsed.path, parsed.demo)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the application until its window is closed, and return the exit code."""
    arguments = sys.argv if arguments is None else arguments
    options = parse_arguments(arguments)
    app = make_qt_application(arguments)
    application = Application(app, options)
    application.start()
    return app.exec()
