"""The Review page, walked as a user does."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from coreset_studio.core.results import NearDuplicate, SuspectedLabelError
from coreset_studio.core.service.dataset_requests import DatasetFindings
from coreset_studio.desktop_app.dialogs.relabel_dialog import RelabelDialog
from coreset_studio.desktop_app.models import review
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.pages.review import ReviewPage


def press(page: ReviewPage, key: Qt.Key) -> None:
    page.activateWindow()
    QTest.keyClick(page, key)


def button(page: QWidget, text: str) -> QPushButton:
    found = [one for one in page.findChildren(QPushButton) if one.text() == text and one.isVisible()]
    assert found, f"no button {text}"
    return found[0]


def dataset_of(page: ReviewPage) -> Any:
    return page.model.latest_value("dataset").dataset


@pytest.fixture
def page(clustered_context: PageContext, qtbot: QtBot) -> Iterator[ReviewPage]:
    """The page with three suspected label errors in the pool, one in the test images, and a pair of near-duplicates."""
    model = clustered_context.model
    summary = model.latest_value("dataset")
    images, pool, test = summary.dataset.images, summary.split.pool.tolist(), summary.split.test.tolist()
    names = summary.dataset.classes

    def suspect(index: int, score: float) -> SuspectedLabelError:
        own = images[index].class_name
        return SuspectedLabelError(index, score, own, next(name for name in names if name != own))

    suspected = [
        suspect(pool[0], 0.9),
        suspect(pool[3], 0.8),
        suspect(test[0], 0.7),
        suspect(pool[5], 0.6),
    ]
    near = NearDuplicate(pool[7], pool[8], 1, float("nan"), False, False)
    clustered_context.findings.keep(DatasetFindings(tuple(suspected), (near,)), tuple(image.path for image in images))
    page = ReviewPage(clustered_context)
    qtbot.addWidget(page)
    page.resize(1000, 700)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: page.finding is not None)
    yield page
    page.leave()


def test_the_most_suspicious_image_of_the_pool_comes_first_beside_its_neighbours(
    page: ReviewPage, qtbot: QtBot
) -> None:
    pool = page.model.latest_value("dataset").split.pool
    assert page.finding is not None
    assert page.finding.index == pool[0]
    image = dataset_of(page).images[page.finding.index]
    assert page.content.title.text() == f"{image.path} · {image.class_name}"
    assert page.content.sentence.text() == (
        f"Labelled {image.class_name}, but 90 % of its nearest neighbours in the pool have another label, most of them "
        f"{page.finding.suggestion}."
    )
    qtbot.waitUntil(lambda: len(page.content.neighbours.images.keys) == 20)
    for row in range(20):
        one = page.content.neighbours.images.image(row)
        assert one.caption == dataset_of(page).images[one.key].class_name
    qtbot.waitUntil(lambda: not page.content.canvas.is_preview)
    assert page.content.canvas.image.width() == image.width
    assert "test" not in page.progress_label.text()


def test_keys_decide_and_go_on_and_undo_comes_back(page: ReviewPage) -> None:
    model, pool = page.model, page.model.latest_value("dataset").split.pool.tolist()
    images = dataset_of(page).images
    first, second, third = (images[pool[n]] for n in (0, 3, 5))
    n = len(page.list.rows_model.rows)
    assert page.progress_label.text() == f"0 of {n} reviewed"
    press(page, Qt.Key.Key_K)
    assert model.project.reviewed == {first.path: "kept"}
    assert page.finding is not None
    assert page.finding.index == pool[3]
    suggestion = page.finding.suggestion
    press(page, Qt.Key.Key_A)
    (record,) = model.settings("data").relabelled
    assert (record.path, record.old, record.new) == (second.path, second.class_name, suggestion)
    press(page, Qt.Key.Key_X)
    assert model.settings("data").left_out_images == (third.path,)
    decided = {row[1]: row[2] for row in page.list.rows_model.rows if row[2]}
    assert decided == {first.path: "Kept", second.path: f"→ {suggestion}", third.path: "Excluded"}
    assert page.progress_label.text() == f"3 of {n} reviewed"
    assert page.finding.kind != "label"
    model.undo_stack.undo()
    assert page.finding.index == pool[5]
    assert page.progress_label.text() == f"2 of {n} reviewed"


def test_a_number_relabels_and_the_own_number_keeps(page: ReviewPage) -> None:
    pool, images = page.model.latest_value("dataset").split.pool.tolist(), dataset_of(page).images
    names = dataset_of(page).classes
    own = images[pool[0]].class_name
    press(page, Qt.Key(Qt.Key.Key_1 + names.index(own)))
    assert page.model.project.reviewed == {images[pool[0]].path: "kept"}
    other = next(name for name in names if name != images[pool[3]].class_name)
    press(page, Qt.Key(Qt.Key.Key_1 + names.index(other)))
    assert [record.new for record in page.model.settings("data").relabelled] == [other]


def test_skipped_images_are_counted_and_can_be_looked_at_again(page: ReviewPage, qtbot: QtBot) -> None:
    pool = page.model.latest_value("dataset").split.pool.tolist()
    button(page, "Skip").click()
    assert page.finding is not None
    assert page.finding.index == pool[3]
    button(page, "Previous").click()
    assert page.finding.index == pool[0]
    assert page.content.state.text() == "Skipped"
    press(page, Qt.Key.Key_R)
    dialog = page.findChild(RelabelDialog)
    assert dialog is not None
    qtbot.keyClicks(dialog.field, "blast")
    dialog.buttons.accepted.emit()
    assert "→" in page.list.rows_model.rows[0][2]
    assert page.finding.index == pool[3]


def test_test_images_are_reviewed_only_where_asked_and_with_a_warning(page: ReviewPage) -> None:
    test = page.model.latest_value("dataset").split.test.tolist()
    assert not page.bias.isVisible()
    page.sets.setCurrentIndex(page.sets.findText("Test"))
    assert page.bias.isVisible()
    assert "biases the score" in page.bias.text()
    assert [row[1] for row in page.list.rows_model.rows if row[0] == 0] == [dataset_of(page).images[test[0]].path]


def test_a_pair_is_shown_side_by_side(page: ReviewPage) -> None:
    pool = page.model.latest_value("dataset").split.pool.tolist()
    images = dataset_of(page).images
    page.kinds.setCurrentIndex(page.kinds.findText("Near-duplicates"))
    assert page.finding is not None
    assert (page.finding.partner, page.finding.index) == (pool[7], pool[8])
    assert page.content.partner_title.text() == f"{images[pool[7]].path} · {images[pool[7]].class_name}"
    button(page, "Exclude the left one").click()
    assert page.model.settings("data").left_out_images == (images[pool[8]].path,)


def test_the_dataset_is_divided_again_when_the_page_is_left_and_labels_have_changed(
    page: ReviewPage, qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(page.dataset_changed):
        press(page, Qt.Key.Key_K)
        page.leave()
    page.enter()
    with qtbot.waitSignal(page.dataset_changed):
        press(page, Qt.Key.Key_X)
        page.leave()


def test_progress_is_kept_in_the_project(page: ReviewPage, tmp_path: Any) -> None:
    press(page, Qt.Key.Key_K)
    press(page, Qt.Key.Key_S)
    file = tmp_path / "review.coreset"
    page.model.save(file)
    before = dict(page.model.project.reviewed)
    page.model.open(file)
    assert page.model.project.reviewed == before
    assert sorted(before.values()) == ["kept", "skipped"]


def test_label_errors_are_searched_for_here(clustered_context: PageContext, qtbot: QtBot) -> None:
    page = ReviewPage(clustered_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    QTest.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.found.current is not None)
    assert page.found.current is not None
    assert any(one.kind == "label" for one in review.findings(page.model.latest_value("dataset"), page.found.current))
    page.leave()


def test_before_features_it_says_what_is_missing(page_context: PageContext, qtbot: QtBot) -> None:
    page = ReviewPage(page_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    assert not page.bias.isVisible()
    assert not page.run_button.isEnabled()
    with qtbot.waitSignal(page.step_requested) as wanted:
        page.empty.button.click()
    assert wanted.args == ["features"]


def test_the_next_open_finding_is_sought_from_the_present_one_on_and_then_from_the_start() -> None:
    assert review.next_open(["", "Kept", "", "Kept"], 1) == 2
    assert review.next_open(["", "Kept", "Kept"], 1) == 0
    assert review.next_open(["Kept", "Kept"], 1) == -1
    assert review.next_open([], 0) == -1


def test_the_page_says_whether_neighbours_are_approximate(page: ReviewPage) -> None:
    assert not page.near_cells.isVisible()
    paths = page.model.latest_value("dataset").paths
    findings = page.found.of(paths)
    assert findings is not None
    page.found.keep(replace(findings, words="Nearest neighbours are approximate."), paths)
    assert page.near_cells.isVisible()
    assert page.near_cells.text() == "Nearest neighbours are approximate."
    page.found.keep(findings, paths)
    assert not page.near_cells.isVisible()
