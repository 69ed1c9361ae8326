"""The Coreset page, walked as a user does."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDoubleSpinBox
from pytestqt.qtbot import QtBot

from coreset_studio.core.descriptions import registry
from coreset_studio.core.errors import CancelledError, ExportError, TrainingError
from coreset_studio.core.output.tables import read_rows
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import VerifyResult
from coreset_studio.core.results.sizes import Sizes
from coreset_studio.core.service.coreset_requests import CheckSize, FindSizes, VerifyExport
from coreset_studio.core.service.networks import NETWORKS
from coreset_studio.core.service.selection_requests import CoresetSummary
from coreset_studio.core.settings import ExportSettings, own_settings
from coreset_studio.desktop_app.dialogs.verify_dialog import VerifyDialog
from coreset_studio.desktop_app.pages.coreset import CoresetPage
from coreset_studio.desktop_app.pages.coreset_export import ExportSheet
from coreset_studio.desktop_app.pages.coreset_sizes import SizesPanel
from coreset_studio.desktop_app.pages.page import PageContext


@pytest.fixture
def page(clustered_context: PageContext, qtbot: QtBot) -> Iterator[CoresetPage]:
    page = CoresetPage(clustered_context)
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: page.model.state("coreset") == "done")
    yield page
    page.leave()


def chosen(page: CoresetPage) -> set[int]:
    assert page.summary is not None
    return set(page.summary.coreset.indices.tolist())


def pool_by_class(page: CoresetPage) -> dict[str, int]:
    assert page.summary is not None
    return dict(page.summary.coreset.pool_sizes)


def wait_for(page: CoresetPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: page.model.state("coreset") == "done" and page.model.value("coreset") is not None)


def test_before_clusters_it_offers_the_way_there(page_context: PageContext, qtbot: QtBot) -> None:
    page = CoresetPage(page_context)
    qtbot.addWidget(page)
    page.enter()
    assert "Clusters page" in page.run_button.toolTip()
    with qtbot.waitSignal(page.step_requested) as wanted:
        page.empty.button.click()
    assert wanted.args == ["dataset"]


def test_after_features_it_offers_the_way_to_the_clusters(described_context: PageContext, qtbot: QtBot) -> None:
    page = CoresetPage(described_context)
    qtbot.addWidget(page)
    page.enter()
    with qtbot.waitSignal(page.step_requested) as wanted:
        page.empty.button.click()
    assert (wanted.args, page.empty.button.text()) == (["clusters"], "Go to Clusters")


def test_a_coreset_is_there_at_once_and_its_coverage_after(page: CoresetPage, qtbot: QtBot) -> None:
    facts = page.model.facts("coreset")
    assert facts is not None
    assert page.content.sentence.text() == facts["sentence"]
    assert len(page.content.chosen.grid.images.images) == facts["images"] == len(chosen(page))
    qtbot.waitUntil(lambda: page.content.covered.text().startswith("The least covered image"))
    assert len(page.content.worst.images) == 1
    assert page.content.worst.images[0].key not in chosen(page)
    assert len(page.content.coverage.rows_model.rows) == len(pool_by_class(page))


def test_the_samplers_come_from_the_registry(page: CoresetPage) -> None:
    combo, samplers = page.options.sampler, registry("sampler")
    assert combo.currentData() == "intelligent"
    assert [combo.itemData(row) for row in range(combo.count())] == list(samplers)
    assert [combo.itemText(row) for row in range(combo.count())] == [each.title for each in samplers.values()]
    assert page.options.summary.text() == samplers["intelligent"].tip
    assert "Source:" in combo.toolTip()


def test_a_sampler_that_is_not_here_is_shown_as_chosen(page_context: PageContext, qtbot: QtBot) -> None:
    """Such as one of a plugin, in a project of another machine."""
    page = CoresetPage(page_context)
    qtbot.addWidget(page)
    page.model.set_settings("selection", sampler="elsewhere")
    page.enter()
    assert page.options.sampler.currentText() == "elsewhere (missing)"
    assert page.options.sampler.currentData() == "elsewhere"
    assert page.options.summary.text() == ""
    assert page.options.sampler.toolTip().startswith("There is no sampler named 'elsewhere'; choose from random")


def test_another_size_is_chosen_and_undone(page: CoresetPage, qtbot: QtBot) -> None:
    before = chosen(page)
    page.options.size.images.setValue(20)
    qtbot.waitUntil(lambda: len(chosen(page)) == 20)
    page.model.undo_stack.undo()
    qtbot.waitUntil(lambda: chosen(page) == before)
    wait_for(page, qtbot)


def test_only_what_the_sampler_heeds_can_be_changed(page: CoresetPage, qtbot: QtBot) -> None:
    own = page.controls.placed
    over_clusters, mu = own["selection.intelligent.budget_over_clusters"], own["selection.balanced-herding.mu"]
    assert over_clusters.isVisible()
    assert not mu.isVisible()
    page.options.sampler.setCurrentIndex(page.options.sampler.findData("random"))
    page.options.sampler.activated.emit(page.options.sampler.currentIndex())
    wait_for(page, qtbot)
    assert not page.options.over_classes.widget.isEnabled()
    assert "whole pool" in page.options.over_classes.widget.toolTip()
    assert not over_clusters.isVisible()
    assert not mu.isVisible()
    page.model.set_settings("selection", sampler="balanced-herding")
    assert mu.isVisible()
    mu.setValue(0.5)
    assert own_settings(page.model.settings("selection"), registry("sampler")["balanced-herding"]).mu == 0.5
    wait_for(page, qtbot)


def test_the_recommended_sampler_is_offered_and_never_taken_silently(page: CoresetPage, qtbot: QtBot) -> None:
    assert page.model.settings("selection").sampler == "intelligent"
    assert page.options.recommendation.isVisible()
    page.options.recommended.click()
    settings = page.model.settings("selection")
    assert (settings.sampler, settings.beta, settings.budget_over_classes) == ("even-herding", 0.25, "recommended")
    assert not page.options.recommendation.isVisible()
    wait_for(page, qtbot)
    box = page.options.over_classes.widget
    assert box.currentText() == "Recommended (equal, then √n)"
    assert box.itemText(box.findData("sampler")) == "Sampler's own (by difficulty)"
    assert not page.options.beta.widget.isEnabled(), "β only applies to budgets by difficulty"
    page.model.set_settings("selection", budget_over_classes="sampler")
    wait_for(page, qtbot)
    assert page.options.recommendation.isVisible(), "as in a project of before: the recommended rule is offered"
    assert page.options.beta.widget.isEnabled()
    assert not page.options.seed.widget.isEnabled()


def test_fractions_by_hand(page: CoresetPage, qtbot: QtBot) -> None:
    page.options.over_classes.widget.setCurrentIndex(page.options.over_classes.widget.findData("by-hand"))
    page.options.over_classes.widget.activated.emit(0)
    assert page.options.by_hand.isVisible()
    name, n_images = next(iter(pool_by_class(page).items()))
    page.options.by_hand.findChildren(QDoubleSpinBox)[0].setValue(50.0)
    assert page.model.settings("selection").fraction_by_class == {name: 0.5}
    wait_for(page, qtbot)
    assert page.summary is not None
    assert page.summary.coreset.budgets[name] == pytest.approx(n_images / 2, abs=0.6)


def test_an_image_is_pinned_out_and_taken_back(page: CoresetPage, qtbot: QtBot) -> None:
    grid = page.content.chosen.grid
    assert not page.content.chosen.pin_button.isEnabled()
    key = grid.images.images[0].key
    grid.set_selected_keys([key])
    assert page.content.chosen.pin_button.isEnabled()
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_O)
    assert page.model.settings("selection").pinned_out == (page.images.path(key),)
    qtbot.waitUntil(lambda: key not in chosen(page))
    page.content.chosen.which.setCurrentIndex(2)
    assert [image.key for image in grid.images.images] == [key]
    grid.set_selected_keys([key])
    qtbot.keyClick(grid, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: key in chosen(page))
    assert page.content.chosen.empty.isVisible()


def test_an_image_that_is_not_chosen_is_pinned_in(page: CoresetPage, qtbot: QtBot) -> None:
    page.content.chosen.which.setCurrentIndex(1)
    key = page.content.chosen.grid.images.images[0].key
    assert key not in chosen(page)
    page.content.chosen.grid.set_selected_keys([key])
    page.content.chosen.grid.setFocus()
    qtbot.keyClick(page.content.chosen.grid, Qt.Key.Key_I)
    qtbot.waitUntil(lambda: key in chosen(page))
    assert dict(page.facts_of(key))["In the coreset"] == "pinned in"
    page.model.undo_stack.undo()
    qtbot.waitUntil(lambda: key not in chosen(page))


def test_a_cluster_in_the_bars_shows_its_images(page: CoresetPage) -> None:
    name = next(iter(pool_by_class(page)))
    page.content.bars.cluster_chosen.emit(name, 0)
    shown = [image.key for image in page.content.chosen.grid.images.images]
    assert shown
    assert all(
        page.images.class_of(key) == name and dict(page.facts_of(key))["Cluster"].startswith("1 of ") for key in shown
    )
    page.content.chosen.all_button.click()
    assert {image.key for image in page.content.chosen.grid.images.images} == chosen(page)


def test_the_plot_rings_what_is_chosen_and_selects(page: CoresetPage, qtbot: QtBot) -> None:
    page.content.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: page.content.plot.summary is not None)
    summary = page.content.plot.summary
    assert summary is not None
    rows = page.content.plot.scatter.chosen
    assert set(summary.clusters.indices[rows].tolist()) == chosen(page) & set(summary.clusters.indices.tolist())
    page.content.plot.scatter.selection_changed.emit(rows[:2])
    assert len(page.content.chosen.grid.images.images) == 2


def test_a_choice_that_cannot_be_is_told_on_the_page(page: CoresetPage, qtbot: QtBot) -> None:
    summary = page.images.summary
    assert summary is not None
    test_image = summary.dataset.images[int(summary.split.test[0])].path
    page.change_settings("selection", pinned_in=(test_image,))
    qtbot.waitUntil(lambda: page.content.unanswered.isVisible())
    assert "Unpin it" in page.content.unanswered.text
    assert page.model.state("coreset") != "done"


def found_size(page: CoresetPage, qtbot: QtBot, margin: float = 40.0) -> SizesPanel:
    """The panel after the sizes were measured, for a margin so wide that the few images of the demo can show it."""
    sizes = page.content.sizes
    page.content.tabs.setCurrentWidget(sizes)
    sizes.margin.setValue(margin)
    sizes.button.click()
    assert not sizes.button.isEnabled()
    assert not sizes.use_button.isEnabled()
    # 83 images of the pool, 0.02 s each until it was measured here.
    assert sizes.words.text() == "Measuring how accuracy depends on the size, about 1.7 s…"
    qtbot.waitUntil(sizes.button.isEnabled, timeout=40_000)
    return sizes


@pytest.mark.slow
def test_the_size_for_a_margin_is_found_used_and_undone(page: CoresetPage, qtbot: QtBot) -> None:
    before = page.model.settings("selection")
    assert page.content.sizes.plot.plot_table()[1] == []
    sizes = found_size(page, qtbot)
    _, rows = sizes.plot.plot_table()
    assert {row[0] for row in rows} == {"Intelligent (IS)", "Random, same size", "Whole pool, ± 40 points"}
    assert sum(row[0] == "Random, same size" for row in rows) == sum(row[0] == "Intelligent (IS)" for row in rows) > 3
    level = rows[-1]
    assert level[4] - level[2] == pytest.approx(0.4)
    assert sizes.answer is not None
    n_images = sizes.answer.images
    assert n_images is not None
    assert sizes.words.text() == sizes.answer.sentence
    assert sizes.words.text().startswith(f"{n_images:,} images selected, ")
    assert sizes.use_button.text() == f"Use {n_images:,} images"
    assert page.model.settings("selection") == before, "nothing is selected before it is asked for"
    sizes.use_button.click()
    assert page.model.settings("selection").images == n_images
    qtbot.waitUntil(lambda: len(chosen(page)) == n_images)
    assert sizes.use_button.isEnabled(), "another size is no reason to measure again"
    page.model.undo_stack.undo()
    assert page.model.settings("selection") == before
    wait_for(page, qtbot)


@pytest.mark.slow
def test_a_margin_that_cannot_be_shown_is_refused_in_the_panel(page: CoresetPage, qtbot: QtBot) -> None:
    sizes = found_size(page, qtbot)
    sizes.margin.setValue(0.1)
    assert sizes.words.text().startswith("A margin of 0.1 points cannot be shown with the ")
    assert not sizes.use_button.isEnabled()
    assert sizes.use_button.text() == "Use this size"
    sizes.margin.setValue(40.0)
    assert sizes.use_button.isEnabled()


def test_sizes_of_another_sampler_are_said_to_be_outdated(page: CoresetPage, qtbot: QtBot) -> None:
    sizes = found_size(page, qtbot)
    page.change_settings("selection", sampler="herding")
    assert sizes.words.text() == "The settings have changed since these sizes were measured. Find the size again."
    assert not sizes.use_button.isEnabled()
    page.model.undo_stack.undo()
    assert sizes.use_button.isEnabled()
    wait_for(page, qtbot)


def test_the_margin_is_kept_in_the_project(page: CoresetPage) -> None:
    sizes = page.content.sizes
    assert sizes.margin.value() == 2.0
    sizes.margin.setValue(3.5)
    assert page.model.project.choices.margin == 0.035
    page.forget()
    page.refresh()
    assert sizes.margin.value() == 3.5


def test_a_size_is_checked_by_training_once(page: CoresetPage, qtbot: QtBot) -> None:
    page.change_settings("comparison", networks=("head",))
    sizes = found_size(page, qtbot)
    assert sizes.answer is not None
    n_images = sizes.answer.images
    assert f"Train the linear probe once on {n_images:,} images" in sizes.check_button.toolTip()
    sizes.check_button.click()
    assert sizes.checked.text() == "Training once at this size and once on the whole pool…"
    assert not sizes.check_button.isEnabled()
    qtbot.waitUntil(sizes.check_button.isEnabled, timeout=40_000)
    assert f"the linear probe, trained once on {n_images:,} images, reached an accuracy of " in sizes.checked.text()
    sizes.margin.setValue(45.0)
    assert sizes.checked.isHidden(), "the check was of another margin"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TrainingError("There are no test images."), "The size could not be checked."),
        (CancelledError(), "The check was cancelled. A training that was finished is kept."),
    ],
)
def test_a_check_that_does_not_end_can_be_started_again(
    page: CoresetPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def fail(self: CheckSize, progress: Progress) -> None:
        raise error

    monkeypatch.setattr(CheckSize, "run", fail)
    sizes = found_size(page, qtbot)
    sizes.check_button.click()
    qtbot.waitUntil(sizes.check_button.isEnabled, timeout=20_000)
    assert sizes.checked.text() == says


def test_curves_of_a_network_depend_on_how_it_is_trained(
    page: CoresetPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = found_size(page, qtbot)
    page.change_settings("training", epochs=7)
    assert found.use_button.isEnabled(), "the linear probe is trained in one way"
    measure, networks = FindSizes.run, []

    def run(self: FindSizes, progress: Progress) -> Sizes:
        networks.append(self.network)
        return measure(replace(self, network=""), progress)

    monkeypatch.setattr(FindSizes, "run", run)
    found.measured_with.setCurrentText(NETWORKS["custom"].title)
    found.button.click()
    qtbot.waitUntil(found.button.isEnabled, timeout=40_000)
    assert networks == ["custom"]
    assert found.use_button.isEnabled()
    page.change_settings("training", epochs=8)
    assert found.words.text() == "The settings have changed since these sizes were measured. Find the size again."


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TrainingError("The pool has one class."), "The sizes could not be measured."),
        (CancelledError(), "Measuring sizes was cancelled."),
    ],
)
def test_where_no_size_can_be_measured_it_is_said_and_can_be_tried_again(
    page: CoresetPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def fail(self: FindSizes, progress: Progress) -> None:
        raise error

    monkeypatch.setattr(FindSizes, "run", fail)
    sizes = page.content.sizes
    page.content.tabs.setCurrentWidget(sizes)
    sizes.button.click()
    qtbot.waitUntil(sizes.button.isEnabled, timeout=20_000)
    assert sizes.words.text() == says
    assert not sizes.use_button.isEnabled()


def test_the_size_panel_is_named_and_reached_by_keys(page: CoresetPage, qtbot: QtBot) -> None:
    sizes = page.content.sizes
    page.content.tabs.setCurrentWidget(sizes)
    assert (sizes.margin.accessibleName(), sizes.words.accessibleName()) == ("Margin", "Number of images needed")
    assert sizes.measured_with.accessibleName() == "Measured with"
    for control in (sizes.margin, sizes.measured_with, sizes.button, sizes.use_button, sizes.check_button):
        assert control.toolTip()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
    sizes.margin.setFocus()
    sizes.margin.selectAll()
    qtbot.keyClicks(sizes.margin, "3")
    qtbot.keyClick(sizes.margin, Qt.Key.Key_Return)
    assert sizes.margin.value() == 3.0


def test_an_export_is_written_verified_and_opened(
    page: CoresetPage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = page.model.value("dataset").dataset.images[0].path
    page.model.set_image_note(noted, "blurred")
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    sheet = page.exporting.sheet
    assert sheet is not None
    sheet.folder.setText(str(tmp_path / "out"))
    sheet.controls["export.with_split"].widget.setChecked(True)
    assert sheet.accept_button.isEnabled()
    sheet.accept_button.click()
    qtbot.waitUntil(lambda: not page.job_numbers() and page.content.result.isVisible(), timeout=20_000)
    manifest = json.loads((tmp_path / "out" / "coreset.json").read_text(encoding="utf-8"))
    assert manifest["settings"]["export"]["with_split"] is True
    rows = read_rows(tmp_path / "out" / "coreset.csv")
    assert {row["path"]: row["note"] for row in rows if row["note"]} == {noted: "blurred"}
    assert str(tmp_path / "out") in page.content.result.text
    assert page.content.result.kind == "good"
    assert page.content.result.more_button.text() == "Verify again"
    assert page.model.settings("export").with_split
    opened: list[str] = []

    def take(url: QUrl) -> bool:
        opened.append(url.toLocalFile())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", take)
    page.content.result.action_triggered.emit()
    assert opened == [str(tmp_path / "out")]


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_an_export_that_is_not_verified_does_not_say_that_it_is_being(
    page: CoresetPage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def stop(request: VerifyExport, progress: Progress) -> VerifyResult:
        assert "Verifying…" in page.content.result.text
        raise CancelledError if how == "cancelled" else ExportError("The disk failed.")

    monkeypatch.setattr(VerifyExport, "run", stop)
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    assert page.exporting.sheet is not None
    page.exporting.sheet.folder.setText(str(tmp_path / "out"))
    page.exporting.sheet.accept_button.click()
    told = f"unverified: verification {'was cancelled' if how == 'cancelled' else 'failed'}."
    qtbot.waitUntil(lambda: told in page.content.result.text, timeout=20_000)
    assert "Verifying…" not in page.content.result.text
    monkeypatch.undo()
    assert page.content.result.more_button.text() == "Verify"
    qtbot.mouseClick(page.content.result.more_button, Qt.MouseButton.LeftButton)
    (dialog,) = page.findChildren(VerifyDialog)
    qtbot.waitUntil(lambda: dialog.strip.kind == "good")
    dialog.close()


def test_an_export_can_be_verified_again_and_differences_are_shown(
    page: CoresetPage, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = VerifyExport.run

    def after_a_change(request: VerifyExport, progress: Progress) -> VerifyResult:
        (tmp_path / "out" / "coreset.csv").unlink()
        return verify(request, progress)

    monkeypatch.setattr(VerifyExport, "run", after_a_change)
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    assert page.exporting.sheet is not None
    page.exporting.sheet.folder.setText(str(tmp_path / "out"))
    page.exporting.sheet.accept_button.click()
    more = page.content.result.more_button
    qtbot.waitUntil(lambda: more.isVisible() and more.text() == "Show differences", timeout=20_000)
    assert page.content.result.kind == "bad"
    more.click()
    (dialog,) = page.findChildren(VerifyDialog)
    assert list(dialog.table.rows_model.rows) == [("coreset.csv", "missing")]
    dialog.close()


def test_the_sheet_says_what_does_not_go(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "taken.txt").write_text("here")
    sheet = ExportSheet(ExportSettings(), tmp_path / "new", 12)
    qtbot.addWidget(sheet)
    assert sheet.accept_button.isEnabled()
    sheet.private.setChecked(True)
    sheet.files.setCurrentIndex(sheet.files.findData("symlink"))
    assert "private" in sheet.accept_button.toolTip()
    sheet.private.setChecked(False)
    sheet.folder.setText(str(tmp_path))
    assert not sheet.accept_button.isEnabled()
    sheet.overwrite.setChecked(True)
    assert sheet.accept_button.isEnabled()
    sheet.folder.setText("relative")
    assert not sheet.accept_button.isEnabled()


def test_a_coreset_known_to_the_project_comes_back_without_a_job(page: CoresetPage, qtbot: QtBot) -> None:
    page.leave()
    page.model._values["coreset"].clear()
    page._requested = ("", "")
    page.enter()
    qtbot.waitUntil(lambda: isinstance(page.model.value("coreset"), CoresetSummary))
    assert page.job_numbers() == ()


def test_notes_are_kept_in_the_project(page: CoresetPage) -> None:
    page.options.notes.setPlainText("Without the blurred ones.")
    assert page.model.project.notes == "Without the blurred ones."
    page.model.set_notes("From elsewhere.")
    page.refresh()
    assert page.options.notes.toPlainText() == "From elsewhere."


def test_what_is_slow_is_said(page: CoresetPage, qtbot: QtBot) -> None:
    page.options.recommended.click()
    page._show_slow()
    assert page.content.sentence.text() == "Even herding is selecting…"
    wait_for(page, qtbot)
    assert "of the pool" in page.content.sentence.text()


def test_a_narrow_page_has_its_images_in_a_tab(page: CoresetPage, qtbot: QtBot) -> None:
    content = page.content
    assert content.chosen.isVisible()
    assert content.bars.isVisible()
    page.setMinimumSize(400, 300)  # as in the window, which may be smaller than all of it wants
    page.resize(824, 480)
    qtbot.wait(20)
    assert content.bars.isVisible()
    assert not content.chosen.isVisible()
    assert content.bars.width() > 400
    content.bars.cluster_chosen.emit(content.bars.plot_table()[1][0][0], 0)
    qtbot.wait(20)
    assert content.chosen.isVisible()
    page.resize(1300, 700)
    qtbot.wait(20)
    assert content.chosen.isVisible()
    assert content.bars.isVisible()
