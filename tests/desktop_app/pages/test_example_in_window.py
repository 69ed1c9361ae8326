"""The documentation's example of a plugin, used in the window with real engine processes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from coreset_studio.core.descriptions import registry
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.results import Comparison
from coreset_studio.core.settings import ComparisonSettings, own_settings
from coreset_studio.desktop_app.pages.compare import ComparePage
from coreset_studio.desktop_app.pages.coreset import CoresetPage
from coreset_studio.desktop_app.pages.dataset import DatasetPage
from coreset_studio.desktop_app.pages.features import FeaturesPage
from coreset_studio.desktop_app.pages.page import Page, PageContext

PLUGIN = "coreset-example-plugin 1.0"
WAIT = 120_000
IMAGES = (".png", ".jpg")


@pytest.fixture
def context(example_plugin: None, request: pytest.FixtureRequest) -> PageContext:
    """The clustered demo, with the plugin here before anything else is made."""
    made: PageContext = request.getfixturevalue("real_context")
    return made


@pytest.fixture
def shown(qtbot: QtBot) -> Iterator[Any]:
    """A function that shows a page."""
    pages: list[Page] = []

    def show(page: Page) -> None:
        qtbot.addWidget(page)
        page.resize(1280, 800)
        page.show()
        qtbot.waitExposed(page)
        page.enter()
        pages.append(page)

    yield show
    for page in pages:
        page.leave()


@pytest.fixture
def coreset(context: PageContext, shown: Any, qtbot: QtBot) -> CoresetPage:
    page = CoresetPage(context)
    shown(page)
    choose(page.options.sampler, "evenly-spaced")
    page.options.size.percent.setValue(20)
    wait_for_choice(page, qtbot)
    return page


def choose(combo: QComboBox, name: str) -> None:
    at = combo.findData(name)
    assert at >= 0, f"{name} is not offered"
    combo.setCurrentIndex(at)


def wait_for_choice(page: CoresetPage, qtbot: QtBot) -> set[int]:
    """Wait until the choices as they are now have been answered by the engine, and return the images chosen."""
    qtbot.waitUntil(lambda: page.is_answered and page.summary is not None, timeout=WAIT)
    qtbot.waitUntil(lambda: page.summary.coverage is not None, timeout=WAIT)  # type: ignore[union-attr]
    assert page.summary is not None
    return {int(index) for index in page.summary.coreset.indices}


@pytest.mark.slow
def test_its_sampler_chooses_and_its_own_setting_chooses_others(coreset: CoresetPage, qtbot: QtBot) -> None:
    page = coreset
    first = wait_for_choice(page, qtbot)
    assert page.summary is not None
    sizes = page.summary.coreset.pool_sizes
    assert abs(len(first) - 0.2 * sum(sizes.values())) <= len(sizes)
    assert page.summary.coreset.sampler == "evenly-spaced"
    start = page.controls.placed["selection.evenly-spaced.start"]
    assert isinstance(start, QSpinBox)
    assert start.isVisible()
    assert not page.controls.placed["selection.intelligent.budget_over_clusters"].isVisible()
    start.setFocus()
    start.selectAll()
    qtbot.keyClicks(start, "3")
    qtbot.keyClick(start, Qt.Key.Key_Return)
    assert own_settings(page.model.settings("selection"), registry("sampler")["evenly-spaced"]).start == 3
    others = wait_for_choice(page, qtbot)
    assert len(others) == len(first)
    assert others != first
    page.model.undo_stack.undo()
    assert start.text() == "0"
    assert wait_for_choice(page, qtbot) == first


@pytest.mark.slow
def test_an_export_in_its_format_names_the_plugin(coreset: CoresetPage, qtbot: QtBot, tmp_path: Path) -> None:
    page = coreset
    chosen = wait_for_choice(page, qtbot)
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    sheet = page.exporting.sheet
    assert sheet is not None
    between = sheet.controls["export.flat.between"].widget
    assert isinstance(between, QLineEdit)
    assert not between.isVisible()
    height = sheet.height()
    choose(sheet.files, "flat")
    assert between.isVisible()
    assert between.height() >= between.minimumSizeHint().height(), "the sheet grows by what the format adds"
    assert sheet.height() > height
    between.setFocus()
    between.selectAll()
    qtbot.keyClicks(between, "-")
    sheet.folder.setText(str(tmp_path / "out"))
    qtbot.mouseClick(sheet.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.content.result.isVisible() and not page.job_numbers(), timeout=WAIT)
    assert page.content.result.kind == "good"
    manifest = read_manifest(tmp_path / "out")
    assert manifest.plugins == {"sampler evenly-spaced": PLUGIN, "export format flat": PLUGIN}
    names = [file.stem for file in (tmp_path / "out").iterdir() if file.suffix in IMAGES]
    assert len(names) == len(chosen)
    assert all("-" in name and "__" not in name for name in names)


@pytest.mark.slow
def test_its_network_and_sampler_are_compared(
    context: PageContext, shown: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("coreset_studio.desktop_app.pages.compare.runs_folder", lambda: tmp_path / "runs")
    comparison = ComparisonSettings(networks=("head",), samplers=("random",), fractions=(0.2, 1.0), controls=False)
    context.model.put_settings("comparison", comparison)
    page = ComparePage(context)
    shown(page)
    page.options.networks.boxes["nearest-mean"].click()  # type: ignore[attr-defined]
    page.options.networks.boxes["head"].click()  # type: ignore[attr-defined]
    page.options.samplers.boxes["evenly-spaced"].click()  # type: ignore[attr-defined]
    chosen = context.model.settings("comparison")
    assert (chosen.networks, chosen.samplers) == (("nearest-mean",), ("random", "evenly-spaced"))
    qtbot.waitUntil(lambda: page.plan is not None and not page.job_numbers() and not page.why_not(), timeout=WAIT)
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: isinstance(context.model.value("compare"), Comparison), timeout=WAIT)
    rows = context.model.value("compare").rows
    assert {row.network for row in rows} == {"nearest-mean"}
    assert {row.sampler for row in rows} >= {"random", "evenly-spaced"}
    assert "kappa" in rows[0].means


@pytest.mark.slow
def test_the_setting_of_its_extractor_stands_where_the_extractor_is_chosen(
    context: PageContext, shown: Any, qtbot: QtBot
) -> None:
    page = FeaturesPage(context)
    shown(page)
    middle = page.controls.made["features.mean-colour.middle"]
    assert not middle.widget.isVisible()
    qtbot.waitUntil(lambda: "mean-colour" in page.extractors.rows and not page.job_numbers(), timeout=WAIT)
    page.extractors.row("mean-colour").click()
    assert middle.widget.isVisible()
    assert middle.label == "Mean colour: middle", "several extractors can be chosen, so it says whose it is"
    assert middle.widget.text() == "1"  # type: ignore[attr-defined]
    page.extractors.row("mean-colour").click()
    assert not middle.widget.isVisible()


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A file of JSON lines that names 12 images of two classes, under a key that is not the default."""
    random, rows = np.random.default_rng(5), []
    for number in range(12):
        label = "ab"[number % 2]
        pixels = random.integers(0, 60, (20, 20, 3)) + (120 if label == "a" else 40)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number:02d}.png")
        rows.append(json.dumps({"path": f"{number:02d}.png", "kind": label}))
    file = tmp_path / "images.jsonl"
    file.write_text("\n".join(rows), encoding="utf-8")
    return file


def test_the_setting_of_its_source_can_be_put_right_before_the_images_are_read(
    example_plugin: None, page_context: PageContext, shown: Any, qtbot: QtBot, lines: Path
) -> None:
    model = page_context.model
    model.start(lines)
    page = DatasetPage(page_context)
    shown(page)
    key = page.controls.placed["data.json-lines.class_key"]
    assert isinstance(key, QLineEdit)
    assert key.isVisible()
    page.try_run()
    qtbot.waitUntil(lambda: not page.job_numbers())
    (refused,) = page_context.messages.sentences("error")  # type: ignore[attr-defined]
    assert "no JSON object with path and label" in refused
    assert key.isVisible(), "so that it can be put right"
    key.setFocus()
    key.selectAll()
    qtbot.keyClicks(key, "kind")
    qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: model.state("dataset") == "done")
    assert model.facts("dataset")["classes"] == ["a", "b"]  # type: ignore[index]
    assert key.isVisible()
    model.start(lines.parent)
    assert not key.isVisible(), "a folder is of another source"
