"""The Dataset page, walked as a user does, on a small folder with everything that real folders have."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.service.dataset_requests import DatasetSummary, FindLabelErrors, ScanDataset
from coreset_studio.desktop_app.models.class_model import NAME, NOTE
from coreset_studio.desktop_app.pages import dataset as dataset_page
from coreset_studio.desktop_app.pages.dataset import DatasetPage
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer

CLASSES = {"eosinophil": 12, "lymphocyte": 10, "platelet": 8}


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Three classes of four patients; a copy in a class, a copy across classes, a broken file, a text file."""
    folder, noise = tmp_path / "cells", np.random.default_rng(0)
    for name, n_images in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for number in range(n_images):
            pixels = noise.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"P{number % 4}_{number}.png")
    shutil.copy(folder / "eosinophil" / "P0_0.png", folder / "eosinophil" / "P0_copy.png")
    shutil.copy(folder / "eosinophil" / "P1_1.png", folder / "platelet" / "P1_conflict.png")
    (folder / "platelet" / "broken.png").write_bytes(b"no picture")
    (folder / "platelet" / "notes.txt").write_text("not an image", encoding="utf-8")
    return folder


@pytest.fixture
def page(
    page_context: PageContext, cells: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DatasetPage]:
    """The page with the folder scanned; changes settle at once."""
    monkeypatch.setattr(dataset_page, "SETTLE_MS", 1)
    page_context.model.start(cells)
    page = DatasetPage(page_context)
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    page.enter()
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page_context.model.state("dataset") == "done")
    yield page
    page.leave()


def view_of(page: DatasetPage) -> DatasetSummary:
    summary = page.model.latest_value("dataset")
    assert isinstance(summary, DatasetSummary)
    return summary


def tab(page: DatasetPage, title: str) -> QWidget:
    """Return what the findings show under a title, whatever number stands behind it."""
    findings = page.findings
    return next(findings.widget(n) for n in range(findings.count()) if findings.tabText(n).startswith(title))


def tool(page: DatasetPage, title: str, place: int = 0) -> QPushButton:
    """Return a button of a tab of the findings, counted from 0."""
    return tab(page, title).findChildren(QPushButton)[place]


def settled(page: DatasetPage, qtbot: QtBot) -> DatasetSummary:
    """Wait until what was changed has been scanned again."""
    qtbot.waitUntil(lambda: page.model.state("dataset") == "done" and not page.job_numbers())
    return view_of(page)


def rows(table: Any) -> list[Any]:
    return list(table.rows_model.rows)


def test_without_a_folder_it_says_what_to_do(page_context: PageContext, qtbot: QtBot) -> None:
    page = DatasetPage(page_context)
    qtbot.addWidget(page)
    page.enter()
    assert not page.run_button.isEnabled()
    assert page.run_button.toolTip() == "Open a folder of images first."
    page.try_run()
    assert page_context.messages.sentences("warning") == ["Open a folder of images first."]  # type: ignore[attr-defined]


def test_a_scan_shows_counts_skipped_files_and_copies(page: DatasetPage) -> None:
    facts = page.model.facts("dataset")
    assert facts is not None
    assert facts["images"] == 32
    assert facts["skipped"] == 2
    assert facts["pool"] + facts["validation"] + facts["test"] == 32
    shown = {one.name: one.n_images for one in page.content.histogram.classes.classes}
    assert shown == {"eosinophil": 13, "lymphocyte": 10, "platelet": 9}
    assert page.content.facts.text().startswith("32 images in 3 classes  ·  32×24")
    skipped = {one.path: one.reason for one in rows(page.findings.skipped)}
    assert set(skipped) == {"platelet/broken.png", "platelet/notes.txt"}
    assert all(skipped.values())
    copies = rows(page.findings.copies)
    assert [row.path for row in copies if row.conflicting] == ["eosinophil/P1_1.png", "platelet/P1_conflict.png"]
    assert [row.path for row in copies if not row.conflicting] == ["eosinophil/P0_0.png", "eosinophil/P0_copy.png"]
    titles = [page.findings.tabText(i) for i in range(page.findings.count())]
    assert "Skipped (2)" in titles
    assert "Duplicates (2, 1 under two classes)" in titles
    assert page.run_button.text() == "Scan again"
    assert not page.findings.isTabVisible(titles.index("Leaks (0)"))


def test_every_class_has_sample_images(page: DatasetPage) -> None:
    samples = page.content.samples.plot_table()[1]
    assert {name for name, _ in samples} == set(CLASSES)
    assert all(path.startswith(f"{name}/") for name, path in samples)


def test_a_class_is_left_out_and_undo_takes_it_back(page: DatasetPage, qtbot: QtBot) -> None:
    histogram = page.content.histogram
    histogram.setCurrentIndex(histogram.classes.index(2, NAME))
    qtbot.keyClick(histogram, Qt.Key.Key_Space)
    assert page.model.settings("data").left_out_classes == ("platelet",)
    summary = settled(page, qtbot)
    used = np.concatenate([summary.split.pool, summary.split.validation, summary.split.test])
    assert {summary.dataset.images[i].class_name for i in used} == {"eosinophil", "lymphocyte"}
    assert len(rows(page.findings.left_out)) == 9
    assert not histogram.classes.included("platelet")
    page.model.undo_stack.undo()
    assert page.model.state("dataset") == "done"
    assert histogram.classes.included("platelet")
    assert rows(page.findings.left_out) == []


def test_the_row_of_the_keyboard_stays_when_a_class_is_left_out(page: DatasetPage, qtbot: QtBot) -> None:
    histogram = page.content.histogram
    histogram.setCurrentIndex(histogram.classes.index(1, NAME))
    qtbot.keyClick(histogram, Qt.Key.Key_Space)
    settled(page, qtbot)
    qtbot.keyClick(histogram, Qt.Key.Key_Space)
    settled(page, qtbot)
    assert page.model.settings("data").left_out_classes == ()


def test_another_share_and_seed_divide_again(page: DatasetPage, qtbot: QtBot) -> None:
    before = view_of(page).split
    page.test_share.setValue(50)
    summary = settled(page, qtbot)
    assert len(before.test) < len(summary.split.test)
    assert page.model.settings("data").test_fraction == 0.5
    kept = summary.split.test.tolist()
    page.seed.setValue(3)
    assert settled(page, qtbot).split.test.tolist() != kept
    page.validation_share.setValue(0)
    assert len(settled(page, qtbot).split.validation) == 0


def test_groups_are_previewed_while_typing_and_kept_together(page: DatasetPage, qtbot: QtBot) -> None:
    field = page.pattern.field
    qtbot.keyClicks(field, r"(P\d)_")
    qtbot.waitUntil(lambda: len(rows(page.pattern.preview)) == 32)
    assert ("eosinophil/P0_0.png", "P0") in rows(page.pattern.preview)
    assert page.model.settings("data").group_pattern == ""
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert page.model.settings("data").group_pattern == r"(P\d)_"
    summary = settled(page, qtbot)
    sides = [
        {summary.dataset.images[i].path.split("/")[1][:2] for i in indices}
        for indices in (np.concatenate([summary.split.pool, summary.split.validation]), summary.split.test)
    ]
    assert sides[0].isdisjoint(sides[1])


def test_the_patient_is_marked_in_an_example_and_its_pattern_used(page: DatasetPage, qtbot: QtBot) -> None:
    page.option_column.more_button.setChecked(True)
    field = page.pattern
    assert field.example.path == "eosinophil/P0_0.png"
    field.example.line.setFocus()
    field.example.line.setSelection(len("eosinophil/"), 2)
    qtbot.waitUntil(field.use.isVisible)
    assert field.pattern == "(?:^|/)(P[0-9]+)(?=_|$)[^/]*$"
    qtbot.waitUntil(lambda: field.summary.text() == "4 groups in 32 images")
    assert rows(field.groups) == [("P0", 9), ("P1", 9), ("P2", 7), ("P3", 7)]
    assert page.model.settings("data").group_pattern == ""  # a preview, until it is used
    qtbot.keyClick(field.example.line, Qt.Key.Key_Down)
    assert field.example.line.selectedText() == field.example.path.split("/")[1][:2]  # what the pattern finds there
    qtbot.mouseClick(field.use, Qt.MouseButton.LeftButton)
    assert page.model.settings("data").group_pattern == "(?:^|/)(P[0-9]+)(?=_|$)[^/]*$"
    settled(page, qtbot)
    assert not field.use.isVisible()
    page.model.undo_stack.undo()
    assert page.model.settings("data").group_pattern == ""
    assert field.pattern == ""


def test_images_without_a_group_are_counted_with_an_example(page: DatasetPage, qtbot: QtBot) -> None:
    qtbot.keyClicks(page.pattern.field, r"(P\d)_\d")
    expected = "4 groups in 32 images; 2 images without a group, such as eosinophil/P0_copy.png"
    qtbot.waitUntil(lambda: page.pattern.summary.text() == expected)
    assert sum(n for _, n in rows(page.pattern.groups)) == 30
    sizes = [n for _, n in rows(page.pattern.groups)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.slow
def test_groups_are_taken_from_a_column_of_the_table(page_context: PageContext, cells: Path, qtbot: QtBot) -> None:
    lines = [
        f"{name}/P{number % 4}_{number}.png,{name},visit {number % 3},{'AB'[number % 2]}"
        for name, n_images in CLASSES.items()
        for number in range(n_images)
    ]
    (cells / "cells.csv").write_text("\n".join(["path,class,visit,scanner", *lines]), encoding="utf-8")
    page_context.model.start(cells / "cells.csv")
    page = DatasetPage(page_context)
    qtbot.addWidget(page)
    page.resize(1100, 900)
    page.show()
    page.enter()
    page.option_column.more_button.setChecked(True)
    assert not page.pattern.columns.isVisible()
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page_context.model.state("dataset") == "done")
    columns = page.pattern.columns
    assert columns.isVisible()
    assert [columns.itemText(at) for at in range(columns.count())] == ["Automatic", "None", "visit", "scanner"]
    columns.setFocus()
    for _ in range(2):
        qtbot.keyClick(columns, Qt.Key.Key_Down)
    summary = settled(page, qtbot)
    assert {image.group for image in summary.dataset.images} == {"visit 0", "visit 1", "visit 2"}
    assert page.pattern.summary.text() == "3 groups from the dataset in 30 images"
    assert rows(page.pattern.groups) == [("visit 0", 11), ("visit 1", 10), ("visit 2", 9)]
    of_test = {summary.dataset.images[i].group for i in summary.split.test}
    assert of_test.isdisjoint(summary.dataset.images[i].group for i in summary.split.pool)
    page.model.undo_stack.undo()
    settled(page, qtbot)
    assert columns.currentText() == "Automatic"
    page.leave()


@pytest.mark.slow
def test_groups_of_many_paths_are_found_in_steps(page: DatasetPage, qtbot: QtBot) -> None:
    summary = view_of(page)
    some = summary.dataset.images[0]
    many = tuple(replace(some, path=f"class{n % 8}/p{n % 500}_img_{n}.png") for n in range(100_000))
    page.groups.show_summary(
        replace(summary, dataset=replace(summary.dataset, images=many)), page.model.settings("data")
    )
    waits = []
    for _ in range(3):
        started = time.perf_counter()
        page.pattern.example_marked.emit(many[0].path, 7, 9)
        waits.append(time.perf_counter() - started)
        qtbot.waitUntil(lambda: page.pattern.summary.text() == "500 groups in 100,000 images")
    assert min(waits) < 0.3  # a tenth of a second or two, of which the first results are 0.06 s


def test_a_broken_pattern_is_a_sentence_under_the_field(page: DatasetPage, qtbot: QtBot) -> None:
    qtbot.keyClicks(page.pattern.field, "(P")
    qtbot.waitUntil(lambda: "(P" in page.pattern.field.accessibleDescription())
    assert rows(page.pattern.preview) == []
    qtbot.keyClick(page.pattern.field, Qt.Key.Key_Return)
    qtbot.wait(20)
    qtbot.waitUntil(lambda: not page.job_numbers())
    assert page.model.settings("data").group_pattern == ""
    assert page.context.messages.sentences("error") == []  # type: ignore[attr-defined]


def test_a_pattern_that_finds_nothing_is_not_taken(page: DatasetPage, qtbot: QtBot) -> None:
    qtbot.keyClicks(page.pattern.field, r"patient(\d+)")
    qtbot.keyClick(page.pattern.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "finds no group in any of the 32 paths" in page.pattern.field.accessibleDescription())
    assert page.model.settings("data").group_pattern == ""


def test_a_pattern_is_suggested_and_taken(page: DatasetPage, qtbot: QtBot) -> None:
    assert page.pattern.suggestion.text() == "Use 4 groups from file names"
    page.pattern.suggestion.click()
    summary = settled(page, qtbot)
    assert page.model.settings("data").group_pattern
    tested = {summary.dataset.images[i].path.split("/")[1][:2] for i in summary.split.test}
    assert tested.isdisjoint(summary.dataset.images[i].path.split("/")[1][:2] for i in summary.split.pool)
    qtbot.waitUntil(lambda: page.pattern.suggestion.isHidden())


def test_a_double_click_opens_a_copy_and_decides_nothing(page: DatasetPage, qtbot: QtBot) -> None:
    copies, before = page.findings.copies, page.model.settings("data")
    row = next(number for number, one in enumerate(rows(copies)) if one.path == "eosinophil/P0_copy.png")
    with qtbot.waitSignal(page.findings.opened) as opened:
        copies.doubleClicked.emit(copies.model().index(row, 0))
    assert opened.args == [copies.row_at(copies.model().index(row, 0)).image, [one.image for one in rows(copies)]]
    assert page.model.settings("data") == before
    copies.selectRow(row)
    tool(page, "Duplicates").click()
    assert page.model.settings("data") != before


def test_keep_one_leaves_copies_out(page: DatasetPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(tool(page, "Duplicates", 1), Qt.MouseButton.LeftButton)
    assert page.model.settings("data").keep_one_of_duplicates
    assert page.keep_one.isChecked()
    summary = settled(page, qtbot)
    out = {row[1] for row in rows(page.findings.left_out)}
    assert out == {"eosinophil/P0_copy.png", "eosinophil/P1_1.png", "platelet/P1_conflict.png"}
    assert len(summary.split.left_out) == 3
    assert not tool(page, "Duplicates", 1).isEnabled()


def test_one_copy_is_kept_by_hand_and_used_again(page: DatasetPage, qtbot: QtBot) -> None:
    copies = page.findings.copies
    copies.selectRow(next(n for n, row in enumerate(rows(copies)) if row.path == "eosinophil/P0_copy.png"))
    tool(page, "Duplicates").click()
    assert page.model.settings("data").left_out_images == ("eosinophil/P0_0.png",)
    settled(page, qtbot)
    page.findings.left_out.selectRow(0)
    qtbot.mouseClick(tool(page, "Excluded"), Qt.MouseButton.LeftButton)
    assert page.model.settings("data").left_out_images == ()


def test_an_image_opens_large_and_the_arrows_walk_through_its_class(page: DatasetPage, qtbot: QtBot) -> None:
    first = page.content.samples.rows[0].images[0]
    page.content.samples.opened.emit(first.key)
    (viewer,) = page.findChildren(ImageViewer)
    assert viewer.isVisible()
    images = view_of(page).dataset.images
    names = [Path(image.path).name for image in images if image.class_name == images[first.key].class_name]
    assert viewer.windowTitle() == names[0]
    viewer.stepped.emit(1)
    assert viewer.windowTitle() == names[1]
    viewer.stepped.emit(-1)
    viewer.stepped.emit(-1)
    assert viewer.windowTitle() == names[0]
    viewer.close()


def test_scan_again_finds_new_images(page: DatasetPage, cells: Path, qtbot: QtBot) -> None:
    Image.fromarray(np.zeros((24, 32, 3), dtype=np.uint8)).save(cells / "platelet" / "P3_new.png")
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (page.model.facts("dataset") or {}).get("images") == 33)
    assert page.content.facts.text().startswith("33 images")


def test_doubts_want_features_first(page: DatasetPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(tool(page, "Suspected label errors"), Qt.MouseButton.LeftButton)
    assert "Features page" in page.context.messages.sentences("warning")[0]  # type: ignore[attr-defined]


def test_doubts_of_the_demo_are_listed_and_left_out(described_context: PageContext, qtbot: QtBot) -> None:
    page = DatasetPage(described_context)
    qtbot.addWidget(page)
    page.enter()
    qtbot.mouseClick(tool(page, "Suspected label errors"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not page.job_numbers(FindLabelErrors))
    findings = rows(page.findings.label_errors)
    assert page.findings.currentWidget() is tab(page, "Suspected label errors")
    assert all(row[2] != row[3] for row in findings)
    if findings:
        page.findings.label_errors.selectRow(0)
        qtbot.mouseClick(tool(page, "Suspected label errors", 1), Qt.MouseButton.LeftButton)
        assert page.model.settings("data").left_out_images == (findings[0][1],)


def test_folds_divide_all_images_and_the_first_is_tested_on(page: DatasetPage, qtbot: QtBot) -> None:
    box = page.controls.placed["data.folds"]
    assert (box.accessibleName(), box.text()) == ("Folds", "–")
    box.stepUp()
    summary = settled(page, qtbot)
    assert page.model.settings("data").folds == 2
    assert (summary.split.folds, summary.split.fold) == (2, 0)
    n_images = len(summary.dataset.images)
    assert abs(len(summary.split.test) - n_images / 2) <= len(summary.dataset.classes)
    assert not page.test_share.isEnabled()
    assert page.test_share.toolTip() == "Each fold has its own test images."
    box.setValue(50)
    qtbot.waitUntil(lambda: bool(page.messages.sentences("error")))  # type: ignore[attr-defined]
    [sentence] = page.messages.sentences("error")  # type: ignore[attr-defined]
    assert "folds are possible; found 50. Use fewer." in sentence
    page.model.set_settings("data", folds=None)
    assert settled(page, qtbot).split.folds == 0
    assert page.test_share.isEnabled()


def test_a_split_that_was_brought_shows_its_leaks_and_drops_them(
    page_context: PageContext, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_page, "SETTLE_MS", 1)
    noise = np.random.default_rng(1)
    for part in ("train", "test"):
        for name in ("one", "two"):
            folder = tmp_path / "brought" / part / name
            folder.mkdir(parents=True)
            for number in range(6):
                Image.fromarray(noise.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    shutil.copy(tmp_path / "brought/test/one/0.png", tmp_path / "brought/train/one/leak.png")
    page_context.model.start(tmp_path / "brought")
    page = DatasetPage(page_context)
    qtbot.addWidget(page)
    page.enter()
    page.try_run()
    settled(page, qtbot)
    assert not page.test_share.isEnabled()
    assert not page.folds.widget.isEnabled()
    assert page.folds.widget.toolTip() == dataset_page.PREDEFINED
    assert page.findings.isTabVisible(page.findings.indexOf(tab(page, "Leaks")))
    assert rows(page.findings.leaks) == [("train/one/leak.png", "test/one/0.png")]
    qtbot.mouseClick(tool(page, "Leaks"), Qt.MouseButton.LeftButton)
    summary = settled(page, qtbot)
    assert page.model.settings("data").drop_leaks
    assert [summary.dataset.images[left.index].path for left in summary.split.left_out] == ["train/one/leak.png"]


def test_a_folder_without_images_is_an_error_with_a_way_out(
    page_context: PageContext, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "empty" / "one").mkdir(parents=True)
    page_context.model.start(tmp_path / "empty")
    page = DatasetPage(page_context)
    qtbot.addWidget(page)
    page.enter()
    page.try_run()
    qtbot.waitUntil(lambda: bool(page_context.messages.sentences("error")))  # type: ignore[attr-defined]
    assert page_context.model.state("dataset") == "ready"
    assert page.run_button.isEnabled()
    assert not page.empty.isHidden()


def test_another_project_forgets_the_split_that_was_brought(
    page: DatasetPage, tmp_path: Path, qtbot: QtBot, demo_study: Study
) -> None:
    assert page.test_share.isEnabled()
    make_demo(tmp_path / "other", n_images=60, side=32)
    page.model.start(tmp_path / "other")
    page.try_run()
    summary = settled(page, qtbot)
    assert len(summary.dataset.images) >= 60
    assert page.test_share.isEnabled()


def test_while_scanning_nothing_is_offered_and_afterwards_it_is(
    page_context: PageContext, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "images").mkdir()
    page_context.model.start(tmp_path / "images")
    page = DatasetPage(page_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    page.empty.button.click()
    assert page.empty.button.isHidden()
    assert "Scanning…" in page.empty.accessibleName()
    (number,) = page.job_numbers(ScanDataset)
    page.service.cancel(number)
    assert page.empty.button.text() == "Scan"
    assert not page.empty.button.isHidden()


def test_a_folder_that_has_gone_can_be_located_and_not_scanned(page: DatasetPage, cells: Path, qtbot: QtBot) -> None:
    cells.rename(cells.parent / "moved")
    page.start_empty()
    page.refresh()
    page.show_run_state()
    assert not page.run_button.isEnabled()
    assert "images were not found" in page.run_button.toolTip()
    page.model.start(cells)
    assert page.empty.button.text() == "Locate…"
    with qtbot.waitSignal(page.locate_requested):
        qtbot.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)


def test_the_images_found_are_explained_and_the_next_step_is_named(page: DatasetPage) -> None:
    split = view_of(page).split
    assert page.sentence_label.text() == (
        f"The coreset is selected from the {len(split.pool)} images of the pool; the {len(split.test)} test images "
        "are used to evaluate it. Next: extract features."
    )


def test_a_narrow_histogram_keeps_its_bars(page: DatasetPage, qtbot: QtBot) -> None:
    histogram = page.content.histogram
    histogram.resize(400, 200)
    assert not histogram.isColumnHidden(NOTE)
    histogram.resize(190, 200)
    assert histogram.isColumnHidden(NOTE)


def test_the_folders_are_read_otherwise_by_a_button(
    page_context: PageContext, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_page, "SETTLE_MS", 1)
    noise = np.random.default_rng(0)
    for patient in range(6):
        for name in ("ill", "well"):
            folder = tmp_path / "study" / f"patient{patient}" / name
            folder.mkdir(parents=True)
            Image.fromarray(noise.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(folder / "x.png")
    page_context.model.start(tmp_path / "study")
    page = DatasetPage(page_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page_context.model.state("dataset") == "done")
    assert view_of(page).dataset.classes == ("ill", "well")
    page.findings.setCurrentWidget(tab(page, "Notes"))
    button = tool(page, "Notes")
    assert (button.isVisible(), button.text()) == (True, "Use layout: classes")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view_of(page).dataset.classes[0] == "patient0")
    assert page.model.settings("data").layout == "classes"
    qtbot.waitUntil(lambda: not button.isVisible())
    page.leave()


# --- excluding by pattern -----------------------------------------------------------------------------------------


def used_paths(page: DatasetPage) -> set[str]:
    summary = view_of(page)
    used = np.concatenate([summary.split.pool, summary.split.validation, summary.split.test])
    return {summary.dataset.images[i].path for i in used}


def test_images_are_excluded_by_a_pattern_with_a_preview_while_it_is_typed(page: DatasetPage, qtbot: QtBot) -> None:
    page.option_column.more_button.setChecked(True)
    field = page.excluding.field
    assert field.summary.text() == "No pattern: no image is excluded by its path."
    qtbot.keyClicks(field.field, "p1_*; nothing")
    qtbot.waitUntil(lambda: field.summary.text() == "9 images of 32 match")
    assert rows(field.matches)[0] == ("eosinophil/P1_1.png", "p1_*")
    assert field.matches.isVisible()
    assert [image.title for image in field.thumbnails.images][:2] == ["eosinophil/P1_1.png", "eosinophil/P1_5.png"]
    assert page.model.settings("data").left_out_patterns == ()  # not before Enter
    qtbot.keyClick(field.field, Qt.Key.Key_Return)
    assert page.model.settings("data").left_out_patterns == ("p1_*", "nothing")
    summary = settled(page, qtbot)
    assert not [path for path in used_paths(page) if "/P1_" in path]
    excluded = {row[1]: row[2] for row in rows(page.findings.left_out)}
    assert excluded["platelet/P1_conflict.png"] == "It matches the pattern “p1_*”."
    assert len(excluded) == 9
    assert any("“nothing” of excluded images matches none of the 32 paths" in note for note in summary.notes)
    page.model.undo_stack.undo()
    assert page.model.settings("data").left_out_patterns == ()
    assert rows(page.findings.left_out) == []


def test_an_image_excluded_by_a_pattern_is_not_included_by_hand_in_silence(page: DatasetPage, qtbot: QtBot) -> None:
    field = page.excluding.field
    field.field.setText("P1_*")
    field.field.editingFinished.emit()
    settled(page, qtbot)
    page.findings.left_out.selectRow(0)
    qtbot.mouseClick(tool(page, "Excluded"), Qt.MouseButton.LeftButton)
    (said,) = page.messages.sentences("warning")  # type: ignore[attr-defined]
    assert said.startswith(
        "1 image of the selection cannot be included one by one. Reason: It matches the pattern “P1_*”."
    )


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("*_[0", "a [ has no ]"),
        ("*", "matches every image"),
        ("*.png", "All 32 images match"),
        ("P?_*", "All 32 images"),
    ],
)
def test_patterns_that_cannot_be_used_stay_in_the_field_with_the_reason(
    page: DatasetPage, qtbot: QtBot, typed: str, words: str
) -> None:
    page.option_column.more_button.setChecked(True)
    field = page.excluding.field
    qtbot.keyClicks(field.field, typed)
    qtbot.keyClick(field.field, Qt.Key.Key_Return)
    assert words in field.summary.text()
    assert field.summary.property("tone") == "bad"
    assert field.text == typed
    assert page.model.settings("data").left_out_patterns == ()
    assert page.messages.posts == []  # type: ignore[attr-defined]


@pytest.fixture
def with_thumbnails(cells: Path) -> Path:
    """The folder with small copies of some images in it."""
    for number in range(7):
        with Image.open(cells / "lymphocyte" / f"P{number % 4}_{number}.png") as image:
            image.resize((8, 6)).save(cells / "lymphocyte" / f"P{number % 4}_{number}_thumb.png")
    return cells


def test_suspected_thumbnails_are_offered_in_the_notes_and_excluded_by_a_button(
    with_thumbnails: Path, page: DatasetPage, qtbot: QtBot
) -> None:
    assert any(
        note.startswith("7 images, such as lymphocyte/P0_0_thumb.png, may be thumbnails")
        for note in rows(page.findings.notes)
    )
    page.findings.setCurrentWidget(tab(page, "Notes"))
    button = tool(page, "Notes", 2)
    assert button.isVisible()
    assert button.text() == "Exclude 7 images that match *_thumb.*"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert page.model.settings("data").left_out_patterns == ("*_thumb.*",)
    settled(page, qtbot)
    assert not button.isVisible()
    assert page.excluding.field.text == "*_thumb.*"
    assert len(rows(page.findings.left_out)) == 7
    assert page.model.undo_stack.undoText() == "exclusion of *_thumb.*"
    page.model.undo_stack.undo()
    qtbot.waitUntil(button.isVisible)
    assert rows(page.findings.left_out) == []


@pytest.mark.slow
def test_many_paths_are_compared_in_steps_while_the_window_answers(page: DatasetPage, qtbot: QtBot) -> None:
    summary = view_of(page)
    some = summary.dataset.images[0]
    many = tuple(replace(some, path=f"class{n % 8}/p{n % 50}/img_{n}.png") for n in range(300_000))
    page.excluding.show_summary(replace(summary, dataset=replace(summary.dataset, images=many)), ())
    started = time.perf_counter()
    page.excluding.field.field.setText("*_7*; p3")
    page.excluding.field.text_changed.emit("*_7*; p3")
    assert time.perf_counter() - started < 0.3
    assert page.excluding.field.summary.text() == "Comparing the paths…"
    qtbot.waitUntil(lambda: page.excluding.field.summary.text() == "16,889 images of 300,000 match")
