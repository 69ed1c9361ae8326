"""Excluding images by patterns of their paths, and which patterns are suggested."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.split import make_split
from coreset_studio.core.data.suspected import suspect_patterns
from coreset_studio.core.errors import SettingsError, SplitError
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings, settings_from_dict, settings_to_dict
from coreset_studio.core.settings.path_patterns import PathPatterns, split_patterns

Make = Callable[..., Dataset]
BIG, SMALL = {"width": 512, "height": 512}, {"width": 64, "height": 64}


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*_mask.*", "a/x_mask.png", True),
        ("*_mask.*", "a/X_MASK.PNG", True),
        ("*_mask.*", "a/x_mask/y.png", False),  # a folder without a suffix
        ("thumbs", "a/thumbs/y.png", True),
        ("thumbs", "a/Thumbs/deep/y.png", True),
        ("thumbs", "a/thumbs.png", False),
        ("thumbs", "a/x_thumbs/y.png", False),
        ("thumbs/", "a/thumbs", False),  # a file of that name
        ("thumbs/", "a/thumbs/x.png", True),
        ("img_?.png", "a/img_7.png", True),
        ("img_?.png", "a/img_17.png", False),
        ("img_[0-4].png", "a/img_5.png", False),
        ("img_[!0-4].png", "a/img_5.png", True),
        ("train/preview/*", "train/preview/a.png", True),
        ("train/preview/*", "b/train/preview/a.png", False),  # from the root
        ("train/preview", "train/preview/a/b.png", True),  # a folder above
        ("train/*.png", "train/a/b.png", False),  # no slash in a star
        ("**/preview/*", "b/train/preview/a.png", True),
        ("**/preview/*", "preview/a.png", True),
        ("train/**/x.png", "train/x.png", True),
        ("/x.png", "a/x.png", False),
        ("./a/x.png", "a/x.png", True),
        ("a\\x.png", "a/x.png", True),  # as Windows writes paths
        ("x[[]1].png", "a/x[1].png", True),
        ("stack.tif", "a/stack.tif#page=3", True),
        ("*page=3", "a/stack.tif#page=3", True),
        ("übersicht*", "a/U\N{COMBINING DIAERESIS}bersicht 1.png", True),
    ],
)
def test_what_a_pattern_matches(pattern: str, path: str, expected: bool) -> None:
    assert PathPatterns([pattern]).first(path) == (pattern if expected else "")


def test_the_first_pattern_is_named() -> None:
    patterns = PathPatterns(["*.tif", "thumbs", "x*"])
    assert [patterns.first(path) for path in ("thumbs/x.png", "a/x.tif", "a/x.png", "a/y.png")] == [
        "thumbs", "*.tif", "x*", "",
    ]  # fmt: skip
    assert PathPatterns(()).first("a/x.png") == ""


def test_many_stars_take_no_time() -> None:
    assert PathPatterns(["*a" * 40 + "b", "**/" * 20 + "b"]).first("/".join(["a" * 200] * 20)) == ""


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "empty pattern ''"),
        ("  ", "empty pattern"),
        ("//", "empty pattern"),
        ("*_[0-9.png", "a [ has no ]"),
        ("x[!]", "a [ has no ]"),
        ("../x.png", "without the folder “..”"),
        ("a**b", "with ** only between slashes"),
        ("*", "matches every image"),
        ("**/*", "matches every image"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_an_example(pattern: str, words: str) -> None:
    with pytest.raises(SettingsError, match=r"left_out_patterns has the (empty )?pattern .*\*_") as raised:
        DataSettings(left_out_patterns=("thumbs", pattern))
    assert words in str(raised.value)


def test_a_text_with_semicolons_is_several_patterns() -> None:
    assert split_patterns(" thumbs ; *_mask.*;;thumbs") == ("thumbs", "*_mask.*")


def test_stored_forms_omit_it_at_its_neutral_value() -> None:
    assert "left_out_patterns" not in settings_to_dict(DataSettings())
    changed = DataSettings(left_out_patterns=("thumbs",))
    assert settings_from_dict({"data": settings_to_dict(changed)}).data == changed


def test_matching_images_are_left_out_with_the_reason_and_the_rest_is_divided_as_without_them(dataset_of: Make) -> None:
    wanted = [(f"{name}/{n:03d}.png", name) for name in "ab" for n in range(40)]
    extra = [(f"{name}/thumbs/{n:03d}.png", name, {"pixels": f"{name}{n}"}) for name in "ab" for n in range(40)]
    dataset = dataset_of([*wanted, *extra])
    split = make_split(dataset, DataSettings(left_out_patterns=("thumbs", "000.PNG")))
    reasons = {dataset.images[left.index].path: left.reason for left in split.left_out}
    assert reasons["a/thumbs/007.png"] == "It matches the pattern “thumbs”."
    assert reasons["b/000.png"] == "It matches the pattern “000.PNG”."
    assert len(reasons) == 82
    plain = dataset_of([row for row in wanted if not row[0].endswith("000.png")])
    without = make_split(plain, DataSettings())
    for part in ("pool", "validation", "test"):
        mine, theirs = getattr(split, part), getattr(without, part)
        assert [dataset.images[i].path for i in mine] == [plain.images[i].path for i in theirs]
    assert split.warnings == ()


def test_a_copy_that_is_excluded_does_not_count_as_one(dataset_of: Make) -> None:
    rows = [("a/x.png", "a", {"pixels": "p"}), ("b/x_thumb.png", "b", {"pixels": "p"})]
    dataset = dataset_of([*rows, *((f"{n}/{k}.png", n) for n in "ab" for k in range(8))])
    excluded = DataSettings(left_out_patterns=("*_thumb.*",), keep_one_of_duplicates=True)
    left = make_split(dataset, excluded).left_out
    assert [dataset.images[one.index].path for one in left] == ["b/x_thumb.png"]


def test_a_pattern_that_matches_nothing_is_named_with_a_path(dataset_of: Make) -> None:
    dataset = dataset_of([(f"{name}/{n}.png", name) for name in "ab" for n in range(10)])
    split = make_split(dataset, DataSettings(left_out_patterns=("thumb", "3.png")))
    (said,) = split.warnings
    assert said == (
        "The pattern “thumb” of excluded images matches none of the 20 paths, such as a/0.png. Change it or "
        "remove it (--leave-out-pattern)."
    )


def test_patterns_that_leave_nothing_are_named(dataset_of: Make) -> None:
    dataset = dataset_of([(f"{name}/{n}.png", name) for name in "ab" for n in range(10)])
    with pytest.raises(
        SplitError, match=r"No image is left .* 20 of 20 are excluded\. It matches the pattern “\*\.png”"
    ):
        make_split(dataset, DataSettings(left_out_patterns=("*.png",)))


# --- suggestions --------------------------------------------------------------------------------------------------


def cells(n: int = 20, **facts: Any) -> list[tuple[str, str, dict[str, Any]]]:
    return [(f"{name}/c{k}.png", name, {**BIG, **facts}) for name in ("ill", "well") for k in range(n)]


def suggested(dataset: Dataset, **settings: Any) -> list[tuple[str, int]]:
    return [(one.pattern, one.n_images) for one in suspect_patterns(dataset.images, DataSettings(**settings))]


Rows = Sequence[tuple[str, str, dict[str, Any]]]
SUSPECTS: dict[str, tuple[Rows, str, str, str]] = {
    "suffix": ([(f"ill/c{k}_thumb.jpg", "ill", SMALL) for k in range(9)], "*_thumb.*", "thumbnails", "smaller"),
    "prefix": ([(f"ill/Thumb-c{k}.jpg", "ill", SMALL) for k in range(9)], "Thumb-*", "thumbnails", "smaller"),
    "middle": ([(f"ill/c{k}_preview_1.jpg", "ill", SMALL) for k in range(9)], "*_preview_*", "previews", "smaller"),
    "whole name": ([("ill/p1/overview.jpg", "ill", {"width": 900, "height": 300})], "overview.*", "overviews", "shape"),
    "larger": ([("ill/p1/macro.jpg", "ill", {"width": 1500, "height": 1500})], "macro.*", "overviews", "larger"),
    "folder": ([(f"ill/thumbs/c{k}.png", "ill", SMALL) for k in range(9)], "thumbs/", "thumbnails", "smaller"),
    "a folder for each image": (
        [(f"ill/c{k}_previews/1.png", "ill", SMALL) for k in range(9)],
        "*_previews/",
        "previews",
        "smaller",
    ),
    "class folder": ([(f"thumbs/c{k}.png", "thumbs", SMALL) for k in range(9)], "thumbs/", "thumbnails", "smaller"),
    "labels": (
        [(f"ill/c{k}_labels.png", "ill", BIG) for k in range(9)],
        "*_labels.*",
        "masks or label images",
        "named",
    ),
}


@pytest.mark.parametrize("case", list(SUSPECTS))
def test_what_is_named_like_a_thumbnail_and_differs_is_suspected(case: str, dataset_of: Make) -> None:
    rows, pattern, kind, evidence = SUSPECTS[case]
    dataset = dataset_of([*cells(), *rows])
    (found,) = suspect_patterns(dataset.images, DataSettings())
    assert (found.pattern, found.n_images, found.kind) == (pattern, len(rows), kind)
    assert evidence in found.evidence
    assert f'--leave-out-pattern "{pattern}"' in found.sentence
    split = make_split(dataset, DataSettings(left_out_patterns=(found.pattern,)))
    assert {dataset.images[left.index].path for left in split.left_out} == {path for path, _, _ in rows}
    assert suggested(dataset, left_out_patterns=(pattern,)) == []


INNOCENT: dict[str, Rows] = {
    "same size, no sibling": [(f"ill/m{k}_mask.png", "ill", BIG) for k in range(9)],
    "faces with masks": [(f"with_mask/c{k}.png", "with_mask", BIG) for k in range(20)],
    "segmented cells, smaller": [(f"seg/s{k}.png", "seg", SMALL) for k in range(9)],
    "a word inside of a word": [(f"ill/thumbprint{k}.png", "ill", SMALL) for k in range(9)],
    "most images": [(f"ill/c{k}_thumb.png", "ill", SMALL) for k in range(60)],
}


@pytest.mark.parametrize("case", list(INNOCENT))
def test_a_name_alone_is_no_evidence(case: str, dataset_of: Make) -> None:
    assert suggested(dataset_of([*cells(), *INNOCENT[case]])) == []


def test_thumbnails_in_a_folder_of_their_own_are_suggested_once(dataset_of: Make) -> None:
    rows = [(f"ill/thumbs/c{k}_thumb.png", "ill", SMALL) for k in range(9)]
    assert suggested(dataset_of([*cells(), *rows])) in ([("thumbs/", 9)], [("*_thumb.*", 9)])


def test_a_hundred_thousand_paths_are_compared_quickly() -> None:
    paths = [f"class{n % 8}/patient{n % 500}/image_{n}.png" for n in range(100_000)]
    patterns = PathPatterns(["*_7*", "thumbs"])
    assert int(np.count_nonzero([patterns.first(path) for path in paths])) == 11_111
