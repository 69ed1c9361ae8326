"""Herding, k-center, medoids, TypiClust and Moderate against their definitions, and against published faults."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from coreset_studio.core.selection import kernel
from coreset_studio.core.selection.samplers.herding import order as herding
from coreset_studio.core.selection.samplers.k_center import order as k_center
from coreset_studio.core.selection.samplers.medoid import order as medoid
from coreset_studio.core.selection.samplers.moderate import order as moderate
from coreset_studio.core.selection.samplers.typiclust import order as typiclust
from coreset_studio.core.selection.sampling import ClassPool


def make_pool(points: np.ndarray, seed: int = 0) -> ClassPool:
    return ClassPool(
        "cells", points.astype(np.float32), np.zeros(len(points), dtype=np.int64), np.zeros(1, dtype=np.int64), seed
    )


def groups(sizes: list[int], seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(size=(n, 2)) + np.array([30.0 * g, 0]) for g, n in enumerate(sizes)])


@pytest.mark.parametrize("seed", range(4))
def test_herding_is_the_argmin_of_the_distance_to_the_growing_mean(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(20, 3)).astype(np.float32).astype(np.float64)
    mean = points.mean(axis=0)
    taken: list[int] = []
    for t in range(12):
        wanted = (t + 1) * mean - points[taken].sum(axis=0)
        away = np.linalg.norm(wanted - points, axis=1)
        away[taken] = np.inf
        taken.append(int(np.argmin(away)))
    assert herding.order(make_pool(points), 12).rows.tolist() == taken


def test_herding_has_the_right_sign() -> None:
    # With argmax, as one well-known library has it, the mean of the chosen runs away from that of the class.
    points = np.random.default_rng(0).exponential(size=(300, 5))
    chosen = herding.order(make_pool(points), 15).rows
    away = np.linalg.norm(points[chosen].mean(axis=0) - points.mean(axis=0))
    random = np.random.default_rng(1)
    drawn = [
        np.linalg.norm(points[random.choice(300, 15, replace=False)].mean(axis=0) - points.mean(axis=0))
        for _ in range(200)
    ]
    assert away < min(drawn)


def test_k_center_starts_at_the_medoid_and_goes_farthest_first() -> None:
    points = np.random.default_rng(2).normal(size=(40, 2)).astype(np.float32).astype(np.float64)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    taken = [int(np.argmin(distance.sum(axis=1)))]
    while len(taken) < 15:
        taken.append(int(np.argmax(distance[:, taken].min(axis=1))))
    rows = k_center.order(make_pool(points), 15).rows.tolist()
    # The order itself: a version that returns a mask of the chosen loses it.
    assert rows == taken
    assert rows != sorted(rows)
    radii = [distance[:, rows[:n]].min(axis=1).max() for n in range(1, 16)]
    assert all(later <= earlier for earlier, later in pairwise(radii))


def test_k_center_is_within_twice_the_best_radius() -> None:
    points = np.random.default_rng(6).normal(size=(13, 2)).astype(np.float32)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    best = min(distance[:, list(three)].min(axis=1).max() for three in combinations(range(13), 3))
    rows = k_center.order(make_pool(points), 3).rows
    assert distance[:, rows].min(axis=1).max() <= 2 * best


def test_k_center_without_room_for_the_distances_takes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make_pool(np.random.default_rng(3).normal(size=(50, 3)))
    whole = k_center.order(pool, 25)
    monkeypatch.setattr(k_center, "MEMORY_BUDGET", 0)
    assert k_center.order(pool, 25).rows.tolist() == whole.rows.tolist()


def test_medoids_are_the_best_of_all_subsets_where_groups_are_clear() -> None:
    points = groups([7, 4, 5])
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    best = min(combinations(range(16), 3), key=lambda three: distance[:, list(three)].min(axis=1).sum())
    order = medoid.order(make_pool(points), 3)
    assert sorted(order.rows.tolist()) == list(best)
    assert order.reasons == ("medoid of 7 images", "medoid of 5 images", "medoid of 4 images")


def test_medoids_of_a_class_too_large_for_its_distances_come_from_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medoid, "MEMORY_BUDGET", 4 * 20 * 20)
    pool = make_pool(groups([40, 30]))
    rows = medoid.order(pool, 11).rows
    assert len(set(rows.tolist())) == 11
    assert {0, 1} == {int(row >= 40) for row in rows}
    assert medoid.order(pool, 70).rows.size == 70


def test_typiclust_goes_from_large_to_small_clusters_in_turn() -> None:
    sizes = [6, 12, 9]
    points = groups(sizes, seed=3)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    spread = np.sort(distance, axis=1)[:, 1:21].mean(axis=1)
    rows = typiclust.order(make_pool(points), 3).rows.tolist()
    expected = [min(range(start, stop), key=lambda i: spread[i]) for start, stop in ((6, 18), (18, 27), (0, 6))]
    assert rows == expected


def test_typiclust_goes_round_again_when_there_are_more_images_than_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typiclust, "MOST_CLUSTERS", 3)
    group = np.repeat([0, 1, 2], [6, 12, 9])
    rows = typiclust.order(make_pool(groups([6, 12, 9], seed=3)), 8).rows
    assert group[rows].tolist() == [1, 2, 0, 1, 2, 0, 1, 2]


def test_moderate_takes_the_images_closest_to_the_median_distance() -> None:
    points = np.random.default_rng(7).normal(size=(31, 4)).astype(np.float32).astype(np.float64)
    away = np.linalg.norm(points - points.mean(axis=0), axis=1)
    expected = np.argsort(np.abs(away - np.median(away)))[:9]
    assert moderate.order(make_pool(points), 9).rows.tolist() == expected.tolist()


def test_one_memory_budget_serves_all() -> None:
    assert medoid.MEMORY_BUDGET == k_center.MEMORY_BUDGET == kernel.MEMORY_BUDGET == 2**30
