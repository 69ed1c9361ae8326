"""The pages of files with several: thumbnails of the pages of one file, a rule, and the image that it gives."""

from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from coreset_studio.core.results import PagesFacts
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.reading_requests import PreviewPages
from coreset_studio.core.settings import DataSettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.reading_tab import ReadingTab, captioned, label_of, pixmap_of, scaled_pixmap
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.controls import ComboBox, SpinBox

RULES = {
    "first": "The first page",
    "number": "The page with a number",
    "max": "Largest value of all pages",
    "mean": "Mean of all pages",
    "channels": "Pages as red, green and blue",
    "each": "Every page as a separate image",
}
AUTOMATIC = "first"
MOST_FILES = 200
MOST_PAGES = 10_000
PAGE_SIDE = theme.UNIT * 9
SIDE = theme.UNIT * 20
EMPTY = "No file has several pages, so there is nothing to choose."
NOT_SCANNED = "Scan the images first; their pages are not known yet."
_MARK = "#page="


class PagesTab(ReadingTab):
    """Which page of a file of several is read."""

    title = "Pages"

    def __init__(self, summary: DatasetSummary | None, settings: DataSettings, service: EngineService) -> None:
        super().__init__(service)
        self._summary, self._settings, self._pages = summary, settings, settings.pages
        self._files: list[str] = []
        if summary is not None:
            several = (one for one in summary.dataset.images if one.stored is not None and one.stored.n_pages > 1)
            single = (one for one in summary.dataset.images if _MARK in one.path)
            named = dict.fromkeys(one.path.rpartition(_MARK)[0] or one.path for one in (*several, *single))
            self._files = list(named)[:MOST_FILES]
        if not self._files:
            self.show_empty(NOT_SCANNED if summary is None else EMPTY)
            return
        self._lay_out()
        self._show_rule()

    def _lay_out(self) -> None:
        self.files, self.rules, self.number = ComboBox(), ComboBox(), SpinBox()
        self.files.addItems(self._files)
        self.files.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.files.setMinimumContentsLength(20)
        for rule, title in RULES.items():
            self.rules.addItem(title, rule)
        self.number.setRange(1, MOST_PAGES)
        self.number.setKeyboardTracking(False)
        named: tuple[tuple[QWidget, str, str], ...] = (
            (self.files, "File", "File whose pages are shown"),
            (self.rules, "Read", "What is read from every file with several pages"),
            (self.number, "Page", "Number of the page, from 1"),
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.UNIT)
        for at, (widget, name, tip) in enumerate(named):
            grid.addWidget(label_of(widget, name, tip), 0 if at < 1 else 1, 0 if at < 2 else 2)
            grid.addWidget(widget, 0 if at < 1 else 1, 1 if at < 2 else 3, 1, 3 if at < 1 else 1)
        grid.setColumnStretch(1, 1)
        self.files.currentIndexChanged.connect(self.preview)
        self.rules.currentIndexChanged.connect(self._choose)
        self.number.valueChanged.connect(self._choose)
        self.body.addLayout(grid)
        self.thumbnails = QListWidget()
        self.thumbnails.setViewMode(QListView.ViewMode.IconMode)
        self.thumbnails.setResizeMode(QListView.ResizeMode.Adjust)
        self.thumbnails.setMovement(QListView.Movement.Static)
        self.thumbnails.setIconSize(QSize(PAGE_SIDE, PAGE_SIDE))
        self.thumbnails.setAccessibleName("Pages of the file")
        self.thumbnails.setToolTip("Enter or a double click reads this page of every file")
        self.thumbnails.itemActivated.connect(self._take_page)
        self.result = QLabel()
        row = QHBoxLayout()
        row.setSpacing(theme.UNIT * 2)
        row.addWidget(self.thumbnails, 1)
        row.addLayout(captioned(self.result, "Image that is read", SIDE))
        self.body.addLayout(row, 1)

    # --- choosing ---------------------------------------------------------------------------------------------

    def changes(self) -> dict[str, Any]:
        """Return the pages, where they are others."""
        return {} if self._pages == self._settings.pages else {"pages": self._pages}

    def reset(self) -> None:
        """Read the first page."""
        self._pages = AUTOMATIC
        self._show_rule()
        self.changed.emit()
        self.preview()

    def _show_rule(self) -> None:
        is_number = self._pages.isdigit()
        for widget in (self.rules, self.number):
            widget.blockSignals(True)
        self.rules.setCurrentIndex(self.rules.findData("number" if is_number else self._pages))
        self.number.setValue(int(self._pages) if is_number else 1)
        for widget in (self.rules, self.number):
            widget.blockSignals(False)
        self.number.setEnabled(is_number)

    def _choose(self) -> None:
        rule = self.rules.currentData()
        self._pages = str(self.number.value()) if rule == "number" else rule
        self.number.setEnabled(rule == "number")
        self.changed.emit()
        self.preview_soon()

    def _take_page(self, item: QListWidgetItem) -> None:
        self._pages = str(self.thumbnails.row(item) + 1)
        self._show_rule()
        self.changed.emit()
        self.preview()

    # --- showing ----------------------------------------------------------------------------------------------

    def preview(self) -> None:
        """Read the pages of the file."""
        if self._files and self._summary is not None:
            dataset = self._summary.dataset
            file = self.files.currentText()
            self.ask(PreviewPages(dataset.kind, dataset.root, file, dataset.reading, self._pages), self._show)

    def _show(self, facts: PagesFacts) -> None:
        self.thumbnails.clear()
        for number, page in enumerate(facts.pages, 1):
            item = QListWidgetItem(QIcon(pixmap_of(page)), str(number) if page is not None else f"{number} (damaged)")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Page {number}")
            self.thumbnails.addItem(item)
        self.result.setPixmap(scaled_pixmap(facts.result, SIDE))
        shown = f", of which the first {len(facts.pages)} are shown" if len(facts.pages) < facts.n_pages else ""
        words = f"The file has {facts.n_pages:,} pages{shown}."
        if facts.problem:
            self.say(f"{words} {facts.problem} Such files are skipped.", "warning")
        else:
            self.say(f"{words} Each is an image of its own." if self._pages == "each" else words, "")
