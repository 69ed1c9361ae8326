"""Near-duplicates by perceptual hash."""

from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreset_studio.core.data import duplicates
from coreset_studio.core.data.cells import draw_cell
from coreset_studio.core.data.duplicates import near_pairs
from coreset_studio.core.data.quality_measures import to_grey
from coreset_studio.core.data.scanning import perceptual_hash
from coreset_studio.core.data.thumbnails import shrink
from coreset_studio.core.seeds import generator


def _joined(n: int, pairs: list[tuple[int, int]]) -> set[frozenset[int]]:
    """Return the connected sets of `pairs`, by brute force."""
    sets = [{index} for index in range(n)]
    for a, b in pairs:
        first, second = (next(one for one in sets if member in one) for member in (a, b))
        if first is not second:
            first |= second
            sets.remove(second)
    return {frozenset(one) for one in sets}


@given(st.lists(st.integers(0, 2**64 - 1).map(lambda v: v & 0x8000_0000_0000_00FF), max_size=30), st.integers(0, 5))
def test_pairs_join_what_brute_force_joins(values: list[int], bits: int) -> None:
    hashes = [f"{value:016x}" for value in values]
    wanted = [(a, b) for a, b in combinations(range(len(values)), 2) if (values[a] ^ values[b]).bit_count() <= bits]
    pairs = [(int(a), int(b)) for a, b in near_pairs(hashes, bits)]
    assert set(pairs) <= set(wanted)
    assert all(a < b for a, b in pairs)
    assert _joined(len(values), pairs) == _joined(len(values), wanted)


def test_over_more_than_one_block() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**63, 1000, dtype=np.uint64)
    values[990:] = values[:10] ^ np.uint64(1 << 40)
    pairs = near_pairs([f"{int(value):016x}" for value in values], 2)
    assert {(int(a), int(b)) for a, b in pairs} == {(number, 990 + number) for number in range(10)}


def test_many_equal_hashes_are_a_chain_and_no_square() -> None:
    assert len(near_pairs(["0" * 16] * 5000, 2)) == 4999


def test_the_hash_sees_another_encoding_as_near_and_another_cell_as_far() -> None:
    cells = [draw_cell("neutrophil", "segmented", 160, generator(number, "cell")) for number in range(6)]
    hashes = [int(perceptual_hash(to_grey(shrink(cell))), 16) for cell in cells]
    for cell, hashed in zip(cells, hashes, strict=True):
        _, data = cv2.imencode(".jpg", cell, [cv2.IMWRITE_JPEG_QUALITY, 80])
        again = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), dtype=np.uint8)
        assert (int(perceptual_hash(to_grey(shrink(again))), 16) ^ hashed).bit_count() <= 2
    assert min((a ^ b).bit_count() for a, b in combinations(hashes, 2)) > 4


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_many_hashes_give_the_pairs_of_comparing_every_two(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(bits)
    # Few different bytes in some places, so that many hashes have equal pieces.
    values = rng.integers(0, 2**63, 3000, dtype=np.uint64) & np.uint64(0xFFFF_0000_0F0F_FFFF)
    for first in range(0, 2000, 2):
        flipped = rng.choice(64, size=rng.integers(0, 6), replace=False)
        values[first + 1] = values[first] ^ np.uint64(sum(1 << int(bit) for bit in flipped))
    hashes = [f"{int(value):016x}" for value in values]
    found = near_pairs(hashes, bits)
    monkeypatch.setattr(duplicates, "_MANY", 10**6)
    expected = near_pairs(hashes, bits)
    np.testing.assert_array_equal(found, expected)
    assert len(found) > 300


def test_hashes_that_are_all_alike_are_compared_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = [f"{value:016x}" for value in range(2500)]
    expected = sum((a ^ b).bit_count() <= 2 for a, b in combinations(range(2500), 2))
    monkeypatch.setattr(duplicates, "_MOST_COMPARED", 10)
    assert len(near_pairs(hashes, 2)) == expected
    monkeypatch.setattr(duplicates, "_MOST_COMPARED", 10_000)
    assert len(near_pairs(hashes, 2)) == expected
