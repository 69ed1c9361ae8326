"""The kernel of balanced herding: its width, its memory, and the discrepancy made from it."""

import numpy as np
import pytest

from coreset_studio.core.selection.kernel import Kernel, bandwidth, squared_discrepancy

POINTS = np.random.default_rng(3).normal(size=(25, 4)).astype(np.float32)


def distances(points: np.ndarray) -> np.ndarray:
    wide = points.astype(np.float64)
    return np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(axis=2))


def test_the_width_is_the_median_of_mean_distances_to_the_ten_nearest() -> None:
    near = np.sort(distances(POINTS), axis=1)[:, 1:11]
    assert bandwidth(POINTS) == pytest.approx(np.median(near.mean(axis=1)), rel=1e-6)


def test_a_small_class_uses_the_neighbours_it_has() -> None:
    assert bandwidth(np.array([[0.0], [1.0], [3.0]], dtype=np.float32)) == pytest.approx(2.0)


def test_where_most_images_have_twins_the_width_is_the_smallest_distance_above_zero() -> None:
    points = np.array([[0.0]] * 20 + [[3.0], [5.0]], dtype=np.float32)
    assert bandwidth(points) == 2.0


@pytest.mark.parametrize("n", [1, 7])
def test_identical_images_have_no_width_and_are_all_alike(n: int) -> None:
    kernel = Kernel(np.ones((n, 3), dtype=np.float32))
    assert kernel.width == 0
    assert kernel.rows(np.arange(n)).tolist() == np.ones((n, n)).tolist()


def test_columns_computed_when_asked_equal_the_matrix() -> None:
    whole, sparing = Kernel(POINTS), Kernel(POINTS, memory_budget=0)
    expected = np.exp(-(distances(POINTS) ** 2) / (2 * whole.width**2))
    np.testing.assert_allclose(whole.rows(np.arange(25)), expected, rtol=1e-5)
    np.testing.assert_allclose(sparing.rows(np.arange(25)), expected, rtol=1e-5)
    weights = np.random.default_rng(0).random(25)
    np.testing.assert_allclose(whole.times(weights), expected @ weights, rtol=1e-6)
    np.testing.assert_allclose(sparing.times(weights), whole.times(weights), rtol=1e-7)


def test_images_far_apart_are_unlike_without_a_warning() -> None:
    kernel = Kernel(np.array([[0.0], [1e-3], [2e-3], [1e6]], dtype=np.float32), width=1e-3)
    assert 0 <= kernel.rows(np.array([0]))[0, 3] < 1e-30


def test_the_discrepancy_equals_the_triple_sum() -> None:
    kernel = Kernel(POINTS)
    matrix = kernel.rows(np.arange(25)).astype(np.float64)
    chosen = np.array([2, 5, 19])
    expected = matrix[np.ix_(chosen, chosen)].mean() - 2 * matrix[chosen].mean() + matrix.mean()
    assert squared_discrepancy(kernel, chosen) == pytest.approx(expected, rel=1e-5)
    assert squared_discrepancy(Kernel(POINTS, memory_budget=0), chosen) == pytest.approx(expected, rel=1e-5)


def test_the_whole_class_has_no_discrepancy() -> None:
    assert squared_discrepancy(Kernel(POINTS), np.arange(25)) == pytest.approx(0, abs=1e-8)
