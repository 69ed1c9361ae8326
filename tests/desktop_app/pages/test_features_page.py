"""The Features page, walked as a user does: what extractors cost, which work here, how well they separate."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolTip
from pytestqt.qtbot import QtBot

from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import ExtractorFact
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import Estimate, Separation
from coreset_studio.core.service.dataset_requests import ScanDataset
from coreset_studio.core.service.feature_requests import (
    ComputeFeatures,
    DescribeExtractors,
    ExtractorsSummary,
    FeaturesSummary,
)
from coreset_studio.core.settings import FeatureSettings, with_own
from coreset_studio.core.settings.chosen_file import FeaturesFile
from coreset_studio.desktop_app.dialogs.help_window import HelpWindow
from coreset_studio.desktop_app.dialogs.question import DetailsDialog
from coreset_studio.desktop_app.pages.features import USE_BOTH, FeaturesPage
from coreset_studio.desktop_app.pages.features_advice import EVIDENCE, meaning, recommended, tip_for_both
from coreset_studio.desktop_app.pages.features_mark import features_mark
from coreset_studio.desktop_app.pages.page import PageContext


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No weight file is anywhere on this machine."""
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: (tmp_path / "nowhere",))


@pytest.fixture
def scanned(page_context: PageContext, demo_study: Study, monkeypatch: pytest.MonkeyPatch) -> PageContext:
    """A new project on the demo, scanned, nothing chosen yet."""
    monkeypatch.setenv("CORESET_CACHE", str(demo_study.cache_folder))
    page_context.model.start(demo_study.source)
    summary = ScanDataset(demo_study).run(NO_PROGRESS)
    facts = {"images": len(summary.dataset.images)}
    page_context.model.store_result(
        "dataset", page_context.model.key("dataset"), facts, summary, content=summary.identity
    )
    return page_context


@pytest.fixture
def open_page(qtbot: QtBot) -> Iterator[Callable[[PageContext], FeaturesPage]]:
    pages = []

    def show(context: PageContext) -> FeaturesPage:
        page = FeaturesPage(context)
        qtbot.addWidget(page)
        page.resize(1100, 700)
        page.show()
        page.enter()
        qtbot.waitUntil(lambda: not page.job_numbers(DescribeExtractors))
        pages.append(page)
        return page

    yield show
    for page in pages:
        page.leave()


def view_with(state: str, separations: tuple[Separation, ...] = ()) -> ExtractorsSummary:
    """Facts as they are where VGG16's weights are in `state`."""
    estimate = Estimate(12.0, 900_000_000, 5_000_000, "measured")
    missing = "They are missing." if state == "missing" else ""
    facts = (
        ExtractorFact("colour-texture", "Colour and texture", "", 96, "", "needs none", "", 150, 150, estimate),
        ExtractorFact("vgg16", "VGG16", "A network", 1472, "vgg16", state, missing, 0, 150, estimate),
        ExtractorFact("vgg16-avg", "VGG16, averaged", "", 64, "vgg16", state, missing, 0, 150, estimate, "vgg16"),
    )
    return ExtractorsSummary(facts, separations, Estimate(1.0, 1_000_000, 0, "counted"))


def with_facts(context: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, summary: ExtractorsSummary) -> Any:
    monkeypatch.setattr(DescribeExtractors, "run", lambda request, progress: summary)
    page = FeaturesPage(context)
    qtbot.addWidget(page)
    page.enter()
    qtbot.waitUntil(lambda: bool(page.extractors.rows))
    return page


def test_before_the_scan_it_says_what_to_do(page_context: PageContext, qtbot: QtBot) -> None:
    page = FeaturesPage(page_context)
    qtbot.addWidget(page)
    page.enter()
    assert not page.run_button.isEnabled()
    assert page.run_button.toolTip() == "Scan the images first, on the Dataset page."
    assert not page.empty.isHidden()
    with qtbot.waitSignal(page.step_requested) as wanted:
        page.empty.button.click()
    assert wanted.args == ["dataset"]


def test_while_extractors_are_looked_for_it_is_said(scanned: PageContext, qtbot: QtBot) -> None:
    page = FeaturesPage(scanned)
    qtbot.addWidget(page)
    page.show()
    page.enter()

    def texts() -> list[str]:
        return [label.text() for label in page.extractors.findChildren(QLabel) if label.isVisible()]

    assert texts() == ["Looking for extractors and their weights…"]
    qtbot.waitUntil(lambda: not page.job_numbers(DescribeExtractors))
    assert page.extractors.rows
    assert "Looking for extractors and their weights…" not in texts()
    page.leave()


@pytest.mark.usefixtures("no_weights")
def test_without_weights_colour_and_texture_are_used_and_it_is_said(
    scanned: PageContext, open_page: Callable[[PageContext], FeaturesPage]
) -> None:
    assert scanned.model.settings("features").extractors == ("vgg16",)
    page = open_page(scanned)
    assert scanned.model.settings("features").extractors == ("colour-texture",)
    assert page.advice.isVisible()
    assert "VGG16 weights" in page.advice.text
    assert "`" not in page.advice.text
    assert page.run_button.isEnabled()
    assert not page.extractors.row("vgg16").isEnabled()
    assert page.extractors.row("colour-texture").isChecked()
    scanned.model.undo_stack.undo()
    assert scanned.model.settings("features").extractors == ("vgg16",)
    assert page.run_button.toolTip().startswith("The weights of VGG16 are not installed. Import them")
    assert page.extractors.row("vgg16").isEnabled()


@pytest.mark.usefixtures("no_weights")
def test_each_extractor_is_explained_in_help(
    scanned: PageContext, open_page: Callable[[PageContext], FeaturesPage], qtbot: QtBot
) -> None:
    page = open_page(scanned)
    for name, title in (("vgg16", "VGG16"), ("colour-texture", "Colour and texture")):
        button = page.extractors.rows[name].about
        assert button.accessibleName() == f"About {title}"
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        (help_window,) = page.findChildren(HelpWindow)
        assert help_window.isVisible()
        assert help_window.text.name == f"extractors/{name}"
    help_window.close()


@pytest.mark.usefixtures("no_weights")
def test_missing_weights_lead_to_the_panel_that_brings_them(
    scanned: PageContext, open_page: Callable[[PageContext], FeaturesPage], qtbot: QtBot
) -> None:
    page = open_page(scanned)
    row = page.extractors.rows["vgg16"]
    assert "weights missing" in row.state.text()
    assert not page.extractors.rows["colour-texture"].bring.isVisible()
    for button in (row.bring, page.advice.action_button):
        with qtbot.waitSignal(page.weights_requested):
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_weights_that_have_come_are_seen(scanned: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    page = with_facts(scanned, qtbot, monkeypatch, view_with("missing"))
    assert not page.extractors.row("vgg16").isEnabled()
    now = view_with("verified")
    monkeypatch.setattr(DescribeExtractors, "run", lambda request, progress: now)
    page.on_weights_changed()
    qtbot.waitUntil(page.extractors.row("vgg16").isEnabled)


@pytest.mark.parametrize(
    ("accuracy", "largest", "says"),
    [
        (0.86, 0.25, "The features separate the classes well: 86 %"),
        (0.60, 0.25, "The features partly separate the classes: 60 %"),
        (0.86, 0.85, "The features hardly separate the classes: 86 %"),
    ],
)
def test_what_the_separation_means_is_said_beside_chance(accuracy: float, largest: float, says: str) -> None:
    words = meaning(Separation(("colour-texture",), accuracy, {}, 5), largest)
    assert words.startswith(says)
    assert ("chance level is 85 %" in words) == (largest > 0.5)


def test_the_extractors_are_the_first_to_be_reached_by_tab(
    described_context: PageContext, open_page: Callable[[PageContext], FeaturesPage]
) -> None:
    page = open_page(described_context)
    stops, at = [], page.run_button.nextInFocusChain()
    while at is not page.run_button:
        stops.append(at)
        at = at.nextInFocusChain()
    first = min(stops.index(page.extractors.row(name)) for name in EXTRACTORS)
    assert first < stops.index(page.variance)


def test_results_that_exist_are_not_touched_by_missing_weights(
    described_context: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    described_context.model.set_settings("features", extractors=("colour-texture", "vgg16"))
    page = with_facts(described_context, qtbot, monkeypatch, view_with("missing"))
    assert described_context.model.settings("features").extractors == ("colour-texture", "vgg16")
    assert "VGG16" in page.why_not()


def test_the_recommended_ones_are_offered_where_vgg16_is_there(
    scanned: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = with_facts(scanned, qtbot, monkeypatch, view_with("verified"))
    page.show()
    assert page.advice.action_button.text() == USE_BOTH
    assert "VGG16, VGG16, averaged and Colour and texture together (about 12 s for these images)" in page.advice.text
    assert "on blood cells" in page.advice.text
    qtbot.mouseClick(page.advice.more_button, Qt.MouseButton.LeftButton)
    (evidence,) = page.findChildren(DetailsDialog)
    assert "stratified random" in evidence.sentence.text()
    evidence.close()
    qtbot.mouseClick(page.advice.action_button, Qt.MouseButton.LeftButton)
    assert scanned.model.settings("features").extractors == ("colour-texture", "vgg16", "vgg16-avg")
    assert not page.advice.isVisible()
    assert page.extractors.row("vgg16").isChecked()
    assert "24 s" in page.cost.text()
    assert "900 MB" in page.cost.text()


def test_an_offer_sent_away_does_not_come_back(
    scanned: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = with_facts(scanned, qtbot, monkeypatch, view_with("verified"))
    page.show()
    qtbot.mouseClick(page.advice.close_button, Qt.MouseButton.LeftButton)
    page.variance.setValue(90)
    assert not page.advice.isVisible()
    assert scanned.model.settings("features").variance == pytest.approx(0.9)


def test_the_last_extractor_stays(described_context: PageContext, open_page: Callable[[PageContext], Any]) -> None:
    page = open_page(described_context)
    page.extractors.row("colour-texture").click()
    assert described_context.model.settings("features").extractors == ("colour-texture",)
    assert page.extractors.row("colour-texture").isChecked()
    assert QToolTip.text().startswith("At least one extractor")
    assert not described_context.messages.sentences("warning")  # type: ignore[attr-defined]
    QToolTip.hideText()


def test_every_extractor_shows_its_facts(
    described_context: PageContext, open_page: Callable[[PageContext], FeaturesPage]
) -> None:
    page = open_page(described_context)
    assert set(page.extractors.rows) == set(EXTRACTORS)
    words = page.extractors.rows["colour-texture"].state.text()
    assert "requires no weights" in words
    assert "computed" in words
    assert "% of the images are closest to their own class" in words


def test_extracting_shows_separation_and_explained_variance(
    scanned: PageContext, open_page: Callable[[PageContext], FeaturesPage], qtbot: QtBot
) -> None:
    scanned.model.set_settings("features", extractors=("colour-texture",))
    page = open_page(scanned)
    with qtbot.waitSignal(page.summary_reported) as told:
        qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    assert told.args[1] == "clusters"
    assert scanned.model.state("features") == "done"
    result = scanned.model.value("features")
    assert isinstance(result, FeaturesSummary)
    (separation,) = result.separations
    texts = [row.label for row in page.bars.rows]
    assert texts[:2] == ["Colour and texture", "all classes"]
    assert set(texts[2:]) == set(separation.by_class)
    assert 0.3 < separation.accuracy <= 1
    assert page.cost.text().startswith("These features are already computed")
    facts = scanned.model.facts("features")
    assert facts is not None
    assert facts["separations"] == {"colour-texture": separation.accuracy}
    assert len(page.curve.plot_table()[1]) > 0


def test_a_failed_extraction_is_an_error_and_can_be_tried_again(
    scanned: PageContext,
    open_page: Callable[[PageContext], FeaturesPage],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from coreset_studio.core.errors import FeatureError

    def fail(request: ComputeFeatures, progress: object) -> None:
        raise FeatureError("The disk is full. Free some space.")

    scanned.model.set_settings("features", extractors=("colour-texture",))
    page = open_page(scanned)
    monkeypatch.setattr(ComputeFeatures, "run", fail)
    page.try_run()
    qtbot.waitUntil(lambda: bool(scanned.messages.sentences("error")))  # type: ignore[attr-defined]
    assert scanned.model.state("features") == "ready"
    assert page.run_button.isEnabled()


MEANS = """
from coreset_studio.core.features.description import Extractor

DESCRIPTION = Extractor(
    name="page-means", title="Mean colours", tip="The mean of each channel.", does="plug_page.code:STEPS",
    blocks={"all": 3}, version=1, input_size=64, batch_size=8, WEIGHTS
)
"""
MEANS_CODE = """
import numpy as np

from coreset_studio.core.features.steps import Steps

STEPS = Steps(
    prepare=lambda rgb: rgb.mean((0, 1)).astype(np.float32), load=lambda tensors: lambda batch: {"all": batch}
)
"""


@pytest.mark.slow
def test_an_extractor_of_a_plugin_is_shown_and_used(
    scanned: PageContext,
    open_page: Callable[[PageContext], FeaturesPage],
    qtbot: QtBot,
    install_plugin: Callable[..., None],
) -> None:
    modules = {"__init__.py": MEANS.replace("WEIGHTS", ""), "code.py": MEANS_CODE}
    install_plugin(EXTRACTORS, "plug_page", modules, {"page-means": "plug_page:DESCRIPTION"})
    scanned.model.set_settings("features", extractors=("colour-texture",))
    page = open_page(scanned)
    row = page.extractors.rows["page-means"]
    assert row.box.text() == "Mean colours"
    assert row.tip.text() == "The mean of each channel."
    assert row.state.toolTip().startswith("Describes an image by 3 features.")
    row.box.click()
    assert scanned.model.settings("features").extractors == ("colour-texture", "page-means")
    with qtbot.waitSignal(page.summary_reported):
        qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
    result = scanned.model.value("features")
    assert isinstance(result, FeaturesSummary)
    assert [weights.extractor for weights in result.weights] == ["colour-texture", "page-means"]
    qtbot.waitUntil(lambda: "computed" in page.extractors.rows["page-means"].state.text())


def test_a_plugin_that_fails_is_told_and_cannot_be_chosen(
    scanned: PageContext, open_page: Callable[[PageContext], FeaturesPage], install_plugin: Callable[..., None]
) -> None:
    modules = {"__init__.py": MEANS.replace("WEIGHTS", 'weights="lost"'), "code.py": "raise ValueError('too old')"}
    install_plugin(EXTRACTORS, "plug_page", modules, {"page-means": "plug_page:DESCRIPTION"})
    scanned.model.set_settings("features", extractors=("page-means",))
    page = open_page(scanned)
    assert scanned.model.settings("features").extractors == ("colour-texture",)
    instead = "Mean colours cannot be used on this computer; using Colour and texture instead."
    assert page.advice.text == f"{instead} The reason is shown next to it."
    row = page.extractors.rows["page-means"]
    assert "of the plugin plug_page 1.2 failed (ValueError: too old)" in row.tip.text()
    assert "plugin failed" in row.state.text()
    assert not row.box.isEnabled()
    assert not row.bring.isVisible()
    assert page.advice.action_button.text() == ""


def test_the_advice_names_what_is_recommended() -> None:
    found = recommended()
    assert list(found) == ["vgg16", "vgg16-avg", "colour-texture"]
    assert tip_for_both() == "Use VGG16, VGG16 averaged and colour-texture together"
    assert all(each.in_words in EVIDENCE for each in found.values())


# --- features from a file -----------------------------------------------------------------------------------------

FILE = "features.features-file.file"


def write_features_file(file: Path, study: Study, n_rows: int | None = None) -> None:
    """Write a random row for each image of the demo, or for the first of them."""
    paths = [image.path for image in ScanDataset(study).run(NO_PROGRESS).dataset.images][:n_rows]
    np.save(file, np.random.default_rng(0).standard_normal((len(paths), 6)))
    file.with_suffix(".csv").write_text("\n".join(["path", *paths]), encoding="utf-8")


def choose_file(page: FeaturesPage, file: Path, qtbot: QtBot) -> None:
    page.controls.placed[FILE].chosen.emit(str(file))  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: not page.job_numbers(), timeout=60_000)


@pytest.mark.slow
def test_a_features_file_is_chosen_used_and_labelled(
    scanned: PageContext, demo_study: Study, open_page: Callable[[PageContext], Any], qtbot: QtBot, tmp_path: Path
) -> None:
    write_features_file(tmp_path / "own.npy", demo_study, n_rows=-2)
    page = open_page(scanned)
    row = page.extractors.rows["features-file"]
    assert row.state.text().startswith("no features file chosen")
    assert not row.box.isEnabled()
    qtbot.mouseClick(row.bring, Qt.MouseButton.LeftButton)
    dialog = page.controls.placed[FILE].dialog
    assert dialog is not None
    dialog.reject()

    choose_file(page, tmp_path / "own.npy", qtbot)
    settings = scanned.model.settings("features")
    assert settings.extractors[-1] == "features-file"
    assert settings.own["features-file"].file.rows == len(scanned.model.latest_value("dataset").dataset.images) - 2
    assert row.box.isChecked()
    assert "own.npy" in row.tip.text()
    assert row.bring.text() == "Choose another file…"
    assert page.controls.placed[FILE].words.text().startswith("own.npy")

    scanned.model.set_settings("features", extractors=("features-file",))
    page.try_run()
    qtbot.waitUntil(lambda: scanned.model.state("features") == "done", timeout=120_000)
    said = page.labels.text
    assert "own.npy" in said
    assert "not checked by this program" in said
    assert "2 images have no usable row in the features file and were excluded" in said
    scanned.model.undo_stack.undo()  # of the extractors
    scanned.model.undo_stack.undo()  # of the file
    assert "features-file" not in scanned.model.settings("features").own


def test_a_file_that_cannot_be_read_changes_nothing_and_is_told(
    scanned: PageContext, open_page: Callable[[PageContext], Any], qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "bad.npy").write_bytes(b"hello")
    page = open_page(scanned)
    before = scanned.model.settings("features")
    choose_file(page, tmp_path / "bad.npy", qtbot)
    assert scanned.model.settings("features") == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "state", "button"),
    [("remove", "features file not found", "Locate…"), ("rewrite", "features file has changed", "Choose again…")],
)
def test_a_file_that_is_gone_or_changed_is_told_with_the_way_out(
    change: str, state: str, button: str, scanned: PageContext, demo_study: Study,
    open_page: Callable[[PageContext], Any], qtbot: QtBot, tmp_path: Path,
) -> None:  # fmt: skip
    file = tmp_path / "own.npy"
    write_features_file(file, demo_study)
    page = open_page(scanned)
    choose_file(page, file, qtbot)
    used = scanned.model.settings("features").extractors
    file.rename(tmp_path / "moved.npy")
    if change == "rewrite":
        np.save(file, np.zeros((3, 2)))
    page.on_weights_changed()
    qtbot.waitUntil(lambda: not page.job_numbers(), timeout=60_000)
    row = page.extractors.rows["features-file"]
    assert row.state.text() == state
    assert row.bring.text() == button
    assert scanned.model.settings("features").extractors == used  # nothing else is used instead
    assert "--features-file" in page.reason_not_to_run()
    # Located again, it is the same file: nothing computed would be outdated.
    key = scanned.model.key("features")
    (tmp_path / "own.csv").rename(tmp_path / "moved.csv")
    choose_file(page, tmp_path / "moved.npy", qtbot)
    assert scanned.model.key("features") == key
    assert page.reason_not_to_run() == ""


def test_a_features_file_can_be_removed_again(
    scanned: PageContext, demo_study: Study, open_page: Callable[[PageContext], Any], qtbot: QtBot, tmp_path: Path
) -> None:
    write_features_file(tmp_path / "own.npy", demo_study)
    page = open_page(scanned)
    choose_file(page, tmp_path / "own.npy", qtbot)
    field = page.controls.placed[FILE]
    assert field.remove.isVisible()
    qtbot.mouseClick(field.remove, Qt.MouseButton.LeftButton)
    assert scanned.model.settings("features").own == {}
    assert field.words.text() == "None chosen"
    assert "No features file is chosen" in page.reason_not_to_run() or page.job_numbers()


def test_results_of_features_from_a_file_are_marked_on_the_pages_after() -> None:
    chosen = FeaturesFile(digest="0" * 64, name="own.npy", rows=3, blocks={"features": 2})
    settings = FeatureSettings(extractors=("colour-texture", "features-file"))
    assert features_mark(FeatureSettings()) == ""
    marked = with_own(settings, "features-file", file=chosen)
    assert features_mark(marked) == "Features from a file (own.npy): not checked by this program."
