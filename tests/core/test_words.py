"""Shares and times, as everything that a user reads writes them."""

import math

import pytest

from core.words import duration, percent


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"), (0.003, "0.3 %"), (0.00123, "0.123 %"), (0.05, "5 %"), (0.125, "12.5 %"), (0.29, "29 %"),
        (1 / 3, "33.3 %"), (0.99949, "99.9 %"), (1.0, "100 %"), (12.5, "1,250 %"), (-0.05, "-5 %"),
    ],
)  # fmt: skip
def test_percent(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"), (0, "0 s"), (0.001, "under 0.01 s"), (0.042, "0.04 s"), (0.42, "0.4 s"), (7, "7 s"),
        (9.96, "10 s"), (12.4, "12 s"), (59.4, "59 s"), (59.7, "1 min"), (95, "1 min 35 s"), (200, "3 min 20 s"),
        (1500, "25 min"), (5000, "1 h 23 min"), (7200, "2 h"), (7500, "2 h 5 min"), (4e6, "1,111 h 7 min"),
        (math.nan, "–"),
    ],
)  # fmt: skip
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words
