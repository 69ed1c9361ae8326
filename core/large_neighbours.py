"""Nearest neighbours beyond the limit of exact stages: exact distances, to the rows of near cells alone."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from coreset_studio.core.cells import CELL_ROWS, Cells, make_cells
from coreset_studio.core.memory import LIBRARY_BYTES
from coreset_studio.core.neighbours import (
    RELATIVE_ZERO,
    SPARE,
    Vectors,
    nearest,
    nearest_among,
    nearest_bytes,
    nearest_in,
    squared_distances,
    squared_norms,
)
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import IntArray
from coreset_studio.core.threads import n_threads

# Of what is found beyond the limit, in the keys of results in the cache.
CELLS_VERSION = 1
# Rows of near cells that each row is compared with at least, where many neighbours are sought, and where only one is.
PROBED_ROWS, PROBED_FOR_ONE = 1_024, 256
# So few targets are all compared by `nearest_target`, which takes no longer.
FEW_TARGETS = 2_048
# Cells to whose centres a row is compared have so many times as many rows.
_CENTRE_FACTOR = 8
_CELLS_AT_ONCE, _MOST_THREADS = 64, 4


def is_beyond(exact_up_to: int, n_images: int) -> bool:
    """Return whether so many images are more than stages compare exactly; a limit of 0 means none."""
    return 0 < exact_up_to < n_images


def nearest_rows(
    embedding: Vectors, n_neighbours: int, exact_up_to: int, progress: Progress = NO_PROGRESS
) -> tuple[IntArray, NDArray[np.float32]]:
    """Find the nearest other rows of every row, beyond the limit among the rows of near cells.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    n_neighbours : int
        >= 1; n - 1 are returned where there are fewer.
    exact_up_to : int
        >= 0. For more rows, some of the nearest may be missed, with the next nearest in their place; 0: never.

    Returns
    -------
    rows : ndarray of shape (n, min(n_neighbours, n - 1)), int64
        Nearest first; equally near ones by row. Never the row itself.
    distances : ndarray of the same shape, float32
        To these rows, exact.

    Notes
    -----
    Beyond the limit, memory grows in proportion to the rows, and the time little faster (see `make_cells`); the rows
    are the same on any number of threads.
    """
    n_probed = _probed(n_neighbours)
    if not is_beyond(exact_up_to, len(embedding)) or len(embedding) <= n_probed:
        return nearest(embedding, n_neighbours, progress)
    with threadpool_limits(limits=1):
        cells = make_cells(embedding)
        return _Search(embedding, cells, embedding, cells, n_neighbours, n_probed).run(progress)


def nearest_targets(
    embedding: Vectors, targets: Vectors, n_neighbours: int, exact_up_to: int, progress: Progress = NO_PROGRESS
) -> IntArray:
    """Find the nearest targets of every row, beyond the limit among the targets of near cells.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    targets : ndarray of shape (m, n_components)
    n_neighbours : int
        >= 1; m are returned where there are fewer.
    exact_up_to : int
        >= 0; see `nearest_rows`. The larger of n and m counts.

    Returns
    -------
    ndarray of shape (n, min(n_neighbours, m)), int64
        Positions of targets, nearest first; equally near ones by position.
    """
    n_probed = _probed(n_neighbours)
    is_large = is_beyond(exact_up_to, max(len(embedding), len(targets)))
    if not is_large or len(targets) <= n_probed or not len(embedding):
        return nearest_in(embedding, targets, n_neighbours, progress)
    return _among_targets(embedding, targets, n_neighbours, n_probed, progress)[0]


def nearest_target(
    embedding: Vectors, targets: Vectors, exact_up_to: int, progress: Progress = NO_PROGRESS
) -> tuple[IntArray, NDArray[np.float32]]:
    """Find the nearest target of every row, beyond the limit among the targets of near cells.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    targets : ndarray of shape (m, n_components)
        m >= 1.
    exact_up_to : int
        >= 0; see `nearest_rows`. The larger of n and m counts.

    Returns
    -------
    positions : ndarray of shape (n,), int64
        Of the target; the first of equally near ones.
    distances : ndarray of shape (n,), float32
        To these targets, so never below the distance to the nearest.
    """
    if not is_nearest_searched(len(embedding), len(targets), exact_up_to):
        return nearest_among(embedding, targets)
    found, distances = _among_targets(embedding, targets, 1, PROBED_FOR_ONE, progress)
    positions, away = found[:, 0], distances[:, 0]
    # As in `squared_distances`, so that identical images are at distance 0 in both.
    norms = squared_norms(embedding) + squared_norms(targets)[positions]
    away[np.square(away, dtype=np.float64) <= RELATIVE_ZERO * norms] = 0
    return positions, away


def is_nearest_searched(n_images: int, n_targets: int, exact_up_to: int) -> bool:
    """Return whether `nearest_target` compares each of so many rows with the targets of near cells alone."""
    return is_beyond(exact_up_to, max(n_images, n_targets)) and n_targets > FEW_TARGETS


def with_largest_exact(
    embedding: Vectors, targets: Vectors, distances: NDArray[np.float32], n_largest: int
) -> NDArray[np.float32]:
    """Replace the largest distances to the nearest target by exact ones, until the `n_largest` largest are certain.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    targets : ndarray of shape (m, n_components)
    distances : ndarray of shape (n,), float32
        As returned by `nearest_target`: none is below the exact one.
    n_largest : int
        >= 1.

    Returns
    -------
    ndarray of shape (n,), float32
        A copy.
    """
    result = distances.copy()
    order = np.argsort(-distances, kind="stable")
    step = max(CELL_ROWS, 4 * n_largest)
    for start in range(0, len(order), step):
        if start >= n_largest:
            seen = result[order[:start]]
            if np.partition(seen, start - n_largest)[start - n_largest] >= distances[order[start]]:
                break
        rows = order[start : start + step]
        result[rows] = np.minimum(result[rows], nearest_among(embedding[rows], targets)[1])
    return result


def nearest_rows_bytes(n_images: int, n_components: int, n_neighbours: int, exact_up_to: int) -> int:
    """Return what `nearest_rows` and `nearest_targets` take at their peak, in bytes."""
    exact = nearest_bytes(n_images, n_components, n_neighbours)
    if not is_beyond(exact_up_to, n_images):
        return exact
    n_probed = _probed(n_neighbours)
    most = min(n_images, _CENTRE_FACTOR * n_probed + 2 * CELL_ROWS)
    # Of a thread: the rows of near cells, their distances to the rows of a cell with their sequence, and exact ones.
    of_cell = 8 * most * n_components + 2 * CELL_ROWS * (16 * most + 32 * (n_neighbours + SPARE) * n_components)
    # Rows by cell, and while cells are made the rows of the largest.
    of_cells = (32 + 8 * n_components // CELL_ROWS) * n_images + 8 * min(n_images, 2**14) * n_components
    return 12 * n_images * n_neighbours + _MOST_THREADS * of_cell + of_cells + LIBRARY_BYTES


def _probed(n_neighbours: int) -> int:
    return max(PROBED_ROWS, 4 * (n_neighbours + SPARE + 1))


def _among_targets(
    embedding: Vectors, targets: Vectors, n_neighbours: int, n_probed: int, progress: Progress
) -> tuple[IntArray, NDArray[np.float32]]:
    with threadpool_limits(limits=1):
        return _Search(embedding, make_cells(embedding), targets, make_cells(targets), n_neighbours, n_probed).run(
            progress
        )


class _Search:
    """A search for the nearest targets of all queries, or of the nearest other rows where both are the same array.

    All queries of a cell are compared with the same targets: those of the cells whose centres are nearest to any of
    them. So the work is a few matrix products of moderate size, each by one thread, several at the same time.
    """

    def __init__(
        self,
        queries: Vectors,
        query_cells: Cells,
        targets: Vectors,
        cells: Cells,
        n_neighbours: int,
        n_probed: int,
    ) -> None:
        self._queries, self._query_cells = queries, query_cells
        self._targets, self._cells = targets, cells
        self._is_self = queries is targets
        self._k = min(n_neighbours, len(targets) - self._is_self)
        self._n_probed = n_probed
        self._rows = np.empty((len(queries), self._k), dtype=np.int64)
        self._distances = np.empty((len(queries), self._k), dtype=np.float32)

    def run(self, progress: Progress) -> tuple[IntArray, NDArray[np.float32]]:
        """Return the nearest of every query, nearest first, and their distances."""
        members, done = self._query_cells.members, 0
        n_workers = min(n_threads(), _MOST_THREADS)
        # Where the limit of a library holds for one thread, each of these needs it.
        with ThreadPoolExecutor(n_workers, initializer=partial(threadpool_limits, limits=1)) as pool:
            for start in range(0, len(members), _CELLS_AT_ONCE):
                progress.report(done, len(self._queries), "Finding nearest neighbours: images")
                numbers = range(start, min(start + _CELLS_AT_ONCE, len(members)))
                done += sum(pool.map(self._find, numbers))
        progress.report(done, len(self._queries), "Finding nearest neighbours: images")
        return self._rows, self._distances

    def _find(self, cell: int) -> int:
        """Find the nearest targets of the queries of one cell, and return their number."""
        own, centre = self._query_cells.members[cell], self._query_cells.centres[cell]
        candidates = self._near(self._queries[own], centre)
        squares = self._squares(own, candidates, centre)
        n_possible = len(candidates) - self._is_self
        n_kept = min(self._k + SPARE, n_possible)
        kept = np.argpartition(squares, n_kept - 1, axis=1)[:, :n_kept]
        kept.sort(axis=1)
        places, away = self._in_order(own, candidates[kept])
        if n_kept < n_possible:
            # Others may tie with the last one.
            for tied in np.flatnonzero(away[:, self._k - 1] == away[:, -1]):
                one = own[tied : tied + 1]
                others = candidates[candidates != one] if self._is_self else candidates
                found, exact = self._in_order(one, others[None, :])
                places[tied, : self._k], away[tied, : self._k] = found[0, : self._k], exact[0, : self._k]
        self._rows[own], self._distances[own] = places[:, : self._k], away[:, : self._k]
        return len(own)

    def _near(self, vectors: Vectors, centre: NDArray[np.float64]) -> IntArray:
        """Return the targets, ascending, in the cells nearest to any of some queries that are around `centre`."""
        cells = self._cells
        from_centre = cells.norms - 2 * (cells.centres @ centre)
        order = np.argsort(from_centre, kind="stable")
        n_before = np.cumsum(cells.sizes[order]) - cells.sizes[order]
        near = np.sort(order[n_before < _CENTRE_FACTOR * self._n_probed])
        squares = squared_distances(vectors, cells.centres[near], cells.norms[near])
        by_distance = np.argsort(squares, axis=1, kind="stable")
        sizes = cells.sizes[near][by_distance]
        used = near[np.unique(by_distance[np.cumsum(sizes, axis=1) - sizes < self._n_probed])]
        return np.sort(np.concatenate([cells.members[cell] for cell in used.tolist()]))

    def _squares(self, own: IntArray, candidates: IntArray, centre: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return squared distances less the length of each query, about the centre of the queries, in float32."""
        # About the centre, few digits are lost; which candidates are the nearest is decided by exact distances.
        left = (self._queries[own] - centre).astype(np.float32)
        right = (self._targets[candidates] - centre).astype(np.float32)
        squares = left @ right.T
        squares *= -2
        squares += np.einsum("ij,ij->i", right, right)[None, :]
        if self._is_self:
            at = np.searchsorted(candidates, own)
            inside = candidates[np.minimum(at, len(candidates) - 1)] == own
            squares[np.flatnonzero(inside), at[inside]] = np.inf
        return np.asarray(squares)

    def _in_order(self, own: IntArray, places: IntArray) -> tuple[IntArray, NDArray[np.float32]]:
        """Return the targets of each query by exact distance, ties by position, and the distances."""
        queries = np.asarray(self._queries[own], dtype=np.float64)
        differences = self._targets[places] - queries[:, None, :]
        exact = np.sqrt(np.einsum("ijk,ijk->ij", differences, differences)).astype(np.float32)
        order = np.argsort(exact, axis=1, kind="stable")
        return np.take_along_axis(places, order, axis=1), np.take_along_axis(exact, order, axis=1)
