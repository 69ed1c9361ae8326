"""Dividing: stratified, seeded, and never through what belongs together."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_studio.core.data.dividing import target
from coreset_studio.core.data.group_patterns import suggest_patterns
from coreset_studio.core.data.split import count_groups, make_split, preview_groups
from coreset_studio.core.errors import SplitError
from coreset_studio.core.results import Dataset, Split
from coreset_studio.core.settings import DataSettings

Make = Callable[..., Dataset]


def rows(sizes: dict[str, int]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(f"{name}/{number:04d}.png", name, {}) for name, size in sizes.items() for number in range(size)]


def paths(dataset: Dataset, part: np.ndarray) -> list[str]:
    return [dataset.images[index].path for index in part]


def sets_of(dataset: Dataset, split: Split) -> dict[str, str]:
    named = {"pool": split.pool, "validation": split.validation, "test": split.test}
    return {path: name for name, part in named.items() for path in paths(dataset, part)}


def counts(dataset: Dataset, part: np.ndarray) -> Counter[str]:
    return Counter(dataset.images[index].class_name for index in part)


def check_partition(dataset: Dataset, split: Split) -> None:
    everything = [*split.pool, *split.validation, *split.test, *(left.index for left in split.left_out)]
    assert sorted(everything) == list(range(len(dataset.images)))
    for part in (split.pool, split.validation, split.test):
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()


def test_seventy_thirty_then_eighty_twenty(dataset_of: Make) -> None:
    dataset = dataset_of(rows({"a": 1000, "b": 100, "c": 10}))
    split = make_split(dataset, DataSettings())
    check_partition(dataset, split)
    assert counts(dataset, split.test) == {"a": 300, "b": 30, "c": 3}
    assert counts(dataset, split.validation) == {"a": 140, "b": 14, "c": 1}
    assert counts(dataset, split.pool) == {"a": 560, "b": 56, "c": 6}
    assert split.warnings == ()
    assert not split.is_predefined


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 40), min_size=1),
    st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.95]),
    st.sampled_from([0.0, 0.2, 0.9]),
    st.integers(0, 5),
)
def test_any_sizes_and_shares(
    dataset_of: Make, sizes: dict[str, int], test_fraction: float, validation_fraction: float, seed: int
) -> None:
    dataset = dataset_of(rows(sizes))
    chosen = DataSettings(test_fraction=test_fraction, validation_fraction=validation_fraction, split_seed=seed)
    split = make_split(dataset, chosen)
    check_partition(dataset, split)
    test, validation, pool = (counts(dataset, part) for part in (split.test, split.validation, split.pool))
    for name, size in sizes.items():
        assert test[name] == target(size, test_fraction)
        assert validation[name] == target(size - test[name], validation_fraction)
        assert pool[name] >= 1


@given(st.integers(0, 10_000), st.floats(0, 0.999))
def test_target_is_the_rounded_share_and_leaves_one(count: int, fraction: float) -> None:
    wanted = target(count, fraction)
    assert 0 <= wanted <= max(0, count - 1)
    if 1 <= math.floor(count * fraction + 0.5) < count:
        assert wanted == math.floor(count * fraction + 0.5)


@pytest.mark.parametrize(("size", "expected"), [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (4, (2, 1, 1))])
def test_tiny_classes(dataset_of: Make, size: int, expected: tuple[int, int, int]) -> None:
    dataset = dataset_of(rows({"tiny": size, "large": 50}))
    split = make_split(dataset, DataSettings())
    assert tuple(counts(dataset, part)["tiny"] for part in (split.pool, split.validation, split.test)) == expected
    said = "The class “tiny” has only 1 image, which is used for training, so it cannot be evaluated."
    assert split.warnings == ((said,) if size == 1 else ())


def test_seed_and_order(dataset_of: Make) -> None:
    everything = rows({"a": 60, "b": 30})
    first = make_split(dataset_of(everything), DataSettings())
    again = make_split(dataset_of(everything[::-1]), DataSettings())
    assert np.array_equal(first.test, again.test)
    assert np.array_equal(first.pool, again.pool)
    other = make_split(dataset_of(everything), DataSettings(split_seed=1))
    assert not np.array_equal(first.test, other.test)


def test_every_image_is_tested_about_as_often(dataset_of: Make) -> None:
    dataset = dataset_of(rows({"a": 20}))
    drawn = Counter(index for seed in range(300) for index in make_split(dataset, DataSettings(split_seed=seed)).test)
    assert sum(drawn.values()) == 300 * 6
    assert min(drawn.values()) > 55  # expected 90, standard deviation 8
    assert max(drawn.values()) < 125


@pytest.mark.parametrize("keep_one", [False, True])
def test_one_class_more_or_less_changes_nothing_for_the_others(dataset_of: Make, keep_one: bool) -> None:
    small = dataset_of(rows({"b": 40, "d": 25}))
    large = dataset_of(rows({"a": 33, "b": 40, "c": 7, "d": 25, "e": 1}))
    chosen = DataSettings(keep_one_of_duplicates=keep_one)
    alone = sets_of(small, make_split(small, chosen))
    together = sets_of(large, make_split(large, chosen))
    assert {path: together[path] for path in alone} == alone
    without = make_split(large, DataSettings(keep_one_of_duplicates=keep_one, left_out_classes=("a", "c")))
    rest = sets_of(large, without)
    assert {path: together[path] for path in rest} == rest
    assert {left.reason for left in without.left_out} == {"The class “a” is excluded.", "The class “c” is excluded."}


def test_leaving_out_a_class_that_shares_patients_changes_nothing_for_the_others(dataset_of: Make) -> None:
    patients = [
        (f"{name}/P{number % 9}_{number}.png", name, {"group": f"P{number % 9}"})
        for name in "abc"
        for number in range(45)
    ]
    dataset = dataset_of(patients)
    whole = sets_of(dataset, make_split(dataset, DataSettings()))
    rest = sets_of(dataset, make_split(dataset, DataSettings(left_out_classes=("b",))))
    assert len(rest) == 90
    assert {path: whole[path] for path in rest} == rest


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=60),
    st.integers(0, 3),
)
def test_copies_and_groups_are_never_divided(dataset_of: Make, drawn: list[tuple[str, int, int]], seed: int) -> None:
    dataset = dataset_of(
        [
            (
                f"{name}/{number:03d}.png",
                name,
                {"pixels": f"pixels {pixels}", "group": f"G{group}" if group > 6 else ""},
            )
            for number, (name, pixels, group) in enumerate(drawn)
        ]
    )
    split = make_split(dataset, DataSettings(split_seed=seed))
    check_partition(dataset, split)
    found = sets_of(dataset, split)
    for key in ("pixels", "group"):
        together: dict[str, set[str]] = {}
        for image in dataset.images:
            if getattr(image, key):
                together.setdefault(getattr(image, key), set()).add(found[image.path])
        assert all(len(names) == 1 for names in together.values())
    assert len(split.pool)


def test_patients_of_one_class_come_close_to_the_share(dataset_of: Make) -> None:
    # 25 patients of 2 to 14 images
    dataset = dataset_of(
        [
            (f"{name}/{number}_{part}.png", name, {"group": f"{name}{number}"})
            for name in "ab"
            for number in range(25)
            for part in range(2 + number % 13)
        ]
    )
    size = counts(dataset, np.arange(len(dataset.images)))["a"]
    for seed in range(10):
        split = make_split(dataset, DataSettings(split_seed=seed))
        for name in "ab":
            assert abs(counts(dataset, split.test)[name] - 0.3 * size) <= 2


def test_patients_with_all_kinds_of_cells_come_close_to_the_share(dataset_of: Make) -> None:
    rng = np.random.default_rng(1)
    dataset = dataset_of(
        [
            (f"{name}/{patient}_{part}.png", name, {"group": f"P{patient}"})
            for patient in range(40)
            for name in "abc"
            for part in range(int(rng.integers(1, 12)))
        ]
    )
    sizes = counts(dataset, np.arange(len(dataset.images)))
    for seed in range(10):
        split = make_split(dataset, DataSettings(split_seed=seed))
        check_partition(dataset, split)
        for name in "abc":
            assert abs(counts(dataset, split.test)[name] / sizes[name] - 0.3) < 0.06


def test_a_class_of_one_group_stays_in_training_and_is_told(dataset_of: Make) -> None:
    dataset = dataset_of([(f"a/{number}.png", "a", {"group": "P1"}) for number in range(10)] + rows({"b": 20}))
    split = make_split(dataset, DataSettings())
    assert counts(dataset, split.pool)["a"] == 10
    assert split.warnings == (
        "The class “a” has no test images, because its images belong together and are not divided.",
        "1 group was found, but none for 20 of 30 images, such as b/0000.png; each of these is divided individually.",
    )


def test_a_share_that_groups_push_far_off_is_told(dataset_of: Make) -> None:
    dataset = dataset_of(
        [(f"a/{number}.png", "a", {"group": f"P{number % 2}"}) for number in range(40)] + rows({"b": 20})
    )
    assert make_split(dataset, DataSettings()).warnings[0] == (
        "The class “a” has 50% test images instead of 30%, because images that belong together are not divided."
    )


def test_groups_by_pattern(dataset_of: Make) -> None:
    dataset = dataset_of([(f"{name}/P{number % 10:02d}/{number}.png", name) for name in "ab" for number in range(60)])
    split = make_split(dataset, DataSettings(group_pattern=r"P\d+"))
    found: dict[str, set[str]] = {}
    for path, name in sets_of(dataset, split).items():
        found.setdefault(path.split("/")[1], set()).add(name)
    assert len(found) == 10
    assert all(len(names) == 1 for names in found.values())


def test_a_pattern_that_finds_nothing_is_refused(dataset_of: Make) -> None:
    dataset = dataset_of([(f"{name}/P{number:02d}_1.png", name) for name in "ab" for number in range(12)])
    with pytest.raises(SplitError) as caught:
        make_split(dataset, DataSettings(group_pattern=r"patient(\d+)"))
    assert str(caught.value) == (
        r"The group pattern “patient(\d+)” finds no group in any of the 24 paths, such as “a/P00_1.png”. "
        "Change it, or leave it empty to divide the images individually."
    )


def test_images_without_a_group_are_counted(dataset_of: Make) -> None:
    dataset = dataset_of(
        [(f"a/P{number // 2:02d}_{number}.png", "a") for number in range(12)]
        + [(f"b/x{number}.png", "b") for number in range(12)]
    )
    settings = DataSettings(group_pattern=r"(P\d+)_")
    assert count_groups(dataset, settings) == (6, 12)
    (note,) = [word for word in make_split(dataset, settings).warnings if "groups were found" in word]
    assert note == (
        "6 groups were found, but none for 12 of 24 images, such as b/x0.png; each of these is divided individually."
    )


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"(P)", "All images are of one group, so they cannot be divided."),
        (r"([^/]+)$", "Each of the 20 images is a group of its own, so the groups have no effect."),
    ],
)
def test_groups_that_are_none_are_told(dataset_of: Make, pattern: str, words: str) -> None:
    dataset = dataset_of([(f"{'ab'[number % 2]}/P{number:02d}.png", "ab"[number % 2]) for number in range(20)])
    assert words in make_split(dataset, DataSettings(group_pattern=pattern)).warnings


def test_groups_that_differ_in_capitals_are_told(dataset_of: Make) -> None:
    dataset = dataset_of([(f"a/{n}.png", "ab"[n % 2], {"group": ("p1", "P1", "P2")[n % 3]}) for n in range(20)])
    words = "1 group differs from another only in case."
    assert words in make_split(dataset, DataSettings()).warnings


@pytest.mark.parametrize(
    ("name", "pattern", "n_groups", "example"),
    [
        ("patient{p:02d}_{i}", "(?:^|[/_ .-])(patient[ _.-]?[0-9]+)", 6, "patient00"),
        ("P{p}_{i}", r"(?:^|[/_ .-])([A-Za-z]{{1,3}}[0-9]+)[_ .-][^/]*$", 6, "P0"),
        ("2023{p}_{i}", "([^/_]+)_[^/]*$", 6, "20230"),
        ("slide 1{p}/{i}", "(?:^|[/_ .-])(slide[ _.-]?[0-9]+)", 6, "slide 10"),
        ("{p}{p}/{i}", "([^/]+)/[^/]+$", 6, "00"),
        ("{i}{p}", "", 0, ""),
        ("img_{p}{i}", "", 0, ""),
    ],
)
def test_likely_patterns_are_suggested(dataset_of: Make, name: str, pattern: str, n_groups: int, example: str) -> None:
    dataset = dataset_of([(f"{c}/{name.format(p=p, i=i)}.png", c) for p in range(6) for i, c in enumerate("abab")])
    found = suggest_patterns(dataset.images)
    if not n_groups:
        assert found == ()
        return
    assert found[0].pattern.startswith(pattern.replace("{{", "{").replace("}}", "}"))
    assert (found[0].n_groups, found[0].example, found[0].n_without) == (n_groups, example, 0)
    assert count_groups(dataset, DataSettings(group_pattern=found[0].pattern)) == (n_groups, 0)


def test_names_that_begin_with_the_class_suggest_nothing(dataset_of: Make) -> None:
    dataset = dataset_of([(f"{c}/{c}{n % 2}_{n:03d}.png", c) for c in ("ba", "eo") for n in range(20)][:1])
    assert suggest_patterns(dataset.images) == ()
    dataset = dataset_of([(f"{c}/{c}1_{n:03d}.png", c) for c in ("ba", "eo") for n in range(20)])
    assert suggest_patterns(dataset.images) == ()


def test_preview_of_groups() -> None:
    names = ("a/P1_x.png", "a/P22_y.png", "b/none.png")
    assert preview_groups(names, r"P\d+") == ("P1", "P22", "")
    assert preview_groups(names, r"P(\d+)_([xy])") == ("1", "22", "")
    assert preview_groups(names, r"P1|(none)") == ("", "", "none")
    with pytest.raises(SplitError, match="is not a regular expression"):
        preview_groups(names, "P(")
    with pytest.raises(SplitError, match="For example"):
        preview_groups((), "[")


def test_near_duplicates_stay_together_only_on_request(dataset_of: Make) -> None:
    near = [
        (f"a/{number:03d}.png", "a", {"perceptual": f"{(number // 2) * 0x0F0F_1111_0000 + number % 2:016x}"})
        for number in range(60)
    ]
    dataset = dataset_of(near)

    def divided(split: Split) -> int:
        found = sets_of(dataset, split)
        return sum(found[f"a/{number:03d}.png"] != found[f"a/{number + 1:03d}.png"] for number in range(0, 60, 2))

    assert divided(make_split(dataset, DataSettings())) > 0
    together = make_split(dataset, DataSettings(near_duplicates_together=True, near_duplicate_bits=1))
    assert divided(together) == 0
    assert len(together.test) == 18


def test_a_long_chain_of_near_duplicates_is_told(dataset_of: Make) -> None:
    chain = [(f"a/{n:03d}.png", "a", {"perceptual": f"{(1 << n) - 1:016x}"}) for n in range(40)]
    rest = [(f"b/{n:03d}.png", "b", {"perceptual": f"{(n + 1) << 44 | 0xFFFF_0000_0000:016x}"}) for n in range(1, 30)]
    dataset = dataset_of(chain + rest)
    split = make_split(dataset, DataSettings(near_duplicates_together=True, near_duplicate_bits=1))
    assert any(warning.startswith("40 images are linked") for warning in split.warnings)


def test_keep_one_of_duplicates(dataset_of: Make) -> None:
    twice = [("a/0000.png", "a", {"pixels": "x"}), ("a/0001.png", "a", {"pixels": "x"})]
    conflict = [("a/0002.png", "a", {"pixels": "y"}), ("b/0000.png", "b", {"pixels": "y"})]
    dataset = dataset_of(
        twice + conflict + [row for row in rows({"a": 20, "b": 20}) if row[0] > "a/0002.png" and row[0] != "b/0000.png"]
    )
    split = make_split(dataset, DataSettings(keep_one_of_duplicates=True))
    check_partition(dataset, split)
    assert {dataset.images[left.index].path: left.reason for left in split.left_out} == {
        "a/0001.png": "It has the same pixels as a/0000.png.",
        "a/0002.png": "It has the same pixels as b/0000.png, which has another class.",
        "b/0000.png": "It has the same pixels as a/0002.png, which has another class.",
    }


def _predefined(dataset_of: Make, *more: tuple[str, str, dict[str, Any]], validation: bool = True) -> Dataset:
    sets = {"train": 20, "test": 8} | ({"validation": 5} if validation else {})
    return dataset_of(
        [
            (f"{name}/{cls}/{number}.png", cls, {"split": name})
            for name, size in sets.items()
            for cls in "ab"
            for number in range(size)
        ]
        + list(more)
    )


def test_a_split_that_was_brought_is_kept(dataset_of: Make) -> None:
    dataset = _predefined(dataset_of)
    split = make_split(dataset, DataSettings(test_fraction=0.9, validation_fraction=0.9, split_seed=4))
    check_partition(dataset, split)
    assert split.is_predefined
    assert all(path.startswith("train/") for path in paths(dataset, split.pool))
    assert all(path.startswith("validation/") for path in paths(dataset, split.validation))
    assert all(path.startswith("test/") for path in paths(dataset, split.test))
    assert (len(split.pool), len(split.validation), len(split.test)) == (40, 10, 16)
    assert split.warnings == ()


def test_without_validation_images_they_come_from_training(dataset_of: Make) -> None:
    dataset = _predefined(dataset_of, validation=False)
    split = make_split(dataset, DataSettings(validation_fraction=0.2))
    assert counts(dataset, split.validation) == {"a": 4, "b": 4}
    assert all(path.startswith("train/") for path in paths(dataset, split.validation))
    assert len(split.test) == 16
    assert not len(make_split(dataset, DataSettings(validation_fraction=0)).validation)


def test_leaks_are_reported_and_dropped_on_request(dataset_of: Make) -> None:
    dataset = _predefined(
        dataset_of,
        ("train/a/copy.png", "a", {"split": "train", "pixels": "same"}),
        ("validation/a/copy.png", "a", {"split": "validation", "pixels": "same"}),
        ("test/a/copy.png", "a", {"split": "test", "pixels": "same"}),
        ("test/a/copy2.png", "a", {"split": "test", "pixels": "same"}),
        ("train/b/P1.png", "b", {"split": "train", "group": "P1"}),
        ("test/a/P1.png", "a", {"split": "test", "group": "P1"}),
        ("train/b/P2.png", "b", {"split": "train", "group": "P2"}),
        ("validation/b/P2.png", "b", {"split": "validation", "group": "P2"}),
    )
    split = make_split(dataset, DataSettings())
    assert [(dataset.images[a].path, dataset.images[b].path) for a, b in split.leaks] == [
        ("train/a/copy.png", "test/a/copy.png"),
        ("train/b/P1.png", "test/a/P1.png"),
        ("validation/a/copy.png", "test/a/copy.png"),
    ]
    assert any(
        warning.startswith("3 images of the training and validation sets are also") for warning in split.warnings
    )
    assert split.left_out == ()
    dropped = make_split(dataset, DataSettings(drop_leaks=True))
    check_partition(dataset, dropped)
    assert dropped.leaks == ()
    assert not any("be too optimistic" in warning for warning in dropped.warnings)
    assert np.array_equal(dropped.test, split.test)
    assert {dataset.images[left.index].path: left.reason for left in dropped.left_out} == {
        "train/a/copy.png": "It has the same pixels as the test image test/a/copy.png.",
        "train/b/P1.png": "It is of the same group as the test image test/a/P1.png.",
        "validation/a/copy.png": "It has the same pixels as the test image test/a/copy.png.",
    }


def test_near_duplicates_count_as_leaks_on_request(dataset_of: Make) -> None:
    dataset = _predefined(
        dataset_of,
        ("train/a/near.png", "a", {"split": "train", "perceptual": "ffff0000ffff0000"}),
        ("test/a/near.png", "a", {"split": "test", "perceptual": "ffff0000ffff0003"}),
    )
    assert make_split(dataset, DataSettings()).leaks == ()
    split = make_split(dataset, DataSettings(near_duplicates_together=True, drop_leaks=True))
    assert [left.reason for left in split.left_out] == ["It is nearly identical to the test image test/a/near.png."]


def test_one_of_duplicates_in_a_brought_split_is_the_test_copy(dataset_of: Make) -> None:
    dataset = _predefined(
        dataset_of,
        ("a_train/copy.png", "a", {"split": "train", "pixels": "same"}),
        ("test/a/copy.png", "a", {"split": "test", "pixels": "same"}),
    )
    split = make_split(dataset, DataSettings(keep_one_of_duplicates=True))
    assert [dataset.images[left.index].path for left in split.left_out] == ["a_train/copy.png"]
    assert split.leaks == ()


def test_images_that_a_brought_split_does_not_name_are_left_out(dataset_of: Make) -> None:
    dataset = _predefined(dataset_of, ("loose.png", "a", {}))
    split = make_split(dataset, DataSettings())
    assert [left.reason for left in split.left_out] == ["The predefined split does not contain it."]


def test_a_brought_split_that_lacks_a_set(dataset_of: Make) -> None:
    only_test = dataset_of([("a/1.png", "a", {"split": "test"})])
    with pytest.raises(SplitError, match="has no training images"):
        make_split(only_test, DataSettings())
    no_test = dataset_of([(f"a/{n}.png", "a", {"split": "train"}) for n in range(9)])
    assert make_split(no_test, DataSettings()).warnings == (
        "The predefined split has no test images, so networks cannot be evaluated.",
    )
    half = _predefined(dataset_of, ("train/c/1.png", "c", {"split": "train"}), ("test/d/1.png", "d", {"split": "test"}))
    assert set(make_split(half, DataSettings()).warnings) == {
        "The class “c” has no test images.",
        "The class “d” has no training images, so it can be neither selected nor learnt.",
    }


def test_left_out_classes(dataset_of: Make) -> None:
    dataset = dataset_of(rows({"a": 10, "b": 10}))
    with pytest.raises(SplitError, match="Every class is excluded"):
        make_split(dataset, DataSettings(left_out_classes=("a", "b")))
    split = make_split(dataset, DataSettings(left_out_classes=("zebra",)))
    assert split.warnings == ("The class “zebra” is to be excluded, but does not exist.",)


def test_nothing_left_after_conflicts(dataset_of: Make) -> None:
    dataset = dataset_of([("a/1.png", "a", {"pixels": "x"}), ("b/1.png", "b", {"pixels": "x"})])
    with pytest.raises(SplitError, match="No image is left to select from; 2 of 2 are excluded"):
        make_split(dataset, DataSettings(keep_one_of_duplicates=True))


def test_a_label_conflict_is_not_always_in_the_test_set(dataset_of: Make) -> None:
    dataset = dataset_of(
        [*rows({"a": 20, "b": 20}), ("a/x.png", "a", {"pixels": "x"}), ("b/x.png", "b", {"pixels": "x"})]
    )
    place = next(index for index, image in enumerate(dataset.images) if image.path == "a/x.png")
    tested = sum(place in make_split(dataset, DataSettings(split_seed=seed)).test for seed in range(200))
    assert 35 < tested < 85  # expected 60, standard deviation 6.5


def test_identical_images_of_one_class_stay_together(dataset_of: Make) -> None:
    dataset = dataset_of([(f"a/{n}.png", "a", {"pixels": "same"}) for n in range(10)] + rows({"b": 10}))
    split = make_split(dataset, DataSettings())
    assert counts(dataset, split.pool)["a"] == 10
    one = make_split(dataset, DataSettings(keep_one_of_duplicates=True))
    assert counts(dataset, one.pool)["a"] == 1


def test_an_image_left_out_by_hand_is_in_no_set_and_its_copy_stays(dataset_of: Make) -> None:
    dataset = dataset_of([(f"a/{i}.png", "a", {"pixels": "same"} if i < 2 else {}) for i in range(8)])
    for keep_one in (False, True):
        split = make_split(dataset, DataSettings(left_out_images=("a/0.png",), keep_one_of_duplicates=keep_one))
        used = paths(dataset, np.concatenate([split.pool, split.validation, split.test]))
        assert "a/0.png" not in used
        assert "a/1.png" in used
        assert [left.index for left in split.left_out] == [0]
