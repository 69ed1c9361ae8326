"""The content of the Coreset page: the sentence, what every cluster gives, what is covered, and the images."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.results import ClassCoverage, Coverage
from coreset_studio.core.service.selection_requests import CoresetSummary
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.coreset_images import CoresetImages
from coreset_studio.desktop_app.pages.coreset_plot import CoresetPlot
from coreset_studio.desktop_app.pages.coreset_sizes import SizesPanel
from coreset_studio.desktop_app.pages.coreset_tables import Given, coverage_table, fill, given, given_table, taken
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.widgets.bar_pairs import BarPairs
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.controls import TabWidget
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
from coreset_studio.desktop_app.widgets.thumbnail_row import ThumbnailRow
from coreset_studio.desktop_app.widgets.words import set_tone

WORST_SIDE = 56
NARROW = theme.UNIT * 76
"""Width below which the images are one of the tabs."""
MEASURING = "Measuring coverage…"

COLUMNS = [theme.UNIT * 56, theme.UNIT * 41]


class CoresetContent(QWidget):
    """Everything about the coreset that is chosen now.

    Signals
    -------
    opened : (int, object)
        An image, and those to walk through.
    retry_requested : ()
        The choice was not made, and the user asks for it again.
    """

    opened = Signal(int, object)
    retry_requested = Signal()

    def __init__(self, shown: ImagesShown, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images = shown
        self.sentence = QLabel()
        self.sentence.setFont(theme.strong_font())
        self.sentence.setWordWrap(True)
        self.covered = QLabel()
        self.covered.setWordWrap(True)
        set_tone(self.covered, "muted")
        self.worst = ThumbnailRow(WORST_SIDE, "Least covered image")
        self.worst.set_note("")
        self.worst.setFixedWidth(WORST_SIDE + theme.UNIT)
        self.worst.opened.connect(self._open_worst)
        self.worst.clicked.connect(self._open_worst)
        self.notes = MessageStrip()
        self.unanswered = MessageStrip()
        self.unanswered.action_triggered.connect(self.retry_requested)
        self.result = MessageStrip()
        self.methods = QPushButton("Copy Methods paragraph")
        self.methods.setToolTip(
            "Copy what was done for this export, for the Methods section of a publication, with BibTeX below it"
        )
        self.methods.hide()
        self.bars = BarPairs()
        self.table = given_table()
        self.coverage = coverage_table()
        self.plot = CoresetPlot(shown)
        self.plot.opened.connect(self.opened)
        self.sizes = SizesPanel()
        self.chosen = CoresetImages(shown)
        self.chosen.opened.connect(self.opened)
        self.chosen.hovered.connect(self.plot.set_current)
        self.plot.selected.connect(self.chosen.show_these)
        self.bars.cluster_chosen.connect(self._show_images)
        for part in (self.bars.viewport(), self.bars.bars):
            part.setAutoFillBackground(False)
        self.table.row_chosen.connect(self._show_row)
        self.coverage.row_chosen.connect(self._show_row)
        self._lay_out()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(theme.UNIT // 2)
        words.addWidget(self.sentence)
        words.addWidget(self.covered)
        words.insertStretch(0, 1)
        words.addStretch(1)
        top = QWidget()
        top.setFixedHeight(WORST_SIDE + theme.UNIT)
        top.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(top)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT * 2)
        row.addWidget(self.worst)
        row.addLayout(words, 1)
        self.tabs = TabWidget()
        self.tabs.setDocumentMode(True)
        self._tools = QStackedWidget()
        for widget, name, tip in (
            (self.bars, "Bars", "Images taken from each cluster, compared with random sampling"),
            (self.plot, "Plot", "Selected images among all images of the class"),
            (self.table, "Table", "The same data as a table"),
            (self.coverage, "Coverage", "Coverage of each class"),
            (self.sizes, "Sizes", "How many images are needed for a margin of accuracy"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(widget, name), tip)
            self._tools.addWidget(PlotExportButton(_drawn(widget)))
        self.tabs.setCornerWidget(self._tools)
        self.tabs.currentChanged.connect(self._tools.setCurrentIndex)
        self._tools.addWidget(QWidget())  # of the images, which have their tools in their heading
        card = Card()
        card.add(self.tabs, 1)
        parts = self._parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(card)
        parts.addWidget(self.chosen)
        parts.setStretchFactor(0, 1)
        parts.setStretchFactor(1, 1)
        parts.setChildrenCollapsible(False)
        parts.setHandleWidth(theme.UNIT)
        parts.setSizes(COLUMNS)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addWidget(top)
        column.addWidget(self.unanswered)
        column.addWidget(self.notes)
        column.addWidget(self.result)
        column.addWidget(self.methods, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(parts, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give a narrow page's width to what is looked at: the images are the last of the tabs then."""
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW
        if narrow == self._is_narrow:
            return
        if narrow:
            self.tabs.addTab(self.chosen, "Images")
        else:
            if self.tabs.currentWidget() is self.chosen:
                self.tabs.setCurrentIndex(0)
            self.tabs.removeTab(self.tabs.indexOf(self.chosen))
            self._parts.addWidget(self.chosen)
            self.chosen.show()
            # After it is shown: a splitter gives hidden parts no room.
            self._parts.setSizes(COLUMNS)

    @property
    def _is_narrow(self) -> bool:
        return self.tabs.indexOf(self.chosen) >= 0

    def _show_images(self, class_name: str, cluster: int) -> None:
        """Show the images of a cluster, in front where they are a tab."""
        self.chosen.show_only(class_name, cluster)
        if self._is_narrow:
            self.tabs.setCurrentWidget(self.chosen)

    # --- content ----------------------------------------------------------------------------------------------

    def show_coreset(self, summary: CoresetSummary, pinned_in: Sequence[int], pinned_out: Sequence[int]) -> None:
        """Show a coreset; its coverage comes later."""
        self.unanswered.clear()
        self.sentence.setText(summary.sentence)
        self.covered.setText(MEASURING)
        self.bars.set_taken(taken(summary.shares), summary.coreset.sampler)
        fill(self.table, given(summary.shares))
        self.chosen.set_coreset(summary.coreset, pinned_in, pinned_out)
        self.plot.set_chosen(summary.coreset.indices)
        notes = summary.coreset.notes
        if notes:
            self.notes.show_message("warning", " ".join(notes), closable=False)
        else:
            self.notes.clear()
        if summary.coverage is not None:
            self.show_coverage(summary.coverage)

    def forget(self) -> None:
        """Show no coreset."""
        for label in (self.sentence, self.covered):
            label.clear()
        self.worst.set_images(())
        for strip in (self.notes, self.unanswered, self.result):
            strip.clear()
        self.methods.hide()
        self.bars.forget()
        fill(self.table, ())
        fill(self.coverage, ())
        self.plot.forget()
        self.sizes.forget()
        self.chosen.forget()
        self.tabs.setCurrentIndex(0)

    def show_choosing(self, title: str) -> None:
        """Say that the choice is still being made; what is shown below is the one before."""
        self.unanswered.clear()
        self.sentence.setText(f"{title} is selecting…")
        self.covered.setText("The first selection ranks all images; other sizes are then immediate.")

    def show_unanswered(self, why: str, *, again: bool = True) -> None:
        """Say that the choice was not made; what is shown below is the one before."""
        self.sentence.setText("No selection for the current settings.")
        self.covered.setText("Showing the previous selection, made with other settings.")
        self.unanswered.show_message("warning", why, closable=False)
        if again:
            self.offer_again()

    def offer_again(self) -> None:
        """Offer to make the choice that was not made."""
        why = self.unanswered.text
        if why:
            tip = "Select with the current settings"
            self.unanswered.show_message("warning", why, "Select again", tip, closable=False)

    def show_not_covered(self, why: str) -> None:
        """Say that what the coreset leaves out was not measured."""
        self.covered.setText("Coverage was not measured.")
        self.unanswered.show_message("warning", why, "Measure again", "Measure the coverage again")

    def show_coverage(self, coverage: Coverage) -> None:
        """Show what the coreset leaves out."""
        self.unanswered.clear()
        fill(self.coverage, coverage.by_class)
        worst = coverage.worst_indices[:1]
        self.worst.set_images([self._images.thumbnail(index) for index in worst])
        if worst:
            name = self._images.class_of(worst[0])
            self.covered.setText(f"The least covered image is this one, of {name}.")
        else:
            self.covered.setText("Every image of the pool is selected, or has an identical copy that is.")

    def _open_worst(self, index: int) -> None:
        self.opened.emit(index, [index])

    def _show_row(self, row: object) -> None:
        if isinstance(row, Given):
            self.chosen.show_only(row.class_name, row.cluster)
        elif isinstance(row, ClassCoverage):
            self.chosen.show_only(row.class_name, -1)


def _drawn(widget: QWidget) -> QWidget:
    """Return what of a tab goes into a file."""
    if isinstance(widget, SizesPanel):
        return widget.plot
    return widget.scatter if isinstance(widget, CoresetPlot) else widget
