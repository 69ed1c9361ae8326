"""Find images with the same pixels, and images that a perceptual hash calls nearly the same."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results import Dataset, Duplicates, IntArray

_ROWS_AT_ONCE = 256
# Of a search by equal pieces: from so many hashes on, up to so many bits, and up to so many comparisons of a hash.
_MANY, _MOST_BITS, _MOST_COMPARED = 2_000, 4, 2_000
_N_PIECES = 8


def find_duplicates(dataset: Dataset) -> tuple[Duplicates, ...]:
    """Return the sets of images with the same decoded pixels, by their first image.

    Returns
    -------
    tuple of Duplicates
        `conflicting` where the images have more than one class.
    """
    by_pixels: dict[str, list[int]] = {}
    for index, image in enumerate(dataset.images):
        by_pixels.setdefault(image.pixels, []).append(index)
    return tuple(
        Duplicates(tuple(same), len({dataset.images[index].class_name for index in same}) > 1)
        for same in by_pixels.values()
        if len(same) > 1
    )


def near_pairs(hashes: Sequence[str], bits: int) -> IntArray:
    """Return the pairs of hashes that differ in at most `bits` bits.

    Equal hashes count as a chain, each paired with the next alone, and represent each other in further pairs:
    enough to join them, and a thousand equal hashes do not become a million pairs.

    Parameters
    ----------
    hashes : sequence of str
        16 hex digits each.
    bits : int
        >= 0.

    Returns
    -------
    ndarray of shape (n_pairs, 2), int64
        Positions in `hashes`, the smaller first.

    Notes
    -----
    Of many hashes and few bits, only those are compared that are equal in enough of `_N_PIECES` pieces: two hashes that
    differ in at most b bits differ in at most b pieces (Norouzi, Punjani and Fleet 2012). The pairs are the same as if
    every two were compared, which is done otherwise, in blocks, 0.2 s for 17,000.
    """
    values = np.array([int(text, 16) for text in hashes], dtype=np.uint64)
    order = np.argsort(values, kind="stable")
    equal = np.flatnonzero(values[order][1:] == values[order][:-1])
    pairs = [np.stack([order[equal], order[equal + 1]], axis=1)]
    distinct, first = np.unique(values, return_index=True)
    if bits > 0:
        found = _by_pieces(distinct, bits) if len(distinct) > _MANY and bits <= _MOST_BITS else None
        for rows, columns in _all_compared(distinct, bits) if found is None else [found]:
            pairs.append(np.stack([first[rows], first[columns]], axis=1))
    return np.sort(np.concatenate(pairs), axis=1).astype(np.int64)


def _all_compared(distinct: NDArray[np.uint64], bits: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Compare every two hashes, and yield the positions of those that differ in at most `bits` bits."""
    for start in range(0, len(distinct), _ROWS_AT_ONCE):
        block = distinct[start : start + _ROWS_AT_ONCE]
        distance = np.bitwise_count(block[:, None] ^ distinct[None, start:])
        rows, columns = np.nonzero(distance <= bits)
        later = columns > rows
        yield start + rows[later], start + columns[later]


def _by_pieces(distinct: NDArray[np.uint64], bits: int) -> tuple[IntArray, IntArray] | None:
    """Return what `_all_compared` yields, in its sequence, or None if too many hashes are alike."""
    n = len(distinct)
    edges = [64 * piece // _N_PIECES for piece in range(_N_PIECES + 1)]
    masks = [(1 << high) - (1 << low) for low, high in pairwise(edges)]
    found: list[NDArray[np.int64]] = []
    n_compared = 0
    for equal in combinations(masks, _N_PIECES - bits):
        keys = distinct & np.uint64(sum(equal))
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]]))
        n_same = np.diff([*starts.tolist(), n])
        n_compared += int((n_same * (n_same - 1) // 2).sum())
        if n_compared > n * _MOST_COMPARED:
            return None
        # Every place with the places after it in its group: step 1, step 2, and so on.
        last = np.repeat(starts + n_same, n_same)
        places = np.flatnonzero(np.arange(n) + 1 < last)
        step = 1
        while len(places):
            one, other = order[places], order[places + step]
            near = np.bitwise_count(distinct[one] ^ distinct[other]) <= bits
            found.append(np.minimum(one, other)[near] * n + np.maximum(one, other)[near])
            step += 1
            places = places[places + step < last[places]]
    pairs = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
    return pairs // n, pairs % n
