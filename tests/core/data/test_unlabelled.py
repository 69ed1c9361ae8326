"""Images without labels: which folders are read so, what becomes of them in the split, and what stays as it was."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.data.dataset import list_images, scan
from coreset_studio.core.data.split import TO_BE_LABELLED, make_split
from coreset_studio.core.results import UNLABELLED, Dataset
from coreset_studio.core.settings import DataSettings, Relabelling, settings_from_dict, settings_to_dict

Put = Callable[..., Path]
WHEN = "2026-11-27T09:30:00+00:00"


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """A function that draws so many different images in folders of a root, which it returns."""
    rng = np.random.default_rng(0)
    root = tmp_path / "images"
    root.mkdir()

    def write(**counts: int) -> Path:
        for name, n in counts.items():
            folder = root / name.replace("__", "/") if name != "loose" else root
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(n):
                pixels = rng.integers(0, 255, (12, 14, 3), dtype=np.uint8)
                PIL.Image.fromarray(pixels).save(folder / f"{folder.name}_{i:02d}.png")
        return root

    return write


def opened(root: Path, cache: Path, **settings: object) -> Dataset:
    return scan(root, cache_folder=cache, settings=DataSettings(**settings))  # type: ignore[arg-type]


def counts(root: Path, **settings: object) -> dict[str, int]:
    entries = list_images(root, DataSettings(**settings)).entries  # type: ignore[arg-type]
    names = [entry.class_name for entry in entries]
    return {name: names.count(name) for name in sorted(set(names))}


def test_a_flat_folder_is_one_group_without_labels(put: Put, tmp_path: Path) -> None:
    dataset = opened(put(loose=7), tmp_path / "cache")
    assert (dataset.classes, dataset.unlabelled, dataset.has_labels) == ((UNLABELLED,), UNLABELLED, False)
    assert any(
        "no class folders, so its 7 images were read as images without labels" in note for note in dataset.warnings
    )
    assert not any("only one class" in note or "too few" in note for note in dataset.warnings)
    split = make_split(dataset, DataSettings(test_fraction=0.5, folds=3))
    assert split.pool.tolist() == list(range(7))
    assert not len(split.validation)
    assert not len(split.test)
    assert split.folds == 0
    assert any("all 7 images are in the pool" in note for note in split.warnings)


@pytest.mark.parametrize("name", ["unlabelled", "Unlabeled", "UNKNOWN", "to-label", "images"])
def test_one_folder_that_is_no_class(put: Put, name: str) -> None:
    assert counts(put(**{name: 4})) == {UNLABELLED: 4}


def test_one_folder_named_like_a_class_stays_a_class(put: Put, tmp_path: Path) -> None:
    dataset = opened(put(lymphocytes=5), tmp_path / "cache")
    assert (dataset.classes, dataset.unlabelled) == (("lymphocytes",), "")
    assert any("only one class" in note for note in dataset.warnings)


def test_a_few_images_in_a_folder_do_not_make_the_others_useless(put: Put) -> None:
    root = put(loose=9, special=2)
    assert counts(root) == {UNLABELLED: 11}
    assert counts(root, layout="classes") == {"special": 2}


def test_loose_files_beside_class_folders_are_skipped_as_before(put: Put) -> None:
    root = put(loose=3, cat=4, dog=5)
    assert counts(root) == {"cat": 4, "dog": 5}


@pytest.mark.parametrize("name", ["unlabelled", "unlabeled", "Unknown"])
def test_a_folder_beside_classes_takes_no_part_until_it_is_labelled(put: Put, tmp_path: Path, name: str) -> None:
    root = put(cat=10, dog=10, **{name: 6})
    dataset = opened(root, tmp_path / "cache")
    assert counts(root) == {UNLABELLED: 6, "cat": 10, "dog": 10}
    assert any(f"“{name}” next to the class folders was" in n and "--unlabelled class" in n for n in dataset.warnings)
    split = make_split(dataset, DataSettings())
    waiting = {left.index for left in split.left_out if left.reason == TO_BE_LABELLED}
    assert waiting == set(dataset.without_label)
    assert len(waiting) == 6
    assert not waiting & {*split.pool.tolist(), *split.validation.tolist(), *split.test.tolist()}
    # The other images are divided as they are without the folder.
    for image in (root / name).iterdir():
        image.unlink()
    (root / name).rmdir()
    alone = opened(root, tmp_path / "cache")
    before = make_split(alone, DataSettings())
    for part in ("pool", "validation", "test"):
        assert [dataset.images[i].path for i in getattr(split, part)] == [
            alone.images[i].path for i in getattr(before, part)
        ]


def test_the_folder_is_a_class_on_request_and_for_earlier_projects(put: Put) -> None:
    root = put(cat=3, dog=3, unknown=3)
    as_class = {"cat": 3, "dog": 3, "unknown": 3}
    assert counts(root, unlabelled="class") == as_class
    assert counts(root, layout="classes") == as_class
    assert counts(root, layout="plain") == as_class
    assert settings_from_dict({}).data.unlabelled == "class"
    assert settings_from_dict({}).data.ignore_labels is False
    assert "ignore_labels" not in settings_to_dict(DataSettings())


def test_images_that_are_labelled_make_it_a_labelled_dataset(put: Put, tmp_path: Path) -> None:
    root = put(loose=20)
    paths = sorted(path.name for path in root.iterdir())
    records = tuple(Relabelling(path, UNLABELLED, "ab"[at % 2], WHEN) for at, path in enumerate(paths[:10]))
    dataset = opened(root, tmp_path / "cache", relabelled=records)
    assert dataset.has_labels
    assert dataset.corrected == ()  # they had no label that could be wrong
    assert len(dataset.without_label) == 10
    split = make_split(dataset, DataSettings())
    used = np.sort(np.concatenate([split.pool, split.validation, split.test]))
    assert [dataset.images[i].path for i in used] == paths[:10]
    assert len(split.test) > 0


def test_ignoring_labels_makes_one_group_of_all_and_loses_nothing(put: Put, tmp_path: Path) -> None:
    root = put(train__cat=3, train__dog=3, test__cat=3, test__dog=3)
    dataset = opened(root, tmp_path / "cache", ignore_labels=True)
    assert dataset.classes == (UNLABELLED,)
    assert {image.original_class for image in dataset.images} == {"cat", "dog"}
    assert dataset.corrected == ()
    assert len(make_split(dataset, DataSettings()).pool) == 12
    again = opened(root, tmp_path / "cache")
    assert again.classes == ("cat", "dog")
    assert {image.split for image in again.images} == {"train", "test"}
