"""What holds for every widget: named for screen readers, drawn in both modes, reached by keyboard, explained."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QLineEdit, QSlider, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.activation_panel import ActivationPanel
from coreset_studio.desktop_app.widgets.bar_pairs import BarPairs
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.class_histogram import ClassHistogram
from coreset_studio.desktop_app.widgets.class_table import ClassTable
from coreset_studio.desktop_app.widgets.cluster_bars import ClusterBars
from coreset_studio.desktop_app.widgets.colour_bar import ColourBar
from coreset_studio.desktop_app.widgets.confusion_matrix import ConfusionMatrix
from coreset_studio.desktop_app.widgets.display_controls import DisplayControls
from coreset_studio.desktop_app.widgets.duplicates_table import DuplicatesTable
from coreset_studio.desktop_app.widgets.empty_state import EmptyState
from coreset_studio.desktop_app.widgets.exclusion_field import ExclusionField
from coreset_studio.desktop_app.widgets.fraction_control import FractionControl
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer
from coreset_studio.desktop_app.widgets.job_bar import JobBar
from coreset_studio.desktop_app.widgets.line_with_intervals import LineWithIntervals
from coreset_studio.desktop_app.widgets.map_plot import MapPlot
from coreset_studio.desktop_app.widgets.medoid_strip import MedoidStrip
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.metric_bars import MetricBars
from coreset_studio.desktop_app.widgets.pattern_field import PatternField
from coreset_studio.desktop_app.widgets.plot_export import HasNumbers, PlotExportButton
from coreset_studio.desktop_app.widgets.quality_histogram import QualityHistogram
from coreset_studio.desktop_app.widgets.question_mark import QuestionMark
from coreset_studio.desktop_app.widgets.results_table import ResultsTable
from coreset_studio.desktop_app.widgets.sample_strip import SampleStrip
from coreset_studio.desktop_app.widgets.scatter import Scatter
from coreset_studio.desktop_app.widgets.silhouette_curve import SilhouetteCurve
from coreset_studio.desktop_app.widgets.similar_list import SimilarList
from coreset_studio.desktop_app.widgets.skipped_table import SkippedTable
from coreset_studio.desktop_app.widgets.small_multiples import SmallMultiples
from coreset_studio.desktop_app.widgets.step_list import StepList
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.thumbnail_row import ThumbnailRow
from coreset_studio.desktop_app.widgets.training_curves import TrainingCurves
from coreset_studio.desktop_app.widgets.unit_curves import UnitCurves
from coreset_studio.desktop_app.widgets.variance_curve import VarianceCurve


def strip() -> MessageStrip:
    made = MessageStrip()
    made.show_message("bad", "The folder is gone.", "Choose it", "Choose where the folder is now")
    return made


MAKERS: dict[str, Callable[[], QWidget]] = {
    "activation panel": ActivationPanel,
    "bar pairs": BarPairs,
    "card": lambda: Card("Clusters", "One sentence. Another."),
    "class histogram": ClassHistogram,
    "class table": ClassTable,
    "cluster bars": ClusterBars,
    "colour bar": ColourBar,
    "confusion matrix": ConfusionMatrix,
    "duplicates": DuplicatesTable,
    "display controls": DisplayControls,
    "empty state": lambda: EmptyState(
        "images", "Images will stand here.", "Choose a folder", "Choose a folder of images"
    ),
    "exclusion": ExclusionField,
    "fraction": FractionControl,
    "image viewer": ImageViewer,
    "job bar": JobBar,
    "lines": LineWithIntervals,
    "map": MapPlot,
    "medoids": MedoidStrip,
    "message": strip,
    "metric bars": MetricBars,
    "pattern": PatternField,
    "plot export": lambda: PlotExportButton(QWidget()),
    "quality": QualityHistogram,
    "question mark": lambda: QuestionMark("One sentence. Another.", "this"),
    "results": ResultsTable,
    "samples": SampleStrip,
    "scatter": Scatter,
    "silhouette": SilhouetteCurve,
    "similar": SimilarList,
    "skipped": SkippedTable,
    "small multiples": SmallMultiples,
    "steps": lambda: StepList(["Dataset", "Features"]),
    "thumbnails": ThumbnailGrid,
    "thumbnail row": ThumbnailRow,
    "training": TrainingCurves,
    "unit curves": lambda: UnitCurves("ROC curves", "1 − specificity", "sensitivity"),
    "variance": VarianceCurve,
}
PLOTS = (
    "bar pairs", "class histogram", "class table", "cluster bars", "confusion matrix", "lines", "metric bars",
    "map", "quality", "results", "samples", "scatter", "silhouette", "small multiples", "training", "unit curves",
    "variance",
)  # fmt: skip


@pytest.fixture(params=MAKERS)
def widget(request: pytest.FixtureRequest, qtbot) -> QWidget:
    made = MAKERS[request.param]()
    made.setProperty("maker", request.param)
    qtbot.addWidget(made)
    made.resize(500, 300)
    made.show()
    return made


def test_has_a_name_and_what_can_be_pressed_too(widget: QWidget) -> None:
    named = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
    assert named or any(child.accessibleName() for child in widget.findChildren(QWidget))
    for button in widget.findChildren(QAbstractButton):
        if button.isVisibleTo(widget) and not button.objectName().startswith("qt_") and ours(button):
            assert button.text() or button.accessibleName()
            assert button.text() or button.toolTip()
    for control in [
        *widget.findChildren(QSlider),
        *widget.findChildren(QAbstractSpinBox),
        *widget.findChildren(QLineEdit),
    ]:
        inner = isinstance(control.parent(), QAbstractSpinBox)
        assert inner or control.accessibleName()
        assert inner or control.toolTip()


def ours(button: QAbstractButton) -> bool:
    """Not the small cross inside a text field, nor a corner of a table: Qt names those."""
    return not isinstance(button.parent(), QLineEdit) and type(button).__name__ != "QTableCornerButton"


@pytest.mark.slow
def test_is_drawn_in_both_modes(widget: QWidget, qapp: QApplication) -> None:
    light = widget.grab().toImage()
    theme.apply(qapp, "dark")
    assert widget.grab().toImage() != light


def test_the_keyboard_comes_there_or_there_is_nothing_to_do(widget: QWidget) -> None:
    inside = [widget, *widget.findChildren(QWidget)]
    reached = any(one.focusPolicy() & Qt.FocusPolicy.TabFocus for one in inside)
    assert reached or widget.property("maker") in {"samples", "small multiples", "job bar", "card", "colour bar"}


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_tells_its_name_and_numbers(name: str, qtbot) -> None:
    made = MAKERS[name]()
    qtbot.addWidget(made)
    assert isinstance(made, HasNumbers)
    assert made.plot_name()
    names, rows = made.plot_table()
    assert len(list(rows)) == 0
    assert all(isinstance(one, str) for one in names)
