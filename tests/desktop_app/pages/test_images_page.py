"""The Images page, walked as a user does."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QInputDialog, QMenu
from pytestqt.qtbot import QtBot

from coreset_studio.core.results import Dataset
from coreset_studio.core.service.quality import quality_flags
from coreset_studio.desktop_app.dialogs.relabel_dialog import RelabelDialog
from coreset_studio.desktop_app.pages.images import ImagesPage
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.widgets.facet_tree import FacetTree


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


def dataset_of(page: ImagesPage) -> Dataset:
    summary = page.model.latest_value("dataset")
    dataset: Dataset = summary.dataset
    return dataset


def shown(page: ImagesPage) -> list[int]:
    return [int(key) for key in page.content.grid.images.keys]


def check(tree: FacetTree, facet: str, value: str) -> None:
    """Click the box of a value."""
    for row in range(tree.topLevelItemCount()):
        top = tree.topLevelItem(row)
        if top.text(0) == facet:
            top.setExpanded(True)
            item = next(top.child(n) for n in range(top.childCount()) if top.child(n).text(0) == value)
            box = tree.visualItemRect(item)
            QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(box.left() + 10, box.center().y()))
            assert item.checkState(0) == Qt.CheckState.Checked
            return
    raise AssertionError(f"{facet} is not offered")


def count_of(tree: FacetTree, facet: str, value: str) -> str:
    for row in range(tree.topLevelItemCount()):
        top = tree.topLevelItem(row)
        for n in range(top.childCount() if top.text(0) == facet else 0):
            if top.child(n).text(0) == value:
                return top.child(n).text(1)
    raise AssertionError(f"{facet} has no {value}")


def test_a_dataset_that_is_divided_again_while_the_page_is_shown(page: ImagesPage, qtbot: QtBot) -> None:
    summary = page.model.latest_value("dataset")
    n_pool = len(summary.split.pool)
    first = int(summary.split.pool[0])
    page.content.grid.opened.emit(first)
    viewer = page.large.viewer
    assert viewer is not None
    assert dict(viewer.facts)["Set"] == "Pool"
    assert count_of(page.tree, "Set", "Pool") == str(n_pool)
    divided = replace(summary, split=replace(summary.split, pool=summary.split.pool[1:]))
    page.model.store_result("dataset", page.model.key("dataset"), {"images": len(summary.dataset.images)}, divided)
    qtbot.waitUntil(lambda: count_of(page.tree, "Set", "Pool") == str(n_pool - 1))
    assert dict(viewer.facts).get("Set") != "Pool"


def click(page: ImagesPage, *indices: int) -> None:
    """Select images by the mouse, the others with Ctrl."""
    grid = page.content.grid
    for number, index in enumerate(indices):
        grid.show_key(index)
        place = grid.visualRect(grid.images.index(grid.images.row_of(index))).center()
        held = Qt.KeyboardModifier.ControlModifier if number else Qt.KeyboardModifier.NoModifier
        QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, held, place)


def menu_of(page: ImagesPage, index: int, qtbot: QtBot) -> QMenu:
    """Open the context menu of an image by the right mouse button."""
    grid = page.content.grid
    place = grid.visualRect(grid.images.index(grid.images.row_of(index))).center()
    grid.customContextMenuRequested.emit(place)
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def choose(menu: QMenu, text: str) -> None:
    action = next(action for action in menu.actions() if action.text() == text)
    assert action.isEnabled(), action.toolTip()
    action.trigger()
    menu.close()


def test_all_images_are_shown_with_their_classes(page: ImagesPage) -> None:
    dataset = dataset_of(page)
    assert shown(page) == list(range(len(dataset.images)))
    assert page.content.count.text() == f"{len(dataset.images):,} images"
    assert page.content.grid.images.image(3).caption == dataset.images[3].class_name
    for name in dataset.classes:
        assert count_of(page.tree, "Class", name) == str(sum(one.class_name == name for one in dataset.images))


def test_filters_are_combined_and_counted(page: ImagesPage) -> None:
    dataset, split = dataset_of(page), page.model.latest_value("dataset").split
    name = dataset.classes[0]
    check(page.tree, "Class", name)
    of_class = [i for i, one in enumerate(dataset.images) if one.class_name == name]
    assert shown(page) == of_class
    check(page.tree, "Set", "Test")
    both = sorted(set(of_class) & set(split.test.tolist()))
    assert shown(page) == both
    assert page.content.count.text() == f"{len(both):,} of {len(dataset.images):,} images"
    # Of another class, so many would be added by checking it.
    other = dataset.classes[1]
    tested = sum(dataset.images[i].class_name == other for i in split.test)
    assert count_of(page.tree, "Class", other) == str(tested)
    QTest.mouseClick(page.clear_button, Qt.MouseButton.LeftButton)
    assert shown(page) == list(range(len(dataset.images)))


def test_the_search_finds_parts_of_paths(page: ImagesPage, qtbot: QtBot) -> None:
    dataset = dataset_of(page)
    words = dataset.images[7].path[-9:-4].upper()
    QTest.keyClick(page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(page.content.search, words)
    expected = [i for i, one in enumerate(dataset.images) if words.lower() in one.path.lower()]
    qtbot.waitUntil(lambda: shown(page) == expected)
    page.content.search.clear()
    qtbot.waitUntil(lambda: len(shown(page)) == len(dataset.images))
    qtbot.keyClicks(page.content.search, "nothing like it")
    qtbot.waitUntil(lambda: shown(page) == [])


def test_images_are_sorted_both_ways(page: ImagesPage) -> None:
    dataset = dataset_of(page)
    order = page.content.order
    order.setCurrentIndex(order.findText("File size"))
    sizes = [dataset.images[i].n_bytes for i in shown(page)]
    assert sizes == sorted(sizes)
    page.content.descending.click()
    assert [dataset.images[i].n_bytes for i in shown(page)] == sizes[::-1]


def test_clusters_give_colours_that_the_filters_explain(page: ImagesPage) -> None:
    colour = page.content.colour
    colour.setCurrentIndex(colour.findText("Cluster"))
    split = page.model.latest_value("dataset").split
    for row in range(len(shown(page))):
        image = page.content.grid.images.image(row)
        assert (image.cluster >= 0) == (image.key in split.pool)
    spoken = page.content.grid.images.index(int(split.pool[0])).data(Qt.ItemDataRole.AccessibleTextRole)
    assert f"Cluster {page.content.grid.images.image(int(split.pool[0])).cluster + 1}" in spoken


def test_similar_images_come_nearest_first_with_their_labels(page: ImagesPage, qtbot: QtBot) -> None:
    choose(menu_of(page, 5, qtbot), "Find similar")
    qtbot.waitUntil(lambda: page.content.similar.isVisible())
    assert shown(page)[0] == 5
    distances = [float(page.content.grid.images.image(row).caption.split(" · ")[1]) for row in range(1, 20)]
    assert distances == sorted(distances)
    assert "nearest first" in page.content.similar.text
    page.leave_similar()
    assert len(shown(page)) == len(dataset_of(page).images)
    assert not page.content.similar.isVisible()


def test_an_image_is_relabelled_excluded_and_pinned_by_menu_and_keys(page: ImagesPage, qtbot: QtBot) -> None:
    dataset, model = dataset_of(page), page.model
    pool = model.latest_value("dataset").split.pool
    index = int(pool[0])
    other = next(name for name in dataset.classes if name != dataset.images[index].class_name)
    with qtbot.waitSignal(page.dataset_changed):
        menu = menu_of(page, index, qtbot)
        below = next(action.menu() for action in menu.actions() if action.text() == "Relabel as")
        next(action for action in below.actions() if action.text() == other).trigger()
        menu.close()
    (record,) = model.settings("data").relabelled
    assert (record.path, record.old, record.new) == (
        dataset.images[index].path,
        dataset.images[index].class_name,
        other,
    )
    assert page.image_actions.class_of(index) == other
    model.undo_stack.undo()
    assert model.settings("data").relabelled == ()
    click(page, int(pool[1]), int(pool[2]))
    paths = tuple(sorted(dataset.images[int(i)].path for i in pool[1:3]))
    QTest.keyClick(page.content.grid, Qt.Key.Key_X)
    assert model.settings("data").left_out_images == paths
    QTest.keyClick(page.content.grid, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert model.settings("data").left_out_images == ()
    QTest.keyClick(page.content.grid, Qt.Key.Key_I)
    assert model.settings("selection").pinned_in == paths
    QTest.keyClick(page.content.grid, Qt.Key.Key_U)
    assert model.settings("selection").pinned_in == ()


def test_a_new_class_is_typed(page: ImagesPage, qtbot: QtBot) -> None:
    click(page, 4)
    QTest.keyClick(page.content.grid, Qt.Key.Key_R)
    dialog = page.findChild(RelabelDialog)
    assert dialog is not None
    names = [dialog.list.item(row).text().removesuffix(" (current)") for row in range(dialog.list.count())]
    assert names == list(dataset_of(page).classes)
    qtbot.keyClicks(dialog.field, "unknown cell")
    assert [dialog.list.item(row).text() for row in range(dialog.list.count())] == ["New class “unknown cell”"]
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    (record,) = page.model.settings("data").relabelled
    assert record.new == "unknown cell"
    assert "unknown cell" in page.image_actions.classes()


def test_a_note_is_kept_found_and_taken_back(page: ImagesPage, qtbot: QtBot) -> None:
    click(page, 6)
    QTest.keyClick(page.content.grid, Qt.Key.Key_N)
    dialog = page.findChild(QInputDialog)
    assert dialog is not None
    dialog.setTextValue("ask the pathologist")
    dialog.accept()
    path = dataset_of(page).images[6].path
    assert page.model.project.image_notes == {path: "ask the pathologist"}
    check(page.tree, "Findings", "With a note")
    assert shown(page) == [6]
    assert ("Note", "ask the pathologist") in page.facts_of(6)
    page.model.undo_stack.undo()
    assert page.model.project.image_notes == {}


def test_paths_and_pixels_are_copied(page: ImagesPage, qtbot: QtBot) -> None:
    dataset = dataset_of(page)
    click(page, 2, 3)
    QTest.keyClick(page.content.grid, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    expected = [str(dataset.root / dataset.images[i].path) for i in (2, 3)]
    assert QGuiApplication.clipboard().text().splitlines() == expected
    choose(menu_of(page, 9, qtbot), "Copy image")
    qtbot.waitUntil(lambda: not QGuiApplication.clipboard().image().isNull())
    image = QGuiApplication.clipboard().image()
    assert (image.width(), image.height()) == (dataset.images[9].width, dataset.images[9].height)


def test_suspected_label_errors_are_searched_for_and_shown(page: ImagesPage, qtbot: QtBot) -> None:
    QTest.mouseClick(page.label_errors_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.found.current is not None)
    assert page.found.current is not None
    assert set(shown(page)) == {one.index for one in page.found.current.label_errors}
    order = page.content.order
    order.setCurrentIndex(order.findText("Suspected label error"))
    assert shown(page) == [one.index for one in page.found.current.label_errors]


def test_before_a_scan_it_leads_to_the_dataset(page_context: PageContext, qtbot: QtBot) -> None:
    page = ImagesPage(page_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    assert not page.clear_button.isVisible()
    with qtbot.waitSignal(page.step_requested) as wanted:
        page.empty.button.click()
    assert wanted.args == ["dataset"]


def test_before_features_similar_images_are_refused_with_the_reason(
    described_context: PageContext, qtbot: QtBot
) -> None:
    model = described_context.model
    model.put_settings("features", model.settings("features").__class__(extractors=("vgg16",)))
    page = ImagesPage(described_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    menu = menu_of(page, 1, qtbot)
    action = next(action for action in menu.actions() if action.text() == "Find similar")
    assert not action.isEnabled()
    assert action.toolTip() == "Extract features first, on the Features page."
    menu.close()
    page.leave()


def test_the_viewer_shows_full_pixels_before_any_features(described_context: PageContext, qtbot: QtBot) -> None:
    model = described_context.model
    model.put_settings("features", model.settings("features").__class__(extractors=("vgg16",)))
    page = ImagesPage(described_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    click(page, 3)
    QTest.keyClick(page.content.grid, Qt.Key.Key_Return)
    viewer = page.large.viewer
    assert viewer is not None
    one = dataset_of(page).images[3]
    qtbot.waitUntil(lambda: (viewer.canvas.image.width(), viewer.canvas.image.height()) == (one.width, one.height))
    assert np.all([name in dict(page.facts_of(3)) for name in ("Class", "Set", "Size")])
    page.leave()


def test_images_are_filtered_by_what_quality_checks_flag(page: ImagesPage, qtbot: QtBot) -> None:
    assert "Quality" not in page.tree.titles()  # the demo has nothing to flag
    page.model.set_settings("quality", blurry=1.0)
    page.refresh()
    qtbot.waitUntil(lambda: "Quality" in page.tree.titles())
    flagged = np.flatnonzero(quality_flags(dataset_of(page), page.model.settings("quality"))["blurry"])
    assert len(flagged) == len(dataset_of(page).images) // 2
    assert count_of(page.tree, "Quality", "Blurry") == str(len(flagged))
    check(page.tree, "Quality", "Blurry")
    assert sorted(shown(page)) == flagged.tolist()
