"""Training and evaluation of the custom network, beside plain Keras on the same images."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.extraction import first_images
from coreset_studio.core.data.images import read_image
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.architectures.custom.model import build_custom
from coreset_studio.core.training.loop import Labelled, fit, make_deterministic, predict
from coreset_studio.core.training.pixels import ImageSource

EPOCHS, BATCH = 4, 32
Pair = tuple[float, float]


def settings_of(size: int) -> TrainingSettings:
    return TrainingSettings(image_size=size, epochs=EPOCHS, batch_size=BATCH, min_steps=1)


def training(dataset: Dataset, place: Path, n: int, size: int, repeat: int) -> Iterator[Pair]:
    """Yield seconds of training on n images from files, and of Keras `fit` over `image_dataset_from_directory`.

    Both read their images from files at the start and train the same network for the same number of steps. Ours decodes
    once into an empty cache; Keras decodes in each epoch, and its own pipeline decodes ahead on all processors.
    """
    keras = import_keras()
    chosen = first_images(dataset, n)
    folder = place / f"training {size}"
    classes = written(chosen, folder)
    for number in range(-1, repeat):  # the first, which traces and warms, does not count
        model = fresh(len(classes), size)
        started = time.perf_counter()
        files = keras.utils.image_dataset_from_directory(
            folder, image_size=(size, size), batch_size=BATCH, verbose=False
        )
        plain(model, files)
        bare = time.perf_counter() - started
        model = fresh(len(classes), size)
        started = time.perf_counter()
        source = ImageSource(chosen, np.arange(n), size).hold(place / f"pixels {size} {number}")
        fit(model, Labelled(source, chosen.labels), None, settings_of(size), seed=0, title="custom network")
        ours = time.perf_counter() - started
        if number >= 0:
            yield ours, bare


def limit(dataset: Dataset, n: int, size: int, repeat: int) -> Iterator[Pair]:
    """Yield seconds of training on decoded images, and of Keras `fit` on arrays in memory: nothing but the network."""
    chosen = first_images(dataset, n)
    source = Held(decoded(chosen, size))
    labels = chosen.labels
    for number in range(-1, repeat):
        model = fresh(len(chosen.classes), size)
        started = time.perf_counter()
        plain(model, source.pixels, labels)
        bare = time.perf_counter() - started
        model = fresh(len(chosen.classes), size)
        started = time.perf_counter()
        fit(model, Labelled(source, labels), None, settings_of(size), seed=0, title="custom network")
        ours = time.perf_counter() - started
        if number >= 0:
            yield ours, bare


def evaluation(dataset: Dataset, n: int, size: int, repeat: int) -> Iterator[Pair]:
    """Yield seconds to predict n decoded images, and those of `model.predict` with the batch size that it has."""
    chosen = first_images(dataset, n)
    source = Held(decoded(chosen, size))
    model = fresh(len(chosen.classes), size)
    for number in range(-1, repeat):
        started = time.perf_counter()
        expected = model.predict(source.pixels, verbose=0)
        bare = time.perf_counter() - started
        started = time.perf_counter()
        found = predict(model, source)
        ours = time.perf_counter() - started
        np.testing.assert_allclose(found, expected, atol=1e-4)
        if number >= 0:
            yield ours, bare


class Held:
    """Decoded images in memory."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: np.ndarray) -> np.ndarray:
        return self.pixels[rows]

    def all(self) -> np.ndarray:
        return self.pixels


def decoded(dataset: Dataset, size: int) -> np.ndarray:
    return ImageSource(dataset, np.arange(len(dataset.images)), size).all()


def written(dataset: Dataset, folder: Path) -> tuple[str, ...]:
    """Write the images as JPEG in class folders, all at their own size, and return the classes that have any."""
    for number, image in enumerate(dataset.images):
        (folder / image.class_name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(read_image(dataset, number)).save(folder / image.class_name / f"{number:06d}.jpg", quality=95)
    return tuple(sorted({image.class_name for image in dataset.images}))


def fresh(n_classes: int, size: int) -> Any:
    make_deterministic(0)
    return build_custom(n_classes, settings_of(size))


def plain(model: Any, *data: Any) -> None:
    """Train with Keras alone."""
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    batch = {"batch_size": BATCH} if len(data) > 1 else {}
    model.fit(*data, epochs=EPOCHS, verbose=0, **batch)
