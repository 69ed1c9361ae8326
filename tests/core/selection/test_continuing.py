"""Coresets that continue from an earlier one: what is kept, what is added to it, and what is said."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.errors import CannotContinueError, SelectionError
from coreset_studio.core.neighbours import unit_rows
from coreset_studio.core.results import Coreset, Dataset, LeftOut, PoolEmbedding
from coreset_studio.core.selection.budgets import beyond, budgets_over_classes
from coreset_studio.core.selection.kept import KEPT, find_kept
from coreset_studio.core.selection.kernel import Kernel, squared_discrepancy
from coreset_studio.core.selection.orders import OrderCache, put_in_order
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.samplers.even_herding.order import even_target
from coreset_studio.core.selection.sampling import ClassPool
from coreset_studio.core.selection.selecting import matched_random, select
from coreset_studio.core.settings import EarlierCoreset, EarlierImage, SelectionSettings

SIZES = {"a": 40, "b": 25, "c": 7, "d": 1}
DIFFICULTY = {"a": 0.1, "b": 0.5, "c": 0.2, "d": 1.0}
NESTED = [name for name in SAMPLERS if SAMPLERS[name].nested]
OTHERS = [name for name in SAMPLERS if not SAMPLERS[name].nested]
DIGEST = "0" * 64


@pytest.fixture(scope="module")
def scene(make_scene: Callable[..., Any]) -> Any:
    return make_scene(SIZES)


def earlier_of(dataset: Dataset, indices: Any) -> EarlierCoreset:
    images = [dataset.images[int(index)] for index in indices]
    return EarlierCoreset("before", DIGEST, tuple(EarlierImage(i.path, i.class_name, i.pixels) for i in images))


def choose(scene: Any, dataset: Dataset | None = None, split: Any = None, **choices: Any) -> Coreset:
    across = PoolEmbedding(
        scene.split.pool, np.concatenate([e.embedding for e in scene.embeddings]), np.ones(sum(SIZES.values()), bool)
    )
    return select(
        dataset or scene.dataset, split or scene.split, scene.embeddings, scene.clusters, SelectionSettings(**choices),
        difficulty=DIFFICULTY, across=across,
    )  # fmt: skip


@pytest.mark.parametrize("sampler", NESTED)
@pytest.mark.parametrize("before", ["stratified", "even-herding"])
def test_what_was_chosen_is_kept_and_the_budget_is_met(scene: Any, sampler: str, before: str) -> None:
    first = choose(scene, sampler=before, images=12, seed=3)
    grown = [
        choose(scene, sampler=sampler, images=n, seed=5, continue_from=earlier_of(scene.dataset, first.indices))
        for n in (20, 30, 73)
    ]
    for coreset, n in zip(grown, (20, 30, 73), strict=True):
        chosen = coreset.indices.tolist()
        assert len(chosen) == len(set(chosen)) == n == sum(coreset.budgets.values())
        assert set(first.indices.tolist()) == set(coreset.kept)
        kept = [i for i, reason in zip(chosen, coreset.reasons, strict=True) if reason == KEPT]
        assert set(kept) == set(first.indices.tolist())
        assert coreset.notes[0] == "All 12 images of the earlier coreset are kept."
    small, middle, large = (set(coreset.indices.tolist()) for coreset in grown)
    assert small < middle < large


# Stages of even herding end at powers of two, so that other stages are exchanged.
@pytest.mark.parametrize("sampler", [name for name in NESTED if name != "even-herding"])
def test_continuing_from_a_coreset_of_the_same_ranking_gives_more_of_it(scene: Any, sampler: str) -> None:
    first = choose(scene, sampler=sampler, images=15)
    grown = choose(scene, sampler=sampler, images=35, continue_from=earlier_of(scene.dataset, first.indices))
    assert set(grown.indices.tolist()) == set(choose(scene, sampler=sampler, images=35).indices.tolist())


@pytest.mark.parametrize("sampler", OTHERS)
def test_a_sampler_that_does_not_rank_says_so(scene: Any, sampler: str) -> None:
    with pytest.raises(CannotContinueError) as caught:
        choose(scene, sampler=sampler, images=20, continue_from=earlier_of(scene.dataset, [0, 1, 41]))
    assert str(caught.value) == (
        f"{SAMPLERS[sampler].title} cannot continue from an earlier coreset, because it does not rank images: each "
        "size is a selection of its own. Choose a sampler that ranks images, such as even herding, or do not continue "
        "from the earlier coreset."
    )


# --- each next image is the best beside those that are kept -------------------------------------------------------


def pool_of(scene: Any, kept: list[int], name: str = "a") -> ClassPool:
    embedding = next(e for e in scene.embeddings if e.class_name == name)
    clusters = next(c for c in scene.clusters if c.class_name == name)
    return ClassPool(
        name, embedding.embedding, clusters.labels, clusters.medoid_rows, 0, kept=np.array(kept, dtype=np.int64)
    )


def covered(similarities: np.ndarray, rows: list[int]) -> float:
    return float(similarities[rows].max(axis=0).sum())


@pytest.mark.parametrize("sampler", ["facility-location", "max-herding"])
def test_covering_takes_the_image_that_adds_most_to_what_is_kept(scene: Any, sampler: str) -> None:
    kept = [7, 30, 2]
    pool = pool_of(scene, kept)
    units = unit_rows(pool.embedding)
    similarities = np.maximum(units @ units.T, 0)
    if sampler == "max-herding":
        similarities = Kernel(pool.embedding).rows(np.arange(pool.n_images)).astype(np.float64)
    order = put_in_order(SAMPLERS[sampler], pool, 6)
    taken = list(kept)
    for row in order.rows.tolist():
        gains = {j: covered(similarities, [*taken, j]) for j in range(pool.n_images) if j not in taken}
        assert gains[row] == pytest.approx(max(gains.values()), rel=1e-5)
        taken.append(row)


def test_covering_beside_kept_images_is_within_its_bound(scene: Any) -> None:
    kept, n = [0, 4], 2
    pool = pool_of(scene, kept)
    units = unit_rows(pool.embedding)
    similarities = np.maximum(units @ units.T, 0)
    rows = put_in_order(SAMPLERS["facility-location"], pool, n).rows.tolist()
    others = [row for row in range(pool.n_images) if row not in kept]
    base = covered(similarities, kept)
    best = max(covered(similarities, [*kept, *more]) for more in combinations(others, n)) - base
    assert covered(similarities, [*kept, *rows]) - base >= (1 - 1 / np.e) * best


def test_herding_continues_from_the_sum_of_what_is_kept(scene: Any) -> None:
    kept = [7, 30, 2]
    pool = pool_of(scene, kept)
    vectors = pool.embedding.astype(np.float64)
    taken = list(kept)
    for row in put_in_order(SAMPLERS["herding"], pool, 6).rows.tolist():
        away = {
            j: np.linalg.norm((len(taken) + 1) * vectors.mean(axis=0) - vectors[taken].sum(axis=0) - vectors[j])
            for j in range(pool.n_images) if j not in taken
        }  # fmt: skip
        assert away[row] == pytest.approx(min(away.values()), rel=1e-5)
        taken.append(row)


def test_k_center_takes_the_image_farthest_from_what_is_kept(scene: Any) -> None:
    kept = [7, 30]
    pool = pool_of(scene, kept)
    distances = np.linalg.norm(pool.embedding[:, None] - pool.embedding[None], axis=2)
    taken = list(kept)
    for row in put_in_order(SAMPLERS["k-center"], pool, 6).rows.tolist():
        nearest = distances[taken].min(axis=0)
        assert nearest[row] == pytest.approx(nearest.max(), rel=1e-4)
        taken.append(row)


def test_balanced_herding_follows_its_target_beside_what_is_kept(scene: Any) -> None:
    from coreset_studio.core.selection.samplers.balanced_herding.order import target

    kept = [7, 30, 2]
    pool = pool_of(scene, kept)
    kernel = Kernel(pool.embedding)
    all_rows = kernel.rows(np.arange(pool.n_images)).astype(np.float64)
    wanted = all_rows @ target(pool.labels, 0.25)
    taken = list(kept)
    for row in put_in_order(SAMPLERS["balanced-herding"], pool, 6).rows.tolist():
        scores = wanted - all_rows[taken].sum(axis=0) / (len(taken) + 1)
        best = max(scores[j] for j in range(pool.n_images) if j not in taken)
        assert scores[row] == pytest.approx(best, abs=1e-5)
        taken.append(row)


def test_even_herding_beside_kept_images_is_nearer_to_its_target_than_without_a_look_at_them(scene: Any) -> None:
    kept = [0, 1, 2, 3, 4]
    pool = pool_of(scene, kept)
    kernel = Kernel(pool.embedding)
    target = even_target(kernel.class_means)
    among = kernel.rows(np.arange(pool.n_images)).astype(np.float64)

    def discrepancy(rows: list[int]) -> float:
        weights = np.bincount(rows, minlength=pool.n_images) / len(rows) - target
        return float(weights @ among @ weights)

    sampler = SAMPLERS["even-herding"]
    beside = put_in_order(sampler, pool, 11).rows.tolist()
    blind = [row for row in put_in_order(sampler, replace(pool, kept=pool.kept[:0]), 20).rows.tolist()
             if row not in kept][:11]  # fmt: skip
    assert discrepancy([*kept, *beside]) < discrepancy([*kept, *blind])
    assert squared_discrepancy(kernel, np.array([*kept, *beside])) >= 0


def test_graph_coverage_takes_the_image_that_adds_most_to_what_is_kept(scene: Any) -> None:
    from coreset_studio.core.selection.graph import cover_graph

    kept = [7, 30, 2]
    pool = pool_of(scene, kept)
    graph = cover_graph(pool.embedding).toarray().T
    taken = list(kept)
    for row in put_in_order(SAMPLERS["graph-coverage"], pool, 6).rows.tolist():
        gains = {j: covered(graph, [*taken, j]) for j in range(pool.n_images) if j not in taken}
        assert gains[row] == pytest.approx(max(gains.values()), rel=1e-5)
        taken.append(row)


def test_clusters_that_gave_nothing_come_first(scene: Any) -> None:
    clusters = next(c for c in scene.clusters if c.class_name == "a")
    of_first = np.flatnonzero(clusters.labels == 0)[:4].tolist()
    order = put_in_order(SAMPLERS["intelligent"], pool_of(scene, of_first), 6)
    counts = np.bincount(clusters.labels[[*of_first, *order.rows.tolist()]], minlength=clusters.k)
    others = [n for cluster, n in enumerate(counts) if cluster and n < clusters.sizes[cluster]]
    assert counts[0] == 4 or min(others, default=4) >= 4
    assert len(set(order.rows.tolist()) & set(of_first)) == 0


@pytest.mark.parametrize("sampler", NESTED)
def test_all_are_kept_of_identical_images(sampler: str) -> None:
    pool = ClassPool.plain("a", 6, 0)
    pool = replace(pool, embedding=np.ones((6, 3), dtype=np.float32), kept=np.array([4, 1]))
    rows = OrderCache().get(SAMPLERS[sampler], pool, 6, SelectionSettings()).rows.tolist()
    assert sorted(rows) == [0, 2, 3, 5]


# --- budgets -------------------------------------------------------------------------------------------------------


def test_handing_out_goes_on_after_what_each_has() -> None:
    assert beyond(np.array([0, 1, 0, 1, 0, 2]), [2, 0, 1]).tolist() == [1, 1, 0]


def test_no_class_has_a_smaller_budget_than_it_keeps_and_none_shrinks_with_the_total() -> None:
    sizes, weights = {"a": 50, "b": 30, "c": 20}, {"a": 50.0, "b": 30.0, "c": 20.0}
    before = None
    for total in range(15, 101):
        budgets = budgets_over_classes(total, sizes, weights, kept={"c": 14})
        assert sum(budgets.values()) == total
        assert budgets["c"] >= 14
        assert before is None or all(budgets[name] >= before[name] for name in sizes)
        before = budgets
    assert budgets_over_classes(40, sizes, weights, kept={"c": 3}) == budgets_over_classes(40, sizes, weights)


def test_a_class_that_keeps_more_than_its_budget_is_told(scene: Any) -> None:
    earlier = earlier_of(scene.dataset, range(65, 72))  # all seven of c
    coreset = choose(scene, sampler="stratified", images=14, continue_from=earlier)
    assert coreset.budgets == {"a": 4, "b": 2, "c": 7, "d": 1}
    assert "More images are kept than the class budget of c (7 instead of 1)" in coreset.notes[1]


@pytest.mark.parametrize("sampler", ["random", "even-herding"])
def test_a_budget_below_what_is_kept_is_refused(scene: Any, sampler: str) -> None:
    earlier = earlier_of(scene.dataset, range(20))
    with pytest.raises(SelectionError) as caught:
        choose(scene, sampler=sampler, images=19, continue_from=earlier)
    assert str(caught.value) == (
        "20 images are kept from the earlier coreset, but the budget is 19. Raise it to at least 20 images (27.40% of "
        "the pool), or do not continue from it."
    )


def test_a_budget_by_hand_below_what_its_class_keeps_is_refused(scene: Any) -> None:
    with pytest.raises(SelectionError, match=r"^5 images of class c are kept from the earlier coreset, but its budget"):
        choose(scene, sampler="stratified", fraction=0.5, budget_over_classes="by-hand", fraction_by_class={"c": 0.3},
               continue_from=earlier_of(scene.dataset, range(65, 70)))  # fmt: skip


def test_pins_count_beside_what_is_kept(scene: Any) -> None:
    paths = [image.path for image in scene.dataset.images]
    coreset = choose(scene, sampler="even-herding", images=20, continue_from=earlier_of(scene.dataset, [0, 1, 41]),
                     pinned_in=(paths[0], paths[5]), pinned_out=(paths[41], paths[6]))  # fmt: skip
    assert coreset.kept == (0, 1)
    assert {0, 1, 5} < set(coreset.indices.tolist())
    assert not {41, 6} & set(coreset.indices.tolist())
    assert coreset.notes[0] == (
        "2 of the 3 images of the earlier coreset are kept; 1 is not: 1 pinned out (b/00001.png)."
    )
    with pytest.raises(SelectionError, match="1 image of class a is pinned in, and 20 are kept"):
        choose(scene, sampler="stratified", images=20, continue_from=earlier_of(scene.dataset, range(20)),
               pinned_in=(paths[30],))  # fmt: skip


def test_matched_random_keeps_them_too(scene: Any) -> None:
    like = choose(scene, sampler="even-herding", images=20, continue_from=earlier_of(scene.dataset, [0, 1, 41]))
    drawn = matched_random(scene.dataset, scene.split, like, 3)
    assert drawn.budgets == like.budgets
    assert set(drawn.kept) == {0, 1, 41} < set(drawn.indices.tolist())
    assert len(set(drawn.indices.tolist())) == 20


# --- images that are not as they were ------------------------------------------------------------------------------


def test_images_are_found_by_content_and_those_that_are_not_are_named(scene: Any) -> None:
    images = list(scene.dataset.images)
    earlier = earlier_of(scene.dataset, [0, 1, 2, 3, 4, 5, 40])
    moved = replace(images[0], path="a/moved.png")  # the first keeps its content under another name
    changed = replace(images[1], pixels="changed")
    split = replace(
        scene.split,
        pool=np.setdiff1d(scene.split.pool, [2, 3, 4]),
        test=np.array([2]),
        validation=np.array([3]),
        left_out=(LeftOut(4, "excluded by hand"),),
    )
    dataset = replace(scene.dataset, images=(moved, changed, *images[2:]))
    gone = replace(earlier, images=(*earlier.images, EarlierImage("a/gone.png", "a", "gone")))
    kept = find_kept(dataset, split, SelectionSettings(continue_from=gone))
    assert kept.indices.tolist() == [0, 5, 40]
    assert dict(kept.n_by_class) == {"a": 2, "b": 1}
    [note] = kept.notes
    assert note == (
        "3 of the 8 images of the earlier coreset are kept; 5 are not: 1 no longer in the dataset (a/gone.png), "
        "1 changed since (a/00001.png), 1 in the test images now (a/00002.png), 1 in the validation images now "
        "(a/00003.png), 1 excluded (a/00004.png). To keep images of the test and validation sets, too, provide a split "
        "that has them as training images."
    )


def test_of_copies_the_one_of_the_same_path_is_kept_and_each_once(scene: Any) -> None:
    images = list(scene.dataset.images)
    same = [replace(image, pixels="same") for image in images[:3]]
    dataset = replace(scene.dataset, images=(*same, *images[3:]))
    earlier = EarlierCoreset(
        "before", DIGEST, (EarlierImage("elsewhere.png", "a", "same"), EarlierImage(images[0].path, "a", "same"))
    )
    kept = find_kept(dataset, scene.split, SelectionSettings(continue_from=earlier))
    assert kept.indices.tolist() == [1, 0]
    nameless = find_kept(dataset, scene.split, SelectionSettings(continue_from=earlier.without_names()))
    assert nameless.indices.tolist() == [0, 1]


def test_the_coreset_of_another_dataset_is_refused(scene: Any) -> None:
    earlier = EarlierCoreset("before", DIGEST, (EarlierImage("x.png", "x", "x"), EarlierImage("y.png", "x", "y")))
    with pytest.raises(SelectionError) as caught:
        choose(scene, sampler="stratified", images=20, continue_from=earlier)
    assert str(caught.value) == (
        "None of the 2 images of the earlier coreset can be kept: 2 no longer in the dataset (x.png, y.png). Use the "
        "dataset and the split that it was selected from, or do not continue from it."
    )
