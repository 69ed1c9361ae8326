"""The transfer network: training its head on kept features is training the whole."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from coreset_studio.core.errors import FeatureError, MemoryShortError, MissingWeightsError
from coreset_studio.core.memory import FreeMemory
from coreset_studio.core.results import Dataset, RunKey, Split
from coreset_studio.core.settings import TrainingSettings, with_own
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.architectures.head.logistic import fit_head
from coreset_studio.core.training.architectures.transfer.model import (
    STRENGTH,
    Scaling,
    assemble_transfer,
    build_regularised_head,
    build_transfer_head,
    fold_scaling,
)
from coreset_studio.core.training.backbones import (
    backbone_bytes,
    backbone_of,
    feature_bytes,
    network_feature_bytes,
    oriented_features,
)
from coreset_studio.core.training.fitting import Places, TrainedRun, TrainingTask, train
from coreset_studio.core.training.loop import Labelled, Rows, fit, make_deterministic, predict
from coreset_studio.core.training.network import BackboneChoice
from coreset_studio.core.training.pixels import ImageSource

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def transfer(cells: Dataset, split: Split, quick: TrainingSettings, store: Path) -> TrainedRun:
    key = RunKey("transfer", "everything", 1.0, 0, "mark")
    return train("transfer", TrainingTask(cells, split, split.pool, quick, places=Places(store)), key)


@pytest.mark.slow
def test_training_the_head_is_training_the_whole_network(
    cells: Dataset, split: Split, quick: TrainingSettings, transfer: TrainedRun
) -> None:
    make_deterministic(0)
    choice = NETWORKS["transfer"].backbone(quick)
    assert choice is not None
    pooled = backbone_of(choice).pooled
    whole = assemble_transfer(pooled, build_transfer_head(pooled.output_shape[-1], 3, quick))
    frozen = [weight.numpy() for weight in pooled.weights]
    training = Labelled(ImageSource(cells, split.pool, 48), cells.labels[split.pool])
    validation = Labelled(ImageSource(cells, split.validation, 48), cells.labels[split.validation])
    result = fit(whole, training, validation, quick, seed=0, title="whole")

    ours = transfer.result
    assert result.best_epoch == ours.best_epoch
    for theirs, mine in zip(result.history, ours.history, strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-3)
        assert mine.validation_accuracy == theirs.validation_accuracy
    test = ImageSource(cells, split.test, 48)
    np.testing.assert_allclose(predict(transfer.model, test), predict(whole, test), atol=2e-3)
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(frozen, pooled.weights, strict=True))


def test_the_assembled_model_answers_as_the_run_says(cells: Dataset, split: Split, transfer: TrainedRun) -> None:
    answers = predict(transfer.model, ImageSource(cells, split.test, 48))
    assert np.array_equal(answers.argmax(1), transfer.result.predicted)
    np.testing.assert_allclose(answers.max(1), transfer.result.confidence, atol=1e-4)


def test_the_result_names_its_backbone_and_says_that_it_is_untrained(transfer: TrainedRun) -> None:
    weights = transfer.result.weights
    assert weights is not None
    assert (weights.extractor, weights.state) == ("mobilenetv2", "untrained")
    assert "untrained backbone" in transfer.result.note
    assert transfer.result.feature_seconds > 0


def test_missing_weights_name_the_ways_out_and_the_other_backbones(
    cells: Dataset, split: Split, key: RunKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: (tmp_path,))
    with pytest.raises(MissingWeightsError, match="VGG16 or MobileNetV2") as caught:
        train("transfer", TrainingTask(cells, split, split.pool, TrainingSettings(image_size=48)), key)
    assert str(caught.value).startswith("The weights of ResNet101V2 are not on this machine")


def test_a_descriptor_is_no_backbone() -> None:
    for untrained in (True, False):
        with pytest.raises(FeatureError, match="not a convolutional network"):
            backbone_of(BackboneChoice("colour-texture", 48, untrained))


@pytest.mark.slow
@pytest.mark.real_data
def test_vgg16_with_its_real_weights_is_verified(
    cells: Dataset, split: Split, quick: TrainingSettings, key: RunKey, shared_folder: Path, tmp_path: Path
) -> None:
    settings = with_own(quick, "transfer", backbone="vgg16", untrained_backbone=False)
    file = shared_folder / "weights" / "vgg16_imagenet_notop.h5"
    task = TrainingTask(cells, split, split.pool, settings, places=Places(tmp_path, file))
    run = train("transfer", task, key).result
    assert run.weights is not None
    assert (run.weights.extractor, run.weights.state) == ("vgg16", "verified")
    assert run.note == ""
    assert run.metrics["accuracy"] > 0.8


# --- the regularised output -------------------------------------------------------------------------------------------


def test_scaling_centres_and_keeps_small_features_small() -> None:
    rows = (np.random.default_rng(0).normal(size=(3000, 5)) * (0.01, 1, 1, 2, 3) + 7).astype(np.float32)
    scaling = Scaling.of(rows)
    np.testing.assert_allclose(scaling.mean, rows.mean(axis=0, dtype=np.float64))
    assert scaling.scale == pytest.approx(np.sqrt(rows.var(axis=0, dtype=np.float64).mean()))
    before = rows.std(axis=0)
    scaling.apply_to(rows)
    assert np.abs(rows.mean(axis=0)).max() < 1e-4
    assert np.square(rows, dtype=np.float64).mean() == pytest.approx(1, rel=1e-4)
    np.testing.assert_allclose(rows.std(axis=0), before / scaling.scale, rtol=1e-3)
    alike = np.full((4, 5), 3, dtype=np.float32)
    assert Scaling.of(alike).scale == 1
    three = np.ones((2, 8, 5), dtype=np.float32)
    Scaling(np.ones(5), 2.0).apply_to(three)
    assert not three.any()


def separable(n: int = 60, n_features: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = (np.arange(n) % 3).astype(np.int64)
    rows = rng.normal(size=(n, n_features)) * 3 + 5
    rows[np.arange(n), labels] += 3
    return rows.astype(np.float32), labels


@pytest.mark.slow
def test_the_regularised_output_comes_to_the_logistic_regression_of_its_penalty() -> None:
    rows, labels = separable()
    scaling = Scaling.of(rows)
    scaled = rows.copy()
    scaling.apply_to(scaled)
    settings = TrainingSettings(epochs=60, min_steps=0, batch_size=20, learning_rate=0.05, checks=1)
    head = build_regularised_head(12, 3, len(rows), settings)
    assert not any(weight.any() for weight in head.get_weights())
    data = Labelled(Rows(scaled), labels)
    result = fit(head, data, data, settings, seed=0, title="test")
    # The optimum of scikit-learn, for features of mean squared length 1.
    length = float(np.sqrt(scaled.shape[1]))
    best = fit_head(scaled / np.float32(length), labels, 3, STRENGTH)

    def objective(kernel: np.ndarray, bias: np.ndarray) -> tuple[float, float]:
        scores = scaled @ kernel + bias
        plain = (np.log(np.exp(scores).sum(1)) - scores[np.arange(60), labels]).mean()
        return float(plain), 12 / (2 * STRENGTH * 60) * float(np.square(kernel).sum())

    plain, penalty = objective(*head.get_weights())
    lowest = objective(best.coefficients.T / length, best.intercepts)
    assert plain + penalty == pytest.approx(sum(lowest), rel=5e-3)
    assert penalty == pytest.approx(lowest[1], rel=0.1)
    # The validation loss tells of the images alone, the loss of training has the penalty.
    last = result.history[-1]
    assert last.validation_loss == pytest.approx(plain, rel=1e-3)
    assert last.loss == pytest.approx(plain + penalty, rel=2e-2)
    assert last.loss > last.validation_loss


@pytest.mark.slow
def test_the_last_weights_of_a_regularised_output_are_kept_although_validation_images_are_looked_at() -> None:
    rows, labels = separable()
    settings = TrainingSettings(epochs=4, min_steps=0, batch_size=20)
    data = Labelled(Rows(rows), labels)
    # Labels of validation that the training can only come away from.
    others = Labelled(Rows(rows), (labels + 1) % 3)
    model = build_regularised_head(12, 3, 60, settings)
    result = fit(model, data, others, settings, seed=0, title="test", keeps_last=True)
    accuracies = [epoch.validation_accuracy for epoch in result.history]
    assert result.best_epoch == 4
    assert accuracies[-1] < max(accuracies)
    assert (predict(model, data.source).argmax(1) == others.labels).mean() == pytest.approx(accuracies[-1])
    picked = fit(build_regularised_head(12, 3, 60, settings), data, others, settings, seed=0, title="test")
    assert picked.best_epoch < 4


def test_folding_the_scaling_in_changes_no_answer() -> None:
    rows, labels = separable()
    scaling = Scaling.of(rows)
    scaled = rows.copy()
    scaling.apply_to(scaled)
    settings = TrainingSettings(epochs=3, min_steps=0, batch_size=20, dropout_before_norm=0.2)
    head = build_regularised_head(12, 3, len(rows), settings)
    fit(head, Labelled(Rows(scaled), labels), None, settings, seed=0, title="test")
    folded = fold_scaling(head, scaling)
    np.testing.assert_allclose(predict(folded, Rows(rows)), predict(head, Rows(scaled)), atol=1e-5)
    assert [type(layer).__name__ for layer in folded.layers] == ["InputLayer", "Dense"]
    assert not folded.losses


@pytest.mark.slow
def test_a_recommended_training_has_the_regularised_output_and_the_papers_has_not(
    cells: Dataset, split: Split, quick: TrainingSettings, store: Path, tmp_path: Path, transfer: TrainedRun
) -> None:
    settings = replace(quick, recipe="recommended", orientation="free")
    key = RunKey("transfer", "everything", 1.0, 0, "mark")
    run = train("transfer", TrainingTask(cells, split, split.pool, settings, places=Places(store)), key)
    assert "without" not in run.result.note
    kinds = [type(layer).__name__ for layer in run.model.layers]
    assert kinds[-2:] == ["Flatten", "Dense"]
    assert [type(layer).__name__ for layer in transfer.model.layers][-2:] == ["BatchNormalization", "Dense"]
    run.model.save(tmp_path / "model.keras")
    kept = keras.models.load_model(tmp_path / "model.keras")
    answers = predict(kept, ImageSource(cells, split.test, 48))
    np.testing.assert_allclose(answers, run.result.probabilities, atol=1e-4)
    again = train("transfer", TrainingTask(cells, split, split.pool, settings, places=Places(store)), key)
    assert np.array_equal(again.result.probabilities, run.result.probabilities)
    off = replace(settings, flips_and_turns="off", regularised_output="off")
    plain = train("transfer", TrainingTask(cells, split, split.pool, off, places=Places(store)), key)
    assert np.array_equal(plain.result.probabilities, transfer.result.probabilities)


# --- memory -----------------------------------------------------------------------------------------------------------


def test_features_in_all_orientations_are_counted() -> None:
    for name, channels in (("mobilenetv2", 1280), ("resnet101v2", 2048), ("vgg16", 512)):
        assert feature_bytes(name, 100, 30) == 4 * channels * 130
        assert feature_bytes(name, 100, 30, in_all_orientations=True) == 4 * channels * (130 + 9 * 100)
    assert feature_bytes("colour-texture", 100, 30) == 0
    settings = with_own(TrainingSettings(orientation="free", flips_and_turns="on"), "transfer", backbone="vgg16")
    assert network_feature_bytes(NETWORKS["transfer"], settings, 100, 30) == 4 * 512 * 1030
    assert network_feature_bytes(NETWORKS["custom"], settings, 100, 30) == 0


@pytest.mark.parametrize("name", ["mobilenetv2", "vgg16", "efficientnet-lite0"])
def test_a_backbone_has_the_channels_that_its_last_layer_says(name: str) -> None:
    pooled = backbone_of(BackboneChoice(name, 48, untrained=True)).pooled
    assert pooled.output_shape[-1] * 4 == feature_bytes(name, 0, 1)


def test_a_training_that_has_no_room_for_all_orientations_says_so_before_it_reads_anything(
    cells: Dataset, split: Split, quick: TrainingSettings, key: RunKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(quick, orientation="free", flips_and_turns="on")
    n_others = len(split.validation) + len(split.test)
    turned = feature_bytes("mobilenetv2", len(split.pool), n_others, in_all_orientations=True)
    monkeypatch.setattr("coreset_studio.core.memory.LEAST_CHECKED", 0)
    monkeypatch.setattr("coreset_studio.core.memory.free_memory", lambda: FreeMemory(turned - 1))
    task = TrainingTask(cells, split, split.pool, settings, places=Places(tmp_path))
    with pytest.raises(MemoryShortError, match=r"^Training the transfer network .*\(--flips-and-turns off\)") as caught:
        train("transfer", task, key)
    assert not list(tmp_path.iterdir())
    # Without them there is room for the features, and not for the backbone at work.
    plain = replace(task, settings=replace(settings, flips_and_turns="off"))
    with pytest.raises(MemoryShortError, match=r"^Computing MobileNetV2 at 48 px"):
        train("transfer", plain, key)
    assert "orientations" not in str(caught.value)


def test_the_orientations_together_are_said_before_the_first_is_computed(
    cells: Dataset, split: Split, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = BackboneChoice("mobilenetv2", 48, untrained=True)
    rows = np.zeros((len(split.pool), 1280), dtype=np.float32)
    one_at_a_time = backbone_bytes("mobilenetv2", 48) + rows.nbytes
    monkeypatch.setattr("coreset_studio.core.memory.free_memory", lambda: FreeMemory(one_at_a_time + 1))
    count = f"{len(split.pool):,}"
    with pytest.raises(MemoryShortError, match=rf"MobileNetV2 at 48 px in 8 orientations \({count} images\) needs"):
        oriented_features(cells, split.pool, choice, rows, cache_folder=store)
