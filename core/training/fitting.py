"""One run: train one network on one coreset with one seed, and evaluate it on the test images."""

import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from coreset_studio.core.errors import CoresetError, TrainingError
from coreset_studio.core.estimate import TENSORFLOW_BYTES, training_bytes
from coreset_studio.core.memory import memory_for
from coreset_studio.core.progress import NO_PROGRESS, Publisher
from coreset_studio.core.results import Dataset, Epoch, RunKey, RunResult, Split, WeightsUsed
from coreset_studio.core.settings import part_words
from coreset_studio.core.settings.listed import settings_in
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.backbones import WITHOUT_TURNS, network_feature_bytes
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.evidence import NO_CLUSTER
from coreset_studio.core.training.network import Network
from coreset_studio.core.training.task import Places, RunInput, Seen, Trained, TrainingTask
from coreset_studio.core.training.tuning_costs import WITHOUT_TUNING, tuned_network

__all__ = ["Places", "Seen", "TrainedRun", "TrainingTask", "train", "used_classes"]

ROUNDING = 1e-3


@dataclass(frozen=True)
class TrainedRun:
    """A finished run with its model.

    Attributes
    ----------
    result : RunResult
    model : object
        Keras model of a network that can be saved, from RGB pixels of 0…255, shape (batch, image_size, image_size, 3);
        otherwise the object that the code of the network returns, or None.
    """

    result: RunResult
    model: Any


def used_classes(dataset: Dataset, split: Split) -> tuple[str, ...]:
    """Return the classes that have images in pool, validation or test, sorted: the classes of a network."""
    used = np.concatenate([split.pool, split.validation, split.test]).astype(np.int64)
    return tuple(dataset.classes[position] for position in np.unique(dataset.labels[used]))


def train(network: str, task: TrainingTask, key: RunKey, progress: Publisher[Epoch] = NO_PROGRESS) -> TrainedRun:
    """Train one network on a coreset and evaluate it on the test images.

    Parameters
    ----------
    network : str
        Name in the registry of networks.
    task : TrainingTask
        Its training and test data.
    key : RunKey
        Stored in the result.
    progress : Publisher
        Each epoch is published; a cancelled training stops within a batch.

    Returns
    -------
    TrainedRun

    Raises
    ------
    TrainingError
        If there are no training or test images, only one class, or no such network, or if the network of a plugin
        fails; the message then names both.
    MissingWeightsError
        If the weights of the backbone are missing on this machine.
    MemoryShortError
        If it requires more memory than is available; no image was read.
    LostImagesError
        If images can no longer be read as they were scanned; nothing was trained. The error names them, so that the
        network can be trained without them, with another key.

    Notes
    -----
    The same images, settings and seed give the same weights on the same machine.
    """
    if network not in NETWORKS:
        raise TrainingError(NETWORKS.unknown(network))
    run = _input(NETWORKS[network], task, progress)
    settings = task.settings
    tuned = tuned_network(run.network, settings) is not None
    # With fine-tuning the 8 orientations are on disk, not in memory.
    turned = run.network.needs_backbone and run.network.parts(settings).flips_and_turns and not tuned
    needed = bytes_of(run.network, task)
    if needed and "tensorflow" not in sys.modules:
        needed += TENSORFLOW_BYTES
    doing = f"Training the {run.network.words} on {len(run.indices):,} images"
    with memory_for(doing, needed, partial(_ways, turned=turned, tuned=tuned)):
        trained = _trained(run)
    return TrainedRun(_result(run, trained, key), trained.model)


def bytes_of(network: Network, task: TrainingTask) -> int:
    """Return what a training takes at its peak in addition to TensorFlow, in bytes, by its estimate."""
    settings, split = task.settings, task.split
    held = len(task.indices), len(split.validation)
    needed = training_bytes(network, held, image_size=settings.image_size, batch_size=settings.batch_size)
    n_others = len(split.validation) + len(split.test)
    return needed + network_feature_bytes(network, settings, len(task.indices), n_others)


def _ways(_free: int, *, turned: bool, tuned: bool) -> list[str]:
    """Return, in words, how the memory of a training can be reduced."""
    smaller = [each for each in settings_in("training") if each.where in ("training.image_size", "training.batch_size")]
    lower = f"lower {' or '.join(f'{each.flag} (“{each.facts.title}”)' for each in smaller)}"
    return [*([WITHOUT_TURNS] if turned else []), *([WITHOUT_TUNING] if tuned else []), lower]


def _input(network: Network, task: TrainingTask, progress: Publisher[Epoch]) -> RunInput:
    if len(task.indices) == 0:
        raise TrainingError("The coreset is empty, so there is nothing to train on. Set a larger fraction.")
    if len(task.split.test) == 0:
        raise TrainingError("There are no test images to evaluate a network on. Set the test fraction above 0.")
    classes = used_classes(task.dataset, task.split)
    if len(classes) < 2:
        raise TrainingError(f"There is only one class ({classes[0]}), so there is nothing to classify. Add another.")
    position = {name: i for i, name in enumerate(classes)}
    labels = np.array([position.get(image.class_name, -1) for image in task.dataset.images], dtype=np.int64)
    # In path order, so that the same images give the same network however they were selected.
    indices = np.sort(np.asarray(task.indices, dtype=np.int64))
    return RunInput(network, task, classes, labels, indices, progress)


def _trained(run: RunInput) -> Trained:
    """Run the code of the network, and check the results of a plugin."""
    plugin = NETWORKS.plugins.get(run.network.name)
    started = time.perf_counter()
    if plugin is None:
        trained = run.network.train(run)
    else:
        whose = f"The network {run.network.name} of the plugin {plugin}"
        try:
            trained = run.network.train(run)
        except (CoresetError, MemoryError):
            raise
        except Exception as error:  # a plugin may raise anything
            raise TrainingError(
                f"{whose} failed ({type(error).__name__}: {error}). Update the plugin, or deselect this network."
            ) from error
        trained = _checked(run, trained, whose)
    if trained.train_seconds is None:
        trained = replace(trained, train_seconds=time.perf_counter() - started)
    return trained


def _checked(run: RunInput, trained: object, whose: str) -> Trained:
    """Refuse results without a probability for every test image and class."""
    if not isinstance(trained, Trained):
        raise TrainingError(
            f"{whose} returned a {type(trained).__name__}; expected a {Trained.__module__}.{Trained.__name__}."
        )
    probabilities = np.asarray(trained.probabilities)
    expected = (len(run.split.test), len(run.classes))
    if probabilities.shape != expected or probabilities.dtype.kind not in "fiu":
        raise TrainingError(
            f"{whose} returned probabilities of shape {probabilities.shape} and type {probabilities.dtype}; expected "
            f"numbers of shape {expected}, one row per test image and one column per class."
        )
    # Written so that NaN, the result of a diverged training, is passed on as for built-in networks.
    if (probabilities < 0).any() or (probabilities > 1 + ROUNDING).any():
        raise TrainingError(f"{whose} returned probabilities outside 0 to 1.")
    return replace(trained, probabilities=probabilities.astype(np.float32))


def _result(job: RunInput, trained: Trained, key: RunKey) -> RunResult:
    cluster_of_test = job.task.cluster_of_test
    test = job.split.test
    true = job.labels[test]
    predicted = trained.probabilities.argmax(axis=1).astype(np.int64)
    probabilities = np.ascontiguousarray(trained.probabilities, dtype=np.float32)
    clusters = None
    if cluster_of_test is not None:
        clusters = np.array([cluster_of_test.get(int(index), NO_CLUSTER) for index in test], dtype=np.int64)
    return RunResult(
        key=key,
        n_images=len(job.indices),
        classes=job.classes,
        history=trained.history,
        best_epoch=trained.best_epoch,
        metrics=evaluate(true, predicted, job.classes, clusters, probabilities),
        test_indices=test,
        true=true,
        predicted=predicted,
        confidence=probabilities.max(axis=1),
        train_seconds=trained.train_seconds or 0.0,
        feature_seconds=trained.feature_seconds,
        select_seconds=job.task.select_seconds,
        teacher_seconds=_teacher_seconds(job, trained),
        device=trained.device,
        weights=trained.weights,
        note="; ".join((*_weights_notes(trained.weights), *trained.notes, *_unused_notes(job, trained))),
        clusters=clusters,
        probabilities=probabilities,
    )


def _teacher_seconds(job: RunInput, trained: Trained) -> float:
    """Return the seconds to fit the teacher that the network was trained with."""
    teacher = job.task.teacher
    return teacher.seconds if teacher is not None and "soft_labels" in trained.parts else 0.0


def _weights_notes(weights: WeightsUsed | None) -> tuple[str, ...]:
    if weights is None:
        return ()
    if weights.model is not None:
        return (f"features of the unverified model {weights.model.title}",)
    labels = {"untrained": "untrained backbone", "unverified": "unverified weights"}
    return (labels[weights.state],) if weights.state in labels else ()


def _unused_notes(job: RunInput, trained: Trained) -> tuple[str, ...]:
    """Return notes on parts of the recipe that the network was not trained with; none if it does not use the recipe."""
    if job.network.reads is not None and "recipe" not in job.network.reads:
        return ()
    requested_parts = job.network.parts(job.settings).used()
    unused = [part_words(name, value) for name, value in requested_parts.items() if name not in trained.parts]
    return (f"the {job.network.words} is trained without {', '.join(unused)}",) if unused else ()
