"""VGG16 (Simonyan and Zisserman, arXiv 1409.1556): the paper's extractor, flattened, and its averaged variant."""

from typing import Any

import numpy as np

from coreset_studio.core.features.convolutional import steps
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.features.extractors.vgg16 import AVERAGED, FLATTENED
from coreset_studio.core.features.network import Network, WeightSet
from coreset_studio.core.features.steps import Compute, Steps
from coreset_studio.core.features.weight_files import Layer, Tensors
from coreset_studio.core.results import FloatArray

_CHANNELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def _layers() -> tuple[Layer, ...]:
    layers, before = [], 3
    for block, widths in enumerate(_CHANNELS, start=1):
        for position, width in enumerate(widths, start=1):
            layers.append(Layer(f"block{block}_conv{position}", "conv2d", ((3, 3, before, width), (width,))))
            before = width
    return tuple(layers)


def _build(image_size: int) -> Any:
    keras = import_keras()

    return keras.applications.VGG16(weights=None, include_top=False, input_shape=(image_size, image_size, 3))


WEIGHTS = WeightSet(
    name=FLATTENED.weights,
    title=FLATTENED.title,
    layers=_layers(),
    known={
        "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd": "the original, trained on ImageNet",
    },
    address="https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    md5="6d6bbae143d832006294945121d1f1fc",
    licence=FLATTENED.licence,
)

# Keras' "caffe" preprocessing: blue, green, red minus ImageNet's mean of each, not scaled.
NETWORK = Network(
    weights=WEIGHTS, build=_build, flip_channels=True, scale=1.0, offset=(-103.939, -116.779, -123.68),
    last_block="block5_conv1", last_block_strides=(16, 16),
)  # fmt: skip

FLATTENED_STEPS = steps(FLATTENED, NETWORK, "flatten")

(_FLATTENED_BLOCK,), (_BLOCK,) = FLATTENED.blocks, AVERAGED.blocks


def _averaged(flattened: FloatArray) -> FloatArray:
    """Average block5_pool, flattened as (row, column, channel), over rows and columns."""
    maps = flattened.reshape(len(flattened), -1, _CHANNELS[-1][-1])
    return np.asarray(maps.mean(axis=1, dtype=np.float32))


def _load_averaged(tensors: Tensors | None) -> Compute:
    # Through the flattened map, so that rows computed and rows derived from the cache are the same to the bit.
    compute = FLATTENED_STEPS.load(tensors)
    return lambda batch: {_BLOCK: _averaged(compute(batch)[_FLATTENED_BLOCK])}


AVERAGED_STEPS = Steps(
    prepare=FLATTENED_STEPS.prepare, load=_load_averaged, weight_set=WEIGHTS, network=NETWORK, derive=_averaged
)
