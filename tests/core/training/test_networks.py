"""The paper's networks: every parameter in its place, and pixels of 0…255 go in."""

from pathlib import Path

import keras
import numpy as np
import pytest

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.features.backbone import load_backbone
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.architectures.custom.model import build_custom, smallest_image_size
from coreset_studio.core.training.architectures.transfer.model import assemble_transfer, build_transfer_head
from coreset_studio.core.training.backbones import build_pooled_backbone


def n_numbers(weights: list[keras.Variable]) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


def counts(model: keras.Model) -> tuple[int, int, int]:
    return model.count_params(), n_numbers(model.trainable_weights), n_numbers(model.non_trainable_weights)


def test_custom_network_is_listing_1_to_the_digit() -> None:
    model = build_custom(8, TrainingSettings())
    assert counts(model) == (237_504, 237_440, 64)
    shapes = [
        tuple(layer.output.shape[1:])
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer | keras.layers.Rescaling)
    ]
    assert shapes == [
        (254, 254, 32), (127, 127, 32), (127, 127, 32), (125, 125, 16), (62, 62, 16), (62, 62, 16), (60, 60, 8),
        (30, 30, 8), (30, 30, 8), (7200,), (32,), (32,), (32,), (8,),
    ]  # fmt: skip


@pytest.mark.slow
def test_transfer_network_is_listing_2_to_the_digit() -> None:
    backbone, preprocess, weights = load_backbone("resnet101v2", image_size=256, untrained=True)
    assert weights.state == "untrained"
    assert backbone.output_shape == (None, 8, 8, 2048)
    pooled = build_pooled_backbone(backbone, preprocess, 256)
    model = assemble_transfer(pooled, build_transfer_head(2048, 8, TrainingSettings()))
    assert counts(model) == (42_651_144, 20_488, 42_630_656)


def test_what_stands_on_the_backbone_is_counted_as_in_listing_2() -> None:
    assert counts(build_transfer_head(2048, 8, TrainingSettings())) == (8192 + 16392, 20_488, 4096)


@pytest.mark.parametrize(("n_classes", "size"), [(2, 22), (2, 32), (3, 61), (20, 100)])
def test_custom_network_takes_any_number_of_classes_and_size(n_classes: int, size: int) -> None:
    model = build_custom(n_classes, _sized(size))
    probabilities = model(np.full((2, size, size, 3), 100, dtype=np.uint8)).numpy()
    assert probabilities.shape == (2, n_classes)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_too_small_images_are_refused_in_a_sentence() -> None:
    assert smallest_image_size() == 22
    with pytest.raises(TrainingError, match="at least 22"):
        build_custom(8, _sized(21))


def _sized(size: int) -> TrainingSettings:
    settings = TrainingSettings()
    object.__setattr__(settings, "image_size", size)
    return settings


def test_pixels_are_rescaled_inside_the_custom_network() -> None:
    model = build_custom(3, TrainingSettings(image_size=32))
    rescaled = keras.Model(model.input, model.get_layer("rescaling").output)
    pixels = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    pixels[0, 0, 0] = (0, 255, 51)
    np.testing.assert_allclose(rescaled(pixels).numpy()[0, 0, 0], [-1, 1, -0.6], atol=1e-6)


def test_weights_are_seeded() -> None:
    settings = TrainingSettings(image_size=32)
    one, same, other = (build_custom(3, settings, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "official"),
    [
        ("vgg16", keras.applications.vgg16.preprocess_input),
        ("mobilenetv2", keras.applications.mobilenet_v2.preprocess_input),
    ],
)
def test_saved_transfer_network_prepares_pixels_as_keras_does(name: str, official: object, tmp_path: Path) -> None:
    backbone, preprocess, _ = load_backbone(name, image_size=40, untrained=True)
    pooled = build_pooled_backbone(backbone, preprocess, 40)
    model = assemble_transfer(pooled, build_transfer_head(pooled.output_shape[-1], 3, TrainingSettings()))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True, compile=False)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 40, 40, 3), dtype=np.uint8)

    by_hand = backbone(official(pixels.astype(np.float32)), training=False).numpy().mean((1, 2))  # type: ignore[operator]

    np.testing.assert_allclose(pooled(pixels).numpy(), by_hand, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(loaded(pixels).numpy(), model(pixels).numpy(), atol=1e-6)
    assert not backbone.trainable_weights
