"""A flat folder in the window, as a user labels it: open, select, export, label, divide, open again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from coreset_studio.core.data.stored import load_dataset, save_dataset
from coreset_studio.core.project import STAGES, read_project
from coreset_studio.core.results import UNLABELLED
from coreset_studio.core.settings import ClusterSettings, FeatureSettings, SelectionSettings
from coreset_studio.desktop_app.dialogs.relabel_dialog import RelabelDialog
from coreset_studio.desktop_app.logs import Log
from coreset_studio.desktop_app.main_window import MainWindow
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.pages import compare as compare_page
from coreset_studio.desktop_app.pages import dataset as dataset_page
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.recovery import Autosave

LONG = 60_000
N_IMAGES = 40


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Images of two colours in one folder."""
    folder, noise = tmp_path / "flat", np.random.default_rng(3)
    folder.mkdir()
    for number in range(N_IMAGES):
        pixels = noise.integers(0, 120, (24, 28, 3), dtype=np.uint8)
        pixels[..., number % 2] += np.uint8(100)
        PIL.Image.fromarray(pixels).save(folder / f"image_{number:02d}.png")
    return folder


@pytest.fixture
def window(
    page_context: PageContext, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    """The window with a cache of its own."""
    monkeypatch.setattr(compare_page, "SETTLE_MS", 1)
    monkeypatch.setattr(dataset_page, "SETTLE_MS", 1)
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CORESET_DATA", str(tmp_path / "data"))
    page_context.preferences.cache_folder = tmp_path / "cache"
    autosave = Autosave(page_context.model, page_context.preferences, page_context.messages, tmp_path / "recovery")
    window = MainWindow(page_context, autosave, Log())
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    page_context.service.drop_all()
    shared_store().stop()
    window.files.may_close.emit()


def done(window: MainWindow, stage: str) -> bool:
    return window.frame.steps.step_state(list(STAGES).index(stage)) == "done"


def select_in(window: MainWindow, numbers: range) -> Any:
    """Select images on the Images page by the mouse; return the page."""
    page: Any = window.page("images")
    grid = page.content.grid
    for at, key in enumerate(numbers):
        grid.show_key(key)
        held = Qt.KeyboardModifier.ControlModifier if at else Qt.KeyboardModifier.NoModifier
        place = grid.visualRect(grid.images.index(grid.images.row_of(key))).center()
        QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, held, place)
    return page


def press(page: Any, key: str) -> None:
    """Use a key of the grid, also while the window is not active, as on a machine without a display."""
    next(one for one in page.content.grid.actions() if one.shortcut().toString() == key).trigger()


def type_class(page: Any, name: str) -> None:
    """Press R, and type the name of a class."""
    press(page, "R")
    dialog = next(each for each in page.findChildren(RelabelDialog) if each.isVisible())
    QTest.keyClicks(dialog.field, name)
    QTest.keyClick(dialog, Qt.Key.Key_Return)


@pytest.mark.slow
def test_from_a_flat_folder_to_a_labelled_dataset(window: MainWindow, flat: Path, qtbot: QtBot, tmp_path: Path) -> None:
    model = window.context.model
    window.files.open_path(flat)
    qtbot.waitUntil(lambda: done(window, "dataset"), timeout=LONG)
    dataset: Any = window.page("dataset")
    assert f"{N_IMAGES} images without labels" in dataset.content.facts.text()
    assert f"{N_IMAGES} in the pool" in dataset.content.facts.text()
    assert "no class folders" in dataset.content.warning.text
    assert not dataset.test_share.isEnabled()
    assert "No image has a label" in dataset.test_share.toolTip()
    model.put_settings("features", FeatureSettings(extractors=("colour-texture",)))
    model.put_settings("clusters", ClusterSettings(k_max=4))
    model.put_settings("selection", SelectionSettings(sampler="even-herding", images=10))
    for stage in ("features", "clusters", "coreset"):
        window.go_to_stage(stage)
        page: Any = window.page(stage)
        qtbot.waitUntil(lambda: not page.job_numbers(), timeout=LONG)  # noqa: B023
        if stage == "coreset":
            qtbot.waitUntil(lambda: page.content.covered.text().startswith("The least covered image"), timeout=LONG)  # noqa: B023
            window.menus.actions["run"].trigger()
            page.exporting.sheet.folder.setText(str(tmp_path / "export"))
            page.exporting.sheet.accept_button.click()
        else:
            window.menus.actions["run"].trigger()
        qtbot.waitUntil(lambda: done(window, stage) and not page.job_numbers(), timeout=LONG)  # noqa: B023
    assert (tmp_path / "export" / "coreset.json").is_file()
    chosen = model.latest_value("coreset").coreset.indices
    assert len(chosen) == 10

    window.go_to_stage("compare")
    compare: Any = window.page("compare")
    qtbot.waitUntil(lambda: compare.is_settled(), timeout=LONG)
    assert compare.why_not().startswith("Training and comparing networks requires labels, and no image has one.")

    window.go_to_stage("images")
    images: Any = window.page("images")
    qtbot.waitUntil(lambda: len(images.content.grid.images.keys) == N_IMAGES, timeout=LONG)
    assert window.frame.host.current_page is images
    assert not images.label_errors_button.isEnabled()
    assert "requires labels" in images.label_errors_button.toolTip()
    type_class(select_in(window, range(5)), "dull")
    qtbot.waitUntil(lambda: len(model.settings("data").relabelled) == 5, timeout=LONG)
    type_class(select_in(window, range(5, 9)), "bright")
    qtbot.waitUntil(lambda: len(model.settings("data").relabelled) == 9, timeout=LONG)
    press(select_in(window, range(9, 10)), "1")  # the first class by name
    qtbot.waitUntil(lambda: len(model.settings("data").relabelled) == 10, timeout=LONG)
    records = {record.path: (record.old, record.new) for record in model.settings("data").relabelled}
    assert records["image_09.png"] == (UNLABELLED, "bright")

    def labelled() -> bool:
        summary = model.latest_value("dataset")
        return bool(summary is not None and len(summary.dataset.without_label) == N_IMAGES - 10)

    qtbot.waitUntil(lambda: labelled() and done(window, "dataset"), timeout=LONG)
    summary = model.latest_value("dataset")
    window.go_to_stage("dataset")
    qtbot.waitUntil(lambda: dataset.test_share.isEnabled(), timeout=LONG)
    used = np.concatenate([summary.split.pool, summary.split.validation, summary.split.test])
    assert sorted(summary.dataset.images[i].path for i in used) == [f"image_{n:02d}.png" for n in range(10)]
    assert "10 images in 2 classes, and 30 without a label" in summary.words

    file = tmp_path / "labelled.coreset"
    model.save(file)
    assert {record.path for record in read_project(file).settings.data.relabelled} == set(records)
    window.files.open_path(file)
    qtbot.waitUntil(labelled, timeout=LONG)
    assert {r.path: (r.old, r.new) for r in model.settings("data").relabelled} == records
    stored = tmp_path / "scan.json"
    save_dataset(model.latest_value("dataset").dataset, stored)
    assert load_dataset(stored).without_label == model.latest_value("dataset").dataset.without_label
