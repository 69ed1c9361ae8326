"""Select a coreset: the images of each class by the ranking of a sampler, within class budgets and with pins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.large_neighbours import is_beyond
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import (
    ClassClusters,
    ClassEmbedding,
    Coreset,
    Dataset,
    FloatArray,
    IntArray,
    PoolEmbedding,
    Split,
)
from coreset_studio.core.selection.budgets import total_budget
from coreset_studio.core.selection.class_budgets import class_budgets, need_ranking, need_room_for_pins
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.dividing import n_parts
from coreset_studio.core.selection.kept import KEPT, NO_KEPT, Kept, find_kept, need_room
from coreset_studio.core.selection.orders import OrderCache, put_in_order
from coreset_studio.core.selection.pins import NO_PINS, Pins, find_pins
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool, Order
from coreset_studio.core.settings import BY_DIFFICULTY, SelectionSettings

MATCHED_RANDOM = "matched-random"
STRATIFIED = "stratified"
Rank = Callable[[Sampler, ClassPool, int, SelectionSettings], Order]


@dataclass(frozen=True)
class _Chosen:
    """Chosen images of one class, by rank, and why."""

    indices: IntArray
    reasons: tuple[str, ...]


def select(
    dataset: Dataset,
    split: Split,
    embeddings: Sequence[ClassEmbedding],
    clusters: Sequence[ClassClusters],
    settings: SelectionSettings,
    *,
    difficulty: Mapping[str, float] | None = None,
    across: PoolEmbedding | None = None,
    orders: OrderCache | None = None,
    exact_up_to: int = 0,
    progress: Progress = NO_PROGRESS,
) -> Coreset:
    """Choose a coreset of the pool of a dataset; see `select_rows`.

    Images pinned in or out are found by the paths in the settings, those of an earlier coreset by their content. Images
    are in path order wherever order matters, so the order in which files were listed does not.

    Raises
    ------
    SelectionError
        Also if a pin cannot be used, or no image of the earlier coreset is found.
    """
    return select_rows(
        dataset.labels,
        dataset.classes,
        split.pool,
        settings,
        embeddings=embeddings,
        clusters=clusters,
        difficulty=difficulty,
        across=_across_of(split, across),
        pins=find_pins(dataset, split, settings),
        kept=find_kept(dataset, split, settings),
        orders=orders,
        exact_up_to=exact_up_to,
        progress=progress,
    )


def select_rows(
    labels: IntArray,
    class_names: Sequence[str],
    pool: IntArray,
    settings: SelectionSettings,
    *,
    embeddings: Sequence[ClassEmbedding] = (),
    clusters: Sequence[ClassClusters] = (),
    difficulty: Mapping[str, float] | None = None,
    across: FloatArray | None = None,
    pins: Pins = NO_PINS,
    kept: Kept = NO_KEPT,
    orders: OrderCache | None = None,
    exact_up_to: int = 0,
    progress: Progress = NO_PROGRESS,
) -> Coreset:
    """Choose a coreset of labelled rows.

    Parameters
    ----------
    labels : ndarray of shape (n,), int64
        Class of every row, as a position in `class_names`.
    class_names : sequence of str
        They seed the draws inside a class, and ties go to the name that sorts first.
    pool : ndarray of int64
        Rows that can be selected, in any order.
    settings : SelectionSettings
        Its pins and the coreset that it continues from are not inspected.
    embeddings, clusters : sequence of ClassEmbedding, of ClassClusters
        One per class, in any order; may be empty for samplers that use neither.
    difficulty : mapping of str to float, optional
        By class; required for budgets by difficulty.
    across : ndarray of shape (n_pool, n_components), optional
        Embedding across classes of the pool, rows ascending; required by samplers that select from all classes
        together.
    pins : Pins, optional
    kept : Kept, optional
        Rows of an earlier coreset, none of which is pinned out.
    orders : OrderCache, optional
        Give the same one again, with the same embeddings, to select another fraction immediately.
    exact_up_to : int, optional
        Of `ClusterSettings`: larger classes are selected from in parts. 0: every class is ranked as a whole.

    Returns
    -------
    Coreset
        Of exactly the budget. Kept rows come first inside their class's budget, then pinned ones.

    Raises
    ------
    SelectionError
        If the pool is empty, the sampler is not known, lacks features or clusters, cannot continue from an earlier
        coreset, or a budget cannot be met.
    """
    sampler = find_sampler(settings.sampler)
    need_ranking(kept, sampler)
    members = rows_by_class(labels, class_names, pool)
    sizes = {name: len(rows) for name, rows in members.items()}
    pins = pins.beside(kept.indices, members)
    rank = partial((orders if orders is not None else OrderCache()).get, exact_up_to=exact_up_to)
    parts: dict[str, int] = {}
    if sampler.scope == "pool":
        chosen, notes = _from_whole_pool(members, sampler, settings, pins, kept, rank)
    else:
        budgets, notes = class_budgets(sampler, sizes, settings, pins, difficulty, kept)
        if sampler.budget_rule(settings.budget_over_classes) in BY_DIFFICULTY and is_beyond(exact_up_to, len(pool)):
            notes = [*notes, _difficulty_note(len(pool), exact_up_to)]
        if sampler.scope == "joint":
            chosen = _from_all_classes(members, budgets, sampler, settings, pins, rank, across)
            n_pool = sum(sizes.values())
            in_parts = {"": n_parts(sampler, n_pool, exact_up_to)}
            notes = [*notes, *_part_notes(in_parts, {"": n_pool}, exact_up_to)]
            return _coreset(sampler.name, settings.seed, sampler.nested, sizes, chosen, notes, parts=in_parts)
        pools = _class_pools(members, embeddings, clusters, sampler, settings)
        parts = {
            name: n_parts(sampler, pool.n_images, exact_up_to, np.bincount(pool.labels).tolist())
            for name, pool in pools.items()
        }
        notes = [*notes, *_part_notes(parts, sizes, exact_up_to)]
        chosen = {}
        for step, (name, budget) in enumerate(budgets.items()):
            progress.report(step, len(budgets), f"Selecting with {sampler.title}: classes")
            chosen[name] = _choose(pools[name], members[name], budget, sampler, settings, pins, kept, rank)
        progress.report(len(budgets), len(budgets), f"Selecting with {sampler.title}: classes")
    notes = [*kept.notes, *notes]
    return _coreset(sampler.name, settings.seed, sampler.nested, sizes, chosen, notes, kept, parts)


def _difficulty_note(n_pool: int, exact_up_to: int) -> str:
    return (
        f"The difficulty of classes was measured with approximate nearest neighbours, because the pool has {n_pool:,} "
        f"images, more than the {exact_up_to:,} that are compared exactly (“Exact up to”)."
    )


def _part_notes(parts: Mapping[str, int], sizes: Mapping[str, int], exact_up_to: int) -> list[str]:
    """Return a sentence for each class, or the pool (empty name), that is selected from in parts."""
    return [
        f"{f'Class {name}' if name else 'The pool'}: {sizes[name]:,} images, selected in {n} parts, because they are "
        f"more than the {exact_up_to:,} that are ranked together (“Exact up to”)."
        for name, n in sorted(parts.items())
        if n > 1
    ]


def matched_random(dataset: Dataset, split: Split, like: Coreset, seed: int) -> Coreset:
    """Choose at random inside each class, with the class budgets of another coreset of the same pool.

    See `matched_rows`; only the budgets of `like` count, and the images that it keeps from an earlier coreset.
    """
    kept = Kept(np.array(like.kept, dtype=np.int64))
    return matched_rows(dataset.labels, dataset.classes, split.pool, like.budgets, seed, kept)


def matched_rows(
    labels: IntArray,
    class_names: Sequence[str],
    pool: IntArray,
    budgets: Mapping[str, int],
    seed: int,
    kept: Kept = NO_KEPT,
) -> Coreset:
    """Choose labelled rows at random inside each class.

    Parameters
    ----------
    labels, class_names, pool
        See `select_rows`.
    budgets : mapping of str to int
        By class; classes that are missing give none.
    seed : int
        >= 0. With proportional budgets this is the stratified random coreset of the same seed.
    kept : Kept, optional
        Rows of an earlier coreset, within the budgets; only the others are drawn.

    Raises
    ------
    SelectionError
        If a budget is above what the class has.
    """
    members = rows_by_class(labels, class_names, pool)
    stratified = SAMPLERS[STRATIFIED]
    chosen = {}
    for name, rows in members.items():
        budget = budgets.get(name, 0)
        if budget > len(rows):
            raise SelectionError(
                f"Class {name} has {len(rows)} images in the pool, but the coreset to match has {budget} of it. "
                "Create it again from this pool."
            )
        first = kept.among(rows)
        order = put_in_order(stratified, ClassPool.plain(name, len(rows), seed), budget + len(first))
        places = np.flatnonzero(~np.isin(rows[order.rows], first))[: budget - len(first)]
        reasons = (KEPT,) * len(first) + tuple(order.reasons[place] for place in places.tolist())
        chosen[name] = _Chosen(np.concatenate([first, rows[order.rows[places]]]), reasons)
    sizes = {name: len(rows) for name, rows in members.items()}
    return _coreset(MATCHED_RANDOM, seed, True, sizes, chosen, [], kept)


def find_sampler(name: str) -> Sampler:
    """Return a sampler of the registry.

    Raises
    ------
    SelectionError
        If there is none of that name.
    """
    if name not in SAMPLERS:
        raise SelectionError(SAMPLERS.unknown(name))
    return SAMPLERS[name]


def rows_by_class(labels: IntArray, class_names: Sequence[str], pool: IntArray) -> dict[str, IntArray]:
    """Return the rows of the pool by class, ascending, in the order of `class_names`; classes without any are excluded.

    Raises
    ------
    SelectionError
        If the pool is empty.
    """
    pool = np.sort(pool).astype(np.int64)
    if len(pool) == 0:
        raise SelectionError(
            "There is nothing to select from: the pool is empty. Lower the test or validation fraction, or add images."
        )
    of_pool = labels[pool]
    by_class = {name: pool[of_pool == position] for position, name in enumerate(class_names)}
    return {name: rows for name, rows in by_class.items() if len(rows)}


def _from_whole_pool(
    members: Mapping[str, IntArray],
    sampler: Sampler,
    settings: SelectionSettings,
    pins: Pins,
    kept: Kept,
    rank: Rank,
) -> tuple[dict[str, _Chosen], list[str]]:
    """Choose over the whole pool; classes get what comes."""
    pool = np.sort(np.concatenate(list(members.values())))
    total = total_budget(len(pool), settings)
    notes = []
    n_out, n_in = sum(pins.n_out.values()), sum(pins.n_in.values())
    need_room_for_pins(n_in, kept.n, total)
    need_room(kept, total, len(pool))
    if total > len(pool) - n_out:
        notes.append(f"{len(pool) - n_out} images are selected instead of {total}, because the others are pinned out.")
        total = len(pool) - n_out
    if sampler.budget_rule(settings.budget_over_classes) != sampler.class_budget:
        notes.append(
            f"{sampler.title} draws from the whole pool and has no class budgets, so the rule "
            f"{settings.budget_over_classes} was not used. Use stratified random to draw images by class."
        )
    drawn = _choose(ClassPool.plain("", len(pool), settings.seed), pool, total, sampler, settings, pins, kept, rank)
    chosen = {}
    for name, rows in members.items():
        at = np.flatnonzero(np.isin(drawn.indices, rows))
        chosen[name] = _Chosen(drawn.indices[at], tuple(drawn.reasons[place] for place in at.tolist()))
        if len(at) == 0:
            notes.append(f"No image of class {name} is selected: none was drawn.")
    return chosen, notes


def _across_of(split: Split, across: PoolEmbedding | None) -> FloatArray | None:
    """Return the embedding across classes of the pool, unless it was made from other images."""
    if across is not None and not np.array_equal(np.sort(split.pool), across.pool_indices):
        raise SelectionError(
            "The features across classes were computed from other images than the pool now contains. Compute them "
            "again."
        )
    return across.pool_rows if across is not None else None


def _from_all_classes(
    members: Mapping[str, IntArray],
    budgets: Mapping[str, int],
    sampler: Sampler,
    settings: SelectionSettings,
    pins: Pins,
    rank: Rank,
    across: FloatArray | None,
) -> dict[str, _Chosen]:
    """Choose from all classes together, each class's budget being met; pinned images come first inside it."""
    names = sorted(members)
    pool = np.sort(np.concatenate(list(members.values())))
    if across is None:
        raise SelectionError(
            f"{sampler.title} requires the features across classes, which have not been computed. Compute them first."
        )
    classes = np.empty(len(pool), dtype=np.int64)
    for position, name in enumerate(names):
        classes[np.searchsorted(pool, members[name])] = position
    # Room for those that are pinned out and would be selected.
    quotas = [min(len(members[name]), budgets[name] + pins.n_out.get(name, 0)) for name in names]
    seen = replace(
        ClassPool.plain("", len(pool), settings.seed),
        embedding=across, classes=classes, quotas=np.array(quotas, dtype=np.int64),
    )  # fmt: skip
    order = rank(sampler, seen, sum(quotas), settings)
    chosen = {}
    for position, name in enumerate(names):
        forced = members[name][np.isin(members[name], pins.pinned_in)]
        free = (classes[order.rows] == position) & ~np.isin(pool[order.rows], pins.both)
        places = np.flatnonzero(free)[: budgets[name] - len(forced)]
        reasons = ("pinned in",) * len(forced) + tuple(order.reasons[place] for place in places.tolist())
        chosen[name] = _Chosen(np.concatenate([forced, pool[order.rows[places]]]), reasons)
    return chosen


def _choose(
    pool: ClassPool,
    indices: IntArray,
    budget: int,
    sampler: Sampler,
    settings: SelectionSettings,
    pins: Pins,
    kept: Kept,
    rank: Rank,
) -> _Chosen:
    """Take kept images first, then pinned ones, then the sampler's order without those pinned in or out."""
    first = kept.among(indices)
    pool = replace(pool, kept=np.searchsorted(indices, first).astype(np.int64)) if len(first) else pool
    forced = indices[np.isin(indices, pins.pinned_in)]
    n_needed = budget - len(first) + int(np.isin(indices, pins.pinned_out).sum())
    rest = budget - len(first) - len(forced)
    order = rank(sampler, pool, n_needed, settings) if rest > 0 else Order(np.zeros(0, np.int64), ())
    candidates = indices[order.rows]
    places = np.flatnonzero(~np.isin(candidates, pins.both))[:rest]
    reasons = (KEPT,) * len(first) + ("pinned in",) * len(forced)
    reasons += tuple(order.reasons[place] for place in places.tolist())
    return _Chosen(np.concatenate([first, forced, candidates[places]]), reasons)


def _class_pools(
    members: Mapping[str, IntArray],
    embeddings: Sequence[ClassEmbedding],
    clusters: Sequence[ClassClusters],
    sampler: Sampler,
    settings: SelectionSettings,
) -> dict[str, ClassPool]:
    """Return what the sampler sees of each class."""
    by_embedding = {embedding.class_name: embedding for embedding in embeddings}
    by_clusters = {found.class_name: found for found in clusters}
    pools = {}
    for name, indices in members.items():
        pool = ClassPool.plain(name, len(indices), settings.seed)
        vectors: FloatArray = pool.embedding
        labels, medoids = pool.labels, pool.medoids
        if sampler.uses_embedding:
            embedding = by_embedding.get(name)
            _need_same(name, indices, embedding.indices if embedding else None, "features", sampler)
            vectors = embedding.embedding if embedding else vectors
        if sampler.uses_clusters:
            found = by_clusters.get(name)
            _need_same(name, indices, found.indices if found else None, "clusters", sampler)
            if found:
                labels, medoids = found.labels, found.medoid_rows
        pools[name] = ClassPool(name, vectors, labels, medoids, settings.seed)
    return pools


def _need_same(name: str, indices: IntArray, others: IntArray | None, what: str, sampler: Sampler) -> None:
    """Refuse features or clusters that are missing or were made from other images."""
    if others is None:
        raise SelectionError(
            f"{sampler.title} requires the {what} of class {name}, which have not been computed. Compute them first."
        )
    if not np.array_equal(indices, others):
        raise SelectionError(
            f"The {what} of class {name} were computed from other images than the pool now contains. Compute them "
            "again."
        )


def _coreset(
    sampler: str,
    seed: int,
    nested: bool,
    sizes: Mapping[str, int],
    chosen: Mapping[str, _Chosen],
    notes: Sequence[str],
    kept: Kept = NO_KEPT,
    parts: Mapping[str, int] | None = None,
) -> Coreset:
    names = sorted(chosen)
    return Coreset(
        sampler=sampler,
        seed=seed,
        indices=np.concatenate([chosen[name].indices for name in names]).astype(np.int64),
        ranks=np.concatenate([np.arange(len(chosen[name].indices)) for name in names]).astype(np.int64),
        reasons=tuple(reason for name in names for reason in chosen[name].reasons),
        budgets={name: len(chosen[name].indices) for name in names},
        pool_sizes={name: sizes[name] for name in names},
        nested=nested,
        notes=tuple(notes),
        kept=tuple(kept.indices.tolist()),
        parts={name: n for name, n in sorted((parts or {}).items()) if n > 1},
    )
