"""Shares, times and sizes, as everything that a user reads writes them."""

import math

import pytest

from coreset_studio.core.words import byte_size, duration, percent


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


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [
        (0, "0 bytes"), (12, "12 bytes"), (999, "999 bytes"), (1_100, "1.1 kB"), (9_960, "10 kB"), (64_000, "64 kB"),
        (999_400, "999 kB"), (999_600, "1.0 MB"), (812e6, "812 MB"), (1.44e9, "1.4 GB"), (16.2e9, "16 GB"),
        (2.5e12, "2.5 TB"), (3e15, "3,000 TB"),
    ],
)  # fmt: skip
def test_byte_size(n_bytes: float, words: str) -> None:
    assert byte_size(n_bytes) == words
