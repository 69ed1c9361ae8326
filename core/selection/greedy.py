"""Common parts of the greedy samplers: the best row with reproducible ties, and lazy greedy covering."""

import heapq
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.neighbours import row_blocks
from coreset_studio.core.results import IntArray
from coreset_studio.core.selection.sampling import rounded

# Two numbers that are equal in six significant digits differ by less than this share.
ROUNDING = 1.1e-5


def best_row(gains: NDArray[np.float64]) -> int:
    """Return the row of the largest gain after rounding to six significant digits; of equal ones the first.

    Parameters
    ----------
    gains : ndarray of shape (n,)
        -inf for rows that may not be taken; at least one is finite.
    """
    top = float(gains.max())
    # Rounding is monotone, so only rows close to the largest can round to the same.
    near = np.flatnonzero(gains >= top - ROUNDING * abs(top))
    values = rounded(gains[near])
    return int(near[int(np.argmax(values))])


GainsFunction = Callable[[IntArray], NDArray[np.float64]]


def lazy_greedy(
    n_rows: int,
    n: int,
    gains_of: GainsFunction,
    take: Callable[[int], None],
    batch: int = 1,
    *,
    may_take: Callable[[int], bool] | None = None,
) -> tuple[IntArray, NDArray[np.float64]]:
    """Repeatedly take the row of the largest gain, evaluating gains only where they can matter.

    Gains may only fall as rows are taken (a submodular aim), so an old gain is an upper bound and most rows need no new
    evaluation. The outcome is that of evaluating all rows every time, rounding and ties included.

    Parameters
    ----------
    n_rows : int
    n : int
        How many to take, <= n_rows.
    gains_of : callable
        Present gains of some rows.
    take : callable
        Called with each row taken.
    batch : int
        How many outdated rows are evaluated together; above 1 where evaluating several costs hardly more than one.
    may_take : callable
        Whether a row may still be taken; one that may not never may again. At least `n` rows can be taken.

    Returns
    -------
    rows : ndarray of shape (n,), int64
        In the order taken.
    gains : ndarray of shape (n,), float64
        Of each when it was taken.

    References
    ----------
    Minoux, Accelerated greedy algorithms for maximizing submodular set functions (1978).
    """
    first = rounded(gains_of(np.arange(n_rows, dtype=np.int64)))
    heap = [(-gain, row) for row, gain in enumerate(first.tolist())]
    heapq.heapify(heap)
    evaluated_at = [0] * n_rows
    rows = np.empty(n, dtype=np.int64)
    gains = np.empty(n, dtype=np.float64)
    for step in range(n):
        while evaluated_at[heap[0][1]] != step or not (may_take is None or may_take(heap[0][1])):
            if may_take is not None and not may_take(heap[0][1]):
                heapq.heappop(heap)
                continue
            outdated: list[int] = []
            while heap and len(outdated) < batch and evaluated_at[heap[0][1]] != step:
                outdated.append(heapq.heappop(heap)[1])
            fresh = rounded(gains_of(np.array(outdated, dtype=np.int64)))
            for row, gain in zip(outdated, fresh.tolist(), strict=True):
                evaluated_at[row] = step
                heapq.heappush(heap, (-gain, row))
        gain, row = heapq.heappop(heap)
        rows[step], gains[step] = row, -gain
        take(row)
    return rows, gains


def greedy_cover(
    rows_of: Callable[[IntArray], NDArray[np.float32]],
    n_images: int,
    n: int,
    *,
    batch: int = 1,
    kept: IntArray | None = None,
) -> tuple[IntArray, NDArray[np.float64]]:
    """Take images by greedy argmax of Σ_i max_{j∈S} s_ij; at least 1 − 1/e of the best possible.

    Parameters
    ----------
    rows_of : callable
        Similarities >= 0 of some images with all, shape (n_rows, n_images), as an array of its own.
    n_images, n : int
        All, and how many to take.
    batch : int
        As in `lazy_greedy`.
    kept : ndarray of int64, optional
        Images that are in S from the start; they are not taken again.

    Returns
    -------
    rows : ndarray of shape (min(n, n_images - len(kept)),), int64
    gains : ndarray of the same shape
        By how much each raised the sum.

    References
    ----------
    Nemhauser, Wolsey and Fisher, Mathematical Programming 14 (1978).
    """
    cover = np.zeros(n_images, dtype=np.float32)

    def gains_of(rows: IntArray) -> NDArray[np.float64]:
        gains = np.empty(len(rows))
        for block in row_blocks(len(rows), n_images):
            above = rows_of(rows[block]) - cover
            gains[block] = np.maximum(above, 0, out=above).sum(axis=1, dtype=np.float64)
        return gains

    def take(row: int) -> None:
        np.maximum(cover, rows_of(np.array([row]))[0], out=cover)

    return lazy_greedy_beside(kept, n_images, n, gains_of, take, batch=batch)


def lazy_greedy_beside(
    kept: IntArray | None, n_rows: int, n: int, gains_of: GainsFunction, take: Callable[[int], None], batch: int = 1
) -> tuple[IntArray, NDArray[np.float64]]:
    """Take rows by `lazy_greedy` in addition to some taken from the start, at most as many as there are others."""
    taken = frozenset(kept.tolist()) if kept is not None else frozenset()
    for row in sorted(taken):
        take(row)
    n = min(n, n_rows - len(taken))
    may_take = (lambda row: row not in taken) if taken else None
    return lazy_greedy(n_rows, n, gains_of, take, batch=batch, may_take=may_take)
