"""Model bundles: there and back, safe to load, and used on new images."""

import csv
import errno
import hashlib
import json
import os
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.data.levels import to_bytes
from coreset_studio.core.errors import CancelledError, ExportError
from coreset_studio.core.output.model_bundle import (
    FACTS_NAME,
    MODEL_NAME,
    Predictions,
    load_bundle,
    predict,
    save_bundle,
    write_predictions,
)
from coreset_studio.core.results import RunKey, RunResult, WeightsUsed
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.architectures.custom.model import build_custom
from coreset_studio.core.training.architectures.head.logistic import Head
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.fitting import TrainedRun
from coreset_studio.core.training.pixels import resize

GOLDEN = Path(__file__).parent / "golden" / "bundle-format-1"
CLASSES = ("=1+1", "Zellen α", "c")
SETTINGS = TrainingSettings(image_size=32)


def a_result(network: str = "custom") -> RunResult:
    true = np.array([0, 1, 2])
    return RunResult(
        key=RunKey(network, "intelligent", 0.25, 1, "mark"),
        n_images=7,
        classes=CLASSES,
        history=(),
        best_epoch=4,
        metrics=evaluate(true, true, CLASSES),
        test_indices=true,
        true=true,
        predicted=true,
        confidence=np.ones(3, dtype=np.float32),
        train_seconds=1.0,
        feature_seconds=0.0,
        select_seconds=0.0,
        device="CPU",
        weights=WeightsUsed("vgg16", "ab", "untrained") if network == "transfer" else None,
        note="untrained backbone" if network == "transfer" else "",
    )


@pytest.fixture(scope="module")
def trained() -> TrainedRun:
    return TrainedRun(a_result(), build_custom(3, SETTINGS, seed=3))


@pytest.fixture
def bundle(trained: TrainedRun, tmp_path: Path) -> Path:
    return save_bundle(tmp_path / "models" / "mine", trained, SETTINGS)


def write_images(folder: Path, n: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found = {}
    for number in range(n):
        name = f"{'sub/' if number % 2 else ''}bild ä {number:02}.png"
        rgb = rng.integers(0, 256, (40 + number, 36, 3), dtype=np.uint8)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(rgb).save(folder / name)
        found[name] = rgb
    return found


def test_a_bundle_comes_back_with_its_facts(bundle: Path, trained: TrainedRun) -> None:
    loaded = load_bundle(bundle)
    assert (loaded.classes, loaded.image_size, loaded.note) == (CLASSES, 32, "")
    pixels = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(loaded.model(pixels).numpy(), trained.model(pixels).numpy(), atol=1e-6)
    facts = json.loads((bundle / FACTS_NAME).read_text(encoding="utf-8"))
    assert facts["trained_on"] == {
        "sampler": "intelligent", "fraction": 0.25, "images": 7, "repetition": 1, "fingerprint": "mark"
    }  # fmt: skip
    assert facts["test"] == {"images": 3, "accuracy": 1.0, "macro_f1": 1.0}
    assert facts["training"]["image_size"] == 32
    assert (facts["network"], facts["backbone"], facts["weights"]) == ("custom", "", None)
    assert "0 to 255" in facts["preprocessing"]
    assert load_bundle(bundle / MODEL_NAME).classes == CLASSES
    assert [file.name for file in bundle.parent.iterdir()] == ["mine"], "nothing half-built is left"


def test_a_bundle_says_that_its_backbone_is_untrained(trained: TrainedRun, tmp_path: Path) -> None:
    folder = save_bundle(tmp_path / "m", replace(trained, result=a_result("transfer")), SETTINGS)
    assert load_bundle(folder).note == "untrained backbone"
    facts = json.loads((folder / FACTS_NAME).read_text(encoding="utf-8"))
    assert facts["weights"]["state"] == "untrained"
    assert facts["backbone"] == "resnet101v2"


def test_a_bundle_is_replaced_whole_and_nothing_else_is(bundle: Path, trained: TrainedRun, tmp_path: Path) -> None:
    before = (bundle / MODEL_NAME).read_bytes()
    save_bundle(bundle, replace(trained, model=build_custom(3, SETTINGS, seed=4)), SETTINGS)
    assert (bundle / MODEL_NAME).read_bytes() != before
    load_bundle(bundle)
    other = tmp_path / "holiday"
    write_images(other)
    with pytest.raises(ExportError, match="not a model bundle; use another folder"):
        save_bundle(other, trained, SETTINGS)
    assert len(list(other.rglob("*.png"))) == 5


def test_a_failed_save_leaves_the_old_bundle(bundle: Path, trained: TrainedRun) -> None:
    class Full:
        def save(self, file: Path) -> None:
            file.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    before = {file.name: file.read_bytes() for file in bundle.iterdir()}
    with pytest.raises(ExportError):
        save_bundle(bundle, replace(trained, model=Full()), SETTINGS)
    assert {file.name: file.read_bytes() for file in bundle.iterdir()} == before
    assert [file.name for file in bundle.parent.iterdir()] == ["mine"]


def test_the_head_cannot_be_saved(tmp_path: Path) -> None:
    head = Head(np.zeros((3, 2)), np.zeros(3), np.arange(3), 3)
    for network, model, why in (
        ("head", head, "linear probe is trained on embeddings and cannot be saved"),
        ("head", build_custom(3, SETTINGS), "linear probe is trained on embeddings and cannot be saved"),
        ("custom", None, "custom network returned no Keras model"),
        ("of a plugin that is gone", None, "of a plugin that is gone returned no Keras model"),
    ):
        with pytest.raises(ExportError, match=why):
            save_bundle(tmp_path / "m", TrainedRun(a_result(network), model), SETTINGS)
    assert not (tmp_path / "m").exists()


def test_a_changed_model_is_refused(bundle: Path) -> None:
    file = bundle / MODEL_NAME
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ExportError, match="changed or truncated"):
        load_bundle(bundle)
    file.write_bytes(content[:100])
    with pytest.raises(ExportError, match="changed or truncated"):
        load_bundle(bundle)
    file.unlink()
    with pytest.raises(ExportError, match="cannot be read"):
        load_bundle(bundle)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("evil"),))  # type: ignore[return-value]


def test_a_pickle_in_place_of_the_model_is_never_opened(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps(_Evil())
    (bundle / MODEL_NAME).write_bytes(content)
    facts = json.loads((bundle / FACTS_NAME).read_text(encoding="utf-8"))
    facts["model_sha256"] = hashlib.sha256(content).hexdigest()
    (bundle / FACTS_NAME).write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(ExportError, match="cannot be loaded"):
        load_bundle(bundle)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 2}, "Update it"),
        ({"program": "another"}, "not a model bundle written by this program"),
        ({"classes": ["a", "b"]}, "predicts 3 classes, but the bundle lists 2"),
        ({"image_size": "large"}, "not a model bundle written by this program"),
        ({"classes": 3}, "not a model bundle written by this program"),
    ],
)
def test_facts_that_do_not_fit_are_told(bundle: Path, change: dict[str, object], sentence: str) -> None:
    facts = json.loads((bundle / FACTS_NAME).read_text(encoding="utf-8")) | change
    (bundle / FACTS_NAME).write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(ExportError, match=sentence):
        load_bundle(bundle)


def test_what_is_no_bundle_is_told(tmp_path: Path, bundle: Path) -> None:
    with pytest.raises(ExportError, match="is not a model bundle"):
        load_bundle(tmp_path / "nothing")
    for text in ("[]", "{}", "no json"):
        (bundle / FACTS_NAME).write_text(text, encoding="utf-8")
        with pytest.raises(ExportError, match="not a model bundle written by this program"):
            load_bundle(bundle)


def test_predictions_are_the_models_and_broken_files_are_listed(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    images = write_images(folder, 35)
    (folder / "broken.png").write_bytes((folder / "bild ä 00.png").read_bytes()[:200])
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_bytes(b"")
    told: list[tuple[int, int]] = []

    class Listener:
        def report(self, done: int, total: int, message: str = "") -> None:
            told.append((done, total))

        def publish(self, result: object) -> None: ...

    loaded = load_bundle(bundle)
    found = predict(loaded, folder, Listener())
    assert list(found.paths) == sorted(images)
    assert found.n_images == 35
    assert [one.path for one in found.skipped] == ["broken.png", "notes.txt"]
    assert all(one.reason for one in found.skipped)
    assert told == [(32, 37), (37, 37)]
    squares = np.stack([resize(images[path], 32) for path in found.paths])
    np.testing.assert_allclose(found.probabilities, loaded.model(squares).numpy(), atol=1e-6)
    assert found.probabilities.dtype == np.float32


def deep_image(seed: int, high: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, high, (32, 32)).astype(np.uint16)


def as_seen(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    return np.repeat(to_bytes(values, ends)[:, :, None], 3, axis=2)


def test_new_images_are_read_as_those_of_the_training(trained: TrainedRun, tmp_path: Path) -> None:
    reading = {"grey_levels": ["used", "16-bit-tiff=0:4095"], "alpha": ["auto"]}
    folder = save_bundle(tmp_path / "m", trained, SETTINGS, reading=reading)
    assert json.loads((folder / FACTS_NAME).read_text())["reading"] == reading
    new = tmp_path / "new"
    new.mkdir()
    dim, bright = deep_image(0, 256), deep_image(1, 60_000)
    PIL.Image.fromarray(dim).save(new / "dim.tif")
    PIL.Image.fromarray(bright).save(new / "bright.tif")
    loaded = load_bundle(folder)
    found = predict(loaded, new)
    squares = np.stack([as_seen(bright, (0, 4095)), as_seen(dim, (0, 4095))])
    np.testing.assert_allclose(found.probabilities, loaded.model(squares).numpy(), atol=1e-6)
    (note,) = [note for note in found.notes if "outside" in note]
    assert "1 image (16-bit-tiff) has values outside 0 to 4095, which were clipped: bright.tif." in note


def test_new_stacks_are_read_page_by_page_where_the_training_did(trained: TrainedRun, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    pages = [deep_image(seed, 256).astype(np.uint8) for seed in range(3)]
    first, *others = (PIL.Image.fromarray(page) for page in pages)
    first.save(new / "stack.tif", save_all=True, append_images=others)
    loaded = load_bundle(save_bundle(tmp_path / "m", trained, SETTINGS, reading={"pages": "each"}))
    found = predict(loaded, new)
    assert found.paths == tuple(f"stack.tif#page={number}" for number in (1, 2, 3))
    squares = np.stack([np.repeat(page[:, :, None], 3, axis=2) for page in pages])
    np.testing.assert_allclose(found.probabilities, loaded.model(squares).numpy(), atol=1e-6)
    assert any("3 pages of 1 file are separate images" in note for note in found.notes)


def test_a_kind_of_file_that_the_training_had_none_of_is_told(trained: TrainedRun, tmp_path: Path) -> None:
    reading = {"grey_levels": ["used"], "alpha": ["auto"]}
    loaded = load_bundle(save_bundle(tmp_path / "m", trained, SETTINGS, reading=reading))
    new = tmp_path / "new"
    new.mkdir()
    images = write_images(new, 2)
    values = [deep_image(seed, 4096) for seed in range(2)]
    for number, each in enumerate(values):
        PIL.Image.fromarray(each).save(new / f"0{number}.png")
    found = predict(loaded, new)
    assert list(found.paths) == sorted([*images, "00.png", "01.png"])
    squares = np.stack([as_seen(each, (0, 4095)) for each in values])
    rows = [found.paths.index(name) for name in ("00.png", "01.png")]
    np.testing.assert_allclose(found.probabilities[rows], loaded.model(squares).numpy(), atol=1e-6)
    assert "trained without images of the kind 16-bit-png" in found.notes[0]


def test_a_bundle_of_before_reads_as_before(trained: TrainedRun, tmp_path: Path) -> None:
    folder = save_bundle(tmp_path / "m", trained, SETTINGS)
    assert "reading" not in json.loads((folder / FACTS_NAME).read_text())
    new = tmp_path / "new"
    new.mkdir()
    values = deep_image(0, 4096)
    PIL.Image.fromarray(values).save(new / "a.tif")
    loaded = load_bundle(folder)
    squares = np.repeat((values >> 8).astype(np.uint8)[None, :, :, None], 3, axis=3)
    found = predict(loaded, new)
    np.testing.assert_allclose(found.probabilities, loaded.model(squares).numpy(), atol=1e-6)
    assert "16 of 256 grey levels are left" in found.notes[0]


@pytest.mark.parametrize("reading", [{"grey_levels": ["foo"]}, {"fraction": 1}, {"pages": 3}])
def test_a_reading_that_cannot_be_is_refused(reading: dict[str, Any], trained: TrainedRun, tmp_path: Path) -> None:
    folder = save_bundle(tmp_path / "m", trained, SETTINGS, reading=reading)
    with pytest.raises(ExportError, match="not a model bundle written by this program"):
        load_bundle(folder)


def test_folders_that_cannot_be_opened_and_links_in_a_circle_are_listed(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new"
    write_images(folder, 2)
    write_images(tmp_path / "elsewhere", 1)
    (folder / "locked").mkdir()
    (folder / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "linked" / "round").symlink_to(folder, target_is_directory=True)
    (folder / "itself").symlink_to(folder / "itself")
    iterdir = Path.iterdir

    def opening(self: Path) -> object:
        if self.name == "locked":  # by hand, since nothing is closed to root
            raise PermissionError(errno.EACCES, "Permission denied")
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", opening)
    found = predict(load_bundle(bundle), folder)
    assert [path.split("/")[0] for path in found.paths].count("linked") == 1
    assert found.n_images == 3
    assert [(one.path, one.reason) for one in found.skipped][1:] == [
        ("linked/round/", "The folder is a link to a folder above it."),
        ("locked/", "The folder cannot be opened (Permission denied)."),
    ]
    assert found.skipped[0].path == "itself"
    assert "cannot be read" in found.skipped[0].reason
    monkeypatch.setattr(Path, "iterdir", lambda self: opening(self / "locked"))
    with pytest.raises(ExportError, match=r"new cannot be opened \(Permission denied\)"):
        predict(load_bundle(bundle), folder)


@pytest.mark.usefixtures("unnumbered_files")
def test_new_images_on_a_drive_that_numbers_no_files_are_found(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    names = write_images(folder, 3)
    (folder / "sub" / "round").symlink_to(folder, target_is_directory=True)
    found = predict(load_bundle(bundle), folder)
    assert sorted(found.paths) == sorted(names)
    assert [one.path for one in found.skipped] == ["sub/round/"]


def test_a_folder_without_images_gives_an_empty_table(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = predict(load_bundle(bundle), tmp_path / "empty")
    assert (found.paths, found.probabilities.shape) == ((), (0, 3))
    with pytest.raises(ExportError, match="is not a folder"):
        predict(load_bundle(bundle), tmp_path / "none")


def test_predicting_can_be_stopped(bundle: Path, tmp_path: Path) -> None:
    class Stop:
        def report(self, done: int, total: int, message: str = "") -> None:
            raise CancelledError

        def publish(self, result: object) -> None: ...

    write_images(tmp_path / "new", 70)
    with pytest.raises(CancelledError):
        predict(load_bundle(bundle), tmp_path / "new", Stop())


def test_the_table_is_safe_to_open_in_a_spreadsheet(tmp_path: Path) -> None:
    rows = np.array([[0.7, 0.2, 0.1], [0.1, 0.15, 0.75]], dtype=np.float32)
    write_predictions(tmp_path / "p.csv", Predictions(CLASSES, ("=cmd|x.png", "plain, ä.png"), rows, ()))
    with (tmp_path / "p.csv").open(encoding="utf-8-sig", newline="") as stream:
        table = list(csv.reader(stream))
    assert table[0][:3] == ["path", "class", "probability"]
    assert table[0][4:] == ["p Zellen α", "p c"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in table for cell in line)
    assert table[1][1].endswith("=1+1")
    assert table[2][:3] == ["plain, ä.png", "c", "0.750000"]
    assert [float(value) for value in table[2][3:]] == pytest.approx([0.1, 0.15, 0.75])
    with pytest.raises(ExportError):
        write_predictions(tmp_path / "p.csv" / "below.csv", Predictions(CLASSES, (), rows[:0], ()))


def test_a_bundle_of_format_1_is_read_and_predicts_as_it_did(tmp_path: Path) -> None:
    """Written by the program of version 0.1.0, before networks had descriptions."""
    loaded = load_bundle(GOLDEN)
    assert (loaded.classes, loaded.image_size, loaded.note) == (("eos", "neu"), 32, "")
    pixels = (np.arange(3 * 32 * 32 * 3) % 251).astype(np.uint8).reshape(3, 32, 32, 3)
    for number, square in enumerate(pixels):
        PIL.Image.fromarray(square).save(tmp_path / f"{number}.png")
    expected = [
        [0.32911473512649536, 0.6708852052688599],
        [0.3423821032047272, 0.6576178669929504],
        [0.311339795589447, 0.688660204410553],
    ]
    np.testing.assert_allclose(predict(loaded, tmp_path).probabilities, expected, atol=1e-5)


def test_a_bundle_is_written_in_the_form_of_format_1(bundle: Path) -> None:
    golden, ours = (json.loads((folder / FACTS_NAME).read_text(encoding="utf-8")) for folder in (GOLDEN, bundle))
    assert list(ours) == list(golden)
    for part in ("trained_on", "test", "training"):
        assert list(ours[part]) == list(golden[part])


def test_facts_of_a_later_version_are_passed_over_and_missing_ones_are_neutral(bundle: Path) -> None:
    facts = json.loads((bundle / FACTS_NAME).read_text(encoding="utf-8"))
    del facts["note"]
    (bundle / FACTS_NAME).write_text(json.dumps(facts | {"colour_space": "srgb"}), encoding="utf-8")
    assert load_bundle(bundle).note == ""
    # A later format may have none of today's facts: that it is later is told first.
    later = {"program": "coreset-studio", "format": 2}
    (bundle / FACTS_NAME).write_text(json.dumps(later), encoding="utf-8")
    with pytest.raises(ExportError, match="Update it"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image_size": 0}, "image_size: expected 1 to 4,096 pixels, found 0"),
        ({"image_size": -5}, "image_size: expected 1 to 4,096"),
        ({"image_size": 1_000_000}, "image_size: expected 1 to 4,096"),
        ({"image_size": float("inf")}, "Infinity, which is not valid JSON"),
        ({"image_size": True}, "image_size: expected a whole number"),
        ({"image_size": 10**30}, "image_size: expected a whole number"),
        ({"image_size": 64}, "expects input of shape"),
        ({"format": True}, "no format True"),
        ({"format": -1}, "no format -1"),
        ({"format": 1.5}, "no format 1.5"),
        ({"format": "1"}, "no format '1'"),
        ({"classes": []}, "classes: expected distinct names"),
        ({"classes": ["a", "a", "b"]}, "classes: expected distinct names"),
        ({"classes": "abc"}, "classes"),
        ({"classes": [1, 2, 3]}, "classes"),
    ],
)
def test_what_a_bundle_says_is_checked_before_it_is_believed(bundle: Path, changes: dict, says: str) -> None:
    values = json.loads((bundle / FACTS_NAME).read_text(encoding="utf-8"))
    (bundle / FACTS_NAME).write_text(json.dumps({**values, **changes}), encoding="utf-8")
    with pytest.raises(ExportError, match=says):
        load_bundle(bundle)


@pytest.mark.parametrize("text", ["[1]", '"a"', "[" * 10_000, "null", "1e999"])
def test_a_bundle_that_is_no_object_is_refused(bundle: Path, text: str) -> None:
    (bundle / FACTS_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(ExportError, match="not a model bundle"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", [FACTS_NAME, MODEL_NAME])
def test_a_pipe_in_a_bundle_is_not_waited_for(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    os.mkfifo(bundle / name)
    with pytest.raises(ExportError, match="not a regular file"):
        load_bundle(bundle)


def test_a_model_that_unpacks_to_far_more_than_it_is_is_refused(bundle: Path) -> None:
    with zipfile.ZipFile(bundle / MODEL_NAME, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(120_000_000))
    values = json.loads((bundle / FACTS_NAME).read_text(encoding="utf-8"))
    values["model_sha256"] = hashlib.sha256((bundle / MODEL_NAME).read_bytes()).hexdigest()
    (bundle / FACTS_NAME).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ExportError, match="at most 100 times the packed size is unpacked"):
        load_bundle(bundle)


def test_a_model_with_texts_that_hdf5_would_not_stop_reading_is_refused(bundle: Path) -> None:
    """The size of the free space behind the names of layers is 0, so that HDF5 stays there for ever."""
    with zipfile.ZipFile(bundle / MODEL_NAME) as archive:
        members = {name: bytearray(archive.read(name)) for name in archive.namelist()}
    weights = members["model.weights.h5"]
    heap = at = weights.index(b"GCOL\x01")
    at += 16
    while int.from_bytes(weights[at : at + 2], "little"):
        at += 16 + -(-int.from_bytes(weights[at + 8 : at + 16], "little") // 8) * 8
    assert at < heap + 4096
    weights[at + 8 : at + 16] = bytes(8)
    with zipfile.ZipFile(bundle / MODEL_NAME, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, bytes(content))
    values = json.loads((bundle / FACTS_NAME).read_text(encoding="utf-8"))
    values["model_sha256"] = hashlib.sha256((bundle / MODEL_NAME).read_bytes()).hexdigest()
    (bundle / FACTS_NAME).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ExportError, match=r"cannot be loaded \(model\.weights\.h5 in it is damaged\)\.$"):
        load_bundle(bundle)
