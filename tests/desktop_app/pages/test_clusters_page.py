"""The Clusters page, walked as a user does."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from coreset_studio.core.memory import FreeMemory
from coreset_studio.core.service import needs
from coreset_studio.core.service.feature_requests import ComputeClusters
from coreset_studio.core.service.messages import BUILDING, Ended
from coreset_studio.desktop_app.pages.clusters import ClustersPage
from coreset_studio.desktop_app.pages.page import PageContext

NOTHING = np.zeros(0, dtype=np.int64)


@pytest.fixture
def page(clustered_context: PageContext, qtbot: QtBot) -> Iterator[ClustersPage]:
    page = ClustersPage(clustered_context)
    qtbot.addWidget(page)
    page.resize(1100, 700)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: page.summary is not None)
    yield page
    page.leave()


def test_before_features_it_offers_the_way_there(page_context: PageContext, qtbot: QtBot) -> None:
    page = ClustersPage(page_context)
    qtbot.addWidget(page)
    page.enter()
    assert "Features page" in page.run_button.toolTip()
    assert not page.run_button.isEnabled()
    with qtbot.waitSignal(page.step_requested) as wanted:
        page.empty.button.click()
    assert wanted.args == ["dataset"]


def test_clustering_fills_the_page(described_context: PageContext, qtbot: QtBot) -> None:
    page = ClustersPage(described_context)
    qtbot.addWidget(page)
    page.enter()
    with qtbot.waitSignal(page.summary_reported) as told:
        qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    assert told.args[1] == "coreset"
    qtbot.waitUntil(lambda: page.summary is not None)
    facts = described_context.model.facts("clusters")
    assert facts is not None
    assert set(facts["k"]) == {one.class_name for one in page.overview}
    assert described_context.model.state("clusters") == "done"


def test_the_first_class_is_shown_with_medoids_and_images(page: ClustersPage) -> None:
    summary = page.summary
    assert summary is not None
    assert summary.clusters.class_name == page.overview[0].class_name
    assert len(page.content.grid.images.images) == len(summary.clusters.indices)
    assert [image.key for image in page.content.medoids.row.images] == summary.clusters.medoids.tolist()
    assert page.content.first.count() == summary.n_components
    assert page.content.first.currentText().startswith("PC 1 (")


def test_class_and_components_are_choices_of_the_project(page: ClustersPage, qtbot: QtBot) -> None:
    other = page.overview[1].class_name
    page.content.classes.class_chosen.emit(other)
    page.content.second.setCurrentIndex(2)
    page.content.second.activated.emit(2)
    choices = page.model.project.choices
    assert (choices.class_name, choices.components) == (other, (0, 2))
    qtbot.waitUntil(lambda: page.summary is not None and page.summary.components == (0, 2))
    assert page.summary is not None
    assert page.summary.clusters.class_name == other


def test_a_cluster_is_selected_in_every_part(page: ClustersPage) -> None:
    summary = page.summary
    assert summary is not None
    page.content.bars.cluster_chosen.emit(1)
    rows = np.flatnonzero(summary.clusters.labels == 1)
    assert np.array_equal(page.content.scatter.selection, rows)
    assert {image.key for image in page.content.grid.images.images} == set(summary.clusters.indices[rows].tolist())
    page.content.all_button.click()
    assert len(page.content.scatter.selection) == 0
    assert len(page.content.grid.images.images) == len(summary.clusters.indices)


def test_images_selected_in_the_grid_are_selected_in_the_plot(page: ClustersPage) -> None:
    summary = page.summary
    assert summary is not None
    keys = [image.key for image in page.content.grid.images.images[:3]]
    page.content.grid.set_selected_keys(keys)
    assert set(summary.clusters.indices[page.content.scatter.selection].tolist()) == set(keys)
    assert len(page.content.grid.images.images) == len(summary.clusters.indices)


def test_hovering_a_point_shows_its_image(page: ClustersPage) -> None:
    page.content.scatter.hovered.emit(0)
    assert page.content.hover.isVisible()
    page.content.scatter.hovered.emit(-1)
    assert not page.content.hover.isVisible()


def test_another_k_is_clustered_at_once_and_undone(page: ClustersPage, qtbot: QtBot) -> None:
    assert page.summary is not None
    name, before = page.summary.clusters.class_name, page.summary.clusters.k
    page.content.side.curve.k_chosen.emit(before + 1)
    qtbot.waitUntil(lambda: page.summary is not None and page.summary.clusters.k == before + 1)
    assert page.model.settings("clusters").k_by_class == {name: before + 1}
    assert page.model.state("clusters") == "done"
    assert page.content.side.automatic.isEnabled()
    page.model.undo_stack.undo()
    qtbot.waitUntil(lambda: page.summary is not None and page.summary.clusters.k == before)
    assert page.model.state("clusters") == "done"


def test_the_silhouette_gets_its_choice_back(page: ClustersPage, qtbot: QtBot) -> None:
    page.content.side.curve.k_chosen.emit(4)
    qtbot.waitUntil(lambda: page.summary is not None and page.summary.clusters.k == 4)
    page.content.side.automatic.click()
    qtbot.waitUntil(lambda: page.summary is not None and page.summary.clusters.chosen_by == "silhouette")
    assert page.model.settings("clusters").k_by_class == {}


def test_a_double_click_opens_the_image_with_its_facts(page: ClustersPage, qtbot: QtBot) -> None:
    assert page.summary is not None
    medoid = int(page.summary.clusters.medoids[0])
    page.content.grid.opened.emit(medoid)
    viewer = page.large.viewer
    assert viewer is not None
    assert viewer.isVisible()
    width = page.images.summary.dataset.images[medoid].width if page.images.summary is not None else 0
    qtbot.waitUntil(lambda: viewer.canvas.image.width() == width)
    facts = dict(page.facts_of(medoid))
    assert facts["Medoid"].startswith("yes")
    assert facts["Cluster"].startswith("1 of ")
    viewer.close()


def test_a_service_that_is_lost_is_told_and_asked_again(page: ClustersPage, qtbot: QtBot) -> None:
    page.service.selection._on_replied(0, BUILDING, Ended("The engine has ended."))
    assert page.messages.posts[-1].sentence == "The engine has ended."  # type: ignore[attr-defined]
    page._summary = None
    page.service.selection.shut()
    page.enter()
    qtbot.waitUntil(lambda: page.summary is not None)


def test_another_largest_k_makes_the_clusters_stale_until_they_are_made_again(page: ClustersPage, qtbot: QtBot) -> None:
    page.k_max.setValue(3)
    assert page.model.state("clusters") == "stale"
    assert "Cluster again" in page.hint.text()
    page.try_run()
    qtbot.waitUntil(lambda: page.summary is not None and max(page.summary.clusters.curve) == 3, timeout=20_000)
    assert page.hint.text() == ""


def test_while_clustering_nothing_is_offered_and_afterwards_it_is(described_context: PageContext, qtbot: QtBot) -> None:
    page = ClustersPage(described_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    page.empty.button.click()
    assert page.empty.button.isHidden()
    assert "Clustering…" in page.empty.accessibleName()
    (number,) = page.job_numbers(ComputeClusters)
    page.service.cancel(number)
    assert page.empty.button.text() == "Cluster"
    assert not page.empty.button.isHidden()


def test_memory_is_told_where_it_is_more_than_half_of_what_is_free(
    page: ClustersPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page.memory.isHidden()
    monkeypatch.setattr(needs, "free_memory", lambda: FreeMemory(60_000_000))
    page.refresh()
    assert not page.memory.isHidden()
    assert page.memory.text().startswith("Clustering class ")
    assert page.memory.text().endswith("MB of memory; 60 MB are free.")


def test_clusters_of_a_sample_say_so(page: ClustersPage, qtbot: QtBot) -> None:
    assert page.summary is not None
    n = len(page.summary.clusters.indices)
    page.change_settings("clusters", sample_above=5)
    page._requested = None
    page._ask_overview()
    qtbot.waitUntil(lambda: page.summary is not None and page.summary.clusters.n_sampled == 5)
    assert page.content.side.words.text().endswith(f"Clustered on 5 of {n:,} images.")


def test_a_narrow_page_keeps_the_silhouette_readable(page: ClustersPage, qtbot: QtBot) -> None:
    page.resize(1200, 600)
    qtbot.wait(20)
    content = page.content
    assert content.side.isVisible()
    assert not content.tabs.tabBar().isVisible()
    before = content.side.width()
    # Not squeezed by what it was before it was first shown, either.
    assert before > 0.5 * content.scatter.width()
    page.setMinimumSize(400, 300)  # as in the window, which may be smaller than all of it wants
    page.resize(824, 480)
    qtbot.wait(20)
    assert content.tabs.tabBar().isVisible()
    assert content.scatter.width() > 350
    assert content.scatter.height() > 200
    content.tabs.setCurrentWidget(content.side)
    qtbot.wait(20)
    assert content.side.curve.isVisible()
    assert content.side.curve.width() > 150
    assert content.side.curve.height() > 60
    page.resize(1200, 600)
    qtbot.wait(20)
    assert content.scatter.isVisible()
    assert content.grid.isVisible()
    assert content.side.isVisible()
    assert content.side.width() == pytest.approx(before, abs=20)
    assert content.tabs.count() == 1
