"""ResNet101V2 (He et al., arXiv 1603.05027), average-pooled; also the backbone of the paper's transfer network."""

from typing import Any

from coreset_studio.core.features.convolutional import steps
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.features.extractors.resnet101v2 import DESCRIPTION
from coreset_studio.core.features.network import Network, WeightSet
from coreset_studio.core.features.weight_files import Layer

# Inner channels and blocks of each stage (table 1 of He et al., arXiv 1512.03385).
_STAGES = ((64, 3), (128, 4), (256, 23), (512, 3))


def _norm(name: str, width: int) -> Layer:
    return Layer(name, "batch_normalization", ((width,),) * 4)


def _convolution(name: str, side: int, before: int, width: int, *, bias: bool) -> Layer:
    kernel = (side, side, before, width)
    return Layer(name, "conv2d", (kernel, (width,)) if bias else (kernel,))


def _layers() -> tuple[Layer, ...]:
    layers, before = [_convolution("conv1_conv", 7, 3, 64, bias=True)], 64
    for stage, (inner, blocks) in enumerate(_STAGES, start=2):
        for block in range(1, blocks + 1):
            name = f"conv{stage}_block{block}"
            layers += [
                _norm(f"{name}_preact_bn", before),
                _convolution(f"{name}_1_conv", 1, before, inner, bias=False),
                _norm(f"{name}_1_bn", inner),
                _convolution(f"{name}_2_conv", 3, inner, inner, bias=False),
                _norm(f"{name}_2_bn", inner),
            ]
            if block == 1:
                layers.append(_convolution(f"{name}_0_conv", 1, before, 4 * inner, bias=True))
            layers.append(_convolution(f"{name}_3_conv", 1, inner, 4 * inner, bias=True))
            before = 4 * inner
    layers.append(_norm("post_bn", before))
    return tuple(layers)


def _build(image_size: int) -> Any:
    keras = import_keras()

    return keras.applications.ResNet101V2(weights=None, include_top=False, input_shape=(image_size, image_size, 3))


WEIGHTS = WeightSet(
    name=DESCRIPTION.weights,
    title=DESCRIPTION.title,
    layers=_layers(),
    known={},
    address="https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
    "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    md5="c0ed64b8031c3730f411d2eb4eea35b5",
    licence=DESCRIPTION.licence,
)

NETWORK = Network(
    weights=WEIGHTS, build=_build, flip_channels=False, scale=1 / 127.5, offset=(-1.0, -1.0, -1.0), bytes_per_pixel=200,
    last_block="conv5_block1_preact_bn", last_block_strides=(32, 32),
)  # fmt: skip

STEPS = steps(DESCRIPTION, NETWORK, "average")
