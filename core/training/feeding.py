"""Batches for Keras, changed by the parts of a recipe."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.errors import CancelledError
from coreset_studio.core.features.engine import import_tensorflow
from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.settings import BACKBONE_PARTS, PIXEL_PARTS, Parts, TrainingSettings
from coreset_studio.core.training.augmenting import orientations_of, pixel_changes
from coreset_studio.core.training.soft_loss import soft_targets
from coreset_studio.core.training.sources import Labelled, OrientedSource, batches_of_epoch


def balanced_weights(labels: IntArray) -> FloatArray:
    """Return the weight of each image, shape (n,), float32: n / (K n_c), with K classes among the images.

    Their mean is 1, and all classes that have images weigh the same.
    """
    counts = np.bincount(labels)
    of_class = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return of_class[labels].astype(np.float32)


def targets_of(labels: IntArray, n_classes: int, smoothing: float = 0.0) -> FloatArray:
    """Return the target probabilities of images, shape (n, n_classes), float32.

    The share `smoothing` of each is spread equally over all classes.
    """
    targets = np.full((len(labels), n_classes), smoothing / n_classes, dtype=np.float32)
    targets[np.arange(len(labels)), labels] += 1 - smoothing
    return targets


class Plain:
    """Unchanged batches, such as of validation images, with labels or with targets in the form of a loss."""

    def __init__(self, data: Labelled, targets: Callable[[IntArray], NDArray[Any]] | None = None) -> None:
        self._data, self._targets = data, targets

    def batch(self, rows: IntArray) -> tuple[NDArray[Any], ...]:
        """Return what the model takes for `rows`, and their labels or targets."""
        labels = self._data.labels[rows]
        return self._data.source.take(rows), labels if self._targets is None else self._targets(labels)

    def example(self) -> tuple[NDArray[Any], ...]:
        """Return a batch of one image, by which TensorFlow knows their kind."""
        return self.batch(np.zeros(1, dtype=np.int64))


class Epochs:
    """The batches of each epoch in turn, changed by the parts of a recipe; Keras requests them once per epoch."""

    def __init__(self, data: Labelled, settings: TrainingSettings, parts: Parts, seed: int, n_classes: int) -> None:
        self._data, self._settings, self._parts, self._seed = data, settings, parts, seed
        self._n_classes = n_classes
        self._weights = balanced_weights(data.labels) if parts.class_weights else None
        one = data.source.take(np.zeros(1, dtype=np.int64))
        is_image = one.ndim == 4 and one.dtype == np.uint8
        self._change = pixel_changes(parts, seed) if is_image else None
        self._teacher = data.teacher if parts.soft_labels else None
        self._turned = data.source if parts.flips_and_turns and isinstance(data.source, OrientedSource) else None
        self._epoch = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that these images can be trained with, as far as batches, loss and optimiser have them."""
        left_out = {*BACKBONE_PARTS, *(() if self._change else PIXEL_PARTS)}
        left_out |= set() if self._turned else {"flips_and_turns"}
        left_out |= set() if self.is_taught else {"soft_labels"}
        return tuple(name for name in self._parts.used() if name not in left_out)

    @property
    def is_taught(self) -> bool:
        """Whether targets are those of `core.training.soft_loss`."""
        return self._teacher is not None

    def __call__(self) -> Iterator[tuple[NDArray[Any], ...]]:
        """Yield the batches of the next epoch."""
        self._epoch += 1
        rows_of = batches_of_epoch(len(self._data.labels), self._settings, self._seed, self._epoch)
        for number, rows in enumerate(rows_of):
            yield self._batch(rows, self._epoch, number)

    def example(self) -> tuple[NDArray[Any], ...]:
        """Return a batch of one image, by which TensorFlow knows their kind."""
        return self._batch(np.zeros(1, dtype=np.int64), 1, 0)

    def _batch(self, rows: IntArray, epoch: int, number: int) -> tuple[NDArray[Any], ...]:
        if self._turned is None:
            inputs = self._data.source.take(rows)
        else:
            keys = [self._turned.keys[row] for row in rows]
            inputs = self._turned.take_oriented(rows, orientations_of(keys, self._seed, epoch))
        if self._change is not None:
            inputs = self._change(inputs, epoch, number)
        targets = self._targets(rows)
        return (inputs, targets) if self._weights is None else (inputs, targets, self._weights[rows])

    def _targets(self, rows: IntArray) -> NDArray[Any]:
        labels, smoothing = self._data.labels[rows], self._parts.label_smoothing
        if self._teacher is not None:
            temperature = self._settings.soft_label_temperature
            return soft_targets(labels, self._teacher[rows], self._parts.soft_labels, temperature)
        return targets_of(labels, self._n_classes, smoothing) if smoothing else labels


class Feed:
    """Hand batches to TensorFlow, which reads the next ones while the network is at work."""

    def __init__(self) -> None:
        self._error: Exception | None = None

    def dataset(
        self,
        batches: Callable[[], Iterable[tuple[NDArray[Any], ...]]],
        example: tuple[NDArray[Any], ...],
        n_batches: int,
    ) -> Any:
        """Return a tf.data.Dataset of the `n_batches` that `batches` gives, called again for every pass.

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
        # Stated explicitly, since Keras would otherwise count the batches of the first pass and warn at the end of it.
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
