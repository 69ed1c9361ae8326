"""What images are filtered, coloured and counted by."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreset_studio.core.results import Dataset, Image, Split
from coreset_studio.desktop_app.models import facets
from coreset_studio.desktop_app.models.facets import Division, Marks

N = 40


def _dataset(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Dataset:
    images = tuple(
        Image(
            path=f"{'ab'[i % 2]}/{i:03}.png", class_name="ab"[i % 2], split=None, group="", width=4, height=4,
            pixels=str(i), file=str(i), n_bytes=9, modified_ns=0, perceptual="0" * 16, more=more,
        )
        for i, more in enumerate(rows)
    )  # fmt: skip
    return Dataset(Path("/"), Path("/"), "folder", images, columns=columns)


@given(
    codes=st.lists(st.integers(-1, 3), min_size=N, max_size=N),
    marks=st.lists(st.lists(st.booleans(), min_size=N, max_size=N), min_size=2, max_size=2),
    chosen=st.fixed_dictionaries({"division": st.sets(st.integers(0, 3)), "marks": st.sets(st.integers(0, 1))}),
)
def test_filters_let_through_what_has_one_of_the_values_of_every_facet(
    codes: list[int], marks: list[list[bool]], chosen: dict[str, set[int]]
) -> None:
    made = {
        "division": Division("division", "D", ("w", "x", "y", "z"), np.array(codes)),
        "marks": Marks("marks", "M", ("p", "q"), tuple(np.array(mask) for mask in marks)),
    }

    def has(name: str, image: int, value: int) -> bool:
        return codes[image] == value if name == "division" else marks[value][image]

    def passes(image: int, but: str) -> bool:
        return all(
            not values or name == but or any(has(name, image, value) for value in values)
            for name, values in chosen.items()
        )

    found = facets.filtered(made, chosen, N)
    for but in ("", "division", "marks"):
        assert found[but].tolist() == [passes(image, but) for image in range(N)]
    for name, facet in made.items():
        counts = facet.counts(found[name])
        assert counts.tolist() == [
            sum(passes(image, name) and has(name, image, value) for image in range(N))
            for value in range(len(facet.values))
        ]


def test_sets_are_those_of_the_split() -> None:
    split = Split(np.array([0, 4]), np.array([1]), np.array([3]))
    facet = facets.by_set(split, 5)
    assert [facet.values[code] for code in facet.codes()] == ["Pool", "Validation", "Excluded", "Test", "Pool"]


def test_of_several_marks_the_first_gives_the_colour_and_marks_of_none_are_left_out() -> None:
    facet = facets.by_marks("finding", "Findings", {"a": [1, 2], "none": [], "b": [2, 3]}, 5)
    assert facet.values == ("a", "b")
    assert facet.codes().tolist() == [-1, 0, 0, 1, -1]


def test_a_column_of_few_values_lists_them_the_most_frequent_first() -> None:
    dataset = _dataset(("site",), [("Basel",)] * 3 + [("",)] * 2 + [("Ghent",)])
    facet = facets.by_column("site", facets.column_texts(dataset, 0))
    assert facet is not None
    assert (facet.title, facet.values) == ("site", ("Basel", "(empty)", "Ghent"))
    assert facet.counts(np.ones(6, bool)).tolist() == [3, 2, 1]


def test_a_column_of_many_numbers_has_ranges_of_about_as_many_images() -> None:
    ages = [f"{age}" for age in range(100)] + [""]
    facet = facets.by_column("age", ages)
    assert facet is not None
    assert facet.values == ("0 to 19.8", "19.8 to 39.6", "39.6 to 59.4", "59.4 to 79.2", "79.2 to 99", "(empty)")
    assert facet.counts(np.ones(101, bool)).tolist() == [20, 20, 20, 20, 20, 1]


def test_rare_texts_of_a_long_column_are_one_value() -> None:
    facet = facets.by_column("device", [f"rare {n}" for n in range(40)] + ["common"] * 60)
    assert facet is not None
    assert facet.values[0] == "common"
    assert facet.values[-1] == "Other values"
    assert facet.counts(np.ones(100, bool))[[0, -1]].tolist() == [60, 11]


@pytest.mark.parametrize("texts", [["same"] * 9, [f"id {n}" for n in range(90)]])
def test_a_column_that_tells_nothing_apart_is_no_facet(texts: list[str]) -> None:
    assert facets.by_column("column", texts) is None


def test_a_column_of_numbers_is_sorted_as_numbers_and_one_of_texts_by_letter() -> None:
    assert np.array_equal(facets.sort_key(["10", "9", "", "2,5"]), [10, 9, np.nan, 2.5], equal_nan=True)
    assert np.array_equal(facets.sort_key(["b", "", "A", "1"]), [3, np.nan, 2, 1], equal_nan=True)
