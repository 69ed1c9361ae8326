"""Input of a training: sources of images or features, and numbers of epochs, steps and checks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.settings import TrainingSettings, parts_problem


class Source(Protocol):
    """Source of batches: images or features, by row."""

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
    """A source with the class of each row.

    Attributes
    ----------
    source : Source
    labels : ndarray of shape (n,), int64
    teacher : ndarray of shape (n, n_classes), float32, or None
        A teacher's probabilities, for soft labels; a row of zeros where it knows nothing of an image. None: there are
        no soft labels.
    """

    source: Source
    labels: IntArray
    teacher: FloatArray | None = None

    def arrays(self) -> tuple[NDArray[Any], IntArray]:
        """Return what a model takes for every row, and the labels."""
        return self.source.all(), self.labels


def steps_per_epoch(n_images: int, settings: TrainingSettings) -> int:
    """Return the number of batches that an epoch of `n_images` >= 1 images has."""
    return math.ceil(n_images / settings.batch_size)


def n_epochs(n_images: int, settings: TrainingSettings) -> int:
    """Return the number of epochs: as many as set, and enough for the least number of steps."""
    return max(settings.epochs, math.ceil(settings.min_steps / steps_per_epoch(n_images, settings)))


def settings_for(settings: TrainingSettings, n_pool: int) -> TrainingSettings:
    """Return the settings by which any coreset of a pool of `n_pool` images is trained.

    With equal steps none has fewer than the pool has; what the last epoch adds to them is less than an epoch.
    """
    if settings.steps == "falling":
        return settings
    of_pool = settings.epochs * steps_per_epoch(max(1, n_pool), settings)
    return replace(settings, min_steps=max(settings.min_steps, of_pool))


def training_problem(settings: TrainingSettings) -> str:
    """Return why networks cannot be trained as requested; empty where they can."""
    return checks_problem(settings) or parts_problem(settings)


def checks_problem(settings: TrainingSettings) -> str:
    """Return why validation images cannot be evaluated as often as requested; empty if they can."""
    if settings.checks is None or settings.checks <= settings.epochs:
        return ""
    return (
        f"{settings.checks:,} validation checks are set, but there is at most one per epoch: "
        f"{settings.epochs:,} for the largest coreset. Set --checks (“Validation checks”) to at most "
        f"{settings.epochs:,}, or raise --epochs."
    )


def checked_epochs(epochs: int, checks: int | None) -> list[int]:
    """Return the numbers, from 1, of the epochs after which the validation images are evaluated; the last is one."""
    if checks is None:
        return list(range(1, epochs + 1))
    return [epochs * number // checks for number in range(1, checks + 1)]


def batches_of_epoch(n_images: int, settings: TrainingSettings, seed: int, epoch: int) -> list[IntArray]:
    """Return the rows of each batch of one epoch, in an order drawn for that epoch.

    Batches differ by at most one image, so that none is so small that batch normalisation has nothing to go by.
    """
    order = generator(seed, "shuffle", epoch).permutation(n_images)
    return np.array_split(order, steps_per_epoch(n_images, settings))
