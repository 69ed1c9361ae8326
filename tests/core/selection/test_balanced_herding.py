"""Balanced herding equals its formula, follows the class, and lifts small clusters."""

from dataclasses import replace

import numpy as np
import pytest

from coreset_studio.core.selection import kernel as kernel_module
from coreset_studio.core.selection.kernel import Kernel, Kernels, squared_discrepancy
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.samplers.balanced_herding import BalancedHerdingSettings
from coreset_studio.core.selection.samplers.balanced_herding.order import order, target
from coreset_studio.core.selection.sampling import ClassPool, rounded


def make_pool(n: int, seed: int) -> ClassPool:
    random = np.random.default_rng(seed)
    labels = np.sort(random.integers(0, 3, n))
    labels[:3] = [0, 1, 2]
    points = (random.normal(size=(n, 3)) + 3.0 * np.eye(3)[labels]).astype(np.float32)
    return ClassPool("cells", points, labels, np.array([0, 1, 2]), 0)


def oracle(pool: ClassPool, n: int, mu: float) -> list[int]:
    """The formula, loop by loop."""
    points = pool.embedding.astype(np.float64)
    size = len(points)
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    near = np.sort(distance, axis=1)[:, 1:11].mean(axis=1)
    kernel = np.exp(-(distance**2) / (2 * np.median(near) ** 2))
    counts = np.bincount(pool.labels)
    weights = [(1 - mu) / size + mu / (len(counts) * counts[pool.labels[i]]) for i in range(size)]
    taken: list[int] = []
    for m in range(n):
        best, best_score = -1, -np.inf
        for j in range(size):
            score = sum(kernel[i, j] * weights[i] for i in range(size)) - sum(kernel[i, j] for i in taken) / (m + 1)
            score = float(rounded(np.array([score]))[0])
            if j not in taken and score > best_score:
                best, best_score = j, score
        taken.append(best)
    return taken


@pytest.mark.parametrize("mu", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_formula(mu: float, seed: int) -> None:
    pool = make_pool(18, seed)
    assert order(pool, 9, BalancedHerdingSettings(mu=mu)).rows.tolist() == oracle(pool, 9, mu)


def test_target_gives_images_or_clusters_the_same_weight() -> None:
    labels = np.array([0, 0, 0, 2])
    assert target(labels, 0.0).tolist() == [0.25] * 4
    np.testing.assert_allclose(target(labels, 1.0), [1 / 6, 1 / 6, 1 / 6, 1 / 2])
    np.testing.assert_allclose(target(labels, 0.25), 0.75 * target(labels, 0.0) + 0.25 * target(labels, 1.0))


def test_without_room_for_the_matrix_the_same_images_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make_pool(60, 5)
    whole = order(pool, 30, BalancedHerdingSettings()).rows.tolist()
    monkeypatch.setattr(kernel_module, "MEMORY_BUDGET", 4 * 60 * 60 - 1)
    assert order(pool, 30, BalancedHerdingSettings()).rows.tolist() == whole


def test_its_discrepancy_is_far_below_that_of_random_images() -> None:
    pool = make_pool(400, 1)
    kernel = Kernel(pool.embedding)
    chosen = order(pool, 20, BalancedHerdingSettings(mu=0.0)).rows
    random = np.random.default_rng(0)
    drawn = [squared_discrepancy(kernel, random.choice(400, 20, replace=False)) for _ in range(50)]
    assert squared_discrepancy(kernel, chosen) < 0.6 * min(drawn)


def test_a_larger_mu_takes_more_of_a_small_cluster() -> None:
    random = np.random.default_rng(2)
    labels = np.repeat([0, 1], [190, 10])
    points = (random.normal(size=(200, 2)) + 20.0 * labels[:, None]).astype(np.float32)
    pool = ClassPool("cells", points, labels, np.array([0, 190]), 0)
    taken = [int(labels[order(pool, 20, BalancedHerdingSettings(mu=mu)).rows].sum()) for mu in (0.0, 0.25, 1.0)]
    assert taken[0] < taken[1] < taken[2]
    assert taken[2] == 10


def test_identical_images_come_in_file_order() -> None:
    pool = ClassPool("cells", np.ones((6, 2), dtype=np.float32), np.zeros(6, dtype=np.int64), np.array([0]), 0)
    assert order(pool, 4, BalancedHerdingSettings()).rows.tolist() == [0, 1, 2, 3]


def test_its_own_budgets_are_by_difficulty() -> None:
    assert SAMPLERS["balanced-herding"].class_budget == "difficulty"
    assert SAMPLERS["balanced-herding"].uses_clusters


def test_a_kept_kernel_gives_the_same_images_whether_it_fits_or_not() -> None:
    pool = make_pool(60, 5)
    alone = order(pool, 30, BalancedHerdingSettings()).rows.tolist()
    for budget in (4 * 60 * 60, 4 * 60 * 60 - 1):
        kernels = Kernels(budget)
        shared = replace(pool, make_kernel=kernels.for_many_steps)
        assert order(shared, 30, BalancedHerdingSettings()).rows.tolist() == alone
        assert kernels.of(pool.embedding).is_held == (budget == 4 * 60 * 60)


def test_kernels_are_made_once_and_share_one_budget() -> None:
    first, second = make_pool(50, 1).embedding, make_pool(40, 2).embedding
    kernels = Kernels(4 * 50 * 50 + 4 * 40 * 40 - 1)
    assert kernels.of(first) is kernels.of(first)
    assert kernels.for_many_steps(first) is kernels.of(first)
    assert kernels.of(first).is_held
    assert not kernels.of(second).is_held
    # Many steps get the whole matrix all the same, for as long as they last.
    assert kernels.for_many_steps(second).is_held
    assert kernels.for_many_steps(second).width == kernels.of(second).width
