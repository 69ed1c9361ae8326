"""Facility location, MaxHerding and graph coverage equal plain greedy on matrices made by hand."""

from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import pytest

from coreset_studio.core import neighbours
from coreset_studio.core.selection import graph
from coreset_studio.core.selection.kernel import Kernel
from coreset_studio.core.selection.samplers.facility_location import order as facility_location
from coreset_studio.core.selection.samplers.graph_coverage import order as graph_coverage
from coreset_studio.core.selection.samplers.max_herding import order as max_herding
from coreset_studio.core.selection.sampling import ClassPool, rounded


def make_pool(points: np.ndarray) -> ClassPool:
    return ClassPool(
        "cells", points.astype(np.float32), np.zeros(len(points), dtype=np.int64), np.zeros(1, dtype=np.int64), 0
    )


def cosines(points: np.ndarray) -> np.ndarray:
    points = points.astype(np.float32).astype(np.float64)
    lengths = np.linalg.norm(points, axis=1)
    products = points @ points.T
    safe = np.where(lengths > 0, lengths, 1)
    return np.maximum(products / safe[:, None] / safe[None, :], 0)


def greedy(cover_of: np.ndarray, n: int) -> list[int]:
    """Take argmax_j Σ_i max(K_ij − m_i, 0), every gain computed anew."""
    best = np.zeros(len(cover_of))
    taken: list[int] = []
    for _ in range(n):
        gains = rounded(np.array([np.maximum(cover_of[:, j] - best, 0).sum() for j in range(len(cover_of))]))
        gains[taken] = -np.inf
        taken.append(int(np.argmax(gains)))
        best = np.maximum(best, cover_of[:, taken[-1]])
    return taken


def graph_by_hand(points: np.ndarray, k: int = 10) -> np.ndarray:
    similar = cosines(points)
    n = len(points)
    adjacency = np.zeros((n, n))
    for i in range(n):
        ranked = sorted((j for j in range(n) if j != i), key=lambda j: (-round(similar[i, j], 9), j))
        for j in ranked[:k]:
            adjacency[i, j] = similar[i, j]
    adjacency = np.maximum(adjacency, adjacency.T)
    degrees = adjacency.sum(axis=1)
    scale = np.diag([1 / np.sqrt(d) if d > 0 else 0 for d in degrees])
    normal = scale @ adjacency @ scale
    return normal + normal @ normal


@pytest.mark.parametrize("seed", range(4))
def test_facility_location_is_plain_greedy(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(30, 4))
    chosen = facility_location.order(make_pool(points), 20).rows
    assert chosen.tolist() == greedy(cosines(points).astype(np.float32), 20)


def test_facility_location_is_near_the_best_of_all_subsets() -> None:
    points = np.random.default_rng(8).normal(size=(12, 3))
    similar = cosines(points)
    chosen = facility_location.order(make_pool(points), 3).rows
    best = max(similar[:, list(three)].max(axis=1).sum() for three in combinations(range(12), 3))
    assert similar[:, chosen].max(axis=1).sum() >= (1 - 1 / np.e) * best


def test_facility_location_without_room_for_the_matrix_takes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make_pool(np.random.default_rng(1).normal(size=(90, 4)))
    whole = facility_location.order(pool, 45)
    monkeypatch.setattr(facility_location, "MEMORY_BUDGET", 0)
    sparing = facility_location.order(pool, 45)
    assert sparing.rows.tolist() == whole.rows.tolist()


def gaussian(points: np.ndarray) -> np.ndarray:
    """R with the median over images of the mean distance to the 10 nearest as its width."""
    points = points.astype(np.float32).astype(np.float64)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    width = np.median(np.sort(distances, axis=1)[:, 1:11].mean(axis=1))
    return np.exp(-(distances**2) / (2 * width**2))


@pytest.mark.parametrize("seed", range(4))
def test_max_herding_is_plain_greedy_on_the_gaussian_kernel(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(30, 4))
    by_hand = gaussian(points)
    assert max_herding.order(make_pool(points), 20).rows.tolist() == greedy(by_hand.astype(np.float32), 20)
    best = max(by_hand[:, list(two)].max(axis=1).sum() for two in combinations(range(30), 2))
    assert by_hand[:, max_herding.order(make_pool(points), 2).rows].max(axis=1).sum() >= (1 - 1 / np.e) * best


def test_max_herding_without_room_for_the_matrix_takes_the_same() -> None:
    pool = make_pool(np.random.default_rng(1).normal(size=(90, 4)))
    sparing = replace(pool, make_kernel=partial(Kernel, memory_budget=0))
    assert max_herding.order(sparing, 45).rows.tolist() == max_herding.order(pool, 45).rows.tolist()


def test_rows_of_zeros_come_last_in_file_order() -> None:
    points = np.zeros((6, 2))
    points[[2, 4]] = [[1, 0], [0, 1]]
    assert facility_location.order(make_pool(points), 6).rows.tolist() == [2, 4, 0, 1, 3, 5]


@pytest.mark.parametrize("n", [8, 40])
def test_graph_coverage_is_plain_greedy_on_the_graph(n: int) -> None:
    points = np.random.default_rng(n).normal(size=(n, 3))
    by_hand = graph_by_hand(points.astype(np.float32))
    np.testing.assert_allclose(graph.cover_graph(points.astype(np.float32)).toarray(), by_hand, atol=1e-7)
    chosen = graph_coverage.order(make_pool(points), n // 2).rows
    assert chosen.tolist() == greedy(by_hand, n // 2)


def test_the_graph_is_symmetric_and_holds_its_last_partial_block(monkeypatch: pytest.MonkeyPatch) -> None:
    # A published version drops the images after the last full batch from the neighbour graph.
    points = np.random.default_rng(4).normal(size=(53, 6)).astype(np.float32)
    whole = graph.cover_graph(points).toarray()
    monkeypatch.setattr(neighbours, "BLOCK_ROWS", 25)
    in_blocks = graph.cover_graph(points).toarray()
    np.testing.assert_array_equal(in_blocks, whole)
    np.testing.assert_allclose(whole, whole.T, atol=1e-12)
    assert (whole[-3:] > 0).sum(axis=1).min() >= 10


def test_a_row_of_zeros_covers_nothing() -> None:
    points = np.vstack([np.zeros((1, 2)), np.random.default_rng(0).normal(size=(14, 2))]).astype(np.float32)
    assert graph.cover_graph(points).toarray()[0].sum() == 0
    assert 0 in graph_coverage.order(make_pool(points), 15).rows[-5:].tolist()
