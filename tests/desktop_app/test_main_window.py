"""The main window as a user meets it, with small pages whose jobs run at once in this process."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine_functions as engine
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QDragEnterEvent, QDropEvent, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QToolTip
from pytestqt.qtbot import QtBot

from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.project import STAGES, Project, StageResult, write_project
from coreset_studio.core.service.cache_requests import MeasureCache
from coreset_studio.core.service.comparison_requests import EstimateComparison, ReadComparison
from coreset_studio.core.service.coreset_requests import ExportCoreset
from coreset_studio.core.service.dataset_requests import DrawDemo
from coreset_studio.core.service.feature_requests import ComputeFeatures, DescribeExtractors
from coreset_studio.core.service.requests import AnyRequest
from coreset_studio.core.service.weights_requests import DownloadWeights, ImportWeights, ListWeights
from coreset_studio.desktop_app import actions, job_watch, notifications, window_frame
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.job_watch import progress_words
from coreset_studio.desktop_app.logs import Log
from coreset_studio.desktop_app.main_window import MainWindow
from coreset_studio.desktop_app.pages.page import Page, PageContext
from coreset_studio.desktop_app.recovery import Autosave
from coreset_studio.desktop_app.widgets.scatter import Scatter


class StepPage(Page):
    """A page that adds two numbers."""

    title = "A step"
    sentence = "What it is for."

    def build(self) -> None:
        self.request = engine.Call(engine.add, (1, 2))
        self.word = QLineEdit()
        self.add_option("Word", self.word)
        self.set_empty("The sum will stand here.", "Add", self.try_run)
        self.ran = 0

    def why_not(self) -> str:
        before = {"dataset": None, "features": "dataset"}.get(self.stage, "features")
        return "" if before is None or self.model.facts(before) is not None else f"Do {before} first."

    def run(self) -> None:
        self.ran += 1
        self.ask(self.request, self.take_sum, as_step=True)

    def take_sum(self, result: Any) -> None:
        self.keep(result, {"sum": result})
        stages = list(STAGES)
        after = stages[(stages.index(self.stage) + 1) % len(stages)]
        self.summary_reported.emit(f"the sum is {result}", after)


@dataclass(frozen=True)
class TestStep:
    __test__ = False
    stage: str

    @property
    def name(self) -> str:
        return self.stage.title()

    def make_page(self, context: PageContext) -> Page:
        kind = type(f"{self.stage.title()}Page", (StepPage,), {"stage": self.stage, "reads": (self.stage,)})
        made: Page = kind(context)
        return made


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "blood cells"
    (folder / "eosinophil").mkdir(parents=True)
    return folder


@pytest.fixture
def window(
    page_context: PageContext, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    monkeypatch.setattr(window_frame, "STEPS", tuple(TestStep(stage) for stage in STAGES))
    autosave = Autosave(page_context.model, page_context.preferences, page_context.messages, tmp_path / "recovery")
    window = MainWindow(page_context, autosave, Log())
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.files.may_close.emit()


@pytest.fixture
def opened(window: MainWindow, images: Path, qtbot: QtBot) -> MainWindow:
    window.files.open_path(images)
    qtbot.waitUntil(lambda: state(window, "dataset") == "done")
    return window


def state(window: MainWindow, stage: str) -> str:
    return window.frame.steps.step_state(list(STAGES).index(stage))


def press(window: MainWindow, name: str) -> None:
    action = window.menus.actions[name]
    assert action.isEnabled(), f"{name}: {action.toolTip()}"
    action.trigger()


def answer(window: MainWindow, word: str) -> None:
    question = window.files.question
    assert question is not None
    assert question.isVisible()
    question.choose(word)


def run_steps(window: MainWindow, *stages: str, qtbot: QtBot) -> None:
    for stage in stages:
        window.go_to_stage(stage)
        press(window, "run")
        qtbot.waitUntil(lambda stage=stage: state(window, stage) == "done")  # type: ignore[misc]


# --- the start ------------------------------------------------------------------------------------------------


def test_it_starts_on_the_start_page_with_the_steps_greyed(window: MainWindow) -> None:
    assert window.frame.host.currentWidget() is window.frame.host.start_page
    assert window.windowTitle() == "Coreset Studio"
    item = window.frame.steps.item(0)
    assert not item.flags() & Qt.ItemFlag.ItemIsEnabled
    assert item.toolTip() == "Open a folder of images first."
    for name in ("save", "save_as", "new", "locate", "run", "cancel"):
        action = window.menus.actions[name]
        assert not action.isEnabled()
        assert action.toolTip()


def test_opening_a_folder_scans_it_at_once(window: MainWindow, images: Path, qtbot: QtBot) -> None:
    window.files.open_path(images)
    assert window.frame.host.current_page is window.page("dataset")
    assert state(window, "dataset") == "running"
    qtbot.waitUntil(lambda: state(window, "dataset") == "done")
    assert window.menus.title.text() == "blood cells · unsaved"
    assert window.windowTitle() == "blood cells[*] – Coreset Studio"
    assert window.isWindowModified()
    assert window.frame.job_bar.text.text().startswith("Dataset: the sum is 3 · ")
    assert window.frame.job_bar.action.text() == "Continue to Features"


@pytest.mark.slow
def test_the_end_of_a_long_step_is_notified_while_another_program_is_in_use(
    window: MainWindow, images: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(notifications, "is_in_use", lambda: False)
    with qtbot.waitSignal(window.notifications.notified) as notified:
        window.files.open_path(images)
    assert notified.args is not None
    title, text = notified.args
    assert title == "Finished"
    assert text.startswith("Dataset: the sum is 3 · ")


def test_the_job_bar_leads_to_the_next_step(opened: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(opened.frame.job_bar.action, Qt.MouseButton.LeftButton)
    assert opened.frame.host.current_page is opened.page("features")
    assert opened.frame.steps.currentRow() == 1


def drop(window: MainWindow, *paths: Path) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(os.fspath(path)) for path in paths])
    buttons, keys, copy = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(50, 50), copy, data, buttons, keys)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), copy, data, buttons, keys))
    return enter.isAccepted()


def test_a_folder_can_be_dropped(window: MainWindow, images: Path, qtbot: QtBot) -> None:
    assert drop(window, images)
    qtbot.waitUntil(lambda: state(window, "dataset") == "done")
    assert window.context.model.project.source == images


def test_what_cannot_be_opened_is_not_taken(window: MainWindow, images: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.docx").touch()
    assert not drop(window, tmp_path / "notes.docx")
    assert not drop(window, images, tmp_path)
    window.files.open_path(tmp_path / "notes.docx")
    assert "notes.docx cannot be opened" in window.frame.strip.text


def test_a_missing_folder_is_a_warning_and_can_be_located(
    window: MainWindow, images: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    project = Project(source=tmp_path / "gone")
    project = project.with_result("dataset", StageResult(project.key("dataset"), {"sum": 3}))
    write_project(project, tmp_path / "study.coreset")
    window.files.open_path(tmp_path / "study.coreset")
    assert "was not found" in window.frame.strip.text
    assert state(window, "dataset") == "done"
    window.files._on_located(os.fspath(images))
    qtbot.waitUntil(lambda: window.context.model.value("dataset") == 3)
    assert window.frame.strip.text == ""
    assert window.context.model.project.source == images


def test_images_that_go_while_a_step_runs_are_said_once_where_it_can_be_mended(
    window: MainWindow, images: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window.files.open_path(images)
    qtbot.waitUntil(lambda: state(window, "dataset") == "done")
    images.rename(tmp_path / "moved")
    window.context.messages.error("The folder cannot be read.", "details")
    assert window.helpers.errors == []
    assert "was not found" in window.frame.strip.text
    window.page("dataset").locate_requested.emit()
    (dialog,) = (each for each in window.findChildren(QFileDialog) if each.isVisible())
    dialog.reject()


def test_a_narrow_window_gives_its_width_to_the_page(window: MainWindow, images: Path, qtbot: QtBot) -> None:
    """At the least size the steps show their numbers, and the pages get what the names took."""
    window.files.open_path(images)
    window.resize(1280, 800)
    wide = window.frame.steps.width()
    assert not window.frame.steps.is_compact
    window.resize(window.minimumSize())
    qtbot.waitUntil(lambda: window.frame.steps.is_compact)
    assert window.frame.steps.width() < wide / 2
    assert window.frame.steps.item(1).toolTip().startswith("Features")
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: window.frame.steps.width() == wide)


def test_the_demo_is_drawn_and_opened(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DrawDemo, "run", lambda request, progress: request.folder.mkdir(parents=True))
    qtbot.mouseClick(window.frame.host.start_page.demo, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.context.model.project.source is not None)
    assert window.context.model.name == "synthetic cells"


@pytest.fixture
def draw_demo(
    opened: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> Callable[[Callable[[], object]], None]:
    """A function that has the demo drawn over an open project, and does something while it is drawn."""
    demo = tmp_path / "demo" / "synthetic cells"
    monkeypatch.setattr("coreset_studio.desktop_app.project_files.demo_folder", lambda: demo)
    monkeypatch.setattr(DrawDemo, "run", lambda request, progress: request.folder.mkdir(parents=True))

    def draw(meanwhile: Callable[[], object]) -> None:
        press(opened, "demo")
        meanwhile()
        qtbot.waitUntil(demo.exists)
        qtbot.waitUntil(lambda: not opened.watch.is_running)

    return draw


@pytest.mark.parametrize("command", ["save_as", "locate", "open_folder", "open_file", "open_project"])
def test_a_file_dialog_does_not_outlive_its_project(
    opened: MainWindow, draw_demo: Callable[[Callable[[], object]], None], command: str, tmp_path: Path
) -> None:
    draw_demo(lambda: press(opened, command))
    model = opened.context.model
    assert model.name == "synthetic cells"
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # type: ignore[call-overload]
    assert opened.findChildren(QFileDialog) == []
    assert model.file is None
    press(opened, command)
    (dialog,) = opened.findChildren(QFileDialog)
    dialog.reject()


def test_the_demo_does_not_answer_a_question_for_the_user(
    opened: MainWindow, draw_demo: Callable[[Callable[[], object]], None], images: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    opened.context.model.set_settings("selection", seed=3)

    draw_demo(lambda: opened.files.open_path(other))
    assert opened.context.model.project.source == images
    assert "The demo is ready. Open it from the File menu." in opened.context.messages.sentences()  # type: ignore[attr-defined]
    answer(opened, "stop")
    answer(opened, "drop")
    assert opened.context.model.project.source == other


# --- the steps ------------------------------------------------------------------------------------------------


def test_keys_lead_through_the_steps(opened: MainWindow, qtbot: QtBot) -> None:
    for number, stage in enumerate(STAGES, start=1):
        qtbot.keyClick(opened, str(number), Qt.KeyboardModifier.ControlModifier)  # type: ignore[arg-type]
        assert opened.frame.host.current_page is opened.page(stage)
        assert opened.context.model.project.choices.stage == stage


def test_a_stray_enter_runs_nothing(opened: MainWindow, qtbot: QtBot) -> None:
    opened.go_to_stage("features")
    page: Any = opened.page("features")
    page.word.setFocus()
    qtbot.keyClick(page.word, Qt.Key.Key_Return)
    assert page.ran == 0
    page.word.clearFocus()
    qtbot.keyClick(opened, Qt.Key.Key_Return)
    page.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert page.ran == 0
    qtbot.keyClick(page, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert page.ran == 1
    qtbot.waitUntil(lambda: state(opened, "features") == "done")
    page.run_button.setFocus()
    qtbot.keyClick(page.run_button, Qt.Key.Key_Return)
    assert page.ran == 2
    qtbot.waitUntil(lambda: not opened.watch.is_running)


def test_enter_in_the_list_of_steps_runs_the_step(opened: MainWindow, qtbot: QtBot) -> None:
    opened.activateWindow()
    qtbot.keyClick(opened, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert opened.page("features").hasFocus()
    press(opened, "run")
    qtbot.waitUntil(lambda: state(opened, "features") == "done")
    opened.frame.steps.setFocus()
    qtbot.keyClick(opened.frame.steps, Qt.Key.Key_Down)
    assert opened.frame.host.current_page is opened.page("clusters")
    assert opened.frame.steps.hasFocus()
    clusters: Any = opened.page("clusters")
    qtbot.keyClick(opened.frame.steps, Qt.Key.Key_Return)
    assert clusters.ran == 1
    qtbot.waitUntil(lambda: state(opened, "clusters") == "done")


def test_the_outcome_stays_when_the_page_starts_another_job(
    opened: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page: Any = opened.page("features")
    keep = page.take_sum

    def finish(result: Any) -> None:
        if page.ran == 1:
            keep(result)
            page.ran = 2
            page.ask(engine.Call(engine.add, (5, 5)), print)

    monkeypatch.setattr(page, "take_sum", finish)
    opened.go_to_stage("features")
    press(opened, "run")
    qtbot.waitUntil(lambda: state(opened, "features") == "done" and not opened.watch.is_running)
    assert opened.frame.job_bar.text.text().startswith("Features: the sum is 3 · ")
    assert opened.frame.job_bar.action.text() == "Continue to Clusters"


def test_a_step_that_cannot_run_says_why(opened: MainWindow) -> None:
    opened.go_to_stage("coreset")
    run = opened.menus.actions["run"]
    assert not run.isEnabled()
    assert run.toolTip() == "Do features first."
    qt_page: Any = opened.page("coreset")
    assert qt_page.run_button.toolTip() == "Do features first."


def test_undo_by_key_brings_a_stale_step_back(opened: MainWindow, qtbot: QtBot) -> None:
    run_steps(opened, "features", qtbot=qtbot)
    opened.context.model.set_settings("features", variance=0.8)
    assert state(opened, "features") == "stale"
    qtbot.keyClick(opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert state(opened, "features") == "done"
    qtbot.keyClick(opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert state(opened, "features") == "stale"


def test_escape_cancels(opened: MainWindow, qtbot: QtBot) -> None:
    opened.go_to_stage("features")
    press(opened, "run")
    assert opened.menus.actions["cancel"].isEnabled()
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not opened.watch.is_running)
    assert opened.frame.job_bar.text.text() == "Cancelled. Finished work is kept."
    assert state(opened, "features") == "ready"
    assert not opened.menus.actions["cancel"].isEnabled()


@pytest.fixture
def stopped(opened: MainWindow, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The jobs that were asked to stop; job 99 runs."""
    stopped: list[int] = []
    monkeypatch.setattr(opened.context.service, "cancel", stopped.append)
    opened.context.service.started.emit(99, "features")
    assert opened.watch.is_running
    return stopped


@pytest.fixture
def _long(stopped: list[int], opened: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job has run for 45 seconds."""
    assert not opened.watch.is_long
    real = job_watch.time.monotonic
    monkeypatch.setattr(job_watch.time, "monotonic", lambda: real() + 45)


def asked(window: MainWindow) -> list[Question]:
    return [each for each in window.findChildren(Question) if each.isVisible()]


@pytest.mark.usefixtures("_long")
def test_escape_asks_before_it_stops_what_has_run_for_long(
    opened: MainWindow, stopped: list[int], qtbot: QtBot
) -> None:
    for answer, expected in (("stay", []), ("stop", [99])):
        qtbot.keyClick(opened, Qt.Key.Key_Escape)
        (question,) = asked(opened)
        assert "Features has been running for 45 s" in question.informativeText()
        assert stopped == []
        question.choose(answer)
        assert stopped == expected


@pytest.mark.usefixtures("_long", "stopped")
def test_the_question_goes_when_the_job_ends_by_itself(opened: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    assert asked(opened)
    opened.context.service.ended.emit(99, "features")
    qtbot.waitUntil(lambda: not asked(opened))
    assert not opened.watch.is_running


@pytest.mark.usefixtures("_long")
def test_the_button_stops_without_a_question(opened: MainWindow, stopped: list[int]) -> None:
    opened.frame.job_bar.cancel.click()
    assert stopped == [99]
    assert not asked(opened)


def test_escape_closes_a_tip_first(opened: MainWindow, stopped: list[int], qtbot: QtBot) -> None:
    QToolTip.showText(QPoint(0, 0), "Why it is so.", opened)
    qtbot.waitUntil(QToolTip.isVisible)
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not QToolTip.isVisible())
    assert stopped == []
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    assert stopped == [99]


def test_escape_takes_back_a_selection_first(opened: MainWindow, stopped: list[int], qtbot: QtBot) -> None:
    scatter = Scatter(opened)
    points, labels = np.random.default_rng(0).normal(size=(5, 2)), np.zeros(5, dtype=np.int64)
    scatter.set_points(points, labels, np.array([2]), "first", "second")
    scatter.show()
    scatter.setFocus()
    qtbot.waitUntil(scatter.hasFocus)
    qtbot.keyClick(scatter, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(scatter, Qt.Key.Key_Escape)
    assert stopped == []
    qtbot.keyClick(scatter, Qt.Key.Key_Escape)
    assert stopped == [99]


# --- what came out ---


def test_what_came_out_is_said_while_another_job_runs(
    opened: MainWindow, stopped: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar, service = opened.frame.job_bar, opened.context.service
    files: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: files.append(url.toLocalFile()) or True)
    service.progressed.emit(99, 1, 8, "Clustering: classes", None)
    opened.context.messages.info("The report is written.", tmp_path / "report.html")
    assert bar.text.text() == "The report is written."
    assert bar.action.text() == "Open"
    service.progressed.emit(99, 2, 8, "Clustering: classes", None)
    assert bar.text.text() == "The report is written."
    assert bar.is_running
    bar.action.click()
    assert files == [str(tmp_path / "report.html")]
    opened.watch._passing.timeout.emit()
    assert bar.text.text() == "Clustering · 2 of 8 classes"
    assert bar.action.isHidden()
    assert stopped == []


def test_what_a_job_brought_stays_when_it_has_ended(opened: MainWindow, stopped: list[int], tmp_path: Path) -> None:
    bar, messages = opened.frame.job_bar, opened.context.messages
    messages.info("VGG16: weights imported")
    opened.context.service.ended.emit(99, "")
    assert bar.text.text() == "VGG16: weights imported"
    messages.info("The report is written.", tmp_path)
    assert bar.action.text() == "Open"
    opened.watch._passing.timeout.emit()
    assert (bar.text.text(), bar.action.text()) == ("The report is written.", "Open")
    opened.watch.show_outcome("Coreset: 120 images selected", "compare")
    assert (bar.text.text(), bar.action.text()) == ("Coreset: 120 images selected", "Continue to Compare")
    assert stopped == []


def test_work_that_the_user_asked_for_is_shown_at_once(opened: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    service = opened.context.service
    with monkeypatch.context() as during:
        during.setattr(service, "running", lambda: (98,))
        during.setattr(service, "request_of", {98: ImportWeights(Path("weights.h5"))}.get)
        service.started.emit(98, "")
    assert opened.frame.job_bar.text.text() == "The import of weights · starting"
    assert opened.frame.job_bar.is_running


def test_what_a_dialog_looks_at_does_not_take_the_bar(opened: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    service, bar = opened.context.service, opened.frame.job_bar
    requests = {7: ComputeFeatures(Study(Path("images"))), 8: MeasureCache(Path("cache"))}
    with monkeypatch.context() as during:
        during.setattr(service, "running", lambda: (7, 8))
        during.setattr(service, "request_of", requests.get)
        during.setattr(service, "stage_of", {7: "features", 8: ""}.get)
        stopped: list[int] = []
        during.setattr(service, "cancel", stopped.append)
        service.started.emit(7, "features")
        service.started.emit(8, "")
        service.progressed.emit(8, 1000, 0, "Measuring the cache: files", None)
        assert bar.text.text() == "Features · starting"
        opened.watch.cancel()
        assert stopped == [7]


def test_the_first_window_fits_on_the_screen(window: MainWindow) -> None:
    room = window.screen().availableGeometry()
    assert window.width() <= max(room.width(), window.minimumWidth())
    assert window.height() < room.height()


def test_the_way_on_leads_to_what_is_not_done(opened: MainWindow, qtbot: QtBot) -> None:
    bar, features = opened.frame.job_bar, opened.page("features")
    opened.go_to_stage("features")
    assert features.run_button.property("primary")
    press(opened, "run")
    qtbot.waitUntil(lambda: state(opened, "features") == "done" and not opened.watch.is_running)
    assert not features.run_button.property("primary")  # to do it again is not the next thing to do
    opened.watch.show_outcome("Scanned", "features")
    assert bar.action.text() == "Continue to Clusters"
    assert bar.action.property("primary")
    opened.context.messages.info("Saved.")
    opened.watch._passing.timeout.emit()
    assert bar.action.text() == "Continue to Clusters"
    model = opened.context.model
    for stage in ("clusters", "coreset", "compare"):
        model.store_result(stage, model.key(stage), {}, 1.0)
    opened.watch.show_outcome("Scanned", "features")
    assert bar.action.isHidden()
    assert bar.text.text() == "Scanned"


def test_the_next_step_is_not_offered_where_the_user_is(opened: MainWindow) -> None:
    action = opened.frame.job_bar.action
    opened.watch.show_outcome("Coreset: 120 images selected", "compare")
    assert opened.frame.job_bar.text.text() == "Coreset: 120 images selected"
    assert action.text() == "Continue to Compare"
    opened.go_to_stage("compare")
    assert action.isHidden()
    opened.go_to_stage("coreset")
    assert not action.isHidden()


def test_work_that_is_no_step_leaves_the_outcome_of_the_step(opened: MainWindow, qtbot: QtBot) -> None:
    before = opened.frame.job_bar.text.text()
    opened.context.service.ask(engine.Call(engine.add, (1, 1)))
    assert opened.watch.is_running
    assert not opened.frame.job_bar.is_running
    qtbot.waitUntil(lambda: not opened.watch.is_running)
    assert opened.frame.job_bar.text.text() == before
    opened.context.service.ask(engine.Call(engine.fail_on_purpose))
    qtbot.waitUntil(lambda: not opened.watch.is_running)
    assert "holds no image" in opened.frame.job_bar.text.text()


@pytest.mark.parametrize(
    ("message", "done", "total", "words"),
    [
        ("Scanning: images", 528, 1601, "Scanning · 528 of 1,601 images"),
        ("Clustering eosinophil", 3, 8, "Clustering eosinophil · 3 of 8"),
        ("Extracting vgg16: %", 500, 2000, "Extracting vgg16"),
        ("Extracting vgg16: images", 500, 2000, "Extracting vgg16 · 500 of 2,000 images"),
        ("Reading: files", 10, 0, "Reading"),
    ],
)
def test_the_words_of_progress(message: str, done: int, total: int, words: str) -> None:
    assert progress_words(message, done, total) == words


def test_progress_of_a_job_is_shown_with_its_unit(opened: MainWindow, qtbot: QtBot) -> None:
    service = opened.context.service
    number = service.ask(engine.Call(engine.add, (1, 1)), stage="features")
    service.progressed.emit(number, 3, 8, "Clustering: classes", 40.0)
    assert opened.frame.job_bar.text.text() == "Clustering · 3 of 8 classes"
    assert opened.frame.job_bar.left.text() == "about 40 s left"
    service.progressed.emit(number + 100, 1, 8, "Other: classes", None)
    assert opened.frame.job_bar.text.text() == "Clustering · 3 of 8 classes"
    qtbot.waitUntil(lambda: not opened.watch.is_running)


def test_a_long_answer_of_the_selection_service_is_shown_and_can_be_stopped(
    opened: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[int] = []
    selection = opened.context.service.selection
    monkeypatch.setattr(selection, "cancel", stopped.append)
    selection.progressed.emit(7, 1, 4, "Choosing: classes", None)
    assert opened.frame.job_bar.text.text() == "Choosing · 1 of 4 classes"
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    assert stopped == [7]
    assert opened.frame.job_bar.left.text() == "stopping"
    selection.progressed.emit(7, 2, 4, "Choosing: classes", None)
    assert opened.frame.job_bar.left.text() == "stopping"
    selection.over.emit(7)
    assert not opened.watch.is_running
    selection.progressed.emit(8, 1, 4, "Choosing: classes", None)
    selection.over.emit(8)
    assert not opened.frame.job_bar.is_running


def test_an_error_is_a_dialog_with_a_sentence_and_details_to_copy(opened: MainWindow, qtbot: QtBot) -> None:
    opened.go_to_stage("features")
    page: Any = opened.page("features")
    page.request = engine.Call(engine.fail_by_mistake)
    press(opened, "run")
    qtbot.waitUntil(lambda: bool(opened.helpers.errors))
    (dialog,) = opened.helpers.errors
    assert "Traceback" not in dialog.sentence.text()
    assert not dialog.details.isVisible()
    dialog.more.click()
    assert dialog.details.isVisible()
    dialog.copy.click()
    assert "KeyError: 'nothing'" in QGuiApplication.clipboard().text()
    dialog.close()
    assert opened.helpers.errors == []
    assert state(opened, "features") == "ready"


def test_many_errors_at_once_do_not_pile_up(opened: MainWindow) -> None:
    for number in range(10):
        opened.context.messages.error(f"error {number}")
    assert len(opened.helpers.errors) == 3
    opened.helpers.close_all()
    assert opened.helpers.errors == []


def test_a_name_may_contain_what_marks_unsaved_changes(window: MainWindow) -> None:
    window.context.model.start(Path("/nowhere/cells [*] new"))
    assert window.windowTitle() == "cells [*][*] new[*] – Coreset Studio"


def test_the_title_is_no_corner_of_a_bar_of_the_system(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, where the bar is at the top of the screen: the label would lie over the page."""
    monkeypatch.setattr(type(window.menuBar()), "isNativeMenuBar", lambda _: True)
    window.menus.set_title("blood cells · unsaved")
    assert window.menuBar().cornerWidget() is None
    monkeypatch.setattr(type(window.menuBar()), "isNativeMenuBar", lambda _: False)
    window.menus.set_title("blood cells")
    assert window.menuBar().cornerWidget() is window.menus.title


# --- files ----------------------------------------------------------------------------------------------------


def test_saving_opening_and_recent_projects(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    run_steps(opened, "features", qtbot=qtbot)
    opened.files.saving.save_to(os.fspath(tmp_path / "study"))
    file = tmp_path / "study.coreset"
    assert opened.menus.title.text() == "study"
    assert opened.windowTitle() == "study[*] – Coreset Studio"
    assert not opened.isWindowModified()
    assert opened.windowFilePath() == os.fspath(file)
    assert opened.context.preferences.recent == (file,)
    press(opened, "new")
    start = opened.frame.host.start_page
    assert opened.frame.host.currentWidget() is start
    assert start.recent.item(0).text().startswith("study\n")
    start.recent.itemActivated.emit(start.recent.item(0))
    assert opened.frame.host.current_page is opened.page("features")
    qtbot.waitUntil(lambda: opened.context.model.value("dataset") == 3)
    qtbot.waitUntil(lambda: opened.context.model.value("features") == 3)
    assert [action.data() for action in opened.menus.recent.actions()[:1]] == [file]


def test_a_recent_project_that_is_gone_is_greyed_and_forgotten_when_asked_for(
    window: MainWindow, tmp_path: Path
) -> None:
    window.context.preferences.remember(tmp_path / "gone.coreset")
    entry = window.frame.host.start_page.recent.item(0)
    assert not entry.flags() & Qt.ItemFlag.ItemIsEnabled
    window.files.open_path(tmp_path / "gone.coreset")
    assert "was not found" in window.helpers.errors[0].sentence.text()
    assert window.context.preferences.recent == ()


def test_a_damaged_project_is_an_error_and_the_open_one_stays(opened: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "x.coreset").write_text("{", encoding="utf-8")
    opened.files.open_path(tmp_path / "x.coreset")
    assert "x.coreset is not a project" in opened.helpers.errors[0].sentence.text()
    assert opened.context.model.name == "blood cells"


def test_leaving_work_that_is_not_saved_asks(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    run_steps(opened, "features", qtbot=qtbot)
    press(opened, "new")
    answer(opened, "stay")
    assert opened.context.model.name == "blood cells"
    press(opened, "new")
    answer(opened, "drop")
    assert opened.context.model.project == Project()


def test_a_failed_save_keeps_the_window_open(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_steps(opened, "features", qtbot=qtbot)
    opened.context.preferences.autosave = False
    opened.files.saving.save_to(os.fspath(tmp_path / "study.coreset"))
    opened.context.model.set_settings("selection", seed=1)

    def full(file: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("coreset_studio.core.project.replace_atomically", full)
    opened.close()
    answer(opened, "save")
    assert opened.isVisible()
    assert "No space left" in opened.helpers.errors[0].sentence.text()


def test_a_project_that_cannot_be_saved_can_still_be_left(opened: MainWindow, tmp_path: Path) -> None:
    opened.files.saving.save_to(os.fspath(tmp_path / "drive" / "study.coreset"))
    opened.context.model.set_settings("selection", seed=1)
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    opened.close()
    assert opened.isVisible()
    assert opened.files.question is not None
    assert "the folder was not found" in opened.files.question.informativeText()
    answer(opened, "stay")
    assert opened.isVisible()
    opened.close()
    answer(opened, "drop")
    assert not opened.isVisible()
    assert not (tmp_path / "drive").exists()


def test_closing_saves_a_project_that_has_a_file(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    opened.files.saving.save_to(os.fspath(tmp_path / "study.coreset"))
    opened.context.model.set_settings("selection", seed=7)
    opened.close()
    assert not opened.isVisible()
    assert '"seed": 7' in (tmp_path / "study.coreset").read_text(encoding="utf-8")


def test_closing_while_a_step_runs_asks(opened: MainWindow, qtbot: QtBot) -> None:
    opened.go_to_stage("features")
    press(opened, "run")
    opened.close()
    answer(opened, "stay")
    assert opened.isVisible()
    qtbot.waitUntil(lambda: state(opened, "features") == "done")


def start_work(window: MainWindow, monkeypatch: pytest.MonkeyPatch, *requests: AnyRequest) -> None:
    """Start work that is no step, and that does not end by itself."""
    monkeypatch.setattr(window.context.service, "_run_next", lambda: None)
    for request in requests:
        window.context.service.ask(request)


def leave_by(window: MainWindow, way: str, place: Path) -> None:
    if way == "close":
        window.close()
    elif way == "open":
        window.files.open_path(place)
    elif way == "locate":
        window.files._on_located(os.fspath(place))
    else:
        press(window, "new")


@pytest.mark.parametrize("way", ["close", "open", "new", "locate"])
def test_work_that_is_no_step_is_not_stopped_unasked(
    opened: MainWindow, way: str, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = ExportCoreset(Study(images), tmp_path / "coreset", overwrite=False)
    start_work(opened, monkeypatch, export, DownloadWeights("vgg16"), DescribeExtractors(Study(images)))
    (tmp_path / "other").mkdir()
    service, model = opened.context.service, opened.context.model
    leave_by(opened, way, tmp_path / "other")
    question = opened.files.question
    assert question is not None
    assert question.informativeText().startswith("An export and the download of weights are still running.")
    answer(opened, "stay")
    assert len(service.running()) == 3
    assert model.project.source == images
    leave_by(opened, way, tmp_path / "other")
    answer(opened, "stop")
    assert export not in [service.request_of(n) for n in service.running()]
    assert model.project.source == {"close": images, "new": None}.get(way, tmp_path / "other")
    assert opened.isVisible() == (way != "close")
    service.drop_all()


def test_what_a_page_only_looks_at_is_not_asked_about(opened: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study(Path("images"))
    requests = (
        DescribeExtractors(study),
        EstimateComparison(study),
        ReadComparison(study, Path("runs")),
        ListWeights(),
    )
    start_work(opened, monkeypatch, *requests)
    press(opened, "new")
    assert opened.files.question is None
    assert opened.context.model.project.source is None


def test_a_step_that_runs_and_a_job_that_is_not_known_are_named(
    opened: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_work(opened, monkeypatch, engine.Call(engine.add, (1, 1)))
    opened.go_to_stage("features")
    press(opened, "run")
    opened.close()
    question = opened.files.question
    assert question is not None
    assert "The feature extraction and other work are still running." in question.informativeText()
    answer(opened, "stop")
    assert not opened.isVisible()


def test_closing_stops_what_runs_when_told_to(opened: MainWindow) -> None:
    opened.go_to_stage("features")
    press(opened, "run")
    opened.close()
    answer(opened, "stop")
    assert not opened.isVisible()


def test_a_job_of_the_project_before_does_not_reach_the_next(
    opened: MainWindow, images: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    opened.go_to_stage("features")
    press(opened, "run")
    other = tmp_path / "other"
    other.mkdir()
    opened.files.open_path(other)
    answer(opened, "stop")
    qtbot.waitUntil(lambda: state(opened, "dataset") == "done")
    qtbot.waitUntil(lambda: not opened.watch.is_running)
    assert state(opened, "features") == "ready"


# --- around ---------------------------------------------------------------------------------------------------


def test_geometry_is_remembered(window: MainWindow) -> None:
    window.resize(1000, 700)
    window.close()
    assert not window.context.preferences.window_bytes("geometry").isEmpty()


def test_the_look_is_chosen_in_the_menu(window: MainWindow) -> None:
    dark = next(action for action in window.findChildren(QAction) if action.data() == "dark")
    dark.trigger()
    assert window.context.preferences.theme == "dark"


def test_the_log_opens(window: MainWindow) -> None:
    press(window, "log")
    assert window.log_panel.isVisible()
    press(window, "log")
    assert window.log_panel.isHidden()


def test_help_pages_open_and_follow_links(window: MainWindow) -> None:
    press(window, "tour")
    help_window: Any = window.helpers._help
    assert "Tour" in help_window.text.toPlainText()
    press(window, "samplers")
    assert "Balanced herding" in help_window.text.toPlainText()
    help_window.text.anchorClicked.emit(QUrl("help:method"))
    assert "Sainte-Laguë" in help_window.text.toPlainText()
    help_window.show_page("licences")
    assert "GPL 3" in help_window.text.toPlainText()
    help_window.close()


def test_every_command_has_words_a_tip_and_no_two_share_a_key(window: MainWindow) -> None:
    seen: dict[str, str] = {}
    for action in window.findChildren(type(window.menus.steps[0])):
        assert action.text() or action.isSeparator() or action.menu() is not None
        for keys in action.shortcuts():
            key = keys.toString()
            assert seen.setdefault(key, action.text()) == action.text(), f"{key} is {seen[key]} and {action.text()}"
    assert {"Ctrl+1", "Ctrl+5", "Ctrl+Z", "Esc", "Ctrl+S", "Ctrl+Return"} <= set(seen)


def test_no_two_commands_share_a_key_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    """There Help has the key that F1 is elsewhere, as listed in the documentation of QKeySequence."""
    of_macos = {
        "New": "Ctrl+N", "Open": "Ctrl+O", "Save": "Ctrl+S", "Quit": "Ctrl+Q", "Preferences": "Ctrl+,",
        "FullScreen": "Ctrl+Meta+F", "HelpContents": "Ctrl+?",
    }  # fmt: skip

    class MacKeys(actions.QKeySequence):
        @staticmethod
        def keyBindings(key: Any) -> list[QKeySequence]:
            return [QKeySequence(of_macos[key.name])]

    monkeypatch.setattr(actions, "QKeySequence", MacKeys)
    seen = ["Ctrl+Z", "Ctrl+Shift+Z", "Ctrl+Y", "Ctrl+H", "Ctrl+M", *(f"Ctrl+{number}" for number in range(1, 8))]
    for commands in actions.MENUS.values():
        for command in commands:
            if isinstance(command, actions.Command):
                seen += [keys.toString() for keys in actions.command_keys(command)]
    assert len(seen) > 20
    assert sorted(seen) == sorted(set(seen))


def test_commands_are_where_macos_expects_them(window: MainWindow) -> None:
    """Qt guesses from the text of a command; without a role of its own "Settings…" alone would be found."""
    roles = {name: window.menus.actions[name].menuRole().name for name in ("about", "settings", "quit", "tour", "new")}
    assert roles == {
        "about": "AboutRole", "settings": "PreferencesRole", "quit": "QuitRole", "tour": "NoRole", "new": "NoRole",
    }  # fmt: skip


def test_shortcuts_are_written_as_macos_does(monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    from coreset_studio.desktop_app.dialogs.shortcuts_dialog import ShortcutsDialog

    monkeypatch.setattr(sys, "platform", "darwin")
    dialog = ShortcutsDialog(None)
    qtbot.addWidget(dialog)
    keys = {
        dialog.table.item(row, 1).text(): dialog.table.item(row, 0).text() for row in range(dialog.table.rowCount())
    }
    assert keys["Undo and redo a change"] == "⌘Z, ⌘⇧Z"
    assert keys["Go to a step, to Images or to Review"] == "⌘1 … ⌘7"


def test_shortcuts_and_about(window: MainWindow) -> None:
    from coreset_studio.desktop_app.dialogs.about_dialog import AboutDialog
    from coreset_studio.desktop_app.dialogs.shortcuts_dialog import ShortcutsDialog

    press(window, "shortcuts")
    table = window.findChild(ShortcutsDialog).table
    texts = [table.item(row, 1).text() for row in range(table.rowCount())]
    assert "Run the current step" in texts
    press(window, "about")
    about = window.findChild(AboutDialog)
    assert "0.1" in about.words.text()
    assert "No plugins installed." in about.words.text()
    about.copy_citation()
    assert "Intra-class diversity" in QGuiApplication.clipboard().text()
    window.helpers.close_all()


def test_a_plugin_that_fails_is_told_once_and_listed_in_about(
    page_context: PageContext,
    qtbot: QtBot,
    tmp_path: Path,
    install_plugin: Any,
    monkeypatch: pytest.MonkeyPatch,
    images: Path,
) -> None:
    from coreset_studio.core.descriptions import NO_PLUGINS, registry
    from coreset_studio.desktop_app.dialogs.about_dialog import plugin_words

    code = {"__init__.py": "raise RuntimeError('not <today>')\n"}
    install_plugin(registry("sampler"), "coreset_broken", code, {"first": "coreset_broken:A"})
    monkeypatch.setattr(window_frame, "STEPS", tuple(TestStep(stage) for stage in STAGES))
    autosave = Autosave(page_context.model, page_context.preferences, page_context.messages, tmp_path / "recovery")
    window = MainWindow(page_context, autosave, Log())
    qtbot.addWidget(window)
    window.show()
    sentence = (
        "The sampler first of the plugin coreset_broken 1.2 was not loaded (RuntimeError: not "
        "<today>). Update or remove the plugin."
    )
    # What is said already stays until it is sent away.
    window.frame.strip.show_message("warning", "Something else.")
    window.show_plugin_problems()
    assert window.frame.strip.text == "Something else."
    window.frame.strip.close_button.click()
    assert window.frame.strip.text == sentence
    window.frame.strip.close_button.click()
    window.show_plugin_problems()
    assert window.frame.strip.text == ""
    assert page_context.messages.sentences("warning") == [sentence]  # type: ignore[attr-defined]
    assert sentence.replace("<today>", "&lt;today&gt;") in plugin_words()
    monkeypatch.setattr("sys.frozen", True, raising=False)
    assert plugin_words() == f"<p>{NO_PLUGINS}</p>"
    window.files.may_close.emit()


@pytest.mark.slow
def test_nothing_heavy_enters_the_windows_process(window: MainWindow) -> None:
    import subprocess
    import sys

    program = (
        "import sys; import coreset_studio.desktop_app.application;"
        "print([m for m in ('tensorflow', 'keras', 'sklearn', 'kmedoids', 'matplotlib', 'optuna') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
