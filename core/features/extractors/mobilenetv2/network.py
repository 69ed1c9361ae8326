"""MobileNetV2 at width 1.0 (Sandler et al., CVPR 2018, arXiv 1801.04381), average-pooled."""

from typing import Any

from coreset_studio.core.features.convolutional import steps
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.features.extractors.mobilenetv2 import DESCRIPTION
from coreset_studio.core.features.network import Network, WeightSet
from coreset_studio.core.features.weight_files import Layer

# Expansion, channels out and repetitions of each stage (table 2 of the paper).
_STAGES = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))


def _convolution(name: str, norm: str, side: int, before: int, width: int) -> list[Layer]:
    return [Layer(name, "conv2d", ((side, side, before, width),)), _norm(norm, width)]


def _norm(name: str, width: int) -> Layer:
    return Layer(name, "batch_normalization", ((width,),) * 4)


def _layers() -> tuple[Layer, ...]:
    layers = _convolution("Conv1", "bn_Conv1", 3, 3, 32)
    before, block = 32, 0
    for expansion, width, repetitions in _STAGES:
        for _ in range(repetitions):
            name = f"block_{block}" if block else "expanded_conv"
            inner = before * expansion
            if block:
                layers += _convolution(f"{name}_expand", f"{name}_expand_BN", 1, before, inner)
            layers.append(Layer(f"{name}_depthwise", "depthwise_conv2d", ((3, 3, inner, 1),)))
            layers.append(_norm(f"{name}_depthwise_BN", inner))
            layers += _convolution(f"{name}_project", f"{name}_project_BN", 1, inner, width)
            before, block = width, block + 1
    layers += _convolution("Conv_1", "Conv_1_bn", 1, before, 1280)
    return tuple(layers)


def _build(image_size: int) -> Any:
    keras = import_keras()

    # Only for 96, 128, 160, 192 and 224 px does Keras not warn, and only about weights that we do not let it fetch.
    return keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(image_size, image_size, 3))


WEIGHTS = WeightSet(
    name=DESCRIPTION.weights,
    title=DESCRIPTION.title,
    layers=_layers(),
    known={
        "54dce3c7c7ccd97485398392bdb66ddb9adf062fec8438adbe4fdf275ec7da89": (
            "trained on ImageNet, stored in 8 bits and converted to float; normalisation folded into the convolutions"
        ),
    },
    address="https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    md5="",
    licence=DESCRIPTION.licence,
)

# The last block: the stages of 160 and 320 channels, at the last resolution, and the convolution after them.
NETWORK = Network(
    weights=WEIGHTS, build=_build, flip_channels=False, scale=1 / 127.5, offset=(-1.0, -1.0, -1.0), bytes_per_pixel=330,
    last_block="block_13_expand", last_block_strides=(16, 32),
)  # fmt: skip

STEPS = steps(DESCRIPTION, NETWORK, "average")
