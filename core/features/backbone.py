"""Any convolutional extractor as a frozen backbone of a network of one's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.convolutional import set_tensors
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_named
from coreset_studio.core.features.weights import load_weights
from coreset_studio.core.results import WeightsUsed


def backbones() -> tuple[str, ...]:
    """Return the names of the extractors that are offered as a backbone."""
    return tuple(name for name, extractor in EXTRACTORS.items() if extractor.backbone)


def load_backbone(
    name: str, *, image_size: int, weights_file: Path | None = None, untrained: bool = False
) -> tuple[Any, Callable[[Any], Any], WeightsUsed]:
    """Build an extractor's network up to its last convolutional map, with its weights, frozen.

    Parameters
    ----------
    name : str
        A convolutional extractor of the registry.
    image_size : int
        >= 32; side of the square input in pixels. ResNet101V2 at 256 gives 8×8×2048.
    weights_file : Path, optional
        Use this file instead of looking for one.
    untrained : bool
        Use seeded random weights.

    Returns
    -------
    model : keras.Model
        From preprocessed pixels, shape (batch, image_size, image_size, 3), to a map, shape (batch, h, w, channels);
        not trainable.
    preprocess : callable
        Turns RGB pixels of 0…255 as float32, a tensor or a symbolic Keras tensor, into what `model` takes. Made of
        Keras operations without weights, so that it can be part of a saved model.
    weights : WeightsUsed

    Raises
    ------
    FeatureError
        If there is no such extractor, it is not a convolutional network, or a plugin's code fails.
    MissingWeightsError
        If its weights are nowhere on this machine.
    WeightsError
        If `weights_file` does not fit.
    """
    extractor = extractor_named(name)
    network = extractor.network
    if network is None:
        raise FeatureError(f"{name} is not a convolutional network; the backbones are {', '.join(backbones())}.")
    tensors, used = load_weights(name, file=weights_file, untrained=untrained)
    with extractor.guard():
        model = network.build(image_size)
        set_tensors(model, tensors)
        model.trainable = False
    return model, extractor.guarded(network.preprocess), used
