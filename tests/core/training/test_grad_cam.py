"""Grad-CAM: against a gradient known by hand and against differences, on both networks, and Adebayo's sanity check."""

from typing import Any

import numpy as np
import pytest

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.architectures.custom.model import build_custom
from coreset_studio.core.training.architectures.transfer.model import assemble_transfer, build_transfer_head
from coreset_studio.core.training.backbones import build_pooled_backbone
from coreset_studio.core.training.grad_cam import GradCam

SIZE = 8


def linear(weights: np.ndarray, *, separate: bool = False) -> Any:
    """Return a network whose convolution keeps each channel of the image, then averages, then `weights`."""
    keras = import_keras()
    layers = keras.layers
    pixels = keras.Input((SIZE, SIZE, 3))
    convolution = layers.Conv2D(3, 1, use_bias=False)
    x = layers.Flatten()(layers.AveragePooling2D(SIZE)(convolution(pixels)))
    dense = layers.Dense(weights.shape[1], activation=None if separate else "softmax")
    output = layers.Softmax()(dense(x)) if separate else dense(x)
    model = keras.Model(pixels, output)
    convolution.set_weights([np.eye(3, dtype=np.float32)[None, None]])
    dense.set_weights([weights, np.zeros(weights.shape[1], np.float32)])
    return model


WEIGHTS = np.array([[2.0, -1.0], [0.5, 0.25], [-1.0, 3.0]], dtype=np.float32) / 100


@pytest.mark.parametrize("separate", [False, True])
def test_the_map_of_a_linear_network_is_the_one_computed_by_hand(separate: bool) -> None:
    """After an average over Z places, the gradient of y^c by A^k is w_kc / Z at each place, and so is its mean."""
    squares = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)
    found = GradCam(linear(WEIGHTS, separate=separate))(squares, np.tile([0, 1], (5, 1)))
    sums = squares.astype(np.float64) @ WEIGHTS / SIZE**2
    by_hand = np.maximum(sums, 0).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found.maps, by_hand, rtol=1e-5, atol=1e-6)
    scores = squares.reshape(5, -1, 3).mean(axis=1) @ WEIGHTS
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-5)
    best = GradCam(linear(WEIGHTS, separate=separate))(squares)
    rows = np.arange(5)
    np.testing.assert_allclose(best.maps[:, 0], by_hand[rows, expected.argmax(axis=1)], rtol=1e-5, atol=1e-6)


def test_the_map_of_the_custom_network_agrees_with_differences() -> None:
    """The weights α are those of central differences of the score before softmax, channel by channel."""
    keras = import_keras()
    model = build_custom(3, TrainingSettings(image_size=32), seed=2)
    squares = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    maps = np.asarray(keras.Model(model.input, model.get_layer("conv3").output)(squares))
    after = keras.Model(model.get_layer("conv3").output, model.get_layer("norm").output)
    dense = model.get_layer("classes")
    kernel, bias = (np.asarray(one, dtype=np.float64) for one in dense.get_weights())

    def scores(changed: np.ndarray) -> np.ndarray:
        return np.asarray(after(changed), dtype=np.float64) @ kernel + bias

    found = GradCam(model)(squares, np.array([[0, 2], [1, 1]]))
    step = 1e-3
    for row, column, which in ((0, 0, 0), (0, 1, 2), (1, 0, 1)):
        one_each = step * np.eye(maps[row].size, dtype=np.float32).reshape(-1, *maps.shape[1:])
        up, down = scores(maps[row] + one_each), scores(maps[row] - one_each)
        gradient = ((up - down)[:, which] / (2 * step)).reshape(maps.shape[1:])
        alphas = gradient.mean(axis=(0, 1))
        by_differences = np.maximum((maps[row] * alphas).sum(axis=2), 0)
        np.testing.assert_allclose(found.maps[row, column], by_differences, atol=2e-3 * max(1e-3, by_differences.max()))
    np.testing.assert_allclose(found.probabilities, np.asarray(model(squares)), atol=1e-6)


def test_a_map_does_not_depend_on_the_other_images() -> None:
    cam = GradCam(build_custom(3, TrainingSettings(image_size=32), seed=2))
    squares = np.random.default_rng(3).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    together = cam(squares)
    for row in range(4):
        alone = cam(squares[row : row + 1])
        np.testing.assert_allclose(alone.maps[0], together.maps[row], rtol=1e-4, atol=1e-7)
    again = cam(squares)
    np.testing.assert_array_equal(together.maps, again.maps)


def test_the_transfer_network_gives_the_map_of_its_backbone_also_with_shared_layers() -> None:
    keras = import_keras()
    inside = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(inside)
    backbone = keras.Model(inside, keras.layers.Conv2D(5, 3, activation="relu")(x))
    pooled = build_pooled_backbone(backbone, lambda pixels: pixels / 255.0, 32)
    head = build_transfer_head(5, 3, TrainingSettings(image_size=32), seed=1)
    model = assemble_transfer(pooled, head)
    squares = np.random.default_rng(4).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    found = GradCam(model)(squares, np.array([[0], [2]]))
    maps = np.asarray(backbone(squares / np.float32(255.0)))
    norm, dense = model.get_layer("norm"), model.get_layer("classes")
    gamma, _, _, variance = (np.asarray(one) for one in norm.get_weights())
    weights = (gamma / np.sqrt(variance + norm.epsilon))[:, None] * np.asarray(dense.kernel) / np.prod(maps.shape[1:3])
    by_hand = np.maximum(np.stack([maps[0] @ weights[:, 0], maps[1] @ weights[:, 2]]), 0)
    np.testing.assert_allclose(found.maps[:, 0], by_hand, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(found.probabilities, np.asarray(model(squares)), atol=1e-6)


@pytest.mark.slow
def test_the_map_points_at_the_mark_after_training_and_not_before() -> None:
    """Adebayo et al. (2018): a map that explains what was learnt is another one where nothing was learnt."""
    keras = import_keras()
    rng = np.random.default_rng(5)
    n, side = 240, 48
    squares = rng.integers(90, 140, (n, side, side, 3), dtype=np.uint8)
    labels = np.arange(n) % 2
    corners = rng.integers(4, side - 16, (n, 2))
    for row, (top, left) in enumerate(corners):
        colour = (230, 40, 40) if labels[row] else (40, 40, 230)
        squares[row, top : top + 12, left : left + 12] = colour
    settings = TrainingSettings(image_size=side)
    untrained = build_custom(2, settings, seed=7)
    trained = build_custom(2, settings, seed=7)
    trained.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    trained.fit(squares[:200], labels[:200], epochs=25, batch_size=20, verbose=0, shuffle=False)
    test, own = squares[200:], labels[200:, None]
    after, before = GradCam(trained)(test, own), GradCam(untrained)(test, own)
    assert (after.probabilities.argmax(axis=1) == labels[200:]).mean() > 0.9

    def inside(maps: np.ndarray) -> float:
        """Return the mean share of a map inside the mark, of the maps that are not empty."""
        shares = []
        for values, (top, left) in zip(maps[:, 0], corners[200:], strict=True):
            if values.sum() > 0:
                scale = values.shape[0] / side
                rows = slice(int(top * scale), int(np.ceil((top + 12) * scale)))
                columns = slice(int(left * scale), int(np.ceil((left + 12) * scale)))
                shares.append(values[rows, columns].sum() / values.sum())
        return float(np.mean(shares)) if shares else 0.0

    assert inside(after.maps) > 3 * (12 / side) ** 2, "chance is the share of the image that the mark covers"
    assert inside(after.maps) > inside(before.maps)
    correlations = [
        np.corrcoef(one.ravel(), other.ravel())[0, 1]
        for one, other in zip(after.maps[:, 0], before.maps[:, 0], strict=True)
        if one.std() > 0 and other.std() > 0
    ]
    assert len(correlations) >= 30
    assert np.mean(correlations) < 0.85


def test_networks_without_a_map_or_softmax_are_refused() -> None:
    keras = import_keras()
    layers = keras.layers
    flat = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    with pytest.raises(TrainingError, match="has no convolutional map"):
        GradCam(flat)
    sigmoid = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2, activation="sigmoid")]
    )
    with pytest.raises(TrainingError, match="is no softmax"):
        GradCam(sigmoid)
    small = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(2, 8), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    with pytest.raises(TrainingError, match="of a single place"):
        GradCam(small)
