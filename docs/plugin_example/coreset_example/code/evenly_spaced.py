"""The code of the example's sampler."""

import numpy as np

from coreset_example.sampler import EvenlySpacedSettings
from coreset_studio.plugin_code import ClassPool, Order


def order(pool: ClassPool, n: int, settings: EvenlySpacedSettings) -> Order:
    """Return `n` images at equal steps in path order, beginning with image `start`."""
    n = min(n, pool.n_images)
    steps = np.floor(np.arange(n) * pool.n_images / max(n, 1)).astype(np.int64)
    rows = (steps + settings.start) % pool.n_images
    return Order(rows, tuple(f"place {row + 1} in path order" for row in rows.tolist()))
