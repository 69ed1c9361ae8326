"""Selection from a class beyond the limit of exact selection: in parts, each ranked by the sampler itself.

A sampler compares all images with each other, so its time and memory grow with the square of the class. Beyond the
limit, the class is divided into parts of neighbouring images. A *pilot*, a random sample of all parts, is ranked first;
it decides how many images each part gives at each size. Each part is then ranked by itself, and the rankings are merged
in the sequence of the pilot. So any sampler, one of a plugin too, takes time in proportion to the images.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.cells import cut
from coreset_studio.core.results import IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.selection.budgets import hand_out
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.dividing import n_of_pilot, part_size, pilot_size
from coreset_studio.core.selection.kernel import Kernel
from coreset_studio.core.selection.sampling import ClassPool, Order

Ranking = Callable[[ClassPool, int], Order]


@dataclass(frozen=True)
class Division:
    """The parts of a class, and the pilot.

    Attributes
    ----------
    parts : tuple of ndarray of int64
        Rows of each part, ascending; every row is in one.
    pilot : ndarray of int64
        Rows of the pilot, ascending, from every part in proportion to its images, at least one.
    part_of : ndarray of shape (n,), int64
    """

    parts: tuple[IntArray, ...]
    pilot: IntArray
    part_of: IntArray


def divide(pool: ClassPool, exact_up_to: int, *, by_cluster: bool) -> Division:
    """Divide the images of a class into parts of neighbours.

    Parameters
    ----------
    pool : ClassPool
        As the sampler sees it.
    exact_up_to : int
        >= 1, below the number of images.
    by_cluster : bool
        Whether no part may contain images of several clusters.

    Notes
    -----
    A part that is too large is cut at the component with the largest variance, so that the parts on both sides get
    equal numbers of images, as in a k-d tree (Bentley 1975). Images of equal value are cut in the sequence of their
    rows. No sum depends on the number of threads.
    """
    most = part_size(exact_up_to)
    whole: IntArray = np.arange(pool.n_images, dtype=np.int64)
    groups = [whole[pool.labels == cluster] for cluster in np.unique(pool.labels)] if by_cluster else [whole]
    parts = [part for group in groups for part in cut(pool.embedding, group, -(-len(group) // most))]
    part_of = np.empty(pool.n_images, dtype=np.int64)
    pilot = []
    for number, part in enumerate(parts):
        part_of[part] = number
        n = min(len(part), max(1, round(pilot_size(exact_up_to) * len(part) / pool.n_images)))
        random = generator(pool.seed, "pilot", pool.class_name, number)
        pilot += [int(random.choice(cell)) for cell in cut(pool.embedding, part, n)]
    return Division(tuple(parts), np.sort(np.array(pilot, dtype=np.int64)), part_of)


def rank_in_parts(sampler: Sampler, pool: ClassPool, n: int, exact_up_to: int, ranking: Ranking) -> Order:
    """Rank the images of a class in parts.

    Parameters
    ----------
    sampler : Sampler
    pool : ClassPool
    n : int
        Number of rows to return, at most `pool.n_free`.
    exact_up_to : int
    ranking : callable
        Lets the sampler rank a pool, and checks the result.

    Returns
    -------
    Order
        Of `n` rows. For a nested sampler, the first m rows are those for m, since parts give their images in a
        sequence that does not depend on n, and the ranking of each part is nested.

    References
    ----------
    Mirzasoleiman, Karbasi, Sarkar and Krause, Distributed submodular maximization, NIPS 2013, for selection in parts;
    parts of neighbours and the pilot are ours.
    """
    seen = pool.seen_by(sampler)
    division = divide(seen, exact_up_to, by_cluster=sampler.uses_clusters)
    pools = [_sub_pool(seen, part, sampler, number) for number, part in enumerate(division.parts)]
    pilot = _sub_pool(seen, division.pilot, sampler, len(pools))
    if sampler.scope == "joint":
        return _joint(pools, pilot, division, seen, ranking)
    if n == 0:
        return Order(np.zeros(0, dtype=np.int64), ())
    free = np.array([each.n_free for each in pools], dtype=np.int64)
    if not sampler.nested:
        first = ranking(pilot, min(n, max(1, pilot.n_free // 2))).rows
        sequence = _shares(free, _counts(division, first), n)
        return _merged([ranking(each, m) for each, m in _requests(pools, sequence)], division, sequence)
    if sampler.divided == "proportional":
        sequence = hand_out(free.tolist(), free.tolist())[:n]
        return _merged([ranking(each, m) for each, m in _requests(pools, sequence)], division, sequence)
    ranked = ranking(pilot, pilot.n_free)
    sequence = part_sequence(division.part_of[division.pilot[ranked.rows]], free)
    if sampler.divided == "parts":
        sequence = sequence[:n]
        return _merged([ranking(each, m) for each, m in _requests(pools, sequence)], division, sequence)
    n_first = n_of_pilot(len(ranked.rows))
    first = division.pilot[ranked.rows[:n_first]]
    if n <= n_first:
        return Order(first[:n], ranked.reasons[:n])
    sequence = sequence[n_first:n]
    orders = [
        _beside(sampler, each, _kept_inside(first, part), m, ranking)
        for (each, m), part in zip(_requests(pools, sequence), division.parts, strict=True)
    ]
    rest = _merged(orders, division, sequence)
    return Order(np.concatenate([first, rest.rows]), ranked.reasons[:n_first] + rest.reasons)


def _beside(sampler: Sampler, pool: ClassPool, taken: IntArray, n: int, ranking: Ranking) -> Order:
    """Rank the images of a part of which some are taken already."""
    if sampler.continues:
        return ranking(replace(pool, kept=np.concatenate([pool.kept, taken])), n)
    whole = ranking(pool, n + len(taken))
    places = np.flatnonzero(~np.isin(whole.rows, taken))[:n]
    return Order(whole.rows[places], tuple(whole.reasons[place] for place in places.tolist()))


def _requests(pools: list[ClassPool], sequence: IntArray) -> list[tuple[ClassPool, int]]:
    wanted = np.bincount(sequence, minlength=len(pools))
    return list(zip(pools, wanted.tolist(), strict=True))


def _counts(division: Division, first: IntArray) -> NDArray[np.int64]:
    return np.bincount(division.part_of[division.pilot[first]], minlength=len(division.parts))


def _shares(free: IntArray, counts: NDArray[np.int64], n: int) -> IntArray:
    """Return the part of each rank, from how many images of each part the pilot selected."""
    # A part that the pilot passed over stands behind the others, and gives images where they have none left.
    weights = np.maximum(counts, 1e-3).astype(np.float64)
    return hand_out(free.tolist(), weights.tolist())[:n]


def part_sequence(pilot_parts: IntArray, free: IntArray) -> IntArray:
    """Return which part gives the image of each rank.

    Parameters
    ----------
    pilot_parts : ndarray of shape (m,), int64
        Part of each image of the pilot, in the sequence of its ranking.
    free : ndarray of shape (n_parts,), int64
        How many images each part can give, at least as many as it has in the pilot.

    Returns
    -------
    ndarray of shape (free.sum(),), int64
        The first eighth of the pilot's ranking as it is: a coreset of so many images takes as many of each part as the
        sampler takes of it from the pilot. After that, a coreset that is a share of the class takes the share of each
        part that the same share of the pilot takes of it, so that all parts are exhausted at the end.
    """
    first = pilot_parts[: n_of_pilot(len(pilot_parts))]
    given = np.bincount(first, minlength=len(free))
    parts, places = [], []
    for part, n in enumerate(free.tolist()):
        ranks = np.flatnonzero(pilot_parts == part)
        steps = (np.arange(n) + 0.5) / max(n, 1)
        at = steps * len(pilot_parts)
        if len(ranks):
            at = np.interp(steps * len(ranks), np.arange(len(ranks) + 1), np.concatenate([[0], ranks + 1]))
        parts.append(np.full(n - given[part], part, dtype=np.int64))
        places.append(at[given[part] :])
    all_parts = np.concatenate(parts)
    rest = all_parts[np.lexsort((all_parts, np.concatenate(places)))]
    return np.concatenate([first, rest]).astype(np.int64)


def _sub_pool(pool: ClassPool, rows: IntArray, sampler: Sampler, number: int) -> ClassPool:
    """Return some images of a pool as a pool of their own; clusters keep their numbers, also those without an image."""
    labels = pool.labels[rows]
    embedding = np.ascontiguousarray(pool.embedding[rows])
    seed = pool.seed
    if sampler.uses_seed:
        seed = int(generator(pool.seed, "part", pool.class_name, number).integers(2**31))
    classes = pool.classes[rows] if len(pool.classes) else pool.classes
    return replace(
        pool,
        embedding=embedding,
        labels=labels,
        medoids=_medoids(pool, rows, labels) if sampler.uses_clusters else np.zeros(1, dtype=np.int64),
        seed=seed,
        # What is kept of a part would never be requested again.
        make_kernel=Kernel,
        classes=classes,
        kept=_kept_inside(pool.kept, rows),
    )


def _kept_inside(kept: IntArray, rows: IntArray) -> IntArray:
    inside = kept[np.isin(kept, rows)]
    return np.searchsorted(rows, inside).astype(np.int64)


def _medoids(pool: ClassPool, rows: IntArray, labels: IntArray) -> IntArray:
    """Return the medoid of each cluster among some images: its own, or the image of the cluster nearest to it."""
    medoids = np.zeros(len(pool.medoids), dtype=np.int64)
    for cluster, medoid in enumerate(pool.medoids.tolist()):
        at = np.searchsorted(rows, medoid)
        members = np.flatnonzero(labels == cluster)
        if at < len(rows) and rows[at] == medoid:
            medoids[cluster] = at
        elif len(members):
            away = np.asarray(pool.embedding[rows[members]] - pool.embedding[medoid], dtype=np.float64)
            medoids[cluster] = members[int(np.argmin(np.einsum("ij,ij->i", away, away)))]
    return medoids


def _merged(orders: list[Order], division: Division, sequence: IntArray) -> Order:
    """Merge the rankings of the parts."""
    rows = np.empty(len(sequence), dtype=np.int64)
    reasons = np.empty(len(sequence), dtype=object)
    for number, order in enumerate(orders):
        places = np.flatnonzero(sequence == number)
        rows[places] = division.parts[number][order.rows]
        reasons[places] = order.reasons
    return Order(rows, tuple(reasons.tolist()))


def _joint(pools: list[ClassPool], pilot: ClassPool, division: Division, pool: ClassPool, ranking: Ranking) -> Order:
    """Select from all classes together, so many of each class as its quota."""
    n_classes = len(pool.quotas)
    total = int(pool.quotas.sum())
    n_pilot = min(total, max(1, len(division.pilot) // 2))
    in_pilot = np.bincount(pilot.classes, minlength=n_classes)
    scaled = np.minimum(in_pilot, -(-pool.quotas * n_pilot // max(total, 1)))
    first = ranking(replace(pilot, quotas=scaled), int(scaled.sum())).rows
    quotas = np.zeros((len(pools), n_classes), dtype=np.int64)
    for number in range(n_classes):
        members = np.array([int((each.classes == number).sum()) for each in pools], dtype=np.int64)
        counts = _counts(division, first[pilot.classes[first] == number])
        given = _shares(members, counts, int(pool.quotas[number]))
        quotas[:, number] = np.bincount(given, minlength=len(pools))
    orders = [ranking(replace(each, quotas=quota), int(quota.sum())) for each, quota in zip(pools, quotas, strict=True)]
    sequence = hand_out([len(each.rows) for each in orders], [float(len(each.rows)) for each in orders])
    return _merged(orders, division, sequence)
