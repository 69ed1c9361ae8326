"""The grey levels of files of more than 8 bits: stored values of a file kind, a rule or window, one image under it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from coreset_studio.core.descriptions import choices_of
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.results import Image, LevelsFacts, Range
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.reading_requests import PreviewLevels
from coreset_studio.core.settings import DataSettings
from coreset_studio.core.settings.levels import changed_levels, parse_levels, parse_window, range_text
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.reading_tab import ReadingTab, captioned, label_of, scaled_pixmap
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.controls import ComboBox, NumberBox
from coreset_studio.desktop_app.widgets.value_histogram import ValueHistogram
from coreset_studio.desktop_app.widgets.words import elide_label, files

RULES = {
    "used": "Range used by all files",
    "declared": "All bits of the format",
    "percentiles": "Percentiles of the values",
    "range": "A range of this file kind",
}
WINDOWS = {"stored": "Windows in the files", "full": "None: grey levels as above", "own": "One window for all"}
AUTOMATIC = ("used",)
BY_FILES = "stored"
FIRST_WINDOW = (40.0, 400.0)
FILES = 16
SIDE = theme.UNIT * 18
WIDEST = 1e12
EMPTY = "All files have 8 bits, so there are no grey levels to choose."
NOT_SCANNED = "Scan the images first; their stored values are not known yet."


class LevelsTab(ReadingTab):
    """Which stored values become black and white."""

    title = "Grey levels"

    def __init__(self, summary: DatasetSummary | None, settings: DataSettings, service: EngineService) -> None:
        super().__init__(service)
        self._summary, self._settings = summary, settings
        self._levels, self._window = settings.grey_levels, settings.window
        images: Sequence[Image] = summary.dataset.images if summary is not None else ()
        self._kinds = Counter(one.stored.kind for one in images if one.stored is not None and one.stored.kind)
        self._has_windows = any(one.stored is not None and one.stored.form and one.stored.kind for one in images)
        self._has_end = False
        if not self._kinds:
            self.show_empty(NOT_SCANNED if summary is None else EMPTY)
            return
        self._lay_out()
        self._show_window()
        self._show_rule()

    def _lay_out(self) -> None:
        self.kinds, self.rules = ComboBox(), ComboBox()
        for kind, n in self._kinds.most_common():
            self.kinds.addItem(f"{kind} ({files(n)})", kind)
        for rule, title in RULES.items():
            self.rules.addItem(title, rule)
        self.low, self.high = NumberBox(), NumberBox()
        for box in (self.low, self.high):
            box.setDecimals(6)
            box.setRange(-WIDEST, WIDEST)
            box.setKeyboardTracking(False)
            box.valueChanged.connect(self._choose)
        named: tuple[tuple[QWidget, str, str], ...] = (
            (self.kinds, "File kind", "Format and bits of the stored values; each file kind has a range of its own"),
            (self.rules, "Rule", "How black and white are determined for file kinds without a range"),
            (self.low, "Black", "This value or percentile, and all below it, become black"),
            (self.high, "White", "This value or percentile, and all above it, become white"),
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.UNIT)
        for at, (widget, name, tip) in enumerate(named):
            grid.addWidget(label_of(widget, name, tip), at // 2, at % 2 * 2)
            grid.addWidget(widget, at // 2, at % 2 * 2 + 1)
            grid.setColumnStretch(at % 2 * 2 + 1, 1)
        self._add_window(grid, len(named) // 2)
        self.kinds.currentIndexChanged.connect(self._show_kind)
        self.rules.currentIndexChanged.connect(self._choose_rule)
        self.body.addLayout(grid)
        self.histogram = ValueHistogram()
        self.body.addWidget(self.histogram)
        row = QHBoxLayout()
        row.setSpacing(theme.UNIT * 2)
        self.before, self.after = QLabel(), QLabel()
        row.addLayout(captioned(self.before, "As scanned", SIDE))
        row.addLayout(captioned(self.after, "With these grey levels", SIDE))
        self.values = QLabel()
        self.values.setWordWrap(True)
        self.values.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.file = elide_label("")
        words = QVBoxLayout()
        words.addWidget(self.file)
        words.addWidget(self.values, 1)
        row.addLayout(words, 1)
        self.body.addLayout(row)
        self.body.addStretch(1)

    def _add_window(self, grid: QGridLayout, row: int) -> None:
        """Add what decides by which windows DICOM images are converted; without such images it is hidden."""
        self.windows, self.centre, self.width_box = ComboBox(), NumberBox(), NumberBox()
        for name, title in WINDOWS.items():
            self.windows.addItem(title, name)
        facts = dict(choices_of(DataSettings))["window"]
        named: tuple[tuple[QWidget, str, str], ...] = (
            (self.windows, "DICOM window", facts.tip),
            (self.centre, "Centre", "The value in the middle between black and white, such as 40 in Hounsfield units"),
            (self.width_box, "Width", "The difference between the values that become black and white"),
        )
        for at, (widget, name, tip) in enumerate(named):
            label = QLabel(name)
            label.setBuddy(widget)
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
            widget.setAccessibleDescription(tip)
            place = row + (at + 1) // 2, (at + 1) % 2 * 2 if at else 0
            grid.addWidget(label, place[0], place[1])
            grid.addWidget(widget, place[0], place[1] + 1, 1, 1 if at else 3)
            label.setVisible(self._has_windows)
            widget.setVisible(self._has_windows)
        for box in (self.centre, self.width_box):
            box.setDecimals(6)
            box.setRange(-WIDEST, WIDEST)
            box.setKeyboardTracking(False)
            box.valueChanged.connect(self._choose_window)
        self.windows.currentIndexChanged.connect(self._choose_window)

    # --- choosing ---------------------------------------------------------------------------------------------

    def changes(self) -> dict[str, Any]:
        """Return the grey levels and the window, where they are others."""
        asked = {"grey_levels": self._levels, "window": self._window}
        return {name: value for name, value in asked.items() if value != getattr(self._settings, name)}

    def reset(self) -> None:
        """Use the windows in the files, and the range that all files of a kind use."""
        self._levels, self._window = AUTOMATIC, BY_FILES
        self._show_window()
        self._show_rule()
        self.changed.emit()
        self.preview()

    @property
    def kind(self) -> str:
        """The file kind that is shown."""
        return str(self.kinds.currentData())

    def _show_kind(self) -> None:
        self._show_rule()
        self.preview()

    def _show_rule(self) -> None:
        """Show what the grey levels say of the kind."""
        choice = parse_levels(self._levels)
        ends = choice.ranges.get(self.kind, choice.ranges.get(""))
        rule = "range" if ends is not None else choice.rule
        shown = ends or (choice.percentiles if rule == "percentiles" else self._fixed() or (0.0, 255.0))
        for widget in (self.rules, self.low, self.high):
            widget.blockSignals(True)
        self.rules.setCurrentIndex(self.rules.findData(rule))
        self.low.setValue(shown[0])
        self.high.setValue(shown[1])
        for widget in (self.rules, self.low, self.high):
            widget.blockSignals(False)
        self._let_type()

    def _show_window(self) -> None:
        """Show which windows are used."""
        own = parse_window(self._window)
        shown = own or FIRST_WINDOW
        boxes = (self.windows, self.centre, self.width_box)
        for widget in boxes:
            widget.blockSignals(True)
        self.windows.setCurrentIndex(self.windows.findData("own" if own is not None else self._window))
        self.centre.setValue(shown[0])
        self.width_box.setValue(shown[1])
        for widget in boxes:
            widget.blockSignals(False)
        self._let_type_window()

    def _let_type_window(self) -> None:
        for box in (self.centre, self.width_box):
            box.setEnabled(self.windows.currentData() == "own")

    def _choose_window(self) -> None:
        """Take over the window."""
        name, width = self.windows.currentData(), self.width_box.value()
        self._let_type_window()
        if name == "own" and width <= 0:
            self.stop()
            self.set_problem(f"The width of the window must be above 0; found {width:g}.")
            return
        self._window = range_text(self.centre.value(), width) if name == "own" else name
        self.set_problem("")
        self.changed.emit()
        self.preview_soon()

    def _show_ends(self, ends: Range) -> None:
        """Show what a window makes black and white; both are typed for the range of a file kind alone."""
        for box, value in ((self.low, ends[0]), (self.high, ends[1])):
            if not box.isEnabled():
                box.blockSignals(True)
                box.setValue(value)
                box.blockSignals(False)

    def _let_type(self) -> None:
        typed = self.rules.currentData() in ("range", "percentiles")
        suffix = " %" if self.rules.currentData() == "percentiles" else ""
        for box in (self.low, self.high):
            box.setEnabled(typed)
            box.setSuffix(suffix)

    def _fixed(self) -> Range | None:
        """Return the range of the kind that the scan has fixed."""
        return self._summary.dataset.reading.range_of(self.kind) if self._summary is not None else None

    def _choose_rule(self) -> None:
        rule = self.rules.currentData()
        start = (0.1, 99.9) if rule == "percentiles" else self._fixed() or (0.0, 255.0)
        for box, value in ((self.low, start[0]), (self.high, start[1])):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)
        self._let_type()
        self._choose()

    def _choose(self) -> None:
        """Take over the rule and the numbers."""
        rule, ends = self.rules.currentData(), (self.low.value(), self.high.value())
        try:
            if rule == "range":
                self._levels = changed_levels(self._levels, self.kind, ends=ends)
            elif rule == "percentiles":
                self._levels = changed_levels(self._levels, self.kind, rule=f"percentiles:{range_text(*ends)}")
            else:
                self._levels = changed_levels(self._levels, self.kind, rule=rule)
        except SettingsError:
            limits = " of 0 to 100 %" if rule == "percentiles" else ""
            self.stop()
            self.set_problem(f"Black must be below white{limits}; found {ends[0]:g} and {ends[1]:g}.")
            return
        self.set_problem("")
        self.changed.emit()
        self.preview_soon()

    # --- showing ----------------------------------------------------------------------------------------------

    def preview(self) -> None:
        """Read some files of the kind."""
        if not self._kinds or self._summary is None:
            return
        dataset = self._summary.dataset
        paths = [one.path for one in dataset.images if one.stored is not None and one.stored.kind == self.kind]
        some = tuple(paths[at * len(paths) // FILES] for at in range(FILES)) if len(paths) > FILES else tuple(paths)
        after = DataSettings(grey_levels=self._levels, window=self._window) if self.changes() else None
        request = PreviewLevels(dataset.kind, dataset.root, self.kind, some, dataset.reading, after)
        self.file.setText(some[0])
        self.ask(request, self._show)

    def _show(self, facts: LevelsFacts) -> None:
        self.histogram.set_values(facts.counts, facts.low, facts.high, facts.range_after)
        for label, image in ((self.before, facts.before), (self.after, facts.after)):
            label.setPixmap(scaled_pixmap(image, SIDE))
        parts = [f"{percentile:g} %: {value:g}" for percentile, value in facts.percentiles]
        if facts.window and facts.range_after is not None:
            self._show_ends(facts.range_after)
        self.values.setText("Percentiles of the values\n" + "\n".join(parts) if parts else "")
        if facts.problem:
            self.say(facts.problem, "bad")
            return
        ends = facts.range_after
        if facts.window and self._window == BY_FILES:
            black_white = f", black {ends[0]:g} and white {ends[1]:g}" if ends is not None else ""
            what = "a table" if facts.window == "table" else f"{facts.window} (centre and width{black_white})"
            self.say(f"Each file is converted by its own window; that of the file shown is {what}.", "")
            return
        if ends is None:
            self.say("Every file is converted by the bits that its format declares.", "")
            return
        words = f"Black is {ends[0]:g}, white is {ends[1]:g}; {facts.clipped * 100:.1f} % of the values are outside"
        self.say(f"{words} (from {files(facts.n_files)}; the scan uses all).", "")
