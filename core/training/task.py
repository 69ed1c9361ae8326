"""Training tasks: the input and the result of the code of a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.errors import TrainingError
from coreset_studio.core.progress import PartProgress, Progress, Publisher, PublishingProgress
from coreset_studio.core.results import Dataset, Epoch, FloatArray, IntArray, PoolEmbedding, Split, Teacher, WeightsUsed
from coreset_studio.core.settings import TrainingSettings, own_settings, parts_of
from coreset_studio.core.training.device import device_used
from coreset_studio.core.training.layers import KerasModel
from coreset_studio.core.training.loop import Fit, Labelled, Rows, Source, settings_for
from coreset_studio.core.training.network import Network
from coreset_studio.core.training.pixels import MEMORY_BYTES, ImageSource

READ, FITTED = 0.05, 0.97
"""Approximate shares of the time of a training after which its images are read, and its epochs are finished."""


@dataclass(frozen=True)
class Seen:
    """Training data of a network that uses embeddings.

    Attributes
    ----------
    embedding : PoolEmbedding
        Embedding across classes of one extractor.
    strength : float or None
        Strength of the penalty, selected once in the pool; None: the network selects it, if it has one.
    weights : WeightsUsed or None
        Weights of the extractor.
    """

    embedding: PoolEmbedding
    strength: float | None = None
    weights: WeightsUsed | None = None


@dataclass(frozen=True)
class Places:
    """Folders and limits of a training.

    Attributes
    ----------
    cache_folder : Path
        Cache for decoded images and features of a backbone; by default that of the user.
    weights_file : Path or None
        Weight file of the backbone; None: it is searched for.
    memory_bytes : int
        Largest memory of decoded images in bytes.
    """

    cache_folder: Path = field(default_factory=default_cache_folder)
    weights_file: Path | None = None
    memory_bytes: int = MEMORY_BYTES


@dataclass(frozen=True)
class TrainingTask:
    """The training and test data of one network.

    Attributes
    ----------
    dataset : Dataset
    split : Split
        Training images are in the pool; validation images only select the best epoch.
    indices : ndarray of shape (n,), int64
        The coreset: images to train on. Classes without images are predicted as well.
    settings : TrainingSettings
    seed : int
        >= 0; seed of initial weights, dropout and shuffling.
    seen : Seen or None
        Input of a network that sees embeddings.
    places : Places
    cluster_of_test : mapping of int to int, or None
        Cluster of test images within their true class, by index.
    select_seconds : float
        Time to select the coreset.
    teacher : Teacher or None
        Teacher of the pool, for soft labels.
    """

    dataset: Dataset
    split: Split
    indices: IntArray
    settings: TrainingSettings
    seed: int = 0
    seen: Seen | None = None
    places: Places = field(default_factory=Places)
    cluster_of_test: Mapping[int, int] | None = None
    select_seconds: float = 0.0
    teacher: Teacher | None = None


@dataclass(frozen=True)
class RunInput:
    """Input of the code of a network: see `core.training.network.Network`.

    Attributes
    ----------
    network : Network
    task : TrainingTask
    classes : tuple of str
        The classes of the network.
    labels : ndarray of shape (n_images,), int64
        Labels of the images of the dataset as positions in `classes`; −1 for a class that is not used.
    indices : ndarray of shape (n,), int64
        The coreset, ascending, so that the same images give the same network in any sequence.
    progress : Publisher
        Each epoch is published.
    """

    network: Network
    task: TrainingTask
    classes: tuple[str, ...]
    labels: IntArray
    indices: IntArray
    progress: Publisher[Epoch]

    @property
    def dataset(self) -> Dataset:
        """The dataset."""
        return self.task.dataset

    @property
    def split(self) -> Split:
        """Pool, validation and test images."""
        return self.task.split

    @property
    def settings(self) -> TrainingSettings:
        """Training settings, with the minimum number of training steps of a coreset of this pool."""
        return settings_for(self.task.settings, len(self.split.pool))

    @property
    def own(self) -> Any:
        """Own settings of the network; None if it has none."""
        return own_settings(self.task.settings, self.network)

    @property
    def seed(self) -> int:
        """Seed of initial weights, dropout and shuffling, >= 0."""
        return self.task.seed

    def seen(self) -> Seen:
        """Return the embeddings that the network sees.

        Raises
        ------
        TrainingError
            If there are none.
        """
        if self.task.seen is None:
            raise TrainingError(
                f"The {self.network.words} is trained on embeddings across classes, but none were given."
            )
        return self.task.seen

    def training(self) -> Labelled:
        """Return the training data: pixels, held in memory or on disk, or embeddings.

        Raises
        ------
        LostImagesError
            If images can no longer be read as they were scanned.
        TrainingError
            If there are no embeddings, or not of these images.
        """
        return self.labelled(self._held(self.indices))

    def labelled(self, source: Source) -> Labelled:
        """Return images or features of the coreset, with labels and the predictions of a teacher.

        Parameters
        ----------
        source : Source
            Rows of `indices`.
        """
        teacher = self.task.teacher if parts_of(self.settings).soft_labels else None
        taught = None if teacher is None else teacher.targets(self.indices, self.classes)
        return Labelled(source, self.labels[self.indices], taught)

    def validation(self) -> Labelled | None:
        """Return the validation data, to select the best epoch; None without validation images, and for embeddings."""
        indices = self.split.validation
        if self.network.sees_embeddings or len(indices) == 0:
            return None
        return Labelled(self._held(indices), self.labels[indices])

    def test(self) -> Source:
        """Return the test data; pixels are stored on disk if there is space.

        To be called before the training, so that images that can no longer be read are detected before it.

        Raises
        ------
        LostImagesError
            If images can no longer be read as they were scanned.
        TrainingError
            If there are no embeddings, or not of these images.
        """
        return self._held(self.split.test, memory_bytes=0)

    @property
    def reading(self) -> Progress:
        """Progress while images are read, a small part of the whole."""
        return PartProgress(self.progress, 0.0, READ)

    @property
    def fitting(self) -> Publisher[Epoch]:
        """Progress while the network is trained, most of the whole; it publishes each epoch."""
        return PublishingProgress(PartProgress(self.progress, READ, FITTED), self.progress)

    @property
    def testing(self) -> Progress:
        """Progress while the test images are evaluated, the rest."""
        return PartProgress(self.progress, FITTED, 1.0)

    def _held(self, indices: IntArray, memory_bytes: int | None = None) -> Source:
        if self.network.sees_embeddings:
            return Rows(self._embedded(indices))
        source = ImageSource(self.dataset, indices, self.settings.image_size)
        places = self.task.places
        most = places.memory_bytes if memory_bytes is None else memory_bytes
        return source.hold(places.cache_folder, memory_bytes=most, progress=self.reading)

    def _embedded(self, indices: IntArray) -> FloatArray:
        embedding = self.seen().embedding
        places = np.searchsorted(embedding.indices, indices)
        if (places >= len(embedding.indices)).any() or (embedding.indices[places] != indices).any():
            raise TrainingError("The embeddings across classes lack images of this split; compute them again.")
        return np.asarray(embedding.embedding[places])


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Result of the code of a network.

    Attributes
    ----------
    probabilities : ndarray of shape (n_test, n_classes)
        Probabilities of the classes for each test image, float32.
    model : object
        A Keras model from RGB pixels of 0…255, shape (batch, image_size, image_size, 3), to probabilities, which can
        be saved; other objects, or None, are only passed on.
    history : tuple of Epoch
        Empty for a network that is not trained by epochs.
    best_epoch : int
        Number, from 1, of the epoch whose weights were kept; 0 without epochs.
    train_seconds : float or None
        Time of the training, without features and testing; None: the time of the whole call.
    feature_seconds : float
        Time to compute features that were not in the cache.
    device : str
    weights : WeightsUsed or None
        Weights of the backbone or the extractor.
    notes : tuple of str
        Notes to show with the result.
    parts : tuple of str
        The parts of the recipe (`core.settings.recipes.Parts`) that it was trained with.
    """

    probabilities: FloatArray
    model: Any = None
    history: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    train_seconds: float | None = None
    feature_seconds: float = 0.0
    device: str = "CPU"
    weights: WeightsUsed | None = None
    notes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @classmethod
    def of_fit(
        cls,
        model: KerasModel,
        fitted: Fit,
        probabilities: FloatArray,
        *,
        feature_seconds: float = 0.0,
        weights: WeightsUsed | None = None,
    ) -> "Trained":
        """Return the result of `core.training.loop.fit`, with the device that was used."""
        return cls(
            model=model,
            probabilities=probabilities,
            history=fitted.history,
            best_epoch=fitted.best_epoch,
            train_seconds=fitted.seconds,
            feature_seconds=feature_seconds,
            device=device_used(),
            weights=weights,
            notes=("the loss was not a number; lower the learning rate",) if fitted.diverged else (),
            parts=fitted.parts,
        )
