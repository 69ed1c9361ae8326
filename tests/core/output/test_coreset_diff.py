"""Two exports compared, against a count by hand: copies, corrected labels, changed files."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreset_studio.core.output import coreset_diff
from coreset_studio.core.output.coreset_diff import ExportDifference, compare_exports
from coreset_studio.core.results.differences import DifferenceRow, difference_sentence
from coreset_studio.core.settings import EarlierCoreset, EarlierImage


def compared(monkeypatch: pytest.MonkeyPatch, **images: list[EarlierImage]) -> ExportDifference:
    def read(file: Path) -> tuple[EarlierCoreset, tuple[str, ...]]:
        return EarlierCoreset(file.name, "0" * 64, tuple(images[file.name])), ()

    monkeypatch.setattr(coreset_diff, "read_earlier", read)
    return compare_exports(Path("a"), Path("b"))


def test_images_are_the_same_by_their_pixels_and_not_by_their_path(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(
        monkeypatch,
        a=[EarlierImage("x/1.png", "x", "p1"), EarlierImage("x/2.png", "x", "p2"), EarlierImage("y/3.png", "y", "p3")],
        b=[EarlierImage("moved.png", "x", "p1"), EarlierImage("x/2.png", "x", "new")],
    )
    assert found.rows == (DifferenceRow("x", -1, 1, 1, 1), DifferenceRow("y", -1, 0, 1, 0))
    assert ("x/1.png", "x", "both") in found.images
    (note,) = found.notes
    assert note.startswith("1 path is in A and in B with other pixels")
    assert found.sentence == (
        "1 image is in both coresets, 2 only in A and 1 only in B: they share 25 % of all that are in one of them."
    )


def test_a_relabelled_image_is_the_same_image_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(monkeypatch, a=[EarlierImage("1", "x", "p")], b=[EarlierImage("1", "y", "p")])
    assert found.rows == (DifferenceRow("x", -1, 1, 0, 0),)
    assert found.notes == ("1 of the images in both have another class in B; they are counted under that of A.",)


def test_copies_are_matched_by_path_and_class_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(
        monkeypatch,
        a=[EarlierImage("1", "x", "p"), EarlierImage("2", "y", "p")],
        b=[EarlierImage("2", "y", "p"), EarlierImage("9", "z", "q")],
    )
    assert found.images == (("1", "x", "only A"), ("2", "y", "both"), ("9", "z", "only B"))


images = st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from("pqrs")), min_size=1, max_size=8)


@given(images, images)
def test_the_counts_are_those_of_multisets_of_pixels(a: list[tuple[str, str]], b: list[tuple[str, str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        found = compared(
            patch,
            a=[EarlierImage(f"a{i}", name, pixels) for i, (name, pixels) in enumerate(a)],
            b=[EarlierImage(f"b{i}", name, pixels) for i, (name, pixels) in enumerate(b)],
        )
    of_a, of_b = Counter(pixels for _, pixels in a), Counter(pixels for _, pixels in b)
    shared = sum((of_a & of_b).values())
    assert sum(row.both for row in found.rows) == shared
    assert sum(row.only_a for row in found.rows) == len(a) - shared
    assert sum(row.only_b for row in found.rows) == len(b) - shared
    assert Counter(name for _, name, where in found.images if where != "only B") == Counter(name for name, _ in a)


def test_rows_of_clusters_are_not_counted_twice() -> None:
    rows = (DifferenceRow("x", -1, 2, 1, 1), DifferenceRow("x", 0, 2, 1, 1))
    assert difference_sentence(rows, "A", "B").startswith("2 images are in both coresets, 1 only in A and 1 only in B")
    assert "share 0 %" in difference_sentence((), "A", "B")
