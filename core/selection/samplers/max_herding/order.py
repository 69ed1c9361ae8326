"""MaxHerding: facility location with the Gaussian kernel of the herding samplers."""

from coreset_studio.core.selection.greedy import greedy_cover
from coreset_studio.core.selection.sampling import ClassPool, Order

# Rows that are not held in memory come by a matrix product, where a few cost hardly more than one.
BATCH = 32


def order(pool: ClassPool, n: int) -> Order:
    """Return images by greedy argmax of Σ_i max_{j∈S} R_ij, R = exp(−d² / 2σ²) with the width of herding.

    Images that are kept are in S.

    Notes
    -----
    At least 1 − 1/e of the best possible. Memory is 4 n² bytes where that fits the kernel's budget; beyond, rows are
    computed when a gain is evaluated.

    References
    ----------
    Bae, Noh and Sutherland, Generalized coverage for more robust low-budget active learning, arXiv 2407.12212.
    """
    kernel = pool.make_kernel(pool.embedding)
    batch = 1 if kernel.is_held else BATCH
    rows, gains = greedy_cover(kernel.rows, pool.n_images, n, batch=batch, kept=pool.kept)
    return Order(rows, tuple(f"raises coverage by {gain:.3g} images" for gain in gains.tolist()))
