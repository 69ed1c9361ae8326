"""Common parts of extractors with a pretrained convolutional network."""

from collections.abc import Callable
from typing import Any, Literal

import cv2
import numpy as np

from coreset_studio.core.features.description import Extractor
from coreset_studio.core.features.engine import import_tensorflow
from coreset_studio.core.features.network import Network
from coreset_studio.core.features.steps import Compute, Pixels, Prepared, Steps
from coreset_studio.core.features.weight_files import Tensors

Pooling = Literal["flatten", "average"]


def resized(size: int) -> Callable[[Pixels], Prepared]:
    """Return the function that resizes an image of any shape to `size` × `size` pixels.

    Shrinking averages over areas, so that no detail is skipped; enlarging interpolates linearly.
    """

    def prepare(rgb: Pixels) -> Prepared:
        height, width = rgb.shape[:2]
        if (height, width) == (size, size):
            return np.ascontiguousarray(rgb)
        how = cv2.INTER_AREA if height >= size and width >= size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(rgb, (size, size), interpolation=how))

    return prepare


def set_tensors(model: Any, tensors: Tensors) -> None:
    """Give a Keras model the weights `tensors`, layer by layer; they fit its architecture."""
    layers = [layer for layer in model.layers if layer.weights]
    for layer, arrays in zip(layers, tensors.layers, strict=True):
        layer.set_weights(list(arrays))


def loader(network: Network, size: int, pooling: Pooling, block: str) -> Callable[[Tensors | None], Compute]:
    """Return an extractor's `load`: the network's last map, flattened or averaged, as the one block `block`."""

    def load(tensors: Tensors | None) -> Compute:
        tf = import_tensorflow()

        if tensors is None:
            raise ValueError(f"{network.weights.name} needs weights")
        model = network.build(size)
        set_tensors(model, tensors)
        model.trainable = False

        # Nothing in it needs AutoGraph, which needs the source and so complains in a frozen program.
        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)], autograph=False
        )
        def forward(pixels: Any) -> Any:
            output = model(network.preprocess(tf.cast(pixels, tf.float32)), training=False)
            if pooling == "average":
                return tf.reduce_mean(output, axis=(1, 2))
            return tf.reshape(output, (tf.shape(output)[0], -1))

        return lambda batch: {block: forward(batch).numpy()}

    return load


def steps(extractor: Extractor, network: Network, pooling: Pooling) -> Steps:
    """Return the code of an extractor of one block: what `network` gives for its squares, flattened or averaged."""
    (block,), size = extractor.blocks, extractor.input_size
    load = loader(network, size, pooling, block)
    return Steps(prepare=resized(size), load=load, weight_set=network.weights, network=network)
