"""What can be opened, dropped and chosen is what the sources say."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QUrl
from pytestqt.qtbot import QtBot

from coreset_studio.desktop_app.pages.start import StartPage
from coreset_studio.desktop_app.project_files import dropped_path
from coreset_studio.desktop_app.settings import Preferences


def drop(file: Path) -> Path | None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    return dropped_path(data)


@pytest.mark.parametrize("name", ["x.csv", "x.NPZ", "x.coreset"])
def test_files_that_can_be_opened_can_be_dropped(name: str, tmp_path: Path) -> None:
    assert drop(tmp_path / name) == tmp_path / name
    assert drop(tmp_path) == tmp_path
    assert drop(tmp_path / "x.shelf") is None


def test_a_file_of_a_plugin_can_be_dropped_and_is_offered(
    tmp_path: Path, install_plugin_module: Any, preferences: Preferences, qtbot: QtBot
) -> None:
    install_plugin_module("source", "shelf")
    assert drop(tmp_path / "x.shelf") == tmp_path / "x.shelf"
    page = StartPage(preferences)
    qtbot.addWidget(page)
    assert page.table.text().startswith("Open CSV, .npz")
    assert "shelf" in page.table.text()
    assert "Shelf: Whole image files as text, a line each." in page.table.toolTip()
