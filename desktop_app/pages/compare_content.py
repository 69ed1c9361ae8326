"""The content of the Compare page: the answer in words and one plot, the table, the paper's figures, live curves."""

from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QSplitter, QVBoxLayout, QWidget

from coreset_studio.core.pipeline.views import EstimatedRun
from coreset_studio.core.results import Comparison, Epoch, Row, RunKey, RunResult, split_of, splits_words
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.networks import NETWORKS, network_title, title_inside
from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.metrics import bars, bars_words
from coreset_studio.desktop_app.models.thumbnail_model import Thumbnail
from coreset_studio.desktop_app.pages import compare_figures as figures
from coreset_studio.desktop_app.pages.compare_answer import answer_html, how_trained
from coreset_studio.desktop_app.pages.compare_classes import INTERVALS, ClassPlots
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.confusion_matrix import ConfusionMatrix
from coreset_studio.desktop_app.widgets.controls import ComboBox, TabWidget
from coreset_studio.desktop_app.widgets.line_with_intervals import LineWithIntervals
from coreset_studio.desktop_app.widgets.metric_bars import MetricBars
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
from coreset_studio.desktop_app.widgets.results_table import ResultsTable
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.training_curves import TrainingCurves
from coreset_studio.desktop_app.widgets.words import images

NO_TRAINING = "Current training"
CLICK_A_CELL = "Click a cell to show the test images behind it."


ACCURACY = "Accuracy by coreset size"
NARROW = theme.UNIT * 76
"""Width below which the answer has the upper part for itself."""


class CompareContent(QWidget):
    """The answer, the table, the figures in tabs.

    Signals
    -------
    row_chosen : (Row)
    opened : (int)
        A test image.
    """

    row_chosen = Signal(object)
    opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparison = Comparison((), (), (), ())
        self._row: Row | None = None
        self._summary: DatasetSummary | None = None
        self.network = ComboBox()
        self.network.setAccessibleName("Network shown")
        self.network.setToolTip("Network to plot")
        self.network.currentIndexChanged.connect(self._redraw)
        self.answer = QLabel()
        self.answer.setWordWrap(True)
        self.answer.setTextFormat(Qt.TextFormat.RichText)
        self.answer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.answer.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.accuracy = LineWithIntervals()
        self.table = ResultsTable()
        self.table.row_chosen.connect(self._choose)
        self.curves = TrainingCurves()
        self.tabs = TabWidget()
        self.tabs.setDocumentMode(True)
        self._make_tabs()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self._make_answer())
        split.addWidget(self.tabs)
        split.setSizes([theme.UNIT * 34, theme.UNIT * 46])
        column.addWidget(split, 1)

    def _make_answer(self) -> QWidget:
        words = Card("Summary", "A difference is detected if its 95 % interval excludes zero.")
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setWidget(self.answer)
        scrolled.viewport().setAutoFillBackground(False)
        self.answer.setAutoFillBackground(False)
        words.add(scrolled, 1)
        plot = self._accuracy_card = Card(ACCURACY)
        plot.add_tool(self.network)
        plot.add_tool(PlotExportButton(self.accuracy))
        plot.add(self.accuracy, 1)
        beside = QWidget()
        row = self._beside = QHBoxLayout(beside)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT)
        row.addWidget(words, 5)
        row.addWidget(plot, 6)
        return beside

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give a narrow page's width to the answer: the plot is the first of the tabs then."""
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW
        if narrow == (self.tabs.indexOf(self._accuracy_card) >= 0):
            return
        if narrow:
            self.tabs.insertTab(0, self._accuracy_card, ACCURACY)
            self.tabs.setCurrentIndex(0)
        else:
            self.tabs.removeTab(self.tabs.indexOf(self._accuracy_card))
            self._beside.addWidget(self._accuracy_card, 6)
            self._accuracy_card.show()

    def _make_tabs(self) -> None:
        self.total = LineWithIntervals("Training time", "seconds")
        self.per_epoch = LineWithIntervals("Time per epoch", "seconds")
        self.training = LineWithIntervals("Training accuracy", "training accuracy")
        self.validation = LineWithIntervals("Validation accuracy", "validation accuracy")
        self.metrics = MetricBars(bars_words())
        self.confusion = ConfusionMatrix()
        self.confusion.cell_opened.connect(self._show_cell)
        self.behind = ThumbnailGrid()
        self.behind.opened.connect(self.opened)
        self.behind.preview_requested.connect(self.opened)
        self.behind_title = QLabel(CLICK_A_CELL)
        self.behind_title.setWordWrap(True)
        self.table_card = _exported("All rows, with 95 % intervals", self.table)
        self.table_card.add_tool(self.table.column_button())
        self.results_tab = _tab(self.table_card)
        self.tabs.addTab(self.results_tab, "Results")
        self.curves_card = _exported(NO_TRAINING, self.curves)
        self.live_tab = _tab(self.curves_card)
        self.tabs.addTab(self.live_tab, "Training")
        times = [_exported("Total (Fig. 7)", self.total), _exported("Per epoch (Fig. 8)", self.per_epoch)]
        self.tabs.addTab(_tab(*times), "Time")
        kept = [
            _exported("Training (Fig. 9 a, c)", self.training),
            _exported("Validation (Fig. 9 b, d)", self.validation),
        ]
        self.tabs.addTab(_tab(*kept), "Training and validation")
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setWidget(self.metrics)
        quality = _exported("Fig. 10, 11", scrolled, self.metrics)
        self.tabs.addTab(_tab(quality), bars_words())
        self._figure_cards = (*times, *kept, quality)
        self.classes = ClassPlots()
        self.class_card = _exported("", self.classes.table)
        self.class_card.add_tool(self.classes.table.column_button())
        self.tabs.addTab(_tab(self.class_card), "Classes")
        self.roc_card = _exported("", self.classes.roc)
        self.reliability_card = _exported("Reliability", self.classes.reliability)
        self.tabs.addTab(_tab(self.roc_card, self.reliability_card), "ROC and calibration")
        behind = QWidget()
        side = QVBoxLayout(behind)
        side.setContentsMargins(0, 0, 0, 0)
        side.addWidget(self.behind_title)
        side.addWidget(self.behind, 1)
        self.confusion_card = _exported("", self.confusion)
        tab = _tab(self.confusion_card, behind)
        tab.layout().setStretch(0, 3)  # type: ignore[union-attr]
        tab.layout().setStretch(1, 2)  # type: ignore[union-attr]
        self.tabs.addTab(tab, "Confusion")

    @property
    def row(self) -> Row | None:
        """The row that is chosen."""
        return self._row

    def runs_of_row(self) -> list[RunResult]:
        """Return the runs behind it."""
        return figures.runs_of(self._comparison.runs, self._row) if self._row is not None else []

    # --- showing ----------------------------------------------------------------------------------------------

    def set_dataset(self, summary: DatasetSummary | None) -> None:
        """Set the dataset that provides the images of a selected cell."""
        self._summary = summary

    @property
    def accuracy_card(self) -> Card:
        """The card with the accuracy by the coreset's size."""
        return self._accuracy_card

    def show_comparison(self, comparison: Comparison) -> None:
        """Show rows, figures and words."""
        self._comparison = comparison
        self.table.set_rows(comparison.rows, comparison.folds)
        self.answer.setText(answer_html(comparison))
        self.table_card.set_note(how_trained(comparison))
        several = f"mean of {splits_words(comparison.n_splits, comparison.folds)}" if comparison.n_splits > 1 else ""
        for card in (self._accuracy_card, *self._figure_cards):
            card.set_note(several)
        networks = list(dict.fromkeys(row.network for row in comparison.rows))
        if networks != [self.network.itemData(i) for i in range(self.network.count())]:
            before = self.network.currentData()
            blocked = self.network.blockSignals(True)
            self.network.clear()
            for name in networks:
                self.network.addItem(network_title(name), name)
            self.network.setCurrentIndex(max(0, self.network.findData(before)))
            self.network.blockSignals(blocked)
        self.network.setVisible(len(networks) > 1)
        self._redraw()
        before = self._row
        self._row = next((row for row in comparison.rows if before is not None and _same(before, row)), None)
        if self._row is None and comparison.rows:
            self._row = comparison.rows[0]
        self._show_confusion()

    def forget(self) -> None:
        """Show no comparison, no training and no images."""
        self._row, self._summary = None, None
        self.show_comparison(Comparison((), (), (), ()))
        self.confusion_card.set_title("")
        self.confusion_card.set_note("")
        self._show_classes()
        self.curves.set_history(())
        self.curves_card.set_title(NO_TRAINING)
        self.tabs.setCurrentIndex(0)

    def show_epoch(self, epoch: Epoch, what: str) -> None:
        """Add an epoch of the training in progress."""
        self.curves.add_epoch(epoch)
        self.curves_card.set_title(what)

    def show_history(self, run: RunResult) -> None:
        """Show the curves of a finished run."""
        self.curves.set_history(run.history, len(run.history), run.best_epoch)
        self.curves_card.set_title(run_words(run.key, self._comparison.n_splits, self._comparison.folds))

    def _redraw(self) -> None:
        comparison, network = self._comparison, self.network.currentData() or ""
        lines, level = figures.accuracy_lines(comparison, network)
        self.accuracy.set_lines(lines, level)
        by_epochs = network not in NETWORKS or NETWORKS[network].by_epochs
        no_epochs = "" if by_epochs else f"The {title_inside(network)} is not trained by epochs."
        self.total.set_lines(figures.time_lines(comparison, network, per_epoch=False), from_zero=True)
        per_epoch = [] if no_epochs else figures.time_lines(comparison, network, per_epoch=True)
        self.per_epoch.set_lines(per_epoch, from_zero=True, note=no_epochs)
        for plot, validation in ((self.training, False), (self.validation, True)):
            found = [] if no_epochs else figures.training_lines(comparison, network, validation=validation)
            plot.set_lines(found, note=no_epochs)
        self.metrics.set_configurations(figures.metric_configurations(comparison, network), bars())

    def _choose(self, row: Any) -> None:
        if isinstance(row, Row):
            self._row = row
            self._show_confusion()
            runs = figures.runs_of(self._comparison.runs, row)
            if runs and runs[0].history:
                self.show_history(runs[0])
            self.row_chosen.emit(row)

    def _show_confusion(self) -> None:
        row = self._row
        classes: tuple[str, ...] = ()
        counts = np.zeros((0, 0), dtype=np.int64)
        if row is not None:
            classes, counts = figures.summed_confusion(self._comparison.runs, row)
            self.confusion_card.set_title(trained_words(row.network, row.sampler, row.fraction))
            self.confusion_card.set_note(_summed_over(row, self._comparison.folds))
        self.confusion.set_counts(classes, counts)
        self._show_classes()
        self.behind.set_images([])
        self.behind_title.setText(CLICK_A_CELL)

    def _show_classes(self) -> None:
        row = self._row
        self.classes.show(row, self.runs_of_row())
        title = trained_words(row.network, row.sampler, row.fraction) if row is not None else ""
        self.class_card.set_title(title)
        self.class_card.set_note(INTERVALS if row is not None else "")
        self.roc_card.set_title(title)
        known = row is not None and "calibration_error" in row.means and row.curves is not None
        error = f"expected calibration error {row.means['calibration_error']:.3f}" if known and row is not None else ""
        self.reliability_card.set_note(error)

    def _show_cell(self, true: str, predicted: str) -> None:
        if self._row is None or self._summary is None:
            return
        found = figures.images_behind(self._comparison.runs, self._row, true, predicted)
        what = "recognised" if true == predicted else f"classified as {predicted}"
        runs = f" in {self._row.n_repetitions:,} trainings" if self._row.n_repetitions > 1 else ""
        self.behind_title.setText(f"{true} {what}: {images(len(found))}{runs}")
        summary = self._summary
        self.behind.set_images(
            [
                Thumbnail(index, str(summary.thumbnail(index)), summary.dataset.images[index].path)
                for index in sorted(found)
            ]
        )


def trained_words(network: str, sampler: str, fraction: float) -> str:
    """Return what was trained on what, such as "Custom network, Balanced herding 5 %"."""
    of = "the whole pool" if sampler == figures.EVERYTHING else f"{theme.sampler_title(sampler)} {percent(fraction)}"
    return f"{network_title(network)}, {of}"


def run_words(run: RunKey | EstimatedRun, n_splits: int, folds: int = 0) -> str:
    """Return which training one is."""
    split = f", {split_of(run.split, folds or n_splits, folds)}" if n_splits > 1 else ""
    return f"{trained_words(run.network, run.sampler, run.fraction)}{split}, repetition {run.repetition + 1}"


def _summed_over(row: Row, folds: int) -> str:
    if row.n_repetitions < 2:
        return ""
    splits = f", {splits_words(row.n_splits, folds)}" if row.n_splits > 1 else ""
    return f"sum of {row.n_repetitions:,} trainings{splits}"


def _same(one: Row, other: Row) -> bool:
    return (one.network, one.sampler, one.fraction) == (other.network, other.sampler, other.fraction)


def _tab(*widgets: QWidget) -> QWidget:
    tab = QWidget()
    row = QHBoxLayout(tab)
    row.setContentsMargins(0, theme.UNIT, 0, 0)
    row.setSpacing(theme.UNIT)
    for widget in widgets:
        row.addWidget(widget, 1)
    return tab


def _exported(title: str, widget: QWidget, plot: QWidget | None = None) -> Card:
    """Return a card with a plot and the button that saves it."""
    card = Card(title)
    card.add(widget, 1)
    card.add_tool(PlotExportButton(plot if plot is not None else widget))
    return card
