"""Data that a model bundle keeps of the images used to train and test its network: features and digests."""

import io
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.errors import ExportError, LostImagesError
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.files import reason_of
from coreset_studio.core.output.placing import hash_file
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import check_member, open_regular
from coreset_studio.core.results import Dataset, FloatArray, IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.training.calling import compiled
from coreset_studio.core.training.pixels import ImageSource, Pixels, decoded_ahead

FEATURES_NAME = "features.npz"
MOST_IMAGES = 200
"""Training images, and test images, whose features are kept."""
LARGEST_FEATURES = 1 << 30
_BATCH = 32

Both = Callable[[Pixels], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class KnownImages:
    """The images that a network knows.

    Attributes
    ----------
    training, test : ndarray of shape (n, n_features), float32
        The network's features, which its last layer takes, of at most `MOST_IMAGES` images each.
    trained_on : ndarray of shape (n,), bytes
        Digest of the pixels of every training image.
    """

    training: FloatArray
    test: FloatArray
    trained_on: np.ndarray

    def __post_init__(self) -> None:
        for name in ("training", "test"):
            array = getattr(self, name)
            if array.dtype.kind != "f" or array.ndim != 2:
                raise ValueError(f"its {name} features are {array.dtype} of shape {array.shape}")
        if self.training.shape[1] != self.test.shape[1]:
            raise ValueError("its features are of different lengths")
        if self.trained_on.dtype.kind != "S" or self.trained_on.ndim != 1:
            raise ValueError(f"its digests are {self.trained_on.dtype} of shape {self.trained_on.shape}")


def with_features(model: Any) -> Both | None:
    """Return a function from a batch of pixels to probabilities and features; None for a model without features.

    The features of an image are what the last layer of the network takes.
    """
    try:
        try:
            both = _joined(model)
        except ValueError:
            # The layers of the transfer network's head belong to another model, too, and are found with their place in
            # that one; those of a copy have one place.
            copy = import_keras().models.clone_model(model)
            copy.set_weights(model.get_weights())
            both = _joined(copy)
        n_classes = int(model.outputs[0].shape[-1])
    except (AttributeError, IndexError, TypeError, ValueError):  # not made of layers that follow each other
        return None
    if both is None:
        return None
    call = compiled(both, np.dtype(np.uint8))

    def split(batch: Pixels) -> tuple[FloatArray, FloatArray]:
        found = call(batch)
        return found[:, :n_classes], found[:, n_classes:]

    return split


def _joined(model: Any) -> Any:
    """Return a model whose output is that of `model` with what its last layer takes behind it; None for no vector.

    Raises
    ------
    ValueError
        If that layer is found with another input than in this model.
    """
    keras = import_keras()
    taken = model.layers[-1].input
    if len(taken.shape) != 2:
        return None
    return keras.Model(model.inputs, keras.layers.Concatenate()([model.outputs[0], taken]))


def known_images(
    model: Any,
    dataset: Dataset,
    training: IntArray,
    test: IntArray,
    image_size: int,
    cache_folder: Path,
    progress: Progress = NO_PROGRESS,
) -> KnownImages | None:
    """Compute what a bundle keeps of the images of its training; None for a model without features.

    Images that can no longer be read are left out.
    """
    both = with_features(model)
    if both is None:
        return None
    found: list[FloatArray] = []
    chosen = [_some(training, "training"), _some(test, "test")]
    for indices in chosen:
        source = ImageSource(dataset, indices, image_size)
        if len(indices):
            try:
                source.hold(cache_folder, memory_bytes=0)
            except LostImagesError:
                source = ImageSource(dataset, indices, image_size)
        rows = []
        for _, squares in decoded_ahead(source, _BATCH):
            if len(squares):
                rows.append(both(squares)[1])
            progress.report(0, 1, "Saving the network: images")
        width = rows[0].shape[1] if rows else (found[0].shape[1] if found else 0)
        found.append(np.concatenate(rows) if rows else np.zeros((0, width), dtype=np.float32))
    digests = np.array(sorted({dataset.images[index].pixels for index in training.tolist()}), dtype="S")
    return KnownImages(found[0], found[1], digests) if found[0].shape[1] else None


def write_known(folder: Path, known: KnownImages) -> str:
    """Write what is known into the folder of a bundle, and return the SHA-256 of the file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    stream = io.BytesIO()
    np.savez_compressed(stream, **{each.name: getattr(known, each.name) for each in fields(KnownImages)})
    file = folder / FEATURES_NAME
    file.write_bytes(stream.getvalue())
    return hash_file(file)[0]


def read_known(folder: Path, sha256: str) -> KnownImages | None:
    """Return what a bundle keeps of the images of its training; None for one without.

    Raises
    ------
    ExportError
        If the file was changed or cannot be read.
    """
    if not sha256:
        return None
    file = folder / FEATURES_NAME
    try:
        found = hash_file(file)[0]
    except OSError as error:
        raise ExportError(f"{file} cannot be read ({reason_of(error)}).") from error
    if found != sha256:
        raise ExportError(f"{file} is not the file that the bundle was written with; it was changed or cut short.")
    try:
        with open_regular(file) as stream, np.load(stream, allow_pickle=False) as archive:
            for member in archive.zip.infolist():
                check_member(archive.zip, member, LARGEST_FEATURES)
            return KnownImages(**{each.name: archive[each.name] for each in fields(KnownImages)})
    except Exception as error:  # NumPy raises nearly any exception on damaged arrays
        what = " ".join(str(error).split()) or type(error).__name__
        raise ExportError(f"{file} cannot be read ({what}).") from error


def _some(indices: IntArray, purpose: str) -> IntArray:
    if len(indices) <= MOST_IMAGES:
        return np.sort(indices)
    return np.sort(generator(0, "bundle features", purpose).choice(indices, MOST_IMAGES, replace=False))
