import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.class_model import BAR, NAME, ClassCount
from coreset_studio.desktop_app.widgets.bar_pairs import BarPairs, Taken
from coreset_studio.desktop_app.widgets.bar_rows import Bar, BarRow
from coreset_studio.desktop_app.widgets.bars import Bars
from coreset_studio.desktop_app.widgets.class_histogram import ClassHistogram
from coreset_studio.desktop_app.widgets.cluster_bars import ClusterBars
from coreset_studio.desktop_app.widgets.metric_bars import Configuration, MetricBars


def middle(bars: Bars, row: int) -> QPoint:
    tops = bars._tops()
    return QPoint(bars.width() // 2, (tops[row] + tops[row + 1]) // 2)


class TestClusterBars:
    @pytest.fixture
    def bars(self, qtbot) -> ClusterBars:
        made = ClusterBars()
        qtbot.addWidget(made)
        made.set_sizes([1021, 740, 402])
        made.resize(400, 200)
        made.show()
        return made

    def test_mouse_and_keys_choose_and_open_clusters(self, qtbot, bars) -> None:
        with qtbot.waitSignal(bars.cluster_chosen) as signal:
            qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=middle(bars, 1))
        assert signal.args == [1]
        with qtbot.waitSignal(bars.cluster_chosen) as signal:
            qtbot.keyClick(bars, Qt.Key.Key_Down)
        assert signal.args == [2]
        with qtbot.waitSignal(bars.cluster_opened) as signal:
            qtbot.keyClick(bars, Qt.Key.Key_Return)
        assert signal.args == [2]
        with qtbot.waitSignal(bars.cluster_hovered) as signal:
            qtbot.mouseMove(bars, middle(bars, 0))
        assert signal.args == [0]

    def test_counts_have_separators_and_the_scatters_markers(self, bars) -> None:
        assert [row.bars[0].text for row in bars.rows] == ["1,021", "740", "402"]
        assert bars.rows[1].symbol == theme.cluster_symbol(1)
        assert "47.2 % of the class" in bars.rows[0].tooltip
        assert "Cluster 1: 1,021" in bars.accessibleDescription()

    @pytest.mark.slow
    def test_colours_follow_the_mode(self, bars) -> None:
        light = bars.rows[0].bars[0].colour
        theme.apply(QApplication.instance(), "dark")
        assert bars.rows[0].bars[0].colour == theme.cluster_colour(0)
        theme.apply(QApplication.instance(), "light")
        assert bars.rows[0].bars[0].colour == light

    def test_an_empty_class_draws_its_note(self, qtbot, bars) -> None:
        bars.set_sizes([])
        assert "No clusters yet" in bars.accessibleDescription()
        qtbot.keyClick(bars, Qt.Key.Key_Down)
        qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
        assert not bars.grab().isNull()


class TestBars:
    def test_the_longest_bar_ends_at_the_same_place_whatever_the_unit(self, qtbot) -> None:
        bars = Bars("b", ("value",))
        qtbot.addWidget(bars)
        bars.resize(300, 60)
        grabbed = []
        for factor in (1, 1000):
            bars.set_rows(
                [BarRow("a", (Bar(2 * factor, "#0072b2", "x"),)), BarRow("b", (Bar(factor, "#0072b2", "x"),))]
            )
            grabbed.append(bars.grab().toImage())
        assert grabbed[0] == grabbed[1]

    def test_zero_and_unknown_values_draw(self, qtbot) -> None:
        bars = Bars("b", ("value",))
        qtbot.addWidget(bars)
        bars.set_rows([BarRow("a", (Bar(0, "#0072b2", "0"),)), BarRow("b", (Bar(float("nan"), "#0072b2", "–"),))])
        assert not bars.grab().isNull()

    def test_headings_are_walked_over(self, qtbot) -> None:
        bars = Bars("b", ("value",))
        qtbot.addWidget(bars)
        one = Bar(1, "#0072b2", "1")
        bars.set_rows([BarRow("A"), BarRow("a", (one,)), BarRow("B"), BarRow("b", (one,))])
        with qtbot.waitSignal(bars.row_clicked) as signal:
            qtbot.keyClick(bars, Qt.Key.Key_Down)
        assert signal.args == [3]
        with qtbot.waitSignal(bars.row_clicked) as signal:
            qtbot.keyClick(bars, Qt.Key.Key_Home)
        assert signal.args == [1]


class TestBarPairs:
    TAKEN = (
        Taken("ig", 0, 720, 16, 30),
        Taken("ig", 1, 310, 16, 13),
        Taken("basophil", 0, 1110, 20, 40),
    )

    @pytest.fixture
    def pairs(self, qtbot) -> BarPairs:
        made = BarPairs()
        qtbot.addWidget(made)
        made.set_taken(self.TAKEN, "intelligent")
        made.resize(500, 400)
        made.show()
        return made

    def test_classes_are_headings_with_their_totals(self, pairs) -> None:
        headings = [(row.label, row.note) for row in pairs.bars.rows if not row.bars]
        assert headings == [("ig", "32 of 1,030 images"), ("basophil", "20 of 1,110 images")]

    def test_both_amounts_stand_side_by_side_in_the_samplers_colours(self, pairs) -> None:
        row = pairs.bars.rows[1]
        assert [bar.value for bar in row.bars] == [16, 30]
        assert row.bars[0].colour == theme.sampler_colour("intelligent")
        assert row.bars[1].hollow

    def test_choosing_a_row_tells_class_and_cluster(self, qtbot, pairs) -> None:
        with qtbot.waitSignal(pairs.cluster_chosen) as signal:
            qtbot.mouseClick(pairs.bars, Qt.MouseButton.LeftButton, pos=middle(pairs.bars, 4))
        assert signal.args == ["basophil", 0]
        with qtbot.waitSignal(pairs.cluster_opened) as signal:
            qtbot.keyClick(pairs.bars, Qt.Key.Key_Return)
        assert signal.args == ["basophil", 0]

    def test_numbers_of_the_plot(self, pairs) -> None:
        names, rows = pairs.plot_table()
        assert names == ("class", "cluster", "images", "intelligent", "random")
        assert rows[1] == ("ig", 2, 310, 16, 13)


class TestMetricBars:
    def test_groups_a_metric_with_honest_intervals(self, qtbot) -> None:
        bars = MetricBars()
        qtbot.addWidget(bars)
        everything = Configuration("100 %", "everything", {"f1": 0.91}, {"f1": 0.9}, {"f1": 0.92})
        once = Configuration("25 % random", "random", {"f1": 0.8, "recall": 0.7}, {}, {})
        bars.set_configurations([everything, once], {"recall": "Recall", "f1": "F1"})
        assert [row.label for row in bars.rows] == ["Recall", "25 % random", "F1", "100 %", "25 % random"]
        assert bars.rows[3].bars[0].text == "0.910 ± 0.010"
        assert bars.rows[4].bars[0].text == "0.800"
        assert bars.rows[4].bars[0].low is None


class TestClassHistogram:
    @pytest.fixture
    def histogram(self, qtbot) -> ClassHistogram:
        made = ClassHistogram()
        qtbot.addWidget(made)
        made.set_classes(
            [ClassCount("basophil", 852), ClassCount("ig", 2026), ClassCount("monocyte", 994)], ["monocyte"]
        )
        made.resize(500, 200)
        made.show()
        return made

    def test_space_leaves_a_class_out_and_takes_it_again(self, qtbot, histogram) -> None:
        place = histogram.visualRect(histogram.classes.index(1, BAR)).center()
        with qtbot.waitSignal(histogram.class_chosen) as signal:
            qtbot.mouseClick(histogram.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert signal.args == ["ig"]
        with qtbot.waitSignal(histogram.inclusion_changed) as signal:
            qtbot.keyClick(histogram, Qt.Key.Key_Space)
        assert signal.args == ["ig", False]
        with qtbot.waitSignal(histogram.inclusion_changed) as signal:
            qtbot.keyClick(histogram, Qt.Key.Key_Space)
        assert signal.args == ["ig", True]

    def test_the_box_is_ticked_with_the_mouse(self, qtbot, histogram) -> None:
        cell = histogram.visualRect(histogram.classes.index(2, NAME))
        with qtbot.waitSignal(histogram.inclusion_changed) as signal:
            qtbot.mouseClick(
                histogram.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(cell.left() + 16, cell.center().y())
            )
        assert signal.args == ["monocyte", True]

    def test_counts_stand_beside_bars_and_in_the_csv(self, histogram) -> None:
        assert histogram.classes.index(1, BAR).data() == "2,026"
        assert histogram.plot_table()[1][2] == ("monocyte", 994, "no")

    def test_every_class_name_is_shown_whole(self, histogram) -> None:
        names = [one.name for one in histogram.classes.classes]
        assert histogram.columnWidth(NAME) >= max(theme.text_width(name) for name in names) + 24
