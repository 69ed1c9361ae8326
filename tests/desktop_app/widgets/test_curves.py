import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication

from coreset_studio.core.results import Epoch
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.line_with_intervals import Level, Line, LineWithIntervals
from coreset_studio.desktop_app.widgets.plot import Plot
from coreset_studio.desktop_app.widgets.silhouette_curve import SilhouetteCurve
from coreset_studio.desktop_app.widgets.training_curves import TrainingCurves
from coreset_studio.desktop_app.widgets.variance_curve import VarianceCurve

CURVE = {2: 0.041, 3: 0.048, 4: 0.03, 5: 0.02}


def place(plot: Plot, x: float, y: float) -> QPoint:
    return plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y)))


class TestSilhouetteCurve:
    @pytest.fixture
    def curve(self, qtbot) -> SilhouetteCurve:
        made = SilhouetteCurve()
        qtbot.addWidget(made)
        made.resize(500, 300)
        made.set_curve(CURVE, 3)
        made.show()
        QApplication.processEvents()
        return made

    def test_keys_choose_k_within_what_was_tried(self, qtbot, curve) -> None:
        with qtbot.waitSignal(curve.k_chosen) as signal:
            qtbot.keyClick(curve, Qt.Key.Key_Right)
        assert signal.args == [4]
        qtbot.keyClick(curve, Qt.Key.Key_Right)
        with qtbot.assertNotEmitted(curve.k_chosen):
            qtbot.keyClick(curve, Qt.Key.Key_Right)
        assert curve.k == 5

    def test_the_line_is_dragged_to_the_nearest_k(self, qtbot, curve) -> None:
        start, end = place(curve, 3, 0.02), place(curve, 4.8, 0.02)
        with qtbot.waitSignal(curve.k_chosen) as signal:
            qtbot.mouseMove(curve.viewport(), start)
            qtbot.mousePress(curve.viewport(), Qt.MouseButton.LeftButton, pos=start)
            for share in (0.3, 0.7, 1.0):
                qtbot.mouseMove(curve.viewport(), start + (end - start) * share)
            qtbot.mouseRelease(curve.viewport(), Qt.MouseButton.LeftButton, pos=end)
        assert signal.args == [5]
        assert curve._marker.value() == 5

    def test_a_line_dropped_where_it_was_stays_without_a_signal(self, qtbot, curve) -> None:
        start, end = place(curve, 3, 0.02), place(curve, 3.3, 0.02)
        with qtbot.assertNotEmitted(curve.k_chosen):
            qtbot.mousePress(curve.viewport(), Qt.MouseButton.LeftButton, pos=start)
            qtbot.mouseMove(curve.viewport(), (start + end) / 2)
            qtbot.mouseMove(curve.viewport(), end)
            qtbot.mouseRelease(curve.viewport(), Qt.MouseButton.LeftButton, pos=end)
        assert curve._marker.value() == 3

    def test_a_dot_is_clicked(self, qtbot, curve) -> None:
        with qtbot.waitSignal(curve.k_chosen) as signal:
            qtbot.mouseClick(curve.viewport(), Qt.MouseButton.LeftButton, pos=place(curve, 4, 0.03))
        assert signal.args == [4]

    def test_says_so_where_there_is_no_structure(self, curve) -> None:
        assert curve._low.isVisible()
        curve.set_curve({2: 0.6, 3: 0.4}, 2)
        assert not curve._low.isVisible()
        assert "2 clusters in use, mean silhouette 0.600" in curve.accessibleDescription()

    def test_without_a_curve_it_says_why(self, qtbot, curve) -> None:
        curve.set_curve({}, 1, "Two images: one cluster, and no silhouette.")
        assert curve._note.text().startswith("Two images")
        with qtbot.assertNotEmitted(curve.k_chosen):
            qtbot.keyClick(curve, Qt.Key.Key_Right)

    def test_small_values_are_not_scaled_by_the_axis(self, curve) -> None:
        axis = curve.getAxis("left")
        assert axis.autoSIPrefixScale == 1.0
        assert axis.labelUnitPrefix == ""


class TestVarianceCurve:
    def test_marks_how_many_components_reach_the_share(self, qtbot) -> None:
        curve = VarianceCurve()
        qtbot.addWidget(curve)
        curve.set_explained({"ig": np.array([0.5, 0.3, 0.15, 0.05]), "one": np.array([0.0])}, 0.95)
        assert curve.needed("ig") == 3
        assert curve.needed("one") == 1
        assert curve.plot_table()[1][1] == ("ig", 2, 0.8)
        curve.set_explained({"ig": np.array([0.5, 0.3, 0.15, 0.05])}, 0.8)
        assert curve.needed("ig") == 2

    def test_the_legend_never_lies_over_the_curves(self, qtbot) -> None:
        curve = VarianceCurve()
        qtbot.addWidget(curve)
        curve.set_explained({f"class {i}": np.full(300, 1 / 300) for i in range(8)}, 0.95)
        curve.resize(900, 400)
        curve.show()
        assert curve._legend.isVisible()
        curve.resize(320, 200)
        assert not curve._legend.isVisible()
        assert "class 3: 285 components" in curve.accessibleDescription()

    def test_a_dot_says_its_class_under_the_mouse(self, qtbot) -> None:
        curve = VarianceCurve()
        qtbot.addWidget(curve)
        curve.resize(500, 300)
        curve.set_explained({"ig": np.full(300, 1 / 300)}, 0.95)
        curve.show()
        QApplication.processEvents()
        qtbot.mouseMove(curve.viewport(), place(curve, 100, 0.5))
        qtbot.mouseMove(curve.viewport(), place(curve, 285, 0.95))
        qtbot.waitUntil(lambda: curve.getViewBox().toolTip() == "ig: 285 of 300 components")

    def test_thousands_of_components_are_thinned_on_screen_alone(self, qtbot) -> None:
        curve = VarianceCurve()
        qtbot.addWidget(curve)
        curve.set_explained({"ig": np.full(2_000, 1 / 2_000)}, 0.95)
        assert len(curve.plot_table()[1]) == 2_000
        assert not curve.grab().isNull()


class TestLineWithIntervals:
    @pytest.fixture
    def plot(self, qtbot) -> LineWithIntervals:
        made = LineWithIntervals()
        qtbot.addWidget(made)
        made.resize(600, 400)
        line = Line("intelligent", (0.05, 0.25), (0.85, 0.9), (0.84, 0.89), (0.86, 0.91))
        once = Line("random", (0.05, 0.25), (0.8, float("nan")), (float("nan"),) * 2, (float("nan"),) * 2, dashed=True)
        made.set_lines([line, once], Level(0.93, 0.92, 0.94))
        made.show()
        QApplication.processEvents()
        return made

    def test_a_click_on_a_point_tells_sampler_and_fraction(self, qtbot, plot) -> None:
        drawn = next(item for item in plot._drawn if getattr(item, "sampler", "") == "intelligent")
        x, y = drawn.getData()
        with qtbot.waitSignal(plot.point_clicked) as signal:
            qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place(plot, float(x[1]), float(y[1])))
        assert signal.args == ["intelligent", 0.25]

    def test_every_interval_lies_in_view(self, plot) -> None:
        low, high = plot.viewRange()[1]
        assert low < 0.8
        assert high > 0.94

    def test_times_begin_at_zero(self, plot) -> None:
        plot.set_lines([Line("random", (0.05, 1.0), (10, 200), (9, 190), (11, 210))], from_zero=True)
        assert plot.viewRange()[1][0] == 0

    def test_csv_holds_the_level_too(self, plot) -> None:
        names, rows = plot.plot_table()
        assert names == ("series", "fraction", "test accuracy", "low", "high")
        assert rows[-1] == ["Whole pool", 1.0, 0.93, 0.92, 0.94]
        assert len(rows) == 5

    def test_says_what_will_stand_there(self, plot) -> None:
        plot.set_lines([])
        assert "No results yet" in plot._note.text()


class TestTrainingCurves:
    @staticmethod
    def epoch(number: int, validation: float = 0.5) -> Epoch:
        return Epoch(number, 1 / number, 1 - 0.5 / number, 1.1 / number, validation, 0.002, 4.0)

    def test_epochs_are_added_as_they_finish(self, qtbot) -> None:
        curves = TrainingCurves()
        qtbot.addWidget(curves)
        for number in (1, 2, 3):
            curves.add_epoch(self.epoch(number), 25)
        assert [row[0] for row in curves.plot_table()[1]] == [1, 2, 3]
        assert curves.accuracy.viewRange()[0][1] == pytest.approx(25.5)
        assert "Epoch 3" in curves.accessibleDescription()
        curves.add_epoch(self.epoch(1))
        assert len(curves.plot_table()[1]) == 1

    def test_without_validation_images_there_is_one_line(self, qtbot) -> None:
        curves = TrainingCurves()
        qtbot.addWidget(curves)
        curves.set_history([self.epoch(1, float("nan")), self.epoch(2, float("nan"))])
        assert not curves.accuracy._validation.isVisible()
        assert curves.accuracy._training.isVisible()

    def test_the_kept_epoch_is_marked(self, qtbot) -> None:
        curves = TrainingCurves()
        qtbot.addWidget(curves)
        curves.set_history([self.epoch(1), self.epoch(2)], 25, best=2)
        assert curves.accuracy._best.isVisible()
        assert curves.accuracy._best.value() == 2


def test_plots_turn_dark_with_the_mode(qtbot) -> None:
    plot = SilhouetteCurve()
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    plot.set_curve(CURVE, 3)
    theme.apply(QApplication.instance(), "dark")
    corner = plot.grab().toImage().pixelColor(150, 3)
    assert corner.name() == theme.DARK.surface


def test_a_plot_that_was_closed_lives_through_a_change_of_mode(qtbot) -> None:
    plot = SilhouetteCurve()
    qtbot.addWidget(plot)
    plot.show()
    plot.close()
    theme.apply(QApplication.instance(), "dark")
    plot.set_curve(CURVE, 2)
    assert plot.k == 2


def test_names_of_lines_stand_below_the_plot_and_never_over_each_other(qtbot) -> None:
    plot = LineWithIntervals()
    qtbot.addWidget(plot)
    plot.show()
    names = ("intelligent", "balanced-herding", "stratified", "matched:balanced-herding")
    lines = [Line(name, [0.1, 0.2], [0.5, 0.6], [0.4, 0.5], [0.6, 0.7]) for name in names]
    for width, n_rows in ((900, 1), (400, 2), (200, 5)):
        plot.resize(width, 320)
        plot.set_lines(lines, Level(0.8, 0.7, 0.9))
        qtbot.waitUntil(lambda width=width: plot._legend.width() > 0.9 * width)
        places = [label.geometry().adjusted(0, 2, 0, -2) for _, label in plot._legend.items]
        assert len({place.y() for place in places}) >= n_rows, width
        for one, other in itertools.combinations(places, 2):
            assert not one.intersects(other)
        view = plot.getViewBox().sceneBoundingRect()
        assert not plot._legend.sceneBoundingRect().intersects(view)
        assert view.height() > 120
    plot.set_lines([])
    assert plot._legend.maximumHeight() == 0
