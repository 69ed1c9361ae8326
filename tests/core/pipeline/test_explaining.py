"""Grad-CAM maps of a saved network: of images of a dataset, and of a folder as files."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.readings import stored_choices
from coreset_studio.core.errors import CancelledError, ExportError, InputError
from coreset_studio.core.heat_map import coloured, enlarged, overlaid
from coreset_studio.core.output.model_bundle import load_bundle, predict, save_bundle
from coreset_studio.core.pipeline.explaining import CSV, NOT_FOUND, explain_folder, explain_images
from coreset_studio.core.pipeline.stages import open_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import ExplainedImage, RunKey, RunResult
from coreset_studio.core.service.explanation_requests import ExplainImages
from coreset_studio.core.settings import DataSettings, Settings, TrainingSettings
from coreset_studio.core.training.architectures.custom.model import build_custom
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.fitting import TrainedRun
from coreset_studio.core.training.grad_cam import GradCam
from coreset_studio.core.training.pixels import resize

CLASSES = ("amber", "brick", "coral")
SETTINGS = TrainingSettings(image_size=32)


class Published:
    """Keeps what is published, and stops after some reports."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.parts: list[ExplainedImage] = []
        self.reports: list[tuple[int, int, str]] = []
        self._left = stop_after

    def report(self, done: int, total: int, message: str = "") -> None:
        self.reports.append((done, total, message))
        if message.startswith("Computing"):
            self._left -= 1
            if self._left < 0:
                raise CancelledError

    def publish(self, part: ExplainedImage, /) -> None:
        self.parts.append(part)


def a_bundle(folder: Path, classes: Sequence[str] = CLASSES) -> Path:
    true = np.arange(len(classes))
    result = RunResult(
        key=RunKey("custom", "intelligent", 0.25, 0, "mark"), n_images=7, classes=tuple(classes), history=(),
        best_epoch=1, metrics=evaluate(true, true, tuple(classes)), test_indices=true, true=true, predicted=true,
        confidence=np.ones(len(classes), dtype=np.float32), train_seconds=1.0, feature_seconds=0.0, select_seconds=0.0,
        device="CPU", weights=None, note="",
    )  # fmt: skip
    trained = TrainedRun(result, build_custom(len(classes), SETTINGS, seed=3))
    return save_bundle(folder, trained, SETTINGS, reading=stored_choices(DataSettings()))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_bundle(tmp_path_factory.mktemp("models") / "custom-intelligent-0.25-mark")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Three classes of seven images each."""
    rng = np.random.default_rng(0)
    for name in CLASSES:
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(7):
            pixels = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(tmp_path / "cells" / name / f"{number}.png")
    return Study(tmp_path / "cells", Settings(), tmp_path / "cache")


@pytest.mark.slow
def test_each_image_has_the_map_of_its_prediction_and_of_its_label(bundle: Path, study: Study) -> None:
    shown = Published()
    dataset = open_dataset(study.source, study.cache_folder)
    indices = [20, 3, 11, *range(4, 11), *range(12, 20)]
    paths = [dataset.images[index].path for index in indices]
    assert explain_images(study, bundle, paths, shown) == len(indices)
    assert [part.path for part in shown.parts] == paths
    cam = GradCam(load_bundle(bundle).model)
    for part, index in zip(shown.parts, indices, strict=True):
        image = dataset.images[index]
        pixels = np.asarray(PIL.Image.open(Path(study.source) / image.path))
        label = CLASSES.index(image.class_name)
        alone = cam(resize(pixels, 32)[None], np.array([[-1, label]]))
        np.testing.assert_allclose(list(part.probabilities.values()), alone.probabilities[0], atol=1e-5)
        assert tuple(part.probabilities) == CLASSES
        assert part.predicted == CLASSES[alone.probabilities[0].argmax()]
        assert set(part.maps) == {part.predicted, image.class_name}
        np.testing.assert_allclose(part.maps[image.class_name], alone.maps[0, 1], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(part.maps[part.predicted], alone.maps[0, 0], rtol=1e-3, atol=1e-6)
        assert not part.problem


def test_a_label_that_the_network_does_not_know_has_no_map(study: Study, tmp_path: Path) -> None:
    shown = Published()
    explain_images(study, a_bundle(tmp_path / "model", ("amber", "other")), ["amber/0.png", "coral/6.png"], shown)
    assert set(shown.parts[1].maps) == {shown.parts[1].predicted}
    assert "coral" not in shown.parts[1].probabilities


def test_an_image_that_changed_is_named_and_stops_nothing(bundle: Path, study: Study) -> None:
    dataset = open_dataset(study.source, study.cache_folder)
    paths = [image.path for image in dataset.images[:3]]
    shown = Published()
    report = shown.report

    def change(done: int, total: int, message: str = "") -> None:
        if message.startswith("Loading the network"):
            (Path(study.source) / paths[1]).unlink(missing_ok=True)
        report(done, total, message)

    shown.report = change  # type: ignore[method-assign]
    assert explain_images(study, bundle, paths, shown) == 2
    assert [bool(part.maps) for part in shown.parts] == [True, False, True]
    assert "cannot be read" in shown.parts[1].problem
    again = Published()
    assert explain_images(study, bundle, paths, again) == 2
    assert {part.path: part.problem for part in again.parts if part.problem} == {paths[1]: NOT_FOUND}


def test_it_can_be_cancelled_between_batches(bundle: Path, study: Study) -> None:
    shown = Published(stop_after=1)
    with pytest.raises(CancelledError):
        explain_images(study, bundle, [f"{name}/{n}.png" for name in CLASSES for n in range(7)], shown)
    assert len(shown.parts) == 17, "the first image and a batch"


def test_another_reading_is_refused(bundle: Path, study: Study) -> None:
    other = replace(study, settings=Settings(data=replace(DataSettings(), alpha=("white",))))
    with pytest.raises(ExportError, match="read with other settings"):
        explain_images(other, bundle, ["amber/0.png"])


def test_the_request_names_its_limits(bundle: Path, study: Study) -> None:
    request = ExplainImages(study, bundle, ("amber/0.png",))
    assert request.limits is not None
    shown = Published()
    assert request.run(shown) == 1
    assert len(shown.parts) == 1


def test_files_are_overlays_in_the_size_of_the_network_and_the_csv_is_that_of_predict(
    bundle: Path, study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = Path(study.source), tmp_path / "maps"
    (folder / "amber" / "note.txt").write_text("no image", encoding="utf-8")
    assert main(["explain", str(bundle), str(folder), "--out", str(out), "--opacity", "0.5"]) == 0
    said = capsys.readouterr().out
    assert "21 maps computed, 1 skipped" in said
    assert "amber/note.txt" in said
    loaded = load_bundle(bundle)
    expected = predict(loaded, folder)
    with (out / CSV).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[1:]] == list(expected.paths)
    np.testing.assert_allclose([[float(p) for p in row[3:]] for row in rows[1:]], expected.probabilities, atol=2e-5)
    cam = GradCam(loaded.model)
    for path in expected.paths[:3]:
        square = resize(np.asarray(PIL.Image.open(folder / path)), 32)
        written = np.asarray(PIL.Image.open(out / f"{path}.png")).astype(int)
        wanted = overlaid(square, cam(square[None]).maps[0, 0], 0.5).astype(int)
        assert np.abs(written - wanted).max() <= 1
    assert len(list(out.rglob("*.png"))) == 21


def test_bad_input_is_one_sentence_and_leaves_nothing(bundle: Path, study: Study, tmp_path: Path) -> None:
    folder, out = Path(study.source), tmp_path / "maps"
    with pytest.raises(ExportError, match="no class 'ambre'; its classes are amber, brick, coral"):
        explain_folder(bundle, folder, out, "ambre")
    with pytest.raises(ExportError, match="above 0 and at most 1"):
        explain_folder(bundle, folder, out, opacity=1.5)
    with pytest.raises(InputError):
        explain_folder(bundle, tmp_path / "nowhere", out)
    assert not out.exists()
    with pytest.raises(ExportError, match="expected a new or empty folder"):
        explain_folder(bundle, folder, folder)
    stopped = Published(stop_after=0)
    with pytest.raises(CancelledError):
        explain_folder(bundle, folder, out, progress=stopped)
    assert not out.exists()
    assert {one.name for one in tmp_path.iterdir()} <= {"cells", "cache"}


def test_enlarging_is_bilinear_with_centred_pixels() -> None:
    rng = np.random.default_rng(6)
    values = rng.random((5, 7)).astype(np.float32)
    found = enlarged(values, 40, 63)
    by_pillow = np.asarray(PIL.Image.fromarray(values).resize((63, 40), PIL.Image.Resampling.BILINEAR))
    np.testing.assert_allclose(found, by_pillow, atol=1e-5)
    np.testing.assert_allclose(enlarged(values, 5, 7), values, atol=1e-6)
    np.testing.assert_allclose(enlarged(np.full((1, 1), 3, np.float32), 4, 2), 3)


def test_a_map_is_transparent_at_zero_and_an_empty_one_everywhere() -> None:
    values = np.array([[0.0, 1.0], [0.0, 4.0]], dtype=np.float32)
    found = coloured(values, 2, 2)
    assert found[..., 3].tolist() == [[0, 64], [0, 255]]
    rgb = np.random.default_rng(7).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(overlaid(rgb, np.zeros((2, 2), np.float32)), rgb)
    lightness = coloured(np.linspace(0, 1, 256, dtype=np.float32)[None], 1, 256)[0, :, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -0.5).all()
