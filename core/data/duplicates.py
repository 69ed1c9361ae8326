"""Find images with the same pixels, and images that a perceptual hash calls nearly the same."""

from collections.abc import Sequence

import numpy as np

from coreset_studio.core.results import Dataset, Duplicates, IntArray

_ROWS_AT_ONCE = 256


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
    Compares every two different hashes in blocks, 0.2 s for 17,000; no structure of the hashes makes it slower.
    """
    values = np.array([int(text, 16) for text in hashes], dtype=np.uint64)
    order = np.argsort(values, kind="stable")
    equal = np.flatnonzero(values[order][1:] == values[order][:-1])
    pairs = [np.stack([order[equal], order[equal + 1]], axis=1)]
    distinct, first = np.unique(values, return_index=True)
    if bits > 0:
        for start in range(0, len(distinct), _ROWS_AT_ONCE):
            block = distinct[start : start + _ROWS_AT_ONCE]
            distance = np.bitwise_count(block[:, None] ^ distinct[None, start:])
            rows, columns = np.nonzero(distance <= bits)
            later = columns > rows
            pairs.append(np.stack([first[start + rows[later]], first[start + columns[later]]], axis=1))
    return np.sort(np.concatenate(pairs), axis=1).astype(np.int64)
