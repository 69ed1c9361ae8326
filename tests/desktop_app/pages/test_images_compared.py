"""Two coresets side by side and stability on the Images page, used as a user does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from coreset_studio.core.pipeline.exporting import export
from coreset_studio.core.pipeline.stages import choose, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.service.map_requests import MeasureStability
from coreset_studio.core.service.selection_requests import CoresetSummary
from coreset_studio.desktop_app.dialogs.coresets_dialog import StabilityDialog
from coreset_studio.desktop_app.pages.images import ImagesPage
from coreset_studio.desktop_app.pages.page import PageContext


@pytest.fixture
def page(clustered_context: PageContext, demo_study: Study, qtbot: QtBot) -> Iterator[ImagesPage]:
    model = clustered_context.model
    coreset = choose(prepare(demo_study), model.settings("selection"))
    model.store_result("coreset", model.key("coreset"), {"images": 1}, CoresetSummary(coreset, (), None, ""))
    page = ImagesPage(clustered_context)
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: {"Cluster", "Coreset"} <= set(page.tree.titles()))
    yield page
    page.leave()


def images_of(page: ImagesPage, facet: str, value: str, qtbot: QtBot) -> set[int]:
    """Return the images that a filter lets through."""
    page.tree.check(facet, [value])
    qtbot.wait(1)
    found = set(page.content.grid.images.keys.tolist())
    page.tree.check(facet, [])
    return found


def test_two_samplers_are_compared_as_filters_colours_and_a_table(
    page: ImagesPage, demo_study: Study, qtbot: QtBot
) -> None:
    qtbot.mouseClick(page.compared.compare_button, Qt.MouseButton.LeftButton)
    dialog = page.compared.dialog
    assert dialog is not None
    dialog.sampler.setCurrentIndex(dialog.sampler.findData("stratified"))
    dialog.percentage.setValue(10)
    dialog.seed.setValue(3)
    qtbot.mouseClick(dialog.compare_button, Qt.MouseButton.LeftButton)
    assert not dialog.compare_button.isEnabled()
    qtbot.waitUntil(lambda: "Compared coresets" in page.tree.titles() and dialog.compare_button.isEnabled())
    prepared, own = prepare(demo_study), page.model.settings("selection")
    a = set(choose(prepared, own).indices.tolist())
    b = set(choose(prepared, replace(own, sampler="stratified", fraction=0.1, seed=3)).indices.tolist())
    assert f"{len(a & b)} image" in dialog.words.text()
    assert sum(row.only_a for row in dialog.table.rows_model.rows if row.cluster < 0) == len(a - b)
    assert "Clusters with a selected image" in dialog.coverage.text()
    qtbot.waitUntil(lambda: page.content.colour.currentText() == "Compared coresets")
    assert images_of(page, "compared", "In both", qtbot) == a & b
    assert images_of(page, "compared", "Only in the current one", qtbot) == a - b
    values = page.tree.findItems("(10 %)", Qt.MatchFlag.MatchEndsWith | Qt.MatchFlag.MatchRecursive)
    (other,) = [value.text(0) for value in values]
    assert images_of(page, "compared", other, qtbot) == b - a
    # Another fraction of the current coreset makes the comparison outdated.
    page.model.set_settings("selection", text="another fraction", fraction=0.5)
    qtbot.waitUntil(lambda: "Compared coresets" not in page.tree.titles())
    dialog.close()


def test_an_export_is_compared(page: ImagesPage, demo_study: Study, tmp_path: Path, qtbot: QtBot) -> None:
    prepared = prepare(demo_study)
    other = choose(prepared, replace(page.model.settings("selection"), sampler="random", fraction=0.2))
    export(prepared, other, tmp_path / "out")
    page.compared.read_export(str(tmp_path / "out" / "coreset.json"))
    qtbot.waitUntil(lambda: page.compared.results[0] is not None)
    found = page.compared.results[0]
    assert found is not None
    assert sorted([*found.both.tolist(), *found.only_other.tolist()]) == sorted(other.indices.tolist())
    assert found.name == "out"
    page.compared.read_export(str(tmp_path / "none.json"))
    qtbot.waitUntil(lambda: bool(page.messages.sentences("error")))  # type: ignore[attr-defined]
    assert "none.json cannot be read" in page.messages.sentences("error")[0]  # type: ignore[attr-defined]
    assert page.compared.compare_button.isEnabled()


def test_stability_is_a_filter_an_order_and_a_colour(page: ImagesPage, qtbot: QtBot) -> None:
    dialog = page.compared.open_stability()
    dialog.splits.setValue(2)
    dialog.accept_button.click()
    assert page.job_numbers(MeasureStability)
    qtbot.waitUntil(lambda: "Stability" in page.tree.titles())
    stability = page.compared.results[1]
    assert stability is not None
    assert stability.n_splits == 2
    shares = stability.shares
    assert images_of(page, "stability", "Always selected", qtbot) == set(np.flatnonzero(shares == 1).tolist())
    assert images_of(page, "stability", "Never selected", qtbot) == set(np.flatnonzero(shares == 0).tolist())
    order = page.content.order
    order.setCurrentIndex(order.findText("Stability"))
    page.content.descending.setChecked(True)
    shown = shares[page.content.grid.images.keys]
    known = shown[~np.isnan(shown)]
    assert np.all(np.diff(known) <= 0)
    assert np.isnan(shown[len(known) :]).all()


def test_a_dialog_of_the_project_before_is_let_go(page: ImagesPage, qtbot: QtBot) -> None:
    """The page closes it without its signals; a later failure must not reach for it."""
    qtbot.mouseClick(page.compared.compare_button, Qt.MouseButton.LeftButton)
    assert page.compared.dialog is not None
    page.start_empty()
    qtbot.wait(1)
    page.compared.read_export("nowhere/coreset.json")
    qtbot.waitUntil(lambda: not page.service.running())
    assert page.compared.dialog is None


def test_a_sampler_that_draws_nothing_has_one_seed(qtbot: QtBot) -> None:
    dialog = StabilityDialog(draws=False)
    qtbot.addWidget(dialog)
    assert not dialog.seeds.isEnabled()
    assert dialog.seeds.value() == 1


def test_without_a_coreset_the_buttons_say_what_to_do(clustered_context: PageContext, qtbot: QtBot) -> None:
    page = ImagesPage(clustered_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    for button in (page.compared.compare_button, page.compared.stability_button):
        assert not button.isEnabled()
        assert button.toolTip() == "Select a coreset first, on the Coreset page."
    page.leave()
