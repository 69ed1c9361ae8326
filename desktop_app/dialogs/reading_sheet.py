"""How images are read where the program has to guess: columns, folders, grey levels and pages, each with a preview."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QWidget

from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.settings import DataSettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.reading_columns import ColumnsTab, has_columns
from coreset_studio.desktop_app.dialogs.reading_layouts import LayoutsTab
from coreset_studio.desktop_app.dialogs.reading_levels import LevelsTab
from coreset_studio.desktop_app.dialogs.reading_pages import PagesTab
from coreset_studio.desktop_app.dialogs.reading_tab import ReadingTab
from coreset_studio.desktop_app.registries import sources
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.card import Sheet
from coreset_studio.desktop_app.widgets.controls import TabWidget

TITLE = "How the images were read"
SENTENCE = "The program reads images by what it finds in names and files. Check it here, and change what is wrong."
SIZE = QSize(theme.UNIT * 104, theme.UNIT * 70)
"""Room for ten rows of a table, in the smallest window."""


class ReadingSheet(Sheet):
    """The sheet; nothing changes before it is accepted.

    Parameters
    ----------
    source : Path
        What was opened.
    summary : DatasetSummary or None
        What the scan found; None before it, or where it failed.
    settings : DataSettings
    service : EngineService

    Attributes
    ----------
    tabs : TabWidget
    parts : tuple of ReadingTab

    Signals
    -------
    chosen : (dict)
        The fields of `DataSettings` that are to have other values; not empty.
    """

    chosen = Signal(object)

    def __init__(
        self,
        source: Path,
        summary: DatasetSummary | None,
        settings: DataSettings,
        service: EngineService,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(TITLE, SENTENCE, "Apply", parent)
        kinds = (summary.dataset.kind,) if summary is not None else sources().likely(source)
        parts: list[ReadingTab] = []
        table = next((kind for kind in kinds if has_columns(kind)), "")
        if table:
            parts.append(ColumnsTab(source, table, settings, service))
        elif any(kind in sources() and sources()[kind].is_folder for kind in kinds):
            parts.append(LayoutsTab(source, settings, service))
        parts += [LevelsTab(summary, settings, service), PagesTab(summary, settings, service)]
        self.parts = tuple(parts)
        self.tabs = TabWidget()
        self.tabs.setDocumentMode(True)
        for part in self.parts:
            self.tabs.addTab(part, part.title)
            part.changed.connect(self._check)
        self.tabs.currentChanged.connect(self._start)
        self.add(self.tabs, 1)
        self._problem.hide()  # the tabs say themselves what is wrong
        self.resize(SIZE)
        self.finished.connect(self._end)
        self.accepted.connect(self._emit)
        self._start(0)
        self._check()

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that are to have other values."""
        return {name: value for part in self.parts for name, value in part.changes().items()}

    def _start(self, number: int) -> None:
        self.parts[number].start()

    def _check(self) -> None:
        problem = next((part.problem for part in self.parts if part.problem and part.changes()), "")
        self.accept_button.setEnabled(not problem and bool(self.changes))
        self.accept_button.setToolTip(problem or ("" if self.changes else "Nothing has been changed"))
        for part in self.parts:
            self.tabs.setTabText(self.parts.index(part), f"{part.title} (changed)" if part.changes() else part.title)

    def _emit(self) -> None:
        changes = self.changes
        if changes:
            self.chosen.emit(changes)

    def _end(self) -> None:
        for part in self.parts:
            part.stop()
