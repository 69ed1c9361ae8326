"""One run: train one network on one coreset with one seed, and judge it on the test images."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.cache import default_cache_folder
from core.errors import TrainingError
from core.progress import NO_PROGRESS, Progress
from core.results import (
    Dataset,
    Epoch,
    FloatArray,
    IntArray,
    PoolEmbedding,
    RunKey,
    RunResult,
    Split,
    WeightsUsed,
)
from core.settings import TrainingSettings
from core.training.backbones import backbone_features, backbone_of
from core.training.calling import free_memory
from core.training.evaluation import evaluate
from core.training.evidence import NO_CLUSTER
from core.training.head import Head, choose_head_strength, fit_head
from core.training.loop import Fit, Labelled, Rows, fit, make_deterministic, predict
from core.training.networks import Network, assemble_transfer, build_custom, build_transfer_head
from core.training.pixels import MEMORY_BYTES, ImageSource

__all__ = ["Head", "TrainedRun", "choose_head_strength", "train", "used_classes"]


@dataclass(frozen=True)
class TrainedRun:
    """A finished run with its model.

    Attributes
    ----------
    result : RunResult
    model : keras.Model or Head or None
        A Keras model takes RGB pixels of 0…255, shape (batch, image_size, image_size, 3); a `Head` embeddings.
    """

    result: RunResult
    model: Network | Head | None


@dataclass(frozen=True)
class _Job:
    """What a run works on; `labels` are those of the dataset as positions in `classes`."""

    dataset: Dataset
    split: Split
    indices: IntArray
    classes: tuple[str, ...]
    labels: IntArray
    settings: TrainingSettings
    seed: int
    cache_folder: Path
    memory_bytes: int
    progress: Progress


@dataclass(frozen=True)
class _Trained:
    """What each network's training gives back."""

    model: Any
    probabilities: FloatArray
    history: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    train_seconds: float = 0.0
    feature_seconds: float = 0.0
    device: str = "CPU"
    weights: WeightsUsed | None = None
    notes: tuple[str, ...] = ()


def used_classes(dataset: Dataset, split: Split) -> tuple[str, ...]:
    """Return the classes that have images in pool, validation or test, sorted: what a network tells apart."""
    used = np.concatenate([split.pool, split.validation, split.test]).astype(np.int64)
    return tuple(dataset.classes[position] for position in np.unique(dataset.labels[used]))


def train(
    dataset: Dataset,
    split: Split,
    coreset_indices: IntArray,
    network: str,
    settings: TrainingSettings,
    key: RunKey,
    *,
    repetition: int = 0,
    cache_folder: Path | None = None,
    weights_file: Path | None = None,
    head_embedding: PoolEmbedding | None = None,
    head_strength: float | None = None,
    head_weights: WeightsUsed | None = None,
    cluster_of_test: Mapping[int, int] | None = None,
    select_seconds: float = 0.0,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress = NO_PROGRESS,
) -> TrainedRun:
    """Train one network on a coreset and judge it on the test images.

    Parameters
    ----------
    dataset : Dataset
    split : Split
        The network is trained on images of the pool; validation images pick its best epoch and do nothing else.
    coreset_indices : ndarray of shape (n,), int64
        Images to train on. A class that is missing among them is still one of the answers.
    network : {"custom", "transfer", "head"}
    settings : TrainingSettings
    key : RunKey
        Goes into the result as it is.
    repetition : int
        >= 0; seeds initial weights, dropout and the order of the images.
    cache_folder : Path, optional
        For decoded images and the backbone's features; default the user's.
    weights_file : Path, optional
        Of the backbone, instead of looking for it.
    head_embedding, head_strength, head_weights
        For `head`: the embeddings across classes, scikit-learn's C (None: chosen here by cross-validation) and the
        weights of the extractor that they are from.
    cluster_of_test : mapping of int to int, optional
        Cluster of test images inside their true class, by index.
    select_seconds : float
        What choosing the coreset took.
    memory_bytes : int
        What decoded images may take of memory.
    progress : Progress
        Is handed an `Epoch` after each; stops within a batch.

    Returns
    -------
    TrainedRun

    Raises
    ------
    TrainingError
        If there is nothing to train on or to test on, one class only, or no such network.
    MissingWeightsError
        If the backbone's weights are nowhere on this machine.

    Notes
    -----
    Same images, settings and repetition give the same weights on the same machine.
    """
    job = _job(dataset, split, coreset_indices, settings, repetition, cache_folder, memory_bytes, progress)
    if network == "custom":
        trained = _train_custom(job)
    elif network == "transfer":
        trained = _train_transfer(job, weights_file)
    elif network == "head":
        trained = _train_head(job, head_embedding, head_strength, head_weights)
    else:
        raise TrainingError(f"There is no network named {network!r}; there are custom, transfer and head.")
    return TrainedRun(_result(job, trained, key, cluster_of_test, select_seconds), trained.model)


def _job(
    dataset: Dataset,
    split: Split,
    indices: IntArray,
    settings: TrainingSettings,
    seed: int,
    cache_folder: Path | None,
    memory_bytes: int,
    progress: Progress,
) -> _Job:
    if len(indices) == 0:
        raise TrainingError("The coreset is empty, so there is nothing to train on. Choose a larger fraction.")
    if len(split.test) == 0:
        raise TrainingError("There are no test images to judge a network by. Set the test fraction above 0.")
    classes = used_classes(dataset, split)
    if len(classes) < 2:
        raise TrainingError(f"There is one class only ({classes[0]}), so there is nothing to tell apart. Add another.")
    position = {name: i for i, name in enumerate(classes)}
    labels = np.array([position.get(image.class_name, -1) for image in dataset.images], dtype=np.int64)
    return _Job(
        dataset=dataset,
        split=split,
        # In path order, so that the same images give the same network however they were chosen.
        indices=np.sort(np.asarray(indices, dtype=np.int64)),
        classes=classes,
        labels=labels,
        settings=settings,
        seed=seed,
        cache_folder=cache_folder if cache_folder is not None else default_cache_folder(),
        memory_bytes=memory_bytes,
        progress=progress,
    )


def _train_custom(job: _Job) -> _Trained:
    free_memory()
    make_deterministic(job.seed)
    model = build_custom(len(job.classes), job.settings, seed=job.seed)
    training = _held(job, job.indices)
    validation = None
    if len(job.split.validation):
        validation = Labelled(_held(job, job.split.validation), job.labels[job.split.validation])
    fitted = _fit(job, model, Labelled(training, job.labels[job.indices]), validation, "custom network")
    test = ImageSource(job.dataset, job.split.test, job.settings.image_size)
    return _finished(model, fitted, predict(model, test, title="Testing custom network", progress=job.progress))


def _train_transfer(job: _Job, weights_file: Path | None) -> _Trained:
    backbone = backbone_of(job.settings, weights_file)
    used = np.concatenate([job.indices, job.split.validation, job.split.test])
    started = time.perf_counter()
    features = backbone_features(
        job.dataset,
        used,
        job.settings,
        cache_folder=job.cache_folder,
        weights_file=weights_file,
        progress=job.progress,
    )
    feature_seconds = time.perf_counter() - started
    ends = np.cumsum([len(job.indices), len(job.split.validation)])
    training, validation, test = (Rows(part) for part in np.split(features, ends))
    free_memory()
    make_deterministic(job.seed)
    head = build_transfer_head(features.shape[1], len(job.classes), job.settings, seed=job.seed)
    fitted = _fit(
        job,
        head,
        Labelled(training, job.labels[job.indices]),
        Labelled(validation, job.labels[job.split.validation]) if len(validation) else None,
        f"transfer network on {job.settings.backbone}",
    )
    probabilities = predict(head, test, title="Testing transfer network", progress=job.progress)
    return _finished(
        assemble_transfer(backbone.pooled, head),
        fitted,
        probabilities,
        feature_seconds=feature_seconds,
        weights=backbone.weights,
    )


def _train_head(
    job: _Job, embedding: PoolEmbedding | None, strength: float | None, weights: WeightsUsed | None
) -> _Trained:
    if embedding is None:
        raise TrainingError("The head is trained on embeddings across classes, and none were given.")
    if strength is None:
        strength = choose_head_strength(job.dataset, embedding, progress=job.progress)
    job.progress.report(0, 1, "Training head: fits")
    started = time.perf_counter()
    model = fit_head(_rows(embedding, job.indices), job.labels[job.indices], len(job.classes), strength)
    seconds = time.perf_counter() - started
    job.progress.report(1, 1, "Training head: fits")
    return _Trained(
        model=model,
        probabilities=model.probabilities(_rows(embedding, job.split.test)),
        train_seconds=seconds,
        weights=weights,
        notes=() if model.converged else ("the solver stopped before it converged",),
    )


def _held(job: _Job, indices: IntArray) -> ImageSource:
    source = ImageSource(job.dataset, indices, job.settings.image_size)
    return source.hold(job.cache_folder, memory_bytes=job.memory_bytes, progress=job.progress)


def _fit(job: _Job, model: Network, training: Labelled, validation: Labelled | None, title: str) -> Fit:
    return fit(model, training, validation, job.settings, seed=job.seed, title=title, progress=job.progress)


def _finished(
    model: Network,
    fitted: Fit,
    probabilities: FloatArray,
    *,
    feature_seconds: float = 0.0,
    weights: WeightsUsed | None = None,
) -> _Trained:
    return _Trained(
        model=model,
        probabilities=probabilities,
        history=fitted.history,
        best_epoch=fitted.best_epoch,
        train_seconds=fitted.seconds,
        feature_seconds=feature_seconds,
        device=_device(),
        weights=weights,
        notes=("the loss was not a number; lower the learning rate",) if fitted.diverged else (),
    )


def _rows(embedding: PoolEmbedding, indices: IntArray) -> FloatArray:
    places = np.searchsorted(embedding.indices, indices)
    if (places >= len(embedding.indices)).any() or (embedding.indices[places] != indices).any():
        raise TrainingError("The embeddings across classes lack images of this split; compute them again.")
    return np.asarray(embedding.embedding[places])


def _device() -> str:
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return "CPU"
    details = tf.config.experimental.get_device_details(devices[0])
    return f"GPU {details.get('device_name', '')}".strip()


def _result(
    job: _Job, trained: _Trained, key: RunKey, cluster_of_test: Mapping[int, int] | None, select_seconds: float
) -> RunResult:
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
        train_seconds=trained.train_seconds,
        feature_seconds=trained.feature_seconds,
        select_seconds=select_seconds,
        device=trained.device,
        weights=trained.weights,
        note="; ".join((*_weights_notes(trained.weights), *trained.notes)),
        clusters=clusters,
        probabilities=probabilities,
    )


def _weights_notes(weights: WeightsUsed | None) -> tuple[str, ...]:
    if weights is None:
        return ()
    labels = {"untrained": "untrained backbone", "unverified": "unverified weights"}
    return (labels[weights.state],) if weights.state in labels else ()
