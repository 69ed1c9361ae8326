"""What every sampler of the registry keeps: the budget, one image once, the same again, nested where it says so."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from coreset_studio.core.results import PoolEmbedding
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool
from coreset_studio.core.selection.selecting import select
from coreset_studio.core.settings import SelectionSettings

NAMES = ["medoid", "facility-location", "max-herding", "graph-coverage", "global-graph-coverage", "balanced-herding",
         "even-herding", "herding", "k-center", "typiclust", "moderate"]  # fmt: skip
NESTED = [name for name in NAMES if name not in ("medoid", "typiclust", "global-graph-coverage")]


def pool_of(points: np.ndarray, labels: np.ndarray | None = None, seed: int = 0) -> ClassPool:
    labels = np.zeros(len(points), dtype=np.int64) if labels is None else labels
    medoids = np.array([np.flatnonzero(labels == cluster)[0] for cluster in np.unique(labels)])
    return ClassPool("cells", points.astype(np.float32), labels, medoids, seed)


def blobs(n: int, seed: int = 0) -> ClassPool:
    random = np.random.default_rng(seed)
    labels = np.sort(random.integers(0, 3, n))
    points = random.normal(size=(n, 5)) + 4.0 * np.eye(5)[labels]
    return pool_of(points - points.mean(axis=0), labels)


def test_the_registry_has_them_all_and_says_which_are_nested() -> None:
    assert set(NAMES) <= set(SAMPLERS)
    assert [name for name in NAMES if SAMPLERS[name].nested] == NESTED
    assert SAMPLERS["balanced-herding"].class_budget == "difficulty"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [0, 1, 2, 13, 60, 99])
def test_the_budget_is_met_with_distinct_images(name: str, n: int) -> None:
    order = SAMPLERS[name].order(blobs(60), n)
    assert order.rows.dtype == np.int64
    assert len(order.rows) == len(set(order.rows.tolist())) == len(order.reasons) == min(n, 60)
    assert set(order.rows.tolist()) <= set(range(60))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "points",
    [np.zeros((1, 1)), np.zeros((2, 1)), np.ones((9, 4)), np.repeat(np.eye(3), 4, axis=0), np.arange(6.0)[:, None]],
    ids=["one", "two alike", "nine alike", "twins", "line"],
)
def test_odd_classes_are_chosen_from_without_a_word(name: str, points: np.ndarray) -> None:
    for n in range(len(points) + 1):
        rows = SAMPLERS[name].order(pool_of(points), n).rows
        assert len(set(rows.tolist())) == n


@pytest.mark.parametrize("name", NESTED)
def test_a_small_coreset_lies_inside_a_large_one(name: str) -> None:
    pool = blobs(70)
    whole = SAMPLERS[name].order(pool, 70)
    for n in (1, 2, 9, 35, 69):
        part = SAMPLERS[name].order(pool, n)
        assert part.rows.tolist() == whole.rows[:n].tolist()
        assert part.reasons == whole.reasons[:n]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_images_on_any_number_of_threads(name: str) -> None:
    pool = blobs(300)
    with threadpool_limits(limits=1):
        one = SAMPLERS[name].order(pool, 40)
    with threadpool_limits(limits=4):
        four = SAMPLERS[name].order(pool, 40)
    assert one.rows.tolist() == four.rows.tolist()


@pytest.mark.parametrize("name", NESTED)
def test_without_chance_the_seed_changes_nothing(name: str) -> None:
    pool = blobs(40)
    other = ClassPool(pool.class_name, pool.embedding, pool.labels, pool.medoids, 7)
    first, second = (SAMPLERS[name].order(one, 12).rows.tolist() for one in (pool, other))
    assert first == second
    assert not SAMPLERS[name].uses_seed


@pytest.mark.parametrize("name", NAMES)
def test_every_class_gives_its_own_count(name: str, make_scene: Callable[..., Any]) -> None:
    # A published library gives every class the count of the first one.
    scene = make_scene({"few": 8, "many": 64, "some": 32})
    settings = SelectionSettings(sampler=name, fraction=0.25, budget_over_classes="proportional")
    points = np.concatenate([each.embedding for each in scene.embeddings])
    across = PoolEmbedding(scene.split.pool, points, np.ones(len(points), dtype=bool))
    coreset = select(scene.dataset, scene.split, scene.embeddings, scene.clusters, settings, across=across)
    assert coreset.budgets == {"few": 2, "many": 16, "some": 8}
    names = [scene.dataset.images[index].class_name for index in coreset.indices.tolist()]
    assert names == ["few"] * 2 + ["many"] * 16 + ["some"] * 8
