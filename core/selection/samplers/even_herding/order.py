"""Even herding: follow a class with its sparse parts lifted, and exchange images until none would serve better."""

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results import IntArray
from coreset_studio.core.selection.greedy import best_row
from coreset_studio.core.selection.kernel import Kernel
from coreset_studio.core.selection.sampling import ClassPool, Order, rounded

# Target ∝ density^-EVENNESS: 0 weights every image equally, 1 every part of the space that the class fills.
EVENNESS = 0.5
# The first stage ends at this many images; each later one at twice as many as the one before.
FIRST_STAGE = 2
# Stages that end beyond this are not exchanged: there it costs most and changes least.
LARGEST_EXCHANGED = 1024
MOST_ROUNDS = 3
SPARSE, DENSE = "from a sparse part of the class", "from a dense part of the class"


def order(pool: ClassPool, n: int) -> Order:
    """Return images by herding towards a target of even density, in stages whose images are exchanged afterwards.

    With p_i the mean of R_ij over the class (its density at i), t_i ∝ p_i^-½ and τ = R t, stages end at 2, 4, 8, …
    images. A stage first takes argmax_j of τ_j − acc_j / (m + 1) again and again, as balanced herding does. Then each
    of its images in turn is given back and the argmax_j of τ_j − acc_j / M is taken, M the images at the end of the
    stage: the exchange that lowers the maximum mean discrepancy most. That continues for at most three rounds, or until
    none changes. The images of the stage are then put in the order in which herding would take them. Images that are
    kept count as those of earlier stages.

    Parameters
    ----------
    pool : ClassPool
        Needs no clusters.

    Notes
    -----
    Earlier stages stay as they are, so small coresets are inside large ones. Memory is 4 n² bytes where that fits
    the kernel's budget; beyond, the embeddings and a few vectors.

    References
    ----------
    Chen, Welling and Smola, Super-samples from kernel herding, UAI 2010; the target and the exchange are ours.
    """
    n = min(n, pool.n_free)
    kernel = pool.make_kernel(pool.embedding)
    if kernel.width == 0:
        # All images are identical: file order.
        return Order(np.setdiff1d(np.arange(pool.n_images, dtype=np.int64), pool.kept)[:n], (DENSE,) * n)
    rows = herd_in_stages(kernel, kernel.times(even_target(kernel.class_means)), n, pool.kept)
    is_sparse = kernel.class_means < np.median(kernel.class_means)
    return Order(rows, tuple(SPARSE if sparse else DENSE for sparse in is_sparse[rows].tolist()))


def even_target(density: NDArray[np.float64], evenness: float = EVENNESS) -> NDArray[np.float64]:
    """Return t_i ∝ density_i^-evenness, shape (n,), which sums to 1.

    Parameters
    ----------
    density : ndarray of shape (n,)
        > 0.
    """
    weights = density**-evenness
    return np.asarray(weights / weights.sum())


def herd_in_stages(kernel: Kernel, potential: NDArray[np.float64], n: int, kept: IntArray | None = None) -> IntArray:
    """Return `n` rows by herding towards `potential`, τ of shape (n_images,), in exchanged stages that double.

    Rows that are kept are taken before and never exchanged; stages end at the same numbers, with these counted.
    """
    herd = _Herd(kernel, potential)
    n_kept = 0 if kept is None else len(kept)
    if kept is not None:
        herd.keep(kept)
    rows: list[int] = []
    end = FIRST_STAGE
    while len(rows) < n:
        if end <= n_kept:
            end *= 2
            continue
        if end > LARGEST_EXCHANGED:
            rows += herd.take(n - len(rows))
            break
        stage = herd.take(min(end, kernel.n_images) - n_kept - len(rows))
        herd.exchange(stage)
        rows += herd.in_order(stage)
        end *= 2
    return np.array(rows[:n], dtype=np.int64)


class _Herd:
    """Images taken so far, and what of R they add up to.

    Parameters
    ----------
    kernel : Kernel
    potential : ndarray of shape (n_images,)
        τ.
    """

    def __init__(self, kernel: Kernel, potential: NDArray[np.float64]) -> None:
        self._kernel, self._potential = kernel, potential
        self._taken = np.zeros(kernel.n_images)
        self._is_in = np.zeros(kernel.n_images, dtype=bool)
        self._size = 0

    def keep(self, rows: IntArray) -> None:
        """Count rows as taken."""
        for row in rows.tolist():
            self._add(row)

    def take(self, n: int) -> list[int]:
        """Take `n` more."""
        rows = []
        for _ in range(n):
            row = best_row(self._scores(self._size + 1))
            self._add(row)
            rows.append(row)
        return rows

    def exchange(self, rows: list[int]) -> None:
        """Replace each of `rows`, in place, by the image that serves best together with all others."""
        if self._is_in.all():
            return
        size = self._size
        for _ in range(MOST_ROUNDS):
            before = list(rows)
            for place, row in enumerate(before):
                self._remove(row)
                scores = self._scores(size)
                best = best_row(scores)
                same = rounded(scores[[row]])[0] >= rounded(scores[[best]])[0]
                rows[place] = row if same else best
                self._add(rows[place])
            if rows == before:
                return

    def in_order(self, rows: list[int]) -> list[int]:
        """Return the rows of the newest stage in the order in which herding takes them, had it only them."""
        left = np.array(rows, dtype=np.int64)
        for row in rows:
            self._remove(row)
        ordered = []
        while len(left):
            place = best_row(self._scores(self._size + 1)[left])
            ordered.append(int(left[place]))
            self._add(ordered[-1])
            left = np.delete(left, place)
        return ordered

    def _scores(self, size: int) -> NDArray[np.float64]:
        scores = self._potential - self._taken / size
        scores[self._is_in] = -np.inf
        return scores

    def _add(self, row: int) -> None:
        self._taken += self._kernel.rows(np.array([row]))[0]
        self._is_in[row] = True
        self._size += 1

    def _remove(self, row: int) -> None:
        self._taken -= self._kernel.rows(np.array([row]))[0]
        self._is_in[row] = False
        self._size -= 1
