import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.like_points import LikePoints
from coreset_studio.desktop_app.widgets.scatter import Scatter, component_label

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [5.0, 5.0], [6.0, 5.0], [5.0, 6.0]])
LABELS = np.array([0, 0, 0, 0, 1, 1, 1])
MEDOIDS = np.array([3, 4])


@pytest.fixture
def scatter(qtbot) -> Scatter:
    made = Scatter()
    qtbot.addWidget(made)
    made.resize(600, 500)
    made.set_points(POINTS, LABELS, MEDOIDS, component_label(0, 0.12), component_label(1, 0.034))
    made.show()
    QApplication.processEvents()
    return made


def place(scatter: Scatter, x: float, y: float) -> QPoint:
    scene = scatter.getViewBox().mapViewToScene(QPointF(x, y))
    return scatter.mapFromScene(scene)


def click(qtbot, scatter: Scatter, x: float, y: float, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    qtbot.mouseClick(scatter.viewport(), Qt.MouseButton.LeftButton, modifier, place(scatter, x, y))


def double_click(qtbot, scatter: Scatter, x: float, y: float) -> None:
    qtbot.mouseDClick(scatter.viewport(), Qt.MouseButton.LeftButton, pos=place(scatter, x, y))
    # Qt's tests hold the button down after a double click; a hand does not.
    qtbot.mouseRelease(scatter.viewport(), Qt.MouseButton.LeftButton, pos=place(scatter, x, y))


def drag(qtbot, scatter: Scatter, corners: list[tuple[float, float]], modifier=Qt.KeyboardModifier.NoModifier) -> None:
    places = [place(scatter, x, y) for x, y in corners]
    qtbot.mousePress(scatter.viewport(), Qt.MouseButton.LeftButton, modifier, places[0])
    for one in [*places[1:], places[0]]:
        qtbot.mouseMove(scatter.viewport(), one)
    qtbot.mouseRelease(scatter.viewport(), Qt.MouseButton.LeftButton, modifier, places[0])


AROUND_SECOND = [(4.5, 4.5), (6.4, 4.5), (6.4, 6.2), (4.5, 6.2)]
AROUND_ORIGIN = [(-0.2, -0.2), (0.5, -0.2), (0.5, 0.5), (-0.2, 0.5)]


def test_a_lasso_selects_what_lies_inside_and_shift_adds(qtbot, scatter) -> None:
    with qtbot.waitSignal(scatter.selection_changed) as signal:
        drag(qtbot, scatter, AROUND_SECOND)
    assert signal.args[0].tolist() == [4, 5, 6]
    with qtbot.waitSignal(scatter.selection_changed) as signal:
        drag(qtbot, scatter, AROUND_ORIGIN, Qt.KeyboardModifier.ShiftModifier)
    assert signal.args[0].tolist() == [0, 4, 5, 6]
    with qtbot.waitSignal(scatter.selection_changed) as signal:
        drag(qtbot, scatter, AROUND_ORIGIN)
    assert signal.args[0].tolist() == [0]


def test_a_lasso_around_nothing_selects_nothing(qtbot, scatter) -> None:
    drag(qtbot, scatter, AROUND_SECOND)
    with qtbot.waitSignal(scatter.selection_changed) as signal:
        drag(qtbot, scatter, [(2, 2), (3, 2), (3, 3), (2, 3)])
    assert signal.args[0].tolist() == []


def test_a_lasso_does_not_move_the_plot_but_panning_does(qtbot, scatter) -> None:
    before = scatter.viewRange()
    drag(qtbot, scatter, AROUND_SECOND)
    assert scatter.viewRange() == before
    scatter.set_panning(True)
    with qtbot.assertNotEmitted(scatter.selection_changed):
        start, end = place(scatter, 3, 3), place(scatter, 4, 3)
        qtbot.mousePress(scatter.viewport(), Qt.MouseButton.LeftButton, pos=start)
        qtbot.mouseMove(scatter.viewport(), end)
        qtbot.mouseRelease(scatter.viewport(), Qt.MouseButton.LeftButton, pos=end)
    assert scatter.viewRange() != before


def test_right_drag_moves_the_plot(qtbot, scatter) -> None:
    (left, _), _ = scatter.viewRange()
    start, end = place(scatter, 3, 3), place(scatter, 4, 3)
    qtbot.mousePress(scatter.viewport(), Qt.MouseButton.RightButton, pos=start)
    qtbot.mouseMove(scatter.viewport(), (start + end) / 2)
    qtbot.mouseMove(scatter.viewport(), end)
    qtbot.mouseRelease(scatter.viewport(), Qt.MouseButton.RightButton, pos=end)
    (moved, _), _ = scatter.viewRange()
    assert moved < left - 0.3


def test_a_click_selects_one_and_control_toggles(qtbot, scatter) -> None:
    with qtbot.waitSignal(scatter.clicked) as signal:
        click(qtbot, scatter, 5, 5)
    assert signal.args == [4]
    assert scatter.selection.tolist() == [4]
    click(qtbot, scatter, 0, 0, Qt.KeyboardModifier.ControlModifier)
    assert scatter.selection.tolist() == [0, 4]
    click(qtbot, scatter, 5, 5, Qt.KeyboardModifier.ControlModifier)
    assert scatter.selection.tolist() == [0]
    click(qtbot, scatter, 3, 3)
    assert scatter.selection.tolist() == []


def test_a_double_click_opens_an_image_and_nothing_elsewhere(qtbot, scatter) -> None:
    with qtbot.waitSignal(scatter.opened) as signal:
        double_click(qtbot, scatter, 6, 5)
    assert signal.args == [5]
    with qtbot.assertNotEmitted(scatter.opened):
        double_click(qtbot, scatter, 3, 3)


def test_hover_tells_the_nearest_image_and_when_it_was_left(qtbot, scatter) -> None:
    with qtbot.waitSignal(scatter.hovered) as signal:
        qtbot.mouseMove(scatter.viewport(), place(scatter, 1, 1) + QPoint(3, -2))
    assert signal.args == [3]
    with qtbot.waitSignal(scatter.hovered) as signal:
        qtbot.mouseMove(scatter.viewport(), place(scatter, 3, 3))
    assert signal.args == [-1]


def test_keys_walk_a_cluster_then_the_next(qtbot, scatter) -> None:
    clicked: list[int] = []
    scatter.clicked.connect(clicked.append)
    for _ in range(5):
        qtbot.keyClick(scatter, Qt.Key.Key_Right)
    assert set(clicked[:4]) == {0, 1, 2, 3}
    assert LABELS[clicked[4]] == 1
    qtbot.keyClick(scatter, Qt.Key.Key_Left)
    assert clicked[-1] == clicked[3]
    qtbot.keyClick(scatter, Qt.Key.Key_Down)
    assert clicked[-1] == MEDOIDS[1]
    qtbot.keyClick(scatter, Qt.Key.Key_Up)
    assert clicked[-1] == MEDOIDS[0]
    with qtbot.waitSignal(scatter.preview_requested) as signal:
        qtbot.keyClick(scatter, Qt.Key.Key_Space)
    assert signal.args == [3]
    with qtbot.waitSignal(scatter.opened) as signal:
        qtbot.keyClick(scatter, Qt.Key.Key_Return)
    assert signal.args == [3]


def test_control_a_escape_home_plus(qtbot, scatter) -> None:
    qtbot.keyClick(scatter, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert scatter.selection.tolist() == list(range(7))
    qtbot.keyClick(scatter, Qt.Key.Key_Escape)
    assert scatter.selection.tolist() == []
    whole = scatter.viewRange()
    qtbot.keyClick(scatter, Qt.Key.Key_Plus)
    assert scatter.viewRange()[0][1] < whole[0][1]
    qtbot.keyClick(scatter, Qt.Key.Key_Home)
    assert np.allclose(scatter.viewRange(), whole, atol=0.05)


def test_showing_a_selection_sends_no_signal_and_fades_the_rest(qtbot, scatter) -> None:
    with qtbot.assertNotEmitted(scatter.selection_changed):
        scatter.set_selection(np.array([4, 4, 0]))
    assert scatter.selection.tolist() == [0, 4]
    assert all(item.opacity() < 1 for item in scatter._items)
    assert [len(over.data) for over in scatter._over] == [1, 1]
    scatter.set_selection(np.array([]))
    assert all(item.opacity() == 1 for item in scatter._items)


def test_another_class_forgets_selection_and_unused_clusters(qtbot, scatter) -> None:
    scatter.set_selection(np.array([4]))
    scatter.set_points(POINTS[:4], LABELS[:4], MEDOIDS[:1], "a", "b")
    assert scatter.selection.tolist() == []
    assert [len(item.data) for item in scatter._items] == [4, 0]
    assert len(scatter.plot_table()[1]) == 4


def test_medoids_are_black_in_light_and_white_in_dark(qtbot, scatter) -> None:
    def colour() -> str:
        return scatter._medoid_item.opts["brush"].color().name()

    assert colour() == "#000000"
    theme.apply(QApplication.instance(), "dark")
    assert colour() == "#ffffff"
    assert scatter._medoid_item.data["x"].tolist() == POINTS[MEDOIDS][:, 0].tolist()


def test_clusters_differ_in_colour_and_marker(qtbot, scatter) -> None:
    one, other = scatter._items[:2]
    assert one.opts["symbol"] != other.opts["symbol"]
    assert one.opts["brush"].color().name() != other.opts["brush"].color().name()


def test_many_points_are_smaller_and_let_density_through(qtbot, scatter) -> None:
    few_alpha, few_size = scatter._alpha(), scatter._size()
    many = np.random.default_rng(0).normal(size=(17_000, 2))
    scatter.set_points(many, np.zeros(17_000, dtype=np.int64), np.array([0]), "a", "b")
    assert scatter._alpha() < few_alpha
    assert scatter._size() < few_size


def test_an_empty_class_says_so_and_takes_every_key(qtbot, scatter) -> None:
    scatter.set_points(np.zeros((0, 2)), np.zeros(0, int), np.zeros(0, int), "a", "b", "This class has no images.")
    assert scatter._note.text() == "This class has no images."
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Space, Qt.Key.Key_Home):
        qtbot.keyClick(scatter, key)
    click(qtbot, scatter, 0, 0)
    assert scatter.selection.tolist() == []


def test_axes_tell_the_share_of_variance() -> None:
    assert component_label(0, 0.12) == "component 1 (12 % of variance)"
    assert component_label(4, 0.0042) == "component 5 (0.4 % of variance)"
    assert component_label(1) == "component 2"


def test_like_points_are_drawn_exactly_as_pyqtgraph_draws_them(qtbot) -> None:
    grabbed = []
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 500))
    for kind in (pg.ScatterPlotItem, LikePoints):
        plot = pg.PlotWidget()
        qtbot.addWidget(plot)
        plot.resize(300, 200)
        item = kind(pxMode=True)
        plot.addItem(item)
        for symbol, colour in (("o", "#0072b2"), ("t1", "#d55e00")):
            item.setData(x, y, symbol=symbol, size=9, brush=pg.mkBrush(colour), pen=pg.mkPen("#333333"))
        plot.show()
        QApplication.processEvents()
        grabbed.append(plot.grab().toImage())
    assert grabbed[0] == grabbed[1]
