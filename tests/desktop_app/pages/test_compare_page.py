"""The Compare page, walked as a user does, with the fast judge on the demo."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from core.errors import CancelledError
from core.pipeline.grid import Grid
from core.progress import NO_PROGRESS, Progress
from core.results import Comparison, RunResult
from desktop_app.pages import compare as compare_page
from desktop_app.pages.compare import ComparePage
from desktop_app.pages.compare_report import ReportSheet
from desktop_app.pages.compare_search import SearchSheet
from desktop_app.pages.page import PageContext


@pytest.fixture(scope="module")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the finished runs of these tests are kept, so that none is trained twice."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def page(
    clustered_context: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, finished_runs: Path
) -> Iterator[ComparePage]:
    """The page on a clustered demo; a comparison of seconds is chosen."""
    monkeypatch.setattr(compare_page, "SETTLE_MS", 1)
    monkeypatch.setenv("CORESET_DATA", str(finished_runs))
    model = clustered_context.model
    model.set_settings("comparison", networks=("head",), fractions=(0.1, 1.0), samplers=("stratified",), controls=False)
    page = ComparePage(clustered_context)
    qtbot.addWidget(page)
    page.resize(1200, 760)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: page._plan is not None and not page.job_numbers())
    yield page
    page.leave()


def run(page: ComparePage, qtbot: QtBot) -> Comparison:
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.model.state("compare") == "done" and not page.job_numbers(), timeout=60_000)
    result = page.model.value("compare")
    assert isinstance(result, Comparison)
    return result


def rows(page: ComparePage) -> list[Any]:
    return list(page.picture.table.rows_model.rows)


def posts(page: ComparePage, level: str) -> list[str]:
    found: list[str] = page.messages.sentences(level)  # type: ignore[attr-defined]
    return found


def test_before_clusters_it_says_what_to_do(page_context: PageContext, qtbot: QtBot) -> None:
    page = ComparePage(page_context)
    qtbot.addWidget(page)
    page.enter()
    assert not page.run_button.isEnabled()
    assert page.run_button.toolTip() == "Cluster the classes first, on the Clusters page."
    assert not page.report.isEnabled()
    with qtbot.waitSignal(page.step_wanted) as wanted:
        page.empty.button.click()
    assert wanted.args == ["clusters"]
    page._choose_search()
    assert posts(page, "warning") == ["Cluster the classes first, on the Clusters page."]


def test_options_change_settings(page: ComparePage, qtbot: QtBot) -> None:
    options, model = page.options, page.model
    options.networks.boxes["custom"].click()
    assert model.settings("comparison").networks == ("custom", "head")
    options.networks.boxes["custom"].click()
    options.samplers.boxes["balanced-herding"].click()
    assert model.settings("comparison").samplers == ("stratified", "balanced-herding")
    options.fractions.setText("5; 20 %, 100")
    qtbot.keyClick(options.fractions, Qt.Key.Key_Return)
    assert model.settings("comparison").fractions == (0.05, 0.2, 1.0)
    options.repetitions.setValue(3)
    options.epochs.setValue(2)
    options.rate.setValue(0.004)
    options.interest.setValue(2)
    assert model.settings("comparison").repetitions == 3
    assert model.settings("training").epochs == 2
    assert model.settings("training").learning_rate == pytest.approx(0.004)
    assert model.settings("comparison").difference_of_interest == pytest.approx(0.02)
    model.undo_stack.undo()
    assert options.interest.value() == pytest.approx(1)
    qtbot.waitUntil(lambda: page._plan is not None and len(page._plan.runs) == 3 * 5)
    assert page.cost.text().startswith("15 trainings")


def test_wrong_fractions_are_put_right_with_a_sentence(page: ComparePage, qtbot: QtBot) -> None:
    for text in ("five", "0, 5", "120", ""):
        page.options.fractions.setFocus()
        page.options.fractions.setText(text)
        qtbot.keyClick(page.options.fractions, Qt.Key.Key_Return)
        assert page.model.settings("comparison").fractions == (0.1, 1.0)
        assert page.options.fractions.text() == "10, 100", f"after {text!r}"
    assert len(posts(page, "warning")) == 4


def test_the_last_network_and_the_last_sampler_stay(page: ComparePage) -> None:
    page.options.networks.boxes["head"].click()
    page.options.samplers.boxes["stratified"].click()
    assert page.model.settings("comparison").networks == ("head",)
    assert page.options.networks.boxes["head"].isChecked()
    assert page.options.samplers.boxes["stratified"].isChecked()
    assert posts(page, "warning") == [
        "At least one network is needed; the last one stays.",
        "At least one sampler is needed; the last one stays.",
    ]


def test_running_fills_table_words_and_figures(page: ComparePage, qtbot: QtBot) -> None:
    page.model.set_settings("comparison", samplers=("stratified", "balanced-herding"), repetitions=3)
    with qtbot.waitSignal(page.summary_told, timeout=60_000) as told:
        result = run(page, qtbot)
    assert told.args == ["9 trainings compared", ""]
    assert {(row.sampler, row.fraction) for row in rows(page)} == {
        ("everything", 1.0),
        ("stratified", 0.1),
        ("balanced-herding", 0.1),
    }
    assert all(0 < row.means["accuracy"] <= 1 for row in rows(page))
    assert result.sentences
    assert escape(result.sentences[0]) in page.picture.answer.text()
    assert "<b>Against everything</b>" in page.picture.answer.text()
    header, lines = page.picture.accuracy.plot_table()
    assert lines
    assert "accuracy" in " ".join(header).lower()
    facts = page.model.facts("compare")
    assert facts is not None
    assert facts["runs"] == 9
    assert page._picture.currentWidget() is page.picture


def test_a_cell_of_the_confusion_matrix_opens_the_images_behind_it(page: ComparePage, qtbot: QtBot) -> None:
    result = run(page, qtbot)
    page.picture.table.selectRow(1)
    row = rows(page)[1]
    matrix = page.picture.confusion
    counts = matrix.counts.counts
    assert counts.sum() == len(result.runs[0].test_indices)
    at = int(counts.diagonal().argmax())
    page.picture.tabs.setCurrentIndex(page.picture.tabs.count() - 1)
    matrix.clicked.emit(matrix.counts.index(at, at))
    found = page.picture.behind.images.images
    assert len(found) == counts[at, at]
    name = matrix.counts.classes[at]
    assert all(image.title.startswith(f"{name}/") for image in found)
    assert page.picture.behind_title.text().startswith(f"{name} recognised")
    page.picture.behind.opened.emit(found[0].key)
    assert page._viewer is not None
    assert page._viewer.isVisible()
    page._viewer.close()
    assert page.picture._row == row


def test_another_row_closes_the_cell(page: ComparePage, qtbot: QtBot) -> None:
    run(page, qtbot)
    matrix = page.picture.confusion
    matrix.clicked.emit(matrix.counts.index(0, 0))
    page.picture.table.selectRow(1)
    assert page.picture.behind.images.images == []
    assert page.picture.behind_title.text() == "Click a cell to see the test images behind it."


def test_a_cancelled_comparison_keeps_what_is_finished_and_goes_on(
    page: ComparePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from core.pipeline import window_jobs

    whole = window_jobs.compare
    page.model.set_settings("comparison", repetitions=2)
    monkeypatch.setenv("CORESET_DATA", str(tmp_path))

    class StopAfterOne:
        def __init__(self, into: Progress) -> None:
            self._into, self._n = into, 0

        def report(self, done: int, total: int, message: str = "") -> None:
            if self._n:
                raise CancelledError
            self._into.report(done, total, message)

        def publish(self, result: object) -> None:
            self._into.publish(result)
            self._n += isinstance(result, RunResult)

    def compare(study: Any, runs: Path, models: Path | None, progress: Progress = NO_PROGRESS) -> Comparison:
        return whole(study, runs, models, StopAfterOne(progress))

    monkeypatch.setattr(window_jobs, "compare", compare)
    page.try_run()
    qtbot.waitUntil(lambda: not page.job_numbers(), timeout=60_000)
    assert posts(page, "error") == []
    assert posts(page, "info") == ["1 finished training is kept; Train and compare goes on with the others."]
    assert len(rows(page)) == 1
    assert page.model.state("compare") == "ready"
    again = ComparePage(page.context)
    qtbot.addWidget(again)
    again.enter()
    qtbot.waitUntil(lambda: len(rows(again)) == 1 and not again.job_numbers())
    again.leave()
    monkeypatch.setattr(window_jobs, "compare", whole)
    result = run(page, qtbot)
    assert len(result.runs) == 4


def test_the_report_is_written(
    page: ComparePage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(page, qtbot)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **named: (str(tmp_path / "study"), ""))
    qtbot.mouseClick(page.report, Qt.MouseButton.LeftButton)
    sheet = page.findChild(ReportSheet)
    assert sheet is not None
    assert not sheet.is_private()
    sheet.accept_button.click()
    assert not sheet.isVisible()
    qtbot.waitUntil(lambda: (tmp_path / "study.html").exists() and not page.job_numbers(), timeout=60_000)
    assert "stratified" in (tmp_path / "study.html").read_text(encoding="utf-8").lower()
    assert posts(page, "info") == [f"The report is written: {tmp_path / 'study.html'}"]
    assert page.model.state("compare") == "done"


def test_dialogs_sent_away_start_nothing(page: ComparePage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **named: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given, **named: "")
    page._choose_report()
    sheet = page.findChild(ReportSheet)
    assert sheet is not None
    sheet.accept_button.click()
    assert sheet.isVisible()
    sheet.reject()
    page._choose_prediction()
    assert page.job_numbers() == ()


def test_the_search_sheet_wants_numbers(page: ComparePage, qtbot: QtBot) -> None:
    page._choose_search()
    sheet = page.findChild(SearchSheet)
    assert sheet is not None
    heard: list[Any] = []
    sheet.search_wanted.disconnect()
    sheet.search_wanted.connect(lambda *given: heard.append(given))
    for field, wrong in (("rates", "fast"), ("rates", "-1"), ("dropouts", "1.5"), ("epochs", "2.5"), ("epochs", "")):
        control = getattr(sheet, field)
        right = control.text()
        control.setText(wrong)
        sheet.accept_button.click()
        assert sheet.isVisible(), f"{field} {wrong!r} was taken"
        assert sheet._problem.text(), f"{field} {wrong!r}"
        assert heard == []
        control.setText(right)
        assert sheet.accept_button.isEnabled()
        assert sheet._problem.text() == ""
    sheet.with_pool.click()
    sheet.accept_button.click()
    assert heard == [(Grid((0.0005, 0.002, 0.008), (0.0, 0.1), (25,)), "custom", True)]
    assert not sheet.isVisible()


def test_a_plan_that_cannot_be_done_says_why(page: ComparePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.features.weights.weight_folders", lambda: ())
    page.options.networks.boxes["transfer"].click()
    qtbot.waitUntil(lambda: page._plan is not None and bool(page._plan.problem) and not page.job_numbers())
    assert not page.run_button.isEnabled()
    assert "weights" in page.run_button.toolTip()
    assert page.cost.text() == page.run_button.toolTip()


def test_another_project_starts_empty(page: ComparePage, qtbot: QtBot, tmp_path: Path) -> None:
    run(page, qtbot)
    page.model.start(tmp_path)
    assert page._picture.currentWidget() is page.empty
    assert page.cost.text() == ""
    assert rows(page) == []
