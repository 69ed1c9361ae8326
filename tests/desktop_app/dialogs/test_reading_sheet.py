"""The sheet on how images are read, used as a user does: columns, folders, grey levels, pages."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.reading_requests import PreviewTable
from coreset_studio.desktop_app.dialogs.reading_columns import ColumnsTab
from coreset_studio.desktop_app.dialogs.reading_layouts import LayoutsTab
from coreset_studio.desktop_app.dialogs.reading_levels import LevelsTab
from coreset_studio.desktop_app.dialogs.reading_pages import PagesTab
from coreset_studio.desktop_app.dialogs.reading_sheet import ReadingSheet
from coreset_studio.desktop_app.pages import dataset as dataset_page
from coreset_studio.desktop_app.pages.dataset import DatasetPage
from coreset_studio.desktop_app.pages.page import PageContext
from tests.core.data.dicom_files import dicom_bytes

Opened = Callable[..., DatasetPage]


@pytest.fixture
def opened(page_context: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """A function that opens something on the Dataset page and scans it."""
    monkeypatch.setattr(dataset_page, "SETTLE_MS", 1)
    pages = []

    def open_path(path: Path) -> DatasetPage:
        page_context.model.start(path)
        page = DatasetPage(page_context)
        qtbot.addWidget(page)
        page.resize(1100, 800)
        page.show()
        page.enter()
        qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not page.job_numbers())
        pages.append(page)
        return page

    yield open_path
    for page in pages:
        page.leave()


def sheet_of(page: DatasetPage, qtbot: QtBot) -> ReadingSheet:
    """Open the sheet by the button above the content, and wait for what it shows first."""
    qtbot.mouseClick(page.content.reading, Qt.MouseButton.LeftButton)
    sheet = page.findChild(ReadingSheet)
    qtbot.waitUntil(lambda: not sheet.parts[0].is_busy)
    return sheet


def view_of(page: DatasetPage) -> DatasetSummary:
    summary = page.model.latest_value("dataset")
    assert isinstance(summary, DatasetSummary)
    return summary


def settle(page: DatasetPage, qtbot: QtBot) -> DatasetSummary:
    qtbot.waitUntil(lambda: page.model.state("dataset") == "done" and not page.job_numbers())
    return view_of(page)


def settle_part(sheet: ReadingSheet, kind: type, qtbot: QtBot) -> None:
    (part,) = (one for one in sheet.parts if isinstance(one, kind))
    sheet.tabs.setCurrentWidget(part)
    qtbot.waitUntil(lambda: not part.is_busy)


def choose(combo: QComboBox, title: str) -> None:
    combo.setCurrentIndex(combo.findText(title))


def noise(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twenty-four images of two diagnoses at two sites, in a table that names neither path nor class."""
    rows = []
    for number in range(24):
        noise(tmp_path / "cells" / f"c{number}.png", number)
        rows.append(f"c{number},{'ill' if number % 3 else 'well'},lab {number % 2},case {number // 4}")
    (tmp_path / "cells" / "cells.csv").write_text("\n".join(["image_id,dx,site,remark", *rows]), encoding="utf-8")
    return tmp_path / "cells" / "cells.csv"


# --- columns ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_columns_of_a_table_are_shown_and_changed_in_one_step(opened: Opened, table: Path, qtbot: QtBot) -> None:
    page = opened(table)
    assert page.content.warning.action_button.text() == "Check…"  # the columns were guessed
    sheet = sheet_of(page, qtbot)
    (columns,) = (part for part in sheet.parts if isinstance(part, ColumnsTab))
    assert [combo.currentText() for combo in columns.combos] == ["Image file", "Class", "Not used", "Not used"]
    assert columns.status.text() == "24 images in 2 classes: ill 16, well 8."
    assert not sheet.accept_button.isEnabled()
    choose(columns.combos[1], "Not used")
    assert columns.status.text() == "No column is chosen as class; choose one."
    choose(columns.combos[2], "Class")
    choose(columns.combos[3], "Group")
    qtbot.waitUntil(lambda: not columns.is_busy)
    assert columns.status.text() == "24 images in 2 classes: lab 0 12, lab 1 12. 6 groups."
    assert page.model.settings("data").own == {}  # nothing is changed yet
    n_steps = page.model.undo_stack.count()
    qtbot.mouseClick(sheet.accept_button, Qt.MouseButton.LeftButton)
    summary = settle(page, qtbot)
    assert summary.dataset.classes == ("lab 0", "lab 1")
    assert len({image.group for image in summary.dataset.images}) == 6
    assert page.model.undo_stack.count() == n_steps + 1
    page.model.undo_stack.undo()
    assert page.model.settings("data").own == {}
    assert view_of(page).dataset.classes == ("ill", "well")


def test_a_column_takes_the_place_of_the_one_before(opened: Opened, table: Path, qtbot: QtBot) -> None:
    sheet = sheet_of(opened(table), qtbot)
    (columns,) = (part for part in sheet.parts if isinstance(part, ColumnsTab))
    choose(columns.combos[2], "Group")
    choose(columns.combos[3], "Group")
    assert [combo.currentText() for combo in columns.combos] == ["Image file", "Class", "Not used", "Group"]


@pytest.mark.slow
def test_what_cannot_be_read_is_a_sentence_and_cannot_be_applied(opened: Opened, table: Path, qtbot: QtBot) -> None:
    sheet = sheet_of(opened(table), qtbot)
    (columns,) = (part for part in sheet.parts if isinstance(part, ColumnsTab))
    choose(columns.combos[2], "Class")  # two classes: each cell would have to be 1 or 0
    qtbot.waitUntil(lambda: not columns.is_busy)
    assert columns.status.text().startswith(
        "No image would be read. Reason: c0: Row 2 of the CSV has “well” in the column dx"
    )
    assert columns.status.property("tone") == "bad"
    assert not sheet.accept_button.isEnabled()
    qtbot.mouseClick(columns.reset_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not columns.is_busy)
    assert [combo.currentText() for combo in columns.combos] == ["Image file", "Class", "Not used", "Not used"]
    assert sheet.changes == {}


@pytest.mark.slow
def test_a_table_that_cannot_be_scanned_is_put_right_in_the_sheet(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    rows = []
    for number in range(12):
        noise(tmp_path / "cells" / f"c{number}.png", number)
        rows.append(f"c{number}.png,kind {number % 2},colour {number % 3}")
    table = tmp_path / "cells" / "cells.csv"
    table.write_text("\n".join(["what,one,other", *rows]), encoding="utf-8")
    page = opened(table)
    assert page.model.latest_value("dataset") is None
    assert page.empty.isVisible()
    assert page.empty.button.text() == "How the images are read…"
    qtbot.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    sheet = page.findChild(ReadingSheet)
    (columns,) = (part for part in sheet.parts if isinstance(part, ColumnsTab))
    qtbot.waitUntil(lambda: not columns.is_busy)
    assert "has no column that names the class" in columns.status.text()
    choose(columns.combos[0], "Image file")
    choose(columns.combos[1], "Class")
    qtbot.waitUntil(lambda: not columns.is_busy)
    assert columns.status.text() == "12 images in 2 classes: kind 0 6, kind 1 6."
    qtbot.mouseClick(sheet.accept_button, Qt.MouseButton.LeftButton)
    assert settle(page, qtbot).dataset.classes == ("kind 0", "kind 1")


@pytest.mark.slow
def test_closing_the_sheet_stops_what_it_asked_for(opened: Opened, table: Path, qtbot: QtBot) -> None:
    page = opened(table)
    qtbot.mouseClick(page.content.reading, Qt.MouseButton.LeftButton)
    sheet = page.findChild(ReadingSheet)
    assert sheet.parts[0].status.text() == "Reading…"
    assert any(isinstance(page.service.request_of(job), PreviewTable) for job in page.service.running())
    sheet.reject()
    assert not page.service.running()


@pytest.mark.slow
def test_a_table_is_previewed_by_an_engine_process(process_context: PageContext, table: Path, qtbot: QtBot) -> None:
    sheet = ReadingSheet(table, None, process_context.model.settings("data"), process_context.service)
    qtbot.addWidget(sheet)
    sheet.show()
    (columns,) = (part for part in sheet.parts if isinstance(part, ColumnsTab))
    qtbot.waitUntil(lambda: not columns.is_busy, timeout=20_000)
    assert columns.status.text() == "24 images in 2 classes: ill 16, well 8."
    sheet.reject()


def test_a_damaged_table_is_a_sentence(page_context: PageContext, tmp_path: Path, qtbot: QtBot) -> None:
    damaged = tmp_path / "cells.xlsx"
    damaged.write_bytes(b"PK\x03\x04 and nothing more")
    sheet = ReadingSheet(damaged, None, page_context.model.settings("data"), page_context.service)
    qtbot.addWidget(sheet)
    (columns,) = (part for part in sheet.parts if isinstance(part, ColumnsTab))
    qtbot.waitUntil(lambda: not columns.is_busy)
    assert "cells.xlsx is not a valid .xlsx" in columns.status.text()
    assert not sheet.accept_button.isEnabled()


# --- folders ------------------------------------------------------------------------------------------------------


def test_another_layout_is_chosen_by_what_it_gives(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    for patient in range(6):
        for number, name in enumerate(("ill", "well")):
            noise(tmp_path / "study" / f"patient{patient}" / name / "x.png", patient * 2 + number)
    page = opened(tmp_path / "study")
    sheet = sheet_of(page, qtbot)
    (layouts,) = (part for part in sheet.parts if isinstance(part, LayoutsTab))
    shown = layouts.table.plot_table()[1]
    assert shown[0][:4] == ["Automatic: patients, classes inside", "12", "2", "6"]
    assert layouts.table.chosen_rows()[0].layout == "auto"
    assert "patient0/ill/x.png: class ill, group patient0" in layouts.details.text()
    titles = [row[0] for row in shown]
    layouts.table.setFocus()
    for _ in range(titles.index("Classes")):
        qtbot.keyClick(layouts.table, Qt.Key.Key_Down)
    assert "12 images in 6 classes" in layouts.status.text()
    assert sheet.tabs.tabText(0) == "Folders (changed)"
    qtbot.mouseClick(layouts.reset_button, Qt.MouseButton.LeftButton)
    assert sheet.changes == {}
    for _ in range(titles.index("Classes")):
        qtbot.keyClick(layouts.table, Qt.Key.Key_Down)
    qtbot.mouseClick(sheet.accept_button, Qt.MouseButton.LeftButton)
    assert len(settle(page, qtbot).dataset.classes) == 6
    assert page.model.settings("data").layout == "classes"


# --- grey levels and pages ----------------------------------------------------------------------------------------


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Files of three 16-bit pages, of 12 bits, in two classes; each page is brighter."""
    for name in ("a", "b"):
        (tmp_path / "stacks" / name).mkdir(parents=True)
        for number in range(6):
            ramp = np.linspace(0, 1000, 256).reshape(16, 16)
            pages = [Image.fromarray((ramp * (page + 1) + number).astype(np.uint16)) for page in range(3)]
            pages[0].save(tmp_path / "stacks" / name / f"{number}.tif", save_all=True, append_images=pages[1:])
    return tmp_path / "stacks"


def brightness(label: object) -> float:
    image = label.pixmap().toImage()  # type: ignore[attr-defined]
    return sum(image.pixelColor(x, x).lightness() for x in range(image.width())) / image.width()


@pytest.mark.slow
def test_grey_levels_are_previewed_on_an_image_before_they_are_used(opened: Opened, stacks: Path, qtbot: QtBot) -> None:
    page = opened(stacks)
    sheet = sheet_of(page, qtbot)
    settle_part(sheet, LevelsTab, qtbot)
    (levels,) = (part for part in sheet.parts if isinstance(part, LevelsTab))
    assert levels.kinds.currentText() == "16-bit-tiff (12 files)"
    assert levels.rules.currentText() == "Range used by all files"
    assert (
        levels.status.text()
        == "Black is 0, white is 1023; 0.0 % of the values are outside (from 12 files; the scan uses all)."
    )
    assert not levels.low.isEnabled()
    assert brightness(levels.before) == pytest.approx(brightness(levels.after))
    choose(levels.rules, "A range of this file kind")
    levels.high.setValue(500)
    qtbot.waitUntil(lambda: not levels.is_busy)
    assert levels.status.text().startswith("Black is 0, white is 500; 50")
    assert brightness(levels.after) > brightness(levels.before) + 30
    assert levels.histogram.accessibleDescription() == "Values from 0 to 1005; black is 0, white is 500"
    levels.low.setValue(800)
    assert levels.status.text() == "Black must be below white; found 800 and 500."
    assert not sheet.accept_button.isEnabled()
    levels.low.setValue(100)
    qtbot.mouseClick(sheet.accept_button, Qt.MouseButton.LeftButton)
    assert page.model.settings("data").grey_levels == ("used", "16-bit-tiff=100:500")
    assert settle(page, qtbot).dataset.reading.range_of("16-bit-tiff") == (100.0, 500.0)


@pytest.mark.slow
def test_percentiles_and_the_reset(opened: Opened, stacks: Path, qtbot: QtBot) -> None:
    sheet = sheet_of(opened(stacks), qtbot)
    settle_part(sheet, LevelsTab, qtbot)
    (levels,) = (part for part in sheet.parts if isinstance(part, LevelsTab))
    choose(levels.rules, "Percentiles of the values")
    assert (levels.low.value(), levels.high.value(), levels.low.suffix()) == (0.1, 99.9, " %")
    levels.high.setValue(50)
    qtbot.waitUntil(lambda: not levels.is_busy)
    assert sheet.changes == {"grey_levels": ("percentiles:0.1:50",)}
    assert "white is 50" in levels.status.text()
    levels.high.setValue(200)
    assert levels.status.text() == "Black must be below white of 0 to 100 %; found 0.1 and 200."
    qtbot.mouseClick(levels.reset_button, Qt.MouseButton.LeftButton)
    assert sheet.changes == {}


@pytest.mark.slow
def test_pages_are_shown_and_one_is_read_by_enter(opened: Opened, stacks: Path, qtbot: QtBot) -> None:
    page = opened(stacks)
    sheet = sheet_of(page, qtbot)
    settle_part(sheet, PagesTab, qtbot)
    (pages,) = (part for part in sheet.parts if isinstance(part, PagesTab))
    assert pages.thumbnails.count() == 3
    assert pages.status.text() == "The file has 3 pages."
    first = brightness(pages.result)
    choose(pages.rules, "Mean of all pages")
    qtbot.waitUntil(lambda: not pages.is_busy)
    assert brightness(pages.result) > first
    choose(pages.rules, "The page with a number")
    pages.number.setValue(7)
    qtbot.waitUntil(lambda: not pages.is_busy)
    assert "page 7 was requested" in pages.status.text()
    pages.thumbnails.setFocus()
    pages.thumbnails.setCurrentRow(1)
    qtbot.keyClick(pages.thumbnails, Qt.Key.Key_Return)
    assert (pages.rules.currentText(), pages.number.value()) == ("The page with a number", 2)
    qtbot.waitUntil(lambda: not pages.is_busy)
    qtbot.mouseClick(sheet.accept_button, Qt.MouseButton.LeftButton)
    assert page.model.settings("data").pages == "2"
    settle(page, qtbot)


def test_images_of_8_bits_and_one_page_leave_nothing_to_choose(opened: Opened, table: Path, qtbot: QtBot) -> None:
    sheet = sheet_of(opened(table), qtbot)
    sheet.tabs.setCurrentIndex(1)
    assert "All files have 8 bits" in _texts(sheet.parts[1])
    sheet.tabs.setCurrentIndex(2)
    assert "No file has several pages" in _texts(sheet.parts[2])
    assert sheet.changes == {}


def _texts(part: object) -> str:
    from PySide6.QtWidgets import QLabel

    return " ".join(label.text() for label in part.findChildren(QLabel))  # type: ignore[attr-defined]


# --- what holds of all --------------------------------------------------------------------------------------------


def test_the_wheel_changes_no_control_without_the_focus(opened: Opened, table: Path, qtbot: QtBot) -> None:
    sheet = sheet_of(opened(table), qtbot)
    sheet.tabs.setFocus()
    (columns,) = (part for part in sheet.parts if isinstance(part, ColumnsTab))
    for combo in columns.combos:
        before = combo.currentIndex()
        turn = QWheelEvent(
            QPointF(5, 5), combo.mapToGlobal(QPointF(5, 5)), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(combo, turn)
        assert combo.currentIndex() == before
        assert combo.accessibleName()
        assert combo.toolTip()
    assert sheet.changes == {}


@pytest.mark.slow
def test_the_sheet_fits_the_smallest_window(opened: Opened, table: Path, stacks: Path, qtbot: QtBot) -> None:
    for path in (table, stacks):
        page = opened(path)
        sheet = sheet_of(page, qtbot)
        for part in sheet.parts:
            settle_part(sheet, type(part), qtbot)
        assert sheet.width() <= 896
        assert sheet.height() <= 600
        assert sheet.minimumSizeHint().height() <= 600
        sheet.reject()


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two series of CT slices with a window of their own each."""
    for number in range(2):
        for at in range(4):
            values = np.random.default_rng([number, at]).integers(0, 2000, (24, 24)).astype(np.uint16)
            file = tmp_path / "scans" / "ab"[number] / "series" / f"IM{at:04d}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(
                dicom_bytes(
                    values, bits=12, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40 - 100 * number,
                    WindowWidth=400, PatientID=f"P{number}",
                )
            )  # fmt: skip
    return tmp_path / "scans"


@pytest.mark.slow
def test_windows_of_dicom_images_are_shown_and_changed(opened: Opened, scans: Path, qtbot: QtBot) -> None:
    page = opened(scans)
    assert {image.group for image in settle(page, qtbot).dataset.images} == {"patient-001", "patient-002"}
    sheet = sheet_of(page, qtbot)
    settle_part(sheet, LevelsTab, qtbot)
    (levels,) = (part for part in sheet.parts if isinstance(part, LevelsTab))
    assert levels.kinds.currentText() == "ct-dicom (8 files)"
    assert levels.windows.currentText() == "Windows in the files"
    assert levels.status.text() == (
        "Each file is converted by its own window; that of the file shown is 40:400 (centre and width, black -160 and "
        "white 240)."
    )
    assert not levels.centre.isEnabled()
    assert (levels.low.value(), levels.high.value(), levels.low.isEnabled()) == (-160.0, 240.0, False)
    choose(levels.windows, "One window for all")
    levels.centre.setValue(-1000)
    qtbot.waitUntil(lambda: not levels.is_busy)
    assert levels.status.text().startswith("Black is -1200, white is -800; ")
    assert brightness(levels.after) > brightness(levels.before) + 30
    levels.width_box.setValue(0)
    assert levels.status.text() == "The width of the window must be above 0; found 0."
    assert not sheet.accept_button.isEnabled()
    levels.width_box.setValue(300)
    qtbot.mouseClick(sheet.accept_button, Qt.MouseButton.LeftButton)
    assert page.model.settings("data").window == "-1000:300"
    summary = settle(page, qtbot)
    assert {image.stored.window for image in summary.dataset.images if image.stored} == {"-1000:300"}


def test_groups_of_headers_are_chosen_on_the_page(opened: Opened, scans: Path, qtbot: QtBot) -> None:
    page = opened(scans)
    groups = page.header_groups.widget
    assert isinstance(groups, QComboBox)
    choose(groups, "None")
    assert page.model.settings("data").header_groups == "none"
    assert {image.group for image in settle(page, qtbot).dataset.images} == {""}


def test_windows_are_not_offered_without_dicom(opened: Opened, stacks: Path, qtbot: QtBot) -> None:
    sheet = sheet_of(opened(stacks), qtbot)
    settle_part(sheet, LevelsTab, qtbot)
    (levels,) = (part for part in sheet.parts if isinstance(part, LevelsTab))
    assert levels.windows.isHidden()
    assert levels.centre.isHidden()
