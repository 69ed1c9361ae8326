"""A saved network on another labelled folder: the same measures, classes by name, and what cannot be used."""

import csv
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from scipy import stats
from sklearn import metrics as sk

from coreset_studio.core.cli import main
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.errors import ExportError
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.output.bundle_features import FEATURES_NAME, known_images, read_known, with_features
from coreset_studio.core.output.external_report import ANSWERS, REPORT
from coreset_studio.core.output.model_bundle import FACTS_NAME, MODEL_NAME, load_bundle, read_facts, save_bundle
from coreset_studio.core.pipeline.external import evaluate_external, external_classes
from coreset_studio.core.results import RunKey, RunResult
from coreset_studio.core.settings import DataSettings, TrainingSettings
from coreset_studio.core.training.architectures.custom.model import build_custom
from coreset_studio.core.training.architectures.transfer.model import assemble_transfer
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.fitting import TrainedRun

CLASSES = ("blue", "green", "red")
COLOURS = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (200, 50, 40)}
SETTINGS = TrainingSettings(image_size=32)


def write(folder: Path, names: Mapping[str, str], *, n: int = 6, seed: int = 0) -> Path:
    """Noisy squares: of each colour `n`, in a folder of the given name."""
    rng = np.random.default_rng(seed)
    for colour, name in names.items():
        (folder / name).mkdir(parents=True)
        for number in range(n):
            rgb = np.clip(np.array(COLOURS[colour]) + rng.normal(0, 30, (40, 40, 3)), 0, 255).astype(np.uint8)
            PIL.Image.fromarray(rgb).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with what it knows of its training images, these, and a cache."""
    home = tmp_path_factory.mktemp("external")
    write(home / "training", dict(zip(CLASSES, CLASSES, strict=True)), n=8)
    dataset = scan(home / "training", cache_folder=home / "cache")
    true = np.array([0, 1, 2])
    result = RunResult(
        key=RunKey("custom", "intelligent", 0.25, 0, "mark"), n_images=12, classes=CLASSES, history=(), best_epoch=4,
        metrics=evaluate(true, true, CLASSES), test_indices=true, true=true, predicted=true,
        confidence=np.ones(3, dtype=np.float32), train_seconds=1.0, feature_seconds=0.0, select_seconds=0.0,
        device="CPU",
    )  # fmt: skip
    model = build_custom(3, SETTINGS, seed=3)
    even = np.arange(0, 24, 2)
    known = known_images(model, dataset, even, even + 1, 32, home / "cache")
    save_bundle(home / "bundle", TrainedRun(result, model), SETTINGS, known=known)
    save_bundle(home / "without", TrainedRun(result, model), SETTINGS)
    return home


@pytest.mark.slow
def test_measures_are_those_of_the_answers(home: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"blue": "Blue", "green": "green", "red": "RED"}, seed=1)
    found = evaluate_external(home / "bundle", other, home / "cache", tmp_path / "out")
    with (tmp_path / "out" / ANSWERS).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 18
    true, predicted = [row["true"] for row in rows], [row["predicted"] for row in rows]
    assert {(row["label"], row["true"]) for row in rows} == {("Blue", "blue"), ("green", "green"), ("RED", "red")}
    assert found.row.means["accuracy"] == pytest.approx(sk.accuracy_score(true, predicted))
    ends = stats.binomtest(sum(row["correct"] == "1" for row in rows), 18).proportion_ci(method="wilson")
    assert (found.row.lows["accuracy"], found.row.highs["accuracy"]) == pytest.approx((ends.low, ends.high))
    assert found.row.means["cohen_kappa"] == pytest.approx(sk.cohen_kappa_score(true, predicted))
    by_class = [
        sk.roc_auc_score([name == one for one in true], [float(row[f"p {name}"]) for row in rows]) for name in CLASSES
    ]
    assert found.row.means["auc"] == pytest.approx(np.mean(by_class), abs=1e-3)
    counts = sk.confusion_matrix(true, predicted, labels=CLASSES)
    assert found.run.metrics.confusion.tolist() == counts.tolist()
    loaded = load_bundle(home / "bundle")
    image = np.asarray(PIL.Image.open(other / "Blue" / "0.png").resize((32, 32), PIL.Image.Resampling.BILINEAR))
    answer = loaded.model(image[None]).numpy()[0]
    [row] = [row for row in rows if row["path"] == "Blue/0.png"]
    assert [float(row[f"p {name}"]) for name in CLASSES] == pytest.approx(answer.tolist(), abs=1e-5)
    page = (tmp_path / "out" / REPORT).read_text(encoding="utf-8")
    for words in ("bundle on other", "ROC curves", "Reliability", "Confusion matrix", "Drift of the network", " as "):
        assert words in page
    assert {file.stem for file in (tmp_path / "out" / "tables").iterdir()} == {
        "class_metrics", "confusion", "matching", "measures",
    }  # fmt: skip


def test_classes_that_are_not_in_both_are_told(home: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"blue": "Azure", "green": "green"}, seed=2)
    view = external_classes(home / "bundle", other, home / "cache")
    assert (view.theirs, view.ours) == ({"Azure": 6, "green": 6}, CLASSES)
    assert (view.matched, view.is_certain) == ({"green": "green"}, False)
    found = evaluate_external(home / "bundle", other, home / "cache")
    assert (len(found.run.true), found.left_out) == (6, {"Azure": 6})
    assert "6 images were skipped, of classes that the network does not have: Azure (6)." in found.notes
    assert "There are no images of these classes of the network: blue, red." in found.notes
    assert "All images are of the class green: specificity and AUC require images of another class." in found.notes
    assert found.row.unknown["auc"] == "test images of at least two classes are needed"
    assert np.isnan(found.row.class_measures["recall"]["red"][0])
    found = evaluate_external(home / "bundle", other, home / "cache", matches={"Azure": "blue"})
    assert len(found.run.true) == 12
    assert not np.isnan(found.row.means["auc"])


def test_images_of_the_training_are_left_out(home: Path, tmp_path: Path) -> None:
    found = evaluate_external(home / "bundle", home / "training", home / "cache")
    assert (len(found.run.true), found.trained_on) == (12, 12)
    assert "12 images were skipped, with the same pixels as images that the network was trained on." in found.notes
    for number, name in enumerate(("0", "2")):
        target = tmp_path / "same" / CLASSES[number]
        target.mkdir(parents=True)
        shutil.copy(home / "training" / CLASSES[number] / f"{name}.png", target)
    with pytest.raises(ExportError, match="is left to evaluate: 2 have the same pixels as images that the network was"):
        evaluate_external(home / "bundle", tmp_path / "same", home / "cache")


def test_drift_stands_beside_that_of_the_own_test_images(home: Path, tmp_path: Path) -> None:
    alike = write(tmp_path / "alike", dict(zip(CLASSES, CLASSES, strict=True)), seed=5)
    near = evaluate_external(home / "bundle", alike, home / "cache").drift
    dark = tmp_path / "dark"
    for file in alike.rglob("*.png"):
        target = dark / file.relative_to(alike)
        target.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(np.asarray(PIL.Image.open(file)) // 4).save(target)
    far = evaluate_external(home / "bundle", dark, home / "cache").drift
    assert near is not None
    assert far is not None
    assert near.own is not None
    assert (near.training_images, near.own.images, near.new.images) == (12, 12, 18)
    assert near.own.mean_distance < 0.5
    assert near.new.mean_distance < 0.5 < far.new.mean_distance
    assert far.new.outside > 0.9 > near.new.outside


def test_a_bundle_of_before_says_that_drift_is_not_known(home: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", dict(zip(CLASSES, CLASSES, strict=True)), seed=1)
    assert "features_sha256" not in json.loads((home / "without" / FACTS_NAME).read_text(encoding="utf-8"))
    found = evaluate_external(home / "without", other, home / "cache")
    assert found.drift is None
    assert found.notes[-1].startswith("Drift is not known: the features of the training images were not saved")
    assert len(found.run.true) == 18


def test_what_a_bundle_knows_comes_back(home: Path) -> None:
    known = read_known(home / "bundle", read_facts(home / "bundle").features_sha256)
    assert known is not None
    assert known.training.shape == known.test.shape == (12, 32)
    dataset = scan(home / "training", cache_folder=home / "cache")
    assert set(known.trained_on.tolist()) == {dataset.images[at].pixels.encode() for at in range(0, 24, 2)}
    model = load_bundle(home / "bundle").model
    both = with_features(model)
    assert both is not None
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(both(pixels)[0], model(pixels).numpy(), atol=1e-6)


def test_the_features_of_a_transfer_network_are_those_of_its_backbone() -> None:
    keras = import_keras()
    pixels = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(5, 3)(keras.layers.Rescaling(1 / 255)(pixels))
    backbone = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(maps))
    features = keras.Input((5,))
    head = keras.Model(features, keras.layers.Dense(3, activation="softmax")(features))
    model = assemble_transfer(backbone, head)
    both = with_features(model)
    assert both is not None
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    probabilities, found = both(images)
    np.testing.assert_allclose(probabilities, model(images).numpy(), atol=1e-6)
    np.testing.assert_allclose(found, backbone(images).numpy(), atol=1e-6)


def test_a_model_of_other_parts_has_no_features() -> None:
    assert with_features(object()) is None


@pytest.mark.parametrize("name", [FEATURES_NAME, MODEL_NAME])
@pytest.mark.parametrize("how", ["cut", "gone"])
def test_a_damaged_bundle_is_a_sentence(home: Path, tmp_path: Path, name: str, how: str) -> None:
    shutil.copytree(home / "bundle", tmp_path / "bundle")
    file = tmp_path / "bundle" / name
    if how == "cut":
        file.write_bytes(file.read_bytes()[:-10])
    else:
        file.unlink()
    other = write(tmp_path / "other", dict(zip(CLASSES, CLASSES, strict=True)), n=2)
    with pytest.raises(ExportError, match=f"{name} (is not the|cannot be read)"):
        evaluate_external(tmp_path / "bundle", other, home / "cache")


def test_an_image_that_is_gone_since_the_scan_stops_nothing(home: Path, tmp_path: Path) -> None:
    from coreset_studio.core.output.external_test import evaluate_bundle

    other = write(tmp_path / "other", dict(zip(CLASSES, CLASSES, strict=True)), n=3, seed=4)
    (other / "red" / "broken.png").write_bytes(b"no image")
    dataset = scan(other, cache_folder=home / "cache")
    (other / "blue" / "1.png").unlink()
    found = evaluate_bundle(load_bundle(home / "bundle"), dataset)
    assert len(found.run.true) == 8
    assert [one.path for one in found.lost] == ["blue/1.png"]
    assert any(
        note.startswith("1 image was skipped that could not be read, such as blue/1.png: ") for note in found.notes
    )
    assert "1 file was skipped by the scan; `coreset scan` lists the reasons." in found.notes


def test_images_excluded_by_a_pattern_are_left_out(home: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", dict(zip(CLASSES, CLASSES, strict=True)), n=3, seed=4)
    settings = replace(DataSettings(), left_out_patterns=("2.png",))
    found = evaluate_external(home / "bundle", other, home / "cache", settings=settings)
    assert len(found.run.true) == 6
    assert "3 images were excluded by hand or by a pattern." in found.notes


@pytest.mark.slow
def test_corrected_classes_are_evaluated(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write(tmp_path / "other", dict(zip(CLASSES, CLASSES, strict=True)), seed=5)
    (tmp_path / "labels.csv").write_text("path,old,new\nblue/0.png,blue,red\n")
    found = main(
        ["evaluate", str(home / "bundle"), str(other), "--labels", str(tmp_path / "labels.csv"),
         "--cache", str(home / "cache"), "--out", str(tmp_path / "out")]
    )  # fmt: skip
    assert found == 0
    assert "1 image was evaluated under a corrected class (--labels)." in capsys.readouterr().out
    with (tmp_path / "out" / ANSWERS).open(encoding="utf-8", newline="") as file:
        true = {row["path"]: row["true"] for row in csv.DictReader(file)}
    assert true["blue/0.png"] == "red"


@pytest.mark.slow
def test_the_command_line_writes_and_refuses(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write(tmp_path / "other", {"blue": "Azure", "green": "green", "red": "artefact"}, seed=2)
    call = ["evaluate", str(home / "bundle"), str(other), "--cache", str(home / "cache")]
    out = tmp_path / "out"
    assert main([*call, "--match", "Azure=blue", "--match", "artefact=", "--out", str(out)]) == 0
    matches = capsys.readouterr().out
    assert matches.startswith("Accuracy 0.")
    assert "6 images were skipped, of classes that the network does not have: artefact (6)." in matches
    assert f"written: {out / REPORT}" in matches
    assert main([*call, "--out", str(out)]) == 2
    assert "contains an external test. Use another folder, or add --overwrite." in capsys.readouterr().err
    assert main([*call, "--out", str(out), "--overwrite"]) == 0
    assert main([*call, "--out", str(home / "training")]) == 2
    assert "contains files that are not an external test" in capsys.readouterr().err
    assert main([*call, "--match", "Azur=blue"]) == 2
    assert "--match names 'Azur', which is not a class of the dataset; it has Azure, artefact, green." in (
        capsys.readouterr().err
    )
    assert main(["evaluate", str(other), str(other)]) == 2
    assert "is not a model bundle: bundle.json cannot be read" in capsys.readouterr().err
