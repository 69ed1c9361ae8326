"""Every form in which an export is written opens again, with the same images under the same classes."""

import csv
import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.output.export import export_coreset
from coreset_studio.core.output.formats import EXPORT_FORMATS
from coreset_studio.core.output.lists import COLUMNS, write_selection
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.output.verification import verify
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import ExportSettings

SPELLED = unicodedata.normalize("NFC", "größe")
CHOSEN = ("coreset", "train")


def found(dataset: Dataset, split: str | None = "train") -> Counter[tuple[str, str]]:
    """Return class and content of the images of one set, or of all."""
    return Counter((i.class_name, i.pixels) for i in dataset.images if split is None or i.split in (None, split))


def of(case, indices: np.ndarray) -> Counter[tuple[str, str]]:
    return Counter((case.dataset.images[i].class_name, case.dataset.images[i].pixels) for i in indices)


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("with_split", [False, True])
@pytest.mark.parametrize("name", list(EXPORT_FORMATS))
def test_every_format_opens_again(case, tmp_path: Path, name: str, with_split: bool, private: bool) -> None:
    if EXPORT_FORMATS.refusal(name, private=private):
        pytest.skip("links are never private")
    target = tmp_path / "out"
    settings = ExportSettings(files=name, with_split=with_split, private=private)
    export_coreset(case.dataset, case.split, case.coreset, target, settings)
    assert verify(target).ok
    cache = tmp_path / "cache"
    holds = EXPORT_FORMATS[name].holds_images
    if holds:
        folder = scan(target, cache_folder=cache)
        assert found(folder) == of(case, case.coreset.indices)
        assert found(folder, "test") == (of(case, case.split.test) if with_split else found(folder))
    elif private:
        with pytest.raises(DatasetError, match=r"coreset\.csv names .* images, but not their locations: it is private"):
            scan(target / "coreset.csv", cache_folder=cache)
        return
    listed = scan(target / "coreset.csv", cache_folder=cache)
    assert listed.kind == "coreset-list"
    assert found(listed) == of(case, case.coreset.indices)
    if with_split or not private:
        assert found(listed, "test") == of(case, case.split.test)
        assert found(listed, "validation") == of(case, case.split.validation)
    assert any("is the list of a coreset: its 6 selected images were read" in note for note in listed.warnings)


def test_the_table_of_an_export_opens_with_split_and_group(case, tmp_path: Path) -> None:
    images = tuple(replace(image, group=f"patient {n % 3}") for n, image in enumerate(case.dataset.images))
    dataset = replace(case.dataset, images=images)
    for with_split in (False, True):
        target = tmp_path / f"out {with_split}"
        settings = ExportSettings(files="table", with_split=with_split, remainder=True)
        export_coreset(dataset, case.split, case.coreset, target, settings)
        opened = scan(target / "images.csv", cache_folder=tmp_path / "cache")
        assert opened.skipped == ()
        assert found(opened) == of(case, case.coreset.indices)
        assert len(opened.images) == len(case.coreset.indices) + with_split * (
            len(case.split.test) + len(case.split.validation)
        )
        assert {image.group for image in opened.images} <= {"patient 0", "patient 1", "patient 2"}
        assert opened.has_split == with_split


def test_hugging_face_finds_a_file_and_a_label_for_every_image(case, tmp_path: Path) -> None:
    target = tmp_path / "out"
    export_coreset(case.dataset, case.split, case.coreset, target, ExportSettings(files="huggingface", with_split=True))
    for place, indices in (("train", case.coreset.indices), ("val", case.split.validation), ("test", case.split.test)):
        with (target / place / "metadata.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [list(row) for row in rows[:1]] == [["file_name", "label"]]
        assert Counter(row["label"] for row in rows) == Counter(case.dataset.images[i].class_name for i in indices)
        assert all((target / place / row["file_name"]).is_file() for row in rows)


def test_renamed_classes_and_files_are_told_with_the_reason(make_case, tmp_path: Path) -> None:
    case = make_case({"Zelle/1.png": "Zelle", "zelle/2.png": "zelle", "x/con.png": "con", "y/3.png": "images.csv"})
    whole = replace(
        case.coreset,
        indices=np.arange(4),
        ranks=np.zeros(4, dtype=np.int64),
        reasons=("drawn",) * 4,
    )
    settings = ExportSettings(files="table")
    result = export_coreset(case.dataset, case.split, whole, tmp_path / "out", settings)
    (classes,) = [note for note in result.notes if "classes have another name" in note]
    assert "“zelle” is zelle-2 (the name is already used, and many file systems are not case-sensitive)" in (classes)
    assert "“con” is con_ (Windows reserves this name)" in classes
    assert "“images.csv” is images-2.csv (the name is already used" in classes
    (files,) = [note for note in result.notes if "file has another name" in note]
    assert "“x/con.png” is con_.png (Windows reserves this name)" in files
    assert set(result.notes) <= set(read_manifest(tmp_path / "out").notes)
    opened = scan(tmp_path / "out" / "images.csv", cache_folder=tmp_path / "cache")
    assert {image.class_name for image in opened.images} == {"Zelle", "zelle", "con", "images.csv"}


def test_nothing_is_said_where_nothing_is_renamed(case, tmp_path: Path) -> None:
    for name in ("copy", "list"):
        result = export_coreset(case.dataset, case.split, case.coreset, tmp_path / name, ExportSettings(files=name))
        assert not [note for note in result.notes if "another name" in note]


# --- the list as a dataset ------------------------------------------------------------------------------------------


def test_the_list_of_a_selection_opens_wherever_it_is_written(case, tmp_path: Path) -> None:
    place = tmp_path / "far" / "away"
    place.mkdir(parents=True)
    write_selection(place / "selection.csv", case.dataset, case.split, case.coreset)
    (tmp_path / "link").symlink_to(place, target_is_directory=True)
    for file in (place / "selection.csv", tmp_path / "link" / "selection.csv"):
        assert found(scan(file, cache_folder=tmp_path / "cache")) == of(case, case.coreset.indices)


def test_a_list_of_an_earlier_version_opens_in_the_folder_of_the_dataset(case, tmp_path: Path) -> None:
    write_selection(tmp_path / "new.csv", case.dataset, case.split, case.coreset)
    with (tmp_path / "new.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    old = [name for name in COLUMNS if name != "file"]
    for place in (case.dataset.root, tmp_path / "elsewhere"):
        place.mkdir(exist_ok=True)
        with (place / "coreset.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, old, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    opened = scan(case.dataset.root / "coreset.csv", cache_folder=tmp_path / "cache")
    assert found(opened) == of(case, case.coreset.indices)
    with pytest.raises(DatasetError, match="Move it to the folder of the dataset"):
        scan(tmp_path / "elsewhere" / "coreset.csv", cache_folder=tmp_path / "cache")


def test_what_is_gone_is_listed_and_what_is_damaged_refused(case, tmp_path: Path) -> None:
    file = tmp_path / "selection.csv"
    write_selection(file, case.dataset, case.split, case.coreset)
    gone = case.dataset.images[int(case.coreset.indices[0])].path
    (case.dataset.root / gone).unlink()
    opened = scan(file, cache_folder=tmp_path / "cache")
    assert [each.path for each in opened.skipped] == [gone]
    text = file.read_text(encoding="utf-8")
    for damaged, words in (
        (text.replace("eos/", "gone/").replace("neu/", "gone/"), "none of which exist"),
        (text.splitlines()[0] + "\n", "without images"),
        (text.splitlines()[0] + "\n,,train\n", "without images"),
        (text + '"', None),
    ):
        file.write_text(damaged, encoding="utf-8")
        if words is None:
            broken = scan(file, cache_folder=tmp_path / "cache").skipped[-1]
            assert (broken.path, broken.reason.partition(";")[0]) == (
                "row 22",
                "Row 22 of the list has no path or no class",
            )
            continue
        with pytest.raises(DatasetError, match=words):
            scan(file, cache_folder=tmp_path / "cache")
    file.write_bytes(text.encode().replace(b"drawn", b"\xff\xfe"))
    with pytest.raises(DatasetError, match="not UTF-8 text"):
        scan(file, cache_folder=tmp_path / "cache")


def test_a_list_opens_where_accents_are_stored_in_another_form(case, tmp_path: Path) -> None:
    """As after the export was packed on macOS and unpacked elsewhere."""
    target = tmp_path / "out"
    export_coreset(case.dataset, case.split, case.coreset, target, ExportSettings())
    name = next(child.name for child in target.iterdir() if child.is_dir())
    list_file = target / "coreset.csv"
    text = list_file.read_text(encoding="utf-8")
    changed = text.replace(f",{name}/", f",{SPELLED}/")
    assert changed != text
    list_file.write_text(changed, encoding="utf-8")
    (target / name).rename(target / unicodedata.normalize("NFD", SPELLED))
    listed = scan(list_file, cache_folder=tmp_path / "cache")
    assert found(listed) == of(case, case.coreset.indices)
