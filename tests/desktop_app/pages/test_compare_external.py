"""An external test in the window: the question which class is which, and what is shown of the answer."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from coreset_studio.core.results import Dataset, Image, RunKey, RunResult
from coreset_studio.core.service.external_requests import ExternalResult, MatchClasses, MatchedClasses
from coreset_studio.core.settings import ComparisonSettings, TrainingSettings
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.desktop_app.pages.compare import ComparePage
from coreset_studio.desktop_app.pages.compare_external import ExternalSheet, MatchSheet
from coreset_studio.desktop_app.pages.page import PageContext

CLASSES = ("blue", "red")
EXTERNAL = 2  # action of the menu of networks
FOUND = MatchedClasses({"Blue": 3}, CLASSES, {"Blue": "blue"}, is_certain=False)


def a_run() -> RunResult:
    true = np.array([0, 0, 0, 1, 1])
    of_red = np.array([0.1, 0.2, 0.7, 0.9, 0.4])
    both = np.stack([1 - of_red, of_red], axis=1).astype(np.float32)
    predicted = both.argmax(axis=1)
    return RunResult(
        key=RunKey("custom", "intelligent", 0.25, 0, "mark"), n_images=12, classes=CLASSES, history=(), best_epoch=0,
        metrics=evaluate(true, predicted, CLASSES, None, both), test_indices=np.arange(5), true=true,
        predicted=predicted, confidence=both.max(axis=1), train_seconds=0.0, feature_seconds=0.0, select_seconds=0.0,
        device="", probabilities=both,
    )  # fmt: skip


@pytest.fixture
def summary(tmp_path: Path) -> ExternalResult:
    images = tuple(Image(f"{n}.png", "blue", None, "", 8, 8, f"{n:064}", f"{n:064}", 1, 0, "0" * 16) for n in range(5))
    [row] = compare([a_run()], ComparisonSettings()).rows
    return ExternalResult(
        "Accuracy 0.600.", ("One note.", "Another."), Dataset(tmp_path, tmp_path, "folder", images), tmp_path,
        a_run().without_probabilities(), row, tmp_path / "report.html",
    )  # fmt: skip


def test_the_sheet_shows_measures_classes_curves_and_the_images_behind_a_cell(
    summary: ExternalResult, page_context: PageContext, qtbot: QtBot
) -> None:
    page = ComparePage(page_context)
    qtbot.addWidget(page)
    sheet = ExternalSheet(summary, page)
    qtbot.addWidget(sheet)
    sheet.show()
    measures = dict(sheet.measures.plot_table()[1])
    assert measures["Accuracy"].startswith("0.600 (")
    assert measures["AUC"].startswith(f"{5 / 6:.3f} (")
    assert "Worst-cluster recall" not in measures
    assert sheet.notes.text() == "One note.\n\nAnother."
    assert [row[0] for row in sheet.views.table.plot_table()[1]] == ["blue", "red"]
    assert sheet.views.roc.plot_table()[1]
    assert sheet.views.reliability.plot_table()[1]
    sheet.confusion.cell_opened.emit("blue", "red")
    assert sheet.behind_title.text() == "blue classified as red: 1 image"
    sheet.confusion.cell_opened.emit("red", "red")
    assert sheet.behind_title.text() == "red recognised: 1 image"


def test_the_question_starts_with_what_is_known_and_wants_one_class(page_context: PageContext, qtbot: QtBot) -> None:
    page = ComparePage(page_context)
    qtbot.addWidget(page)
    sheet = MatchSheet(MatchedClasses({"Blue": 3, "rot": 1}, CLASSES, {"Blue": "blue"}, is_certain=False), page)
    qtbot.addWidget(sheet)
    heard: list[object] = []
    sheet.matched.connect(heard.append)
    assert [box.currentData() for box in sheet.boxes.values()] == ["blue", ""]
    sheet.boxes["Blue"].setCurrentIndex(0)
    assert sheet.problem == "At least one class must be a class of the network."
    sheet.boxes["rot"].setCurrentIndex(2)
    assert sheet.problem == ""
    sheet.accept_button.click()
    assert heard == [{"Blue": "", "rot": "red"}]


def test_the_dataset_can_be_a_file(
    page_context: PageContext, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ComparePage(page_context)
    qtbot.addWidget(page)
    (tmp_path / "list.csv").write_text("path,class\n")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given, **named: str(tmp_path))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given, **named: (str(tmp_path / "list.csv"), ""))
    asked: list[object] = []
    monkeypatch.setattr(MatchClasses, "run", lambda self, progress: asked.append(self.source) or FOUND)
    page.tools.network_menu.actions()[EXTERNAL + 1].trigger()
    qtbot.waitUntil(lambda: page.findChild(MatchSheet) is not None)
    assert asked == [tmp_path / "list.csv"]


@pytest.mark.slow
def test_a_saved_network_is_evaluated_by_the_menu(
    page_context: PageContext, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coreset_studio.core.output.model_bundle import save_bundle
    from coreset_studio.core.training.architectures.custom.model import build_custom
    from coreset_studio.core.training.fitting import TrainedRun

    settings = TrainingSettings(image_size=32)
    save_bundle(tmp_path / "bundle", TrainedRun(a_run(), build_custom(2, settings, seed=0)), settings)
    rng = np.random.default_rng(0)
    for name in ("Blue", "rot"):
        (tmp_path / "other" / name).mkdir(parents=True)
        for number in range(4):
            rgb = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            PIL.Image.fromarray(rgb).save(tmp_path / "other" / name / f"{number}.png")
    page = ComparePage(page_context)
    qtbot.addWidget(page)
    (tmp_path / "reports").mkdir()
    asked = [str(tmp_path / "bundle"), str(tmp_path / "other"), str(tmp_path / "reports")]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given, **named: asked.pop(0))
    page.tools.network_menu.actions()[EXTERNAL].trigger()
    qtbot.waitUntil(lambda: page.findChild(MatchSheet) is not None, timeout=60_000)
    question = page.findChild(MatchSheet)
    assert question is not None
    question.boxes["rot"].setCurrentIndex(2)
    question.accept_button.click()
    qtbot.waitUntil(lambda: page.findChild(ExternalSheet) is not None, timeout=120_000)
    sheet = page.findChild(ExternalSheet)
    assert sheet is not None
    assert (tmp_path / "reports" / "bundle on other" / "report.html").is_file()
    assert int(sheet._summary.run.metrics.confusion.sum()) == 8
    assert any("Drift is not known" in note for note in sheet.notes.text().split("\n\n"))
    sheet.reject()
