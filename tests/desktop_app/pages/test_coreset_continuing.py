"""Continuing from an earlier coreset on the Coreset page."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from coreset_studio.core.pipeline.exporting import export
from coreset_studio.core.pipeline.stages import choose, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.service.selection_requests import CoresetSummary
from coreset_studio.core.settings import SelectionSettings
from coreset_studio.desktop_app.pages.coreset import CoresetPage
from coreset_studio.desktop_app.pages.page import PageContext


@pytest.fixture(scope="module")
def earlier(demo_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    selection = SelectionSettings(sampler="stratified", images=10)
    study = replace(demo_study, settings=replace(demo_study.settings, selection=selection))
    prepared = prepare(study)
    place = tmp_path_factory.mktemp("earlier") / "october"
    export(prepared, choose(prepared, selection), place)
    return place / "coreset.json"


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


def shown(page: CoresetPage) -> CoresetSummary:
    assert page.summary is not None
    return page.summary


def test_an_earlier_coreset_is_kept_and_left_again(page: CoresetPage, qtbot: QtBot, earlier: Path) -> None:
    continuing = page.options.continuing
    before = set(shown(page).coreset.indices.tolist())
    assert not continuing.words.isVisible()
    assert not continuing.stop.isVisible()
    continuing.button.click()
    assert isinstance(continuing.dialog, QFileDialog)
    continuing.dialog.fileSelected.emit(str(earlier))
    continuing.dialog.close()
    qtbot.waitUntil(lambda: page.model.settings("selection").continue_from is not None)
    qtbot.waitUntil(lambda: len(shown(page).coreset.kept) == 10)
    assert continuing.words.text() == "Continues from “october”, 10 images."
    assert set(shown(page).coreset.kept) < set(shown(page).coreset.indices.tolist())
    assert page.content.notes.isVisible()
    # Undo and redo, then leave it by its own button.
    page.model.undo_stack.undo()
    qtbot.waitUntil(lambda: set(shown(page).coreset.indices.tolist()) == before)
    assert not continuing.words.isVisible()
    assert page.model.undo_stack.redoText() == "continuing from an earlier coreset"
    page.model.undo_stack.redo()
    qtbot.waitUntil(lambda: len(shown(page).coreset.kept) == 10)
    continuing.stop.click()
    assert page.model.settings("selection").continue_from is None
    qtbot.waitUntil(lambda: set(shown(page).coreset.indices.tolist()) == before)


def test_what_is_no_export_is_told_and_changes_nothing(page: CoresetPage, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "coreset.json"
    file.write_text("{}")
    with qtbot.waitSignal(page.messages.posted) as told:
        page.options.continuing.read(str(file))
    assert "is not the coreset.json of an export" in told.args[0].sentence
    assert page.model.settings("selection").continue_from is None


def test_a_sampler_that_does_not_rank_is_told_where_the_coreset_stood(
    page: CoresetPage, qtbot: QtBot, earlier: Path
) -> None:
    page.options.continuing.read(str(earlier))
    qtbot.waitUntil(lambda: len(shown(page).coreset.kept) == 10)
    page.change_settings("selection", sampler="medoid")
    qtbot.waitUntil(lambda: "cannot continue from an earlier coreset" in page.content.unanswered.text)
