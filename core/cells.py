"""Cells of neighbouring rows, so that a search for neighbours compares a row with those of near cells alone."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.neighbours import Vectors, row_blocks, squared_distances, squared_norms
from coreset_studio.core.results import IntArray
from coreset_studio.core.seeds import generator

# Rows of a cell, in the mean. Fewer make the choice of near cells finer and each matrix product smaller.
CELL_ROWS = 64
# Rows per centre that it is found on, and how often centres move.
_SAMPLED_ROWS, _ROUNDS = 64, 8


@dataclass(frozen=True)
class Cells:
    """Disjoint sets of neighbouring rows.

    Attributes
    ----------
    members : tuple of ndarray of int64
        Rows of each cell, ascending, never empty; at most `2 * CELL_ROWS`. Every row is in one cell, and cells are in
        the sequence of their first rows.
    centres : ndarray of shape (n_cells, n_components), float64
        Means of the members.
    """

    members: tuple[IntArray, ...]
    centres: NDArray[np.float64]

    @cached_property
    def sizes(self) -> IntArray:
        """Number of rows of each cell, shape (n_cells,)."""
        return np.array([len(rows) for rows in self.members], dtype=np.int64)

    @cached_property
    def norms(self) -> NDArray[np.float64]:
        """Squared length of each centre, shape (n_cells,)."""
        return squared_norms(self.centres)


def make_cells(embedding: Vectors) -> Cells:
    """Divide rows into cells of neighbours, of about 64 rows each.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
        n >= 1.

    Returns
    -------
    Cells

    Notes
    -----
    K-means in two levels: as many cells as the square root of the number of all cells, found on a sample, and each of
    them is divided again, so that the time grows as n^1.5 with a small factor instead of n². What is larger than twice
    the usual size, such as many equal rows, is cut at the component of the largest variance. Call it with libraries
    limited to one thread: the cells are then the same on any number of processors.
    """
    n = len(embedding)
    n_coarse = max(1, round(np.sqrt(n / CELL_ROWS)))
    whole = np.arange(n, dtype=np.int64)
    members: list[IntArray] = []
    for number, coarse in enumerate(_divided(embedding, whole, n_coarse, "coarse", 0)):
        # Of many equal rows, one would hold them all.
        for part in cut(embedding, coarse, -(-len(coarse) * n_coarse // (4 * n))):
            for cell in _divided(embedding, part, round(len(part) / CELL_ROWS), "fine", number):
                members += cut(embedding, cell, -(-len(cell) // (2 * CELL_ROWS)))
    members.sort(key=lambda rows: int(rows[0]))
    centres = np.array([np.asarray(embedding[rows], dtype=np.float64).mean(axis=0) for rows in members])
    return Cells(tuple(members), centres)


def cut(embedding: Vectors, rows: IntArray, n_parts: int) -> list[IntArray]:
    """Cut rows into parts of equal numbers, up to one, at the component with the largest variance, as in a k-d tree.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    rows : ndarray of shape (m,), int64
        Ascending; rows of equal value are cut in this sequence.
    n_parts : int
        One part is returned for 1 or less.

    Returns
    -------
    list of ndarray of int64
        Ascending rows.
    """
    if n_parts <= 1:
        return [rows]
    left = n_parts // 2
    vectors = embedding[rows]
    widest = int(np.argmax(vectors.var(axis=0, dtype=np.float64))) if vectors.shape[1] else 0
    values = vectors[:, widest] if vectors.shape[1] else np.zeros(len(rows))
    del vectors
    order = rows[np.argsort(values, kind="stable")]
    at = len(rows) * left // n_parts
    return [*cut(embedding, np.sort(order[:at]), left), *cut(embedding, np.sort(order[at:]), n_parts - left)]


def _divided(embedding: Vectors, rows: IntArray, k: int, level: str, number: int) -> list[IntArray]:
    """Divide rows into at most `k` groups around means that were found on a sample of them (Lloyd 1982)."""
    if k <= 1:
        return [rows]
    random = generator(0, "cells", level, number)
    sample = rows
    if len(rows) > k * _SAMPLED_ROWS:
        sample = np.sort(random.choice(rows, size=k * _SAMPLED_ROWS, replace=False))
    vectors = embedding[sample]
    centres = np.asarray(vectors[np.sort(random.choice(len(sample), size=k, replace=False))], dtype=np.float64)
    for _ in range(_ROUNDS):
        order, starts, used = _grouped(_nearest_centre(vectors, centres))
        sums = np.add.reduceat(vectors[order], starts, axis=0, dtype=np.float64)
        centres = sums / np.diff([*starts, len(order)])[:, None]
        if len(used) == 1:
            break
    labels = np.empty(len(rows), dtype=np.int64)
    for block in row_blocks(len(rows), max(len(centres), embedding.shape[1])):
        labels[block] = _nearest_centre(embedding[rows[block]], centres)
    order, starts, _ = _grouped(labels)
    return [rows[group] for group in np.split(order, starts[1:])]


def _nearest_centre(vectors: Vectors, centres: NDArray[np.float64]) -> IntArray:
    return np.asarray(squared_distances(vectors, centres).argmin(axis=1), dtype=np.int64)


def _grouped(labels: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return positions by label (ascending inside each), where each label starts among them, and the labels used."""
    order = np.argsort(labels, kind="stable")
    used, starts = np.unique(labels[order], return_index=True)
    return order, starts, used
