"""The frozen backbone of a network: its features of an image are computed once and stored."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.errors import MissingWeightsError
from coreset_studio.core.estimate import TENSORFLOW_BYTES
from coreset_studio.core.features.backbone import backbones, load_backbone
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_named
from coreset_studio.core.features.weights import weights_used
from coreset_studio.core.memory import memory_for
from coreset_studio.core.progress import NO_PROGRESS, Progress, StepProgress
from coreset_studio.core.results import Dataset, FloatArray, IntArray, WeightsUsed
from coreset_studio.core.row_store import RowStore
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.augmenting import ORIENTATIONS, orient
from coreset_studio.core.training.calling import compiled
from coreset_studio.core.training.layers import KerasModel
from coreset_studio.core.training.network import BackboneChoice, Network
from coreset_studio.core.training.pixels import STORE_VERSION, ImageSource, decoded_ahead
from coreset_studio.core.training.sources import OrientedRows
from coreset_studio.core.training.tuning_costs import tuned_network, tuning_bytes

IMAGES_AT_ONCE = 32
IMAGES_PER_CHUNK = 256
FEATURES_VERSION = 1
# Measured (`benchmarks/memory.py`): the weights while they are loaded, and what Keras makes of the layers.
WEIGHT_COPIES, GRAPH_BYTES = 3, 90_000_000
WITHOUT_TURNS = "turn flips and rotations off (--flips-and-turns off)"


@dataclass(frozen=True)
class Backbone:
    """A frozen backbone with its preprocessing and pooling.

    Attributes
    ----------
    pooled : keras.Model
        From pixels of 0…255, shape (batch, image_size, image_size, 3), to (batch, n_channels).
    weights : WeightsUsed
    body : keras.Model
        From preprocessed pixels to the last map, shape (batch, h, w, n_channels).
    preprocess : callable
        As `core.features.backbone.load_backbone` returns it.
    """

    pooled: KerasModel
    weights: WeightsUsed
    body: KerasModel
    preprocess: Callable[[Any], Any]


def backbone_of(choice: BackboneChoice) -> Backbone:
    """Build the backbone with its weights; the last one built is kept, as runs of a comparison share it.

    Raises
    ------
    MissingWeightsError
        If its weights are missing on this machine; the message states what to do, and names other backbones.
    FeatureError
        If the extractor named is not a convolutional network.
    """
    # By digest too, so that weights imported meanwhile are not taken for those of the stored features.
    digest = backbone_weights(choice).digest
    return _built(choice.extractor, choice.image_size, choice.weights_file, choice.untrained, digest)


def backbone_weights(choice: BackboneChoice) -> WeightsUsed:
    """Return which weights the backbone would use, without building it.

    Raises
    ------
    MissingWeightsError
        If they are missing on this machine; the message states what to do, and names other backbones.
    """
    try:
        return weights_used(choice.extractor, file=choice.weights_file, untrained=choice.untrained)
    except MissingWeightsError as error:
        raise MissingWeightsError(f"{error} {_other_backbones(choice)}") from error


def build_pooled_backbone(backbone: KerasModel, preprocess: Callable[[Any], Any], image_size: int) -> KerasModel:
    """Put preprocessing before a frozen backbone, and average pooling of its whole map and flattening after it.

    Parameters
    ----------
    backbone : keras.Model
        Its output is a convolutional map, (batch, h, w, channels). It is frozen.
    preprocess : callable
        Turns a symbolic tensor of pixels of 0…255 into what the backbone takes, by Keras operations.
    image_size : int

    Returns
    -------
    keras.Model
        Input (batch, image_size, image_size, 3), pixels of 0…255; output (batch, channels).
    """
    keras = import_keras()

    backbone.trainable = False
    pixels = keras.Input((image_size, image_size, 3), name="pixels")
    # Never in training mode: the batch normalisation inside a frozen backbone keeps ImageNet's means.
    x = backbone(preprocess(pixels), training=False)
    return keras.Model(pixels, average_pooled(x), name="pooled_backbone")


def average_pooled(maps: Any) -> Any:
    """Add average pooling of whole maps, a symbolic Keras tensor of shape (batch, h, w, channels), and flattening."""
    layers = import_keras().layers

    x = layers.AveragePooling2D((maps.shape[1], maps.shape[2]), name="average_pooling")(maps)
    return layers.Flatten(name="flatten")(x)


def backbone_features(
    dataset: Dataset,
    indices: IntArray,
    choice: BackboneChoice,
    *,
    cache_folder: Path,
    orientation: int = 0,
    progress: Progress = NO_PROGRESS,
) -> FloatArray:
    """Return the pooled features of images, computing those that the cache lacks.

    Parameters
    ----------
    dataset : Dataset
    indices : ndarray of shape (n,), int64
    choice : BackboneChoice
    cache_folder : Path
    orientation : int
        0 to 7, of the images; see `core.training.augmenting.orient`.
    progress : Progress
        Reported after every batch; results before a stop are kept in chunks.

    Returns
    -------
    ndarray of shape (n, n_channels), float32

    Raises
    ------
    LostImagesError
        If images that the cache lacks can no longer be read as they were scanned; the others are computed and kept.
    MemoryShortError
        If it requires more memory than is available.
    """
    doing = f"Computing {extractor_named(choice.extractor).title} at {choice.image_size} px ({len(indices):,} images)"
    needed = backbone_bytes(choice.extractor, choice.image_size) + feature_bytes(choice.extractor, 0, len(indices))
    with memory_for(doing, needed, _ways):
        return _features(dataset, indices, choice, cache_folder, orientation, progress)


def backbone_bytes(name: str, image_size: int) -> int:
    """Return what a frozen backbone takes at its peak, in bytes: weights and a batch, and TensorFlow if need be.

    Parameters
    ----------
    name : str
        An extractor; the words are empty for one that is not a network.
    image_size : int
    """
    network = extractor_named(name).network
    if network is None:
        return 0
    tensorflow = 0 if "tensorflow" in sys.modules else TENSORFLOW_BYTES
    batch = IMAGES_AT_ONCE * network.bytes_per_pixel * image_size**2
    return tensorflow + GRAPH_BYTES + WEIGHT_COPIES * network.weights.n_bytes + batch


def feature_bytes(name: str, n_trained: int, n_others: int, *, in_all_orientations: bool = False) -> int:
    """Return what features of a frozen backbone take while a network is trained on them, in bytes.

    Parameters
    ----------
    name : str
        An extractor; the words are empty for one that is not a network.
    n_trained, n_others : int
        Training images, and images that are only evaluated.
    in_all_orientations : bool
        Whether those trained on are held in their 8 orientations, too.
    """
    network = extractor_named(name).network
    if network is None:
        return 0
    # In addition to all of them those of one orientation, which are read before they are put in their place.
    turned = (ORIENTATIONS + 1) * n_trained if in_all_orientations else 0
    return 4 * network.n_channels * (n_trained + n_others + turned)


def network_feature_bytes(network: Network, settings: TrainingSettings, n_trained: int, n_others: int) -> int:
    """Return what features take while a network on a frozen backbone is trained, in bytes; 0 of any other network.

    Parameters
    ----------
    network : Network
    settings : TrainingSettings
    n_trained, n_others : int
        Images that are trained on, and those of validation and test.
    """
    choice = network.backbone(settings)
    if choice is None or choice.extractor not in EXTRACTORS:
        return 0
    tuned = tuned_network(network, settings)
    if tuned is not None:
        return tuning_bytes(tuned, settings, n_trained)
    turned = network.parts(settings).flips_and_turns
    return feature_bytes(choice.extractor, n_trained, n_others, in_all_orientations=turned)


def oriented_features(
    dataset: Dataset,
    indices: IntArray,
    choice: BackboneChoice,
    as_they_are: FloatArray,
    *,
    cache_folder: Path,
    progress: Progress = NO_PROGRESS,
) -> OrientedRows:
    """Return the features of images in their 8 orientations, each computed once and kept.

    Parameters
    ----------
    dataset : Dataset
    indices : ndarray of shape (n,), int64
    choice : BackboneChoice
    as_they_are : ndarray of shape (n, n_channels), float32
        Their features from `backbone_features`.
    cache_folder : Path
    progress : Progress

    Raises
    ------
    LostImagesError
        If images that the cache lacks can no longer be read as they were scanned.
    MemoryShortError
        If all orientations together require more memory than is available; nothing is computed then.
    """
    title = extractor_named(choice.extractor).title
    doing = f"Computing {title} at {choice.image_size} px in {ORIENTATIONS} orientations ({len(indices):,} images)"
    held = feature_bytes(choice.extractor, len(indices), 0, in_all_orientations=True) - as_they_are.nbytes
    needed = held + backbone_bytes(choice.extractor, choice.image_size)
    with memory_for(doing, needed, lambda free: [WITHOUT_TURNS, *_ways(free)]):
        values = np.empty((len(as_they_are), ORIENTATIONS, as_they_are.shape[1]), dtype=as_they_are.dtype)
        values[:, 0] = as_they_are
        for orientation in range(1, ORIENTATIONS):
            values[:, orientation] = backbone_features(
                dataset,
                indices,
                choice,
                cache_folder=cache_folder,
                orientation=orientation,
                progress=StepProgress(progress, orientation - 1, ORIENTATIONS - 1),
            )
    return OrientedRows(values, [dataset.images[index].pixels for index in indices])


def _ways(_free: int) -> list[str]:
    return ["use another backbone", "use smaller training images"]


def _features(
    dataset: Dataset,
    indices: IntArray,
    choice: BackboneChoice,
    cache_folder: Path,
    orientation: int,
    progress: Progress,
) -> FloatArray:
    backbone = backbone_of(choice)
    folder = _folder(cache_folder, choice, backbone.weights)
    store = RowStore(folder, int(backbone.pooled.output_shape[-1]), cache_folder)
    keys = row_keys(dataset, indices, orientation)
    if store.missing(keys):
        call = compiled(backbone.pooled, np.dtype(np.uint8))
        compute_missing(
            dataset, indices, choice, call, store, orientation=orientation, at_once=IMAGES_PER_CHUNK, progress=progress
        )
    return np.asarray(store.rows(keys))


def row_keys(dataset: Dataset, indices: IntArray, orientation: int = 0) -> list[str]:
    """Return what is known of images in an orientation, 0 to 7, by content."""
    # As the images are, they have their own hash, as before there were orientations.
    suffix = f"-{orientation}" if orientation else ""
    return [dataset.images[index].pixels + suffix for index in indices]


def compute_missing(
    dataset: Dataset,
    indices: IntArray,
    choice: BackboneChoice,
    call: Callable[[NDArray[Any]], NDArray[Any]],
    store: RowStore,
    *,
    orientation: int = 0,
    at_once: int,
    progress: Progress = NO_PROGRESS,
) -> None:
    """Compute and keep the rows of images that a store lacks, decoding the next batch while this one is computed.

    Parameters
    ----------
    dataset : Dataset
    indices : ndarray of shape (n,), int64
    choice : BackboneChoice
    call : callable
        From pixels, shape (batch, image_size, image_size, 3), uint8, to rows of `store`.
    store : RowStore
    orientation : int
        0 to 7, of the images.
    at_once : int
        >= 1; about this number of rows is written together.
    progress : Progress
        Reported after every batch.

    Raises
    ------
    LostImagesError
        If images can no longer be read as they were scanned; the others are computed and kept.
    """
    of_images = row_keys(dataset, indices, orientation)
    missing = set(store.missing(of_images))
    first = {key: row for row, key in reversed(list(enumerate(of_images))) if key in missing}
    source = ImageSource(dataset, indices[sorted(first.values())], choice.image_size)
    keys = [of_images[row] for row in sorted(first.values())]
    waiting_keys: list[str] = []
    waiting: list[NDArray[Any]] = []
    done = 0
    for rows, pixels in decoded_ahead(source, IMAGES_AT_ONCE):
        done = min(done + IMAGES_AT_ONCE, len(keys))
        if len(rows):
            waiting.append(call(np.ascontiguousarray(orient(pixels, orientation))))
            waiting_keys += [keys[row] for row in rows]
        if waiting_keys and (len(waiting_keys) >= at_once or done == len(keys)):
            store.append(waiting_keys, np.concatenate(waiting))
            waiting_keys, waiting = [], []
        progress.report(done, len(keys), f"Computing {choice.extractor} at {source.size} px: images")
    source.check()


def _folder(cache_folder: Path, choice: BackboneChoice, weights: WeightsUsed) -> Path:
    name = f"{choice.extractor}-{choice.image_size}-{weights.digest[:16]}-v{FEATURES_VERSION}.{STORE_VERSION}"
    return cache_folder / "backbone" / name


@lru_cache(maxsize=1)
def _built(name: str, image_size: int, weights_file: Path | None, untrained: bool, digest: str) -> Backbone:  # noqa: ARG001
    model, preprocess, weights = load_backbone(
        name, image_size=image_size, weights_file=weights_file, untrained=untrained
    )
    return Backbone(build_pooled_backbone(model, preprocess, image_size), weights, model, preprocess)


def _other_backbones(choice: BackboneChoice) -> str:
    others = [EXTRACTORS[other].title for other in backbones() if other != choice.extractor]
    return f"The {choice.words} can also use {' or '.join(others)}: set another backbone."
