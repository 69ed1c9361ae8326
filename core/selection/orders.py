"""Orders of samplers, computed once and kept, so that another fraction is only another slice."""

import json
from dataclasses import dataclass, replace
from typing import Any

from core.results import FloatArray
from core.selection.description import Sampler
from core.selection.kernel import Kernels
from core.selection.sampling import ClassPool, Order
from core.settings import SelectionSettings, own_settings, settings_to_dict


@dataclass(frozen=True)
class _Kept:
    order: Order
    embedding: FloatArray | None


class OrderCache:
    """Orders in memory, by class, sampler, seed, clusters and the settings that shape an order.

    An order of a nested sampler is computed up to half of its class at first, and for the whole class when more is
    asked for. One of a sampler that is not nested is kept for the number of images that it was made for.

    Attributes
    ----------
    kernels : Kernels or None
        Those that samplers take instead of making their own, where they are kept for something else anyway.

    Notes
    -----
    Embeddings are told apart by identity, not by their values: hashing those of 17,000 images would take longer than
    a slider may. So an order serves as long as the same embeddings are handed in.
    """

    FIRST_SHARE = 2

    def __init__(self) -> None:
        self.kernels: Kernels | None = None
        self._kept: dict[tuple[object, ...], _Kept] = {}

    def get(self, sampler: Sampler, pool: ClassPool, n: int, settings: SelectionSettings) -> Order:
        """Return an order of at least ``min(n, pool.n_images)`` rows; of exactly as many for one that is not nested."""
        n = min(n, pool.n_images)
        own = own_settings(settings, sampler)
        key = _key(sampler, pool, own, None if sampler.nested else n)
        kept = self._kept.get(key)
        embedding = pool.embedding if sampler.uses_embedding else None
        if kept is not None and kept.embedding is embedding and len(kept.order.rows) >= n:
            return kept.order
        half = -(-pool.n_images // self.FIRST_SHARE)
        wanted = n if not sampler.nested else half if n <= half else pool.n_images
        if self.kernels is not None:
            pool = replace(pool, make_kernel=self.kernels.for_many_steps)
        order = sampler.order(pool, wanted, own)
        self._kept[key] = _Kept(order, embedding)
        return order


def _key(sampler: Sampler, pool: ClassPool, own: Any, n: int | None) -> tuple[object, ...]:
    """Return what an order depends on besides the embedding: all that the sampler is given."""
    clusters = (pool.labels.tobytes(), pool.medoids.tobytes()) if sampler.uses_clusters else ()
    shaping = json.dumps(settings_to_dict(own), sort_keys=True) if own is not None else ""
    return (sampler.name, pool.class_name, pool.seed, pool.n_images, clusters, shaping, n)
