"""Folds: every image is tested on once, no class is lacking, and nothing that belongs together is divided."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from coreset_studio.core.data.split import make_split
from coreset_studio.core.errors import SettingsError, SplitError
from coreset_studio.core.results import Dataset, Split
from coreset_studio.core.seeds import generator
from coreset_studio.core.settings import DataSettings, Settings, settings_from_dict, settings_to_dict

Make = Callable[..., Dataset]
Rows = list[tuple[str, str, dict[str, Any]]]


def rows(sizes: dict[str, int]) -> Rows:
    return [(f"{name}/{number:04d}.png", name, {}) for name, size in sizes.items() for number in range(size)]


def patients(sizes: dict[str, list[int]], **more: Any) -> Rows:
    """Images of patients: by class, how many images each patient has."""
    return [
        (f"{name}/P{patient}_{number:03d}.png", name, {"group": f"{name} {patient}", **more})
        for name, each in sizes.items()
        for patient, n in enumerate(each)
        for number in range(n)
    ]


def all_folds(dataset: Dataset, folds: int, **choices: Any) -> list[Split]:
    return [make_split(dataset, DataSettings(folds=folds, **choices), fold) for fold in range(folds)]


def counts(dataset: Dataset, part: np.ndarray) -> Counter[str]:
    return Counter(dataset.images[index].class_name for index in part)


def groups(dataset: Dataset, part: np.ndarray) -> set[str]:
    return {dataset.images[index].group for index in part}


def test_every_image_is_tested_on_once_and_classes_are_spread_evenly(dataset_of: Make) -> None:
    dataset = dataset_of(rows({"a": 100, "b": 23, "c": 5}))
    found = all_folds(dataset, 5)
    tested = np.sort(np.concatenate([split.test for split in found]))
    np.testing.assert_array_equal(tested, np.arange(128))
    for number, split in enumerate(found):
        in_test = counts(dataset, split.test)
        assert (in_test["a"], in_test["c"]) == (20, 1)
        assert in_test["b"] in (4, 5)
        # A fifth of what is left validates, by class, as of a split of its own.
        assert counts(dataset, split.validation)["a"] == 16
        everything = np.sort(np.concatenate([split.pool, split.validation, split.test]))
        np.testing.assert_array_equal(everything, np.arange(128))
        assert (split.folds, split.fold, split.warnings) == (5, number, ())
    assert len({tuple(split.validation.tolist()) for split in found}) == 5


def test_single_images_are_divided_by_stratified_k_fold_and_groups_by_its_grouped_form(dataset_of: Make) -> None:
    state = int(generator(0, "folds").integers(2**31))
    single = dataset_of(rows({"a": 30, "b": 12}))
    expected = [
        test for _, test in StratifiedKFold(3, shuffle=True, random_state=state).split(np.zeros(42), single.labels)
    ]
    for split, test in zip(all_folds(single, 3), expected, strict=True):
        np.testing.assert_array_equal(split.test, np.sort(test))
    grouped = dataset_of(patients({"a": [4, 3, 6, 2, 5], "b": [1, 2, 3, 4]}))
    of = np.array([image.group for image in grouped.images])
    divider = StratifiedGroupKFold(3, shuffle=True, random_state=state)
    # The numbers of the groups count for ties: those in the order of their first image.
    numbers = {name: number for number, name in enumerate(dict.fromkeys(of.tolist()))}
    by_number = np.array([numbers[name] for name in of])
    expected = [test for _, test in divider.split(np.zeros(len(of)), grouped.labels, by_number)]
    for split, test in zip(all_folds(grouped, 3), expected, strict=True):
        np.testing.assert_array_equal(split.test, np.sort(test))


def test_patients_and_copies_stay_in_one_fold(dataset_of: Make) -> None:
    of_patients = patients({"a": [5, 9, 2, 7, 1, 4], "b": [3, 3, 8, 2, 6]})
    copies = [(f"a/copy{number}.png", "a", {"pixels": f"same {number // 2}"}) for number in range(12)]
    dataset = dataset_of(of_patients + copies)
    found = all_folds(dataset, 4)
    assert sorted(np.concatenate([split.test for split in found]).tolist()) == list(range(len(dataset.images)))
    for split in found:
        rest = np.concatenate([split.pool, split.validation])
        assert not (groups(dataset, split.test) & groups(dataset, rest)) - {""}
        assert not (groups(dataset, split.pool) & groups(dataset, split.validation)) - {""}
        pixels = [{dataset.images[i].pixels for i in part} for part in (split.test, split.pool, split.validation)]
        assert not pixels[0] & (pixels[1] | pixels[2])
        assert not pixels[1] & pixels[2]
        assert set(counts(dataset, split.test)) == {"a", "b"}


def test_groups_of_a_pattern_and_near_duplicates_count_too(dataset_of: Make) -> None:
    named = [(f"{name}/P{n % 6}_{n}.png", name, {}) for name in "ab" for n in range(30)]
    dataset = dataset_of(named)
    for split in all_folds(dataset, 3, group_pattern=r"(P\d)_"):
        of = {dataset.images[i].path.split("/")[1][:2] for i in split.test}
        rest = {dataset.images[i].path.split("/")[1][:2] for i in (*split.pool, *split.validation)}
        assert len(of) == 2
        assert not of & rest


def test_another_seed_is_another_division_and_the_order_of_files_is_not(dataset_of: Make) -> None:
    everything = rows({"a": 40, "b": 20})
    first = make_split(dataset_of(everything), DataSettings(folds=5))
    np.testing.assert_array_equal(make_split(dataset_of(everything[::-1]), DataSettings(folds=5)).test, first.test)
    assert make_split(dataset_of(everything), DataSettings(folds=5, split_seed=1)).test.tolist() != first.test.tolist()


def test_more_folds_than_the_smallest_class_has_images_or_groups(dataset_of: Make) -> None:
    with pytest.raises(SplitError) as caught:
        make_split(dataset_of(rows({"large": 50, "rare": 4})), DataSettings(folds=5))
    assert str(caught.value) == ("The class “rare” has 4 images, so at most 4 folds are possible; found 5. Use fewer.")
    make_split(dataset_of(rows({"large": 50, "rare": 4})), DataSettings(folds=4))
    few = dataset_of(patients({"a": [5] * 9, "b": [20, 30, 10]}))
    with pytest.raises(SplitError, match="“b” has 3 groups of images that stay together, so at most 3 folds are"):
        make_split(few, DataSettings(folds=9))
    for split in all_folds(few, 3):
        assert set(counts(few, split.test)) == {"a", "b"}
    with pytest.raises(SplitError, match="“one” has 1 image, so it cannot be divided into folds; exclude the class"):
        make_split(dataset_of(rows({"large": 50, "one": 1})), DataSettings(folds=2))


def test_a_class_that_is_left_out_may_be_small_and_changes_nothing_for_the_others(dataset_of: Make) -> None:
    dataset = dataset_of(rows({"large": 50, "rare": 1, "some": 20}))
    split = make_split(dataset, DataSettings(folds=5, left_out_classes=("rare",)))
    assert set(counts(dataset, split.test)) == {"large", "some"}
    assert [left.reason for left in split.left_out] == ["The class “rare” is excluded."]


def test_a_split_that_was_brought_has_no_folds(dataset_of: Make) -> None:
    brought = [(f"a/{n}.png", "a", {"split": "test" if n < 5 else "train"}) for n in range(20)]
    with pytest.raises(SplitError) as caught:
        make_split(dataset_of(brought), DataSettings(folds=5))
    assert str(caught.value) == (
        "The dataset has a predefined split, so it is not divided into the requested 5 folds; do not use folds (in "
        "the window, set them to –)."
    )


def test_a_share_of_test_images_that_folds_do_not_use_is_told_once(dataset_of: Make) -> None:
    dataset = dataset_of(rows({"a": 40, "b": 20}))
    [said] = make_split(dataset, DataSettings(folds=4, test_fraction=0.2)).warnings
    assert said == ("Each of the 4 folds tests on 1/4 of the images, so the test fraction of 0.2 is not used.")


def test_groups_that_cannot_be_spread_are_told_by_class(dataset_of: Make) -> None:
    """A patient with most images of a class: its fold has them all, and the note says so."""
    dataset = dataset_of(patients({"a": [40, 2, 2, 2], "b": [10, 10, 10, 10]}))
    told = [warning for split in all_folds(dataset, 4) for warning in split.warnings]
    assert any(
        warning
        == "The class “a” has 87% test images instead of 25%, because images that belong together are not divided."
        for warning in told
    )


def test_folds_stand_in_a_stored_form_only_where_they_are_asked_for() -> None:
    assert "folds" not in settings_to_dict(Settings())["data"]
    some = Settings(data=DataSettings(folds=5))
    assert settings_to_dict(some)["data"]["folds"] == 5
    assert settings_from_dict(settings_to_dict(some)) == some
    assert settings_from_dict({}).data.folds is None
    with pytest.raises(SettingsError, match="folds must be a whole number of at least 2; found 1"):
        DataSettings(folds=1)
