"""The sheets of an external test: the question which class is which, and what the network is worth there."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from coreset_studio.core.results import MatchedClasses, Row
from coreset_studio.core.service.external_requests import ExternalResult
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.metrics import by_column
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.models.thumbnail_model import Thumbnail
from coreset_studio.desktop_app.pages.compare_classes import ClassPlots
from coreset_studio.desktop_app.widgets.card import Sheet
from coreset_studio.desktop_app.widgets.confusion_matrix import ConfusionMatrix
from coreset_studio.desktop_app.widgets.controls import ComboBox, TabWidget
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.words import images

LEAVE_OUT = "Leave out"
CLICK_A_CELL = "Click a cell to show the images behind it."


class MatchSheet(Sheet):
    """Asks which class of the dataset is which class of the network.

    Signals
    -------
    matched : (dict of str to str)
        Class of the network by class of the dataset; empty where the class is left out.
    """

    matched = Signal(object)

    def __init__(self, summary: MatchedClasses, parent: QWidget) -> None:
        super().__init__(
            "Match classes",
            "The classes of this dataset and those of the network have different names. Select for each class of the "
            "dataset the class of the network that it is; images of classes that are left out are not evaluated.",
            "Evaluate",
            parent,
        )
        self.boxes: dict[str, ComboBox] = {}
        form = QFormLayout()
        for name, n_images in summary.theirs.items():
            box = ComboBox()
            box.addItem(LEAVE_OUT, "")
            for ours in summary.ours:
                box.addItem(ours, ours)
            box.setCurrentIndex(max(0, box.findData(summary.matched.get(name, ""))))
            box.setAccessibleName(f"Class of the network for {name}")
            box.setToolTip(f"Class of the network that the images of {name} belong to")
            box.currentIndexChanged.connect(self._check)
            self.boxes[name] = box
            form.addRow(f"{name} ({images(n_images)})", box)
        inside = QWidget()
        inside.setLayout(form)
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setWidget(inside)
        scrolled.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        scrolled.setAccessibleName("Classes")
        scrolled.setMinimumHeight(min(theme.UNIT * 50, inside.sizeHint().height() + theme.UNIT))
        self.add(scrolled, 1)
        self._check()

    def _check(self) -> None:
        some = any(box.currentData() for box in self.boxes.values())
        self.set_problem("" if some else "At least one class must be a class of the network.")

    def accept(self) -> None:
        """Give the answer."""
        self.matched.emit({name: str(box.currentData()) for name, box in self.boxes.items()})
        super().accept()


class ExternalSheet(Sheet):
    """Shows measures, classes, curves, and the confusion matrix with the images behind each cell."""

    def __init__(self, summary: ExternalResult, parent: QWidget) -> None:
        super().__init__("External test", summary.headline, "Close", parent)
        self._summary = summary
        self.tabs = TabWidget()
        self.tabs.setDocumentMode(True)
        self.measures = Table("Measures", _measure_columns(summary.row))
        self.measures.set_rows([metric for metric in by_column() if "clusters" not in metric.needs])
        self.views = ClassPlots()
        self.views.show(summary.row, [summary.run])
        self.confusion = ConfusionMatrix()
        self.confusion.set_counts(summary.run.classes, summary.run.metrics.confusion)
        self.confusion.cell_opened.connect(self._show_cell)
        self.behind = ThumbnailGrid()
        self.behind_title = QLabel(CLICK_A_CELL)
        self.behind_title.setWordWrap(True)
        self.notes = QLabel("\n\n".join(summary.notes))
        self.notes.setWordWrap(True)
        self.notes.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.tabs.addTab(_with_notes(self.measures, self.notes), "Measures")
        self.tabs.addTab(_beside(_saved(self.views.table)), "Classes")
        self.tabs.addTab(_beside(_saved(self.views.roc), _saved(self.views.reliability)), "ROC and calibration")
        behind = QWidget()
        side = QVBoxLayout(behind)
        side.setContentsMargins(0, 0, 0, 0)
        side.addWidget(self.behind_title)
        side.addWidget(self.behind, 1)
        self.tabs.addTab(_beside(_saved(self.confusion), behind), "Confusion")
        self.add(self.tabs, 1)
        self.add(QLabel(f"Report written to {summary.report}"))
        self.resize(theme.UNIT * 130, theme.UNIT * 90)

    def _show_cell(self, true: str, predicted: str) -> None:
        run, dataset = self._summary.run, self._summary.dataset
        at = (run.true == run.classes.index(true)) & (run.predicted == run.classes.index(predicted))
        found = run.test_indices[at].tolist()
        what = "recognised" if true == predicted else f"classified as {predicted}"
        self.behind_title.setText(f"{true} {what}: {images(len(found))}")
        self.behind.set_images(
            [
                Thumbnail(index, str(self._summary.thumbnail(index)), dataset.images[index].path)
                for index in sorted(found)
            ]
        )


def _measure_columns(row: Row) -> list[Column]:
    def value(name: str) -> str:
        mean, low, high = (each.get(name, float("nan")) for each in (row.means, row.lows, row.highs))
        return "–" if mean != mean else f"{mean:.3f} ({low:.3f}–{high:.3f})"

    def why(name: str, tip: str) -> str:
        return f"Not known: {row.unknown[name]}" if name in row.unknown else tip

    return [
        Column("Measure", lambda metric: metric.title, row_tooltip=lambda metric: metric.tip),
        Column(
            "Value (95 % interval)", lambda metric: value(metric.name), lambda metric: row.means.get(metric.name),
            numeric=True, row_tooltip=lambda metric: why(metric.name, metric.tip),
        ),
    ]  # fmt: skip


def _saved(plot: QWidget) -> QWidget:
    """Return a plot below the button that saves it."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    top = QHBoxLayout()
    top.addStretch(1)
    top.addWidget(PlotExportButton(plot))
    column.addLayout(top)
    column.addWidget(plot, 1)
    return whole


def _with_notes(table: QWidget, notes: QLabel) -> QWidget:
    scrolled = QScrollArea()
    scrolled.setWidgetResizable(True)
    scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
    scrolled.setWidget(notes)
    scrolled.viewport().setAutoFillBackground(False)
    notes.setAutoFillBackground(False)
    scrolled.setAccessibleName("Notes")
    return _beside(table, scrolled)


def _beside(*widgets: QWidget) -> QWidget:
    tab = QWidget()
    row = QHBoxLayout(tab)
    row.setContentsMargins(0, theme.UNIT, 0, 0)
    row.setSpacing(theme.UNIT * 2)
    for widget in widgets:
        row.addWidget(widget, 1)
    return tab
