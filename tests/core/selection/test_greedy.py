"""Lazy greedy is plain greedy, and ties fall alike everywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_studio.core.selection.greedy import best_row, lazy_greedy
from coreset_studio.core.selection.sampling import rounded


def test_gains_that_agree_in_six_digits_tie_to_the_first() -> None:
    assert best_row(np.array([0.0, 1.0, 1.0 + 1e-7])) == 1
    assert best_row(np.array([0.0, 1.0, 1.00002])) == 2
    assert best_row(np.array([-2.0, -1.0000001, -1.0])) == 1
    assert best_row(np.array([-np.inf, 0.0, 0.0])) == 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=20))
def test_the_best_row_is_the_first_of_the_largest_rounded(gains: list[float]) -> None:
    values = np.array(gains)
    values[np.abs(values) < 1e-200] = 0
    assert best_row(values) == int(np.argmax(rounded(values)))


def plain_greedy(similarities: np.ndarray, n: int) -> list[int]:
    cover = np.zeros(len(similarities))
    taken: list[int] = []
    for _ in range(n):
        gains = rounded(np.maximum(similarities - cover, 0).sum(axis=1))
        gains[taken] = -np.inf
        taken.append(int(np.argmax(gains)))
        cover = np.maximum(cover, similarities[taken[-1]])
    return taken


@pytest.mark.parametrize("batch", [1, 3, 100])
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 12), coarse=st.booleans())
def test_lazy_greedy_is_plain_greedy_ties_included(batch: int, seed: int, n: int, coarse: bool) -> None:
    similarities = np.random.default_rng(seed).random((12, 12))
    if coarse:
        similarities = np.round(similarities * 2) / 2
    cover = np.zeros(12)
    evaluated: list[int] = []

    def gains_of(rows: np.ndarray) -> np.ndarray:
        evaluated.extend(rows.tolist())
        return np.maximum(similarities[rows] - cover, 0).sum(axis=1)

    def take(row: int) -> None:
        np.maximum(cover, similarities[row], out=cover)

    rows, gains = lazy_greedy(12, n, gains_of, take, batch=batch)
    assert rows.tolist() == plain_greedy(similarities, n)
    assert (np.diff(gains) <= 0).all()
    assert len(evaluated) <= 12 * (n + 1)
