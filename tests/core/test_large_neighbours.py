"""Neighbours beyond the limit: exact distances to rows of near cells, the same on any number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest

from coreset_studio.core import large_neighbours
from coreset_studio.core.cells import CELL_ROWS, cut, make_cells
from coreset_studio.core.errors import CancelledError
from coreset_studio.core.large_neighbours import (
    is_nearest_searched,
    nearest_rows,
    nearest_rows_bytes,
    nearest_target,
    nearest_targets,
    with_largest_exact,
)
from coreset_studio.core.neighbours import nearest, nearest_among, nearest_bytes, nearest_in

LIMIT = 100


def made_up(n: int, n_components: int = 30, seed: int = 0) -> np.ndarray:
    """Return points of 12 groups whose variance falls as that of features does."""
    random = np.random.default_rng(seed)
    scale = 1 / np.sqrt(1 + np.arange(n_components))
    centres = random.normal(size=(12, n_components)) * scale
    return (centres[random.integers(0, 12, n)] + random.normal(size=(n, n_components)) * scale).astype(np.float32)


def distances_between(points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    wide = points.astype(np.float64)
    return np.sqrt(((wide[rows] - wide[:, None, :]) ** 2).sum(axis=2))


def recall(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.mean([np.isin(one, other).mean() for one, other in zip(expected, found, strict=True)]))


@pytest.mark.parametrize("n", [1, 63, 1000, 5000])
def test_every_row_is_in_one_cell(n: int) -> None:
    cells = make_cells(made_up(n))
    np.testing.assert_array_equal(np.sort(np.concatenate(cells.members)), np.arange(n))
    assert all((np.diff(rows) > 0).all() for rows in cells.members)
    assert cells.sizes.min() >= 1
    assert cells.sizes.max() <= 2 * CELL_ROWS
    firsts = [int(rows[0]) for rows in cells.members]
    assert firsts == sorted(firsts)


def test_a_cell_of_equal_rows_is_cut_in_their_sequence() -> None:
    cells = make_cells(np.ones((1000, 4), dtype=np.float32))
    assert cells.sizes.max() <= 2 * CELL_ROWS
    np.testing.assert_array_equal(np.concatenate(cells.members), np.arange(1000))


@pytest.mark.parametrize("n_parts", [1, 2, 5, 7])
def test_cut_gives_parts_of_equal_numbers(n_parts: int) -> None:
    rows = np.arange(3, 103, dtype=np.int64)
    parts = cut(made_up(110), rows, n_parts)
    assert len(parts) == n_parts
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), rows)


@pytest.mark.parametrize("limit", [0, 3000])
def test_up_to_the_limit_neighbours_are_exact(limit: int) -> None:
    points = made_up(3000)
    for found, expected in zip(nearest_rows(points, 7, limit), nearest(points, 7), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(nearest_targets(points[:50], points, 7, limit), nearest_in(points[:50], points, 7))
    for found, expected in zip(
        nearest_target(points, points[:2500], limit), nearest_among(points, points[:2500]), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_neighbours_of_near_cells_have_exact_distances_and_a_high_recall() -> None:
    points = made_up(6000)
    rows, distances = nearest_rows(points, 20, LIMIT)
    expected, _ = nearest(points, 20)
    assert 0.97 < recall(rows, expected) < 1
    np.testing.assert_allclose(distances, distances_between(points, rows), rtol=1e-6)
    assert (np.diff(distances, axis=1) >= 0).all()
    assert not (rows == np.arange(6000)[:, None]).any()
    assert all(len(set(one)) == 20 for one in rows.tolist())


def test_where_all_cells_are_near_the_search_equals_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    # Some rows are there several times, so that there are ties at the last place, too.
    points = made_up(600, 3)
    points[::7] = np.round(points[::7])
    points[100:140] = points[99]
    monkeypatch.setattr(large_neighbours, "PROBED_ROWS", 599)
    rows, distances = nearest_rows(points, 9, LIMIT)
    expected_rows, expected_distances = nearest(points, 9)
    np.testing.assert_array_equal(rows, expected_rows)
    np.testing.assert_array_equal(distances, expected_distances)
    monkeypatch.setattr(large_neighbours, "PROBED_ROWS", 100)
    for found in (nearest_rows(points, 9, LIMIT), nearest_rows(points.astype(np.float64), 9, LIMIT)):
        assert recall(found[0], expected_rows) > 0.8


@pytest.mark.slow
def test_more_neighbours_than_a_cell_has_rows() -> None:
    points = made_up(1500)
    rows, _ = nearest_rows(points, 150, LIMIT)
    assert rows.shape == (1500, 150)
    assert recall(rows, nearest(points, 150)[0]) > 0.95
    assert nearest_rows(points[:1100], 5000, LIMIT)[0].shape == (1100, 1099)


@pytest.mark.parametrize("n", [1100, 3000])
def test_equal_rows_have_the_first_other_rows_as_neighbours(n: int) -> None:
    rows, distances = nearest_rows(np.ones((n, 3), dtype=np.float32), 5, LIMIT)
    assert (distances == 0).all()
    np.testing.assert_array_equal(rows[0], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(rows[-1], [0, 1, 2, 3, 4])


def test_copies_of_a_row_are_found() -> None:
    points = made_up(4000)
    points[2000:] = points[:2000]
    rows, distances = nearest_rows(points, 20, LIMIT)
    np.testing.assert_array_equal(rows[:, 0], (np.arange(4000) + 2000) % 4000)
    assert (distances[:, 0] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("n_neighbours", [1, 20])
def test_nearest_targets_of_other_rows(n_neighbours: int) -> None:
    points = made_up(6000)
    targets, queries = points[:4500], points[4500:]
    found = nearest_targets(queries, targets, n_neighbours, LIMIT)
    assert found.shape == (1500, n_neighbours)
    assert recall(found, nearest_in(queries, targets, n_neighbours)) > 0.97
    assert nearest_targets(queries[:0], targets, n_neighbours, LIMIT).shape == (0, n_neighbours)


def test_the_nearest_target_is_never_nearer_than_the_exact_one_and_the_largest_distances_are_exact() -> None:
    points = made_up(9000)
    targets = points[::3]
    assert is_nearest_searched(len(points), len(targets), LIMIT)
    positions, distances = nearest_target(points, targets, LIMIT)
    exact = nearest_among(points, targets)[1]
    assert (distances[::3] == 0).all()
    np.testing.assert_array_equal(positions[::3], np.arange(3000))
    assert (distances >= exact * (1 - 1e-6)).all()
    assert np.isclose(distances, exact, rtol=1e-5).mean() > 0.97
    # Make many of them too large: the largest are found all the same.
    wrong = distances.copy()
    wrong[1:9000:5] += 3
    checked = with_largest_exact(points, targets, wrong, 12)
    np.testing.assert_allclose(np.sort(checked)[-12:], np.sort(exact)[-12:], rtol=1e-6)
    assert (checked >= exact * (1 - 1e-6)).all()
    np.testing.assert_array_equal(with_largest_exact(points, targets, np.zeros(9000, np.float32), 12), 0)


def test_few_targets_are_all_compared() -> None:
    points = made_up(3000)
    targets = points[:500]
    assert not is_nearest_searched(3000, 500, LIMIT)
    for found, expected in zip(nearest_target(points, targets, LIMIT), nearest_among(points, targets), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_search_can_be_cancelled() -> None:
    class Stop:
        calls = 0

        def report(self, done: int, total: int, message: str = "") -> None:
            assert 0 <= done <= total == 9000
            assert message == "Finding nearest neighbours: images"
            self.calls += 1
            if self.calls == 2:
                raise CancelledError

    with pytest.raises(CancelledError):
        nearest_rows(made_up(9000), 5, LIMIT, Stop())


def test_memory_beyond_the_limit_grows_in_proportion() -> None:
    assert nearest_rows_bytes(5000, 50, 20, 5000) == nearest_bytes(5000, 50, 20)
    small, large = (nearest_rows_bytes(n, 50, 20, 5000) for n in (100_000, 400_000))
    assert large < 4 * small


SCRIPT = """
import hashlib, sys
import numpy as np
from coreset_studio.core.large_neighbours import nearest_rows, nearest_target
points = np.random.default_rng(0).normal(size=(7000, 20)).astype(np.float32)
points[50:150] = points[49]
found = [*nearest_rows(points, 20, 100), *nearest_target(points, points[::2], 100)]
print(hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in found)).hexdigest())
"""


@pytest.mark.slow
def test_one_and_two_threads_give_the_same_bytes() -> None:
    digests = []
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, threads)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        )
        digests.append(done.stdout.strip())
    assert len(digests[0]) == 64
    assert digests[0] == digests[1]
