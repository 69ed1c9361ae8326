"""The sheet that asks how a coreset is written: what it offers comes from the registry."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from coreset_studio.core.results import ExportResult
from coreset_studio.core.settings import ExportSettings
from coreset_studio.desktop_app.pages.coreset_export import ExportSheet, export_words


def make_sheet(qtbot: QtBot, settings: ExportSettings, folder: Path) -> ExportSheet:
    sheet = ExportSheet(settings, folder / "new", 12)
    qtbot.addWidget(sheet)
    return sheet


def offered(sheet: ExportSheet) -> list[tuple[str, str]]:
    return [(sheet.files.itemData(row), sheet.files.itemText(row)) for row in range(sheet.files.count())]


def test_the_formats_are_offered_in_their_order_with_their_tips(qtbot: QtBot, tmp_path: Path) -> None:
    sheet = make_sheet(qtbot, ExportSettings(files="symlink"), tmp_path)
    assert offered(sheet)[:4] == [
        ("copy", "Copy the files"), ("hardlink", "Hard links"), ("symlink", "Symbolic links"), ("list", "Lists only"),
    ]  # fmt: skip
    assert sheet.files.currentData() == "symlink"
    assert sheet.files.itemData(0, Qt.ItemDataRole.ToolTipRole) == "Copies every image, byte for byte"


def test_a_format_of_a_plugin_can_be_chosen(qtbot: QtBot, tmp_path: Path, install_plugin_module: Any) -> None:
    install_plugin_module("export format", "tarred")
    sheet = make_sheet(qtbot, ExportSettings(), tmp_path)
    assert ("tarred", "Tar archives") in offered(sheet)[4:]
    sheet.files.setCurrentIndex(sheet.files.findData("tarred"))
    with qtbot.waitSignal(sheet.chosen) as chosen:
        sheet.accept_button.click()
    folder, settings, overwrite = chosen.args
    assert (folder, settings.files, overwrite) == (tmp_path / "new", "tarred", False)


def test_the_quotes_that_explorer_copies_are_no_part_of_the_folder(qtbot: QtBot, tmp_path: Path) -> None:
    sheet = make_sheet(qtbot, ExportSettings(), tmp_path)
    sheet.folder.setText(f' "{tmp_path / "pasted"}" ')
    assert sheet.accept_button.isEnabled(), sheet.accept_button.toolTip()
    with qtbot.waitSignal(sheet.chosen) as chosen:
        sheet.accept_button.click()
    assert chosen.args[0] == tmp_path / "pasted"
    sheet.folder.setText(" ")
    assert sheet.accept_button.toolTip() == "Choose a folder."


def test_a_format_that_is_not_installed_has_to_be_replaced(qtbot: QtBot, tmp_path: Path) -> None:
    sheet = make_sheet(qtbot, ExportSettings(files="tarred"), tmp_path)  # type: ignore[arg-type]
    assert not sheet.accept_button.isEnabled()
    assert "no export format named 'tarred'" in sheet.accept_button.toolTip()
    sheet.files.setCurrentIndex(0)
    assert sheet.accept_button.isEnabled()


def test_probabilities_and_weights_are_asked_for_by_a_box(qtbot: QtBot, tmp_path: Path) -> None:
    sheet = make_sheet(qtbot, ExportSettings(), tmp_path)
    box = sheet.controls["export.probabilities_and_weights"].widget
    assert isinstance(box, QCheckBox)
    assert not box.isChecked()
    box.setChecked(True)
    with qtbot.waitSignal(sheet.chosen) as chosen:
        sheet.accept_button.click()
    assert chosen.args[1].probabilities_and_weights


@pytest.mark.parametrize(("name", "refused"), [("copy", False), ("hardlink", True), ("symlink", True), ("list", False)])
def test_private_and_links_do_not_go_together(qtbot: QtBot, tmp_path: Path, name: str, refused: bool) -> None:
    sheet = make_sheet(qtbot, ExportSettings(files=name, private=True), tmp_path)  # type: ignore[arg-type]
    assert sheet.accept_button.isEnabled() != refused
    said, _, others = sheet.accept_button.toolTip().partition(" Use Copy the files")
    assert ("cannot consist of links" in said) == ("Lists only" in others) == refused


@pytest.mark.parametrize(
    ("name", "words"),
    [("copy", "3 images, 2.0 kB, written to"), ("list", "The lists written to"), ("gone", "3 images")],
)
def test_the_words_of_what_came_out(name: str, words: str) -> None:
    assert export_words(ExportResult(Path("/x"), 3, 2000, name, {}, ("A note.",))).startswith(words)
