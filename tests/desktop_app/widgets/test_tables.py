from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from coreset_studio.core.descriptions import registry
from coreset_studio.core.results import Row, Skipped
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.widgets.class_table import ClassRow, ClassTable
from coreset_studio.desktop_app.widgets.confusion_matrix import ConfusionMatrix
from coreset_studio.desktop_app.widgets.duplicates_table import Copy, DuplicatesTable
from coreset_studio.desktop_app.widgets.results_table import ResultsTable
from coreset_studio.desktop_app.widgets.skipped_table import SkippedTable
from coreset_studio.desktop_app.widgets.table import Table, fitted


def row(sampler: str, accuracy: float, *, n_images: int = 479, pays_after: int | None = None) -> Row:
    means = {"accuracy": accuracy, "worst_cluster_recall": float("nan")}
    return Row(
        "custom",
        sampler,
        0.05,
        n_images,
        5,
        means,
        {"accuracy": accuracy - 0.004},
        {"accuracy": accuracy + 0.004},
        12.4,
        95.0,
        pays_after,
    )


def header_click(qtbot, table: Table, column: int) -> None:
    header = table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(column) + 8, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


class TestTable:
    @pytest.fixture
    def table(self, qtbot) -> Table:
        columns = [
            Column("Name", lambda one: one[0]),
            Column("Value", lambda one: f"{one[1]:,.0f}", lambda one: one[1], numeric=True),
        ]
        made = Table("Things", columns)
        qtbot.addWidget(made)
        made.resize(400, 300)
        made.set_rows([("b", 9.0), ("a", 1000.0), ("c", float("nan")), ("d", 80.0)])
        made.show()
        return made

    def shown(self, table: Table) -> list[str]:
        return [line[0] for line in table.plot_table()[1]]

    def test_keeps_the_order_given_until_a_heading_is_clicked(self, qtbot, table) -> None:
        assert self.shown(table) == ["b", "a", "c", "d"]
        header_click(qtbot, table, 1)
        assert self.shown(table) == ["b", "d", "a", "c"]

    def test_numbers_sort_as_numbers_stand_right_and_have_separators(self, qtbot, table) -> None:
        model = table.model()
        assert model.index(1, 1).data() == "1,000"
        assert model.index(1, 1).data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight.value
        assert model.index(1, 0).data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignLeft.value

    def test_choosing_and_opening_tell_the_row_itself_after_sorting(self, qtbot, table) -> None:
        header_click(qtbot, table, 1)
        place = table.visualRect(table.model().index(1, 0)).center()
        with qtbot.waitSignal(table.row_chosen) as signal:
            qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert signal.args == [("d", 80.0)]
        with qtbot.waitSignal(table.row_opened) as signal:
            qtbot.keyClick(table, Qt.Key.Key_Return)
        assert signal.args == [("d", 80.0)]
        with qtbot.waitSignal(table.row_chosen) as signal:
            qtbot.keyClick(table, Qt.Key.Key_Down)
        assert signal.args == [("a", 1000.0)]

    def test_control_c_copies_the_selected_rows(self, qtbot, table) -> None:
        table.selectRow(1)
        qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert QGuiApplication.clipboard().text() == "Name\tValue\na\t1,000"
        assert table.chosen_rows() == [("a", 1000.0)]


class TestResultsTable:
    def test_writes_values_with_intervals_and_price(self, qtbot) -> None:
        table = ResultsTable()
        qtbot.addWidget(table)
        table.set_rows([row("intelligent", 0.924, n_images=9571, pays_after=3), row("random", 0.9, pays_after=1)])
        names, lines = table.plot_table()
        first = dict(zip(names, lines[0], strict=True))
        assert first["Sampler"] == theme.sampler_title("intelligent")
        assert first["Images"] == "9,571"
        assert first["Accuracy"] == "0.924 ± 0.004"
        assert first["Worst cluster"] == "–"
        assert first["Training"] == "1 min 35 s"
        assert first["Pays off after"] == "3 trainings"
        assert lines[1][-1] == "1 training"

    def test_a_teacher_has_a_column_where_there_is_one(self, qtbot) -> None:
        table = ResultsTable()
        qtbot.addWidget(table)
        at = [column.title for column in table.rows_model.columns].index("Teacher")
        assert at in table.absent
        one = row("intelligent", 0.924)
        table.set_rows([one, replace(one, teacher_seconds=95.0)])
        assert at not in table.absent
        assert [line[at] for line in table.plot_table()[1]] == ["0 s", "1 min 35 s"]
        table.set_rows([one])
        assert at in table.absent

    def test_metrics_stand_in_the_order_of_their_columns(self, qtbot) -> None:
        table = ResultsTable()
        qtbot.addWidget(table)
        names = list(table.plot_table()[0])
        first = names.index("Accuracy")
        ours = ["Accuracy", "Balanced", "Worst class", "Worst cluster", "F1", "Precision", "Recall"]
        metrics = names[first : names.index("Images")]
        assert [name for name in metrics if name in ours] == ours
        assert len(metrics) == len(registry("metric"))

    def test_a_metric_of_a_plugin_has_a_column(self, qtbot, metric_plugin) -> None:
        metric_plugin(
            len, name="log-loss", title="Log loss", tip="Mean surprise.", unit="nats", higher_is_better=False, column=15
        )
        table = ResultsTable()
        qtbot.addWidget(table)
        one = row("intelligent", 0.924)
        table.set_rows([replace(one, means={**one.means, "log-loss": 1.25}, lows={"log-loss": 1.2}, highs={}), one])
        names, lines = table.plot_table()
        place = names.index("Log loss")
        assert list(names[place - 1 : place + 2]) == ["Accuracy", "Log loss", "Balanced"]
        assert [line[place] for line in lines] == ["1.250 ± 0.025", "–"]
        column = table.rows_model.columns[place]
        assert column.tooltip == "Mean surprise; lower is better; ± half of the 95 % interval"
        assert column.row_tooltip(one) == "Unknown for this row"
        told = replace(one, unknown={"log-loss": "the probabilities of all classes were not stored"})
        assert column.row_tooltip(told) == "Unknown for this row: the probabilities of all classes were not stored"

    def test_further_measures_are_shown_on_request(self, qtbot) -> None:
        table = ResultsTable()
        qtbot.addWidget(table)
        button = table.column_button()
        qtbot.addWidget(button)
        table.resize(6000, 200)
        table.show()
        table.set_rows([row("intelligent", 0.924)])
        titles = [column.title for column in table.rows_model.columns]
        hidden = {title for at, title in enumerate(titles) if table.isColumnHidden(at) and at not in table.absent}
        assert hidden == {"Specificity", "NPV", "Kappa", "MCC", "ECE"}
        assert button.toolTip() == "On request: Specificity, NPV, Kappa, MCC, ECE. Choose the columns to show"
        menu = button.menu()
        menu.aboutToShow.emit()
        next(action for action in menu.actions() if action.text() == "Kappa").trigger()
        assert not table.isColumnHidden(titles.index("Kappa"))
        assert table.isColumnHidden(titles.index("MCC"))

    def test_sorts_by_accuracy_and_missing_last(self, qtbot) -> None:
        table = ResultsTable()
        qtbot.addWidget(table)
        table.set_rows([row("a", 0.9), row("b", 0.8), row("c", float("nan"))])
        column = table.plot_table()[0].index("Accuracy")
        table.sortByColumn(column, Qt.SortOrder.AscendingOrder)
        assert [line[1] for line in table.plot_table()[1]] == ["b", "a", "c"]
        pays = table.plot_table()[0].index("Pays off after")
        table.sortByColumn(pays, Qt.SortOrder.AscendingOrder)


class TestClassTable:
    def test_shows_each_class_and_why_a_value_is_missing(self, qtbot) -> None:
        table = ClassTable()
        qtbot.addWidget(table)
        nan = float("nan")
        one = replace(
            row("intelligent", 0.924),
            class_measures={"recall": {"a": (0.5, 0.2, 0.8)}, "precision": {"a": (nan, nan, nan)}},
            unknown={"auc": "the probabilities of all classes were not stored"},
        )
        table.show_rows([ClassRow("a", 1234, one)])
        names, [line] = table.plot_table()
        found = dict(zip(names, line, strict=True))
        assert (found["Class"], found["Test images"]) == ("a", "1,234")
        assert (found["Sensitivity"], found["PPV"], found["AUC"]) == ("0.500 (0.200–0.800)", "–", "–")
        tips = {column.title: column.row_tooltip for column in table.rows_model.columns}
        shown = ClassRow("a", 1234, one)
        assert tips["Sensitivity"](shown) == "Sensitivity of a 0.500, 95 % interval 0.200 to 0.800"
        assert tips["PPV"](shown) == "Unknown for a: no test image was classified as this class"
        assert tips["AUC"](shown) == "Unknown for a: the probabilities of all classes were not stored"


def test_skipped_files_show_their_reason(qtbot) -> None:
    table = SkippedTable()
    qtbot.addWidget(table)
    table.set_rows([Skipped("ig/a.tif", "The file ends too early.")])
    assert table.plot_table()[1] == [["ig/a.tif", "The file ends too early."]]


class TestDuplicates:
    COPIES = (
        Copy(0, 12, "eosinophil/EO.jpg", "eosinophil", True, True),
        Copy(0, 40, "neutrophil/BNE.jpg", "neutrophil", True, True),
        Copy(1, 50, "ig/1.jpg", "ig", False, True),
        Copy(1, 51, "ig/9.jpg", "ig", False, False),
    )

    @pytest.fixture
    def table(self, qtbot) -> DuplicatesTable:
        made = DuplicatesTable()
        qtbot.addWidget(made)
        made.set_copies(self.COPIES)
        made.show()
        return made

    def test_space_keeps_the_copy_under_the_keyboard(self, qtbot, table) -> None:
        table.selectRow(1)
        with qtbot.waitSignal(table.keep_changed) as signal:
            qtbot.keyClick(table, Qt.Key.Key_Space)
        assert signal.args == [(12, 40), 40]

    def test_once_more_keeps_all(self, qtbot, table) -> None:
        table.selectRow(2)
        with qtbot.waitSignal(table.keep_changed) as signal:
            qtbot.keyClick(table, Qt.Key.Key_Space)
        assert signal.args == [(50, 51), -1]

    def test_keep_one_of_each_leaves_conflicts_to_the_user(self, qtbot, table) -> None:
        asked: list[tuple[object, int]] = []
        table.keep_changed.connect(lambda group, kept: asked.append((group, kept)))
        table.keep_one_of_each()
        assert asked == [((50, 51), 50)]
        table.keep_one_of_each(conflicts_too=True)
        assert asked[1:] == [((12, 40), 12), ((50, 51), 50)]

    def test_a_conflict_is_said_in_words(self, table) -> None:
        meanings = [line[-1] for line in table.plot_table()[1]]
        assert meanings[0] == "Identical images under two classes"
        assert meanings[2] == "Identical images"


class TestConfusionMatrix:
    @pytest.fixture
    def matrix(self, qtbot) -> ConfusionMatrix:
        made = ConfusionMatrix()
        qtbot.addWidget(made)
        made.set_counts(("basophil", "ig", "monocyte"), np.array([[90, 10, 0], [1234, 5, 1], [0, 0, 0]]))
        made.resize(500, 400)
        made.show()
        return made

    def test_a_click_opens_true_and_predicted(self, qtbot, matrix) -> None:
        place = matrix.visualRect(matrix.counts.index(0, 1)).center()
        with qtbot.waitSignal(matrix.cell_opened) as signal:
            qtbot.mouseClick(matrix.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert signal.args == ["basophil", "ig"]

    def test_keys_walk_and_open(self, qtbot, matrix) -> None:
        matrix.setCurrentIndex(matrix.counts.index(0, 0))
        qtbot.keyClick(matrix, Qt.Key.Key_Right)
        qtbot.keyClick(matrix, Qt.Key.Key_Down)
        with qtbot.waitSignal(matrix.cell_opened) as signal:
            qtbot.keyClick(matrix, Qt.Key.Key_Return)
        assert signal.args == ["ig", "ig"]

    def test_a_cell_speaks_a_sentence(self, matrix) -> None:
        tip = matrix.counts.index(0, 1).data(Qt.ItemDataRole.ToolTipRole)
        assert tip == "10 of 100 basophil were classified as ig (10 %)"
        right = matrix.counts.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
        assert right == "90 of 100 basophil were classified correctly (90 %)"
        assert matrix.counts.index(1, 0).data() == "1,234"

    def test_a_class_without_test_images_has_no_share(self, matrix) -> None:
        assert matrix.counts.share(2, 2) == 0
        assert not matrix.grab().isNull()

    def test_long_names_stand_upright_when_narrow(self, qtbot, matrix) -> None:
        wide = matrix.horizontalHeader().sizeHint().height()
        matrix.resize(260, 400)
        assert matrix.horizontalHeader().sizeHint().height() > wide

    def test_numbers_of_the_plot(self, matrix) -> None:
        names, lines = matrix.plot_table()
        assert names == ("true \\ predicted", "basophil", "ig", "monocyte")
        assert lines[1] == ["ig", 1234, 5, 1]
        assert isinstance(matrix, QWidget)


class TestRoom:
    def test_columns_share_what_room_there_is_and_the_users_widths_stay(self, qtbot) -> None:
        table = Table("Numbers", [Column(name, str) for name in "abcd"])
        qtbot.addWidget(table)
        table.resize(700, 200)
        table.show()
        table.set_rows([1, 2, 3])
        wide = table.columnWidth(0)
        table.resize(130, 200)
        qtbot.waitUntil(lambda: table.columnWidth(0) < wide)
        table.setColumnWidth(1, 90)
        table.resize(700, 200)
        assert table.columnWidth(1) == 90


@pytest.mark.parametrize("width", [900, 500, 320])
def test_columns_fit_the_table_and_long_texts_give_way(qtbot, width: int) -> None:
    columns = [Column("File", lambda row: row[0]), Column("Images", lambda row: row[1], numeric=True)]
    table = Table("Files", [*columns, Column("Reason", lambda row: row[2])])
    qtbot.addWidget(table)
    table.resize(width, 200)
    table.show()
    table.set_rows([("a folder/with a long name/and a file " * 3, "1,234", "It is cut short and cannot be read. " * 2)])
    qtbot.wait(10)
    assert table.horizontalScrollBar().maximum() == 0
    assert table.columnWidth(1) >= theme.text_width("1,234")


@given(st.lists(st.integers(1, 900), min_size=1, max_size=12), st.integers(50, 2000))
def test_the_widest_give_way_to_one_common_width(needs: list[int], room: int) -> None:
    widths = fitted(needs, room, 40)
    assert all(min(need, 40) <= width <= need for width, need in zip(widths, needs, strict=True))
    cut = [width for width, need in zip(widths, needs, strict=True) if width < need]
    assert len(set(cut)) <= 1
    assert all(width <= cut[0] for width in widths if cut)
    if sum(min(need, 40) for need in needs) <= room:
        assert sum(widths) <= room
    if sum(needs) <= room:
        assert widths == needs


def test_sentences_take_several_lines_and_no_room_beside(qtbot) -> None:
    table = Table("Notes", [Column("Note", lambda row: row)], wraps=True)
    qtbot.addWidget(table)
    table.resize(400, 300)
    table.show()
    table.set_rows(["The folders ill and well inside of the folders were read as the classes. " * 3, "Short."])
    qtbot.wait(10)
    assert table.horizontalScrollBar().maximum() == 0
    assert table.rowHeight(0) >= table.rowHeight(1) + table.fontMetrics().height()


def test_columns_that_may_go_are_hidden_before_any_text_is_cut(qtbot) -> None:
    columns = [Column("Name", str), *(Column(f"Figure {n}", lambda _row: "0.410 ± 0.083", may_go=n) for n in range(8))]
    table = Table("Figures", columns)
    qtbot.addWidget(table)
    button = table.column_button()
    qtbot.addWidget(button)
    table.resize(1600, 200)
    table.show()
    table.set_rows(["One", "Another"])
    qtbot.wait(10)
    assert not any(table.isColumnHidden(column) for column in range(9))
    assert not button.isVisibleTo(None)
    table.resize(500, 200)
    qtbot.wait(10)
    shown = [column for column in range(9) if not table.isColumnHidden(column)]
    # What may go most went first; what stayed is wide enough for its text.
    assert shown == list(range(len(shown)))
    assert 2 <= len(shown) < 9
    assert all(table.columnWidth(column) >= theme.text_width("0.410 ± 0.083") for column in shown[1:])
    assert table.horizontalScrollBar().maximum() == 0
    assert button.text() == f"{9 - len(shown)} more columns…"
    assert "Hidden, not enough space: Figure" in button.toolTip()
    table.resize(1600, 200)
    qtbot.wait(10)
    assert not any(table.isColumnHidden(column) for column in range(9))


def test_the_user_chooses_columns(qtbot) -> None:
    columns = [Column("Name", str), *(Column(f"Figure {n}", lambda _row: "0.410 ± 0.083", may_go=n) for n in range(8))]
    table = Table("Figures", columns)
    qtbot.addWidget(table)
    button = table.column_button()
    qtbot.addWidget(button)
    table.resize(500, 200)
    table.show()
    table.set_rows(["One"])
    menu = button.menu()
    menu.aboutToShow.emit()
    actions = {action.text(): action for action in menu.actions()}
    assert not actions["Name"].isEnabled()
    assert not actions["Figure 7"].isChecked()
    actions["Figure 7"].trigger()
    assert not table.isColumnHidden(8)
    menu.aboutToShow.emit()
    actions = {action.text(): action for action in menu.actions()}
    actions["Figure 1"].trigger()
    assert table.isColumnHidden(2)
    menu.aboutToShow.emit()
    next(action for action in menu.actions() if action.text() == "Fit to width").trigger()
    assert table.isColumnHidden(8)
    assert not table.isColumnHidden(2)
