"""Totals, class budgets and cluster budgets: met exactly, monotone, equal to brute force."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.selection.budgets import (
    budgets_by_hand,
    budgets_over_classes,
    budgets_over_clusters,
    class_weights,
    equal_first_of,
    hand_out,
    hand_out_equally,
    share_of,
    total_budget,
    water_fill,
)
from coreset_studio.core.settings import SelectionSettings

SIZES = st.lists(st.integers(0, 30), min_size=1, max_size=6)
CLASSES = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(1, 40), min_size=1, max_size=6)


def one_by_one(sizes: dict[str, int], weights: dict[str, int], total: int) -> dict[str, int]:
    """The rule as it is written, in exact arithmetic."""
    budgets = dict.fromkeys(sorted(sizes), 0)
    for _ in range(total):
        open_ones = [name for name in budgets if budgets[name] < sizes[name]]
        winner = max(open_ones, key=lambda name: Fraction(weights[name], 2 * budgets[name] + 1))
        budgets[winner] += 1
    return budgets


@pytest.mark.parametrize(
    ("fraction", "n", "expected"),
    [(0.25, 10, 3), (0.5, 5, 3), (0.29, 50, 15), (0.01, 49, 0), (0.01, 50, 1), (0.145, 100, 15), (1.0, 7, 7)],
)
def test_shares_are_rounded_half_up_as_they_are_written(fraction: float, n: int, expected: int) -> None:
    assert share_of(fraction, n) == expected


def test_total_is_the_number_of_images_where_one_is_given() -> None:
    assert total_budget(200, SelectionSettings(fraction=0.25)) == 50
    assert total_budget(200, SelectionSettings(fraction=0.25, images=7)) == 7
    assert total_budget(200, SelectionSettings(fraction=1.0)) == 200


def test_totals_that_cannot_be_had_are_refused() -> None:
    with pytest.raises(SelectionError, match="201 images were requested, but the pool has 200"):
        total_budget(200, SelectionSettings(images=201))
    with pytest.raises(SelectionError, match="rounds to no image"):
        total_budget(8, SelectionSettings(fraction=0.05))


@settings(deadline=None)
@given(CLASSES, st.data())
def test_class_budgets_follow_the_rule_to_the_image(sizes: dict[str, int], data: st.DataObject) -> None:
    weights = {name: data.draw(st.integers(1, 100)) for name in sizes}
    total = data.draw(st.integers(0, sum(sizes.values())))
    budgets = budgets_over_classes(total, sizes, weights, at_least_one=False)
    assert budgets == one_by_one(sizes, weights, total)
    assert sum(budgets.values()) == total


@pytest.mark.slow
@settings(deadline=None)
@given(CLASSES, st.data(), st.booleans())
def test_no_class_shrinks_as_the_budget_grows(sizes: dict[str, int], data: st.DataObject, at_least_one: bool) -> None:
    weights = {name: data.draw(st.floats(0, 50)) for name in sizes}
    before = dict.fromkeys(sizes, 0)
    for total in range(sum(sizes.values()) + 1):
        now = budgets_over_classes(total, sizes, weights, at_least_one=at_least_one)
        assert sum(now.values()) == total
        assert all(before[name] <= now[name] <= sizes[name] for name in sizes)
        if at_least_one and total >= len(sizes):
            assert min(now.values()) >= 1
        before = now


def test_ties_go_to_the_name_that_sorts_first() -> None:
    assert budgets_over_classes(1, {"b": 4, "a": 4}, {"b": 4, "a": 4}) == {"a": 1, "b": 0}
    assert budgets_over_classes(3, {"b": 9, "a": 3}, {"b": 9, "a": 3}, at_least_one=False) == {"a": 1, "b": 2}
    assert list(budgets_over_classes(2, {"b": 1, "a": 1}, {"b": 1, "a": 1})) == ["a", "b"]


def test_small_classes_get_one_first() -> None:
    sizes = {"large": 1000, "small": 3}
    assert budgets_over_classes(50, sizes, class_weights("proportional", sizes, SelectionSettings())) == {
        "large": 49,
        "small": 1,
    }
    without = budgets_over_classes(50, sizes, {"large": 1000, "small": 3}, at_least_one=False)
    assert without == {"large": 50, "small": 0}


def test_class_weights_of_every_rule() -> None:
    sizes = {"a": 16, "b": 4}
    wanted = SelectionSettings(fraction=0.5, fraction_by_class={"b": 0.25}, beta=0.5)
    assert class_weights("proportional", sizes, wanted) == {"a": 16, "b": 4}
    assert class_weights("equal", sizes, wanted) == {"a": 1, "b": 1}
    assert class_weights("square-root", sizes, wanted) == {"a": 4, "b": 2}
    assert class_weights("by-hand", sizes, wanted) == {"a": 8, "b": 1}
    hard = class_weights("difficulty", sizes, wanted, {"a": 0.04, "b": 0.2})
    assert hard == pytest.approx({"a": 16 * 0.3, "b": 4 * 0.5})
    rooted = class_weights("square-root-difficulty", sizes, wanted, {"a": 0.04, "b": 0.2})
    assert rooted == pytest.approx({"a": 4 * 0.3, "b": 2 * 0.5})
    assert class_weights("square-root-difficulty", sizes, SelectionSettings(beta=0)) == {"a": 4, "b": 2}
    assert class_weights("equal-then-square-root", sizes, wanted) == {"a": 4, "b": 2}
    with pytest.raises(SelectionError, match="the difficulty of each class"):
        class_weights("square-root-difficulty", sizes, wanted)
    even = class_weights("difficulty", sizes, SelectionSettings(beta=0))
    assert even == {"a": 16, "b": 4}
    with pytest.raises(SelectionError, match="the difficulty of each class"):
        class_weights("difficulty", sizes, wanted)


def equal_then_weights(sizes: dict[str, int], weights: dict[str, int], total: int, equal_first: int) -> dict[str, int]:
    """The rule as it is written: the class with the fewest images of those below `equal_first`, else by averages."""
    budgets = dict.fromkeys(sorted(sizes), 0)
    for _ in range(total):
        open_ones = [name for name in budgets if budgets[name] < sizes[name]]
        fewest = min(min(budgets[name] for name in open_ones), equal_first)
        round_of = [name for name in open_ones if min(budgets[name], equal_first) == fewest]
        winner = max(round_of, key=lambda name: Fraction(weights[name], 2 * budgets[name] + 1))
        budgets[winner] += 1
    return budgets


@pytest.mark.slow
@settings(deadline=None)
@given(CLASSES, st.data(), st.integers(0, 12))
def test_equal_rounds_come_before_weights(sizes: dict[str, int], data: st.DataObject, equal_first: int) -> None:
    weights = {name: data.draw(st.integers(1, 100)) for name in sizes}
    before = dict.fromkeys(sizes, 0)
    for total in range(sum(sizes.values()) + 1):
        now = budgets_over_classes(total, sizes, weights, at_least_one=False, equal_first=equal_first)
        assert now == equal_then_weights(sizes, weights, total, equal_first)
        assert all(before[name] <= now[name] <= sizes[name] for name in sizes)
        before = now


def test_below_ten_images_a_class_square_root_budgets_are_equal() -> None:
    sizes = {"large": 900, "middle": 100, "small": 4}
    weights = class_weights("equal-then-square-root", sizes, SelectionSettings())
    first = equal_first_of("equal-then-square-root")
    assert budgets_over_classes(24, sizes, weights, equal_first=first) == {"large": 10, "middle": 10, "small": 4}
    # Beyond 10, 30 : 10 as the square roots, what each has counted.
    assert budgets_over_classes(84, sizes, weights, equal_first=first) == {"large": 60, "middle": 20, "small": 4}
    assert equal_first_of("square-root") == equal_first_of("equal") == 0


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 100), st.integers(1, 100))
def test_by_hand_every_class_has_its_own_fraction(a: int, b: int, percent_a: int, percent_b: int) -> None:
    wanted = SelectionSettings(fraction=percent_a / 100, fraction_by_class={"b": percent_b / 100}, at_least_one=False)
    budgets = budgets_by_hand({"a": a, "b": b}, wanted)
    assert budgets == {"a": share_of(percent_a / 100, a), "b": share_of(percent_b / 100, b)}
    # The general rule with that total agrees: an average of at least 1/2 is a share of at least b - 1/2.
    weights = class_weights("by-hand", {"a": a, "b": b}, wanted)
    general = budgets_over_classes(sum(budgets.values()), {"a": a, "b": b}, weights, at_least_one=False)
    assert all(abs(general[name] - budgets[name]) <= 1 for name in budgets)


def test_by_hand_gives_one_where_a_share_rounds_to_none() -> None:
    wanted = SelectionSettings(fraction=0.1)
    assert budgets_by_hand({"a": 2, "b": 30}, wanted) == {"a": 1, "b": 3}


def most_even(sizes: list[int], budget: int) -> list[int]:
    """Brute force: of all divisions the one whose sorted form is the most even."""
    divisions = [d for d in product(*(range(n + 1) for n in sizes)) if sum(d) == budget]
    return sorted(min(divisions, key=lambda division: sum(b * b for b in division)))


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.data())
def test_water_filling_is_the_most_even_division(sizes: list[int], data: st.DataObject) -> None:
    budget = data.draw(st.integers(0, sum(sizes)))
    assert sorted(water_fill(sizes, budget).tolist()) == most_even(sizes, budget)


@settings(deadline=None)
@given(SIZES)
def test_water_filling_is_met_exactly_even_and_nested(sizes: list[int]) -> None:
    order = hand_out_equally(sizes)
    before = np.zeros(len(sizes), dtype=np.int64)
    for budget in range(sum(sizes) + 1):
        now = water_fill(sizes, budget)
        assert now.sum() == budget
        assert (now >= before).all()
        assert (now <= sizes).all()
        unsaturated = now[now < np.array(sizes)]
        if len(unsaturated):
            assert unsaturated.max() - unsaturated.min() <= 1
            assert now.max() <= unsaturated.min() + 1
        np.testing.assert_array_equal(np.bincount(order[:budget], minlength=len(sizes)), now)
        before = now


def test_water_filling_as_the_paper_draws_it() -> None:
    assert water_fill([100, 60, 10], 90).tolist() == [40, 40, 10]
    assert water_fill([100, 60, 10], 170).tolist() == [100, 60, 10]
    assert water_fill([5, 5, 5], 7).tolist() == [2, 2, 3]
    assert budgets_over_clusters("equal", [100, 60, 10], 90).tolist() == [40, 40, 10]


@pytest.mark.parametrize("rule", ["equal", "proportional", "square-root", "neyman"])
def test_cluster_budgets_are_met_and_nested(rule: str) -> None:
    sizes, spreads = [40, 20, 3, 1], [0.5, 2.0, 1.0, 0.0]
    before = np.zeros(4, dtype=np.int64)
    for budget in range(65):
        now = budgets_over_clusters(rule, sizes, budget, spreads)  # type: ignore[arg-type]
        assert now.sum() == budget
        assert (before <= now).all()
        assert (now <= sizes).all()
        before = now


def test_cluster_budgets_of_every_rule() -> None:
    assert budgets_over_clusters("proportional", [40, 10], 10).tolist() == [8, 2]
    assert budgets_over_clusters("square-root", [36, 9], 9).tolist() == [6, 3]
    assert budgets_over_clusters("neyman", [40, 10], 10, [1.0, 6.0]).tolist() == [4, 6]
    assert budgets_over_clusters("neyman", [40, 10], 10, [0.0, 0.0]).tolist() == [8, 2]


def test_budgets_above_what_there_is_are_refused() -> None:
    with pytest.raises(SelectionError, match="A budget of 6 images cannot be divided: the clusters have 5"):
        water_fill([3, 2], 6)
    with pytest.raises(SelectionError, match="the clusters have 5"):
        budgets_over_clusters("proportional", [3, 2], 6)
    with pytest.raises(SelectionError, match="the classes have 5"):
        budgets_over_classes(6, {"a": 3, "b": 2}, {"a": 3, "b": 2})


def test_pbc_sized_classes_never_shrink_with_any_rule() -> None:
    sizes = {"ba": 682, "eo": 1745, "er": 868, "ig": 1621, "ly": 680, "mo": 795, "ne": 1865, "pl": 1315}
    names = sorted(sizes)
    for rule in ("proportional", "equal", "square-root", "equal-then-square-root"):
        weights = class_weights(rule, sizes, SelectionSettings())  # type: ignore[arg-type]
        order = hand_out([sizes[name] for name in names], [weights[name] for name in names], equal_first=1)
        assert np.bincount(order).tolist() == [sizes[name] for name in names]
        assert sorted(order[:8].tolist()) == list(range(8))
    share = budgets_over_classes(957, sizes, class_weights("proportional", sizes, SelectionSettings()))
    assert all(math.isclose(share[name], sizes[name] / 10, abs_tol=1) for name in names)
