"""Balanced herding: follow the distribution of a class step by step, bent towards every cluster counting the same."""

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results import IntArray
from coreset_studio.core.selection.greedy import best_row
from coreset_studio.core.selection.kernel import Kernel
from coreset_studio.core.selection.samplers.balanced_herding import BalancedHerdingSettings
from coreset_studio.core.selection.sampling import ClassPool, Order


def order(pool: ClassPool, n: int, settings: BalancedHerdingSettings) -> Order:
    """Return images by repeated argmax_j of τ_j − acc_j / (m + 1), τ = R t and acc the sum of R over those in S.

    S are those picked or kept. Each step lowers the maximum mean discrepancy between the coreset and the target t.

    Parameters
    ----------
    pool : ClassPool
        Its clusters shape the target.
    settings : BalancedHerdingSettings
        `mu`.

    Notes
    -----
    Memory is 4 n² bytes where that fits the kernel's budget; beyond, the embeddings and two vectors.

    References
    ----------
    Chen, Welling and Smola, Super-samples from kernel herding, UAI 2010.
    """
    n = min(n, pool.n_free)
    kernel = pool.make_kernel(pool.embedding)
    potential = kernel.times(target(pool.labels, settings.mu))
    rows = herd(kernel, potential, n, pool.kept)
    return Order(rows, tuple(f"represents cluster {cluster + 1}" for cluster in pool.labels[rows].tolist()))


def herd(kernel: Kernel, potential: NDArray[np.float64], n: int, kept: IntArray | None = None) -> IntArray:
    """Return `n` rows by kernel herding towards `potential`, τ of shape (n_images,), next to those that are kept."""
    kept = np.zeros(0, dtype=np.int64) if kept is None else kept
    if kernel.width == 0:
        # All images are identical: file order.
        return np.setdiff1d(np.arange(kernel.n_images, dtype=np.int64), kept)[:n]
    picked = np.zeros(kernel.n_images)
    free = np.array(potential, dtype=np.float64)
    for row in kept.tolist():
        picked += kernel.rows(np.array([row]))[0]
    free[kept] = -np.inf
    rows = np.empty(n, dtype=np.int64)
    for m in range(n):
        row = best_row(free - picked / (len(kept) + m + 1))
        rows[m] = row
        picked += kernel.rows(rows[m : m + 1])[0]
        free[row] = -np.inf
    return rows


def target(labels: IntArray, mu: float) -> NDArray[np.float64]:
    """Return t_i = (1 − μ) / n + μ / (G · n_g(i)), shape (n,), which sums to 1.

    Parameters
    ----------
    labels : ndarray of shape (n,), int64
        Cluster of each image, G of them.
    mu : float
        0 <= mu <= 1: 0 gives every image the same weight, 1 every cluster.
    """
    _, cluster, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return (1 - mu) / len(labels) + mu / (len(sizes) * sizes[cluster])
