"""Features of new images beside those of the training images."""

import numpy as np
import pytest

from coreset_studio.core.training.drift import drift


def normal(seed: int, n: int, shift: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(0, 1, (n, 3)) + shift).astype(np.float32)


def test_images_of_the_same_kind_lie_outside_about_as_often_as_the_training_images() -> None:
    found = drift(normal(0, 2000), normal(1, 500), normal(2, 500))
    assert found is not None
    assert found.training_images == 2000
    assert found.new.outside == pytest.approx(0.05, abs=0.03)
    assert found.own is not None
    assert found.own.outside == pytest.approx(0.05, abs=0.03)
    assert found.new.mean_distance < 0.1


def test_a_shift_is_told_in_standard_deviations() -> None:
    training = normal(0, 2000)
    found = drift(training, normal(1, 5), normal(2, 500, shift=10.0))
    assert found is not None
    assert found.own is None, "too few test images"
    assert found.new.outside == 1.0
    assert found.new.mean_distance == pytest.approx(10.0, rel=0.05), "√3 · 10 / √3"
    assert "100 % of the images are outside their range, and the means differ by" in found.sentence


@pytest.mark.parametrize(
    ("training", "new"),
    [
        (normal(0, 9), normal(1, 20)),
        (np.ones((20, 3), dtype=np.float32), normal(1, 20)),
        (normal(0, 20), normal(1, 0)),
        (normal(0, 20), np.full((5, 3), np.nan, dtype=np.float32)),
    ],
)
def test_what_tells_nothing_gives_nothing(training: np.ndarray, new: np.ndarray) -> None:
    assert drift(training, normal(3, 20), new) is None
