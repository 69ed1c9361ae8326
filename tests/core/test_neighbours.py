"""Distances and nearest neighbours: exact, in blocks, ties to the row that comes first."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreset_studio.core import neighbours
from coreset_studio.core.neighbours import (
    nearest,
    nearest_among,
    nearest_in,
    nearest_to_any,
    squared_distances,
    unit_rows,
)
from coreset_studio.core.selection.graph import cover_graph


def brute_force(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    rows, distances = [], []
    for i in range(len(points)):
        others = [(np.float32(np.sqrt(((points[i] - points[j]) ** 2).sum())), j) for j in range(len(points)) if j != i]
        others.sort()
        rows.append([j for _, j in others[:k]])
        distances.append([d for d, _ in others[:k]])
    return np.array(rows), np.array(distances)


@pytest.mark.parametrize("n", [2, 3, 11, 40])
def test_neighbours_equal_brute_force(n: int) -> None:
    points = np.random.default_rng(n).normal(size=(n, 5))
    rows, distances = nearest(points, 10)
    expected_rows, expected_distances = brute_force(points, 10)
    np.testing.assert_array_equal(rows, expected_rows)
    np.testing.assert_allclose(distances, expected_distances, rtol=1e-6)
    assert rows.shape == (n, min(10, n - 1))


def test_ties_go_to_the_row_that_comes_first() -> None:
    # Points of a grid have many neighbours at the same distance, and 30 twins more than are asked for.
    grid = np.array([[x, y] for x in range(6) for y in range(6)] + [[2, 2]] * 30, dtype=np.float32)
    rows, _ = nearest(grid, 4)
    np.testing.assert_array_equal(rows, brute_force(grid.astype(float), 4)[0])


def test_an_image_is_never_its_own_neighbour_even_among_twins() -> None:
    twins = np.ones((50, 3), dtype=np.float32)
    rows, distances = nearest(twins, 20)
    assert not (rows == np.arange(50)[:, None]).any()
    assert (distances == 0).all()


def test_the_last_partial_block_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)
    whole = nearest(points, 5)
    monkeypatch.setattr(neighbours, "BLOCK_ROWS", 7)
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 8 * 23 * 7)
    in_blocks = nearest(points, 5)
    np.testing.assert_array_equal(in_blocks[0], whole[0])
    np.testing.assert_array_equal(in_blocks[1], whole[1])
    among = nearest_among(points, points[::2])
    assert among[0].max() == 11
    np.testing.assert_array_equal(among[0][::2], np.arange(12))


def test_a_single_image_has_no_neighbours() -> None:
    rows, distances = nearest(np.zeros((1, 3), dtype=np.float32), 5)
    assert rows.shape == distances.shape == (1, 0)


def test_nearest_among_takes_the_first_of_equally_near_ones() -> None:
    positions, distances = nearest_among(np.zeros((1, 1)), np.array([[2.0], [-1.0], [1.0]]))
    assert positions.tolist() == [1]
    assert distances.tolist() == [1.0]


def test_identical_rows_are_at_distance_zero_however_far_from_the_origin() -> None:
    point = np.random.default_rng(1).normal(size=(1, 300)) * 1e4
    assert squared_distances(point, np.repeat(point, 9, axis=0)).max() == 0


def test_a_row_of_zeros_has_cosine_zero_with_all() -> None:
    units = unit_rows(np.array([[0.0, 0.0], [3.0, 4.0]]))
    assert (units @ units.T).tolist() == [[0, 0], [0, pytest.approx(1)]]


def brute_force_to_any(points: np.ndarray, asked: list[int], n: int, among: list[int]) -> list[tuple[float, int]]:
    found = []
    for row in among:
        if row not in asked:
            exact = min(float(((points[row].astype(float) - points[one].astype(float)) ** 2).sum()) for one in asked)
            found.append((float(np.float32(np.sqrt(exact))), row))
    return sorted(found)[:n]


@pytest.mark.parametrize(
    ("asked", "n"), [([3], 5), ([3, 17, 40], 12), ([0, 1, 2], 1), (list(range(30)), 500), ([59], 59)]
)
def test_the_nearest_to_any_of_some_equal_brute_force(asked: list[int], n: int) -> None:
    points = np.random.default_rng(n).normal(size=(60, 7)).astype(np.float32)
    for among in (None, np.arange(0, 60, 3)):
        rows, distances = nearest_to_any(points, np.array(asked), n, among)
        expected = brute_force_to_any(points, asked, n, list(range(60)) if among is None else among.tolist())
        assert rows.tolist() == [row for _, row in expected]
        assert distances.tolist() == [distance for distance, _ in expected]


def test_equally_near_rows_come_by_row_and_copies_first_however_far_from_the_origin() -> None:
    # A grid has many rows at the same distance; far from the origin, norms leave rounding that would order them.
    grid = np.array([[x, y] for x in range(8) for y in range(8)] + [[3, 3]] * 3, dtype=np.float32) + 4096
    rows, distances = nearest_to_any(grid, np.array([3 * 8 + 3]), 6)
    expected = brute_force_to_any(grid, [27], 6, list(range(67)))
    assert rows.tolist() == [row for _, row in expected] == [64, 65, 66, 19, 26, 28]
    assert distances.tolist() == [0, 0, 0, 1, 1, 1]


def test_similar_images_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(5).normal(size=(101, 9)).astype(np.float32)
    whole = nearest_to_any(points, np.array([5, 50]), 20)
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 8 * 9 * 7)
    in_blocks = nearest_to_any(points, np.array([5, 50]), 20)
    assert in_blocks[0].tolist() == whole[0].tolist()
    assert in_blocks[1].tolist() == whole[1].tolist()


def test_there_is_nothing_near_where_all_rows_are_asked() -> None:
    rows, distances = nearest_to_any(np.zeros((3, 2), dtype=np.float32), np.arange(3), 5)
    assert rows.shape == distances.shape == (0,)


def peak_of(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_distances_take_little_more_memory_than_they_are() -> None:
    rows = np.random.default_rng(0).standard_normal((2_000, 5))
    assert peak_of(lambda: squared_distances(rows, rows)) < 1.3 * 8 * 2_000**2


def test_the_neighbour_graph_does_not_take_a_row_of_features_for_every_edge() -> None:
    rows = np.random.default_rng(0).standard_normal((2_000, 600)).astype(np.float32)
    # 10 edges an image, two ends, 600 numbers in float64: 192 MB.
    assert peak_of(lambda: cover_graph(rows)) < 150e6


@given(seed=st.integers(0, 99), n=st.integers(1, 12), m=st.integers(1, 12), k=st.integers(1, 14))
def test_the_nearest_candidates_are_those_of_brute_force(seed: int, n: int, m: int, k: int) -> None:
    chance = np.random.default_rng(seed)
    rows, candidates = chance.integers(0, 4, (n, 3)).astype(float), chance.integers(0, 4, (m, 3)).astype(float)
    expected = [sorted(range(m), key=lambda j, row=row: (((row - candidates[j]) ** 2).sum(), j))[:k] for row in rows]
    assert nearest_in(rows, candidates, k).tolist() == expected
