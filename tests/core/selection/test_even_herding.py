"""Even herding equals its formula, keeps small coresets inside large ones, and reaches the sparse parts."""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from coreset_studio.core.selection import kernel as kernel_module
from coreset_studio.core.selection.kernel import Kernel, Kernels
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.samplers.balanced_herding import BalancedHerdingSettings
from coreset_studio.core.selection.samplers.balanced_herding import order as balanced_herding
from coreset_studio.core.selection.samplers.even_herding import order as even_herding
from coreset_studio.core.selection.samplers.even_herding.order import DENSE, EVENNESS, SPARSE, even_target, order
from coreset_studio.core.selection.sampling import ClassPool, rounded

Matrix = np.ndarray


def make_pool(n: int, seed: int) -> ClassPool:
    """Two thirds in a dense group, a third in a wide one."""
    random = np.random.default_rng(seed)
    spread = np.where(np.arange(n) < 2 * n // 3, 0.4, 1.5)
    points = random.normal(size=(n, 3)) * spread[:, None] + 2.0 * (spread[:, None] > 1)
    return ClassPool("cells", points.astype(np.float32), np.zeros(n, dtype=np.int64), np.array([0]), 0)


def kernel_of(pool: ClassPool) -> Matrix:
    """R, by its formula."""
    points = pool.embedding.astype(np.float64)
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    near = np.sort(distance, axis=1)[:, 1:11].mean(axis=1)
    return np.asarray(np.exp(-(distance**2) / (2 * np.median(near) ** 2)))


def discrepancy(kernel: Matrix, weights: Matrix, chosen: list[int]) -> float:
    """MMD² between the chosen images and the weighted class, by its formula."""
    own = np.zeros(len(kernel))
    own[chosen] = 1 / len(chosen)
    return float((own - weights) @ kernel @ (own - weights))


def target_of(kernel: Matrix) -> Matrix:
    weights = np.array([row.mean() ** -EVENNESS for row in kernel])
    return np.asarray(weights / weights.sum())


def oracle(pool: ClassPool, n: int) -> list[int]:
    """The method written down, one candidate after the other; every step is checked against the discrepancy."""
    kernel = kernel_of(pool)
    weights, size = target_of(kernel), len(kernel)

    def score(beside: list[int], j: int) -> float:
        wanted = sum(kernel[i, j] * weights[i] for i in range(size))
        plain = wanted - sum(kernel[i, j] for i in beside) / (len(beside) + 1)
        return float(rounded(np.array([plain]))[0])

    def best(beside: list[int], candidates: list[int]) -> int:
        found = max(candidates, key=lambda j: (score(beside, j), -j))
        least = min(discrepancy(kernel, weights, [*beside, j]) for j in candidates)
        assert discrepancy(kernel, weights, [*beside, found]) == pytest.approx(least, rel=1e-5)
        return found

    kept: list[int] = []
    end = 2
    while len(kept) < n:
        stage: list[int] = []
        while len(kept) + len(stage) < min(end, size):
            free = [j for j in range(size) if j not in kept and j not in stage]
            stage.append(best(kept + stage, free))
        for _ in range(3):
            before = list(stage)
            for place in range(len(stage)):
                others = kept + stage[:place] + stage[place + 1 :]
                found = best(others, [j for j in range(size) if j not in others])
                if score(others, found) > score(others, stage[place]):
                    stage[place] = found
            if stage == before:
                break
        ordered: list[int] = []
        while stage:
            ordered.append(best(kept + ordered, stage))
            stage.remove(ordered[-1])
        kept += ordered
        end *= 2
    return kept[:n]


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_method_written_down(seed: int) -> None:
    pool = make_pool(24, seed)
    for n in (1, 2, 5, 8, 13):
        assert order(pool, n).rows.tolist() == oracle(pool, n)


def test_the_whole_class_is_put_in_order() -> None:
    pool = make_pool(21, 1)
    assert order(pool, 99).rows.tolist() == oracle(pool, 21)
    assert sorted(order(pool, 99).rows.tolist()) == list(range(21))


def test_the_target_weighs_by_one_over_the_root_of_density() -> None:
    density = np.array([0.04, 0.16, 0.64])
    np.testing.assert_allclose(even_target(density), np.array([20, 10, 5]) / 35)
    np.testing.assert_allclose(even_target(density, 0.0), [1 / 3] * 3)


def test_sparse_parts_get_more_than_balanced_herding_gives_them() -> None:
    for seed in range(5):
        pool = make_pool(300, seed)
        even = order(pool, 30).rows
        plain = balanced_herding.order(pool, 30, BalancedHerdingSettings(mu=0.0)).rows
        assert (even >= 200).sum() > (plain >= 200).sum()


def test_exchanges_bring_coresets_closer_to_the_target_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = {}
    for rounds in (0, 3):
        monkeypatch.setattr(even_herding, "MOST_ROUNDS", rounds)
        found = []
        for seed in range(8):
            pool = make_pool(200, seed)
            kernel = kernel_of(pool)
            found.append(discrepancy(kernel, target_of(kernel), order(pool, 16).rows.tolist()))
        reached[rounds] = float(np.mean(found))
    assert reached[3] < reached[0]


def test_beyond_the_largest_stage_it_goes_on_as_herding(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make_pool(60, 4)
    whole = order(pool, 16).rows
    monkeypatch.setattr(even_herding, "LARGEST_EXCHANGED", 16)
    longer = order(pool, 40).rows.tolist()
    assert longer[:16] == whole.tolist()
    kernel = kernel_of(pool)
    wanted = kernel @ target_of(kernel)
    for m in range(16, 40):
        scores = wanted - kernel[longer[:m]].sum(axis=0) / (m + 1)
        scores[longer[:m]] = -np.inf
        assert longer[m] == int(scores.argmax())


def test_small_coresets_lie_inside_large_ones_across_stages() -> None:
    pool = make_pool(150, 3)
    largest = order(pool, 150).rows.tolist()
    for n in (1, 2, 3, 4, 7, 8, 9, 31, 33, 64, 65, 127, 129, 149):
        assert order(pool, n).rows.tolist() == largest[:n]


def test_without_room_for_the_matrix_the_same_images_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make_pool(60, 5)
    whole = order(pool, 30).rows.tolist()
    monkeypatch.setattr(kernel_module, "MEMORY_BUDGET", 4 * 60 * 60 - 1)
    assert order(pool, 30).rows.tolist() == whole


def test_a_kept_kernel_and_any_number_of_threads_give_the_same_images() -> None:
    pool = make_pool(400, 6)
    alone = order(pool, 90).rows.tolist()
    shared = replace(pool, make_kernel=Kernels(2**20).for_many_steps)
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            assert order(shared, 90).rows.tolist() == alone


def test_identical_images_come_in_file_order_and_twins_after_the_others() -> None:
    alike = ClassPool("cells", np.ones((6, 2), dtype=np.float32), np.zeros(6, dtype=np.int64), np.array([0]), 0)
    assert order(alike, 4).rows.tolist() == [0, 1, 2, 3]
    twins = np.repeat(8 * np.eye(4, dtype=np.float32), 2, axis=0)
    pool = ClassPool("cells", twins, np.zeros(8, dtype=np.int64), np.array([0]), 0)
    assert sorted((order(pool, 4).rows // 2).tolist()) == [0, 1, 2, 3]


def test_reasons_tell_on_which_side_of_the_median_density_an_image_lies() -> None:
    pool = make_pool(90, 7)
    found = order(pool, 20)
    density = Kernel(pool.embedding).class_means
    expected = tuple(SPARSE if density[row] < np.median(density) else DENSE for row in found.rows.tolist())
    assert found.reasons == expected
    assert {SPARSE, DENSE} == set(expected)


def test_it_needs_no_clusters_and_its_own_budgets_are_by_difficulty() -> None:
    sampler = SAMPLERS["even-herding"]
    assert (sampler.class_budget, sampler.uses_clusters, sampler.uses_seed, sampler.nested) == (
        "difficulty", False, False, True,
    )  # fmt: skip
