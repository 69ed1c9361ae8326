"""Seeded random weights: an untrained network, for tests and trials that are labelled as such."""

import math
from collections.abc import Sequence

import numpy as np

from coreset_studio.core.features.weight_files import Layer, Tensors, tensors_of
from coreset_studio.core.results import FloatArray
from coreset_studio.core.seeds import generator

UNTRAINED_SEED = 0
_NORM_START = (1.0, 0.0, 0.0, 1.0)  # gamma, beta, moving mean, moving variance


def untrained_tensors(layers: Sequence[Layer], *, seed: int = UNTRAINED_SEED) -> Tensors:
    """Draw a network's weights by He's rule (arXiv 1502.01852); biases are 0 and normalisations do nothing.

    Parameters
    ----------
    layers : sequence of Layer
    seed : int
        >= 0; each layer has a generator of its own, by name.
    """
    return tensors_of([_drawn(layer, seed) for layer in layers])


def _drawn(layer: Layer, seed: int) -> list[FloatArray]:
    if layer.kind == "batch_normalization":
        pairs = zip(layer.shapes, _NORM_START, strict=True)
        return [np.full(shape, value, dtype=np.float32) for shape, value in pairs]
    kernel = layer.shapes[0]
    inputs = math.prod(kernel[:2] if layer.kind == "depthwise_conv2d" else kernel[:3])
    values = generator(seed, "untrained", layer.name).standard_normal(kernel, dtype=np.float32)
    values *= np.float32(math.sqrt(2 / inputs))
    return [values, *(np.zeros(shape, dtype=np.float32) for shape in layer.shapes[1:])]
