"""Whole coresets: budgets, pins, seeds, nesting, notes, and what stands beside them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.results import ClassClusters, ClassEmbedding, Coreset, Dataset, PoolEmbedding, Split
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool, Order
from coreset_studio.core.selection.selecting import matched_random, matched_rows, select, select_rows
from coreset_studio.core.selection.shares import expected_random
from coreset_studio.core.settings import SelectionSettings, with_own

SIZES = {"a": 40, "b": 25, "c": 7, "d": 1}
N_POOL = sum(SIZES.values())
DIFFICULTY = {"a": 0.1, "b": 0.5, "c": 0.2, "d": 1.0}
NAMES = list(SAMPLERS)
NESTED = [name for name in NAMES if SAMPLERS[name].nested]


@pytest.fixture(scope="session")
def scene(make_scene: Callable[..., Any]) -> Any:
    return make_scene(SIZES, n_test=0)


def across_of(scene: Any) -> PoolEmbedding:
    """Return the points of all classes, as if they were embedded together."""
    indices = np.concatenate([each.indices for each in scene.embeddings])
    points = np.concatenate([each.embedding for each in scene.embeddings])
    by_index = np.argsort(indices)
    return PoolEmbedding(indices[by_index], points[by_index], np.ones(len(indices), dtype=bool))


def choose(
    scene: Any, orders: OrderCache | None = None, own: Mapping[str, Any] | None = None, **choices: Any
) -> Coreset:
    wanted = SelectionSettings(**choices)
    if own:
        wanted = with_own(wanted, wanted.sampler, **own)
    return select(
        scene.dataset, scene.split, scene.embeddings, scene.clusters, wanted, difficulty=DIFFICULTY, orders=orders,
        across=across_of(scene),
    )  # fmt: skip


@pytest.mark.parametrize("sampler", NAMES)
@settings(max_examples=8, deadline=None)
@given(images=st.integers(1, N_POOL), seed=st.integers(0, 3))
def test_budget_is_met_to_the_image(scene: Any, sampler: str, images: int, seed: int) -> None:
    coreset = choose(scene, sampler=sampler, images=images, seed=seed)
    assert len(coreset.indices) == len(set(coreset.indices.tolist())) == images
    assert len(coreset.reasons) == len(coreset.ranks) == images
    assert sum(coreset.budgets.values()) == images
    assert coreset.pool_sizes == SIZES
    labels = scene.dataset.labels[coreset.indices]
    assert (np.diff(labels) >= 0).all()
    for position, name in enumerate(scene.dataset.classes):
        assert coreset.ranks[labels == position].tolist() == list(range(coreset.budgets[name]))
    if images >= len(SIZES) and sampler != "random":
        assert min(coreset.budgets.values()) >= 1


@pytest.mark.parametrize("sampler", NAMES)
def test_same_seed_same_coreset(scene: Any, sampler: str) -> None:
    one, two = (choose(scene, sampler=sampler, fraction=0.3, seed=5) for _ in range(2))
    assert one.indices.tolist() == two.indices.tolist()
    assert one.reasons == two.reasons
    assert one.budgets == two.budgets


@pytest.mark.parametrize("sampler", NAMES)
def test_order_of_what_is_handed_in_changes_nothing(scene: Any, sampler: str) -> None:
    one = choose(scene, sampler=sampler, fraction=0.3)
    shuffled = replace(scene.split, pool=np.random.default_rng(0).permutation(scene.split.pool))
    two = select(
        scene.dataset,
        shuffled,
        scene.embeddings[::-1],
        scene.clusters[::-1],
        SelectionSettings(sampler=sampler, fraction=0.3),
        difficulty=dict(reversed(DIFFICULTY.items())),
        across=across_of(scene),
    )
    assert one.indices.tolist() == two.indices.tolist()


@pytest.mark.parametrize("sampler", NAMES)
def test_rows_are_chosen_without_any_images(scene: Any, sampler: str) -> None:
    wanted = SelectionSettings(sampler=sampler, fraction=0.3)
    rows = (scene.dataset.labels, scene.dataset.classes, scene.split.pool)
    parts: dict[str, Any] = {"embeddings": scene.embeddings, "clusters": scene.clusters, "difficulty": DIFFICULTY}
    parts["across"] = across_of(scene).pool_rows
    one, two = choose(scene, sampler=sampler, fraction=0.3), select_rows(*rows, wanted, **parts)
    assert one.indices.tolist() == two.indices.tolist()
    assert (one.reasons, one.budgets, one.notes) == (two.reasons, two.budgets, two.notes)
    matched = matched_rows(*rows, one.budgets, 3)
    assert matched.indices.tolist() == matched_random(scene.dataset, scene.split, one, 3).indices.tolist()


@pytest.mark.parametrize("rule", ["sampler", "proportional", "equal", "square-root", "difficulty"])
@pytest.mark.parametrize("sampler", NESTED)
def test_smaller_coresets_lie_inside_larger_ones(scene: Any, sampler: str, rule: str) -> None:
    before: set[int] = set()
    orders = OrderCache()
    for images in range(1, N_POOL + 1, 4):
        coreset = choose(scene, orders, sampler=sampler, images=images, budget_over_classes=rule)
        assert before <= set(coreset.indices.tolist())
        before = set(coreset.indices.tolist())
        assert coreset.nested


def test_an_order_cache_changes_nothing_and_computes_once(
    scene: Any, make_sampler: Callable[..., Sampler], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int]] = []
    real = SAMPLERS["intelligent"]

    def counted(pool: ClassPool, n: int, wanted: Any) -> Order:
        calls.append((pool.class_name, n))
        return real.order(pool, n, wanted)

    monkeypatch.setattr(
        "coreset_studio.core.selection.selecting.SAMPLERS", {"intelligent": make_sampler(counted, like=real)}
    )
    orders = OrderCache()
    for fraction in (0.1, 0.2, 0.05, 0.2):
        cached = choose(scene, orders, fraction=fraction, at_least_one=False)
        assert set(calls) <= {("a", 20), ("b", 13), ("c", 4), ("d", 1)}
        assert len(calls) == len(set(calls))
        assert cached.indices.tolist() == choose_plainly(scene, real, cached)
    choose(scene, orders, fraction=0.9)
    assert ("a", 40) in calls
    n_calls = len(calls)
    choose(scene, orders, fraction=0.7)
    choose(scene, orders, fraction=0.3, pinned_out=("a/00003.png",))
    assert len(calls) == n_calls
    choose(scene, orders, fraction=0.3, seed=1)
    assert len(calls) == n_calls + 4
    choose(scene, orders, fraction=0.3, own={"budget_over_clusters": "proportional"})
    assert len(calls) == n_calls + 8
    moved = tuple(replace(embedding, embedding=embedding.embedding.copy()) for embedding in scene.embeddings)
    select(scene.dataset, scene.split, moved, scene.clusters, SelectionSettings(fraction=0.3), orders=orders)
    assert len(calls) == n_calls + 12


def choose_plainly(scene: Any, sampler: Sampler, like: Coreset) -> list[int]:
    """Every class's order asked for directly, without a cache."""
    result = []
    for embedding, clusters in zip(scene.embeddings, scene.clusters, strict=True):
        pool = ClassPool(embedding.class_name, embedding.embedding, clusters.labels, clusters.medoid_rows, 0)
        rows = sampler.order(pool, like.budgets[embedding.class_name]).rows
        result += embedding.indices[rows].tolist()
    return result


@pytest.mark.parametrize("sampler", [name for name in NAMES if SAMPLERS[name].scope == "class"])
def test_leaving_out_a_class_does_not_redraw_another(scene: Any, make_scene: Callable[..., Any], sampler: str) -> None:
    fewer = make_scene({name: n for name, n in SIZES.items() if name != "b"})
    choices: dict[str, Any] = {
        "sampler": sampler, "budget_over_classes": "by-hand", "fraction": 0.4, "at_least_one": False
    }  # fmt: skip
    one, two = choose(scene, **choices), choose(fewer, **choices)
    assert two.budgets == {name: n for name, n in one.budgets.items() if name != "b"}
    assert [path for path in scene.paths(one.indices) if path[0] != "b"] == fewer.paths(two.indices)


@pytest.mark.parametrize("sampler", NAMES)
def test_everything_is_everything(scene: Any, sampler: str) -> None:
    coreset = choose(scene, sampler=sampler, fraction=1.0)
    assert sorted(coreset.indices.tolist()) == scene.split.pool.tolist()
    assert coreset.fraction == 1


def test_nothing_but_the_pool_is_chosen(make_scene: Callable[..., Any]) -> None:
    scene = make_scene({"a": 20, "b": 12}, n_test=5)
    for sampler in NAMES:
        assert not np.isin(choose(scene, sampler=sampler, fraction=1.0).indices, scene.split.test).any()


def test_random_ignores_classes_and_stratified_keeps_their_shares(scene: Any) -> None:
    stratified = choose(scene, sampler="stratified", fraction=0.2, at_least_one=False)
    assert stratified.budgets == {"a": 9, "b": 5, "c": 1, "d": 0}
    draws = [choose(scene, sampler="random", fraction=0.2, seed=seed).budgets["a"] for seed in range(60)]
    assert len(set(draws)) > 3
    assert np.mean(draws) == pytest.approx(15 * 40 / N_POOL, abs=0.8)


def test_random_keeps_the_order_of_its_draw_inside_a_class(scene: Any) -> None:
    small, large = (choose(scene, sampler="random", fraction=fraction) for fraction in (0.2, 0.6))
    for position in range(4):
        one, two = (
            coreset.indices[scene.dataset.labels[coreset.indices] == position].tolist() for coreset in (small, large)
        )
        assert two[: len(one)] == one


def test_budgets_of_single_classes_by_hand(scene: Any) -> None:
    coreset = choose(
        scene, sampler="stratified", budget_over_classes="by-hand", fraction=0.1, fraction_by_class={"b": 1.0, "c": 0.5}
    )
    assert coreset.budgets == {"a": 4, "b": 25, "c": 4, "d": 1}
    total = choose(
        scene,
        sampler="stratified",
        budget_over_classes="by-hand",
        fraction=0.1,
        fraction_by_class={"b": 1.0, "c": 0.5},
        images=16,
    )
    assert sum(total.budgets.values()) == 16
    assert total.budgets["b"] > total.budgets["a"]


def test_pinned_images_come_first_inside_their_budget(scene: Any) -> None:
    plain = choose(scene, fraction=0.2)
    absent = next(path for path in scene.paths(scene.split.pool) if path not in scene.paths(plain.indices))
    present = scene.paths(plain.indices)[0]
    pinned = choose(scene, fraction=0.2, pinned_in=(absent,), pinned_out=(present,))
    assert pinned.budgets == plain.budgets
    paths = scene.paths(pinned.indices)
    assert present not in paths
    at = paths.index(absent)
    assert pinned.ranks[at] == 0
    assert pinned.reasons[at] == "pinned in"
    assert pinned.reasons.count("pinned in") == 1
    others = set(paths) - {absent}
    assert len(others - set(scene.paths(plain.indices))) <= 1


@pytest.mark.parametrize("sampler", NAMES)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_any_pins_are_kept_and_the_budget_too(scene: Any, sampler: str, data: st.DataObject) -> None:
    paths = [path for path in scene.paths(scene.split.pool) if path[0] != "d"]
    marked = data.draw(st.lists(st.sampled_from(paths), unique=True, max_size=8))
    cut = data.draw(st.integers(0, len(marked)))
    choices: dict[str, Any] = {"pinned_in": tuple(marked[:cut]), "pinned_out": tuple(marked[cut:])}
    try:
        coreset = choose(scene, sampler=sampler, fraction=0.4, **choices)
    except SelectionError as error:
        assert "pinned in, but" in str(error)  # noqa: PT017
        assert cut > 3
        return
    assert len(coreset.indices) == 29
    chosen = set(scene.paths(coreset.indices))
    assert set(marked[:cut]) <= chosen
    assert not set(marked[cut:]) & chosen


def test_more_pins_than_budget_are_refused(scene: Any) -> None:
    three = tuple(f"c/0000{i}.png" for i in range(3))
    with pytest.raises(SelectionError, match=r"3 images of class c are pinned in, but its budget is 1\."):
        choose(scene, fraction=0.1, pinned_in=three)
    with pytest.raises(SelectionError, match="3 images are pinned in, but the budget is 1"):
        choose(scene, sampler="random", images=1, pinned_in=three)


def test_pins_that_are_nowhere_are_refused(make_scene: Callable[..., Any]) -> None:
    scene = make_scene({"a": 8, "b": 8}, n_test=2)
    with pytest.raises(SelectionError, match="the dataset has no such image"):
        choose(scene, pinned_in=("a/no.png",))
    with pytest.raises(SelectionError, match="not in the pool"):
        choose(scene, pinned_in=("a/00000.png",))
    assert len(choose(scene, pinned_out=("a/00000.png", "a/no.png")).indices) == 3


def test_pinning_out_what_cannot_be_replaced_is_told(scene: Any) -> None:
    for sampler in ("intelligent", "random"):
        coreset = choose(scene, sampler=sampler, fraction=1.0, pinned_out=("d/00000.png", "a/00001.png"))
        assert len(coreset.indices) == N_POOL - 2
        assert any("71 images are selected instead of 73" in note for note in coreset.notes)
        assert any(note.startswith("No image of class d is selected") for note in coreset.notes)


def test_a_class_whose_share_rounds_to_nothing_is_told(scene: Any) -> None:
    coreset = choose(scene, fraction=0.1, at_least_one=False)
    assert coreset.budgets["d"] == 0
    assert [
        note for note in coreset.notes if "No image of class d is selected: its share of 7 images rounds to 0" in note
    ]
    assert choose(scene, fraction=0.1).notes == ()
    two = choose(scene, images=2)
    assert [note[:19] for note in two.notes] == ["No image of class c", "No image of class d"]


def test_random_says_that_it_has_no_class_budgets(scene: Any) -> None:
    coreset = choose(scene, sampler="random", budget_over_classes="equal")
    assert any("the rule equal was not used" in note for note in coreset.notes)


def test_budgets_that_cannot_be_had_are_refused(scene: Any) -> None:
    with pytest.raises(SelectionError, match="74 images were requested, but the pool has 73"):
        choose(scene, images=74)
    with pytest.raises(SelectionError, match="rounds to no image"):
        choose(scene, fraction=0.005)
    with pytest.raises(SelectionError, match="round to no images"):
        choose(scene, fraction=0.001, budget_over_classes="by-hand", at_least_one=False)
    with pytest.raises(SelectionError, match="the difficulty of each class"):
        select(
            scene.dataset, scene.split, scene.embeddings, scene.clusters,
            SelectionSettings(budget_over_classes="difficulty"),
        )  # fmt: skip


def test_what_is_missing_is_named(scene: Any) -> None:
    def with_parts(
        embeddings: tuple[ClassEmbedding, ...], clusters: tuple[ClassClusters, ...], sampler: str = "intelligent"
    ) -> Coreset:
        return select(scene.dataset, scene.split, embeddings, clusters, SelectionSettings(sampler=sampler))

    with pytest.raises(SelectionError, match=r"There is no sampler named 'magic'; choose from random, stratified"):
        with_parts(scene.embeddings, scene.clusters, "magic")
    with pytest.raises(SelectionError, match="requires the clusters of class a"):
        with_parts(scene.embeddings, ())
    with pytest.raises(SelectionError, match="requires the features of class a"):
        with_parts((), scene.clusters, "herding")
    other = (replace(scene.clusters[0], indices=scene.clusters[0].indices + 1), *scene.clusters[1:])
    with pytest.raises(SelectionError, match="computed from other images"):
        with_parts(scene.embeddings, other)
    assert len(with_parts((), (), "stratified").indices) == 18
    assert len(with_parts((), (), "random").indices) == 18


def test_empty_pool_is_refused(scene: Any) -> None:
    nothing = np.zeros(0, dtype=np.int64)
    for sampler in ("random", "stratified"):
        with pytest.raises(SelectionError, match="the pool is empty"):
            select(scene.dataset, Split(nothing, nothing, nothing), (), (), SelectionSettings(sampler=sampler))


def test_matched_random_has_the_budgets_of_what_it_stands_beside(scene: Any) -> None:
    like = choose(scene, budget_over_classes="equal", fraction=0.3)
    matched = matched_random(scene.dataset, scene.split, like, seed=3)
    assert matched.budgets == like.budgets
    assert matched.sampler == "matched-random"
    assert matched.nested
    assert matched.indices.tolist() != like.indices.tolist()
    again = matched_random(scene.dataset, scene.split, like, seed=3)
    assert matched.indices.tolist() == again.indices.tolist()
    proportional = choose(scene, sampler="stratified", fraction=0.3, seed=3)
    same = matched_random(scene.dataset, scene.split, proportional, seed=3)
    assert same.indices.tolist() == proportional.indices.tolist()
    with pytest.raises(SelectionError, match="the coreset to match has 41"):
        matched_random(scene.dataset, scene.split, replace(like, budgets={"a": 41}), seed=3)


def test_shares_of_clusters_beside_random(scene: Any) -> None:
    coreset = choose(scene, fraction=0.3, seed=2)
    drawn = choose(scene, sampler="random", fraction=0.3, seed=2)
    shares = expected_random(scene.clusters[::-1], coreset)
    assert [share.class_name for share in shares] == ["a", "b", "c", "d"]
    assert sum(share.chosen.sum() for share in shares) == len(coreset.indices)
    for share, clusters in zip(shares, scene.clusters, strict=True):
        assert share.sizes.tolist() == clusters.sizes.tolist()
        assert share.chosen.sum() == coreset.budgets[share.class_name]
        assert share.random.sum() == drawn.budgets[share.class_name]
        np.testing.assert_allclose(share.expected_random, clusters.sizes * len(coreset.indices) / N_POOL)
    a = shares[0]
    unsaturated = a.chosen[a.chosen < a.sizes]
    assert unsaturated.max() - unsaturated.min() <= 1


def test_progress_counts_classes(scene: Any) -> None:
    reports: list[tuple[int, int]] = []

    class Listen:
        def report(self, done: int, total: int, message: str = "") -> None:
            reports.append((done, total))

        def publish(self, result: object) -> None:
            raise AssertionError

    select(scene.dataset, scene.split, scene.embeddings, scene.clusters, SelectionSettings(), progress=Listen())
    assert reports == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_dataset_positions_do_not_matter_only_names_do(scene: Any, make_scene: Callable[..., Any]) -> None:
    """An additional class in front moves every index; the chosen files stay."""
    more = make_scene({"0": 10, **SIZES})
    choices: dict[str, Any] = {"budget_over_classes": "by-hand", "fraction": 0.5}
    one, two = choose(scene, **choices), choose(more, **choices)
    assert [path for path in more.paths(two.indices) if path[0] != "0"] == scene.paths(one.indices)
    assert isinstance(more.dataset, Dataset)
