"""Selection beyond the limit of exact selection, in parts."""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from coreset_studio.core.errors import SamplerFailedError, SettingsError
from coreset_studio.core.pipeline.words import coreset_sentence
from coreset_studio.core.results import ClassEmbedding, Coreset, FloatArray
from coreset_studio.core.selection.clustering import cluster_class
from coreset_studio.core.selection.dividing import is_divided, n_parts, selection_bytes, selection_seconds
from coreset_studio.core.selection.kernel import Kernel, sampled_discrepancy, squared_discrepancy
from coreset_studio.core.selection.orders import OrderCache, put_in_order
from coreset_studio.core.selection.parts import divide, part_sequence
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool, Order
from coreset_studio.core.selection.selecting import select_rows
from coreset_studio.core.selection.selector import CoresetSelector
from coreset_studio.core.settings import ClusterSettings, SelectionSettings
from tests.core.selection.test_orders import MakeSampler

NONE = np.zeros(0, dtype=np.int64)
LIMIT = 100
OF_CLASS = sorted(name for name, each in SAMPLERS.items() if each.scope == "class")
DIVIDED = sorted(name for name in OF_CLASS if is_divided(SAMPLERS[name], LIMIT + 1, LIMIT))


def rows(n: int = 450, d: int = 5, seed: int = 0) -> FloatArray:
    random = np.random.default_rng(seed)
    return (random.standard_normal((n, d)) + 3 * random.integers(0, 3, (n, 1))).astype(np.float32)


def pool(n: int = 450, seed: int = 3) -> ClassPool:
    embedding = rows(n)
    labels = np.arange(n) % 3
    return replace(ClassPool.plain("a", n, seed), embedding=embedding, labels=labels, medoids=np.arange(3))


def embedded(embedding: FloatArray, name: str, first: int) -> ClassEmbedding:
    indices = np.arange(first, first + len(embedding))
    return ClassEmbedding(name, indices, embedding, NONE, embedding[:0], ())


def test_the_built_in_samplers_that_are_divided() -> None:
    assert DIVIDED == [
        "balanced-herding", "even-herding", "facility-location", "graph-coverage", "herding", "k-center",
        "max-herding", "medoid", "typiclust",
    ]  # fmt: skip


@pytest.mark.parametrize("by_cluster", [False, True])
def test_every_image_is_in_one_part_of_at_most_the_limit(by_cluster: bool) -> None:
    division = divide(pool(), LIMIT, by_cluster=by_cluster)
    assert sorted(np.concatenate(division.parts).tolist()) == list(range(450))
    sizes = [len(part) for part in division.parts]
    assert max(sizes) <= LIMIT
    assert max(sizes) - min(sizes) <= 1
    # 450 images are five parts; three clusters of 150 are two parts each.
    assert len(sizes) == (6 if by_cluster else 5)
    for number, part in enumerate(division.parts):
        assert (division.part_of[part] == number).all()
        if by_cluster:
            assert len(np.unique(pool().labels[part])) == 1
    assert len(division.pilot) == pytest.approx(LIMIT, abs=len(sizes))
    assert set(division.part_of[division.pilot]) == set(range(len(sizes)))


def test_parts_are_neighbours() -> None:
    points = np.array([[1, 0], [9, 1], [2, 0], [8, 1], [7, 0], [3, 1]] * 34, dtype=np.float32)
    division = divide(replace(ClassPool.plain("a", 204, 0), embedding=points), 102, by_cluster=False)
    assert [set(points[part, 0].tolist()) for part in division.parts] == [{1, 2, 3}, {7, 8, 9}]


def test_the_sequence_of_parts_is_that_of_the_pilot_first_and_exhausts_all_parts_together() -> None:
    # Part 0 first, then both as often, then part 1: 80 of 160 images of the pilot are those of part 0.
    pilot = np.array([0] * 40 + [0, 1] * 40 + [1] * 40)
    sequence = part_sequence(pilot, np.array([800, 800]))
    assert len(sequence) == 1_600
    assert np.bincount(sequence).tolist() == [800, 800]
    assert sequence[:20].tolist() == [0] * 20
    # A share of the class has the shares of the parts that the same share of the pilot has.
    for n, expected in ((400, [400, 0]), (800, [600, 200]), (1_200, [800, 400])):
        assert np.bincount(sequence[:n], minlength=2).tolist() == pytest.approx(expected, abs=11)


@pytest.mark.parametrize("name", DIVIDED)
def test_rankings_contain_every_image_once_and_are_nested(name: str) -> None:
    sampler, images = SAMPLERS[name], pool()
    whole = put_in_order(sampler, images, 450, exact_up_to=LIMIT)
    assert sorted(whole.rows.tolist()) == list(range(450))
    few = put_in_order(sampler, images, 31, exact_up_to=LIMIT)
    assert len(set(few.rows.tolist())) == 31
    if sampler.nested:
        for n in (1, 5, 31, 200):
            shorter = put_in_order(sampler, images, n, exact_up_to=LIMIT)
            assert shorter.rows.tolist() == whole.rows[:n].tolist()
            assert shorter.reasons == whole.reasons[:n]


@pytest.mark.parametrize("name", DIVIDED)
def test_up_to_the_limit_the_ranking_is_the_exact_one(name: str) -> None:
    exact = put_in_order(SAMPLERS[name], pool(120), 40)
    assert put_in_order(SAMPLERS[name], pool(120), 40, exact_up_to=120).rows.tolist() == exact.rows.tolist()
    assert put_in_order(SAMPLERS[name], pool(120), 40, exact_up_to=119).rows.tolist() != exact.rows.tolist()


@pytest.mark.parametrize("name", [name for name in DIVIDED if SAMPLERS[name].continues])
def test_kept_images_are_never_given_again(name: str) -> None:
    kept = np.array([400, 3, 77, 150, 151, 152])
    order = put_in_order(SAMPLERS[name], replace(pool(), kept=kept), 450, exact_up_to=LIMIT)
    assert sorted([*order.rows.tolist(), *kept.tolist()]) == list(range(450))
    few = put_in_order(SAMPLERS[name], replace(pool(), kept=kept), 60, exact_up_to=LIMIT)
    assert few.rows.tolist() == order.rows[:60].tolist()


@pytest.mark.parametrize("name", DIVIDED)
def test_one_seed_gives_the_same_images_on_one_and_two_threads(name: str) -> None:
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(limits=n_threads):
            found.append(put_in_order(SAMPLERS[name], pool(), 150, exact_up_to=LIMIT).rows.tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize("name", [name for name in DIVIDED if not SAMPLERS[name].uses_seed])
def test_a_sampler_without_a_seed_gives_the_same_images_for_any(name: str) -> None:
    one, other = (put_in_order(SAMPLERS[name], pool(seed=seed), 90, exact_up_to=LIMIT).rows for seed in (0, 1))
    assert one.tolist() == other.tolist()


def test_identical_images_are_divided_by_their_rows() -> None:
    same = replace(ClassPool.plain("a", 250, 0), embedding=np.ones((250, 3), dtype=np.float32))
    order = put_in_order(SAMPLERS["even-herding"], same, 250, exact_up_to=LIMIT)
    assert sorted(order.rows.tolist()) == list(range(250))


# --- samplers of plugins ------------------------------------------------------------------------------------------


def test_a_sampler_of_a_plugin_is_divided_and_sees_no_more_than_a_part(make_sampler: MakeSampler) -> None:
    seen: list[int] = []

    def by_first_component(given: ClassPool, n: int) -> Order:
        seen.append(given.n_images)
        return Order(np.argsort(-given.embedding[:, 0], kind="stable")[:n], ("",) * n)

    order = put_in_order(make_sampler(by_first_component), pool(), 45, exact_up_to=LIMIT)
    assert max(seen) <= LIMIT + 5
    assert len(seen) == 6
    # Large values of the component are still preferred.
    values = pool().embedding[:, 0]
    assert values[order.rows].mean() > np.sort(values)[::-1][:90].mean()


def test_a_sampler_that_does_not_use_the_embedding_is_not_divided(make_sampler: MakeSampler) -> None:
    def first(given: ClassPool, n: int) -> Order:
        return Order(np.arange(n), ("",) * n)

    sampler = make_sampler(first, uses_embedding=False)
    assert not is_divided(sampler, 10**6, LIMIT)
    assert put_in_order(sampler, pool(), 4, exact_up_to=LIMIT).rows.tolist() == [0, 1, 2, 3]


def test_a_sampler_that_gives_too_few_images_of_a_part_fails(make_sampler: MakeSampler) -> None:
    def none(given: ClassPool, n: int) -> Order:
        return Order(np.zeros(0, dtype=np.int64), ())

    with pytest.raises((SamplerFailedError, ValueError), match="it returned 0 rows"):
        put_in_order(make_sampler(none), pool(), 4, exact_up_to=LIMIT)


# --- whole coresets -----------------------------------------------------------------------------------------------


def test_a_coreset_says_which_classes_were_divided() -> None:
    large, small = rows(450), rows(60, seed=1)
    labels = np.array([0] * 450 + [1] * 60)
    embeddings = [embedded(large, "large", 0), embedded(small, "small", 450)]
    settings = SelectionSettings(sampler="even-herding", fraction=0.2, budget_over_classes="proportional")
    coreset = select_rows(
        labels, ["large", "small"], np.arange(510), settings, embeddings=embeddings, exact_up_to=LIMIT
    )
    assert coreset.parts == {"large": 5}
    assert coreset.budgets == {"large": 90, "small": 12}
    assert coreset.notes[-1] == (
        "Class large: 450 images, selected in 5 parts, because they are more than the 100 that are ranked together "
        "(“Exact up to”)."
    )
    whole = select_rows(labels, ["large", "small"], np.arange(510), settings, embeddings=embeddings)
    assert whole.parts == {}
    assert coreset.indices[90:].tolist() == whole.indices[90:].tolist()
    assert coreset.indices[:90].tolist() != whole.indices[:90].tolist()


def test_clusters_are_divided_separately() -> None:
    large = rows(450)
    embedding = embedded(large, "large", 0)
    clusters = cluster_class(embedding, ClusterSettings(exact_up_to=LIMIT, k_by_class={"large": 3}))
    settings = SelectionSettings(sampler="balanced-herding", fraction=0.2, budget_over_classes="proportional")
    coreset = select_rows(
        np.zeros(450, dtype=np.int64), ["large"], np.arange(450), settings,
        embeddings=[embedding], clusters=[clusters], exact_up_to=LIMIT,
    )  # fmt: skip
    sizes = np.bincount(clusters.labels).tolist()
    assert coreset.parts == {"large": sum(-(-size // LIMIT) for size in sizes)}
    # Reasons name the clusters of the class.
    of_cluster = [f"represents cluster {label + 1}" for label in clusters.labels[coreset.indices].tolist()]
    assert list(coreset.reasons) == of_cluster


@pytest.mark.parametrize("fraction", [0.05, 0.3, 1.0])
def test_a_sampler_from_all_classes_together_meets_every_budget(fraction: float) -> None:
    across = rows(500)
    labels = np.arange(500) % 4
    settings = SelectionSettings(sampler="global-graph-coverage", fraction=fraction)
    coreset = select_rows(labels, list("abcd"), np.arange(500), settings, across=across, exact_up_to=LIMIT)
    assert coreset.parts == {"": 5}
    assert len(set(coreset.indices.tolist())) == round(500 * fraction)
    counts = np.bincount(labels[coreset.indices], minlength=4)
    assert counts.max() - counts.min() <= 1
    assert coreset.notes[-1].startswith("The pool: 500 images, selected in 5 parts, because")


def test_the_limit_is_in_the_key_of_a_ranking_only_beyond_it() -> None:
    orders, images, settings = OrderCache(), pool(120), SelectionSettings()
    sampler = SAMPLERS["facility-location"]
    exact = orders.get(sampler, images, 10, settings)
    assert orders.get(sampler, images, 10, settings, exact_up_to=120) is exact
    assert orders.get(sampler, images, 10, settings, exact_up_to=119) is not exact


def test_needs_beyond_the_limit_grow_in_proportion_to_the_images() -> None:
    sampler = SAMPLERS["even-herding"]
    assert n_parts(sampler, 50_000, 20_000) == 10
    assert n_parts(sampler, 20_000, 20_000) == 1
    small, large = (selection_seconds(sampler, n, 20_000) for n in (50_000, 100_000))
    assert large < 2 * small
    assert selection_bytes(sampler, 100_000, 100, 20_000) < 10**9


def test_a_limit_too_low_to_divide_by_is_refused_with_a_sentence() -> None:
    with pytest.raises(SettingsError, match="at least 100, such as 20000; found 5"):
        ClusterSettings(exact_up_to=5)


# --- coverage -----------------------------------------------------------------------------------------------------


def test_discrepancy_of_a_sample_estimates_that_of_the_class() -> None:
    embedding = rows(1_500)
    # Images of one end of the class, which differ from it.
    chosen = np.argsort(embedding[:, 0], kind="stable")[:300]
    exact = squared_discrepancy(Kernel(embedding), chosen)
    estimates = [sampled_discrepancy(embedding, chosen, 400, str(seed)) for seed in range(5)]
    assert np.mean(estimates) == pytest.approx(exact, rel=0.1)
    assert sampled_discrepancy(embedding, np.arange(1_500), 1_500, "a") == pytest.approx(0, abs=1e-9)
    assert sampled_discrepancy(embedding, chosen, 400, "a") == sampled_discrepancy(embedding, chosen, 400, "a")


def test_the_sentence_on_a_coreset_names_divided_classes() -> None:
    coreset = Coreset("a", 0, np.arange(3), np.arange(3), ("",) * 3, {"x": 3}, {"x": 50_000}, True, parts={"x": 10})
    assert coreset_sentence(coreset, []).endswith("Class x: 50,000 images, selected in 10 parts.")
    assert "parts" not in coreset_sentence(replace(coreset, parts={}), [])


def test_the_scikit_learn_interface_has_the_limit_too() -> None:
    points, fraction = rows(450), 0.1
    exact = CoresetSelector("even-herding", fraction, exact_up_to=0).fit(points)
    assert CoresetSelector("even-herding", fraction).fit(points).order_.tolist() == exact.order_.tolist()
    divided = CoresetSelector("even-herding", fraction, exact_up_to=LIMIT).fit(points)
    assert len(divided.indices_) == 45
    assert divided.order_.tolist() != exact.order_.tolist()
