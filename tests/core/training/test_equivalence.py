"""Two one-sided tests of a paired loss, against SciPy's t-tests."""

import numpy as np
import pytest
from scipy import stats

from coreset_studio.core.training.equivalence import paired_loss


def answers(n: int, worse: float, better: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    kind = rng.random(n)
    everything = np.where(kind < worse, True, np.where(kind < worse + better, False, rng.random(n) < 0.9))
    right = np.where(kind < worse, False, np.where(kind < worse + better, True, everything))
    return right.astype(bool), everything.astype(bool)


def test_the_interval_is_inside_the_margin_exactly_if_both_one_sided_tests_reject() -> None:
    outcomes = set()
    for seed in range(30):
        right, everything = answers(400, 0.03, 0.02, seed)
        found = paired_loss(right, everything, np.arange(400))
        difference = everything.astype(float) - right
        for margin in (0.01, 0.02, 0.03, 0.04):
            above = stats.ttest_1samp(difference, margin, alternative="less").pvalue
            below = stats.ttest_1samp(difference, -margin, alternative="greater").pvalue
            assert found.is_within(margin) == (max(above, below) < 0.05)
            outcomes.add(found.is_within(margin))
    assert outcomes == {True, False}


def test_the_interval_is_that_of_students_t() -> None:
    right, everything = answers(300, 0.1, 0.05)
    found = paired_loss(right, everything, np.arange(300))
    difference = everything.astype(float) - right
    low, high = stats.t.interval(0.9, 299, loc=difference.mean(), scale=stats.sem(difference))
    assert (found.loss, found.low, found.high) == pytest.approx((difference.mean(), low, high))
    assert found.variance == pytest.approx(difference.var(ddof=1))


def test_copies_of_every_image_in_its_group_change_nothing() -> None:
    right, everything = answers(200, 0.1, 0.05)
    alone = paired_loss(right, everything, np.arange(200))
    five = paired_loss(np.repeat(right, 5), np.repeat(everything, 5), np.repeat(np.arange(200), 5))
    assert (five.loss, five.low, five.high) == pytest.approx((alone.loss, alone.low, alone.high))
    assert five.variance == pytest.approx(5 * alone.variance)
    assert (five.n_images, five.n_groups) == (1000, 200)


def test_a_gain_above_the_margin_is_no_equality() -> None:
    right, everything = answers(1000, 0.0, 0.2)
    found = paired_loss(right, everything, np.arange(1000))
    assert found.loss < -0.15
    assert not found.is_within(0.05)


def test_no_difference_at_all_leaves_three_in_n_open() -> None:
    right = np.ones(100, dtype=bool)
    found = paired_loss(right, right, np.arange(100))
    assert found.high == pytest.approx(1 - 0.05**0.01)
    assert found.high == pytest.approx(0.03, rel=0.02)
    assert (found.is_within(0.02), found.is_within(0.03)) == (False, True)


def test_one_group_shows_nothing() -> None:
    right, everything = answers(50, 0.1, 0.1)
    found = paired_loss(right, everything, np.zeros(50, dtype=np.int64))
    assert (found.low, found.high) == (-1, 1)
    assert not found.is_within(0.5)
