"""Sentences over results that the window, the command line and the report share."""

from collections.abc import Sequence

from coreset_studio.core.results import ClusterShares, Coreset, RunKey
from coreset_studio.core.words import percent


def coreset_sentence(coreset: Coreset, shares: Sequence[ClusterShares]) -> str:
    """Return a summary of a coreset: its share of the pool, the clusters that it covers, and what was divided."""
    return " ".join([_covered_words(coreset, shares), *_part_words(coreset)])


def _part_words(coreset: Coreset) -> list[str]:
    sizes = {**coreset.pool_sizes, "": sum(coreset.pool_sizes.values())}
    return [
        f"{f'Class {name}' if name else 'The pool'}: {sizes[name]:,} images, selected in {n} parts."
        for name, n in coreset.parts.items()
    ]


def _covered_words(coreset: Coreset, shares: Sequence[ClusterShares]) -> str:
    pool = sum(coreset.pool_sizes.values())
    start = f"{len(coreset.indices):,} of {pool:,} images of the pool ({percent(coreset.fraction)})"
    n_clusters = sum(len(share.sizes) for share in shares)
    missed = sum(int(((share.chosen == 0) & (share.sizes > 0)).sum()) for share in shares)
    empty = [name for name, n in coreset.budgets.items() if n == 0]
    if empty:
        return f"{start}; {_list(empty)} {'has' if len(empty) == 1 else 'have'} no selected images."
    if missed:
        return f"{start}; {missed} of {n_clusters} clusters {'is' if missed == 1 else 'are'} not covered."
    return f"{start}; every cluster of every class is covered."


def bundle_name(key: RunKey) -> str:
    """Return the name of the folder of the model bundle of a run."""
    return f"{key.network}-{key.sampler}-{key.fraction:g}-{bundle_mark(key)}".replace(":", "-")


def bundle_mark(key: RunKey) -> str:
    """Return the end of such a name, which only depends on the fingerprint of the run."""
    return key.fingerprint[:8]


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
