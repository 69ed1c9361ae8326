"""The Quality tab of the Dataset page: what each check flags, its threshold, and the flagged images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.quality import CHECKS, QualityCheck, check_named, flags_of, quality_values
from coreset_studio.core.settings import QualitySettings
from coreset_studio.core.settings.listed import settings_in
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.models.thumbnail_model import Thumbnail
from coreset_studio.desktop_app.pages.setting_controls import SettingControl
from coreset_studio.desktop_app.widgets.controls import ComboBox
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
from coreset_studio.desktop_app.widgets.quality_histogram import QualityHistogram
from coreset_studio.desktop_app.widgets.question_mark import QuestionMark
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.words import set_tone

SIDE = 72
SETTLE_MS = 60
NOT_MEASURED = "An earlier version scanned these images without measuring this. Scan again."
NO_IMAGES = "No images yet"
NARROW = theme.UNIT * 84
"""Width below which the checks are a choice above the distribution instead of a table."""


@dataclass(frozen=True)
class _Row:
    """A check with the images that it flags and that are not excluded."""

    check: QualityCheck
    n_images: int


class QualityPanel(QWidget):
    """Checks at the left, the distribution of the chosen one with its threshold, and the images that it flags.

    Signals
    -------
    exclusion_requested : (tuple of int)
        Images to be excluded.
    opened : (int, object)
        An image to be shown large, and the list of those that can be stepped through.
    threshold_requested : (str, float)
        Name of a check, and its new threshold.
    counted : (int)
        How many images are flagged by any check and not excluded.
    """

    exclusion_requested = Signal(object)
    opened = Signal(int, object)
    threshold_requested = Signal(str, float)
    counted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary: DatasetSummary | None = None
        self._values: dict[str, NDArray[np.float64]] = {}
        self._excluded: NDArray[np.bool_] = np.empty(0, dtype=bool)
        self._settings = QualitySettings()
        self._check = CHECKS[0]
        self._moving: float | None = None
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._show_flagged)
        self.checks = Table(
            "Quality checks",
            [
                Column("Check", lambda row: row.check.title, row_tooltip=lambda row: row.check.finds),
                Column("Images", lambda row: f"{row.n_images:,}", lambda row: row.n_images, numeric=True),
            ],
        )
        self.checks.selectionModel().currentRowChanged.connect(self._choose_check)
        self.remedy = QuestionMark("", "this check")
        self.choice = ComboBox()
        self.choice.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setToolTip("Quality check to show")
        self.choice.setAccessibleName("Quality check")
        self.choice.activated.connect(self._choose_number)
        self.choice.hide()
        self.about = QLabel()
        self.about.setWordWrap(True)
        set_tone(self.about, "muted")
        self.histogram = QualityHistogram()
        self.histogram.threshold_moved.connect(self._try_threshold)
        self.histogram.threshold_chosen.connect(self._request_threshold)
        self.controls = {
            setting.name: SettingControl(setting, self, title=f"Threshold: {setting.facts.title}")
            for setting in settings_in("quality")
        }
        self._reset = QPushButton("Default")
        self._reset.setToolTip("Use the default threshold of this check")
        self._reset.setAccessibleDescription(self._reset.toolTip())
        self._reset.clicked.connect(self._request_default)
        self.images = ThumbnailGrid(SIDE)
        self.images.opened.connect(self._open)
        self.images.preview_requested.connect(self._open)
        self.images.selection_changed.connect(self._offer_exclusion)
        self._exclude = QPushButton("Exclude selected")
        tip = "Do not use the selected images (Delete); Ctrl+A in the list selects all"
        self._exclude.setToolTip(tip)
        self._exclude.setAccessibleDescription(tip)
        self._exclude.clicked.connect(self._request_exclusion)
        delete = QShortcut(Qt.Key.Key_Delete, self.images, context=Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._request_exclusion)
        self.flag_count = QLabel()
        set_tone(self.flag_count, "muted")
        self._lay_out()
        self._show_check()

    def _lay_out(self) -> None:
        middle, right = QWidget(), QWidget()
        threshold = QHBoxLayout()
        self._threshold_label = QLabel("Threshold")
        threshold.addWidget(self._threshold_label)
        for control in self.controls.values():
            control.changed.connect(self._take_typed)
            threshold.addWidget(control.widget)
        threshold.addWidget(self._reset)
        threshold.addStretch(1)
        threshold.addWidget(PlotExportButton(self.histogram))
        column = _column(middle)
        words = QHBoxLayout()
        words.addWidget(self.choice, 1)
        words.addWidget(self.about, 1)
        words.addWidget(self.remedy, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(words)
        column.addWidget(self.histogram, 1)
        column.addLayout(threshold)
        buttons = QHBoxLayout()
        buttons.addWidget(self._exclude)
        buttons.addWidget(self.flag_count, 1)
        column = _column(right)
        column.addLayout(buttons)
        column.addWidget(self.images, 1)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        for widget, least, stretch in ((self.checks, 28, 0), (middle, 30, 1), (right, 24, 1)):
            widget.setMinimumWidth(theme.UNIT * least)
            split.addWidget(widget)
            split.setStretchFactor(split.count() - 1, stretch)
        split.setSizes([theme.UNIT * 28, theme.UNIT * 60, theme.UNIT * 44])
        _column(self).addWidget(split, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give a narrow tab's width to the distribution and the images."""
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW
        self.checks.setVisible(not narrow)
        self.about.setVisible(not narrow)
        self._threshold_label.setVisible(not narrow)
        self.choice.setVisible(narrow)

    # --- content ----------------------------------------------------------------------------------------------

    def show_summary(self, summary: DatasetSummary, settings: QualitySettings) -> None:
        """Show what the scan found, under the thresholds now in use."""
        if self._summary is None or summary.dataset is not self._summary.dataset:
            self._values = quality_values(summary.dataset)
        self._summary = summary
        self._excluded = np.zeros(len(summary.dataset.images), dtype=bool)
        self._excluded[[left.index for left in summary.split.left_out]] = True
        self.show_settings(settings)

    def show_settings(self, settings: QualitySettings) -> None:
        """Show what other thresholds flag."""
        self._settings = settings
        for name, control in self.controls.items():
            control.show(getattr(settings, name))
        self._show_counts()
        self._show_check()

    def forget(self) -> None:
        """Show no images."""
        self._summary, self._values = None, {}
        self._excluded = np.empty(0, dtype=bool)
        self._settle.stop()
        self.checks.set_rows(())
        self.choice.clear()
        self._show_check()

    def _show_counts(self) -> None:
        if self._summary is None:
            return
        flags = {name: flagged & ~self._excluded for name, flagged in flags_of(self._values, self._settings).items()}
        current = CHECKS.index(self._check)
        self.checks.set_rows([_Row(check, int(np.count_nonzero(flags[check.name]))) for check in CHECKS])
        self.choice.clear()
        self.choice.addItems([f"{check.title} ({np.count_nonzero(flags[check.name]):,})" for check in CHECKS])
        self._choose_row(current)
        self.counted.emit(int(np.count_nonzero(np.any(list(flags.values()), axis=0))))

    def _choose_row(self, number: int) -> None:
        """Let the keyboard stay at the chosen check, however the table is sorted."""
        self.choice.setCurrentIndex(number)
        model = self.checks.model()
        for row in range(model.rowCount()):
            if model.index(row, 0).data() == CHECKS[number].title:
                blocked = self.checks.selectionModel().blockSignals(True)
                self.checks.selectRow(row)
                self.checks.selectionModel().blockSignals(blocked)

    def choose(self, name: str) -> None:
        """Show the check of this name."""
        self._check = check_named(name)
        self._choose_row(CHECKS.index(self._check))
        self._show_check()

    def _choose_number(self, number: int) -> None:
        self.choose(CHECKS[number].name)

    def _choose_check(self, index: Any) -> None:
        title = index.siblingAtColumn(0).data() if index.isValid() else None
        chosen = next((check for check in CHECKS if check.title == title), self._check)
        if chosen is not self._check:
            self._check = chosen
            self.choice.setCurrentIndex(CHECKS.index(chosen))
            self._show_check()

    def _show_check(self) -> None:
        check, facts = self._check, self._check.facts
        self.about.setText(check.finds)
        self.remedy.set_explanation(f"{facts.tip}. {check.remedy}")
        for name, control in self.controls.items():
            control.widget.setVisible(name == check.name)
            control.widget.setEnabled(self._summary is not None)
        threshold = check.threshold(self._settings)
        self._reset.setEnabled(self._summary is not None and threshold != check.threshold(QualitySettings()))
        values = self._values.get(check.name, np.empty(0))
        self.histogram.set_values(
            values,
            threshold,
            is_above=check.is_above,
            name=check.title,
            label=check.axis,
            allowed=facts.offered or (0.0, float("inf")),
            step=facts.step,
            note=NOT_MEASURED if len(values) else NO_IMAGES,
        )
        self._show_flagged()

    def _open(self, index: int) -> None:
        self.opened.emit(index, self.images.images.keys.tolist())

    def _show_flagged(self) -> None:
        """Show the flagged images of the chosen check, those furthest from the threshold first."""
        check, summary = self._check, self._summary
        if summary is None:
            self.images.set_images([])
            self.images.set_note(NO_IMAGES)
            self.flag_count.clear()
            self._offer_exclusion()
            return
        values = self._values[check.name]
        flagged = check.flagged(values, self._shown_threshold())
        kept = np.flatnonzero(flagged & ~self._excluded)
        kept = kept[np.argsort(-values[kept] if check.is_above else values[kept], kind="stable")]
        self.images.set_images(
            [Thumbnail(index, str(summary.thumbnail(index)), self._words(index, values)) for index in kept.tolist()]
        )
        measured = not np.isnan(values).all()
        self.images.set_note("No image is flagged by this check." if measured else NOT_MEASURED)
        n_excluded = int(np.count_nonzero(flagged & self._excluded))
        self.flag_count.setText(
            f"{len(kept):,} flagged" + (f", {n_excluded:,} more are excluded" if n_excluded else "")
        )
        self._offer_exclusion()

    def _words(self, index: int, values: NDArray[np.float64]) -> str:
        path = self._summary.dataset.images[index].path if self._summary is not None else ""
        return f"{path}, {values[index]:.3g}{self._check.facts.unit}"

    def _shown_threshold(self) -> float:
        return self._check.threshold(self._settings) if self._moving is None else self._moving

    # --- what the user does -----------------------------------------------------------------------------------

    def _try_threshold(self, threshold: float) -> None:
        """Show what a threshold flags while it is being dragged."""
        self._moving = threshold
        if not self._settle.isActive():
            self._settle.start()

    def _request_threshold(self, threshold: float) -> None:
        self._settle.stop()
        self._moving = None
        self.threshold_requested.emit(self._check.name, threshold)

    def _take_typed(self, setting: Any, value: object) -> None:
        if isinstance(value, float):
            self.threshold_requested.emit(setting.name, value)

    def _request_default(self) -> None:
        self._request_threshold(self._check.threshold(QualitySettings()))

    def _offer_exclusion(self) -> None:
        self._exclude.setEnabled(len(self.images.selected_keys()) > 0)

    def _request_exclusion(self) -> None:
        chosen = tuple(int(key) for key in self.images.selected_keys())
        if chosen:
            self.exclusion_requested.emit(chosen)


def _column(widget: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(theme.UNIT // 2)
    return column
