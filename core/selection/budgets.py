"""How many images are selected: in total, from each class, from each cluster.

Every division distributes images one by one in a fixed order, so that no party loses an image when the
budget grows.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.results import IntArray
from coreset_studio.core.settings import BY_DIFFICULTY, ClassBudgetRule, ClusterBudgetRule, SelectionSettings

# With "equal-then-square-root", this number of images of each class is distributed equally.
EQUAL_FIRST = 10
# Added to every difficulty, so that a class without any still counts.
LEAST_DIFFICULTY = 0.05


def share_of(fraction: float, n: int) -> int:
    """Return `fraction` × `n`, rounded half up; the fraction is the decimal number that it is written as."""
    return int((Decimal(repr(fraction)) * n).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def total_budget(n_pool: int, settings: SelectionSettings) -> int:
    """Return how many images of a pool the settings request.

    Raises
    ------
    SelectionError
        If that is none, or more than the pool has.
    """
    if settings.images is not None:
        if settings.images > n_pool:
            raise SelectionError(
                f"{settings.images} images were requested, but the pool has {n_pool}. Select at most {n_pool}."
            )
        return settings.images
    total = share_of(settings.fraction, n_pool)
    if total < 1:
        raise SelectionError(
            f"A fraction of {settings.fraction} of a pool of {n_pool} image{'s' * (n_pool != 1)} rounds to no image. "
            f"Set a fraction of at least {0.5 / max(n_pool, 1):.2g}, or a number of images."
        )
    return total


def hand_out(sizes: Sequence[int], weights: Sequence[float] | NDArray[np.float64], *, equal_first: int = 0) -> IntArray:
    """Return the party of each image, one after the other, by the highest averages of Sainte-Laguë.

    Parameters
    ----------
    sizes : sequence of int
        >= 0; what each party has at most. Parties are in the order that breaks ties.
    weights : sequence of float
        >= 0. The next image goes to the party with the largest weight / (2 · images so far + 1).
    equal_first : int
        >= 0. This number of images of every party is distributed in rounds: none has a second before all have one (or
        all that they have), and so on; weights then only order the parties of a round.

    Returns
    -------
    ndarray of shape (sum of sizes,), int64
        Positions of the parties. The first b entries are the division of a budget of b.

    References
    ----------
    Balinski and Young, Fair Representation (1982): divisor methods are monotone in the number handed out.
    """
    counts = np.asarray(sizes, dtype=np.int64)
    party = np.repeat(np.arange(len(counts)), counts)
    so_far = np.arange(len(party)) - np.repeat(np.cumsum(counts) - counts, counts)
    averages = np.asarray(weights, dtype=np.float64)[party] / (2 * so_far + 1)
    turn = np.minimum(so_far, equal_first)
    order: IntArray = party[np.lexsort((so_far, party, -averages, turn))]
    return order


def beyond(order: IntArray, counts: Sequence[int] | IntArray) -> IntArray:
    """Return a handing-out without the first images of each party, which it has already.

    Parameters
    ----------
    order : ndarray of int64
        Positions of parties; see `hand_out`.
    counts : sequence of int
        How many images each party has already.
    """
    left = list(counts)
    goes_on = np.ones(len(order), dtype=bool)
    for place, party in enumerate(order.tolist()):
        if left[party] > 0:
            left[party] -= 1
            goes_on[place] = False
    return order[goes_on]


def budgets_over_classes(
    total: int,
    sizes: Mapping[str, int],
    weights: Mapping[str, float],
    *,
    at_least_one: bool = True,
    equal_first: int = 0,
    kept: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Divide a total over classes.

    Parameters
    ----------
    total : int
        0 <= total <= sum of sizes.
    sizes : mapping of str to int
        Images by class that can be selected.
    weights : mapping of str to float
        >= 0, by class; see `class_weights`.
    at_least_one : bool
        Hand out the first image of each class before any second one.
    equal_first : int
        Distribute this number of images of each class equally; see `hand_out` and `equal_first_of`.
    kept : mapping of str to int, optional
        Images by class that are kept from an earlier coreset, at most `total` together: no class has fewer, and those
        that would have stay at that number while the others are handed out.

    Returns
    -------
    dict of str to int
        By class name, sorted. Sums to `total`; no class shrinks when `total` grows; ties go to the name that sorts
        first.

    Raises
    ------
    SelectionError
        If the total is above what the classes have.
    """
    names = sorted(sizes)
    _need_enough(total, sum(sizes.values()), "the classes")
    first = max(equal_first, int(at_least_one))
    order = hand_out([sizes[name] for name in names], [weights[name] for name in names], equal_first=first)
    counts = np.array([(kept or {}).get(name, 0) for name in names], dtype=np.int64)
    counts += np.bincount(beyond(order, counts)[: total - counts.sum()], minlength=len(names))
    return {name: int(count) for name, count in zip(names, counts, strict=True)}


def equal_first_of(rule: ClassBudgetRule) -> int:
    """Return how many images of each class a rule hands out equally before its weights count."""
    return EQUAL_FIRST if rule == "equal-then-square-root" else 0


def class_weights(
    rule: ClassBudgetRule,
    sizes: Mapping[str, int],
    settings: SelectionSettings,
    difficulty: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return the weight of each class under a rule.

    Parameters
    ----------
    rule : str
        ``"proportional"`` n_c, ``"equal"`` 1, ``"square-root"`` and ``"equal-then-square-root"`` √n_c (see
        `equal_first_of`), ``"difficulty"`` n_c · (h_c + 0.05)^β, ``"square-root-difficulty"`` √n_c · (h_c + 0.05)^β,
        ``"by-hand"`` n_c × the class's fraction.
    sizes : mapping of str to int
        n_c, images of the pool by class.
    difficulty : mapping of str to float, optional
        h_c, by class, from 0 to 1.

    Raises
    ------
    SelectionError
        If difficulty is required but not known.
    """
    if rule == "equal":
        return dict.fromkeys(sizes, 1.0)
    if rule == "by-hand":
        return {name: n * settings.fraction_by_class.get(name, settings.fraction) for name, n in sizes.items()}
    by_size = {name: float(np.sqrt(n) if "square-root" in rule else n) for name, n in sizes.items()}
    if rule in BY_DIFFICULTY and settings.beta > 0:
        if difficulty is None or not set(sizes) <= set(difficulty):
            raise SelectionError(
                "Budgets by difficulty require the difficulty of each class, which is measured in the features. "
                "Extract the features first, or use proportional budgets."
            )
        return {name: w * (difficulty[name] + LEAST_DIFFICULTY) ** settings.beta for name, w in by_size.items()}
    return by_size


def budgets_by_hand(sizes: Mapping[str, int], settings: SelectionSettings) -> dict[str, int]:
    """Return each class's own fraction of its images, rounded half up.

    This is the highest-averages rule with its total left open: every class gets its next image as long as the
    average stays at or above ½. One class's fraction does not move another's budget.
    """
    least = 1 if settings.at_least_one else 0
    return {
        name: min(n, max(least, share_of(settings.fraction_by_class.get(name, settings.fraction), n)))
        for name, n in sorted(sizes.items())
    }


def water_fill(sizes: Sequence[int] | IntArray, budget: int) -> IntArray:
    """Divide a budget equally over clusters, as far as they reach (paper 4.4).

    Parameters
    ----------
    sizes : sequence of int
        Images by cluster.
    budget : int
        0 <= budget <= sum of sizes.

    Returns
    -------
    ndarray of shape (n_clusters,), int64
        Sums to the budget; clusters that still have images differ by at most 1.

    Raises
    ------
    SelectionError
        If the budget is above what the clusters have.

    Notes
    -----
    From the smallest cluster to the largest: b_t = min(n_t, ⌊R / (K − t + 1)⌋), R the rest of the budget.
    """
    counts = np.asarray(sizes, dtype=np.int64)
    rest = int(budget)
    _need_enough(rest, int(counts.sum()), "the clusters")
    result = np.zeros(len(counts), dtype=np.int64)
    for place, cluster in enumerate(np.argsort(counts, kind="stable")):
        result[cluster] = min(int(counts[cluster]), rest // (len(counts) - place))
        rest -= int(result[cluster])
    return result


def hand_out_equally(sizes: Sequence[int] | IntArray) -> IntArray:
    """Return the cluster of each image: the first b entries are ``water_fill(sizes, b)`` for every b."""
    counts = np.asarray(sizes, dtype=np.int64)
    cluster = np.repeat(np.arange(len(counts)), counts)
    so_far = np.arange(len(cluster)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.empty(len(counts), dtype=np.int64)
    place[np.argsort(counts, kind="stable")] = np.arange(len(counts))
    order: IntArray = cluster[np.lexsort((-place[cluster], so_far))]
    return order


def hand_out_over_clusters(
    rule: ClusterBudgetRule, sizes: Sequence[int] | IntArray, spreads: Sequence[float] | NDArray[np.float64]
) -> IntArray:
    """Return the cluster of each image, one after the other.

    Parameters
    ----------
    rule : str
        ``"equal"`` (the paper's), ``"proportional"`` n_g, ``"square-root"`` √n_g, ``"neyman"`` n_g · S_g.
    sizes : sequence of int
        n_g.
    spreads : sequence of float
        S_g, root mean squared distance to the medoid; used by ``"neyman"`` alone. Where all are 0, n_g is used.

    References
    ----------
    Neyman, On the two different aspects of the representative method, JRSS 97 (1934).
    """
    counts = np.asarray(sizes, dtype=np.int64)
    if rule == "equal":
        return hand_out_equally(counts)
    weights = np.sqrt(counts) if rule == "square-root" else counts.astype(np.float64)
    if rule == "neyman" and np.any(spreads):
        weights = weights * np.asarray(spreads, dtype=np.float64)
    return hand_out(counts.tolist(), weights)


def budgets_over_clusters(
    rule: ClusterBudgetRule,
    sizes: Sequence[int] | IntArray,
    budget: int,
    spreads: Sequence[float] | NDArray[np.float64] = (),
) -> IntArray:
    """Divide a class's budget over its clusters, shape (n_clusters,); see `hand_out_over_clusters`.

    Raises
    ------
    SelectionError
        If the budget is above what the clusters have.
    """
    _need_enough(budget, int(np.sum(sizes)), "the clusters")
    order = hand_out_over_clusters(rule, sizes, spreads)
    return np.bincount(order[:budget], minlength=len(sizes)).astype(np.int64)


def _need_enough(budget: int, available: int, where: str) -> None:
    if not 0 <= budget <= available:
        raise SelectionError(
            f"A budget of {budget} images cannot be divided: {where} have {available}. "
            f"Set a budget from 0 to {available}."
        )
