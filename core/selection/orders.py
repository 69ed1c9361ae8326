"""Orders of samplers, computed once and kept, so that another fraction is only another slice."""

from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from coreset_studio.core.errors import CoresetError, SamplerFailedError
from coreset_studio.core.memory import memory_for
from coreset_studio.core.results import FloatArray
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.dividing import is_divided, selection_bytes
from coreset_studio.core.selection.kernel import Kernels
from coreset_studio.core.selection.parts import rank_in_parts
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool, Order
from coreset_studio.core.settings import SelectionSettings, own_settings

# A sampler needs less than 40 MB for this number of images; its declared cost only applies to larger classes.
FEW_IMAGES = 1_500


def sampler_bytes(sampler: Sampler, pool: ClassPool, exact_up_to: int = 0) -> int:
    """Return what a sampler takes to put the images of a class in order, in bytes."""
    n_components = pool.embedding.shape[1] if sampler.uses_embedding else 0
    return selection_bytes(sampler, pool.n_images, n_components, exact_up_to)


def put_in_order(
    sampler: Sampler, pool: ClassPool, n: int, own: Any = None, *, shorter: Order | None = None, exact_up_to: int = 0
) -> Order:
    """Let a sampler rank the images of a class, and check the result.

    Parameters
    ----------
    sampler : Sampler
    pool : ClassPool
    n : int
        Number of rows to return.
    own : SettingsPart, optional
        The sampler's own settings; by default theirs.
    shorter : Order, optional
        What a nested sampler gave for fewer rows.
    exact_up_to : int, optional
        The most images that are ranked together; more are ranked in parts, see `core.selection.parts`. 0: any number.

    Returns
    -------
    Order
        Of ``min(n, pool.n_free)`` distinct rows that are not kept, which begin with those of `shorter`.

    Raises
    ------
    SamplerFailedError
        If a sampler of a plugin fails, or gives something else.
    MemoryShortError
        If the sampler needs more memory than there is; it was not called then.
    """
    try:
        with _memory_for(sampler, pool, exact_up_to):
            if is_divided(sampler, pool.n_images, exact_up_to):
                order = rank_in_parts(sampler, pool, min(n, pool.n_free), exact_up_to, partial(_ranked, sampler, own))
            else:
                order = sampler.order(pool, n, own)
        _check(order, min(n, pool.n_free), pool)
        if shorter is not None and not np.array_equal(order.rows[: len(shorter.rows)], shorter.rows):
            raise ValueError(
                "it is declared nested, but a larger coreset does not start with the images of a smaller one"
            )
    except (CoresetError, MemoryError):
        raise
    except Exception as error:  # a plugin may raise anything
        plugin = SAMPLERS.plugins.get(sampler.name)
        if plugin is None:
            raise
        raise SamplerFailedError(
            f"The sampler {sampler.title} of the plugin {plugin} failed ({type(error).__name__}: {error}). "
            "Update or remove the plugin, or select another sampler."
        ) from error
    return order


def _ranked(sampler: Sampler, own: Any, pool: ClassPool, n: int) -> Order:
    """Let a sampler rank the images of one part."""
    order = sampler.order(pool, n, own)
    _check(order, min(n, pool.n_free), pool)
    return order


def _memory_for(sampler: Sampler, pool: ClassPool, exact_up_to: int) -> AbstractContextManager[None]:
    """Return what stops before a sampler that needs more memory than there is, naming others that need less."""
    needed = sampler_bytes(sampler, pool, exact_up_to) if pool.n_images > FEW_IMAGES else 0
    whose = f"class {pool.class_name}" if pool.class_name else "the pool"

    def ways(free: int) -> list[str]:
        fitting = [
            each.title_inside
            for each in SAMPLERS.values()
            if each.scope == sampler.scope
            and each.name != sampler.name
            and sampler_bytes(each, pool, exact_up_to) < free
        ]
        return [f"select by {fitting[0]} instead"] if fitting else []

    return memory_for(f"Selecting from {whose} ({pool.n_images:,} images) by {sampler.title_inside}", needed, ways)


def _check(order: Order, n: int, pool: ClassPool) -> None:
    rows, n_images = order.rows, pool.n_images
    if len(rows) != n or len(order.reasons) != n:
        raise ValueError(f"it returned {len(rows)} rows with {len(order.reasons)} reasons; expected {n}")
    if rows.dtype.kind not in "iu" or len(np.unique(rows)) != n or (n and not 0 <= rows.min() <= rows.max() < n_images):
        raise ValueError(f"it returned rows that are not distinct integers from 0 to {n_images - 1}")
    if np.isin(rows, pool.kept).any():
        raise ValueError("it returned rows that are already in the earlier coreset")


@dataclass(frozen=True)
class _Kept:
    order: Order
    embedding: FloatArray | None


class OrderCache:
    """Orders in memory, by class, sampler and all that the sampler is given.

    An order of a nested sampler is computed up to half of its class at first, and for the whole class when more is
    requested. One of a sampler that is not nested is kept for the number of images that it was made for.

    Attributes
    ----------
    kernels : Kernels or None
        Those that samplers take instead of making their own, where they are kept for something else anyway.

    Notes
    -----
    Embeddings are distinguished by identity, not by their values: hashing those of 17,000 images would take longer than
    a slider may. So an order serves as long as the same embeddings are handed in.
    """

    FIRST_SHARE = 2

    def __init__(self) -> None:
        self.kernels: Kernels | None = None
        self._kept: dict[tuple[object, ...], _Kept] = {}

    def get(
        self, sampler: Sampler, pool: ClassPool, n: int, settings: SelectionSettings, exact_up_to: int = 0
    ) -> Order:
        """Return an order of at least ``min(n, pool.n_free)`` rows; of exactly as many for one that is not nested.

        None of them is kept. More images than `exact_up_to`, if that is not 0, are ranked in parts.

        Raises
        ------
        SamplerFailedError
            If a sampler of a plugin fails.
        """
        n = min(n, pool.n_free)
        if len(pool.kept) and not sampler.continues:
            whole = self.get(sampler, replace(pool, kept=pool.kept[:0]), n + len(pool.kept), settings, exact_up_to)
            places = np.flatnonzero(~np.isin(whole.rows, pool.kept))
            return Order(whole.rows[places], tuple(whole.reasons[place] for place in places.tolist()))
        own = own_settings(settings, sampler)
        together = exact_up_to if is_divided(sampler, pool.n_images, exact_up_to) else 0
        key = (*_key(sampler, pool.seen_by(sampler), own, None if sampler.nested else n), together)
        kept = self._kept.get(key)
        embedding = pool.embedding if sampler.uses_embedding else None
        shorter = kept.order if kept is not None and kept.embedding is embedding else None
        if shorter is not None and len(shorter.rows) >= n:
            return shorter
        half = -(-pool.n_free // self.FIRST_SHARE)
        n_ranked = n if not sampler.nested else half if n <= half else pool.n_free
        if self.kernels is not None:
            pool = replace(pool, make_kernel=self.kernels.for_many_steps)
        order = put_in_order(sampler, pool, n_ranked, own, shorter=shorter, exact_up_to=exact_up_to)
        self._kept[key] = _Kept(order, embedding)
        return order


def _key(sampler: Sampler, seen: ClassPool, own: Any, n: int | None) -> tuple[object, ...]:
    """Return everything that an order depends on in addition to the embedding."""
    clusters = (seen.labels.tobytes(), seen.medoids.tobytes()) if sampler.uses_clusters else ()
    # Every field counts, one without the facts of a setting too.
    shaping = repr(asdict(own)) if own is not None else ""
    together = (seen.classes.tobytes(), seen.quotas.tobytes()) if sampler.scope == "joint" else ()
    return (
        sampler.name,
        together,
        seen.kept.tobytes(),
        seen.class_name,
        seen.seed,
        seen.n_images,
        clusters,
        shaping,
        n,
    )
