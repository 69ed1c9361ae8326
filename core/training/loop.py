"""Fit a Keras model: seeded order of images, progress and cancel at every batch, the best epoch kept."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import CancelledError
from core.features.engine import import_keras, import_tensorflow
from core.progress import NO_PROGRESS, Progress
from core.results import Epoch, FloatArray, IntArray
from core.seeds import generator
from core.settings import TrainingSettings
from core.training.calling import compiled, one_trace_a_network
from core.training.layers import KerasModel

BATCH_BYTES = 32 * 256 * 256 * 3
MOST_ROWS = 1024


class Source(Protocol):
    """What batches are taken from: images or features, by row."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def take(self, rows: IntArray) -> NDArray[Any]:
        """Return what the model takes for `rows`."""

    def all(self) -> NDArray[Any]:
        """Return what the model takes for every row."""


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
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    seconds: float
    diverged: bool


def steps_per_epoch(n_images: int, settings: TrainingSettings) -> int:
    """Return the number of batches that an epoch of `n_images` >= 1 images has."""
    return math.ceil(n_images / settings.batch_size)


def n_epochs(n_images: int, settings: TrainingSettings) -> int:
    """Return the number of epochs: as many as asked, and enough for the least number of steps."""
    return max(settings.epochs, math.ceil(settings.min_steps / steps_per_epoch(n_images, settings)))


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
    several the first. Without validation images it is the last.

    Parameters
    ----------
    model : keras.Model
        Output: probabilities of the classes.
    train : Labelled
        At least one image.
    validation : Labelled or None
    settings : TrainingSettings
        Epochs, steps, batch size and learning rate.
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
    """
    keras = import_keras()

    epochs = n_epochs(len(train.labels), settings)
    steps = steps_per_epoch(len(train.labels), settings)
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, epochs * steps)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    feed = _Feed()
    validation_batches = [] if validation is None else in_order(validation.source)
    watch = _Watch(model, epochs, steps, len(validation_batches), title, progress)
    started = time.perf_counter()
    held_back = None
    if validation is not None and validation_batches:
        held_back = feed.dataset(validation, lambda: validation_batches, len(validation_batches))
    with feed.own_errors(), one_trace_a_network():
        model.fit(
            feed.dataset(train, _Epochs(len(train.labels), settings, seed), steps),
            epochs=epochs,
            validation_data=held_back,
            shuffle=False,
            callbacks=[watch.callback()],
            verbose=0,
        )
    seconds = time.perf_counter() - started
    watch.restore_best()
    return Fit(tuple(watch.history), watch.best_epoch, seconds, any(math.isnan(e.loss) for e in watch.history))


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


class _Epochs:
    """The batches of each epoch in turn; Keras asks once an epoch."""

    def __init__(self, n_images: int, settings: TrainingSettings, seed: int) -> None:
        self._n_images, self._settings, self._seed = n_images, settings, seed
        self._epoch = 0

    def __call__(self) -> list[IntArray]:
        self._epoch += 1
        return batches_of_epoch(self._n_images, self._settings, self._seed, self._epoch)


class _Feed:
    """Hand batches to TensorFlow, which reads the next ones while the network is at work."""

    def __init__(self) -> None:
        self._error: Exception | None = None

    def dataset(self, data: Labelled, batches: Callable[[], Sequence[IntArray]], n_batches: int) -> Any:
        """Return a tf.data.Dataset of the `n_batches` that `batches` says, asked anew for every pass."""
        tf = import_tensorflow()

        def one_pass() -> Iterator[tuple[NDArray[Any], IntArray]]:
            try:
                for rows in batches():
                    yield data.source.take(rows), data.labels[rows]
            except Exception as error:
                self._error = error
                raise

        example = data.source.take(np.zeros(1, dtype=np.int64))
        signature = (
            tf.TensorSpec((None, *example.shape[1:]), example.dtype),
            tf.TensorSpec((None,), tf.int64),
        )
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
        self, model: KerasModel, epochs: int, steps: int, validation_steps: int, title: str, progress: Progress
    ) -> None:
        self._model, self._progress = model, progress
        self._title = f"Training {title}: steps"
        self._total = epochs * (steps + validation_steps)
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
            on_train_batch_end=self._batch_ends,
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

    def _batch_ends(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras' names
        self._done = min(self._done + 1, self._total)
        self._progress.report(self._done, self._total, self._title)

    def _validation_begins(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras' names
        self._validation_started = time.perf_counter()

    def _validation_ends(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras' names
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
            self._best_weights = self._model.get_weights()
        self._progress.publish(result)

    def _is_best(self, epoch: Epoch) -> bool:
        if math.isnan(epoch.validation_accuracy):
            return True
        loss = math.inf if math.isnan(epoch.validation_loss) else epoch.validation_loss
        quality = (epoch.validation_accuracy, -loss)
        if self.best_epoch and quality <= self._best:
            return False
        self._best = quality
        return True
