"""Do everything: from a folder to the answer, as one click."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from coreset_studio.core.project import STAGES
from coreset_studio.core.settings import ComparisonSettings, TrainingSettings
from coreset_studio.desktop_app.dialogs.everything_sheet import EverythingSheet
from coreset_studio.desktop_app.logs import Log
from coreset_studio.desktop_app.main_window import MainWindow
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.pages import compare as compare_page
from coreset_studio.desktop_app.pages import coreset_sizing
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.recovery import Autosave

LONG = 120_000


@pytest.fixture
def window(
    page_context: PageContext, first_lot: Any, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    """The window on a machine without weights, where trainings take seconds."""
    monkeypatch.setattr(compare_page, "SETTLE_MS", 1)
    monkeypatch.setenv("CORESET_CACHE", str(first_lot.study.cache_folder))
    monkeypatch.setenv("CORESET_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: (tmp_path / "no weights",))
    page_context.preferences.cache_folder = first_lot.study.cache_folder
    autosave = Autosave(page_context.model, page_context.preferences, page_context.messages, tmp_path / "recovery")
    window = MainWindow(page_context, autosave, Log())
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    page_context.service.drop_all()
    shared_store().stop()
    window.files.may_close.emit()


def ask_for_little(window: MainWindow) -> None:
    """Have trainings of a second."""
    model = window.context.model
    model.put_settings("training", TrainingSettings(image_size=32, epochs=1, min_steps=2))
    model.put_settings("comparison", ComparisonSettings(networks=("head",), controls=False))


def agree(window: MainWindow, qtbot: QtBot, *, quick: bool = False) -> EverythingSheet:
    """Read what there is to do, and press Start."""
    qtbot.waitUntil(lambda: window.findChild(EverythingSheet) is not None, timeout=LONG)
    sheet = window.findChild(EverythingSheet)
    assert sheet is not None
    if quick:
        sheet.probe.click()
    sheet.accept_button.click()
    return sheet


def words_of(sheet: EverythingSheet) -> str:
    return " | ".join(label.text() for label in sheet.findChildren(QLabel))


@pytest.mark.slow
def test_everything_is_done_to_the_answer(window: MainWindow, first_lot: Any, qtbot: QtBot) -> None:
    model = window.context.model
    window.files.open_path(first_lot.study.source)
    ask_for_little(window)
    window.menus.actions["run_all"].trigger()
    assert not window.menus.actions["run_all"].isEnabled()
    agree(window, qtbot)
    qtbot.waitUntil(lambda: not window.run_all.is_running, timeout=LONG)
    assert [model.state(stage) for stage in STAGES] == ["done"] * len(STAGES)
    assert window.frame.host.current_page is window.page("compare")
    page: Any = window.page("compare")
    assert "against" in page.content.answer.text()
    assert "for the whole pool" in page.content.answer.text()
    assert model.settings("features").extractors == ("colour-texture",)  # the only recommended one that can work here
    assert model.settings("selection").sampler == "even-herding"
    assert model.settings("comparison").samplers == ("random", "even-herding")
    assert window.menus.actions["run_all"].isEnabled()


@pytest.mark.slow
def test_the_size_for_the_margin_is_reported_after_all_steps(
    window: MainWindow, first_lot: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coreset_sizing, "LEAST_TO_SIZE", 20)
    said: list[str] = []
    monkeypatch.setattr(window.context.messages, "info", said.append)
    window.files.open_path(first_lot.study.source)
    ask_for_little(window)
    window.run_all.start()
    agree(window, qtbot)
    page: Any = window.page("coreset")
    qtbot.waitUntil(lambda: page.content.sizes.answer is not None, timeout=60_000)
    assert not window.run_all.is_running
    assert f"Loss of at most 2 points: {page.content.sizes.answer.sentence}" in said
    assert window.context.model.settings("selection").images is None, "it is told, and not used"


@pytest.mark.slow
def test_what_fits_this_machine_is_stored_as_chosen(
    window: MainWindow, first_lot: Any, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file means the same where other weights are: nothing is left to the machine that opens it."""
    model = window.context.model
    window.files.open_path(first_lot.study.source)
    ask_for_little(window)
    model.put_settings("comparison", ComparisonSettings(controls=False))
    window.run_all.start()
    qtbot.waitUntil(lambda: window.findChild(EverythingSheet) is not None, timeout=LONG)
    model.save(tmp_path / "study.coreset")
    stored = json.loads((tmp_path / "study.coreset").read_text(encoding="utf-8"))["settings"]
    assert stored["features"]["extractors"] == ["colour-texture"]
    assert stored["comparison"]["networks"] == ["custom"]
    assert stored["comparison"]["samplers"] == ["random", "even-herding"]
    settings = model.project.settings
    window.run_all.stop()
    model.start(tmp_path)
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: (tmp_path / "other weights",))
    model.open(tmp_path / "study.coreset")
    assert model.project.settings == settings


@pytest.mark.slow
def test_what_it_takes_is_said_before_it_starts(window: MainWindow, first_lot: Any, qtbot: QtBot) -> None:
    model = window.context.model
    window.files.open_path(first_lot.study.source)
    model.put_settings("training", TrainingSettings(image_size=32, epochs=1, min_steps=2))
    window.run_all.start()
    qtbot.waitUntil(lambda: window.findChild(EverythingSheet) is not None, timeout=LONG)
    sheet = window.findChild(EverythingSheet)
    assert sheet is not None
    words = words_of(sheet)
    assert "Colour and texture" in words
    assert "Even herding" in words
    assert sheet.train.text() == "Train the networks: 15 trainings of the custom network"  # what works without weights
    whole = sheet.whole.text()
    assert whole.startswith("About ")
    sheet.probe.click()
    assert sheet.whole.text() != whole
    assert model.state("features") != "done"
    sheet.reject()
    assert not window.run_all.is_running
    assert model.state("features") != "done"


@pytest.mark.slow
def test_the_linear_probe_can_answer(window: MainWindow, first_lot: Any, qtbot: QtBot) -> None:
    model = window.context.model
    window.files.open_path(first_lot.study.source)
    window.run_all.start()
    agree(window, qtbot, quick=True)
    qtbot.waitUntil(lambda: not window.run_all.is_running, timeout=LONG)
    assert model.settings("comparison").networks == ("head",)
    assert model.state("compare") == "done"


def test_it_begins_with_a_folder_on_the_start_page(
    window: MainWindow, first_lot: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []
    monkeypatch.setattr(window.run_all, "start", lambda: started.append(True))
    start = window.frame.host.start_page
    start.everything.click()
    (dialog,) = (each for each in window.findChildren(QFileDialog) if each.isVisible())
    dialog.reject()
    window.files.open_path(first_lot.study.source)
    assert started == []  # the folder was not chosen for that
    window.context.service.drop_all()
    window.context.model.close()
    start.everything.click()
    dialog = next(each for each in window.findChildren(QFileDialog) if each.isVisible())
    dialog.fileSelected.emit(str(first_lot.study.source))
    assert started == [True]


@pytest.mark.slow
def test_cancel_stops_it(window: MainWindow, first_lot: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window.files.open_path(first_lot.study.source)
    qtbot.waitUntil(lambda: window.context.model.state("dataset") == "done", timeout=LONG)
    page = window.page("features")
    ran: list[bool] = []
    monkeypatch.setattr(page, "run", lambda: ran.append(True))  # as a step that was cancelled: it brings nothing
    window.run_all.start()
    agree(window, qtbot)
    qtbot.waitUntil(lambda: not window.run_all.is_running, timeout=LONG)
    assert ran == [True]
    assert window.context.model.state("features") != "done"


def test_cancel_while_images_are_chosen_stops_it_too(window: MainWindow, first_lot: Any) -> None:
    window.files.open_path(first_lot.study.source)
    window.run_all.start()
    window.context.service.selection.progressed.emit(7, 1, 4, "Choosing: classes", None)
    window.frame.job_bar.cancel.click()
    assert not window.run_all.is_running


@pytest.mark.slow
def test_a_step_that_cannot_run_is_said(
    window: MainWindow, first_lot: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.files.open_path(first_lot.study.source)
    qtbot.waitUntil(lambda: window.context.model.state("dataset") == "done", timeout=LONG)
    monkeypatch.setattr(window.page("features"), "why_not", lambda: "The weights are not here.")
    window.run_all.start()
    qtbot.waitUntil(lambda: not window.run_all.is_running, timeout=LONG)
    said = window.context.messages.sentences("warning")  # type: ignore[attr-defined]
    assert said == ["Running all steps stopped at Features. The weights are not here."]


def test_another_project_ends_it(window: MainWindow, first_lot: Any, second_lot: Any, qtbot: QtBot) -> None:
    window.files.open_path(first_lot.study.source)
    window.run_all.start()
    assert window.run_all.is_running
    window.context.model.start(second_lot.study.source)
    assert not window.run_all.is_running
