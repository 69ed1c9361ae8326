"""The large image of a page, opened, stepped through and left as a user does."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.service.image_requests import DecodeImage, OpenImageService
from coreset_studio.core.settings import Settings
from coreset_studio.desktop_app.pages.coreset import CoresetPage
from coreset_studio.desktop_app.pages.dataset import DatasetPage
from coreset_studio.desktop_app.pages.large_image import CHANGED, NO_FEATURES, FillMenu
from coreset_studio.desktop_app.pages.page import NOT_THERE, PageContext
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer


@pytest.fixture
def page(clustered_context: PageContext, qtbot: QtBot) -> Iterator[CoresetPage]:
    page = CoresetPage(clustered_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: page.model.state("coreset") == "done")
    yield page
    page.leave()


def opened(page: CoresetPage | DatasetPage, index: int, walk: Sequence[int], qtbot: QtBot) -> ImageViewer:
    page.large.open(index, walk)
    viewer = page.large.viewer
    assert viewer is not None
    qtbot.waitUntil(lambda: not viewer.canvas.is_preview)
    return viewer


def test_the_engine_brings_the_image_and_the_list_is_stepped_through(page: CoresetPage, qtbot: QtBot) -> None:
    viewer = opened(page, 9, [4, 9, 30], qtbot)
    assert viewer.position.text() == "2 of 3"
    assert page.images.summary is not None
    pixels = np.asarray(Image.open(page.images.summary.dataset.root / page.images.path(9)).convert("RGB"))
    assert viewer.canvas.image.pixelColor(5, 7).getRgb()[:3] == tuple(pixels[7, 5])
    qtbot.keyClick(viewer, Qt.Key.Key_End)
    assert viewer.position.text() == "3 of 3"
    assert viewer.title.text() == page.images.path(30)
    qtbot.keyClick(viewer, Qt.Key.Key_Home)
    assert page.large.index == 4


def test_similar_images_are_those_of_the_engine_and_back_returns(page: CoresetPage, qtbot: QtBot) -> None:
    viewer = opened(page, 9, [4, 9, 30], qtbot)
    qtbot.waitUntil(lambda: len(viewer.similar.images) == 24)
    first = viewer.similar.images[0]
    assert first.key != 9
    own = page.images.class_of(9)
    name, distance = first.caption.split("\n")
    assert name.partition(" (")[0] == page.images.class_of(first.key)
    assert ("another class" in name) == (page.images.class_of(first.key) != own)
    shown = [float(image.caption.rpartition(" ")[2]) for image in viewer.similar.images]
    assert shown == sorted(shown)
    assert distance.startswith("distance ")
    place = viewer.similar.visualItemRect(viewer.similar.item(0)).center()
    qtbot.mouseClick(viewer.similar.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert page.large.index == first.key
    assert viewer.position.text() == "1 of 24"
    assert viewer.back.isVisible()
    qtbot.keyClick(viewer, Qt.Key.Key_Backspace)
    assert page.large.index == 9
    assert viewer.position.text() == "2 of 3"
    assert not viewer.back.isVisible()


def test_similar_images_stay_hidden_for_the_next_window(page: CoresetPage, qtbot: QtBot) -> None:
    viewer = opened(page, 9, [9], qtbot)
    qtbot.mouseClick(viewer.toggle, Qt.MouseButton.LeftButton)
    assert not page.preferences.similar_images
    page.large.forget()
    again = opened(page, 4, [4], qtbot)
    assert again is not viewer
    assert not again.similar.isVisible()
    again.toggle.click()
    assert page.preferences.similar_images
    qtbot.waitUntil(lambda: len(again.similar.images) == 24)
    viewer.close()


def test_before_clusters_similar_images_are_shown_by_the_features(described_context: PageContext, qtbot: QtBot) -> None:
    page = DatasetPage(described_context)
    qtbot.addWidget(page)
    page.enter()
    viewer = opened(page, 0, [0, 1], qtbot)
    qtbot.waitUntil(lambda: len(viewer.similar.images) == 24)
    assert isinstance(described_context.service.selection.opening, OpenImageService)


def scanned(context: PageContext, cells: Path, qtbot: QtBot) -> DatasetPage:
    """Return the Dataset page with its folder scanned."""
    context.model.start(cells)
    page = DatasetPage(context)
    qtbot.addWidget(page)
    page.enter()
    page.try_run()
    qtbot.waitUntil(lambda: page.model.state("dataset") == "done", timeout=20_000)
    return page


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Two classes of four grey images each."""
    for name in ("amber", "brick"):
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((64, 64, 3), 40 * number + 9, dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "cells" / name / f"{number}.png")
    return tmp_path / "cells"


def test_before_features_the_dataset_page_shows_the_image_and_says_so(
    page_context: PageContext, cells: Path, qtbot: QtBot
) -> None:
    page = scanned(page_context, cells, qtbot)
    viewer = opened(page, 2, [0, 1, 2, 3], qtbot)
    assert viewer.canvas.image.pixelColor(1, 1).red() == 89
    assert viewer.similar.note == NO_FEATURES
    (cells / "amber" / "3.png").unlink()
    qtbot.keyClick(viewer, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: viewer.canvas.note.text().startswith("Only the thumbnail is shown."))
    assert viewer.canvas.note.text().endswith("The file cannot be read (No such file or directory).")
    assert not page_context.messages.sentences("error")  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_process_of_its_own_decodes_the_image(process_context: PageContext, cells: Path, qtbot: QtBot) -> None:
    page = scanned(process_context, cells, qtbot)
    page.large.open(2, [2])
    viewer = page.large.viewer
    assert viewer is not None
    qtbot.waitUntil(lambda: not viewer.canvas.is_preview, timeout=20_000)
    assert viewer.canvas.image.pixelColor(1, 1).red() == 89


def test_the_window_closes_when_a_scan_finds_other_images(page_context: PageContext, cells: Path, qtbot: QtBot) -> None:
    page = scanned(page_context, cells, qtbot)
    viewer = opened(page, 2, [0, 1, 2, 3], qtbot)
    page.try_run()
    qtbot.waitUntil(lambda: page.model.state("dataset") == "done")
    assert viewer.isVisible()
    (cells / "amber" / "0.png").unlink()
    page.try_run()
    qtbot.waitUntil(lambda: page.large.viewer is None)
    assert not [each for each in page.findChildren(ImageViewer) if each.isVisible()]


def test_actions_are_those_of_the_page_for_the_image_shown(page: CoresetPage, qtbot: QtBot) -> None:
    asked: list[Sequence[int]] = []
    pinned: list[int] = []

    def fill(menu: QMenu, indices: Sequence[int]) -> None:
        asked.append(indices)
        menu.addAction("Pin in", "I", lambda: pinned.append(indices[0]))

    use: FillMenu = fill
    page.large.fill_menu = use
    viewer = opened(page, 9, [4, 9], qtbot)
    qtbot.mouseClick(viewer.more, Qt.MouseButton.LeftButton)
    assert asked == [[9]]
    (menu,) = viewer.findChildren(QMenu)
    assert [action.text() for action in menu.actions()] == ["Pin in"]
    menu.close()
    qtbot.keyClick(viewer, Qt.Key.Key_I)
    assert pinned == [9]


def test_a_key_of_the_menu_acts_on_the_image_shown(page: CoresetPage, qtbot: QtBot) -> None:
    viewer = opened(page, 9, [4, 9], qtbot)
    qtbot.keyClick(viewer, Qt.Key.Key_O)
    assert page.model.settings("selection").pinned_out == (page.images.path(9),)
    qtbot.keyClick(viewer, Qt.Key.Key_Left)
    qtbot.keyClick(viewer, Qt.Key.Key_I)
    assert page.model.settings("selection").pinned_in == (page.images.path(4),)
    page.model.undo_stack.undo()
    assert page.model.settings("selection").pinned_in == ()


def test_images_that_are_gone_are_said_to_be_under_the_thumbnail(
    page_context: PageContext, cells: Path, qtbot: QtBot
) -> None:
    page = scanned(page_context, cells, qtbot)
    cells.rename(cells.parent / "moved")
    page.large.open(2, [1, 2])
    viewer = page.large.viewer
    assert viewer is not None
    assert viewer.canvas.note.text() == f"Only the thumbnail is shown. {NOT_THERE}"


def test_the_thumbnail_alone_is_shown_once_settings_have_changed(
    page_context: PageContext, cells: Path, qtbot: QtBot
) -> None:
    page = scanned(page_context, cells, qtbot)
    page.model.set_settings("data", split_seed=5)
    page.large.open(2, [1, 2])
    viewer = page.large.viewer
    assert viewer is not None
    assert viewer.canvas.note.text() == f"Only the thumbnail is shown. {CHANGED}"


def test_facts_follow_what_becomes_of_the_image(page: CoresetPage, qtbot: QtBot) -> None:
    assert page.summary is not None
    index = next(i for i in range(150) if page.images.summary and i in page.images.summary.split.pool
                 and i not in page.summary.coreset.indices)  # fmt: skip
    viewer = opened(page, index, [index], qtbot)
    assert dict(viewer.facts)["In the coreset"] == "no"
    page.content.chosen.pins_changed.emit((index,), "in")
    qtbot.waitUntil(lambda: dict(viewer.facts)["In the coreset"] != "no")


def test_suspected_errors_are_stepped_through_as_they_are_listed(described_context: PageContext, qtbot: QtBot) -> None:
    page = DatasetPage(described_context)
    qtbot.addWidget(page)
    page.enter()
    table = page.findings.label_errors
    table.set_rows([(5, "e", "a", "b", 0.5), (2, "b", "a", "b", 0.9), (8, "h", "a", "b", 0.7)])
    table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    table.row_opened.emit(table.row_at(table.model().index(1, 0)))
    assert page.large.index == 8
    viewer = page.large.viewer
    assert viewer is not None
    assert viewer.position.text() == "2 of 3"
    qtbot.keyClick(viewer, Qt.Key.Key_Home)
    assert page.large.index == 2


def test_a_very_large_image_is_sent_with_every_second_pixel(tmp_path: Path) -> None:
    (tmp_path / "cells" / "a").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 5000, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cells" / "a" / "wide.png")
    study = Study(tmp_path / "cells", Settings(), tmp_path / "cache")
    service = OpenImageService.of(study, "", with_features=False).run(NO_PROGRESS)
    decoded = DecodeImage(0).run(service, NO_PROGRESS)
    assert (decoded.width, decoded.height, decoded.index) == (2500, 4, 0)
    assert np.frombuffer(decoded.rgb, dtype=np.uint8).reshape(4, 2500, 3)[1, 3].tolist() == pixels[2, 6].tolist()


def test_an_image_that_is_smaller_than_it_is_says_so(page: CoresetPage, qtbot: QtBot) -> None:
    viewer = opened(page, 9, [9], qtbot)
    viewer.show_full(viewer.canvas.image.scaled(32, 32), QSize(64, 64), "Shown with 32 × 32 of its 64 × 64 pixels.")
    assert viewer.canvas.placement().size().toSize().width() == round(64 * viewer.canvas.zoom)
    assert viewer.canvas.note.text() == "Shown with 32 × 32 of its 64 × 64 pixels."
