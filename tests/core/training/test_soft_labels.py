"""Soft labels: their loss against NumPy, what is trained with them, and what a run says of it."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.results import Dataset, RunKey, Split, Teacher
from coreset_studio.core.settings import (
    RECIPES,
    TrainingSettings,
    parts_of,
    parts_problem,
    recipe_notes,
    recipe_sentence,
    with_own,
)
from coreset_studio.core.training.feeding import Epochs, balanced_weights
from coreset_studio.core.training.fitting import Places, TrainedRun, TrainingTask, train
from coreset_studio.core.training.loop import fit, predict
from coreset_studio.core.training.runs import load_runs, save_run
from coreset_studio.core.training.soft_loss import label_accuracy, plain_targets, soft_label_loss, soft_targets
from coreset_studio.core.training.sources import Labelled
from tests.core.training.test_parts import dense, rows

pytestmark = pytest.mark.slow

SOFT = TrainingSettings(epochs=1, min_steps=0, batch_size=24, soft_labels=0.4)


def softened(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """p^(1/τ) / Σ p^(1/τ), by its definition."""
    powers = np.asarray(probabilities, dtype=np.float64) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def oracle(
    labels: NDArray[np.int64],
    teacher: NDArray[np.floating],
    answers: NDArray[np.floating],
    amount: float,
    temperature: float,
) -> NDArray[np.float64]:
    """(1 − α) CE + α τ² KL(p_τ ‖ q_τ), image by image and class by class; CE alone without a teacher."""
    soft_answers = softened(answers, temperature)
    losses = []
    for row, label in enumerate(labels):
        entropy = -np.log(answers[row, label])
        if teacher[row].sum() == 0:
            losses.append(entropy)
            continue
        of_teacher = softened(teacher[row : row + 1], temperature)[0]
        divergence = sum(
            p * (np.log(p) - np.log(q)) for p, q in zip(of_teacher, soft_answers[row], strict=True) if p > 0
        )
        losses.append((1 - amount) * entropy + amount * temperature**2 * divergence)
    return np.array(losses, dtype=np.float64)


def some_teacher(n: int = 24, n_classes: int = 3) -> NDArray[np.float32]:
    """Probabilities with zeros among them, and rows of zeros, of which the teacher knows nothing."""
    given = np.random.default_rng(3).dirichlet(np.full(n_classes, 0.4), n).astype(np.float32)
    given[1] = [1, 0, 0]
    given[2] = [0, 0.25, 0.75]
    given[[5, 11]] = 0
    return given


# --- the loss ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("amount", [0.0, 0.3, 0.9])
def test_the_loss_is_that_of_the_formula(amount: float, temperature: float) -> None:
    rng = np.random.default_rng(1)
    labels, teacher = rng.integers(0, 3, 24), some_teacher()
    answers = rng.dirichlet(np.full(3, 0.7), 24).astype(np.float32)
    found = soft_label_loss(temperature)(soft_targets(labels, teacher, amount, temperature), answers)
    expected = oracle(labels, teacher, np.maximum(answers, 1e-30), amount, temperature)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=2e-4, atol=1e-5)


def test_at_temperature_1_it_is_the_cross_entropy_of_mixed_targets_but_for_a_constant() -> None:
    rng = np.random.default_rng(1)
    labels, teacher = rng.integers(0, 3, 24), rng.dirichlet([1, 1, 1], 24).astype(np.float32)
    answers = rng.dirichlet([1, 1, 1], 24)
    mixed = 0.7 * np.eye(3)[labels] + 0.3 * teacher
    constant = 0.3 * (teacher * np.log(teacher)).sum(axis=1)
    found = soft_label_loss(1.0)(soft_targets(labels, teacher, 0.3, 1.0), answers.astype(np.float32))
    np.testing.assert_allclose(np.asarray(found), -(mixed * np.log(answers)).sum(axis=1) + constant, rtol=1e-4)


def test_targets_hold_label_and_teacher_side_by_side() -> None:
    teacher = np.array([[0.64, 0.36], [0, 0]], dtype=np.float32)
    found = soft_targets(np.array([1, 0]), teacher, 0.25, 2.0)
    np.testing.assert_allclose(found, [[0, 0.75, 0.25 * 0.8 / 1.4, 0.25 * 0.6 / 1.4], [1, 0, 0, 0]], rtol=1e-6)
    assert found.dtype == np.float32
    assert plain_targets(np.array([1]), 2).tolist() == [[0, 1, 0, 0]]
    sharp = soft_targets(np.array([0]), np.array([[0.6, 0.4]], dtype=np.float32), 0.5, 0.001)
    np.testing.assert_allclose(sharp, [[0.5, 0, 0.5, 0]], atol=1e-6)


def test_accuracy_is_that_of_the_label_whatever_the_teacher_says() -> None:
    targets = soft_targets(np.array([0, 1]), np.array([[0, 1], [0, 1]], dtype=np.float32), 0.9, 1.0)
    answers = np.array([[0.9, 0.1], [0.8, 0.2]], dtype=np.float32)
    assert np.asarray(label_accuracy()(targets, answers)).tolist() == [1, 0]


@pytest.mark.parametrize(("temperature", "weights"), [(2.0, "off"), (1.0, "on"), (3.0, "on")])
def test_a_network_is_trained_with_it_and_class_weights_count_for_the_whole_loss(
    temperature: float, weights: str
) -> None:
    model = dense()
    labels = (np.arange(24) % 4 == 0).astype(np.int64)
    data = replace(rows(n_classes=2), labels=labels, teacher=some_teacher())
    before = predict(model, data.source)
    settings = replace(SOFT, soft_label_temperature=temperature, class_weights=weights)
    result = fit(model, data, None, settings, seed=0, title="test")
    losses = oracle(labels, some_teacher(), before, 0.4, temperature)
    wanted = (losses * (balanced_weights(labels) if weights == "on" else 1)).mean()
    assert result.history[0].loss == pytest.approx(wanted, rel=1e-4)
    assert result.history[0].accuracy == pytest.approx((before.argmax(1) == labels).mean())
    assert result.parts == (*(("class_weights",) if weights == "on" else ()), "soft_labels")


def test_the_gradient_is_that_of_the_formula() -> None:
    model = dense()
    data = replace(rows(), teacher=some_teacher())
    kernel, bias = model.get_weights()
    inputs = data.source.all().astype(np.float64)

    def loss_at(changed: NDArray[np.floating]) -> float:
        scores = inputs @ changed + bias
        answers = np.exp(scores - scores.max(axis=1, keepdims=True))
        answers /= answers.sum(axis=1, keepdims=True)
        return float(oracle(data.labels, some_teacher(), answers, 0.4, 2.0).mean())

    gradient = np.zeros(kernel.shape)
    for place in np.ndindex(*kernel.shape):
        step = np.zeros(kernel.shape)
        step[place] = 1e-5
        gradient[place] = (loss_at(kernel.astype(np.float64) + step) - loss_at(kernel - step)) / 2e-5
    import tensorflow as tf

    with tf.GradientTape() as tape:
        answers = model(data.source.all())
        targets = soft_targets(data.labels, some_teacher(), 0.4, 2.0)
        loss = tf.reduce_mean(soft_label_loss(2.0)(targets, answers))
    found = tape.gradient(loss, model.trainable_variables[0].value)
    np.testing.assert_allclose(np.asarray(found), gradient, rtol=1e-3, atol=1e-6)


def test_the_validation_loss_is_the_plain_one() -> None:
    model = dense()
    data = replace(rows(), teacher=some_teacher())
    held_back = Labelled(data.source, data.labels)
    settings = replace(SOFT, batch_size=8, class_weights="on", averaged_weights=0.5)
    result = fit(model, data, held_back, settings, seed=0, title="test")
    answers = predict(model, data.source)
    expected = -np.log(answers[np.arange(24), data.labels]).mean()
    assert result.history[0].validation_loss == pytest.approx(expected, rel=1e-4)
    assert result.history[0].validation_accuracy == pytest.approx((answers.argmax(1) == data.labels).mean())


def test_without_a_teacher_or_without_soft_labels_nothing_is_changed() -> None:
    plain, untaught, off = dense(), dense(), dense()
    taught = replace(rows(), teacher=some_teacher())
    settings = replace(SOFT, epochs=3, batch_size=8)
    without = fit(plain, rows(), None, replace(settings, soft_labels=None), seed=0, title="test")
    assert fit(untaught, rows(), None, settings, seed=0, title="test").parts == ()
    assert fit(off, taught, None, replace(settings, soft_labels=0.0), seed=0, title="test").parts == without.parts == ()
    for one, same, other in zip(plain.get_weights(), untaught.get_weights(), off.get_weights(), strict=True):
        assert np.array_equal(one, same)
        assert np.array_equal(one, other)


def test_batches_are_the_same_every_time() -> None:
    data = replace(rows(), teacher=some_teacher())
    first, again = (Epochs(data, SOFT, parts_of(SOFT), 0, 3) for _ in range(2))
    for one, same in zip(first(), again(), strict=True):
        assert [array.tobytes() for array in one] == [array.tobytes() for array in same]


# --- settings ---------------------------------------------------------------------------------------------------------


def test_no_recipe_has_soft_labels() -> None:
    assert all(recipe.parts.soft_labels == 0 for recipe in RECIPES.values())


def test_soft_labels_and_label_smoothing_together_are_refused() -> None:
    both = TrainingSettings(soft_labels=0.5, label_smoothing=0.1)
    assert parts_problem(both).startswith("Label smoothing (0.1) and soft labels (0.5) are both on")
    assert "--label-smoothing 0" in parts_problem(both)
    assert "--soft-labels 0" in parts_problem(both)
    assert parts_problem(replace(both, label_smoothing=0.0)) == parts_problem(replace(both, soft_labels=0.0)) == ""
    with pytest.raises(TrainingError, match="are both on"):
        fit(dense(), replace(rows(), teacher=some_teacher()), None, both, seed=0, title="test")


def test_it_is_told_how_networks_are_trained_and_that_random_is_lifted_too() -> None:
    training = TrainingSettings(soft_labels=0.5)
    assert "soft labels 0.5 at temperature 2;" in recipe_sentence(training)
    (note,) = recipe_notes(training)
    assert "improve random" in note
    assert "labels of the whole pool" in note
    assert recipe_notes(replace(training, soft_labels=0.0)) == ()


# --- whole trainings --------------------------------------------------------------------------------------------------


def teacher_of(cells: Dataset, split: Split) -> Teacher:
    """A teacher that is as sure of every class, and took 3 seconds."""
    probabilities = np.full((len(split.pool), len(cells.classes)), 0.2, dtype=np.float32)
    probabilities[np.arange(len(split.pool)), cells.labels[split.pool]] = 0.6
    return Teacher(cells.classes, np.sort(split.pool), probabilities, np.ones(len(split.pool), dtype=bool), 3.0)


def trained(network: str, cells: Dataset, split: Split, settings: TrainingSettings, store: Path) -> TrainedRun:
    task = TrainingTask(cells, split, split.pool[::2], settings, places=Places(store), teacher=teacher_of(cells, split))
    return train(network, task, RunKey(network, "random", 0.5, 0, "mark"))


@pytest.mark.slow
def test_a_network_trained_with_soft_labels_is_saved_as_any_other_and_its_run_tells_what_the_teacher_took(
    cells: Dataset, split: Split, quick: TrainingSettings, tmp_path: Path
) -> None:
    settings = replace(quick, soft_labels=0.5)
    run = trained("custom", cells, split, settings, tmp_path)
    assert "without" not in run.result.note
    assert run.result.teacher_seconds == 3.0
    run.model.save(tmp_path / "model.keras")
    # Compiled, as whoever has Keras alone opens it.
    opened = keras.saving.load_model(tmp_path / "model.keras", compile=True, safe_mode=True)
    images = np.random.default_rng(0).integers(0, 256, (4, *run.model.input_shape[1:])).astype(np.uint8)
    np.testing.assert_array_equal(opened.predict(images, verbose=0), run.model.predict(images, verbose=0))
    assert opened.loss == "sparse_categorical_crossentropy"
    save_run(run.result, tmp_path / "runs")
    assert load_runs(tmp_path / "runs").runs[0].teacher_seconds == 3.0
    # As a run was stored before there were soft labels, and is stored without them.
    text = save_run(replace(run.result, teacher_seconds=0.0), tmp_path / "plain").read_text()
    assert "teacher" not in text
    assert load_runs(tmp_path / "plain").runs[0].teacher_seconds == 0.0


@pytest.mark.slow
def test_the_transfer_network_is_trained_with_them_too(
    cells: Dataset, split: Split, quick: TrainingSettings, store: Path
) -> None:
    settings = with_own(replace(quick, image_size=48), "transfer", backbone="mobilenetv2", untrained_backbone=True)
    soft = trained("transfer", cells, split, replace(settings, soft_labels=0.8), store)
    plain = trained("transfer", cells, split, settings, store)
    assert "without" not in soft.result.note
    assert not np.array_equal(soft.result.probabilities, plain.result.probabilities)
