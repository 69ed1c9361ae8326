"""Another project in the same window, by every way there is: nothing of the one before is seen, nothing exported."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from coreset_studio.core.project import STAGES, Recovery, read_project
from coreset_studio.core.service.feature_requests import ComputeFeatures
from coreset_studio.desktop_app import project_files
from coreset_studio.desktop_app.logs import Log
from coreset_studio.desktop_app.main_window import MainWindow
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.pages import compare as compare_page
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.project_model import ProjectModel
from coreset_studio.desktop_app.recovery import Autosave

pytestmark = pytest.mark.slow

CLASSES = ("amber", "azure", "ashen")
LONG = 60_000
Texts = Callable[[QWidget], set[str]]


@pytest.fixture(scope="module")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where finished trainings are kept, so that none is done twice."""
    return tmp_path_factory.mktemp("runs")


def make_window(context: PageContext, place: Path, qtbot: QtBot) -> MainWindow:
    context.preferences.cache_folder = place / "cache"
    autosave = Autosave(context.model, context.preferences, context.messages, place / "recovery")
    window = MainWindow(context, autosave, Log())
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    return window


@pytest.fixture
def window(
    page_context: PageContext,
    first_lot: Any,
    finished_runs: Path,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MainWindow]:
    """The window with every step of the first project run, an export written, and the export sheet open again."""
    monkeypatch.setattr(compare_page, "SETTLE_MS", 1)
    monkeypatch.setenv("CORESET_CACHE", str(first_lot.study.cache_folder))
    monkeypatch.setenv("CORESET_DATA", str(finished_runs))
    window = make_window(page_context, tmp_path, qtbot)
    window.files.open_path(first_lot.study.source)
    qtbot.waitUntil(lambda: done(window, "dataset"))
    for section in ("features", "clusters", "selection", "comparison"):
        page_context.model.put_settings(section, getattr(first_lot.study.settings, section))
    for stage in ("features", "clusters", "coreset", "compare"):
        window.go_to_stage(stage)
        page: Any = window.page(stage)
        qtbot.waitUntil(lambda: not page.job_numbers(), timeout=LONG)  # noqa: B023
        if stage == "coreset":
            qtbot.waitUntil(lambda: page.content.covered.text().startswith("The least covered image"), timeout=LONG)  # noqa: B023
            page.content.sizes.button.click()
        window.menus.actions["run"].trigger()
        if stage == "coreset":
            page.exporting.sheet.folder.setText(str(tmp_path / "export"))
            page.exporting.sheet.accept_button.click()
        qtbot.waitUntil(lambda: done(window, stage) and not page.job_numbers(), timeout=LONG)  # noqa: B023
    window.go_to_stage("coreset")
    window.page("coreset").run_button.click()
    page_context.messages.info("amber cell: this was said of the first project.")
    page_context.messages.warning("ashen cell: this was warned of.")
    yield window
    page_context.service.drop_all()
    shared_store().stop()
    window.files.may_close.emit()


def done(window: MainWindow, stage: str) -> bool:
    return window.frame.steps.step_state(list(STAGES).index(stage)) == "done"


def leave(window: MainWindow) -> None:
    """Answer what is asked about steps that run and work that is not saved."""
    while (question := window.files.question) is not None and question.isVisible():
        stops = any(button.text() == "Stop" for button in question.buttons())
        question.choose("stop" if stops else "drop")


def open_folder(window: MainWindow, lot: Any, place: Path) -> None:
    window.files.open_path(lot.study.source)
    leave(window)


def open_file(window: MainWindow, lot: Any, place: Path) -> None:
    window.files.open_path(lot.file)
    leave(window)


def open_recent(window: MainWindow, lot: Any, place: Path) -> None:
    window.context.preferences.remember(lot.file)
    window.menus.recent.actions()[0].trigger()
    QApplication.processEvents()
    leave(window)


def drop_folder(window: MainWindow, lot: Any, place: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(os.fspath(lot.study.source))])
    buttons, keys, copy = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    for dialog in window.findChildren(QDialog):
        dialog.close()  # nothing can be dropped on a window behind a sheet
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(50, 50), copy, data, buttons, keys))
    QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), copy, data, buttons, keys))
    QApplication.processEvents()
    leave(window)


def recover(window: MainWindow, lot: Any, place: Path) -> None:
    window.files.recover(Recovery(read_project(lot.file), None))


def open_demo(window: MainWindow, lot: Any, place: Path) -> None:
    window.menus.actions["demo"].trigger()
    leave(window)


def unreadable_file(lot: Any, place: Path) -> Path:
    model = ProjectModel()
    model.open(lot.file)
    model.locate(place / "gone")
    model.save(place / "unreadable.coreset")
    return place / "unreadable.coreset"


def open_unreadable(window: MainWindow, lot: Any, place: Path) -> None:
    window.files.open_path(unreadable_file(lot, place))
    leave(window)


def close(window: MainWindow, lot: Any, place: Path) -> None:
    window.menus.actions["new"].trigger()
    leave(window)


def close_and_open(window: MainWindow, lot: Any, place: Path) -> None:
    close(window, lot, place)
    open_file(window, lot, place)


WAYS = {
    "folder": open_folder,
    "file": open_file,
    "recent": open_recent,
    "drop": drop_folder,
    "recovery": recover,
    "demo": open_demo,
    "unreadable": open_unreadable,
    "closed": close,
    "closed, then file": close_and_open,
}


def assert_nothing_of_first(window: MainWindow, texts_of: Texts) -> None:
    said = {text for part in (window.frame, window.menus.title) for text in texts_of(part)} | {window.windowTitle()}
    left = {text for text in said if any(name in text for name in (*CLASSES, "first lot"))}
    assert not left
    assert not [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]


def assert_nothing_to_export(window: MainWindow) -> None:
    page: Any = window.page("coreset")
    assert not page.run_button.isEnabled()
    if window.frame.host.current_page is page:
        assert not window.menus.actions["run"].isEnabled()
    window.frame.host.run()
    page.try_run()
    assert page.exporting.sheet is None


QUICK = ("folder", "closed, then file")
"""Ways that are tried in `make test`: each has every step of a project run before it."""


@pytest.mark.parametrize("way", [way if way in QUICK else pytest.param(way, marks=pytest.mark.slow) for way in WAYS])
def test_nothing_of_the_project_before_is_seen_or_exported(
    window: MainWindow,
    way: str,
    second_lot: Any,
    texts_of: Texts,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CORESET_CACHE", str(second_lot.study.cache_folder))
    monkeypatch.setattr(project_files, "demo_folder", lambda: second_lot.study.source)
    (second_lot.study.source / project_files.DEMO_LAST_FILE).touch()
    model, service = window.context.model, window.context.service
    assert {text for text in texts_of(window.frame) if "amber cell" in text}
    WAYS[way](window, second_lot, tmp_path)
    assert_nothing_of_first(window, texts_of)
    assert not model.undo_stack.canUndo()
    assert not window.page("coreset").run_button.isEnabled()
    assert not window.frame.job_bar.action.isVisible()
    qtbot.waitUntil(lambda: not service.running(), timeout=LONG)
    assert_nothing_of_first(window, texts_of)
    if way == "closed":
        assert_nothing_to_export(window)
        return
    for stage in STAGES:
        window.go_to_stage(stage)
        if stage == "coreset" and not (model.facts("clusters") and model.value("dataset")):
            assert_nothing_to_export(window)
        qtbot.wait(20)
        qtbot.waitUntil(lambda: not service.running(), timeout=LONG)
        assert_nothing_of_first(window, texts_of)
    name = {"file": "second lot", "recent": "second lot", "unreadable": "unreadable"}.get(way, "second lot")
    assert window.windowTitle() == f"{name}[*] – Coreset Studio"


def test_a_project_whose_images_are_gone_warns_and_raises_no_error(
    window: MainWindow, second_lot: Any, tmp_path: Path, qtbot: QtBot
) -> None:
    open_unreadable(window, second_lot, tmp_path)
    for stage in STAGES:
        window.go_to_stage(stage)
        qtbot.wait(5)
        empty = window.page(stage).empty
        assert empty.isVisible()
        assert "images were not found" in empty.accessibleName()
    qtbot.waitUntil(lambda: not window.context.service.running(), timeout=LONG)
    assert "was not found" in window.frame.strip.text
    assert window.context.messages.sentences("error") == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", ["folder", pytest.param("closed", marks=pytest.mark.slow)])
def test_a_running_step_is_not_heard_of_in_the_next_project(
    window: MainWindow, way: str, second_lot: Any, texts_of: Texts, qtbot: QtBot, tmp_path: Path
) -> None:
    window.go_to_stage("features")
    page: Any = window.page("features")
    number = page.ask(ComputeFeatures(page.study()), page._keep_features, as_step=True)
    WAYS[way](window, second_lot, tmp_path)
    service, bar = window.context.service, window.frame.job_bar
    service.progressed.emit(number, 1, 3, "Extracting: amber cells", 4.0)
    service._on_progressed(number, 1, 3, "Extracting: amber cells", 4.0)
    service.selection.progressed.emit(0, 1, 3, "Reading: amber cells", 4.0)
    service.selection.ready.emit()
    service.failed.emit(number, "The amber cells are gone.", "")
    service.ended.emit(number, "features")
    assert_nothing_of_first(window, texts_of)
    qtbot.waitUntil(lambda: not service.running(), timeout=LONG)
    assert "Cancelled" not in bar.text.text()
    assert not bar.is_running
    assert window.context.model.state("features") == "ready"


def test_the_images_of_a_project_that_is_opened_are_looked_at_by_the_page_that_is_shown(
    window: MainWindow, second_lot: Any, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page that is shown asks for at once, as the Features page does, is not stopped with the old jobs."""
    monkeypatch.setenv("CORESET_CACHE", str(second_lot.study.cache_folder))
    model = ProjectModel()
    model.open(second_lot.file)
    model.set_choices(stage="features")
    model.save(tmp_path / "at features.coreset")
    window.go_to_stage("features")
    window.files.open_path(tmp_path / "at features.coreset")
    leave(window)
    qtbot.waitUntil(lambda: not window.context.service.running(), timeout=LONG)
    page: Any = window.page("features")
    assert page.extractors.row("colour-texture").isChecked()
    assert page.cost.text() != ""
