"""Inputs of the last block of a backbone: computed once per image, stored on disk, read batch by batch."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.cache import ENVIRONMENT_VARIABLE, cannot_write
from coreset_studio.core.errors import CacheError
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.features.extractors import extractor_named
from coreset_studio.core.memory import memory_for
from coreset_studio.core.progress import NO_PROGRESS, Progress, StepProgress
from coreset_studio.core.results import Dataset, FloatArray, IntArray
from coreset_studio.core.row_store import RowStore
from coreset_studio.core.training.augmenting import ORIENTATIONS
from coreset_studio.core.training.backbones import (
    IMAGES_AT_ONCE,
    IMAGES_PER_CHUNK,
    WITHOUT_TURNS,
    Backbone,
    backbone_bytes,
    backbone_of,
    compute_missing,
    row_keys,
)
from coreset_studio.core.training.calling import compiled
from coreset_studio.core.training.layers import KerasModel
from coreset_studio.core.training.network import BackboneChoice
from coreset_studio.core.training.pixels import DISK_SPARE_BYTES, STORE_VERSION
from coreset_studio.core.training.tuning_costs import WITHOUT_TUNING
from coreset_studio.core.words import byte_size

INPUTS_VERSION = 1
CHUNK_BYTES = 32 * 2**20
"""About how much is collected before it is written to disk."""
LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class DividedBackbone:
    """A frozen backbone, divided into two models; the second takes the output of the first.

    Attributes
    ----------
    before : keras.Model
        From pixels of 0…255, shape (batch, image_size, image_size, 3), to the input of the last block.
    block : keras.Model
        From there to the last map, shape (batch, h, w, n_channels). It shares the weights of the backbone.
    """

    before: KerasModel
    block: KerasModel


def divide(backbone: Backbone, last_block: str) -> DividedBackbone:
    """Divide a backbone before its last block.

    Parameters
    ----------
    backbone : Backbone
    last_block : str
        See `core.features.network.Network`.
    """
    keras = import_keras()

    body = backbone.body
    cut = body.get_layer(last_block).input
    pixels = keras.Input(backbone.pooled.input_shape[1:], name="pixels")
    before = keras.Model(body.input, cut, name="before_last_block")
    maps = before(backbone.preprocess(pixels), training=False)
    return DividedBackbone(keras.Model(pixels, maps), keras.Model(cut, body.output, name="last_block"))


@dataclass(frozen=True)
class StoredMaps:
    """Block inputs on disk, as a `core.training.sources.OrientedSource`; each batch is read on request.

    Attributes
    ----------
    store : RowStore
    keys : sequence of str
        Hash of each row's image.
    shape : tuple of int
        Of a map: (h, w, channels).
    """

    store: RowStore
    keys: Sequence[str]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def part(self, start: int, stop: int) -> "StoredMaps":
        """Return the rows from `start` up to `stop`, without reading them."""
        return replace(self, keys=self.keys[start:stop])

    def take(self, rows: IntArray) -> FloatArray:
        """Return the maps of `rows`, images not turned, shape (len(rows), h, w, channels), float32."""
        return self._read([self.keys[row] for row in rows])

    def take_oriented(self, rows: IntArray, orientations: IntArray) -> FloatArray:
        """Return the maps of `rows`, each image in its own orientation, 0 to 7."""
        of_rows = zip(rows, orientations, strict=True)
        return self._read([self.keys[row] + (f"-{turn}" if turn else "") for row, turn in of_rows])

    def all(self) -> FloatArray:
        """Read the maps of all rows into memory."""
        return self.take(np.arange(len(self)))

    def _read(self, keys: Sequence[str]) -> FloatArray:
        return self.store.rows(keys).reshape(len(keys), *self.shape).astype(np.float32)


def block_inputs(
    dataset: Dataset,
    trained: IntArray,
    others: IntArray,
    choice: BackboneChoice,
    *,
    in_all_orientations: bool,
    cache_folder: Path,
    progress: Progress = NO_PROGRESS,
) -> StoredMaps:
    """Compute the inputs of the last block of a backbone for all images that the cache lacks.

    They are stored as float16 and clipped to its range, ±65,504.

    Parameters
    ----------
    dataset : Dataset
    trained : ndarray of shape (n,), int64
        Training images.
    others : ndarray of shape (m,), int64
        Validation and test images, which are never turned.
    choice : BackboneChoice
        Its description names a last block.
    in_all_orientations : bool
        Whether training images are computed in 8 orientations.
    cache_folder : Path
    progress : Progress
        Reported after every batch; complete chunks are kept when it is cancelled.

    Returns
    -------
    StoredMaps
        n + m rows, in this sequence.

    Raises
    ------
    CacheError
        If there is not enough disk space for what is missing; nothing was computed.
    MemoryShortError
        If there is not enough memory.
    LostImagesError
        If images that the cache lacks can no longer be read as they were scanned; the others are computed and kept.
    """
    network = extractor_named(choice.extractor).network
    if network is None or not network.last_block:
        raise ValueError(f"{choice.extractor} defines no last block")
    backbone = backbone_of(choice)
    before = divide(backbone, network.last_block).before
    shape = tuple(int(side) for side in before.output_shape[1:])
    digest = backbone.weights.digest[:16]
    name = f"{choice.extractor}-{network.last_block}-{choice.image_size}-{digest}-v{INPUTS_VERSION}.{STORE_VERSION}"
    store = RowStore(cache_folder / "backbone" / name, int(np.prod(shape)), cache_folder, np.float16)
    everything = np.concatenate([trained, others]).astype(np.int64)
    passes = [everything, *([trained] * (ORIENTATIONS - 1) if in_all_orientations else [])]
    missing = sum(len(store.missing(row_keys(dataset, indices, turn))) for turn, indices in enumerate(passes))
    maps = StoredMaps(store, row_keys(dataset, everything), shape)
    if not missing:
        return maps
    row_bytes = 2 * store.n_features
    _check_disk(choice, missing * row_bytes, cache_folder, turned=in_all_orientations)
    at_once = max(1, min(IMAGES_PER_CHUNK, CHUNK_BYTES // row_bytes))
    doing = f"Computing inputs of the last block of {extractor_named(choice.extractor).title} at {choice.image_size} px"
    # Batches collected, their concatenation, and one batch of float32.
    held = 2 * (at_once + IMAGES_AT_ONCE) * row_bytes + 2 * IMAGES_AT_ONCE * row_bytes
    needed = backbone_bytes(choice.extractor, choice.image_size) + held
    with memory_for(doing, needed, lambda _free: ["use smaller images", WITHOUT_TUNING]):
        call = _as_float16(compiled(before, np.dtype(np.uint8)), store.n_features)
        for turn, indices in enumerate(passes):
            pass_progress = StepProgress(progress, turn, len(passes))
            compute_missing(
                dataset, indices, choice, call, store, orientation=turn, at_once=at_once, progress=pass_progress
            )  # fmt: skip
    return maps


def _as_float16(call: Callable[[NDArray[Any]], FloatArray], n_features: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return a function from pixels to flat rows of float16."""

    def rows(pixels: NDArray[Any]) -> NDArray[Any]:
        return np.clip(call(pixels), -LARGEST, LARGEST).reshape(len(pixels), n_features).astype(np.float16)

    return rows


def _check_disk(choice: BackboneChoice, n_bytes: int, cache_folder: Path, *, turned: bool) -> None:
    """Refuse to compute more than fits on the disk.

    Raises
    ------
    CacheError
    """
    try:
        cache_folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache_folder).free
    except OSError as error:
        raise cannot_write(cache_folder, error) from error
    if n_bytes + DISK_SPARE_BYTES <= free:
        return
    ways = [
        "Free some space",
        f"set {ENVIRONMENT_VARIABLE} to a folder on another disk",
        "lower --image-size (“Image size in pixels”)",
        *([WITHOUT_TURNS] if turned else []),
    ]
    raise CacheError(
        f"Fine-tuning the {choice.words} needs about {byte_size(n_bytes)} of disk space for the inputs of the last "
        f"block of {extractor_named(choice.extractor).title}, and {byte_size(DISK_SPARE_BYTES)} in reserve, but "
        f"{byte_size(free)} are free in {cache_folder}. {', '.join(ways)} or {WITHOUT_TUNING}."
    )
