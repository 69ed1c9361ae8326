"""Random, stratified and intelligent sampling, and what every sampler of the registry promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from coreset_studio.core.selection.budgets import budgets_over_clusters, water_fill
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.samplers.intelligent import IntelligentSettings
from coreset_studio.core.selection.samplers.intelligent import order as intelligent
from coreset_studio.core.selection.sampling import ClassPool

SETTINGS = IntelligentSettings()


def make_pool(sizes: tuple[int, ...], seed: int = 0, name: str = "a") -> ClassPool:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    labels = np.random.default_rng(9).permutation(labels)
    medoids = np.array([np.flatnonzero(labels == cluster)[0] for cluster in range(len(sizes))])
    points = np.random.default_rng(1).standard_normal((len(labels), 3)).astype(np.float32) + 5 * labels[:, None]
    return ClassPool(name, points.astype(np.float32), labels, medoids, seed)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_gives_as_many_distinct_images_as_asked_and_says_why(name: str) -> None:
    sampler = SAMPLERS[name]
    assert sampler.name == name
    assert sampler.title
    assert sampler.tip.endswith(".")
    pool = make_pool((9, 5, 2))
    for n in (0, 1, 7, 16, 40):
        order = sampler.order(pool, n)
        assert len(order.rows) == len(order.reasons) == min(n, 16)
        assert len(set(order.rows.tolist())) == len(order.rows)
        assert set(order.rows.tolist()) <= set(range(16))
        assert order.rows.dtype == np.int64
        assert all(order.reasons)


@pytest.mark.parametrize("name", [name for name, sampler in SAMPLERS.items() if sampler.nested])
def test_nested_samplers_only_add(name: str) -> None:
    pool = make_pool((9, 5, 2))
    longest = SAMPLERS[name].order(pool, 16).rows.tolist()
    for n in range(17):
        assert SAMPLERS[name].order(pool, n).rows.tolist() == longest[:n]


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_seed_matters_where_the_sampler_says_so(name: str) -> None:
    sampler = SAMPLERS[name]
    one, two, again = (sampler.order(make_pool((20, 9, 6), seed), 12).rows.tolist() for seed in (0, 1, 0))
    assert one == again
    if sampler.uses_seed and sampler.nested:
        assert one != two
    if not sampler.uses_seed:
        assert one == two


@settings(deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.data())
def test_intelligent_takes_from_every_cluster_what_water_filling_says(sizes: list[int], data: st.DataObject) -> None:
    pool = make_pool(tuple(sizes))
    budget = data.draw(st.integers(0, sum(sizes)))
    rows = intelligent.order(pool, budget, SETTINGS).rows
    counts = np.bincount(pool.labels[rows], minlength=len(sizes))
    np.testing.assert_array_equal(counts, water_fill(sizes, budget))


@pytest.mark.parametrize("rule", ["proportional", "square-root", "neyman"])
def test_intelligent_follows_the_rule_over_clusters(rule: str) -> None:
    pool = make_pool((30, 12, 5))
    settings = IntelligentSettings(budget_over_clusters=rule)  # type: ignore[arg-type]
    rows = intelligent.order(pool, 15, settings).rows
    spreads = intelligent.cluster_spreads(pool)
    expected = budgets_over_clusters(rule, [30, 12, 5], 15, spreads)  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.bincount(pool.labels[rows], minlength=3), expected)


def test_spread_is_the_root_mean_squared_distance_to_the_medoid() -> None:
    points = np.array([[0.0], [3.0], [4.0], [9.0]], dtype=np.float32)
    pool = ClassPool("a", points, np.array([0, 0, 0, 1]), np.array([0, 3]), 0)
    assert intelligent.cluster_spreads(pool).tolist() == pytest.approx([np.sqrt(25 / 3), 0])


def test_intelligent_says_from_which_cluster() -> None:
    pool = make_pool((6, 4))
    order = intelligent.order(pool, 10, SETTINGS)
    assert list(order.reasons) == [f"drawn from cluster {pool.labels[row] + 1}" for row in order.rows]


def test_draws_inside_a_cluster_do_not_depend_on_other_clusters() -> None:
    pool = make_pool((10, 6))
    without = ClassPool("a", pool.embedding[pool.labels == 0], np.zeros(10, dtype=np.int64), pool.medoids[:1] * 0, 0)
    members = np.flatnonzero(pool.labels == 0)
    both = [row for row in intelligent.order(pool, 16, SETTINGS).rows.tolist() if row in members]
    alone = members[intelligent.order(without, 10, SETTINGS).rows].tolist()
    assert both == alone


@pytest.mark.parametrize("name", ["random", "stratified", "intelligent"])
def test_inside_a_stratum_every_image_is_equally_likely(name: str) -> None:
    counts = np.zeros(12)
    for seed in range(600):
        counts[SAMPLERS[name].order(make_pool((12,), seed), 3).rows] += 1
    assert counts.sum() == 1800
    assert chisquare(counts).pvalue > 0.001


def test_names_of_classes_are_part_of_the_seed() -> None:
    one, two = (SAMPLERS["stratified"].order(make_pool((30,), 0, name), 10).rows.tolist() for name in ("a", "b"))
    assert one != two
