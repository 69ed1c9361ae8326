"""Findings of a dataset: skipped files, duplicates, leaks, quality, suspected label errors, near-duplicates, notes."""

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from coreset_studio.core.descriptions import choices_of, inside_sentence
from coreset_studio.core.results import Image
from coreset_studio.core.service.dataset_requests import FINDING, DatasetFindings, DatasetSummary, ExclusionSuggestion
from coreset_studio.core.settings import DataSettings, QualitySettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.pages.dataset_content import READING, READING_TIP
from coreset_studio.desktop_app.pages.dataset_quality import QualityPanel
from coreset_studio.desktop_app.widgets.controls import TabWidget
from coreset_studio.desktop_app.widgets.duplicates_table import Copy, DuplicatesTable
from coreset_studio.desktop_app.widgets.skipped_table import SkippedTable
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import images


class Findings(TabWidget):
    """Tabs of findings; images are only excluded on request.

    Signals
    -------
    keep_one_requested, drop_leaks_requested, label_errors_requested : ()
    exclusion_requested, inclusion_requested : (tuple of int)
        Indices of images to exclude, or to include again.
    threshold_requested : (str, float)
        Name of a quality check, and its new threshold.
    layout_requested : (str)
        Read the folders with this layout.
    pattern_requested : (str)
        Exclude images that match this pattern.
    reading_requested : ()
        Show how the images were read.
    opened : (int, object)
        An image to be shown large, and the list of images to browse.
    """

    keep_one_requested = Signal()
    drop_leaks_requested = Signal()
    label_errors_requested = Signal()
    exclusion_requested = Signal(object)
    inclusion_requested = Signal(object)
    threshold_requested = Signal(str, float)
    layout_requested = Signal(str)
    pattern_requested = Signal(str)
    reading_requested = Signal()
    opened = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        self._searched: tuple[Image, ...] = ()
        self._other_layout = self._suggested_pattern = ""
        self.skipped = SkippedTable()
        self._tabs = {
            "Skipped": self._tab(self.skipped),
            "Duplicates": self._duplicates_tab(),
            "Leaks": self._leaks_tab(),
            "Excluded": self._excluded_tab(),
            "Quality": self._quality_tab(),
            "Suspected label errors": self._label_errors_tab(),
            "Near-duplicates": self._near_duplicates_tab(),
            "Notes": self._notes_tab(),
        }
        for name, tab in self._tabs.items():
            self.addTab(tab, name)
        for table in (self.label_errors, self.near, self.left_out):
            table.row_opened.connect(self._open)

    def _duplicates_tab(self) -> QWidget:
        self.copies = DuplicatesTable()
        self.copies.row_opened.connect(self._open_copy)
        self._keep_this = self._button(
            "Keep this copy", "Use only the selected copy; repeat to use the whole group (Space)"
        )
        self._keep_this.clicked.connect(self.copies.toggle_chosen)
        self._keep_one = self._button(
            "Keep one of each set", "Use one of each set of duplicates; none if their classes differ"
        )
        self._keep_one.clicked.connect(self.keep_one_requested)
        return self._tab(self.copies, self._keep_this, self._keep_one)

    def _leaks_tab(self) -> QWidget:
        columns = [Column("Training or validation image", lambda r: r[0]), Column("Test image", lambda r: r[1])]
        self.leaks = Table("Leaks", columns)
        self._drop = self._button("Exclude leaks", "Exclude training images that are copies of test images")
        self._drop.clicked.connect(self.drop_leaks_requested)
        return self._tab(self.leaks, self._drop)

    def _excluded_tab(self) -> QWidget:
        self.left_out = Table("Excluded", [Column("File", lambda row: row[1]), Column("Reason", lambda row: row[2])])
        self._back = self._button("Include selected", "Use selected images again that you excluded")
        self._back.clicked.connect(self._include_selected)
        return self._tab(self.left_out, self._back)

    def _quality_tab(self) -> QWidget:
        self.quality = QualityPanel()
        self.quality.exclusion_requested.connect(self.exclusion_requested)
        self.quality.threshold_requested.connect(self.threshold_requested)
        self.quality.opened.connect(self.opened)
        self.quality.counted.connect(self._count_quality)
        return self._tab(self.quality)

    def _label_errors_tab(self) -> QWidget:
        self.label_errors = Table(
            "Suspected label errors",
            [
                Column("File", lambda row: row[1]),
                Column("Label", lambda row: row[2]),
                Column("Label of neighbours", lambda row: row[3]),
                Column("Share of neighbours", lambda row: f"{row[4]:.2f}", lambda row: row[4], numeric=True),
            ],
        )
        self._look = self._button("Find label errors", "Compare every image with its neighbours; requires features")
        self._look.clicked.connect(self.label_errors_requested)
        self._leave = self._button("Exclude selected", "Do not use the selected images")
        self._leave.clicked.connect(self._exclude_selected)
        self._how_found = QLabel()
        self._how_found.setWordWrap(True)
        self._how_found.hide()
        return self._tab(self.label_errors, self._look, self._leave, below=self._how_found)

    def _near_duplicates_tab(self) -> QWidget:
        self.near = Table(
            "Near-duplicates",
            [
                Column("First image", lambda row: row[1]),
                Column("Second image", lambda row: row[2]),
                Column("Different bits", lambda row: str(row[3]), lambda row: row[3], numeric=True),
                Column("Finding", lambda row: row[4]),
            ],
        )
        self._leave_near = self._button("Exclude second", "Exclude the second image of the selected pairs")
        self._leave_near.clicked.connect(self._exclude_seconds)
        return self._tab(self.near, self._leave_near)

    def _notes_tab(self) -> QWidget:
        self.notes = Table("Notes", [Column("Note", lambda row: row)], wraps=True)
        self._read_otherwise = self._button("Use another folder layout", "Use another folder layout")
        self._read_otherwise.clicked.connect(self._request_layout)
        self._read_otherwise.hide()
        self._exclude = self._button("Exclude", "Exclude these images; undo includes them again")
        self._exclude.clicked.connect(self._request_pattern)
        self._exclude.hide()
        self._reading = self._button(READING, READING_TIP)
        self._reading.clicked.connect(self.reading_requested)
        return self._tab(self.notes, self._read_otherwise, self._reading, below=self._exclude)

    def _show_label_errors_possible(self, summary: DatasetSummary) -> None:
        """Enable the search for label errors if there are labels."""
        reason = summary.why_no_labels(FINDING)
        self._look.setEnabled(not reason)
        self._look.setToolTip(reason or self._look.accessibleDescription())

    def show_summary(self, summary: DatasetSummary, settings: DataSettings, quality: QualitySettings) -> None:
        """Show the findings of a scan."""
        images, split = summary.dataset.images, summary.split
        self._show_label_errors_possible(summary)
        if summary.dataset.images != self._searched:
            self._clear_label_errors()
        by_hand = set(settings.left_out_images)
        self.skipped.set_rows(summary.dataset.skipped)
        self.copies.set_copies(
            [
                Copy(
                    group=number,
                    image=index,
                    path=images[index].path,
                    class_name=images[index].class_name,
                    conflicting=one.conflicting,
                    kept=images[index].path not in by_hand,
                )
                for number, one in enumerate(summary.duplicates)
                for index in one.indices
            ]
        )
        self.leaks.set_rows([(images[a].path, images[b].path) for a, b in split.leaks])
        self.left_out.set_rows([(left.index, images[left.index].path, left.reason) for left in split.left_out])
        self.quality.show_summary(summary, quality)
        self.notes.set_rows(summary.notes)
        self._offer_exclusion(next(iter(summary.suspected), None))
        self._offer_layout(next(iter(summary.dataset.others), ""))
        conflicts = sum(one.conflicting for one in summary.duplicates)
        self._count("Skipped", len(summary.dataset.skipped))
        self._count("Duplicates", len(summary.duplicates), f", {conflicts} under two classes" if conflicts else "")
        self._count("Leaks", len(split.leaks))
        self._count("Excluded", len(split.left_out))
        self._count("Notes", len(summary.notes))
        self._keep_one.setEnabled(bool(summary.duplicates) and not settings.keep_one_of_duplicates)
        self._drop.setEnabled(bool(split.leaks))
        self.setTabVisible(self.indexOf(self._tabs["Leaks"]), split.is_predefined)

    def show_label_errors(self, found: DatasetFindings, summary: DatasetSummary | None) -> None:
        """Show suspected label errors and near-duplicates."""
        if summary is None:
            return
        images = self._searched = summary.dataset.images
        self.label_errors.set_rows(
            [
                (one.index, images[one.index].path, one.class_name, one.other_class, one.score)
                for one in found.label_errors
            ]
        )
        self.near.set_rows(
            [
                (one.first, images[one.first].path, images[one.second].path, one.bits, _meaning(one), one.second)
                for one in found.near_duplicates
            ]
        )
        self._count("Suspected label errors", len(found.label_errors))
        self._count("Near-duplicates", len(found.near_duplicates))
        self._say_how_found(found.words)
        self.setCurrentWidget(self._tabs["Suspected label errors"])

    def forget(self) -> None:
        """Clear all tabs."""
        self._clear_label_errors()
        for table in (self.skipped, self.copies, self.leaks, self.left_out, self.notes):
            table.set_rows(())
        self.quality.forget()
        for name, tab in self._tabs.items():
            self.setTabText(self.indexOf(tab), name)
            self.setTabVisible(self.indexOf(tab), True)
        for button in (self._keep_one, self._drop):
            button.setEnabled(True)
        self._offer_layout("")
        self._offer_exclusion(None)
        self.setCurrentIndex(0)

    def _offer_layout(self, layout: str) -> None:
        self._other_layout = layout
        self._read_otherwise.setVisible(bool(layout))
        title = dict(choices_of(DataSettings))["layout"].values.get(layout, layout)
        self._read_otherwise.setText(f"Use layout: {inside_sentence(title)}")

    def _offer_exclusion(self, suggestion: ExclusionSuggestion | None) -> None:
        self._suggested_pattern = suggestion.pattern if suggestion is not None else ""
        self._exclude.setVisible(suggestion is not None)
        if suggestion is not None:
            verb = "matches" if suggestion.n_images == 1 else "match"
            self._exclude.setText(f"Exclude {images(suggestion.n_images)} that {verb} {suggestion.pattern}")
            tip = f"They may be {suggestion.kind}: {suggestion.evidence}. Undo includes them again"
            self._exclude.setToolTip(tip)
            self._exclude.setAccessibleDescription(tip)

    def _request_pattern(self) -> None:
        self.pattern_requested.emit(self._suggested_pattern)

    def _request_layout(self) -> None:
        self.layout_requested.emit(self._other_layout)

    def _clear_label_errors(self) -> None:
        """Clear results of other images, whose indices would refer to the wrong images."""
        self._searched = ()
        for name, table in (("Suspected label errors", self.label_errors), ("Near-duplicates", self.near)):
            table.set_rows(())
            self.setTabText(self.indexOf(self._tabs[name]), name)
        self._say_how_found("")

    def _say_how_found(self, words: str) -> None:
        self._how_found.setText(words)
        self._how_found.setVisible(bool(words))

    def _count_quality(self, n: int) -> None:
        self._count("Quality", n)

    def _count(self, name: str, n: int, more: str = "") -> None:
        self.setTabText(self.indexOf(self._tabs[name]), f"{name} ({n:,}{more})")

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleDescription(tip)
        return button

    def _tab(self, table: QWidget, *buttons: QPushButton, below: QWidget | None = None) -> QWidget:
        tab = QWidget()
        column = QVBoxLayout(tab)
        column.setContentsMargins(0, theme.UNIT, 0, 0)
        column.setSpacing(theme.UNIT)
        if buttons:
            row = QHBoxLayout()
            for button in buttons:
                row.addWidget(button)
            row.addStretch(1)
            column.addLayout(row)
        if below is not None:  # too wide to be beside the others in a narrow window
            column.addWidget(below, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(table, 1)
        return tab

    def _open(self, row: Any) -> None:
        table = self.sender()
        shown = table.shown_rows() if isinstance(table, Table) else [row]
        self.opened.emit(int(row[0]), list(dict.fromkeys(int(each[0]) for each in shown)))

    def _open_copy(self, row: Any) -> None:
        self.opened.emit(int(row.image), [int(each.image) for each in self.copies.shown_rows()])

    def _exclude_selected(self) -> None:
        self._emit_images(self.exclusion_requested, self.label_errors, 0)

    def _exclude_seconds(self) -> None:
        self._emit_images(self.exclusion_requested, self.near, 5)

    def _include_selected(self) -> None:
        self._emit_images(self.inclusion_requested, self.left_out, 0)

    def _emit_images(self, signal: Any, table: Table, place: int) -> None:
        indices = tuple(int(row[place]) for row in table.chosen_rows())
        if indices:
            signal.emit(indices)


def _meaning(pair: Any) -> str:
    if pair.identical:
        return "Identical pixels" + (", under two classes" if pair.conflicting else "")
    return "Nearly identical" + (", under two classes" if pair.conflicting else "")
