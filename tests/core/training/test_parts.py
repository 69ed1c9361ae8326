"""The parts of a recipe: what each does to images, targets, weights and checks."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.results import Dataset, RunKey, Split
from coreset_studio.core.settings import Parts, TrainingSettings, with_own
from coreset_studio.core.training.augmenting import orient, orientations_of, oriented, pixel_changes
from coreset_studio.core.training.averaging import AveragedWeights
from coreset_studio.core.training.feeding import balanced_weights, targets_of
from coreset_studio.core.training.fitting import Places, TrainedRun, TrainingTask, train
from coreset_studio.core.training.loop import (
    Labelled,
    OrientedRows,
    Rows,
    fit,
    n_epochs,
    predict,
    settings_for,
    steps_per_epoch,
)
from coreset_studio.core.training.pixels import ImageSource
from coreset_studio.core.training.sources import checked_epochs

pytestmark = pytest.mark.slow

ALL = TrainingSettings(
    orientation="free", flips_and_turns="on", class_weights="on", weight_decay=0.05, label_smoothing=0.1,
    averaged_weights=0.9, shifts=0.05, zoom=0.1, brightness=0.1, contrast=0.1, stain_jitter=0.05, image_size=32,
    epochs=2, min_steps=0, batch_size=8, learning_rate=0.01,
)  # fmt: skip


def dense(n_features: int = 4, n_classes: int = 3) -> keras.Model:
    features = keras.Input((n_features,))
    initialiser = keras.initializers.GlorotUniform(seed=1)
    return keras.Model(features, keras.layers.Dense(n_classes, "softmax", kernel_initializer=initialiser)(features))


def rows(n: int = 24, n_classes: int = 3) -> Labelled:
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % n_classes).astype(np.int64)
    return Labelled(Rows((rng.normal(size=(n, 4)) + labels[:, None]).astype(np.float32)), labels)


# --- flips and turns ------------------------------------------------------------------------------------------------


def test_the_eight_orientations_are_those_of_a_square() -> None:
    square = np.arange(2 * 3 * 3).reshape(1, 3, 3, 2)
    found = [orient(square, number)[0] for number in range(8)]
    assert len({each.tobytes() for each in found}) == 8
    assert np.array_equal(found[0], square[0])
    assert np.array_equal(found[1][0, :, 0], square[0, :, -1, 0])  # a quarter turn: the right column becomes the top
    assert np.array_equal(found[4], square[0, :, ::-1])


def test_each_image_has_an_orientation_of_its_own_and_the_originals_stay() -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 5, 5, 3)).astype(np.uint8)
    before = images.copy()
    turned = oriented(images, np.arange(8))
    assert np.array_equal(images, before)
    for number in range(8):
        assert np.array_equal(turned[number], orient(images[number : number + 1], number)[0])


def test_orientations_follow_seed_epoch_and_image_alone() -> None:
    keys = [f"image {number}" for number in range(4000)]
    drawn = orientations_of(keys, 0, 1)
    assert np.array_equal(orientations_of(keys[100:200], 0, 1), drawn[100:200])
    assert all(400 < count < 600 for count in np.bincount(drawn, minlength=8))
    assert (orientations_of(keys, 0, 2) != drawn).mean() > 0.8
    assert (orientations_of(keys, 1, 1) != drawn).mean() > 0.8


def test_features_are_trained_on_in_the_orientation_drawn() -> None:
    values = np.arange(3 * 8 * 2, dtype=np.float32).reshape(3, 8, 2)
    source = OrientedRows(values, ["a", "b", "c"])
    assert np.array_equal(source.take(np.array([2, 0])), values[[2, 0], 0])
    assert np.array_equal(source.take_oriented(np.array([2, 0]), np.array([7, 3])), values[[2, 0], [7, 3]])
    assert np.array_equal(source.all(), values[:, 0])


# --- shifts, zoom, brightness, contrast ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shifts", "zoom", "brightness", "contrast", "stain_jitter"])
def test_pixels_change_by_seed_epoch_and_batch_and_never_more_than_said(name: str) -> None:
    change = pixel_changes(Parts(**{name: 0.2}), 3)
    assert change is not None
    pixels = np.random.default_rng(0).integers(60, 200, (4, 16, 16, 3)).astype(np.uint8)
    before = pixels.copy()
    changed = change(pixels, 1, 0)
    assert (changed.shape, changed.dtype) == (pixels.shape, np.uint8)
    assert np.array_equal(pixels, before)
    assert not np.array_equal(changed, pixels)
    assert np.array_equal(changed, change(pixels, 1, 0))
    assert not np.array_equal(changed, change(pixels, 1, 1))
    assert not np.array_equal(changed, change(pixels, 2, 0))
    if name == "brightness":
        assert np.abs(changed.astype(int) - pixels).max() <= 0.2 * 255 + 1
    assert pixel_changes(Parts(), 3) is None


# --- targets and weights ----------------------------------------------------------------------------------------------


def test_smoothed_targets_and_balanced_weights_have_the_values_of_their_formulas() -> None:
    np.testing.assert_allclose(
        targets_of(np.array([1, 0]), 4, 0.2), [[0.05, 0.85, 0.05, 0.05], [0.85, 0.05, 0.05, 0.05]]
    )
    labels = np.array([0, 0, 0, 2], dtype=np.int64)
    np.testing.assert_allclose(balanced_weights(labels), [2 / 3, 2 / 3, 2 / 3, 2])


@pytest.mark.parametrize(("changes", "smoothing", "weighted"), [
    ({"label_smoothing": 0.2}, 0.2, False), ({"class_weights": "on"}, 0.0, True), ({}, 0.0, False),
])  # fmt: skip
def test_the_loss_is_the_one_of_the_formula(changes: dict[str, object], smoothing: float, weighted: bool) -> None:
    model, data = dense(), rows(n_classes=2)
    data = replace(data, labels=(np.arange(24) % 4 == 0).astype(np.int64))
    before = predict(model, data.source)
    settings = TrainingSettings(epochs=1, min_steps=0, batch_size=24, **changes)  # type: ignore[arg-type]
    result = fit(model, data, None, settings, seed=0, title="test")
    losses = -(targets_of(data.labels, 3, smoothing) * np.log(before)).sum(1)
    wanted = (losses * (balanced_weights(data.labels) if weighted else 1)).mean()
    assert result.history[0].loss == pytest.approx(wanted, rel=1e-4)
    assert result.parts == tuple(changes)


def test_the_validation_loss_is_without_smoothing_and_weights() -> None:
    model = dense()
    settings = TrainingSettings(
        epochs=1, min_steps=0, batch_size=8, label_smoothing=0.3, class_weights="on", averaged_weights=0.5
    )
    data = rows()
    result = fit(model, data, data, settings, seed=0, title="test")
    answers = predict(model, data.source)
    assert result.history[0].validation_loss == pytest.approx(
        -np.log(answers[np.arange(24), data.labels]).mean(), rel=1e-4
    )


def test_weight_decay_shrinks_kernels_alone() -> None:
    model = dense()
    model.layers[-1].bias.assign([1.0, 1.0, 1.0])
    kernel = model.get_weights()[0]
    flat = Labelled(Rows(np.zeros((8, 4), dtype=np.float32)), np.zeros(8, dtype=np.int64))
    settings = TrainingSettings(epochs=1, min_steps=0, batch_size=8, learning_rate=0.1, weight_decay=0.5)
    fit(model, flat, None, settings, seed=0, title="test")
    # The images are all zeros, so that the kernel has no gradient: one step decays it by rate times decay.
    np.testing.assert_allclose(model.get_weights()[0], kernel * (1 - 0.1 * 0.5), rtol=1e-5)
    assert np.abs(model.get_weights()[1] - 1).max() == pytest.approx(0.1, rel=1e-2)  # Adam's step, and no decay


def test_the_average_follows_its_formula_and_gives_the_weights_back() -> None:
    model = dense()
    average, wanted = AveragedWeights(model, 0.5), model.get_weights()[0]
    for step in range(1, 5):
        model.set_weights([weight + step for weight in model.get_weights()])
        average.follow()
        momentum = min(0.5, (1 + step) / (10 + step))
        wanted = momentum * wanted + (1 - momentum) * model.get_weights()[0]
    np.testing.assert_allclose(average.weights()[0], wanted, rtol=1e-5)
    own = model.get_weights()[0]
    average.put_in()
    np.testing.assert_allclose(model.get_weights()[0], wanted, rtol=1e-5)
    average.take_out()
    assert np.array_equal(model.get_weights()[0], own)


def test_averaged_weights_are_what_is_checked_and_kept() -> None:
    settings = TrainingSettings(epochs=6, min_steps=0, batch_size=8, learning_rate=0.2, averaged_weights=0.9)
    model, data = dense(), rows()
    result = fit(model, data, data, settings, seed=0, title="test")
    best = result.history[result.best_epoch - 1]
    answers = predict(model, data.source)
    assert (answers.argmax(1) == data.labels).mean() == pytest.approx(best.validation_accuracy)
    assert -np.log(answers[np.arange(24), data.labels]).mean() == pytest.approx(best.validation_loss, rel=1e-4)
    plain, last = dense(), dense()
    fit(plain, data, None, replace(settings, averaged_weights=0.0), seed=0, title="test")
    assert fit(last, data, None, settings, seed=0, title="test").best_epoch == 6
    assert not np.allclose(plain.get_weights()[0], last.get_weights()[0], atol=1e-3)


def test_without_validation_images_the_last_averages_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: a ← m a + (1 − m) w after each of the 18 steps, m = min(0.9, (1 + t)/(10 + t))."""
    steps: list[np.ndarray] = []
    follow = AveragedWeights.follow

    def watched(average: AveragedWeights) -> None:
        follow(average)
        steps.append(average._model.get_weights()[0])

    monkeypatch.setattr(AveragedWeights, "follow", watched)
    settings = TrainingSettings(epochs=6, min_steps=0, batch_size=8, learning_rate=0.2, averaged_weights=0.9)
    model, data = dense(), rows()
    wanted = model.get_weights()[0]
    result = fit(model, data, None, settings, seed=0, title="test")
    assert len(steps) == 18
    for t, weights in enumerate(steps, 1):
        momentum = min(0.9, (1 + t) / (10 + t))
        wanted = momentum * wanted + (1 - momentum) * weights
    assert result.best_epoch == 6
    np.testing.assert_allclose(model.get_weights()[0], wanted, rtol=1e-4)
    assert not np.allclose(wanted, steps[-1], atol=1e-2), "neither the last weights themselves"
    assert all(np.isnan(epoch.validation_accuracy) for epoch in result.history)
    assert sum(epoch.validation_seconds for epoch in result.history) == 0


# --- protocol ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("epochs", "checks", "expected"), [
    (6, 3, [2, 4, 6]), (10, 4, [2, 5, 7, 10]), (3, None, [1, 2, 3]), (4, 4, [1, 2, 3, 4]), (5, 1, [5]),
])  # fmt: skip
def test_checks_are_spread_evenly_and_end_with_the_last_epoch(
    epochs: int, checks: int | None, expected: list[int]
) -> None:
    assert checked_epochs(epochs, checks) == expected


@pytest.mark.slow
def test_coresets_of_any_size_have_the_same_number_of_checks() -> None:
    settings = TrainingSettings(epochs=3, min_steps=12, batch_size=8, checks=3)
    for n in (8, 24, 40):
        result = fit(dense(), rows(n), rows(), settings, seed=0, title="test")
        checked = [epoch.number for epoch in result.history if not np.isnan(epoch.validation_accuracy)]
        assert checked == checked_epochs(n_epochs(n, settings), 3)
        assert len(checked) == 3
        assert result.best_epoch in checked
    with pytest.raises(TrainingError, match=r"4 validation checks .* at most 3, or raise --epochs"):
        fit(dense(), rows(), rows(), replace(settings, checks=4), seed=0, title="test")


def test_equal_steps_are_those_of_the_pool() -> None:
    settings = TrainingSettings(epochs=10, min_steps=20, batch_size=8)
    assert settings_for(settings, 400) is settings
    equal = settings_for(replace(settings, steps="equal"), 400)
    assert equal.min_steps == 10 * 50
    assert n_epochs(400, equal) == 10
    assert n_epochs(40, equal) * steps_per_epoch(40, equal) == 500
    assert settings_for(replace(settings, steps="equal"), 8).min_steps == 20


# --- whole trainings --------------------------------------------------------------------------------------------------


def trained(network: str, cells: Dataset, split: Split, settings: TrainingSettings, store: Path) -> TrainedRun:
    task = TrainingTask(cells, split, split.pool, settings, places=Places(store))
    return train(network, task, RunKey(network, "everything", 1.0, 0, "mark"))


@pytest.mark.slow
def test_a_network_trained_with_every_part_is_saved_without_them_and_nothing_else_is_changed(
    cells: Dataset, split: Split, tmp_path: Path
) -> None:
    run = trained("custom", cells, split, ALL, tmp_path)
    assert "without" not in run.result.note
    names = {type(layer).__name__ for layer in run.model.layers}
    assert not any(name.startswith("Random") for name in names)
    test = ImageSource(cells, split.test, 32)
    assert np.array_equal(predict(run.model, test).argmax(1), run.result.predicted)
    fresh = ImageSource(cells, split.pool, 32).all()
    assert np.array_equal(ImageSource(cells, split.pool, 32).hold(tmp_path).all(), fresh)
    again = trained("custom", cells, split, ALL, tmp_path)
    for one, same in zip(run.model.get_weights(), again.model.get_weights(), strict=True):
        assert np.array_equal(one, same)


@pytest.mark.slow
def test_the_transfer_network_says_what_it_is_trained_without(cells: Dataset, split: Split, store: Path) -> None:
    settings = with_own(replace(ALL, image_size=48), "transfer", backbone="mobilenetv2", untrained_backbone=True)
    run = trained("transfer", cells, split, settings, store)
    expected = "the transfer network is trained without shifts 0.05, zoom 0.1, brightness 0.1, contrast 0.1"
    expected += ", stain jitter 0.05"
    assert expected in run.result.note
    plain = trained("transfer", cells, split, replace(settings, flips_and_turns="off"), store)
    differ = zip(run.model.layers[-1].get_weights(), plain.model.layers[-1].get_weights(), strict=True)
    assert any(not np.array_equal(one, other) for one, other in differ)


SCRIPT = """
import sys, hashlib
import tensorflow as tf
n = int(sys.argv[1])
tf.config.threading.set_intra_op_parallelism_threads(n)
tf.config.threading.set_inter_op_parallelism_threads(n)
import numpy as np
from coreset_studio.core.settings import parts_of
from coreset_studio.core.training.feeding import Epochs
from coreset_studio.core.training.sources import Labelled
from coreset_studio.core.training.augmenting import oriented
from tests.core.training.test_parts import ALL
class Images:
    keys = [str(n) for n in range(24)]
    values = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3)).astype(np.uint8)
    def __len__(self): return 24
    def take(self, rows): return self.values[rows]
    def all(self): return self.values
    def take_oriented(self, rows, orientations): return oriented(self.values[rows], orientations)
batches = Epochs(Labelled(Images(), np.arange(24) % 3), ALL, parts_of(ALL), 0, 3)
assert len(batches.parts) == 10, batches.parts
found = [array.tobytes() for _ in range(2) for batch in batches() for array in batch]
print(hashlib.sha256(b"".join(found)).hexdigest())
"""


@pytest.mark.slow
def test_what_is_trained_on_is_the_same_on_one_and_two_threads() -> None:
    found = []
    for threads in ("1", "2"):
        done = subprocess.run([sys.executable, "-c", SCRIPT, threads], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.strip().splitlines()[-1])
    assert found[0] == found[1]
