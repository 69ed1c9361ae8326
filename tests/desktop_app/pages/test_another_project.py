"""Another project in the same window: every page starts empty, whatever the one before had on it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine_functions as engine
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.project import read_project
from coreset_studio.core.results import Epoch
from coreset_studio.core.service.dataset_requests import ScanDataset
from coreset_studio.core.service.messages import Cancelled, Failed, Finished
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.pages import PLACES, STEPS
from coreset_studio.desktop_app.pages import compare as compare_page
from coreset_studio.desktop_app.pages.page import Page, PageContext
from coreset_studio.desktop_app.project_model import ProjectModel

pytestmark = pytest.mark.slow

EVERY = (*STEPS, *PLACES)
STAGES = tuple(step.stage for step in EVERY)
CLASSES = ("amber", "azure", "ashen")
LONG = 60_000
Texts = Callable[[QWidget], set[str]]


@dataclass
class Shown:
    """A page with everything that the first project has on it, and what it says of that alone."""

    page: Any
    own: set[str]


def fill_dataset(page: Any, qtbot: QtBot, place: Path) -> None:
    page.run_button.click()
    qtbot.waitUntil(lambda: not page.job_numbers())
    page._find_label_errors()
    qtbot.waitUntil(lambda: not page.job_numbers())
    page.pattern.field.setText(r"(\w+)_")
    page.pattern.pattern_changed.emit(r"(\w+)_")
    page.findings.setCurrentIndex(page.findings.count() - 1)
    page.content.open_image(3)


def fill_features(page: Any, qtbot: QtBot, place: Path) -> None:
    qtbot.waitUntil(lambda: not page.job_numbers())
    page.run_button.click()
    qtbot.waitUntil(lambda: not page.job_numbers(), timeout=LONG)
    assert page.extractors.findChildren(QPushButton)


def fill_clusters(page: Any, qtbot: QtBot, place: Path) -> None:
    qtbot.waitUntil(lambda: len(page.content.grid.images.images) > 0, timeout=LONG)
    page.content.bars.cluster_chosen.emit(0)
    page.content.scatter.hovered.emit(1)
    page.content.grid.opened.emit(int(page.content.grid.images.keys[0]))


def fill_coreset(page: Any, qtbot: QtBot, place: Path) -> None:
    covered = page.content.covered
    qtbot.waitUntil(lambda: covered.text().startswith("The least covered image"), timeout=LONG)
    page.content.sizes.button.click()
    page.run_button.click()
    page.exporting.sheet.folder.setText(str(place / "export of the lot"))
    page.exporting.sheet.accept_button.click()
    qtbot.waitUntil(lambda: not page.job_numbers() and page.content.result.isVisible(), timeout=LONG)
    page.content.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: len(page.content.plot.scatter.plot_table()[1]) > 0)
    key = int(page.content.chosen.grid.images.keys[0])
    page.content.chosen.opened.emit(key, [key])
    page.content.bars.bars.row_clicked.emit(1)
    page.run_button.click()  # the sheet stays open


def fill_compare(page: Any, qtbot: QtBot, place: Path) -> None:
    qtbot.waitUntil(lambda: page.cost.text() != "" and not page.job_numbers(), timeout=LONG)
    page.run_button.click()
    qtbot.waitUntil(lambda: page.model.state("compare") == "done" and not page.job_numbers(), timeout=LONG)
    page.content.table.selectRow(0)
    n_images = len(page.model.value("dataset").dataset.images)
    page.content.show_epoch(Epoch(1, 0.1 + 1 / n_images, 0.3, 0.4, 0.5, 0.6, 0.7), f"Training 1 of {n_images}")
    matrix = page.content.confusion
    matrix.clicked.emit(matrix.counts.index(0, 0))
    page.content.behind.opened.emit(int(page.content.behind.images.keys[0]))
    page.content.tabs.setCurrentIndex(5)
    page.tools.report.click()
    page.tools.network_menu.actions()[-1].trigger()


def fill_images(page: Any, qtbot: QtBot, place: Path) -> None:
    qtbot.waitUntil(lambda: "Cluster" in page.tree.titles(), timeout=LONG)
    page.show_similar([1])
    qtbot.waitUntil(lambda: page.content.similar.isVisible(), timeout=LONG)
    page.tree.check("class", [page.image_actions.classes()[0]])
    page.content.grid.opened.emit(int(page.content.grid.images.keys[0]))


def fill_review(page: Any, qtbot: QtBot, place: Path) -> None:
    page.run_button.click()
    qtbot.waitUntil(lambda: not page.job_numbers(), timeout=LONG)
    page.sets.setCurrentIndex(page.sets.count() - 1)
    if page.finding is not None:
        page.content.kept.emit()
        page.large.open(page.finding.index, [page.finding.index])


FILLS = {
    "dataset": fill_dataset,
    "features": fill_features,
    "clusters": fill_clusters,
    "coreset": fill_coreset,
    "compare": fill_compare,
    "images": fill_images,
    "review": fill_review,
}


def make_page(stage: str, context: PageContext, qtbot: QtBot) -> Page:
    page = EVERY[STAGES.index(stage)].make_page(context)
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    page.enter()
    return page


@pytest.fixture(scope="module")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where finished trainings are kept, so that none is done twice."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def said_of_second() -> dict[str, set[str]]:
    """What each page says of the second project, read once."""
    return {}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    """Each step in turn."""
    return str(request.param)


@pytest.fixture
def shown(
    stage: str,
    page_context: PageContext,
    first_lot: Any,
    second_lot: Any,
    texts_of: Texts,
    said_of_second: dict[str, set[str]],
    finished_runs: Path,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shown]:
    """A page with everything that the first project has on it."""
    monkeypatch.setattr(compare_page, "SETTLE_MS", 1)
    monkeypatch.setenv("CORESET_DATA", str(finished_runs))
    if stage not in said_of_second:
        page = _filled(stage, page_context, second_lot, qtbot, tmp_path / "second", monkeypatch)
        said_of_second[stage] = texts_of(page)
        page.leave()
        page.hide()
    page = _filled(stage, page_context, first_lot, qtbot, tmp_path / "first", monkeypatch)
    own = texts_of(page) - said_of_second[stage]
    yield Shown(page, own)
    page.leave()
    shared_store().stop()


def _filled(
    stage: str, context: PageContext, lot: Any, qtbot: QtBot, place: Path, monkeypatch: pytest.MonkeyPatch
) -> Page:
    monkeypatch.setenv("CORESET_CACHE", str(lot.study.cache_folder))
    lot.open_in(context.model)
    page = make_page(stage, context, qtbot)
    FILLS[stage](page, qtbot, place)
    return page


def open_new(model: ProjectModel, lot: Any, place: Path) -> None:
    model.start(lot.study.source)


def open_file(model: ProjectModel, lot: Any, place: Path) -> None:
    model.open(lot.file)


def recover(model: ProjectModel, lot: Any, place: Path) -> None:
    model.recover(read_project(lot.file), None)


def open_unreadable(model: ProjectModel, lot: Any, place: Path) -> None:
    other = ProjectModel()
    other.open(lot.file)
    other.locate(place / "gone")
    other.save(place / "unreadable.coreset")
    model.open(place / "unreadable.coreset")


def close(model: ProjectModel, lot: Any, place: Path) -> None:
    model.close()


WAYS = {"new": open_new, "file": open_file, "recovery": recover, "unreadable": open_unreadable, "closed": close}


def settle(page: Page, qtbot: QtBot) -> None:
    """Let everything come that is still to come."""
    qtbot.waitUntil(lambda: not page.job_numbers(), timeout=LONG)
    qtbot.wait(20)
    qtbot.waitUntil(lambda: not page.job_numbers(), timeout=LONG)


def assert_nothing_of_first(shown: Shown, texts_of: Texts) -> None:
    said = texts_of(shown.page)
    left = {text for text in said if text in shown.own or any(name in text for name in (*CLASSES, "first lot"))}
    assert not left
    assert not [one for one in shown.page.findChildren(QDialog) if one.isVisible()]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_the_project_before_is_left(
    shown: Shown, way: str, second_lot: Any, texts_of: Texts, qtbot: QtBot, tmp_path: Path
) -> None:
    page = shown.page
    assert len(shown.own) > 5, "the page says too little of the first project for this test"
    WAYS[way](page.model, second_lot, tmp_path)
    assert_nothing_of_first(shown, texts_of)
    assert not page.hint.text()
    settle(page, qtbot)
    assert_nothing_of_first(shown, texts_of)
    if page.stage == "coreset":
        assert not page.run_button.isEnabled()
        assert page.content.tabs.currentIndex() == 0
    if page.stage == "compare":
        assert page.tools.report.isEnabled() == (way != "new" and way != "closed")


def test_a_page_that_is_not_shown_forgets_too(
    shown: Shown, second_lot: Any, texts_of: Texts, qtbot: QtBot, tmp_path: Path
) -> None:
    shown.page.leave()
    shown.page.hide()
    open_file(shown.page.model, second_lot, tmp_path)
    assert_nothing_of_first(shown, texts_of)
    shown.page.show()
    shown.page.enter()
    settle(shown.page, qtbot)
    assert_nothing_of_first(shown, texts_of)


def test_the_next_project_fills_the_page_as_the_first_did(
    shown: Shown,
    second_lot: Any,
    texts_of: Texts,
    qtbot: QtBot,
    tmp_path: Path,
    said_of_second: dict[str, set[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = shown.page
    monkeypatch.setenv("CORESET_CACHE", str(second_lot.study.cache_folder))
    second_lot.open_in(page.model)
    page.enter()
    FILLS[page.place or page.stage](page, qtbot, tmp_path / "again")
    said = texts_of(page)
    assert not {text for text in said if any(name in text for name in CLASSES)}
    assert {text for text in said_of_second[page.place or page.stage] if "brick" in text and "/" not in text} <= said


@pytest.mark.parametrize("stage", ["clusters", "coreset"], indirect=True)
def test_an_answer_that_comes_late_changes_nothing(
    shown: Shown, stage: str, second_lot: Any, texts_of: Texts, qtbot: QtBot
) -> None:
    page = shown.page
    if stage == "clusters":
        page.content.side.curve.k_chosen.emit(3)
    else:
        page.change_settings("selection", fraction=0.5)
    with qtbot.waitSignal(page.service.selection.over):
        page.model.open(second_lot.file)
    settle(page, qtbot)
    assert_nothing_of_first(shown, texts_of)
    assert page.model.value(stage) is None
    assert not page.model.has_unsaved_changes


def test_a_coreset_that_was_settling_is_not_kept_in_the_next_project(
    page_context: PageContext, first_lot: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both projects are on the same images, with the same choices: the keys of their results are the same."""
    monkeypatch.setenv("CORESET_CACHE", str(first_lot.study.cache_folder))
    monkeypatch.setattr("coreset_studio.desktop_app.pages.coreset.SETTLE_MS", 50)
    first_lot.open_in(page_context.model)
    page: Any = make_page("coreset", page_context, qtbot)
    qtbot.waitUntil(lambda: page.content.sentence.text() != "")
    page.leave()
    page.model.open(first_lot.file)
    qtbot.wait(150)
    assert page.model.state("coreset") == "ready"
    assert not page.model.has_unsaved_changes


def test_jobs_that_end_late_are_not_heard(shown: Shown, second_lot: Any, texts_of: Texts, qtbot: QtBot) -> None:
    page, model, service = shown.page, shown.page.model, shown.page.service
    value = model.latest_value(page.stage)
    numbers = [page.ask(engine.Call(engine.add, (1, 2)), page.keep, as_step=True) for _ in range(3)]
    model.open(second_lot.file)
    posts, results = list(page.messages.posts), model.project.results
    service._on_published(numbers[0], value)
    service._on_ended(numbers[0], Finished(value))
    service._on_ended(numbers[1], Failed("The amber cells are gone."))
    service._on_ended(numbers[2], Cancelled())
    assert page.messages.posts == posts
    assert model.project.results == results
    settle(page, qtbot)
    assert_nothing_of_first(shown, texts_of)
    assert not set(numbers) & set(service.running())


def test_what_is_typed_is_not_taken_into_the_next_project(
    page_context: PageContext, first_lot: Any, second_lot: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_lot.open_in(page_context.model)
    dataset: Any = make_page("dataset", page_context, qtbot)
    compare: Any = make_page("compare", page_context, qtbot)
    model = page_context.model
    for field in (dataset.pattern.field, compare.options.fractions):
        monkeypatch.setattr(field, "hasFocus", lambda: True)  # no window has the focus on every test machine
    qtbot.keyClicks(dataset.pattern.field, "(amb)")
    compare.options.fractions.setText("13, 100")
    model.open(second_lot.file)
    before = model.project
    for field in (dataset.pattern.field, compare.options.fractions):
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert model.project == before
    assert compare.options.fractions.text() == "21, 100"
    dataset.leave()
    compare.leave()


def scan_others(model: ProjectModel, lot: Any, *, moved: bool) -> None:
    """Find other images in the place of those before, or in another place that is said to be theirs."""
    summary = ScanDataset(lot.study).run(NO_PROGRESS)
    if moved:
        model.locate(lot.study.source)
    model.store_result("dataset", model.key("dataset"), {"images": 35}, summary, content=summary.identity)


@pytest.mark.parametrize("moved", [True, False])
def test_images_that_are_others_now_are_not_shown_under_old_numbers(
    page_context: PageContext, first_lot: Any, second_lot: Any, texts_of: Texts, moved: bool, qtbot: QtBot
) -> None:
    first_lot.open_in(page_context.model)
    pages: list[Any] = [make_page(stage, page_context, qtbot) for stage in ("clusters", "coreset")]
    qtbot.waitUntil(lambda: all("amber cell" in texts_of(page) for page in pages), timeout=LONG)
    scan_others(page_context.model, second_lot, moved=moved)
    for page in pages:
        settle(page, qtbot)
        assert not {text for text in texts_of(page) if text.startswith(("amber cell ·", "amber cell/"))}
        assert not page.content.isVisible()
        page.leave()


@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("stage", ["compare"], indirect=True)
def test_a_comparison_of_other_images_is_not_shown(
    shown: Shown, second_lot: Any, texts_of: Texts, moved: bool, qtbot: QtBot
) -> None:
    page = shown.page
    scan_others(page.model, second_lot, moved=moved)
    settle(page, qtbot)
    assert not {text for text in texts_of(page) if any(name in text for name in CLASSES)}
    assert not page.content.isVisible()
    assert not page.hint.text()


def test_the_same_images_elsewhere_stay_on_the_page(
    page_context: PageContext, first_lot: Any, texts_of: Texts, qtbot: QtBot, tmp_path: Path
) -> None:
    first_lot.open_in(page_context.model)
    page: Any = make_page("clusters", page_context, qtbot)
    qtbot.waitUntil(lambda: len(page.content.grid.images.images) > 0, timeout=LONG)
    before = len(page.content.grid.images.images)
    page.model.locate(tmp_path)
    assert page.content.isVisible()
    assert len(page.content.grid.images.images) == before
    page.leave()


def test_where_the_images_moved_a_stopped_job_can_be_started_again(
    page_context: PageContext, first_lot: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    first_lot.open_in(page_context.model)
    page: Any = make_page("coreset", page_context, qtbot)
    qtbot.waitUntil(lambda: page.content.sentence.text() != "", timeout=LONG)
    page.content.sizes.button.click()
    assert not page.content.sizes.button.isEnabled()
    page.model.locate(tmp_path)
    assert page.content.sizes.button.isEnabled()
    assert not page.job_numbers()
    page.leave()
