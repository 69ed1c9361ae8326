"""Fit a Keras model: seeded order of images, progress and cancel at every batch, the best epoch kept."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from core.errors import CancelledError, TrainingError
from core.features.engine import import_keras, import_tensorflow
from core.progress import NO_PROGRESS, Progress
from core.results import Epoch, FloatArray, IntArray
from core.seeds import generator
from core.settings import Parts, TrainingSettings, parts_of
from core.training.augmenting import PIXEL_PARTS, orientations_of, pixel_changes
from core.training.averaging import AveragedWeights
from core.training.calling import compiled, one_trace_a_network
from core.training.layers import KerasModel

BATCH_BYTES = 32 * 256 * 256 * 3
MOST_ROWS = 1024
UNDECAYED = ["bias", "gamma", "beta"]


class Source(Protocol):
    """What batches are taken from: images or features, by row."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def take(self, rows: IntArray) -> NDArray[Any]:
        """Return what the model takes for `rows`."""

    def all(self) -> NDArray[Any]:
        """Return what the model takes for every row."""


@runtime_checkable
class OrientedSource(Source, Protocol):
    """A source that has each row in 8 orientations."""

    @property
    def keys(self) -> Sequence[str]:
        """Hash of each row's image."""

    def take_oriented(self, rows: IntArray, orientations: IntArray) -> NDArray[Any]:
        """Return what the model takes for `rows`, each in an orientation of its own, 0 to 7."""


@dataclass(frozen=True)
class Rows:
    """Features in memory, one row an image, as a `Source`."""

    values: FloatArray

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: IntArray) -> FloatArray:
        """Return the features of `rows`."""
        return self.values[rows]

    def all(self) -> FloatArray:
        """Return the features of every row."""
        return self.values


@dataclass(frozen=True)
class OrientedRows:
    """Features in memory of images in 8 orientations, shape (n, 8, n_features), as an `OrientedSource`."""

    values: FloatArray
    keys: Sequence[str]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: IntArray) -> FloatArray:
        """Return the features of `rows` as the images are."""
        return np.asarray(self.values[rows, 0])

    def take_oriented(self, rows: IntArray, orientations: IntArray) -> FloatArray:
        """Return the features of `rows`, each in an orientation of its own."""
        return np.asarray(self.values[rows, orientations])

    def all(self) -> FloatArray:
        """Return the features of every row as the images are."""
        return self.values[:, 0]


@dataclass(frozen=True)
class Labelled:
    """A source with the class of each row, shape (n,), int64."""

    source: Source
    labels: IntArray

    def arrays(self) -> tuple[NDArray[Any], IntArray]:
        """Return what a model takes for every row, and the labels."""
        return self.source.all(), self.labels


@dataclass(frozen=True)
class Fit:
    """What fitting came to; the model holds the weights of `best_epoch`.

    Attributes
    ----------
    history : tuple of Epoch
    best_epoch : int
        Number, from 1, of the epoch whose weights were kept.
    seconds : float
        All epochs, validation included.
    diverged : bool
        Whether the loss was not a number in some epoch.
    parts : tuple of str
        The parts of the recipe (`core.settings.recipes.Parts`) that it was trained with.
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    seconds: float
    diverged: bool
    parts: tuple[str, ...] = ()


def steps_per_epoch(n_images: int, settings: TrainingSettings) -> int:
    """Return the number of batches that an epoch of `n_images` >= 1 images has."""
    return math.ceil(n_images / settings.batch_size)


def n_epochs(n_images: int, settings: TrainingSettings) -> int:
    """Return the number of epochs: as many as asked, and enough for the least number of steps."""
    return max(settings.epochs, math.ceil(settings.min_steps / steps_per_epoch(n_images, settings)))


def settings_for(settings: TrainingSettings, n_pool: int) -> TrainingSettings:
    """Return the settings by which any coreset of a pool of `n_pool` images is trained.

    With equal steps none has fewer than the pool has; what the last epoch adds to them is less than an epoch.
    """
    if settings.steps == "falling":
        return settings
    of_pool = settings.epochs * steps_per_epoch(max(1, n_pool), settings)
    return replace(settings, min_steps=max(settings.min_steps, of_pool))


def checks_problem(settings: TrainingSettings) -> str:
    """Return why validation images cannot be looked at as often as asked for; empty where they can."""
    if settings.checks is None or settings.checks <= settings.epochs:
        return ""
    return (
        f"{settings.checks:,} checks on validation images are asked for, and there is at most one an epoch: "
        f"{settings.epochs:,} for the largest coreset. Set --checks (“Checks on validation images”) to at most "
        f"{settings.epochs:,}, or raise --epochs."
    )


def checked_epochs(epochs: int, checks: int | None) -> list[int]:
    """Return the numbers, from 1, of the epochs after which the validation images are looked at; the last is one."""
    if checks is None:
        return list(range(1, epochs + 1))
    return [epochs * number // checks for number in range(1, checks + 1)]


def batches_of_epoch(n_images: int, settings: TrainingSettings, seed: int, epoch: int) -> list[IntArray]:
    """Return the rows of each batch of one epoch, in an order drawn for that epoch.

    Batches differ by at most one image, so that none is so small that batch normalisation has nothing to go by.
    """
    order = generator(seed, "shuffle", epoch).permutation(n_images)
    return np.array_split(order, steps_per_epoch(n_images, settings))


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and have TensorFlow compute the same numbers every time."""
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
    progress: Progress = NO_PROGRESS,
) -> Fit:
    """Train `model` and leave it with the weights of its best epoch.

    The best epoch has the highest validation accuracy, of several the one with the lowest validation loss, of
    several the first. Without validation images it is the last. Where weights are averaged, the averages are looked at
    and kept.

    Parameters
    ----------
    model : keras.Model
        Output: probabilities of the classes.
    train : Labelled
        At least one image.
    validation : Labelled or None
    settings : TrainingSettings
        Epochs, steps, batch size, learning rate and the parts of the recipe.
    seed : int
        >= 0; of the order of the images.
    title : str
        What is trained, as progress tells it.
    progress : Progress
        Told after every batch, and handed an `Epoch` after every epoch.

    Returns
    -------
    Fit

    Raises
    ------
    CancelledError
        If the user asked to stop, within a batch.
    TrainingError
        If more checks are asked for than there are epochs.
    """
    keras = import_keras()

    problem = checks_problem(settings)
    if problem:
        raise TrainingError(problem)
    parts = parts_of(settings)
    epochs = n_epochs(len(train.labels), settings)
    steps = steps_per_epoch(len(train.labels), settings)
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, epochs * steps)
    n_classes = int(model.output_shape[-1])
    loss = "categorical_crossentropy" if parts.label_smoothing else "sparse_categorical_crossentropy"
    model.compile(_optimizer(schedule, parts), loss, metrics=["accuracy"])
    batches = _Epochs(train, settings, parts, seed, n_classes)
    feed = _Feed()
    validation_batches = [] if validation is None else in_order(validation.source)
    checked = checked_epochs(epochs, settings.checks) if validation_batches else []
    average = AveragedWeights(model, parts.averaged_weights) if parts.averaged_weights else None
    total = epochs * steps + len(checked) * len(validation_batches)
    watch = _Watch(model, total, title, progress, validates=bool(checked), average=average)
    started = time.perf_counter()
    held_back = None
    if validation is not None and validation_batches:
        plain = _Plain(validation, n_classes if parts.label_smoothing else 0)
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
    diverged = any(math.isnan(e.loss) for e in watch.history)
    return Fit(tuple(watch.history), watch.best_epoch, seconds, diverged, batches.parts)


def _optimizer(schedule: Any, parts: Parts) -> Any:
    """Return Adam, or AdamW where weights decay: kernels alone, as is usual."""
    keras = import_keras()

    if not parts.weight_decay:
        return keras.optimizers.Adam(schedule)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=parts.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=UNDECAYED)
    return optimizer


def balanced_weights(labels: IntArray) -> FloatArray:
    """Return the weight of each image, shape (n,), float32: n / (K n_c), with K classes among the images.

    Their mean is 1, and all classes that have images weigh the same.
    """
    counts = np.bincount(labels)
    of_class = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return of_class[labels].astype(np.float32)


def targets_of(labels: IntArray, n_classes: int, smoothing: float = 0.0) -> FloatArray:
    """Return the target probabilities of images, shape (n, n_classes), float32.

    The share `smoothing` of each is spread over all classes alike.
    """
    targets = np.full((len(labels), n_classes), smoothing / n_classes, dtype=np.float32)
    targets[np.arange(len(labels)), labels] += 1 - smoothing
    return targets


def predict(
    model: KerasModel, source: Source, *, title: str = "Testing", progress: Progress = NO_PROGRESS
) -> FloatArray:
    """Return the probabilities of the classes for every row of `source`, shape (n, n_classes), float32."""
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
    """Return all rows of `source` in batches of about the size of 32 images of 256 pixels."""
    if len(source) == 0:
        return []
    at_once = max(1, min(MOST_ROWS, BATCH_BYTES // source.take(np.zeros(1, dtype=np.int64)).nbytes))
    return np.array_split(np.arange(len(source)), math.ceil(len(source) / at_once))


class _Plain:
    """Batches as they are, such as of validation images: with labels, or with targets of `n_targets` classes."""

    def __init__(self, data: Labelled, n_targets: int = 0) -> None:
        self._data, self._n_targets = data, n_targets

    def batch(self, rows: IntArray) -> tuple[NDArray[Any], ...]:
        labels = self._data.labels[rows]
        return self._data.source.take(rows), targets_of(labels, self._n_targets) if self._n_targets else labels

    def example(self) -> tuple[NDArray[Any], ...]:
        return self.batch(np.zeros(1, dtype=np.int64))


class _Epochs:
    """The batches of each epoch in turn, changed as the parts of a recipe say; Keras asks once an epoch."""

    def __init__(self, data: Labelled, settings: TrainingSettings, parts: Parts, seed: int, n_classes: int) -> None:
        self._data, self._settings, self._parts, self._seed = data, settings, parts, seed
        self._n_classes = n_classes
        self._weights = balanced_weights(data.labels) if parts.class_weights else None
        one = data.source.take(np.zeros(1, dtype=np.int64))
        is_image = one.ndim == 4 and one.dtype == np.uint8
        self._change = pixel_changes(parts, seed) if is_image else None
        self._turned = data.source if parts.flips_and_turns and isinstance(data.source, OrientedSource) else None
        self._epoch = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that these images can be trained with."""
        left_out = {*(() if self._change else PIXEL_PARTS), *(() if self._turned else ("flips_and_turns",))}
        return tuple(name for name in self._parts.used() if name not in left_out)

    def __call__(self) -> Iterator[tuple[NDArray[Any], ...]]:
        self._epoch += 1
        rows_of = batches_of_epoch(len(self._data.labels), self._settings, self._seed, self._epoch)
        for number, rows in enumerate(rows_of):
            yield self._batch(rows, self._epoch, number)

    def example(self) -> tuple[NDArray[Any], ...]:
        return self._batch(np.zeros(1, dtype=np.int64), 1, 0)

    def _batch(self, rows: IntArray, epoch: int, number: int) -> tuple[NDArray[Any], ...]:
        if self._turned is None:
            inputs = self._data.source.take(rows)
        else:
            keys = [self._turned.keys[row] for row in rows]
            inputs = self._turned.take_oriented(rows, orientations_of(keys, self._seed, epoch))
        if self._change is not None:
            inputs = self._change(inputs, epoch, number)
        labels = self._data.labels[rows]
        smoothing = self._parts.label_smoothing
        targets = targets_of(labels, self._n_classes, smoothing) if smoothing else labels
        return (inputs, targets) if self._weights is None else (inputs, targets, self._weights[rows])


class _Feed:
    """Hand batches to TensorFlow, which reads the next ones while the network is at work."""

    def __init__(self) -> None:
        self._error: Exception | None = None

    def dataset(
        self,
        batches: Callable[[], Iterable[tuple[NDArray[Any], ...]]],
        example: tuple[NDArray[Any], ...],
        n_batches: int,
    ) -> Any:
        """Return a tf.data.Dataset of the `n_batches` that `batches` gives, asked anew for every pass.

        `example` is one of them, by which TensorFlow knows their kind.
        """
        tf = import_tensorflow()

        def one_pass() -> Iterator[tuple[NDArray[Any], ...]]:
            try:
                yield from batches()
            except Exception as error:
                self._error = error
                raise

        signature = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in example)
        made = tf.data.Dataset.from_generator(one_pass, output_signature=signature)
        # Said aloud, since Keras would otherwise count the batches of the first pass and warn at the end of it.
        return made.apply(tf.data.experimental.assert_cardinality(n_batches)).prefetch(2)

    @contextmanager
    def own_errors(self) -> Iterator[None]:
        """Raise what went wrong while a batch was read as it was, and not as TensorFlow wraps it."""
        try:
            yield
        except Exception as error:
            if self._error is not None and not isinstance(error, CancelledError):
                raise self._error from None
            raise


class _Watch:
    """Keep the history and the best weights, and tell progress; every step is a chance to stop."""

    def __init__(
        self,
        model: KerasModel,
        total: int,
        title: str,
        progress: Progress,
        *,
        validates: bool,
        average: AveragedWeights | None = None,
    ) -> None:
        self._model, self._progress = model, progress
        self._validates, self._average = validates, average
        self._title = f"Training {title}: steps"
        self._total = total
        self._done = 0
        self._epoch_started = self._validation_started = 0.0
        self._validation_seconds = 0.0
        self._learning_rate = 0.0
        self._best = (-math.inf, -math.inf)
        self._best_weights: list[NDArray[Any]] = []
        self.best_epoch = 0
        self.history: list[Epoch] = []

    def callback(self) -> Any:
        """Return the one Keras callback."""
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
        """Give the model the weights of its best epoch."""
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
        if self._average is not None:
            self._average.take_out()
        self._validation_seconds = time.perf_counter() - self._validation_started

    def _epoch_ends(self, epoch: int, logs: Mapping[str, float]) -> None:
        result = Epoch(
            number=epoch + 1,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            validation_loss=float(logs.get("val_loss", math.nan)),
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
        if math.isnan(epoch.validation_accuracy):
            # Without validation images the last one; with them, one after which they were not looked at is none.
            return not self._validates
        loss = math.inf if math.isnan(epoch.validation_loss) else epoch.validation_loss
        quality = (epoch.validation_accuracy, -loss)
        if self.best_epoch and quality <= self._best:
            return False
        self._best = quality
        return True
