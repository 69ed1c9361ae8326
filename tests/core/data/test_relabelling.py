"""Corrected classes: what is applied when images are listed, for every source, and what is said of the others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.dataset import load_dataset, save_dataset
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import (
    DataSettings,
    Relabelling,
    Settings,
    settings_from_dict,
    settings_in_keys,
    settings_to_dict,
)
from coreset_studio.core.settings.relabelling import with_relabelled

WHEN, LATER = "2026-11-27T09:30:00+00:00", "2026-11-28T00:00:01+00:00"
Put = Callable[..., Path]
Look = Callable[..., Dataset]


def under(*records: tuple[str, str, str], **others: Any) -> DataSettings:
    return DataSettings(relabelled=tuple(Relabelling(*record, WHEN) for record in records), **others)


def classes(dataset: Dataset) -> dict[str, tuple[str, str]]:
    return {image.path: (image.class_name, image.original_class) for image in dataset.images}


@pytest.fixture
def folder(put: Put) -> None:
    for number, path in enumerate(["a/1.png", "a/2.png", "b/1.png", "b/2.png"]):
        put(path, number)


# --- the records ---------------------------------------------------------------------------------------------------


def test_records_are_sorted_and_come_back_from_the_stored_form() -> None:
    settings = Settings(data=under(("b.png", "x", "y"), ("a.png", "x", "z")))
    assert [record.path for record in settings.data.relabelled] == ["a.png", "b.png"]
    stored = settings_to_dict(settings)
    assert stored["data"]["relabelled"][0] == {"path": "a.png", "old": "x", "new": "z", "when": WHEN}
    assert settings_from_dict(stored) == settings
    assert "relabelled" not in settings_to_dict(Settings())["data"]
    assert settings_from_dict({}).data.relabelled == ()


def test_the_time_of_a_record_is_in_no_key() -> None:
    data = under(("a.png", "x", "y"))
    later = replace(data, relabelled=(replace(data.relabelled[0], when=LATER),))
    assert settings_in_keys(data) == settings_in_keys(later)
    assert settings_in_keys(Settings(data=data)) == settings_in_keys(Settings(data=later))
    assert settings_in_keys(data)["relabelled"] == [{"path": "a.png", "old": "x", "new": "y"}]
    assert settings_in_keys(Settings()) == settings_to_dict(Settings())


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (("", "x", "y", WHEN), "has no path"),
        (("a.png", "", "y", WHEN), "The old class of a.png is empty"),
        (("a.png", "x", " ", WHEN), "The new class of a.png is empty"),
        (("a.png", "x", "x", WHEN), "from 'x' to the same class"),
        (("a.png", "x", "y", ""), "must be in UTC, such as 2026-11-27T09:30:00+00:00; found ''"),
        (("a.png", "x", "y", "2026-11-27T09:30:00"), "must be in UTC"),
        (("a.png", "x", "y", "2026-11-27T09:30:00+01:00"), "must be in UTC"),
    ],
)
def test_what_is_no_record_is_refused(record: tuple[str, str, str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Relabelling(*record)
    assert sentence in str(caught.value)
    stored = {"data": {"relabelled": [dict(zip(("path", "old", "new", "when"), record, strict=True))]}}
    with pytest.raises(SettingsError, match="In relabelled"):
        settings_from_dict(stored)


def test_two_records_of_an_image_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"a\.png is relabelled 2 times; keep one record for each image"):
        under(("a.png", "x", "y"), ("a.png", "x", "z"))


def test_relabelling_again_replaces_the_record_and_back_removes_it() -> None:
    old = {"a.png": "x", "b.png": "y"}
    first = with_relabelled((), ["b.png", "a.png"], "z", old, WHEN)
    assert [(each.path, each.old, each.new) for each in first] == [("a.png", "x", "z"), ("b.png", "y", "z")]
    again = with_relabelled(first, ["a.png", "b.png"], "y", old, LATER)
    assert again == (Relabelling("a.png", "x", "y", LATER),)
    assert with_relabelled(first, ["a.png"], "z", old, LATER) == first
    assert with_relabelled(first, ["a.png"], " z ", old, LATER) == first
    assert with_relabelled(first, ["a.png", "b.png"], "x ", old, LATER) == (Relabelling("b.png", "y", "x", LATER),)


# --- applied -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_the_corrected_class_counts_and_the_file_stays(look: Look, tmp_path: Path) -> None:
    before = look()
    dataset = look(settings=under(("a/1.png", "a", "b"), ("b/2.png", "b", "new")))
    assert classes(dataset) == {
        "a/1.png": ("b", "a"), "a/2.png": ("a", ""), "b/1.png": ("b", ""), "b/2.png": ("new", "b")
    }  # fmt: skip
    assert dataset.classes == ("a", "b", "new")
    assert [image.pixels for image in dataset.images] == [image.pixels for image in before.images]
    assert not any("not applied" in warning for warning in dataset.warnings)
    assert (tmp_path / "images/a/1.png").is_file()
    # What the cache kept of the scan before does not stay.
    assert classes(look()) == {path: (path[0], "") for path in ("a/1.png", "a/2.png", "b/1.png", "b/2.png")}


@pytest.mark.usefixtures("folder")
def test_a_kept_scan_names_original_classes_only_where_there_are_any(look: Look, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    save_dataset(look(), file)
    assert "original_class" not in file.read_text()
    dataset = look(settings=under(("a/1.png", "a", "b")))
    save_dataset(dataset, file)
    assert load_dataset(file).images == dataset.images


@pytest.mark.usefixtures("folder")
def test_what_cannot_be_applied_is_told_in_one_note(look: Look) -> None:
    settings = under(("a/1.png", "c", "b"), ("gone.png", "a", "b"), ("b/1.png", "a", "b"))
    dataset = look(settings=settings)
    assert all(original == "" for _, original in classes(dataset).values())
    told = [warning for warning in dataset.warnings if "not applied" in warning]
    assert len(told) == 1
    assert told[0] == (
        "2 corrections of classes were not applied: the dataset has no gone.png; the class in the dataset has changed "
        "for a/1.png (was c, now a). Relabel them again, or remove the records from the project, the settings or the "
        "file that --labels names."
    )


@pytest.mark.usefixtures("folder")
def test_a_class_without_images_disappears_with_a_note(look: Look) -> None:
    dataset = look(settings=under(("a/1.png", "a", "b"), ("a/2.png", "a", "b")))
    assert dataset.classes == ("b",)
    assert "The class “a” is not used: its 2 images were relabelled." in dataset.warnings


@pytest.mark.usefixtures("folder")
def test_classes_that_differ_in_capital_letters_are_told_as_they_are_now(look: Look, put: Put) -> None:
    put("A/1.png", 9)
    words = "The classes “A” and “a” differ only in case; they are different classes."
    assert look().warnings.count(words) == 1
    assert words not in look(settings=under(("A/1.png", "A", "a"))).warnings
    assert look(settings=under(("A/1.png", "A", "B"))).warnings[0] == words.replace("A", "B").replace("a”", "b”")


@pytest.mark.usefixtures("folder")
def test_other_settings_see_the_corrected_class(look: Look) -> None:
    from coreset_studio.core.data.split import make_split

    settings = under(("a/1.png", "a", "b"), left_out_classes=("a",), test_fraction=0.0, validation_fraction=0.0)
    dataset = look(settings=settings)
    split = make_split(dataset, settings)
    assert [dataset.images[index].path for index in split.pool] == ["a/1.png", "b/1.png", "b/2.png"]


# --- every source --------------------------------------------------------------------------------------------------


def a_split_folder(put: Put, tmp_path: Path) -> tuple[Path, str]:
    for number, path in enumerate(["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"]):
        put(path, number)
    return tmp_path / "images", "test/a/1.png"


def a_table(put: Put, tmp_path: Path) -> tuple[Path, str]:
    rows = [put(f"{name}.png", number).name for number, name in enumerate("wxyz")]
    file = tmp_path / "images" / "labels.csv"
    file.write_text("path,class\n" + "".join(f"{row},{'ab'[n % 2]}\n" for n, row in enumerate(rows)))
    return file, "y.png"


def arrays(put: Put, tmp_path: Path) -> tuple[Path, str]:
    file = tmp_path / "medmnist.npz"
    images = np.random.default_rng(0).integers(0, 255, (4, 8, 8, 3), dtype=np.uint8)
    np.savez(file, train_images=images, train_labels=np.array([[0], [1], [0], [1]], dtype=np.uint8))
    return file, "train/00002.png"


def a_coreset_list(put: Put, tmp_path: Path) -> tuple[Path, str]:
    names = [put(f"{name}.png", number).name for number, name in enumerate("wxyz")]
    file = tmp_path / "images" / "coreset.csv"
    head = "path,class,split,cluster,is_medoid,selected,rank,reason,file\n"
    file.write_text(head + "".join(f"{n},{'ab'[i % 2]},train,1,0,1,{i + 1},,{n}\n" for i, n in enumerate(names)))
    return file, "y.png"


def pages(put: Put, tmp_path: Path) -> tuple[Path, str]:
    import io

    from PIL import Image as PillowImage

    stream = io.BytesIO()
    two = [PillowImage.fromarray(np.full((8, 8, 3), shade, np.uint8)) for shade in (10, 200)]
    two[0].save(stream, "TIFF", save_all=True, append_images=two[1:])
    put("a/stack.tif", stream.getvalue())
    put("b/1.png", 1)
    return tmp_path / "images", "a/stack.tif#page=2"


@pytest.mark.parametrize("make", [a_split_folder, a_table, arrays, a_coreset_list, pages])
def test_every_source(make: Callable[..., tuple[Path, str]], put: Put, look: Look, tmp_path: Path) -> None:
    source, path = make(put, tmp_path)
    each: dict[str, Any] = {"pages": "each"} if "#" in path else {}
    before = classes(look(source, settings=DataSettings(**each)))
    old = before[path][0]
    dataset = look(source, settings=under((path, old, "other"), **each))
    assert classes(dataset) == {**before, path: ("other", old)}
    assert not any("not applied" in warning for warning in dataset.warnings)


def test_a_table_that_was_corrected_itself_needs_no_note(put: Put, look: Look, tmp_path: Path) -> None:
    source, path = a_table(put, tmp_path)
    settings = under((path, "a", "b"))
    assert classes(look(source, settings=settings))[path] == ("b", "a")
    source.write_text(source.read_text().replace("y.png,a", "y.png,b"))
    dataset = look(source, settings=settings)
    assert classes(dataset)[path] == ("b", "")
    assert not any("not applied" in warning for warning in dataset.warnings)
