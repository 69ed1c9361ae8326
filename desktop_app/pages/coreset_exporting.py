"""Exporting from the Coreset page: ask, write, verify, open the folder."""

from dataclasses import fields
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QPushButton

from coreset_studio.core.results import ExportResult, VerifyResult
from coreset_studio.core.service.coreset_requests import DescribeExport, ExportCoreset, VerifyExport
from coreset_studio.core.settings import ExportSettings
from coreset_studio.desktop_app.dialogs.verify_dialog import VerifyDialog
from coreset_studio.desktop_app.pages.coreset_export import ExportSheet, export_words
from coreset_studio.desktop_app.pages.methods import copy_methods
from coreset_studio.desktop_app.pages.page import Page
from coreset_studio.desktop_app.widgets.message_strip import Kind, MessageStrip


class Exporting(QObject):
    """Runs the export of a page and reports the outcome; every export is verified as soon as it is written."""

    def __init__(self, page: Page, strip: MessageStrip, methods: QPushButton) -> None:
        super().__init__(page)
        self._page, self._strip, self._methods = page, strip, methods
        methods.clicked.connect(self.describe)
        self.folder: Path | None = None
        self.sheet: ExportSheet | None = None
        self._written = ""
        self._found: VerifyResult | None = None
        strip.action_triggered.connect(self.open_folder)
        strip.more_requested.connect(self.verify)

    def ask(self, n_images: int) -> None:
        """Open the sheet."""
        page = self._page
        self.sheet = ExportSheet(page.model.settings("export"), self._suggested(), n_images, page)
        self.sheet.chosen.connect(self._start)
        self.sheet.finished.connect(self.sheet.deleteLater)
        self.sheet.open()

    def forget(self) -> None:
        """Know of no export; the sheet has been closed with the other windows of the page."""
        self.folder, self.sheet, self._written, self._found = None, None, "", None
        self._strip.clear()

    def _suggested(self) -> Path:
        source = self._page.model.project.source or Path.home()
        settings = self._page.model.settings("selection")
        start = f"{source.stem} {settings.sampler}"
        folder, number = source.parent / start, 2
        while folder.exists():
            folder, number = source.parent / f"{start} {number}", number + 1
        return folder

    def _start(self, folder: object, settings: object, overwrite: bool) -> None:
        if not isinstance(folder, Path) or not isinstance(settings, ExportSettings):
            return
        page = self._page
        changes = {one.name: getattr(settings, one.name) for one in fields(settings)}
        if page.change_settings("export", text="change of the export settings", **changes):
            notes = page.model.project.image_notes
            page.ask(ExportCoreset(page.study(), folder, overwrite, notes), self._show_export)

    def _show_export(self, summary: ExportResult) -> None:
        """Tell what was written, and verify it."""
        self.folder, self._found = summary.folder, None
        self._written = export_words(summary)
        self._methods.show()
        self._show_message("info", "Verifying…")
        self._page.ask(
            VerifyExport(summary.folder),
            self._show_verified,
            on_failed=partial(self._show_unverified, "verification failed"),
            on_cancelled=partial(self._show_unverified, "verification was cancelled"),
        )

    def describe(self) -> None:
        """Copy what was done for the export that was written last, for the Methods section of a publication."""
        if self.folder is not None:
            self._page.ask(DescribeExport(self.folder), partial(copy_methods, self._page.messages))

    def _show_verified(self, summary: VerifyResult) -> None:
        """Show the result of the verification."""
        self._found = summary
        self._show_message(
            "good" if summary.ok else "bad", summary.sentence, "Verify again" if summary.ok else "Show differences"
        )

    def _show_unverified(self, why: str) -> None:
        """Report that the export is complete but was not verified, after Cancel or a failure."""
        self._show_message("warning", f"The export is complete but unverified: {why}.", "Verify")

    def _show_message(self, kind: Kind, words: str, more: str = "") -> None:
        self._strip.show_message(
            kind, f"{self._written} {words}", "Open folder", "Show the folder in the file manager", more=more
        )

    def verify(self) -> None:
        """Show the differences that were found; verify again where there were none, or the export is unverified."""
        if self.folder is not None:
            known = self._found if self._found is not None and not self._found.ok else None
            VerifyDialog(self._page.service, self.folder, self._page, result=known).show()

    def open_folder(self) -> None:
        """Show the folder in the file browser."""
        if self.folder is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.folder))):
            self._page.messages.warning(f"No file manager was found. The folder is {self.folder}.")
