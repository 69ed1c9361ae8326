"""The Compare page, walked as a user does, with the linear probe on the demo."""

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLineEdit, QPushButton, QScrollArea
from pytestqt.qtbot import QtBot

from coreset_studio.core.data.sizes import training_side
from coreset_studio.core.data.split import make_split
from coreset_studio.core.descriptions import registry
from coreset_studio.core.errors import CancelledError, MissingWeightsError
from coreset_studio.core.pipeline.views import SearchOutcome
from coreset_studio.core.pipeline.words import bundle_name
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import Comparison, Epoch, RunResult
from coreset_studio.core.results.searches import SearchResult, SearchTrial, TrialResult
from coreset_studio.core.service.comparison_requests import CompareNetworks
from coreset_studio.core.settings import SearchSettings, own_settings
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.help_window import HelpWindow
from coreset_studio.desktop_app.pages import compare as compare_page
from coreset_studio.desktop_app.pages.compare import ComparePage
from coreset_studio.desktop_app.pages.compare_report import ReportSheet
from coreset_studio.desktop_app.pages.compare_search import ESTIMATING, SearchResultSheet, SearchSheet
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.widgets.check_group import CheckGroup
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer

KEEP, PREDICT, FOLDER, FILE, SEARCH = range(5)  # actions of the menu of networks


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
    qtbot.waitUntil(lambda: page.plan is not None and not page.job_numbers())
    yield page
    page.leave()


def run(page: ComparePage, qtbot: QtBot) -> Comparison:
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.model.state("compare") == "done" and not page.job_numbers(), timeout=60_000)
    result = page.model.value("compare")
    assert isinstance(result, Comparison)
    return result


def rows(page: ComparePage) -> list[Any]:
    return list(page.content.table.rows_model.rows)


def posts(page: ComparePage, level: str) -> list[str]:
    found: list[str] = page.messages.sentences(level)  # type: ignore[attr-defined]
    return found


def test_before_clusters_it_says_what_to_do(page_context: PageContext, qtbot: QtBot) -> None:
    page = ComparePage(page_context)
    qtbot.addWidget(page)
    page.enter()
    assert not page.run_button.isEnabled()
    assert page.run_button.toolTip() == "Cluster the classes first, on the Clusters page."
    assert not page.tools.report.isEnabled()
    with qtbot.waitSignal(page.step_requested) as wanted:
        page.empty.button.click()
    # The first step that is not done, as the bar below says.
    assert (wanted.args, page.empty.button.text()) == (["dataset"], "Go to Dataset")
    page.tools.network_menu.actions()[SEARCH].trigger()
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
    page.controls.placed["comparison.repetitions"].setValue(3)
    page.controls.placed["training.epochs"].setValue(2)
    page.controls.placed["training.learning_rate"].setValue(0.004)
    page.controls.placed["comparison.difference_of_interest"].setValue(2)
    assert model.settings("comparison").repetitions == 3
    assert model.settings("training").epochs == 2
    assert model.settings("training").learning_rate == pytest.approx(0.004)
    assert model.settings("comparison").difference_of_interest == pytest.approx(0.02)
    model.undo_stack.undo()
    assert page.controls.placed["comparison.difference_of_interest"].value() == pytest.approx(1)
    qtbot.waitUntil(lambda: page.plan is not None and len(page.plan.runs) == 3 * 5)
    assert page.cost.text().startswith("15 trainings")


def test_the_image_size_can_be_taken_from_the_images(page: ComparePage) -> None:
    model = page.model
    button = page.findChild(QPushButton, "value_of_images_training.image_size")
    assert isinstance(button, QPushButton)
    assert button.isEnabled()
    dataset = model.latest_value("dataset").dataset  # type: ignore[attr-defined]
    expected = training_side(dataset)
    assert expected != model.settings("training").image_size == 256
    button.click()
    assert model.settings("training").image_size == expected
    assert page.controls.placed["training.image_size"].value() == expected  # type: ignore[attr-defined]
    model.undo_stack.undo()
    assert model.settings("training").image_size == 256
    page.controls.show_dataset(None)
    assert not button.isEnabled()
    assert button.toolTip() == "Scan the images first"


def test_no_choice_is_cut_by_the_scroll_bar(page: ComparePage, qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "light")  # its numbers are wider than those of a bare style
    page.resize(1116, 600)
    column = _options(page)
    qtbot.waitUntil(lambda: column.verticalScrollBar().isVisible())
    assert column.widget().minimumSizeHint().width() <= column.viewport().width()


def _options(page: ComparePage) -> QScrollArea:
    return next(area for area in page.findChildren(QScrollArea) if area.accessibleName() == "Options")


def test_the_samplers_explain_themselves_in_help(page: ComparePage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.options.about_samplers, Qt.MouseButton.LeftButton)
    opened = page.window().findChild(HelpWindow)
    assert isinstance(opened, HelpWindow)
    assert opened.isVisible()
    assert "Balanced herding" in opened.text.toPlainText()
    opened.close()


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
        "At least one network is required.",
        "At least one sampler is required.",
    ]


@pytest.mark.slow
def test_running_fills_table_words_and_figures(page: ComparePage, qtbot: QtBot) -> None:
    page.model.set_settings("comparison", samplers=("stratified", "balanced-herding"), repetitions=3)
    with qtbot.waitSignal(page.summary_reported, timeout=60_000) as told:
        result = run(page, qtbot)
    assert told.args == ["9 trainings compared", ""]
    assert {(row.sampler, row.fraction) for row in rows(page)} == {
        ("everything", 1.0),
        ("stratified", 0.1),
        ("balanced-herding", 0.1),
    }
    assert all(0 < row.means["accuracy"] <= 1 for row in rows(page))
    assert result.sentences
    assert escape(result.sentences[0]) in page.content.answer.text()
    assert "<b>Compared with the whole pool</b>" in page.content.answer.text()
    header, lines = page.content.accuracy.plot_table()
    assert lines
    assert "accuracy" in " ".join(header).lower()
    first = page.content.table.rows_model.rows[0]
    page.content.table.row_chosen.emit(first)
    runs = page.content.runs_of_row()
    classes = page.content.classes.table.rows_model.rows
    assert [one.name for one in classes] == list(runs[0].classes)
    for one in classes:
        mean, low, high = one.measured("specificity")
        assert mean == pytest.approx(sum(run.metrics.class_values["specificity"][one.name] for run in runs) / len(runs))
        assert low < mean <= high or mean == high == 1
    header, lines = page.content.classes.roc.plot_table()
    assert header == ("curve", "1 − specificity", "sensitivity")
    assert {line[0] for line in lines} == {*runs[0].classes, "mean of the classes"}
    assert page.content.classes.reliability.plot_table()[1]
    assert page.content.reliability_card.note == (f"expected calibration error {first.means['calibration_error']:.3f}")
    facts = page.model.facts("compare")
    assert facts is not None
    assert facts["runs"] == 9
    assert page.empty.isHidden()


def test_a_cell_of_the_confusion_matrix_opens_the_images_behind_it(page: ComparePage, qtbot: QtBot) -> None:
    result = run(page, qtbot)
    page.content.table.selectRow(1)
    row = rows(page)[1]
    matrix = page.content.confusion
    counts = matrix.counts.counts
    assert counts.sum() == len(result.runs[0].test_indices)
    at = int(counts.diagonal().argmax())
    page.content.tabs.setCurrentIndex(page.content.tabs.count() - 1)
    matrix.clicked.emit(matrix.counts.index(at, at))
    found = page.content.behind.images.images
    assert len(found) == counts[at, at]
    name = matrix.counts.classes[at]
    assert all(image.title.startswith(f"{name}/") for image in found)
    assert page.content.behind_title.text().startswith(f"{name} recognised")
    page.content.behind.opened.emit(found[0].key)
    (viewer,) = page.findChildren(ImageViewer)
    assert viewer.isVisible()
    viewer.close()
    assert page.content.row == row


def test_another_row_closes_the_cell(page: ComparePage, qtbot: QtBot) -> None:
    run(page, qtbot)
    matrix = page.content.confusion
    matrix.clicked.emit(matrix.counts.index(0, 0))
    page.content.table.selectRow(1)
    assert page.content.behind.images.images == []
    assert page.content.behind_title.text() == "Click a cell to show the test images behind it."


@pytest.mark.slow
def test_a_cancelled_comparison_keeps_what_is_finished_and_goes_on(
    page: ComparePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = CompareNetworks.run
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

    def compare(request: CompareNetworks, progress: Progress) -> Comparison:
        return whole(request, StopAfterOne(progress))

    monkeypatch.setattr(CompareNetworks, "run", compare)
    page.try_run()
    qtbot.waitUntil(lambda: not page.job_numbers(), timeout=60_000)
    assert posts(page, "error") == []
    assert posts(page, "info") == ["1 finished training is kept; Train and compare continues with the others."]
    assert len(rows(page)) == 1
    assert page.model.state("compare") == "ready"
    again = ComparePage(page.context)
    qtbot.addWidget(again)
    again.enter()
    qtbot.waitUntil(lambda: len(rows(again)) == 1 and not again.job_numbers())
    again.leave()
    monkeypatch.setattr(CompareNetworks, "run", whole)
    result = run(page, qtbot)
    assert len(result.runs) == 4


@pytest.mark.slow
def test_the_report_is_written(
    page: ComparePage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(page, qtbot)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **named: (str(tmp_path / "study"), ""))
    qtbot.mouseClick(page.tools.report, Qt.MouseButton.LeftButton)
    sheet = page.findChild(ReportSheet)
    assert sheet is not None
    assert not sheet.is_private()
    sheet.accept_button.click()
    assert not sheet.isVisible()
    qtbot.waitUntil(lambda: (tmp_path / "study.html").exists() and not page.job_numbers(), timeout=60_000)
    assert "stratified" in (tmp_path / "study.html").read_text(encoding="utf-8").lower()
    assert posts(page, "info") == [f"Report written to {tmp_path / 'study.html'}"]
    assert page.model.state("compare") == "done"


def test_dialogs_sent_away_start_nothing(page: ComparePage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **named: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given, **named: "")
    page.tools.report.click()
    sheet = page.findChild(ReportSheet)
    assert sheet is not None
    sheet.accept_button.click()
    assert sheet.isVisible()
    sheet.reject()
    page.tools.network_menu.actions()[PREDICT].trigger()
    assert page.job_numbers() == ()


def search_sheet(page: ComparePage) -> SearchSheet:
    """The sheet of the search, which is open; what it asks for goes to the page alone."""
    page.tools.network_menu.actions()[SEARCH].trigger()
    sheet = page.findChildren(SearchSheet)[-1]
    sheet.search_requested.disconnect()
    sheet.estimate_requested.disconnect()
    return sheet


def type_in(sheet: SearchSheet, qtbot: QtBot, name: str, text: str) -> None:
    line = sheet.controls[name].widget
    assert isinstance(line, QLineEdit)
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, text)


def test_the_search_sheet_takes_what_can_be_trained_and_says_what_cannot(page: ComparePage, qtbot: QtBot) -> None:
    sheet = search_sheet(page)
    heard: list[Any] = []
    sheet.search_requested.connect(heard.append)
    for name, wrong, sentence in (
        ("learning_rate_range", "fast", "Learning rate from, to: “fast” is not valid; expected numbers"),
        ("learning_rate_range", "0.1, 0.01", "must have the lowest learning rate first; found 0.1 and then 0.01."),
        ("dropout_range", "0, 1.5", "“Dropout from, to” must be from 0 to below 1; found 1.5."),
        ("dropout_range", "0.2", "must be two numbers, the lowest and the highest dropout, such as 0,0.5; found 0.2."),
        ("image_size_range", "8, 64", "“Image size from, to” must be whole numbers from 32 to 4096; found 8."),
    ):
        type_in(sheet, qtbot, name, wrong)
        sheet.accept_button.click()
        assert sheet.isVisible(), f"{name} {wrong!r} was taken"
        assert sentence in sheet.problem
        assert heard == []
        assert sheet.accept_button.isEnabled(), "what was refused is taken back"
    type_in(sheet, qtbot, "dropout_range", "0.1, 0.3")
    sheet.controls["trials"].widget.setValue(7)  # type: ignore[attr-defined]
    sheet.controls["with_pool"].widget.click()  # type: ignore[attr-defined]
    sheet.accept_button.click()
    assert heard == [SearchSettings(method="tpe", trials=7, dropout_range=(0.1, 0.3), with_pool=True)]
    assert not sheet.isVisible()


def test_the_search_sheet_shows_what_has_an_effect(page: ComparePage, qtbot: QtBot) -> None:
    page.change_settings("training", shifts=None)
    sheet = search_sheet(page)
    shown = {name for name, control in sheet.controls.items() if control.widget.isVisibleTo(sheet)}
    with_trials = {
        "network", "method", "with_pool", "trials", "parameters", "pruning", "search_seed", "learning_rate_range",
        "image_size_range", "dropout_range",
    }  # fmt: skip
    assert shown == with_trials
    group = sheet.controls["parameters"].widget
    assert isinstance(group, CheckGroup)
    assert [name for name, box in group.boxes.items() if box.isEnabled()] == ["learning_rate", "image_size", "dropout"]
    assert group.boxes["augmentation"].toolTip().startswith("The recipe has none; set an amount with --shifts")
    group.boxes["dropout"].click()
    assert sheet.search.parameters == ("learning_rate", "image_size")
    assert not sheet.controls["dropout_range"].widget.isVisibleTo(sheet)
    group.boxes["dropout"].click()
    assert sheet.search.parameters == (), "all that there are"
    method = sheet.controls["method"].widget
    assert isinstance(method, QComboBox)
    method.setCurrentIndex(method.findData("grid"))
    shown = {name for name, control in sheet.controls.items() if control.widget.isVisibleTo(sheet)}
    assert shown == {"network", "method", "with_pool", "learning_rates", "dropouts", "epoch_counts"}
    sheet.reject()


def test_the_search_sheet_tells_the_estimate_and_what_is_done(page: ComparePage, qtbot: QtBot) -> None:
    sheet = search_sheet(page)
    with qtbot.waitSignal(sheet.estimate_requested) as wanted:
        sheet.controls["trials"].widget.setValue(3)  # type: ignore[attr-defined]
    assert wanted.args == [sheet.search]
    sheet.show_estimate(replace(sheet.search, trials=9), "Of others.")
    assert sheet.estimate.text() == ESTIMATING
    sheet.show_estimate(sheet.search, "About 3 min.", 2, 3)
    assert sheet.estimate.text() == "About 3 min. 2 of 3 trials are done already."
    assert sheet.accept_button.text() == "Continue"
    sheet.reject()


def test_the_best_configuration_of_a_search_is_set_and_can_be_undone(page: ComparePage, qtbot: QtBot) -> None:
    before = page.model.settings("training")
    trials = (
        SearchTrial(1, {"learning_rate": 0.01, "dropout": 0.3}, TrialResult(0.9, 5, 3.0), TrialResult(0.95, 5, 30.0)),
        SearchTrial(
            0, {"learning_rate": 0.02, "dropout": 0.1}, TrialResult(0.5, 2, 1.0, 2), TrialResult(0.96, 5, 30.0)
        ),
    )
    titles = {"learning_rate": "Learning rate", "dropout": "Dropout after pooling"}
    result = SearchResult("tpe", "custom", "custom network", "random", titles, trials, 30, 300, 4.0, 60.0)
    best = replace(before, learning_rate=0.01, dropout=0.3)
    outcome = SearchOutcome(result, ("Two trials.",), best, Path("search.csv"), Path("search-report.html"))
    page.tools._show_search(outcome)
    sheet = page.findChildren(SearchResultSheet)[-1]
    model = sheet.table.model()
    cells = [[model.index(row, column).data() for column in range(model.columnCount())] for row in range(2)]
    assert cells == [
        ["2", "0.01", "0.3", "0.900", "5", "complete", "3 s", "0.950", "30 s"],
        ["1", "0.02", "0.1", "0.500", "2", "pruned after epoch 2", "1 s", "0.960", "30 s"],
    ]
    sheet.use_button.click()
    assert page.model.settings("training") == best
    page.model.undo_stack.undo()
    assert page.model.settings("training") == before


def test_the_table_says_how_networks_were_trained(page: ComparePage, qtbot: QtBot) -> None:
    result = run(page, qtbot)
    assert page.content.table_card.note.startswith("Trained on "), "the head has no steps"
    for steps, words in (("falling", "steps falling with the images"), ("equal", "equal steps at every fraction")):
        page.content.show_comparison(replace(result, steps=steps))
        assert page.content.table_card.note.startswith(f"Trained with {words} on ")
    columns = {column.title: column for column in page.content.table.rows_model.columns}
    assert columns["Validation"].text(replace(result.rows[0], validation_seconds=2.0)) == "2 s"
    assert columns["Validation"].text(replace(result.rows[0], validation_seconds=float("nan"))) == "–"
    assert "including validation" in columns["Training"].tooltip


def test_a_plan_that_cannot_be_done_says_why(page: ComparePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: ())
    page.options.networks.boxes["transfer"].click()
    qtbot.waitUntil(lambda: page.plan is not None and bool(page.plan.problem) and not page.job_numbers())
    assert not page.run_button.isEnabled()
    assert "weights" in page.run_button.toolTip()
    assert page.cost.text() == page.run_button.toolTip()


@pytest.fixture
def new_page(clustered_context: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[ComparePage]:
    """The page where nothing was asked for, on a machine that has VGG16's weights and no others."""

    def find(name: str, **_: object) -> None:
        if name != "vgg16":
            raise MissingWeightsError(f"The weights of {name} are nowhere.")

    monkeypatch.setattr("coreset_studio.core.pipeline.outlook.find_weights", find)
    monkeypatch.setattr(compare_page, "SETTLE_MS", 1)
    page = ComparePage(clustered_context)
    qtbot.addWidget(page)
    page.show()
    yield page
    page.leave()


def plan_shown(page: ComparePage) -> bool:
    return page.plan is not None and not page.plan.problem and not page.job_numbers()


def test_the_comparison_runs_as_it_comes(new_page: ComparePage, qtbot: QtBot) -> None:
    page, model = new_page, new_page.model
    model.set_settings("selection", sampler="herding", fraction=0.1)
    said: list[str] = []
    page.run_state_changed.connect(lambda: said.append(page.cost.text()))
    page.enter()
    qtbot.waitUntil(lambda: plan_shown(page))
    assert page.run_button.isEnabled()
    assert page.cost.text().endswith(
        "ResNet101V2 weights are not installed; using VGG16 as the backbone of the transfer network instead."
    )
    assert not any("Import or download" in words for words in said)
    comparison = model.settings("comparison")
    assert (comparison.networks, comparison.repetitions) == (("custom", "transfer"), 3)
    assert (comparison.samplers, comparison.fractions) == (("random", "herding"), (0.1, 1.0))


def test_the_comparison_follows_the_coreset_until_something_else_is_asked_for(
    new_page: ComparePage, qtbot: QtBot
) -> None:
    page, model = new_page, new_page.model
    page.enter()
    qtbot.waitUntil(lambda: plan_shown(page))
    page.leave()
    model.set_settings("selection", sampler="k-center", fraction=0.05)
    page.enter()
    assert model.settings("comparison").samplers == ("random", "k-center")
    assert model.settings("comparison").fractions == (0.05, 1.0)
    model.set_settings("comparison", fractions=(0.3, 1.0))
    page.leave()
    model.set_settings("selection", sampler="medoid")
    page.enter()
    assert model.settings("comparison").samplers == ("random", "k-center")


def test_a_network_that_the_user_asks_for_stays_and_says_what_it_lacks(new_page: ComparePage, qtbot: QtBot) -> None:
    page, model = new_page, new_page.model
    page.enter()
    qtbot.waitUntil(lambda: plan_shown(page))
    model.set_settings("training", own={})  # ResNet101V2 again
    qtbot.waitUntil(lambda: page.plan is not None and bool(page.plan.problem) and not page.job_numbers())
    assert "ResNet101V2" in page.cost.text()
    assert not page.run_button.isEnabled()
    assert own_settings(model.settings("training"), NETWORKS["transfer"]).backbone == "resnet101v2"


@pytest.mark.slow
def test_epochs_that_the_least_number_of_steps_adds_are_told(page: ComparePage, qtbot: QtBot) -> None:
    def ask(**training: int) -> str:
        page._plan = None
        page.model.set_settings("training", batch_size=8, **training)
        qtbot.waitUntil(lambda: page.plan is not None and not page.job_numbers())
        return page.cost.text()

    page.model.set_settings("comparison", networks=("custom",), fractions=(0.1, 1.0))
    plain = ask(epochs=3, min_steps=0)
    assert "Epochs:" not in plain
    n_pool = max(run.n_images for run in page.plan.runs)  # type: ignore[union-attr]
    small, large = (-(-n // 8) for n in (round(0.1 * n_pool), n_pool))
    told = ask(epochs=3, min_steps=5 * large)
    assert f"Epochs: 10 %: {-(-5 * large // small)}, 100 %: 5; the minimum number of training steps" in told


def test_another_project_starts_empty(page: ComparePage, qtbot: QtBot, tmp_path: Path) -> None:
    run(page, qtbot)
    page.model.start(tmp_path)
    assert not page.empty.isHidden()
    assert page.cost.text() == ""
    assert rows(page) == []


def test_splits_are_chosen_beside_repetitions(
    page: ComparePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CORESET_DATA", str(tmp_path))
    splits, model = page.controls.placed["comparison.splits"], page.model
    assert (splits.accessibleName(), splits.value()) == ("Splits", 1)
    assert "random splits" in splits.toolTip()
    splits.setValue(3)
    assert model.settings("comparison").splits == 3
    qtbot.waitUntil(lambda: page.plan is not None and page.plan.n_splits == 3 and not page.job_numbers())
    assert page.cost.text().startswith("6 trainings over 3 splits, about ")
    assert page.hint.text().startswith("6 trainings remaining, about ")
    model.undo_stack.undo()
    assert splits.value() == 1
    qtbot.waitUntil(lambda: page.plan is not None and page.plan.n_splits == 1 and not page.job_numbers())
    model.undo_stack.redo()
    assert splits.value() == 3


def test_a_split_that_was_brought_is_said_on_the_box(page: ComparePage, qtbot: QtBot) -> None:
    model = page.model
    summary = model.latest_value("dataset")
    brought = replace(summary, split=replace(summary.split, is_predefined=True))
    model.store_result("dataset", model.key("dataset"), model.facts("dataset") or {}, brought, content=summary.identity)
    page.refresh()
    assert not page.controls.placed["comparison.splits"].isEnabled()
    assert "has a predefined split" in page.controls.placed["comparison.splits"].toolTip()
    model.set_settings("comparison", splits=2)
    assert page.controls.placed["comparison.splits"].isEnabled(), "so that it can be taken back"
    page._plan = replace(page.plan, problem="The images have a predefined split.")  # type: ignore[type-var]
    page._show_cost()
    assert page.run_button.toolTip() == "The images have a predefined split."
    assert not page.run_button.isEnabled()


@pytest.mark.slow
def test_several_splits_are_told_everywhere(page: ComparePage, qtbot: QtBot) -> None:
    page.model.set_settings("comparison", splits=2, repetitions=2)
    result = run(page, qtbot)
    assert result.n_splits == 2
    assert len(result.runs) == 8
    table = page.content.table
    titles = [column.title for column in table.rows_model.columns]
    assert titles.index("Splits") not in table.absent
    assert [row.n_splits for row in rows(page)] == [2, 2]
    assert "Measured over 2 splits, 2 repetitions each" in page.content.answer.text()
    assert page.content.accuracy_card.note == "mean of 2 splits"
    table.selectRow(0)
    assert page.content.confusion_card.note == "sum of 4 trainings, 2 splits"
    matrix = page.content.confusion
    tests = [run.test_indices for run in result.runs if run.key.sampler == "stratified"]
    assert matrix.counts.counts.sum() == sum(len(one) for one in tests)
    at = int(matrix.counts.counts.diagonal().argmax())
    matrix.clicked.emit(matrix.counts.index(at, at))
    found = {image.key for image in page.content.behind.images.images}
    assert found <= set().union(*(one.tolist() for one in tests))
    assert not found <= set(tests[0].tolist()), "images of the second split, too"
    assert "in 4 trainings" in page.content.behind_title.text()
    # The estimate comes from a job of its own.
    qtbot.waitUntil(lambda: page.cost.text() == "8 trainings over 2 splits, all finished.", timeout=20_000)
    assert page.hint.text() == ""


@pytest.mark.slow
def test_folds_are_told_everywhere(page: ComparePage, qtbot: QtBot) -> None:
    model = page.model
    summary = model.latest_value("dataset")
    model.set_settings("data", folds=2)
    split = make_split(summary.dataset, model.settings("data"))
    model.store_result("dataset", model.key("dataset"), {}, replace(summary, split=split), content=summary.identity)
    for stage in ("features", "clusters"):
        model.store_result(stage, model.key(stage), {"seconds": 1.0})
    page.look_ahead()
    qtbot.waitUntil(lambda: page.plan is not None and page.plan.folds == 2 and not page.job_numbers())
    assert page.cost.text().startswith("4 trainings over 2 folds, about ")
    splits = page.controls.placed["comparison.splits"]
    assert not splits.isEnabled()
    assert splits.toolTip() == "The Dataset page divides the images into 2 folds, each of which is the test set once"
    result = run(page, qtbot)
    assert (result.folds, result.n_splits) == (2, 2)
    table = page.content.table
    titles = [column.title for column in table.rows_model.columns]
    assert not table.isColumnHidden(titles.index("Folds"))
    assert "Splits" not in titles
    assert "Measured over 2 folds, 1 repetition each" in page.content.answer.text()
    assert page.content.accuracy_card.note == "mean of 2 folds"
    table.selectRow(0)
    assert page.content.confusion_card.note == "sum of 2 trainings, 2 folds"
    tested = {int(index) for one in result.runs for index in one.test_indices}
    assert tested == set(range(len(summary.dataset.images)))
    model.set_settings("comparison", splits=3)
    assert splits.isEnabled(), "so that it can be taken back"
    qtbot.waitUntil(lambda: page.plan is not None and "2 folds and 3 splits" in page.plan.problem)
    assert not page.run_button.isEnabled()


@pytest.mark.slow
def test_a_restart_shows_finished_trainings_without_a_training(
    page: ComparePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.model.set_settings("comparison", splits=2)
    result = run(page, qtbot)
    shown = page.content.answer.text()
    page.leave()

    def never(*_given: Any, **_named: Any) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr("coreset_studio.core.pipeline.comparing.train", never)
    page.model._values["compare"].clear()
    again = ComparePage(page.context)
    qtbot.addWidget(again)
    again.enter()
    qtbot.waitUntil(lambda: again.model.value("compare") is not None and not again.job_numbers(), timeout=60_000)
    assert again.content.answer.text() == shown
    assert len(rows(again)) == len(result.rows)
    assert posts(again, "warning") == []
    assert again.model.state("compare") == "done"
    again.leave()


@pytest.mark.slow
def test_finished_trainings_that_are_gone_are_told(
    page: ComparePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CORESET_DATA", str(tmp_path))
    run(page, qtbot)
    next((tmp_path / "runs").glob("*.json")).unlink()
    page.model._values["compare"].clear()
    page.enter()
    qtbot.waitUntil(lambda: bool(posts(page, "warning")) and not page.job_numbers())
    assert posts(page, "warning") == [
        "1 finished training was not found in the cache; Train and compare computes it again."
    ]
    assert len(rows(page)) == 1


@pytest.mark.slow
def test_finished_trainings_that_cannot_be_read_are_told(
    page: ComparePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CORESET_DATA", str(tmp_path))
    result = run(page, qtbot)
    assert all(each.probabilities is None for each in result.runs)
    damaged = next((tmp_path / "runs").glob("*.json"))
    damaged.write_text("{}")
    told = f"1 stored run could not be read (file {damaged.name}: "
    page.model._values["compare"].clear()
    page.enter()
    qtbot.waitUntil(lambda: bool(posts(page, "warning")) and not page.job_numbers())
    assert [sentence[: len(told)] for sentence in posts(page, "warning")] == [told]
    assert len(rows(page)) == 1
    qtbot.waitUntil(lambda: told in page.cost.text())
    assert told in page.content.answer.text()
    again = run(page, qtbot)
    assert len(again.rows) == 2
    page.model._values["compare"].clear()
    page.enter()
    qtbot.waitUntil(lambda: page.model.value("compare") is not None and not page.job_numbers())
    assert told not in page.cost.text()
    assert told not in page.content.answer.text()


@pytest.mark.slow
def test_what_is_shown_of_other_choices_says_so(page: ComparePage, qtbot: QtBot) -> None:
    run(page, qtbot)
    assert page.hint.text() == ""
    page.model.set_settings("comparison", fractions=(0.37, 1.0), networks=("custom",))
    qtbot.waitUntil(lambda: not page.job_numbers() and page._known == set())
    assert page.hint.text() == "Showing results for previous settings"
    assert len(rows(page)) == 2


@pytest.mark.slow
def test_a_report_without_names_is_asked_for_where_it_is_written(
    page: ComparePage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(page, qtbot)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **named: (str(tmp_path / "away.html"), ""))
    qtbot.mouseClick(page.tools.report, Qt.MouseButton.LeftButton)
    sheet = page.findChild(ReportSheet)
    assert sheet is not None
    sheet.private.click()
    sheet.accept_button.click()
    qtbot.waitUntil(lambda: (tmp_path / "away.html").exists() and not page.job_numbers(), timeout=60_000)
    html = (tmp_path / "away.html").read_text(encoding="utf-8")
    summary = page.model.latest_value("dataset")
    assert not any(image.path in html for image in summary.dataset.images)
    assert page.model.settings("export").private is False


def test_the_network_of_a_row_is_saved(
    page: ComparePage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.content.show_comparison(Comparison((), (), (), ()))
    page.tools.network_menu.actions()[KEEP].trigger()
    result = run(page, qtbot)
    page.tools.network_menu.actions()[KEEP].trigger()
    custom = replace(result.rows[0], network="custom")
    page.content._row = custom
    page.tools.network_menu.actions()[KEEP].trigger()
    assert [sentence.split(";")[0].split(".")[0] for sentence in posts(page, "warning")] == [
        "Select a row of the results first",
        "The linear probe uses features and is not saved",
        "The network of this row was not saved",
    ]
    key = replace(result.runs[0].key, network="custom")
    monkeypatch.setattr(page.content, "runs_of_row", lambda: [replace(result.runs[0], key=key)])
    monkeypatch.setenv("CORESET_DATA", str(tmp_path / "data"))
    bundle = tmp_path / "data" / "models" / bundle_name(key)
    bundle.mkdir(parents=True)
    (bundle / "bundle.json").write_text("{}")
    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given, **named: str(tmp_path / "mine"))
    page.tools.network_menu.actions()[KEEP].trigger()
    qtbot.waitUntil(lambda: not page.job_numbers())
    assert (tmp_path / "mine" / bundle.name / "bundle.json").read_text() == "{}"
    assert posts(page, "info")[-1] == f"Network saved to {tmp_path / 'mine' / bundle.name}"
    page.tools.network_menu.actions()[KEEP].trigger()
    qtbot.waitUntil(lambda: not page.job_numbers())
    assert "already exists" in posts(page, "error")[-1]


def test_the_training_in_progress_is_named(page: ComparePage, qtbot: QtBot) -> None:
    page.model.set_settings("comparison", splits=2)
    qtbot.waitUntil(lambda: page.plan is not None and page.plan.n_splits == 2 and not page.job_numbers())
    epoch = Epoch(3, 1.0, 0.5, 1.0, 0.4, 0.1, 1.0)
    page._done = []
    assert page._training_words(epoch) == (
        "Linear probe, the whole pool, split 1 of 2, repetition 1, epoch 3 (training 1 of 4)"
    )
    page._done = [None] * 3  # type: ignore[list-item]
    assert page._training_words(epoch).startswith("Linear probe, Stratified random 10 %, split 2 of 2, repetition 1")


@pytest.mark.slow
def test_a_network_trained_here_predicts_a_folder(
    page: ComparePage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Train, save the network of the chosen row, and let the saved one predict images; all by the page's own menu."""
    monkeypatch.setenv("CORESET_DATA", str(tmp_path / "data"))
    page.model.set_settings("training", epochs=1, min_steps=0, image_size=32)
    page.model.set_settings("comparison", networks=("custom",), fractions=(1.0,))
    run(page, qtbot)
    page.content.table.selectRow(0)
    (tmp_path / "mine").mkdir()
    asked = [str(tmp_path / "mine")]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given, **named: asked.pop(0))
    page.tools.network_menu.actions()[KEEP].trigger()
    qtbot.waitUntil(lambda: not page.job_numbers())
    (kept,) = (tmp_path / "mine").iterdir()
    summary = page.model.latest_value("dataset")
    folder = summary.dataset.root / summary.dataset.images[0].class_name
    out = tmp_path / "predictions.csv"
    asked += [str(kept), str(folder)]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **named: (str(out), ""))
    page.tools.network_menu.actions()[PREDICT].trigger()
    qtbot.waitUntil(lambda: out.exists() and not page.job_numbers(), timeout=60_000)
    lines = out.read_text(encoding="utf-8").splitlines()
    n_images = sum(image.class_name == folder.name for image in summary.dataset.images)
    assert len(lines) - 1 == n_images
    assert posts(page, "info")[-1] == f"{n_images:,} images predicted: {out}"


def test_every_extractor_can_be_the_probe_and_every_network_the_backbone(page: ComparePage) -> None:
    probe, backbone = (
        page.controls.placed["training.head.judge_extractor"],
        page.controls.placed["training.transfer.backbone"],
    )
    names = [probe.itemData(place) for place in range(probe.count())]
    assert names == ["", *registry("extractor")]
    shown = {backbone.itemData(place): backbone.itemText(place) for place in range(backbone.count())}
    assert list(shown.items()) == [
        ("vgg16", "VGG16"),
        ("resnet101v2", "ResNet101V2"),
        ("mobilenetv2", "MobileNetV2"),
        ("efficientnet-lite0", "EfficientNet-Lite0"),
    ]
    assert "the paper uses ResNet101V2" in backbone.toolTip()


@pytest.fixture
def plugin_page(plugin_networks: str, page: ComparePage) -> ComparePage:
    """The page of a program with the networks of a plugin; these are chosen."""
    assert plugin_networks
    page.model.set_settings("comparison", networks=("nearest-mean",))
    page.refresh()
    return page


@pytest.mark.slow
def test_a_network_of_a_plugin_is_offered_trained_and_shown(plugin_page: ComparePage, qtbot: QtBot) -> None:
    page = plugin_page
    box = page.options.networks.boxes["nearest-mean"]
    assert (box.text(), box.isChecked()) == ("Nearest mean", True)
    assert box.toolTip() == "Takes an image for the class whose mean is nearest"
    qtbot.waitUntil(lambda: not page.job_numbers())
    result = run(page, qtbot)
    assert {row.network for row in result.rows} == {"nearest-mean"}
    assert page.content.tabs.currentWidget() is page.content.results_tab
    assert page.content.confusion_card.accessibleName().startswith("Nearest mean, ")
    assert page.content.per_epoch.note == "The nearest mean is not trained by epochs."
    page.tools.network_menu.actions()[KEEP].trigger()
    assert posts(page, "warning")[-1] == (
        "The nearest mean uses features and is not saved; "
        "select a row of the custom network or the transfer network or the tiny network."
    )
    sheet = SearchSheet(page.study().settings, page)
    qtbot.addWidget(sheet)
    network = sheet.controls["network"].widget
    assert isinstance(network, QComboBox)
    assert [network.itemData(number) for number in range(network.count())] == ["custom", "transfer", "tiny"]
    network.setCurrentIndex(2)
    assert "tiny network: dropout of the colours" in sheet.controls["dropout_range"].widget.toolTip()
