"""Stain jitter: what it does to pixels, beside a plain computation of the same."""

import math

import numpy as np
import pytest

from coreset_studio.core.seeds import generator
from coreset_studio.core.settings import Parts
from coreset_studio.core.training.augmenting import pixel_changes
from coreset_studio.core.training.staining import STAINS, jitter_stains


def images(n: int = 3, side: int = 5) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, side, side, 3)).astype(np.uint8)


def by_hand(pixel: np.ndarray, factors: np.ndarray, added: np.ndarray) -> list[int]:
    """Separate one pixel into stains, change their amounts, and mix them again."""
    densities = [-math.log10((int(value) + 1) / 256) for value in pixel]
    inverse = np.linalg.inv(STAINS)
    stains = [sum(densities[c] * inverse[c, s] for c in range(3)) for s in range(3)]
    stains = [stain * factors[s] + added[s] for s, stain in enumerate(stains)]
    mixed = [sum(stains[s] * STAINS[s, c] for s in range(3)) for c in range(3)]
    return [min(255, max(0, round(256 * 10 ** (-density) - 1))) for density in mixed]


@pytest.mark.parametrize("amount", [0.05, 0.5])
def test_the_amounts_of_stains_change_by_the_formula(amount: float) -> None:
    before = images()
    changed = jitter_stains(before, amount, generator(7))
    drawn = generator(7).uniform(-amount, amount, (3, 2, 3))
    for number, image in enumerate(before):
        expected = [[by_hand(pixel, 1 + drawn[number, 0], drawn[number, 1]) for pixel in row] for row in image]
        # Float32 may fall to the other side where a value lies half-way between two levels.
        assert np.abs(changed[number].astype(int) - np.array(expected)).max() <= 1
        assert (changed[number] == np.array(expected)).mean() > 0.95
    assert not np.array_equal(changed, before)
    assert np.array_equal(before, images())


def test_a_stain_alone_moves_along_its_own_colour() -> None:
    # A pixel of haematoxylin alone: more of it, and no other stain, whatever is drawn of these as a factor.
    densities = 0.8 * STAINS[0]
    pixel = np.rint(256 * 10.0**-densities - 1).astype(np.uint8)

    class OnlyFactors:
        def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
            drawn = np.zeros(shape)
            drawn[:, 0] = (0.25, -0.25, 0.25)
            return drawn

    changed = jitter_stains(pixel.reshape(1, 1, 1, 3), 0.25, OnlyFactors())[0, 0, 0]  # type: ignore[arg-type]
    assert np.abs(changed - (256 * 10 ** (-1.25 * densities) - 1)).max() <= 1.5


def test_no_amount_changes_nothing_and_what_is_drawn_follows_seed_epoch_and_batch() -> None:
    before = images(40, 4)
    assert np.array_equal(jitter_stains(before, 0.0, generator(0)), before)
    change = pixel_changes(Parts(stain_jitter=0.1), 3)
    assert change is not None
    changed = change(before, 1, 0)
    assert (changed.shape, changed.dtype) == (before.shape, np.uint8)
    assert np.array_equal(changed, change(before, 1, 0))
    for other in ((1, 1), (2, 0)):
        assert not np.array_equal(changed, change(before, *other))
    # Each image of a batch is stained in a way of its own.
    same = np.repeat(before[:1], 2, axis=0)
    one, another = change(same, 1, 0)
    assert not np.array_equal(one, another)
