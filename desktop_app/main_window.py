"""The main window: it puts together the frame, the menus, the files and the job bar, and decides nothing else."""

import os
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QMainWindow,
    QToolTip,
)

from coreset_studio.core.descriptions import PluginProblem, plugin_problems
from coreset_studio.core.words import duration
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.cache_hold import CacheHold
from coreset_studio.desktop_app.dialogs.helpers import Helpers
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.job_watch import JobWatch
from coreset_studio.desktop_app.log_panel import LogPanel
from coreset_studio.desktop_app.logs import Log
from coreset_studio.desktop_app.menus import Menus
from coreset_studio.desktop_app.messages import Message
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.notifications import Notifications
from coreset_studio.desktop_app.pages import PLACES
from coreset_studio.desktop_app.pages.page import Page, PageContext
from coreset_studio.desktop_app.project_files import ProjectFiles, dropped_path
from coreset_studio.desktop_app.recovery import Autosave
from coreset_studio.desktop_app.run_all import RunAll
from coreset_studio.desktop_app.window_frame import EVERY, NAMES, STAGES, WindowFrame

TITLE_BAR = theme.UNIT * 5
"""About how high the system's title bar is, which is no part of the size asked for."""
FIRST = "Open a folder of images first."
WHERE_PLUGINS = "See Help > About for the complete list."


class MainWindow(QMainWindow):
    """Everything that is seen.

    Attributes
    ----------
    frame : WindowFrame
        Steps, pages, job bar.
    files : ProjectFiles
    helpers : Helpers
        The secondary windows.
    menus : Menus
    watch : JobWatch
    notifications : Notifications
    """

    def __init__(self, context: PageContext, autosave: Autosave, log: Log) -> None:
        super().__init__()
        self.context, self._model, self._service = context, context.model, context.service
        self._autosave = autosave
        self._may_close = self._asking = self._runs_all_next = False
        self._stop_question: Question | None = None
        self._plugin_words_to_show = _plugin_words(plugin_problems())
        self.setObjectName("main_window")
        self.setMinimumSize(theme.UNIT * 112, theme.UNIT * 75)
        self.setAcceptDrops(True)
        self.setWindowIcon(theme.app_icon())
        messages, preferences = context.messages, context.preferences
        self.files = ProjectFiles(self._model, self._service, messages, preferences, autosave, self)
        self._cache_hold = CacheHold(self._model, self)
        self.helpers = Helpers(preferences, self._service, messages, self)
        self.menus = Menus(self, self._model, preferences, (*NAMES.values(), *(place.name for place in PLACES)))
        self.frame = WindowFrame(context)
        self.setCentralWidget(self.frame)
        self.run_all = RunAll(self._model, self._service, messages, self.page, self.go_to_stage, self)
        self.watch = JobWatch(self.frame.job_bar, self._service, messages, NAMES, self._is_done, self)
        self.notifications = Notifications(self, self.watch, self._service, messages, preferences)
        self.log_panel = LogPanel(log, self)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.log_panel)
        self._connect()
        self._connect_commands()
        self._restore_layout()
        self._show_project()

    def _connect(self) -> None:
        files, host, start = self.files, self.frame.host, self.frame.host.start_page
        # Before any page is made, so that it comes first: a page that is shown starts the new project's jobs at once.
        self._model.project_replaced.connect(self._forget)
        start.folder_requested.connect(files.choose_folder)
        start.run_all_requested.connect(self._choose_everything)
        start.table_requested.connect(files.choose_table)
        start.demo_requested.connect(files.open_demo)
        start.project_requested.connect(files.choose_project)
        start.recent_requested.connect(files.open_path)
        files.opened.connect(self._on_opened)
        files.may_close.connect(self._close_now)
        host.run_state_changed.connect(self._show_running)
        host.step_requested.connect(self.go_to_stage)
        host.summary_reported.connect(self.watch.show_outcome)
        host.locate_requested.connect(files.choose_new_place)
        host.weights_requested.connect(self.helpers.show_weights)
        host.dataset_changed.connect(self._divide_again)
        host.similar_requested.connect(self._show_similar)
        self.helpers.weights_changed.connect(host.handle_weights_changed)
        self.frame.steps.step_chosen.connect(self.go_to)
        self.frame.strip.action_triggered.connect(files.choose_new_place)
        self.frame.strip.closed.connect(self.show_plugin_problems)
        self.menus.step_requested.connect(self.go_to)
        self.menus.recent_requested.connect(files.open_path)
        self.run_all.changed.connect(self._show_run_all)
        self.watch.stop_requested.connect(self.run_all.stop)
        self.watch.running_changed.connect(self._show_running)
        self.watch.running_changed.connect(self._withdraw_stop_question)
        self.watch.step_requested.connect(self.go_to_stage)
        self.context.messages.posted.connect(self._show_message)
        self._service.started.connect(self._on_job_changed)
        self._service.ended.connect(self._on_job_changed)
        self._model.states_changed.connect(self._show_states)
        self._model.saved_changed.connect(self._show_title)
        # Queued, so that the pages have forgotten the jobs of the old place before.
        self._model.source_changed.connect(self._begin, Qt.ConnectionType.QueuedConnection)

    def _connect_commands(self) -> None:
        files, helpers = self.files, self.helpers
        self.menus.actions.connect_all(
            {
                "new": files.close_project, "open_folder": files.choose_folder, "open_file": files.choose_table,
                "open_project": files.choose_project, "demo": files.open_demo, "save": files.saving.save,
                "save_as": files.saving.save_as, "locate": files.choose_new_place, "verify": helpers.choose_export,
                "quit": self.close, "settings": helpers.show_settings, "weights": helpers.show_weights,
                "tour": helpers.show_tour, "method": helpers.show_method,
                "samplers": helpers.show_samplers, "shortcuts": helpers.show_shortcuts, "about": helpers.show_about,
                "run": self.frame.host.run, "run_all": self.run_all.start, "cancel": self._cancel_by_key,
                "log": self._toggle_log, "full_screen": self._toggle_full_screen,
            }
        )  # fmt: skip

    # --- the project and its steps ----------------------------------------------------------------------------

    def page(self, stage: str) -> Page:
        """Return the page of a stage, made on first use."""
        return self.frame.host.page(stage)

    def go_to(self, position: int) -> None:
        """Show the step or other page at `position` of the side, from 0."""
        self.go_to_stage(EVERY[position])

    def go_to_stage(self, stage: str) -> None:
        """Show the step of a stage, or another page by its name."""
        self.frame.steps.set_current(EVERY.index(stage))
        self.frame.host.show_stage(stage, take_focus=not self.frame.steps.hasFocus())
        if stage in STAGES:
            self._model.set_choices(stage=stage)
            self.watch.enter(stage)
        self._show_running()

    def _show_similar(self, indices: tuple[int, ...]) -> None:
        """Show the images that are similar to these, on the Images page."""
        self.go_to_stage("images")
        self.page("images").show_similar(indices)

    def _divide_again(self) -> None:
        """Divide the dataset again once no more images are excluded, included or relabelled for a moment."""
        self.page("dataset").divide_soon()

    def _forget(self) -> None:
        """Leave nothing of the project before: no job, no answer, no word about it. The pages forget by themselves."""
        self._service.drop_all()
        self._service.selection.shut()
        self.watch.clear()
        self.frame.strip.clear()
        shared_store().forget()
        self.context.findings.forget()

    def _on_opened(self) -> None:
        runs_all, self._runs_all_next = self._runs_all_next, False
        self._show_project()
        self._begin()
        if runs_all:
            self.run_all.start()

    def _choose_everything(self) -> None:
        """Let a folder be chosen, and do everything with it."""
        self._runs_all_next = True
        self.files.choose_folder().rejected.connect(self._forget_run_all)

    def _forget_run_all(self) -> None:
        self._runs_all_next = False

    def _show_project(self) -> None:
        has_source = self._model.project.source is not None
        for position, action in enumerate(self.menus.steps):
            self.frame.steps.set_available(position, has_source, FIRST)
            action.setEnabled(has_source)
        self.menus.enable(("new", "save", "save_as", "locate"), has_source, FIRST)
        self._show_title()
        self._show_states()
        if has_source:
            self.go_to_stage(self._model.project.choices.stage)
        else:
            self.frame.steps.set_current(-1)
            self.frame.host.show_start()
            self._show_running()

    def _begin(self) -> None:
        """Scan at once: nobody opens a folder in order not to look at it."""
        self.frame.strip.clear()
        source = self._model.project.source
        if source is None:
            return
        if not source.exists():
            self._warn_not_found()
            return
        page = self.page("dataset")
        if self._model.value("dataset") is None and not page.reason_not_to_run():
            page.run()

    # --- showing ----------------------------------------------------------------------------------------------

    def _on_job_changed(self, number: int, stage: str) -> None:  # noqa: ARG002
        if stage:
            self._model.set_running(stage, self._service.is_running(stage))

    def _show_running(self) -> None:
        reason = self.frame.host.reason_not_to_run()
        self.menus.enable(("run",), not reason, reason)
        self.menus.enable(("cancel",), self.watch.is_running, "Nothing is running.")
        self._show_run_all()

    def _show_run_all(self) -> None:
        why_not = "All steps are running already." if self.run_all.is_running else FIRST
        can = not self.run_all.is_running and self._model.project.source is not None
        self.menus.enable(("run_all",), can, why_not)

    def _is_done(self, stage: str) -> bool:
        return self._model.state(stage) == "done"

    def _show_states(self) -> None:
        for position, stage in enumerate(STAGES):
            self.frame.steps.set_state(position, self._model.state(stage))

    def _show_title(self) -> None:
        name = self._model.name
        unsaved = self._model.file is None or self._model.has_unsaved_changes
        self.menus.set_title(f"{name}{' · unsaved' if unsaved else ''}" if name else "")
        # Qt marks unsaved changes in the place of [*], or on macOS in the button that closes the window.
        title = name.replace("[*]", "[*][*]") + "[*] – Coreset Studio"
        self.setWindowTitle(title if name else "Coreset Studio")
        self.setWindowModified(bool(name) and unsaved)
        self.setWindowFilePath(os.fspath(self._model.file or ""))

    def _show_message(self, message: Message) -> None:
        if message.level == "error" and self._is_gone():
            # One cause, said once where it can be mended; what failed for it stands in the log.
            self._warn_not_found()
        elif message.level == "error":
            self.helpers.show_error(message.sentence, message.details)
        elif message.level == "warning":
            self.frame.strip.show_message("warning", message.sentence)

    def _is_gone(self) -> bool:
        source = self._model.project.source
        return source is not None and not source.exists()

    def _warn_not_found(self) -> None:
        words = f"{self._model.project.source} was not found. If you moved it, locate it."
        self.frame.strip.show_message("warning", words, "Locate…", "Choose the new location of the images")

    def show_plugin_problems(self) -> None:
        """Say once what of the plugins is left out, when nothing else is being said: at the start, or later."""
        if self._plugin_words_to_show and self.frame.strip.isHidden():
            self.context.messages.warning(self._plugin_words_to_show)
            self._plugin_words_to_show = ""

    def _cancel_by_key(self) -> None:
        """Close a tip or take back a selection, else stop what runs; ask first where that has run for long."""
        focus = QApplication.focusWidget()
        if QToolTip.isVisible():
            QToolTip.hideText()
            return
        # By name: importing the plots takes a tenth of the time in which the window is shown.
        drop_selection = getattr(focus, "drop_selection", None)
        if drop_selection is not None and drop_selection():
            return
        if not self.watch.is_long:
            self.watch.cancel()
            return
        if self._stop_question is not None:
            return
        what = self.frame.job_bar.text.text().partition(" · ")[0]
        self._stop_question = Question(
            self,
            "Stop the running job?",
            (
                f"{what} has been running for {duration(self.watch.seconds)}. Finished work is kept; the rest must be "
                "computed again."
            ),
            {"stop": "Stop", "stay": "Keep running"},
        )
        self._stop_question.answered.connect(self._on_stop_answered)
        self._stop_question.open()

    def _on_stop_answered(self, answer: str) -> None:
        self._stop_question = None
        if answer == "stop":
            self.watch.cancel()

    def _withdraw_stop_question(self) -> None:
        """Ask no more once there is nothing to stop."""
        question = self._stop_question
        if question is not None and not self.watch.is_running:
            question.reject()

    def _toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _toggle_log(self) -> None:
        self.log_panel.setVisible(self.log_panel.isHidden())

    # --- the window itself ------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Press a button with Enter, and run the current step in the list of steps; elsewhere Enter runs nothing."""
        focus = QApplication.focusWidget()
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and isinstance(focus, QAbstractButton):
            focus.click()
        elif is_enter and focus is self.frame.steps:
            self.frame.host.run()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take one folder, table or project."""
        if dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open what was dropped, once the other program has its drag back."""
        path = dropped_path(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self._drop = path
            QTimer.singleShot(0, self._open_dropped)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Close at once where nothing is lost, else ask first."""
        if not self._may_close:
            self._asking = True  # Qt ignores a close inside a close
            self.files.close()
            self._asking = False
        if not self._may_close:
            event.ignore()
            return
        self.context.preferences.keep_window_bytes("geometry", self.saveGeometry())
        self.context.preferences.keep_window_bytes("layout", self.saveState())
        self._autosave.clear()
        self.files.saving.release()
        self.helpers.close_all()
        self._service.close()
        event.accept()

    def _close_now(self) -> None:
        self._may_close = True
        if not self._asking:
            self.close()

    def _open_dropped(self) -> None:
        self.files.open_path(self._drop)

    def _restore_layout(self) -> None:
        room = self.screen().availableGeometry()
        self.resize(min(theme.UNIT * 160, room.width()), min(theme.UNIT * 100, room.height() - TITLE_BAR))
        preferences = self.context.preferences
        self.restoreGeometry(preferences.window_bytes("geometry"))
        self.restoreState(preferences.window_bytes("layout"))


def _plugin_words(problems: Sequence[PluginProblem]) -> str:
    """Return the sentences of the first problem, and how many more there are; empty where there is none."""
    if not problems:
        return ""
    more = len(problems) - 1
    others = f" {more:,} more {'is' if more == 1 else 'are'} not loaded. {WHERE_PLUGINS}" if more else ""
    return problems[0].sentence + others
