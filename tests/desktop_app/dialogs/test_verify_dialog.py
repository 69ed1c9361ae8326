"""Verifying an export from the window, as a user does."""

import csv
import os
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from coreset_studio.core.errors import CancelledError
from coreset_studio.core.pipeline.exporting import export
from coreset_studio.core.pipeline.stages import choose, prepare
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import VerifyResult
from coreset_studio.core.service.coreset_requests import VerifyExport
from coreset_studio.desktop_app.dialogs.helpers import Helpers
from coreset_studio.desktop_app.dialogs.verify_dialog import VerifyDialog
from coreset_studio.desktop_app.pages.page import PageContext
from tests.desktop_app.conftest import Lot


@pytest.fixture
def exported(first_lot: Lot, tmp_path: Path) -> Path:
    """An export of a coreset."""
    prepared = prepare(first_lot.study)
    coreset = choose(prepared, first_lot.study.settings.selection)
    return export(prepared, coreset, tmp_path / "my export").folder


def opened(context: PageContext, folder: Path, qtbot: QtBot) -> VerifyDialog:
    dialog = VerifyDialog(context.service, folder)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def damage(folder: Path) -> dict[str, str]:
    """Change, remove and add a file each, and return what is to be found."""
    changed, gone, *_ = sorted(folder.rglob("*.png"))
    changed.write_bytes(changed.read_bytes() + b"x")
    gone.unlink()
    (folder / "notes.txt").write_text("mine")
    return {
        changed.relative_to(folder).as_posix(): "changed",
        gone.relative_to(folder).as_posix(): "missing",
        "notes.txt": "not part of the export",
    }


def test_an_export_as_it_was_written(page_context: PageContext, exported: Path, qtbot: QtBot) -> None:
    dialog = opened(page_context, exported, qtbot)
    assert dialog.busy.isVisible()
    assert not dialog.again.isEnabled()
    qtbot.waitUntil(lambda: bool(dialog.strip.text))
    n_images = len(list(exported.rglob("*.png")))
    assert dialog.strip.kind == "good"
    assert dialog.strip.text.endswith(f" files are as they were written, {n_images} of them images.")
    assert not dialog.busy.isVisible()
    assert not dialog.table.isVisible()
    assert not dialog.copy.isVisible()


def test_differences_are_listed_copied_and_saved(
    page_context: PageContext, exported: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    expected = damage(exported)
    dialog = opened(page_context, exported, qtbot)
    qtbot.waitUntil(dialog.table.isVisible)
    assert dialog.strip.kind == "bad"
    assert dialog.strip.text.endswith("1 differ, 1 missing, 1 not part of the export.")
    assert dict(dialog.table.rows_model.rows) == expected
    qtbot.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
    lines = QGuiApplication.clipboard().text().split("\n")
    assert lines == ["File\tDifference", *(f"{name}\t{what}" for name, what in expected.items())]
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    (asked,) = (each for each in dialog.findChildren(QFileDialog) if each.isVisible())
    asked.fileSelected.emit(str(tmp_path / "differences.csv"))
    asked.close()
    with (tmp_path / "differences.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["File", "Difference"], *map(list, expected.items())]
    assert dialog.strip.text == f"The list of 3 files was saved to {tmp_path / 'differences.csv'}."
    dialog.save_to(str(tmp_path / "gone" / "differences.csv"))
    assert dialog.strip.kind == "bad"


def test_verifying_again_sees_what_was_put_right(page_context: PageContext, exported: Path, qtbot: QtBot) -> None:
    (exported / "notes.txt").write_text("mine")
    dialog = opened(page_context, exported, qtbot)
    qtbot.waitUntil(dialog.table.isVisible)
    (exported / "notes.txt").unlink()
    qtbot.mouseClick(dialog.again, Qt.MouseButton.LeftButton)
    assert not dialog.table.isVisible()
    qtbot.waitUntil(lambda: dialog.strip.kind == "good" and bool(dialog.strip.text))


@pytest.mark.parametrize("what", ["a folder of something else", "a manifest cut short", "no folder"])
def test_what_is_no_export_is_said_in_a_sentence(
    what: str, page_context: PageContext, exported: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = exported
    if what == "a manifest cut short":
        content = (exported / "coreset.json").read_bytes()
        (exported / "coreset.json").write_bytes(content[: len(content) // 2])
    elif what == "no folder":
        folder = tmp_path / "gone"
    else:
        folder = tmp_path
    dialog = opened(page_context, folder, qtbot)
    qtbot.waitUntil(lambda: dialog.strip.kind == "bad" and bool(dialog.strip.text))
    words = {
        "a folder of something else": f"{tmp_path} is not an export: it contains no coreset.json. ",
        "a manifest cut short": f"{exported / 'coreset.json'} is not valid JSON ",
        "no folder": f"{folder} cannot be read (No such file or directory). ",
    }
    assert dialog.strip.text.startswith(words[what])
    assert dialog.again.isEnabled()
    assert not dialog.busy.isVisible()


def test_it_is_cancelled_by_the_button_and_by_closing(
    page_context: PageContext, exported: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = opened(page_context, exported, qtbot)
    qtbot.mouseClick(dialog.busy.cancel, Qt.MouseButton.LeftButton)
    assert dialog.strip.text == "Cancelled. The export was not verified."
    assert not dialog.busy.isVisible()

    def stop(request: VerifyExport, progress: Progress) -> VerifyResult:
        raise CancelledError

    monkeypatch.setattr(VerifyExport, "run", stop)
    dialog.again.click()
    dialog.close()
    assert page_context.service.running() == ()


def test_the_menu_lets_a_folder_be_chosen(page_context: PageContext, exported: Path, qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    helpers = Helpers(page_context.preferences, page_context.service, page_context.messages, window)
    helpers.choose_export()
    (asked,) = window.findChildren(QFileDialog)
    assert asked.fileMode() == QFileDialog.FileMode.Directory
    asked.fileSelected.emit(os.fspath(exported))
    asked.close()
    (dialog,) = window.findChildren(VerifyDialog)
    qtbot.waitUntil(lambda: dialog.strip.kind == "good")
    dialog.close()


@pytest.mark.slow
def test_a_real_process_tells_how_far_it_is(process_context: PageContext, exported: Path, qtbot: QtBot) -> None:
    dialog = opened(process_context, exported, qtbot)
    n_files = len(list(exported.rglob("*.png"))) + 1
    qtbot.waitUntil(lambda: dialog.busy.doing.text().endswith(f"of {n_files} files"), timeout=20_000)
    qtbot.waitUntil(lambda: bool(dialog.strip.text), timeout=20_000)
    assert dialog.strip.kind == "good"
