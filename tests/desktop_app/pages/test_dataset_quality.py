"""The Quality tab, as a user goes through it: checks, threshold, flagged images, exclusion and undo."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDoubleSpinBox, QPushButton
from pytestqt.qtbot import QtBot

from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.quality import CHECKS
from coreset_studio.core.settings import QualitySettings
from coreset_studio.desktop_app.pages import dataset as dataset_page
from coreset_studio.desktop_app.pages.dataset import DatasetPage
from coreset_studio.desktop_app.pages.dataset_quality import NOT_MEASURED, QualityPanel
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Two classes of 20 images of noise; two are dark, one is blurred."""
    folder, noise = tmp_path / "cells", np.random.default_rng(0)
    for number in range(40):
        pixels = noise.integers(40, 220, (48, 48, 3), dtype=np.uint8)
        image = Image.fromarray(pixels // 8 if number in (4, 6) else pixels)
        if number == 9:
            image = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(3))
        file = folder / "ab"[number % 2] / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file)
    return folder


@pytest.fixture
def page(
    page_context: PageContext, cells: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DatasetPage]:
    """The page with the folder scanned and the Quality tab in front; changes settle at once."""
    monkeypatch.setattr(dataset_page, "SETTLE_MS", 1)
    page_context.model.start(cells)
    page = DatasetPage(page_context)
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.show()
    page.enter()
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page_context.model.state("dataset") == "done")
    page.findings.setCurrentIndex(number_of_tab(page))
    qtbot.waitUntil(panel(page).isVisible)
    yield page
    page.leave()


def panel(page: DatasetPage) -> QualityPanel:
    return page.findings.quality


def number_of_tab(page: DatasetPage) -> int:
    findings = page.findings
    return next(n for n in range(findings.count()) if findings.tabText(n).startswith("Quality"))


def counts(page: DatasetPage) -> dict[str, int]:
    return {row.check.name: row.n_images for row in panel(page).checks.rows_model.rows}


def paths(page: DatasetPage) -> list[str]:
    summary = page.model.latest_value("dataset")
    assert isinstance(summary, DatasetSummary)
    return [summary.dataset.images[int(key)].path for key in panel(page).images.images.keys]


def choose(page: DatasetPage, qtbot: QtBot, title: str) -> None:
    """Click a check."""
    table = panel(page).checks
    row = next(row for row in range(table.model().rowCount()) if table.model().index(row, 0).data() == title)
    place = table.visualRect(table.model().index(row, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def button(page: DatasetPage, text: str) -> QPushButton:
    return next(each for each in panel(page).findChildren(QPushButton) if each.text() == text)


def threshold_box(page: DatasetPage) -> QDoubleSpinBox:
    (shown,) = [each for each in panel(page).findChildren(QDoubleSpinBox) if each.isVisible()]
    return shown


def test_checks_are_listed_with_counts_and_the_chosen_one_shows_its_images(page: DatasetPage, qtbot: QtBot) -> None:
    assert list(counts(page)) == [check.name for check in CHECKS]
    assert counts(page)["dark"] == 2
    assert counts(page)["blurry"] == 1
    assert counts(page)["odd_size"] == 0
    assert page.findings.tabText(number_of_tab(page)) == "Quality (3)"
    assert paths(page) == ["b/09.png"]
    choose(page, qtbot, "Dark")
    assert sorted(paths(page)) == ["a/04.png", "a/06.png"]
    assert panel(page).flag_count.text() == "2 flagged"
    assert panel(page).about.text() == "The image is underexposed or almost black."
    assert panel(page).remedy.explanation.endswith("Correct the exposure of all images equally, or exclude it.")
    assert panel(page).histogram.plot_name().endswith("Dark")
    assert threshold_box(page).accessibleName() == "Threshold: Dark"
    choose(page, qtbot, "Odd size")
    assert paths(page) == []
    assert panel(page).images.note == "No image is flagged by this check."


def test_the_keyboard_walks_the_checks(page: DatasetPage, qtbot: QtBot) -> None:
    table = panel(page).checks
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert panel(page).histogram.plot_name().endswith("Dark")
    qtbot.keyClick(table, Qt.Key.Key_Up)
    assert panel(page).histogram.plot_name().endswith("Blurry")


def test_a_threshold_is_changed_by_keys_and_typing_and_undone_and_nothing_is_scanned_again(
    page: DatasetPage, qtbot: QtBot
) -> None:
    model = page.model
    choose(page, qtbot, "Dark")
    plot = panel(page).histogram
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert model.settings("quality").dark == 0.35
    assert threshold_box(page).value() == 0.35
    assert model.undo_stack.undoText() == "change of the threshold of Dark"
    box = threshold_box(page)
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "0.05")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert model.settings("quality").dark == 0.05
    assert plot.threshold == 0.05
    assert counts(page)["dark"] == 0
    assert paths(page) == []
    assert page.findings.tabText(number_of_tab(page)) == "Quality (3)"  # nearly empty, too
    while model.undo_stack.canUndo():
        model.undo_stack.undo()
    assert model.settings("quality") == QualitySettings()
    assert counts(page)["dark"] == 2
    assert box.value() == 0.4
    assert model.state("dataset") == "done"
    assert not page.job_numbers()


def test_the_default_comes_back(page: DatasetPage, qtbot: QtBot) -> None:
    assert not button(page, "Default").isEnabled()
    page.change_settings("quality", blurry=1.0)
    assert counts(page)["blurry"] == 20
    assert button(page, "Default").isEnabled()
    qtbot.mouseClick(button(page, "Default"), Qt.MouseButton.LeftButton)
    assert page.model.settings("quality").blurry == 2.0
    assert counts(page)["blurry"] == 1


def test_flagged_images_follow_the_line_while_it_is_dragged(page: DatasetPage, qtbot: QtBot) -> None:
    panel(page).histogram.threshold_moved.emit(1.0)
    qtbot.waitUntil(lambda: len(paths(page)) == 20)
    assert page.model.settings("quality").blurry == 2.0
    assert paths(page)[0] == "b/09.png"  # the furthest first
    panel(page).histogram.threshold_chosen.emit(1.0)
    assert page.model.settings("quality").blurry == 1.0


def test_selected_images_are_excluded_and_used_again_after_undo(page: DatasetPage, qtbot: QtBot) -> None:
    choose(page, qtbot, "Dark")
    exclude = button(page, "Exclude selected")
    assert not exclude.isEnabled()
    panel(page).images.setFocus()
    qtbot.keyClick(panel(page).images, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert exclude.isEnabled()
    qtbot.mouseClick(exclude, Qt.MouseButton.LeftButton)
    assert page.model.settings("data").left_out_images == ("a/04.png", "a/06.png")
    qtbot.waitUntil(lambda: page.model.state("dataset") == "done" and not page.job_numbers() and not paths(page))
    assert panel(page).flag_count.text() == "0 flagged, 2 more are excluded"
    assert counts(page)["dark"] == 0
    page.model.undo_stack.undo()
    qtbot.waitUntil(lambda: len(paths(page)) == 2)
    assert page.model.settings("data").left_out_images == ()


def test_delete_excludes_in_the_list_alone(page: DatasetPage, qtbot: QtBot) -> None:
    images = panel(page).images
    images.selectAll()
    panel(page).checks.setFocus()
    qtbot.keyClick(panel(page).checks, Qt.Key.Key_Delete)
    assert page.model.settings("data").left_out_images == ()
    images.setFocus()
    qtbot.keyClick(images, Qt.Key.Key_Delete)
    assert page.model.settings("data").left_out_images == ("b/09.png",)


def test_a_double_click_opens_the_image(page: DatasetPage, qtbot: QtBot) -> None:
    images = panel(page).images
    place = images.visualRect(images.model().index(0, 0)).center()
    qtbot.mouseClick(images.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(images.viewport(), Qt.MouseButton.LeftButton, pos=place)
    (viewer,) = page.findChildren(ImageViewer)
    assert viewer.isVisible()
    assert viewer.windowTitle() == "09.png"
    viewer.close()


def test_images_of_an_earlier_version_say_that_they_were_not_measured(page: DatasetPage, qtbot: QtBot) -> None:
    summary = page.model.latest_value("dataset")
    assert isinstance(summary, DatasetSummary)
    images = tuple(replace(image, quality=None) for image in summary.dataset.images)
    page.findings.quality.show_summary(
        replace(summary, dataset=replace(summary.dataset, images=images)), QualitySettings()
    )
    assert panel(page).histogram.note == NOT_MEASURED
    assert panel(page).images.note == NOT_MEASURED
    assert set(counts(page).values()) == {0}
    choose(page, qtbot, "Odd size")
    assert not panel(page).histogram.note


def test_another_project_shows_no_images(page: DatasetPage, tmp_path: Path) -> None:
    page.model.start(tmp_path)
    assert len(panel(page).images.images.keys) == 0
    assert panel(page).images.note == "No images yet"
    assert counts(page) == {}
    assert page.findings.tabText(number_of_tab(page)) == "Quality"
    assert panel(page).flag_count.text() == ""
    assert not button(page, "Exclude selected").isEnabled()


def test_a_narrow_tab_keeps_distribution_and_images_apart(page: DatasetPage, qtbot: QtBot) -> None:
    shown = panel(page)
    page.setMinimumSize(400, 300)  # as in the window, which may be smaller than all of it wants
    page.resize(824, 480)
    titles = [page.findings.tabText(number) for number in range(page.findings.count())]
    page.findings.setCurrentIndex(next(number for number, title in enumerate(titles) if title.startswith("Quality")))
    qtbot.waitUntil(lambda: shown.choice.isVisible())
    assert not shown.checks.isVisible()

    def apart() -> bool:
        right = shown.histogram.mapTo(shown, shown.histogram.rect().topRight()).x()
        return bool(right < shown.images.mapTo(shown, shown.images.rect().topLeft()).x())

    qtbot.waitUntil(apart)
    shown.choice.setCurrentIndex(1)
    shown.choice.activated.emit(1)
    assert shown.about.text() == CHECKS[1].finds
