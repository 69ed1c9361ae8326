"""Class activation maps in the viewer, used as a user does; the networks are real, small and untrained."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from coreset_studio.core.data.readings import stored_choices
from coreset_studio.core.output.model_bundle import load_bundle, save_bundle
from coreset_studio.core.pipeline.words import bundle_name
from coreset_studio.core.results import Comparison, RunKey, RunResult
from coreset_studio.core.service.explanation_requests import ExplainImages
from coreset_studio.core.settings import DataSettings, TrainingSettings
from coreset_studio.core.training.architectures.custom.model import build_custom
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.fitting import TrainedRun
from coreset_studio.core.training.grad_cam import GradCam
from coreset_studio.core.training.pixels import resize
from coreset_studio.desktop_app.pages.activation_maps import (
    CANCELLED,
    NO_NETWORK,
    NOT_READ,
    kept_networks,
    models_folder,
)
from coreset_studio.desktop_app.pages.coreset import CoresetPage
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.widgets.activation_panel import CAUTION
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer

SETTINGS = TrainingSettings(image_size=32)


def a_run(classes: tuple[str, ...], sampler: str, mark: str) -> RunResult:
    true = np.arange(len(classes))
    return RunResult(
        key=RunKey("custom", sampler, 0.25, 0, mark), n_images=7, classes=classes, history=(), best_epoch=1,
        metrics=evaluate(true, true, classes), test_indices=true, true=true, predicted=true,
        confidence=np.ones(len(classes), dtype=np.float32), train_seconds=1.0, feature_seconds=0.0, select_seconds=0.0,
        device="CPU", weights=None, note="",
    )  # fmt: skip


@pytest.fixture
def page(clustered_context: PageContext, qtbot: QtBot) -> Iterator[CoresetPage]:
    page = CoresetPage(clustered_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: page.model.state("coreset") == "done")
    yield page
    page.leave()


@pytest.fixture
def runs(page: CoresetPage) -> tuple[RunResult, ...]:
    """Two runs of the open images whose networks are saved, and one whose network is not."""
    assert page.images.summary is not None
    classes = tuple(page.images.summary.dataset.classes)
    made = tuple(a_run(classes, name, mark) for name, mark in (("random", "aaaaaaaa11"), ("herding", "bbbbbbbb22")))
    for seed, run in enumerate(made):
        trained = TrainedRun(run, build_custom(len(classes), SETTINGS, seed=seed))
        folder = models_folder() / bundle_name(run.key)
        save_bundle(folder, trained, SETTINGS, reading=stored_choices(DataSettings()))
    return (*made, a_run(classes, "medoid", "cccccccc33"))


def compared(page: CoresetPage, runs: tuple[RunResult, ...]) -> None:
    page.model.store_result("compare", page.model.key("compare"), {"runs": len(runs)}, Comparison(runs, (), ()))


def opened(page: CoresetPage, walk: list[int], qtbot: QtBot) -> ImageViewer:
    page.large.open(walk[0], walk)
    viewer = page.large.viewer
    assert viewer is not None
    qtbot.waitUntil(lambda: not viewer.canvas.is_preview)
    return viewer


def requests(page: CoresetPage) -> list[ExplainImages]:
    return [one for _, one in page.service.calls if isinstance(one, ExplainImages)]  # type: ignore[attr-defined]


def test_without_a_saved_network_the_panel_says_how_to_get_one(page: CoresetPage, qtbot: QtBot) -> None:
    viewer = opened(page, [9, 30], qtbot)
    qtbot.keyClick(viewer, Qt.Key.Key_G)
    assert viewer.map.isVisible()
    assert viewer.map.note.text() == NO_NETWORK
    assert not viewer.map.network.isVisible()
    page.model.store_result("compare", page.model.key("compare"), {"runs": 3}, None)
    qtbot.keyClick(viewer, Qt.Key.Key_Right)
    assert viewer.map.note.text() == NOT_READ
    assert viewer.canvas.overlay.isNull()
    assert not requests(page)


@pytest.mark.slow
def test_the_map_is_that_of_the_network_and_the_class_chosen(
    page: CoresetPage, runs: tuple[RunResult, ...], qtbot: QtBot
) -> None:
    compared(page, runs)
    viewer = opened(page, [9, 30, 4], qtbot)
    qtbot.keyClick(viewer, Qt.Key.Key_G)
    panel = viewer.map
    assert panel.cancel.isVisible()
    qtbot.waitUntil(lambda: bool(panel.probabilities), timeout=30_000)
    assert [panel.network.itemText(row) for row in range(panel.network.count())] == [
        "Custom network, Random (RS) 25 %", "Custom network, Herding 25 %"
    ]  # fmt: skip
    assert not panel.cancel.isVisible()
    assert panel.note.text() == CAUTION or "No region" in panel.note.text()
    assert page.images.summary is not None
    image = page.images.summary.dataset.images[9]
    square = resize(np.asarray(Image.open(page.images.summary.dataset.root / image.path).convert("RGB")), 32)
    for row, run in enumerate(runs[:2]):
        panel.network.setCurrentIndex(row)
        panel.network.activated.emit(row)
        qtbot.waitUntil(lambda: bool(panel.probabilities), timeout=30_000)
        bundle = load_bundle(models_folder() / bundle_name(run.key))
        label = bundle.classes.index(image.class_name)
        expected = GradCam(bundle.model)(square[None], np.array([[-1, label]]))
        best = bundle.classes[expected.probabilities[0].argmax()]
        assert panel.probabilities[0][0].startswith(f"{best} (predicted")
        assert float(panel.probabilities[0][1]) == pytest.approx(expected.probabilities[0].max(), abs=6e-4)
        for which, values in (("predicted", expected.maps[0, 0]), ("label", expected.maps[0, 1])):
            panel.which.setCurrentIndex(panel.which.findData(which))
            panel.which.activated.emit(panel.which.currentIndex())
            overlay = viewer.canvas.overlay
            assert (overlay.width(), overlay.height()) == (image.width, image.height)
            assert ("No region" in panel.note.text()) == (not values.any())
            if values.any():
                top, left = (int(each) for each in np.unravel_index(values.argmax(), values.shape))
                place = [round((at + 0.5) * side / values.shape[0] - 0.5)
                         for at, side in ((left, image.width), (top, image.height))]  # fmt: skip
                assert overlay.pixelColor(*place).alpha() > 200
    assert len(requests(page)) == 2, "one of each network"


def test_the_next_images_of_the_list_are_there_at_once(
    page: CoresetPage, runs: tuple[RunResult, ...], qtbot: QtBot
) -> None:
    compared(page, runs)
    viewer = opened(page, [9, 30, 4], qtbot)
    viewer.map_toggle.click()
    qtbot.waitUntil(lambda: bool(viewer.map.probabilities), timeout=30_000)
    first = viewer.canvas.overlay
    qtbot.keyClick(viewer, Qt.Key.Key_Right)
    assert viewer.map.probabilities
    assert viewer.canvas.overlay != first
    qtbot.keyClick(viewer, Qt.Key.Key_G)
    assert viewer.canvas.overlay.isNull()
    assert not viewer.map.isVisible()
    assert viewer.similar.isVisible() == page.preferences.similar_images
    qtbot.keyClick(viewer, Qt.Key.Key_G)
    assert viewer.map.probabilities
    assert len(requests(page)) == 1
    paths = {image.path for image in page.images.summary.dataset.images}  # type: ignore[union-attr]
    assert set(requests(page)[0].paths) <= paths


def test_cancel_stops_and_another_image_starts_again(
    page: CoresetPage, runs: tuple[RunResult, ...], qtbot: QtBot
) -> None:
    compared(page, runs)
    viewer = opened(page, [9, 30], qtbot)
    viewer.map_toggle.click()
    qtbot.mouseClick(viewer.map.cancel, Qt.MouseButton.LeftButton)
    assert viewer.map.note.text() == CANCELLED
    assert not page.service.running()
    qtbot.keyClick(viewer, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: bool(viewer.map.probabilities), timeout=30_000)


def test_a_damaged_network_is_said_in_the_panel(page: CoresetPage, runs: tuple[RunResult, ...], qtbot: QtBot) -> None:
    (models_folder() / bundle_name(runs[0].key) / "model.keras").write_bytes(b"damaged")
    compared(page, runs)
    viewer = opened(page, [9], qtbot)
    viewer.map_toggle.click()
    qtbot.waitUntil(lambda: "was changed or truncated" in viewer.map.note.text(), timeout=30_000)
    assert not viewer.map.cancel.isVisible()


def test_opacity_changes_what_is_drawn_and_nothing_is_asked(
    page: CoresetPage, runs: tuple[RunResult, ...], qtbot: QtBot
) -> None:
    compared(page, runs)
    viewer = opened(page, [9], qtbot)
    viewer.map_toggle.click()
    qtbot.waitUntil(lambda: bool(viewer.map.probabilities), timeout=30_000)
    for row in range(viewer.map.network.count()):  # the first with a map that is not empty
        viewer.map.network.activated.emit(row)
        qtbot.waitUntil(lambda: bool(viewer.map.probabilities), timeout=30_000)
        if viewer.map.note.text() == CAUTION:
            break
    assert viewer.map.note.text() == CAUTION
    asked = len(requests(page))
    grabbed = []
    for value in (0, 50, 100):
        viewer.map.opacity.setValue(value)
        grabbed.append(viewer.canvas.grab().toImage())
    assert grabbed[0] != grabbed[1] != grabbed[2]
    viewer.map_toggle.click()
    assert viewer.canvas.grab().toImage() == grabbed[0]
    assert len(requests(page)) == asked


def test_only_networks_that_are_saved_are_listed(page: CoresetPage, runs: tuple[RunResult, ...]) -> None:
    assert [place.name for _, place in kept_networks(runs)] == [bundle_name(run.key) for run in runs[:2]]
    again = replace(runs[1], key=replace(runs[1].key, repetition=1))
    assert len(kept_networks((runs[1], again))) == 1
    assert kept_networks(()) == []
    assert kept_networks(runs[2:]) == []


@pytest.mark.slow
def test_a_process_of_its_own_computes_the_map(real_context: PageContext, qtbot: QtBot) -> None:
    page = CoresetPage(real_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: page.images.summary is not None, timeout=60_000)
    assert page.images.summary is not None
    classes = tuple(page.images.summary.dataset.classes)
    run = a_run(classes, "random", "aaaaaaaa11")
    trained = TrainedRun(run, build_custom(len(classes), SETTINGS, seed=1))
    save_bundle(models_folder() / bundle_name(run.key), trained, SETTINGS, reading=stored_choices(DataSettings()))
    compared(page, (run,))
    page.large.open(9, [9, 30])
    viewer = page.large.viewer
    assert viewer is not None
    qtbot.keyClick(viewer, Qt.Key.Key_G)
    qtbot.waitUntil(lambda: bool(viewer.map.probabilities), timeout=120_000)
    qtbot.waitUntil(lambda: not page.service.running(), timeout=120_000)
    page.leave()
