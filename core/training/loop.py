"""Fit a Keras model: seeded order of images, progress and cancel at every batch, the best epoch kept."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.features.engine import import_keras, import_tensorflow
from coreset_studio.core.progress import NO_PROGRESS, Progress, Publisher
from coreset_studio.core.results import Epoch, FloatArray, IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.settings import Parts, TrainingSettings, parts_of
from coreset_studio.core.training.averaging import AveragedWeights
from coreset_studio.core.training.calling import compiled, one_trace_a_network
from coreset_studio.core.training.feeding import Epochs, Feed, Plain, targets_of
from coreset_studio.core.training.layers import KerasModel
from coreset_studio.core.training.optimizing import optimizer_of
from coreset_studio.core.training.soft_loss import label_accuracy, plain_targets, soft_label_loss
from coreset_studio.core.training.sources import (
    Labelled,
    OrientedRows,
    Rows,
    Source,
    batches_of_epoch,
    checked_epochs,
    checks_problem,
    n_epochs,
    settings_for,
    steps_per_epoch,
    training_problem,
)

__all__ = [
    "Fit",
    "Labelled",
    "OrientedRows",
    "Rows",
    "Source",
    "batches_of_epoch",
    "checks_problem",
    "fit",
    "in_order",
    "make_deterministic",
    "n_epochs",
    "predict",
    "settings_for",
    "steps_per_epoch",
    "training_problem",
]

BATCH_BYTES = 32 * 256 * 256 * 3
MOST_ROWS = 1024
PLAIN_LOSS = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Fit:
    """Result of fitting; the model contains the weights of `best_epoch`.

    Attributes
    ----------
    history : tuple of Epoch
    best_epoch : int
        Number, from 1, of the epoch whose weights were kept.
    seconds : float
        Time of all epochs, including validation.
    diverged : bool
        Whether the loss was NaN in some epoch.
    parts : tuple of str
        The parts of the recipe (`core.settings.recipes.Parts`) that it was trained with.
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    seconds: float
    diverged: bool
    parts: tuple[str, ...] = ()


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and make TensorFlow deterministic."""
    keras = import_keras()
    tf = import_tensorflow()

    keras.utils.set_random_seed(int(generator(seed, "training").integers(2**31)))
    tf.config.experimental.enable_op_determinism()


def fit(
    model: KerasModel,
    train: Labelled,
    validation: Labelled | None,
    settings: TrainingSettings,
    *,
    seed: int,
    title: str,
    progress: Publisher[Epoch] = NO_PROGRESS,
    keeps_last: bool = False,
    slower: KerasModel | None = None,
) -> Fit:
    """Train `model`, which then has the weights of its best epoch.

    The best epoch has the highest validation accuracy; ties are broken by the lowest validation loss, then by the first
    epoch. Without validation images, and with `keeps_last`, it is the last one. If weights are averaged, the averages
    are evaluated and kept.

    Parameters
    ----------
    model : keras.Model
        Its output are probabilities of the classes.
    train : Labelled
        At least one image.
    validation : Labelled or None
    settings : TrainingSettings
        Epochs, steps, batch size, learning rate and the parts of the recipe.
    seed : int
        >= 0; seed of shuffling.
    title : str
        Name of the network in reports of progress.
    progress : Publisher
        Reports each batch, and publishes each epoch.
    keeps_last : bool
        Whether the last epoch is kept, as for a model with one optimum, for which selecting an epoch only adds random
        variation.
    slower : keras.Model, optional
        Pretrained part of `model`, trained at a lower learning rate; see `core.training.optimizing.optimizer_of`.

    Returns
    -------
    Fit

    Raises
    ------
    CancelledError
        If the training was cancelled; it stops within a batch.
    TrainingError
        If more checks are requested than there are epochs, or parts of the recipe exclude each other.
    """
    keras = import_keras()

    problem = training_problem(settings)
    if problem:
        raise TrainingError(problem)
    parts = parts_of(settings)
    epochs = n_epochs(len(train.labels), settings)
    steps = steps_per_epoch(len(train.labels), settings)
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, epochs * steps)
    n_classes = int(model.output_shape[-1])
    batches = Epochs(train, settings, parts, seed, n_classes)
    objective = _objective_of(batches, settings, parts, n_classes)
    model.compile(optimizer_of(schedule, parts, slower), objective.loss, metrics=[objective.accuracy])
    feed = Feed()
    validation_batches = [] if validation is None else in_order(validation.source)
    checked = checked_epochs(epochs, settings.checks) if validation_batches else []
    average = AveragedWeights(model, parts.averaged_weights) if parts.averaged_weights else None
    total = epochs * steps + len(checked) * len(validation_batches)
    picks = bool(checked) and not keeps_last
    watch = _Watch(model, total, title, progress, picks=picks, average=average)
    started = time.perf_counter()
    held_back = None
    if validation is not None and validation_batches:
        plain = Plain(validation, objective.plain)
        held_back = feed.dataset(lambda: map(plain.batch, validation_batches), plain.example(), len(validation_batches))
    with feed.own_errors(), one_trace_a_network():
        model.fit(
            feed.dataset(batches, batches.example(), steps),
            epochs=epochs,
            validation_data=held_back,
            validation_freq=checked or 1,
            shuffle=False,
            callbacks=[watch.callback()],
            verbose=0,
        )
    seconds = time.perf_counter() - started
    watch.restore_best()
    if batches.is_taught:
        # So that a saved model has no loss that Keras does not know.
        model.compile(model.optimizer, PLAIN_LOSS, metrics=["accuracy"])
    diverged = any(math.isnan(e.loss) for e in watch.history)
    return Fit(tuple(watch.history), watch.best_epoch, seconds, diverged, batches.parts)


@dataclass(frozen=True)
class _Objective:
    """A loss and an accuracy for Keras, and a function from labels to their targets; None: the labels."""

    loss: Any
    accuracy: Any
    plain: Callable[[IntArray], NDArray[Any]] | None


def _objective_of(batches: Epochs, settings: TrainingSettings, parts: Parts, n_classes: int) -> _Objective:
    """Return the loss and accuracy for the targets of `batches`, and for labels of validation images."""
    if batches.is_taught:
        loss = soft_label_loss(settings.soft_label_temperature)
        return _Objective(loss, label_accuracy(), partial(plain_targets, n_classes=n_classes))
    if parts.label_smoothing:
        return _Objective("categorical_crossentropy", "accuracy", partial(targets_of, n_classes=n_classes))
    return _Objective(PLAIN_LOSS, "accuracy", None)


def predict(
    model: KerasModel, source: Source, *, title: str = "Testing", progress: Progress = NO_PROGRESS
) -> FloatArray:
    """Return the probabilities of the classes for all rows of `source`, shape (n, n_classes), float32."""
    outputs = [np.empty((0, int(model.output_shape[-1])), dtype=np.float32)]
    if len(source) == 0:
        return outputs[0]
    call = compiled(model, source.take(np.zeros(1, dtype=np.int64)).dtype)
    done = 0
    for rows in in_order(source):
        outputs.append(call(source.take(rows)))
        done += len(rows)
        progress.report(done, len(source), f"{title}: images")
    return np.concatenate(outputs)


def in_order(source: Source) -> list[IntArray]:
    """Return all rows of `source` in batches of the size of about 32 images of 256 × 256 pixels."""
    if len(source) == 0:
        return []
    at_once = max(1, min(MOST_ROWS, BATCH_BYTES // source.take(np.zeros(1, dtype=np.int64)).nbytes))
    return np.array_split(np.arange(len(source)), math.ceil(len(source) / at_once))


class _Watch:
    """Records the history and the best weights, and reports progress, so that training can stop at each step."""

    def __init__(
        self,
        model: KerasModel,
        total: int,
        title: str,
        progress: Publisher[Epoch],
        *,
        picks: bool,
        average: AveragedWeights | None = None,
    ) -> None:
        self._model, self._progress = model, progress
        self._picks, self._average = picks, average
        self._title = f"Training {title}: steps"
        self._total = total
        self._done = 0
        self._epoch_started = self._validation_started = 0.0
        self._validation_seconds = 0.0
        self._penalty = 0.0
        self._learning_rate = 0.0
        self._best = (-math.inf, -math.inf)
        self._best_weights: list[NDArray[Any]] = []
        self.best_epoch = 0
        self.history: list[Epoch] = []

    def callback(self) -> Any:
        """Return the Keras callback."""
        keras = import_keras()

        return keras.callbacks.LambdaCallback(
            on_epoch_begin=self._epoch_begins,
            on_epoch_end=self._epoch_ends,
            on_train_batch_end=self._step_ends,
            on_test_begin=self._validation_begins,
            on_test_batch_end=self._batch_ends,
            on_test_end=self._validation_ends,
        )

    def restore_best(self) -> None:
        """Restore the weights of the best epoch."""
        self._model.set_weights(self._best_weights)

    def _epoch_begins(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras' names
        self._epoch_started = time.perf_counter()
        self._validation_seconds = 0.0
        self._learning_rate = float(self._model.optimizer.learning_rate)

    def _step_ends(self, batch: int, logs: Any = None) -> None:
        if self._average is not None:
            self._average.follow()
        self._batch_ends(batch, logs)

    def _batch_ends(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras' names
        self._done = min(self._done + 1, self._total)
        self._progress.report(self._done, self._total, self._title)

    def _validation_begins(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras' names
        self._validation_started = time.perf_counter()
        if self._average is not None:
            self._average.put_in()

    def _validation_ends(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras' names
        # Keras adds it to the loss of validation images, too, where it does not apply.
        self._penalty = sum(float(penalty) for penalty in self._model.losses)
        if self._average is not None:
            self._average.take_out()
        self._validation_seconds = time.perf_counter() - self._validation_started

    def _epoch_ends(self, epoch: int, logs: Mapping[str, float]) -> None:
        result = Epoch(
            number=epoch + 1,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            validation_loss=float(logs.get("val_loss", math.nan)) - self._penalty,
            validation_accuracy=float(logs.get("val_accuracy", math.nan)),
            learning_rate=self._learning_rate,
            seconds=time.perf_counter() - self._epoch_started,
            validation_seconds=self._validation_seconds,
        )
        self.history.append(result)
        if self._is_best(result):
            self.best_epoch = result.number
            self._best_weights = self._model.get_weights() if self._average is None else self._average.weights()
        self._progress.publish(result)

    def _is_best(self, epoch: Epoch) -> bool:
        if not self._picks:
            return True
        if math.isnan(epoch.validation_accuracy):
            return False  # the validation images were not evaluated
        loss = math.inf if math.isnan(epoch.validation_loss) else epoch.validation_loss
        quality = (epoch.validation_accuracy, -loss)
        if self.best_epoch and quality <= self._best:
            return False
        self._best = quality
        return True
