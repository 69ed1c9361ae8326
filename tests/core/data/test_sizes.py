"""The side that networks are trained at, by the size of the images."""

from pathlib import Path

import pytest

from coreset_studio.core.data.sizes import training_side
from coreset_studio.core.results import Dataset, Image


def dataset(*sizes: tuple[int, int]) -> Dataset:
    images = tuple(
        Image(f"{n}.png", "a", None, "", width, height, f"p{n}", f"f{n}", 1, 0, "0" * 16)
        for n, (width, height) in enumerate(sizes)
    )
    return Dataset(Path("x"), Path("x"), "folder", images)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(360, 363)] * 3, 256),
        ([(256, 256)], 256),
        ([(255, 400)], 192),
        ([(100, 300), (130, 129), (500, 500)], 128),  # the median of the shorter sides, 129
        ([(28, 28)], 64),
        ([(64, 64), (96, 96)], 64),  # between two: the mean of both, 80
        ([(2000, 1500)] * 5, 256),
    ],
)
def test_the_largest_step_that_is_not_above_the_median_side(sizes: list[tuple[int, int]], expected: int) -> None:
    assert training_side(dataset(*sizes)) == expected
