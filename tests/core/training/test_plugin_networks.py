"""Networks of plugins: what they are given, what they give back, and what becomes of their faults."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.errors import CancelledError, TrainingError
from coreset_studio.core.results import Dataset, PoolEmbedding, RunKey, Split
from coreset_studio.core.settings import TrainingSettings, settings_from_dict, settings_to_dict, with_own
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.fitting import Places, Seen, TrainedRun, TrainingTask, train
from coreset_studio.core.training.pixels import ImageSource


@pytest.fixture
def task(
    cells: Dataset, split: Split, quick: TrainingSettings, embedding: PoolEmbedding, store: Path, plugin_networks: str
) -> TrainingTask:
    return TrainingTask(cells, split, split.pool, quick, seen=Seen(embedding), places=Places(store))


def trained(name: str, task: TrainingTask) -> TrainedRun:
    return train(name, task, RunKey(name, "random", 1.0, 0, "mark"))


def test_a_classifier_on_embeddings_is_evaluated_on_the_test_images(
    task: TrainingTask, cells: Dataset, split: Split, embedding: PoolEmbedding
) -> None:
    run = trained("nearest-mean", task)
    means = [
        embedding.embedding[split.pool][cells.labels[split.pool] == label].mean(0) for label in range(3)
    ]  # embeddings of the fixture stand in the order of the dataset
    distances = ((embedding.embedding[split.test][:, None] - np.array(means)[None]) ** 2).sum(2)
    np.testing.assert_array_equal(run.result.predicted, distances.argmin(1))
    assert run.result.metrics["accuracy"] > 0.8
    assert run.result.confidence.dtype == np.float32
    assert run.result.train_seconds > 0, "it names no time, so that of the call stands for it"
    assert run.result.history == ()
    assert run.model is None
    sharper = replace(task, settings=with_own(task.settings, "nearest-mean", sharpness=40.0))
    assert trained("nearest-mean", sharper).result.confidence.mean() > run.result.confidence.mean()


def test_settings_of_a_plugin_are_stored_below_its_name(plugin_networks: str) -> None:
    settings = with_own(TrainingSettings(), "nearest-mean", sharpness=9.0)
    stored = settings_to_dict(settings)
    assert stored["own"] == {"nearest-mean": {"sharpness": 9.0}}
    assert settings_from_dict({"training": stored}).training == settings
    assert "own" not in settings_to_dict(TrainingSettings())


@pytest.mark.slow
def test_a_keras_network_on_pixels_has_curves_and_a_model(task: TrainingTask, cells: Dataset, split: Split) -> None:
    run = trained("tiny", task)
    assert [epoch.number for epoch in run.result.history] == [1, 2, 3, 4, 5, 6]
    assert run.result.best_epoch > 0
    pixels = ImageSource(cells, split.test, 48).all()
    np.testing.assert_allclose(run.model(pixels).numpy().max(1), run.result.confidence, atol=1e-5)
    again = trained("tiny", task)
    np.testing.assert_array_equal(run.result.confidence, again.result.confidence)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ZeroDivisionError("by hand"), r"failed \(ZeroDivisionError: by hand\). Update the plugin, or deselect"),
        ("half", r"probabilities of shape \(14, 2\)"),
        ("scores", "outside 0 to 1"),
        ("words", "expected numbers of shape"),
        ("nothing", "returned a NoneType"),
    ],
)
def test_a_fault_names_network_and_plugin(
    task: TrainingTask, monkeypatch: pytest.MonkeyPatch, answer: Any, says: str
) -> None:
    NETWORKS["broken"].code  # noqa: B018 - imports its module
    monkeypatch.setattr(sys.modules["coreset_networks.broken"], "ANSWER", answer)
    with pytest.raises(TrainingError, match=says) as caught:
        trained("broken", task)
    assert str(caught.value).startswith("The network broken of the plugin coreset_networks 1.2 ")


def test_what_the_program_raises_on_purpose_passes_through_a_plugin(
    task: TrainingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    NETWORKS["broken"].code  # noqa: B018 - imports its module
    monkeypatch.setattr(sys.modules["coreset_networks.broken"], "ANSWER", "cancel")
    with pytest.raises(CancelledError):
        trained("broken", task)
    with pytest.raises(TrainingError, match="The nearest mean is trained on embeddings across classes, but none were"):
        trained("nearest-mean", replace(task, seen=None))


def test_a_plugin_whose_code_cannot_be_imported_is_told(task: TrainingTask, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = replace(NETWORKS["broken"], does="coreset_networks.gone:train")
    assert NETWORKS._found is not None
    monkeypatch.setitem(NETWORKS._found, "broken", gone)
    with pytest.raises(TrainingError, match=r"network broken of the plugin coreset_networks 1.2 failed \(ModuleNot"):
        trained("broken", task)
