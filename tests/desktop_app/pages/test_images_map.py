"""The map of the Images page, used as a user does."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication, QLabel, QMenu
from pytestqt.qtbot import QtBot

from coreset_studio.core.pipeline.maps import map_of
from coreset_studio.core.pipeline.stages import prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.service.map_requests import MapImages
from coreset_studio.desktop_app.pages.images import ImagesPage
from coreset_studio.desktop_app.pages.page import PageContext


@pytest.fixture
def page(clustered_context: PageContext, qtbot: QtBot) -> Iterator[ImagesPage]:
    page = ImagesPage(clustered_context)
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: "Cluster" in page.tree.titles())
    yield page
    page.leave()


def see_map(page: ImagesPage, qtbot: QtBot, title: str = "Map (PCA)") -> None:
    """Choose the map and wait for it."""
    page.content.view.setCurrentText(title)
    qtbot.waitUntil(lambda: len(page.content.map_keys) > 0)
    QApplication.processEvents()


def points(page: ImagesPage) -> list[tuple[float, float]]:
    """Return the coordinates of the map, as its CSV contains them."""
    return [row[:2] for row in page.content.map.plot_table()[1]]


def place(page: ImagesPage, index: int) -> QPoint:
    """Return where an image is on the map."""
    plot = page.content.map
    x, y = points(page)[int(np.flatnonzero(page.content.map_keys == index)[0])]
    return plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y)))


def click(
    page: ImagesPage, index: int, qtbot: QtBot, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    qtbot.mouseClick(page.content.map.viewport(), Qt.MouseButton.LeftButton, held, place(page, index))


def lasso(page: ImagesPage, qtbot: QtBot) -> None:
    """Draw around all points."""
    plot = page.content.map
    (left, right), (low, high) = plot.viewRange()
    dx, dy = (right - left) / 50, (high - low) / 50
    around = [(left + dx, low + dy), (right - dx, low + dy), (right - dx, high - dy), (left + dx, high - dy)]
    corners = [plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y))) for x, y in around]
    qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=corners[0])
    for corner in [*corners[1:], corners[0]]:
        qtbot.mouseMove(plot.viewport(), corner)
        qtbot.wait(15)  # pyqtgraph drops movements that follow within 10 ms
    qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=corners[0])


def test_the_map_shows_every_image_with_features_where_the_engine_put_it(
    page: ImagesPage, demo_study: Study, qtbot: QtBot
) -> None:
    see_map(page, qtbot)
    expected = map_of(prepare(demo_study, until="reduction"), "pca")
    assert page.content.map_keys.tolist() == expected.indices.tolist()
    np.testing.assert_allclose(points(page), expected.points)
    assert page.content.map.axis_labels()[0].startswith("component 1 (")
    assert not page.content.grid.isVisible()
    assert not page.content.order.isVisible()
    assert page.content.colour.isVisible()
    page.content.view.setCurrentText("Grid")
    assert page.content.grid.isVisible()
    assert page.content.order.isVisible()


def test_a_map_is_asked_for_once(page: ImagesPage, qtbot: QtBot) -> None:
    for title in ("Map (PCA)", "Grid", "Map (PCA)"):
        page.content.view.setCurrentText(title)
    see_map(page, qtbot)
    page.content.view.setCurrentText("Grid")
    see_map(page, qtbot)
    asked = [request for _, request in page.service.calls if isinstance(request, MapImages)]  # type: ignore[attr-defined]
    assert [request.method for request in asked] == ["pca"]


@pytest.mark.slow
def test_tsne_states_what_its_distances_mean(page: ImagesPage, qtbot: QtBot) -> None:
    see_map(page, qtbot, "Map (t-SNE)")
    assert page.content.map_words.text().startswith("t-SNE of 150 images. Neighbours have a meaning")
    assert page.content.map.axis_labels() == ("", "")


def test_colours_and_filters_hold_for_the_map(page: ImagesPage, qtbot: QtBot) -> None:
    see_map(page, qtbot)
    classes = page.images.summary.dataset.classes  # type: ignore[union-attr]
    page.content.colour.setCurrentText("Class")
    assert page.content.map.legend_names == list(classes)
    page.tree.check("class", [classes[1]])
    labels = page.images.summary.dataset.labels  # type: ignore[union-attr]
    assert page.content.map_keys.tolist() == np.flatnonzero(labels == 1).tolist()
    assert page.content.map.legend_names == [classes[1]]
    page.content.search.setText("nothing like it")
    qtbot.waitUntil(lambda: len(page.content.map_keys) == 0)
    assert page.content.map.note == "No images match the filters and the search."
    page.content.search.clear()
    page.tree.clear_checks()
    qtbot.waitUntil(lambda: len(page.content.map_keys) == 150)


def test_what_a_lasso_selects_is_selected_in_the_grid_and_back(page: ImagesPage, qtbot: QtBot) -> None:
    see_map(page, qtbot)
    lasso(page, qtbot)
    assert page.content.selected_keys().tolist() == list(range(150))
    assert page.content.actions_button.text() == "Actions (150 selected)"
    click(page, 3, qtbot)
    click(page, 90, qtbot, Qt.KeyboardModifier.ControlModifier)
    chosen = page.content.selected_keys().tolist()
    assert len(chosen) == 2
    page.content.view.setCurrentText("Grid")
    assert page.content.grid.selected_keys().tolist() == chosen
    page.content.grid.set_selected_keys([5, 6, 7])
    page.content.view.setCurrentText("Map (PCA)")
    assert page.content.selected_keys().tolist() == [5, 6, 7]
    # A filter keeps what is selected among those that it lets through.
    page.content.colour.setCurrentText("Class")
    assert page.content.selected_keys().tolist() == [5, 6, 7]
    qtbot.keyClick(page.content.map, Qt.Key.Key_Escape)
    assert page.content.actions_button.text() == "Actions"


def test_the_menu_of_the_map_acts_on_the_selection(page: ImagesPage, qtbot: QtBot) -> None:
    see_map(page, qtbot)
    pool = page.images.summary.split.pool.tolist()  # type: ignore[union-attr]
    click(page, pool[0], qtbot)
    (chosen,) = page.content.selected_keys().tolist()
    qtbot.mouseClick(page.content.map.viewport(), Qt.MouseButton.RightButton, pos=place(page, chosen))
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    next(action for action in menu.actions() if action.text() == "Exclude from the dataset").trigger()
    menu.close()
    path = page.images.path(chosen)
    assert path in page.model.settings("data").left_out_images


def test_the_image_under_the_mouse_is_shown_with_its_name(page: ImagesPage, demo_study: Study, qtbot: QtBot) -> None:
    see_map(page, qtbot)
    page.content.colour.setCurrentText("Cluster")
    clustered = prepare(demo_study).clusters[0]
    index = int(clustered.indices[0])
    page.content.map.hovered.emit(int(np.flatnonzero(page.content.map_keys == index)[0]))
    assert page.map.hover.isVisible()
    words = page.map.hover.findChildren(QLabel)[-1].text().split("\n")
    assert words == [
        page.images.path(index).rsplit("/", 1)[-1], page.images.class_of(index),
        f"Cluster: Cluster {int(clustered.labels[0]) + 1}",
    ]  # fmt: skip
    page.content.map.hovered.emit(-1)
    assert not page.map.hover.isVisible()


def test_enter_opens_the_image_that_the_keyboard_is_at(page: ImagesPage, qtbot: QtBot) -> None:
    see_map(page, qtbot)
    qtbot.keyClick(page.content.map, Qt.Key.Key_Right)
    (chosen,) = page.content.selected_keys().tolist()
    qtbot.keyClick(page.content.map, Qt.Key.Key_Return)
    assert page.large.viewer is not None
    assert dict(page.large.viewer.facts)["Class"] == page.images.class_of(chosen)


def test_without_features_the_map_says_what_to_do(page: ImagesPage) -> None:
    page.model.set_settings("features", text="other features", extractors=("vgg16",))
    page.content.view.setCurrentText("Map (PCA)")
    assert page.content.map.note == "Extract features first, on the Features page."


def test_a_cancelled_map_leaves_the_grid(page: ImagesPage) -> None:
    page.content.view.setCurrentText("Map (t-SNE)")
    assert page.content.map.note == "Computing the map…"
    (number,) = page.job_numbers(MapImages)
    page.service.cancel(number)
    assert page.content.map_method == ""
    assert page.content.grid.isVisible()


def test_another_project_has_no_map(page: ImagesPage, qtbot: QtBot) -> None:
    see_map(page, qtbot)
    page.forget()
    assert page.content.map_method == ""
    assert len(page.content.map_keys) == 0
