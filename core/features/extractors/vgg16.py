"""VGG16 (Simonyan and Zisserman, arXiv 1409.1556): the paper's extractor, flattened, and its averaged variant."""

from typing import Any

import numpy as np

from core.features.extractors.convolutional import loader, resized
from core.features.extractors.description import Compute, Derived, Extractor, Network, WeightSet
from core.features.extractors.engine import import_keras
from core.features.weight_files import Layer, Tensors
from core.results import FloatArray

_SIZE = 224
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
    name="vgg16",
    title="VGG16",
    layers=_layers(),
    known={
        "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd": "the original, trained on ImageNet",
    },
    address="https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    md5="6d6bbae143d832006294945121d1f1fc",
    licence="K. Simonyan and A. Zisserman, University of Oxford, CC BY 4.0",
)

# Keras' "caffe" preprocessing: blue, green, red minus ImageNet's mean of each, not scaled.
NETWORK = Network(weights=WEIGHTS, build=_build, flip_channels=True, scale=1.0, offset=(-103.939, -116.779, -123.68))

EXTRACTOR = Extractor(
    name="vgg16",
    title="VGG16",
    summary="A network trained on photographs, its last pooling layer flattened: the paper's choice.",
    source="Ashraf et al. 2025, 4.1; Simonyan and Zisserman, arXiv 1409.1556",
    blocks={"block5_pool": 7 * 7 * 512},
    version=1,
    prepare=resized(_SIZE),
    load=loader(NETWORK, _SIZE, "flatten", "block5_pool"),
    input_size=_SIZE,
    batch_size=16,
    seconds_per_image=0.1,
    megabytes=1400,
    network=NETWORK,
    licence=WEIGHTS.licence,
)


def _averaged(flattened: FloatArray) -> FloatArray:
    """Average block5_pool, flattened as (row, column, channel), over rows and columns."""
    maps = flattened.reshape(len(flattened), -1, _CHANNELS[-1][-1])
    return np.asarray(maps.mean(axis=1, dtype=np.float32))


def _load_averaged(tensors: Tensors | None) -> Compute:
    # Through the flattened map, so that rows computed and rows derived from the cache are the same to the bit.
    compute = EXTRACTOR.load(tensors)
    return lambda batch: {"block5_pool_average": _averaged(compute(batch)["block5_pool"])}


AVERAGED = Extractor(
    name="vgg16-avg",
    title="VGG16, averaged",
    summary="VGG16's last pooling layer averaged over the image: smaller, and blind to where things are.",
    source="Simonyan and Zisserman, arXiv 1409.1556",
    blocks={"block5_pool_average": 512},
    version=1,
    prepare=resized(_SIZE),
    load=_load_averaged,
    input_size=_SIZE,
    batch_size=16,
    seconds_per_image=0.1,
    megabytes=1400,
    network=NETWORK,
    derived=Derived("vgg16", "block5_pool", _averaged),
    licence=WEIGHTS.licence,
)
