"""Distances and nearest neighbours among embeddings, in blocks, with ties to the row that comes first."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from coreset_studio.core.estimate import BLOCK_BYTES, PIECE_BYTES
from coreset_studio.core.memory import LIBRARY_BYTES
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import IntArray

Vectors = NDArray[np.float32] | NDArray[np.float64]

# Distances below a millionth of the norms are rounding, so that identical images are at distance 0.
RELATIVE_ZERO = 1e-12
# Of squared distances through norms in float64, of the squared lengths they are made from.
_NORM_ROUNDING = 1e-10
SPARE = 5
BLOCK_ROWS = 4096


def row_blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Cut `n_rows` rows into blocks of which each holds at most `BLOCK_BYTES` in float64; the last may be shorter."""
    size = max(1, BLOCK_BYTES // (8 * max(n_columns, 1)))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def squared_norms(rows: Vectors) -> NDArray[np.float64]:
    """Return the squared length of every row in float64."""
    wide = np.asarray(rows, dtype=np.float64)
    return np.asarray(np.einsum("ij,ij->i", wide, wide))


def squared_distances(a: Vectors, b: Vectors, b_norms: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return squared Euclidean distances, shape (len(a), len(b)).

    Parameters
    ----------
    b_norms : ndarray of shape (len(b),), optional
        `squared_norms` of `b`, for calls again and again with the same.

    Notes
    -----
    Through the norms and one matrix product in float64; what is below `RELATIVE_ZERO` of the norms is 0.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    left_norms = squared_norms(left)
    right_norms = squared_norms(right) if b_norms is None else b_norms
    result = left @ right.T
    result *= -2
    n_rows = max(1, PIECE_BYTES // (8 * max(1, len(right))))
    for start in range(0, len(left), n_rows):
        piece = slice(start, start + n_rows)
        norms = left_norms[piece, None] + right_norms[None, :]
        part = result[piece]
        part += norms
        norms *= RELATIVE_ZERO
        part[part <= norms] = 0
    return result


def unit_rows(embedding: Vectors) -> NDArray[np.float64]:
    """Scale every row to length 1; a row of zeros stays one, so that its cosine with all is 0."""
    rows = np.asarray(embedding, dtype=np.float64)
    lengths = np.sqrt(squared_norms(rows))
    return rows / np.where(lengths > 0, lengths, 1)[:, None]


def nearest(
    embedding: Vectors, n_neighbours: int, progress: Progress = NO_PROGRESS
) -> tuple[IntArray, NDArray[np.float32]]:
    """Find the nearest other rows of every row, by Euclidean distance.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    n_neighbours : int
        >= 1; n - 1 are returned where there are fewer.

    Returns
    -------
    rows : ndarray of shape (n, min(n_neighbours, n - 1)), int64
        Nearest first; equally near ones by row. Never the row itself.
    distances : ndarray of the same shape, float32
    """
    n = len(embedding)
    k = min(n_neighbours, n - 1)
    if k < 1:
        return np.empty((n, 0), dtype=np.int64), np.empty((n, 0), dtype=np.float32)
    # A few more than requested, so that those that tie at the limit are seen, and the row itself can go.
    n_candidates = min(k + 1 + SPARE, n)
    found = NearestNeighbors(n_neighbors=n_candidates, algorithm="brute").fit(embedding)
    rows = np.empty((n, k), dtype=np.int64)
    distances = np.empty((n, k), dtype=np.float32)
    for start in range(0, n, BLOCK_ROWS):
        block = slice(start, min(start + BLOCK_ROWS, n))
        candidates = np.sort(found.kneighbors(embedding[block], return_distance=False), axis=1).astype(np.int64)
        rows[block], distances[block] = _closest(embedding, block, candidates, k)
        progress.report(block.stop, n, "Finding nearest neighbours: images")
    return rows, distances


def nearest_bytes(n_images: int, n_components: int, n_neighbours: int) -> int:
    """Return what `nearest` takes at its peak, in bytes."""
    candidates = min(n_neighbours + 1 + SPARE, n_images)
    at_once = min(BLOCK_ROWS, n_images)
    # Of a block of rows: what scikit-learn finds, then the exact distances of the candidates with their differences.
    block = min(BLOCK_BYTES, 8 * at_once * candidates * max(1, n_components)) * 3 // 2
    of_block = block + 40 * at_once * candidates + 8 * at_once * n_components
    return 12 * n_images * n_neighbours + of_block + LIBRARY_BYTES // 4


def _closest(embedding: Vectors, block: slice, candidates: IntArray, k: int) -> tuple[IntArray, NDArray[np.float32]]:
    """Return the `k` closest of the candidates of every row of `block` with exact distances, ties to the lower row."""
    distances = _exact_distances(embedding, block, candidates)
    distances[candidates == np.arange(block.start, block.stop)[:, None]] = np.inf
    columns = np.argsort(distances, axis=1, kind="stable")
    rows = np.take_along_axis(candidates, columns, axis=1)
    distances = np.take_along_axis(distances, columns, axis=1)
    last = np.where(np.isfinite(distances[:, -1]), distances[:, -1], distances[:, -2])
    if candidates.shape[1] < len(embedding):
        for row in np.flatnonzero(distances[:, k - 1] == last):
            everyone = np.arange(len(embedding), dtype=np.int64)[None, :]
            one = slice(block.start + int(row), block.start + int(row) + 1)
            rows[row : row + 1, :k], distances[row : row + 1, :k] = _closest(embedding, one, everyone, k)
    return rows[:, :k], distances[:, :k]


def _exact_distances(embedding: Vectors, block: slice, candidates: IntArray) -> NDArray[np.float32]:
    result = np.empty(candidates.shape, dtype=np.float32)
    own = np.asarray(embedding[block], dtype=np.float64)
    for part in row_blocks(len(own), candidates.shape[1] * max(embedding.shape[1], 1)):
        differences = embedding[candidates[part]] - own[part, None, :]
        result[part] = np.sqrt(np.einsum("ijk,ijk->ij", differences, differences))
        # The next part is made in its place, not next to it.
        del differences
    return result


def nearest_among(embedding: Vectors, candidates: Vectors) -> tuple[IntArray, NDArray[np.float32]]:
    """Find the nearest candidate of every row.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    candidates : ndarray of shape (m, n_components)
        m >= 1.

    Returns
    -------
    positions : ndarray of shape (n,), int64
        Of the candidate; the first of equally near ones.
    distances : ndarray of shape (n,), float32
    """
    positions = np.empty(len(embedding), dtype=np.int64)
    distances = np.empty(len(embedding), dtype=np.float32)
    for block in row_blocks(len(embedding), len(candidates)):
        squares = squared_distances(embedding[block], candidates).astype(np.float32)
        positions[block] = np.argmin(squares, axis=1)
        distances[block] = np.sqrt(squares[np.arange(len(squares)), positions[block]])
    return positions, distances


def nearest_in(
    embedding: Vectors, candidates: Vectors, n_neighbours: int, progress: Progress = NO_PROGRESS
) -> IntArray:
    """Find the nearest candidates of every row, by Euclidean distance.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    candidates : ndarray of shape (m, n_components)
    n_neighbours : int
        >= 1; m are returned where there are fewer.

    Returns
    -------
    ndarray of shape (n, min(n_neighbours, m)), int64
        Positions of candidates, nearest first; equally near ones by position.
    """
    norms = squared_norms(candidates)
    k = min(n_neighbours, len(candidates))
    found = np.empty((len(embedding), k), dtype=np.int64)
    for rows in row_blocks(len(embedding), max(1, len(candidates))):
        progress.report(rows.start, len(embedding), "Finding nearest neighbours: images")
        squares = squared_distances(embedding[rows], candidates, norms)
        found[rows] = np.argsort(squares, axis=1, kind="stable")[:, :k]
    return found


def nearest_to_any(
    embedding: Vectors, queries: IntArray, n: int, among: IntArray | None = None, progress: Progress = NO_PROGRESS
) -> tuple[IntArray, NDArray[np.float32]]:
    """Find the rows that are nearest to any of some rows, by Euclidean distance.

    Parameters
    ----------
    embedding : ndarray of shape (n_rows, n_components)
    queries : ndarray of shape (m,), int64
        Rows whose neighbours are sought; m >= 1. They are never found themselves.
    n : int
        >= 1; all other rows are returned where there are fewer.
    among : ndarray of shape (k,), int64, optional
        Rows that may be found, ascending; default: all.

    Returns
    -------
    rows : ndarray of shape (min(n, number of other rows),), int64
        Nearest first, by the smallest distance to any of `queries`; equally near ones by row.
    distances : ndarray of the same shape, float32
    """
    others = np.arange(len(embedding), dtype=np.int64) if among is None else np.asarray(among, dtype=np.int64)
    others = others[~np.isin(others, queries)]
    targets = np.asarray(embedding[queries], dtype=np.float64)
    norms = squared_norms(targets)
    squares = np.empty(len(others))
    positions = np.empty(len(others), dtype=np.int64)
    for block in row_blocks(len(others), max(len(targets), embedding.shape[1])):
        progress.report(block.start, len(others), "Finding similar images: images")
        of_block = squared_distances(embedding[others[block]], targets, norms)
        positions[block] = of_block.argmin(axis=1)
        squares[block] = of_block[np.arange(len(of_block)), positions[block]]
    kept = np.arange(len(others))
    if n < len(others):
        # All that may tie with the last one within the rounding of the matrix product; exact distances decide.
        last = np.partition(squares, n - 1)[n - 1]
        slack = _NORM_ROUNDING * (last + norms.max())
        kept = np.flatnonzero(squares <= last + slack)
    exact = np.empty(len(kept), dtype=np.float32)
    for block in row_blocks(len(kept), 2 * embedding.shape[1]):
        differences = embedding[others[kept[block]]] - targets[positions[kept[block]]]
        exact[block] = np.sqrt(np.einsum("ij,ij->i", differences, differences))
    order = np.argsort(exact, kind="stable")[:n]
    return others[kept[order]], exact[order]
