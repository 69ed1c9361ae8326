"""The transfer network: training its head on kept features is training the whole."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import FeatureError, MissingWeightsError
from core.results import Dataset, RunKey, Split
from core.settings import TrainingSettings, with_own
from core.training.architectures import NETWORKS
from core.training.architectures.transfer.model import assemble_transfer, build_transfer_head
from core.training.backbones import backbone_of
from core.training.fitting import Places, TrainedRun, TrainingTask, train
from core.training.loop import Labelled, fit, make_deterministic, predict
from core.training.network import BackboneChoice
from core.training.pixels import ImageSource


@pytest.fixture(scope="module")
def transfer(cells: Dataset, split: Split, quick: TrainingSettings, store: Path) -> TrainedRun:
    key = RunKey("transfer", "everything", 1.0, 0, "mark")
    return train("transfer", TrainingTask(cells, split, split.pool, quick, places=Places(store)), key)


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
    monkeypatch.setattr("core.features.weights.weight_folders", lambda: (tmp_path,))
    with pytest.raises(MissingWeightsError, match="VGG16 or MobileNetV2") as caught:
        train("transfer", TrainingTask(cells, split, split.pool, TrainingSettings(image_size=48)), key)
    assert str(caught.value).startswith("The weights of ResNet101V2 are not on this machine")


def test_a_descriptor_is_no_backbone() -> None:
    for untrained in (True, False):
        with pytest.raises(FeatureError, match="no convolutional network"):
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
