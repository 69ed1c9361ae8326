"""Opens the secondary windows: settings, help, keys, about, and what went wrong."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QWidget

from coreset_studio.desktop_app.dialogs.about_dialog import AboutDialog
from coreset_studio.desktop_app.dialogs.help_pages import OVERVIEW
from coreset_studio.desktop_app.dialogs.question import DetailsDialog
from coreset_studio.desktop_app.dialogs.settings_dialog import SettingsDialog
from coreset_studio.desktop_app.dialogs.shortcuts_dialog import ShortcutsDialog
from coreset_studio.desktop_app.dialogs.verify_dialog import VerifyDialog
from coreset_studio.desktop_app.dialogs.weights_dialog import WeightsDialog
from coreset_studio.desktop_app.messages import Messages
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.settings import Preferences

if TYPE_CHECKING:
    from coreset_studio.desktop_app.dialogs.help_window import HelpWindow

MOST_ERRORS = 3


class Helpers(QObject):
    """The secondary windows, owned by the main window.

    Attributes
    ----------
    errors : list of DetailsDialog
        Errors that are shown now.

    Signals
    -------
    weights_changed : ()
        Weights were added to this computer.
    """

    weights_changed = Signal()

    def __init__(self, preferences: Preferences, service: EngineService, messages: Messages, window: QWidget) -> None:
        super().__init__(window)
        self._preferences, self._service, self._messages, self._window = preferences, service, messages, window
        self._help: HelpWindow | None = None
        self.errors: list[DetailsDialog] = []

    def show_settings(self) -> None:
        """Open the settings."""
        settings = SettingsDialog(self._preferences, self._service, self._messages, self._window)
        settings.weights_requested.connect(self.show_weights)
        settings.open()

    def show_weights(self) -> None:
        """Open the weights of pretrained networks."""
        weights = WeightsDialog(self._service, QApplication.activeModalWidget() or self._window)
        weights.weights_changed.connect(self.weights_changed)
        weights.open()

    def choose_export(self) -> None:
        """Let a folder be chosen, and verify the export in it."""
        dialog = QFileDialog(self._window, "Verify export", os.fspath(self._preferences.last_folder))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.verify_export)
        dialog.open()

    def verify_export(self, folder: str) -> None:
        """Verify an export and report the differences."""
        VerifyDialog(self._service, Path(folder), self._window).show()

    def show_tour(self) -> None:
        """Open the help at the tour."""
        self._open_help("tour")

    def show_method(self) -> None:
        """Open the help at the method."""
        self._open_help("method")

    def show_samplers(self) -> None:
        """Open the help at the overview of the samplers."""
        self._open_help(OVERVIEW)

    def show_licences(self) -> None:
        """Open the help at the licences."""
        self._open_help("licences")

    def show_shortcuts(self) -> None:
        """List the keys."""
        ShortcutsDialog(self._window).open()

    def show_about(self) -> None:
        """Show version, citation and licence."""
        about = AboutDialog(self._window)
        about.licences_requested.connect(about.reject)
        about.licences_requested.connect(self.show_licences)
        about.open()

    def show_error(self, sentence: str, details: str) -> None:
        """Say what could not be done; a fourth error at once waits in the log."""
        self._show_details("Action failed", sentence, details)

    def show_crash(self, report: str) -> None:
        """Say that something inside the program went wrong just now."""
        self._show_details(
            "Internal error",
            "Your project was kept and you can continue. If the program behaves strangely, save and restart it. The "
            "details help to fix the error; they contain no images and no patient names, but may contain folder "
            "names.",
            report,
        )

    def show_last_crash(self, reports: list[str]) -> None:
        """Say that the program ended badly last time."""
        self._show_details(
            "The program closed unexpectedly last time",
            "Computed results are still in the cache. The details help to fix the error.",
            "\n\n".join(reports),
        )

    def _show_details(self, title: str, sentence: str, details: str) -> None:
        if len(self.errors) >= MOST_ERRORS:
            return
        dialog = DetailsDialog(self._window, title, sentence, details)
        dialog.finished.connect(self._on_error_closed)
        self.errors.append(dialog)
        dialog.open()

    def _on_error_closed(self) -> None:
        closed = self.sender()
        self.errors = [dialog for dialog in self.errors if dialog is not closed]

    def _open_help(self, page: str) -> None:
        # Not before it is wanted: its figures import the plots, and the window is to be shown within a second.
        from coreset_studio.desktop_app.dialogs.help_window import show_help

        self._help = show_help(self._window, page)

    def close_all(self) -> None:
        """Close whatever is open."""
        for dialog in self._window.findChildren(QDialog):
            dialog.close()
