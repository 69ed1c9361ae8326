import errno
import hashlib
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from coreset_studio.core import files, windows
from coreset_studio.core.data.images import read_rgb
from coreset_studio.core.data.scanning import pixel_hash
from coreset_studio.core.errors import CancelledError, ExportError
from coreset_studio.core.output import export as export_module
from coreset_studio.core.output import placing
from coreset_studio.core.output.export import export_coreset
from coreset_studio.core.output.lists import COLUMNS, write_selection
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.output.reproducing import same_selection, settings_for
from coreset_studio.core.output.tables import read_rows
from coreset_studio.core.output.verification import verify
from coreset_studio.core.results import LeftOut, WeightsUsed
from coreset_studio.core.settings import ClusterSettings, ExportSettings, SelectionSettings, Settings, read_settings

PLAIN = ExportSettings()


def files_below(folder: Path) -> list[str]:
    return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())


def names_beside(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


class StopAt:
    """Ask to stop at the n-th report."""

    def __init__(self, n: int) -> None:
        self.n = n

    def report(self, done: int, total: int, message: str = "") -> None:
        self.n -= 1
        if self.n == 0:
            raise CancelledError

    def publish(self, result: object) -> None:
        raise AssertionError(result)


def test_class_folders_byte_for_byte(case, tmp_path: Path) -> None:
    target = tmp_path / "new" / "out"
    result = export_coreset(case.dataset, case.split, case.coreset, target, PLAIN, clusters=case.clusters)
    chosen = [case.dataset.images[i] for i in case.coreset.indices]
    assert files_below(target) == sorted([image.path for image in chosen] + ["coreset.csv", "coreset.json"])
    for image in chosen:
        assert (target / image.path).read_bytes() == (case.dataset.root / image.path).read_bytes()
    assert (result.n_files, result.files_as, result.folder) == (len(chosen), "copy", target)
    assert result.n_bytes == sum(image.n_bytes for image in chosen)
    assert verify(target).ok


@pytest.mark.parametrize("way", ["copy", "hardlink", "list"])
def test_an_export_that_is_done_is_on_disk(case, tmp_path: Path, disk, way: str) -> None:
    for _ in range(2):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", ExportSettings(files=way),
                       overwrite=True)  # fmt: skip
    assert disk.late == []
    assert disk.unsure == set()


def test_the_list_has_a_row_for_every_image(case, tmp_path: Path) -> None:
    left = int(case.split.pool[-1])
    split = replace(
        case.split, pool=case.split.pool[:-1], left_out=(LeftOut(left, "the same pixels under two labels"),)
    )
    export_coreset(case.dataset, split, case.coreset, tmp_path / "out", PLAIN, clusters=case.clusters)
    rows = read_rows(tmp_path / "out" / "coreset.csv")
    assert list(rows[0]) == list(COLUMNS)
    assert [row["path"] for row in rows] == [image.path for image in case.dataset.images]
    by_path = {row["path"]: row for row in rows}
    for index, rank in zip(case.coreset.indices, case.coreset.ranks, strict=True):
        row = by_path[case.dataset.images[index].path]
        assert (row["selected"], row["rank"], row["split"]) == ("1", str(rank + 1), "train")
        assert row["reason"].startswith("drawn from cluster")
    assert sum(row["selected"] == "1" for row in rows) == len(case.coreset.indices)
    for clusters in case.clusters:
        assert all(by_path[case.dataset.images[m].path]["is_medoid"] == "1" for m in clusters.medoids)
    test = by_path[case.dataset.images[case.split.test[0]].path]
    assert (test["split"], test["cluster"], test["selected"], test["rank"]) == ("test", "", "0", "")
    gone = by_path[case.dataset.images[left].path]
    assert (gone["split"], gone["reason"]) == ("", "the same pixels under two labels")


def test_what_else_is_known_of_the_images_stands_in_the_list(case, tmp_path: Path) -> None:
    images = tuple(replace(image, more=(str(n), f"site {n}")) for n, image in enumerate(case.dataset.images))
    dataset = replace(case.dataset, images=images, columns=("age", "Cluster"))
    write_selection(tmp_path / "list.csv", dataset, case.split, case.coreset, case.clusters)
    rows = read_rows(tmp_path / "list.csv")
    assert list(rows[0]) == [*COLUMNS, "age", "Cluster of the table"]
    assert {row["path"]: (row["age"], row["Cluster of the table"]) for row in rows} == {
        image.path: image.more for image in images
    }
    write_selection(tmp_path / "private.csv", dataset, case.split, case.coreset, case.clusters, private=True)
    assert list(read_rows(tmp_path / "private.csv")[0]) == list(COLUMNS)


def test_write_selection_has_the_same_rows(case, tmp_path: Path) -> None:
    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN, clusters=case.clusters)
    write_selection(tmp_path / "selection.csv", case.dataset, case.split, case.coreset, case.clusters)
    listed, exported = (read_rows(tmp_path / name) for name in ("selection.csv", "out/coreset.csv"))
    assert [{**row, "file": ""} for row in listed] == [{**row, "file": ""} for row in exported]
    for row, beside in zip(listed, exported, strict=True):
        image = case.dataset.root / row["path"]
        assert (tmp_path / row["file"]).samefile(image)
        place = (tmp_path / "out" / beside["file"]).resolve()
        assert (place == (tmp_path / "out" / row["path"]).resolve()) == (row["selected"] == "1")
        assert place.read_bytes() == image.read_bytes()


def test_an_unwritable_list_is_a_sentence(case, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match=r"selection\.csv cannot be written"):
        write_selection(tmp_path / "file" / "selection.csv", case.dataset, case.split, case.coreset)


@pytest.mark.parametrize("way", ["hardlink", "symlink"])
def test_links_lead_to_the_originals(case, tmp_path: Path, way: str) -> None:
    target = tmp_path / "out"
    result = export_coreset(case.dataset, case.split, case.coreset, target, ExportSettings(files=way))
    path = case.dataset.images[case.coreset.indices[0]].path
    assert (target / path).samefile(case.dataset.root / path)
    assert (target / path).is_symlink() == (way == "symlink")
    assert (result.files_as, result.notes) == (way, ())
    assert verify(target).ok


def test_a_hard_link_across_disks_becomes_a_copy_and_says_so(case, tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "out"
    result = export_coreset(case.dataset, case.split, case.coreset, target, ExportSettings(files="hardlink"))
    assert result.files_as == "copy"
    assert result.notes == (
        "Hard links could not be created (the target is on another disk); the images were copied instead.",
    )
    assert json.loads((target / "coreset.json").read_text())["files_as"] == "copy"
    assert verify(target).ok


def test_a_list_only(case, tmp_path: Path) -> None:
    result = export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", ExportSettings(files="list"))
    assert files_below(tmp_path / "out") == ["coreset.csv", "coreset.json"]
    assert (result.n_files, result.files_as) == (0, "list")
    assert len(read_manifest(tmp_path / "out").chosen) == len(case.coreset.indices)
    assert verify(tmp_path / "out").ok


def test_with_split_and_remainder(case, tmp_path: Path) -> None:
    export_coreset(
        case.dataset, case.split, case.coreset, tmp_path / "out", ExportSettings(with_split=True, remainder=True)
    )
    sets = {"train": case.coreset.indices, "val": case.split.validation, "test": case.split.test}
    sets["remainder"] = np.setdiff1d(case.split.pool, case.coreset.indices)
    expected = [f"{folder}/{case.dataset.images[i].path}" for folder, rows in sets.items() for i in rows]
    assert files_below(tmp_path / "out") == sorted([*expected, "coreset.csv", "coreset.json"])


def test_the_remainder_never_looks_like_a_class(case, tmp_path: Path) -> None:
    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", ExportSettings(remainder=True))
    assert {name.partition("/")[0] for name in files_below(tmp_path / "out")} == {
        "coreset", "remainder", "coreset.csv", "coreset.json",
    }  # fmt: skip


def test_a_class_without_images_keeps_its_folder_and_is_told(case, tmp_path: Path) -> None:
    split = replace(case.split, test=case.split.test[:2])
    result = export_coreset(case.dataset, split, case.coreset, tmp_path / "out", ExportSettings(with_split=True))
    assert names_beside(tmp_path / "out" / "test") == names_beside(tmp_path / "out" / "train") == ["eos", "neu"]
    assert [note for note in result.notes if "Class neu has no test images" in note]


def test_the_folders_are_what_loaders_look_for(case, tmp_path: Path) -> None:
    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN)
    classes = sorted(each.name for each in (tmp_path / "out").iterdir() if each.is_dir())
    assert classes == list(case.dataset.classes)
    found = {name: len([f for f in (tmp_path / "out" / name).rglob("*") if f.suffix == ".png"]) for name in classes}
    assert found == dict(case.coreset.budgets)


def test_names_are_made_safe_and_the_mapping_is_kept(make_case, tmp_path: Path) -> None:
    files = {}
    for number, name in enumerate(["Blast", "blast", "CON", "a:b", "coreset.csv"]):
        files |= {f"{name}/{number}{n}.png": name for n in range(4)}
    case = make_case(files)
    result = export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN)
    assert dict(result.class_folders) == {
        "Blast": "Blast", "blast": "blast-2", "CON": "CON_", "a:b": "a_b", "coreset.csv": "coreset-2.csv",
    }  # fmt: skip
    assert read_manifest(tmp_path / "out").class_folders == result.class_folders
    assert {row["class"] for row in read_rows(tmp_path / "out" / "coreset.csv")} == set(files.values())


def test_file_names_that_differ_by_case_only(make_case, tmp_path: Path) -> None:
    case = make_case({"a/x.png": "a", "a/X.png": "a", "b/one.png": "b", "b/two.png": "b"})
    coreset = replace(case.coreset, indices=np.arange(4), ranks=np.arange(4), reasons=("",) * 4)
    export_coreset(case.dataset, case.split, coreset, tmp_path / "out", PLAIN)
    assert files_below(tmp_path / "out" / "a") == ["X.png", "x-2.png"]
    assert {f.path: f.file for f in read_manifest(tmp_path / "out").files if f.path}["a/x.png"] == "a/x-2.png"


def test_a_csv_dataset_with_paths_outside_its_folder(make_case, tmp_path: Path) -> None:
    case = make_case({"imgs/1.png": "a", "imgs/2.png": "b"}, kind="csv")
    away = tmp_path / "away.png"
    shutil.copy(case.dataset.root / "imgs/1.png", away)
    images = tuple(
        replace(image, path="../away.png") if image.path == "imgs/1.png" else image for image in case.dataset.images
    )
    dataset = replace(case.dataset, images=images)
    coreset = replace(case.coreset, indices=np.arange(2), ranks=np.zeros(2, np.int64), reasons=("", ""))
    export_coreset(dataset, case.split, coreset, tmp_path / "out", PLAIN)
    assert files_below(tmp_path / "out") == ["a/away.png", "b/imgs/2.png", "coreset.csv", "coreset.json"]


def test_a_split_folder_drops_its_own_sets_from_the_path(make_case, tmp_path: Path) -> None:
    case = make_case({f"train/a/{n}.png": "a" for n in range(6)}, kind="split-folder")
    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN)
    assert all(name.count("/") == 1 for name in files_below(tmp_path / "out") if name.startswith("a/"))
    assert names_beside(tmp_path / "out") == ["a", "coreset.csv", "coreset.json"]


def test_an_image_without_a_suffix_gets_the_one_of_its_content(make_case, tmp_path: Path) -> None:
    case = make_case({f"a/{n}.png": "a" for n in range(4)})
    (case.dataset.root / "a/0.png").rename(case.dataset.root / "a/0")
    images = tuple(replace(image, path=image.path.replace("0.png", "0")) for image in case.dataset.images)
    export_coreset(replace(case.dataset, images=images), case.split, case.coreset, tmp_path / "out", PLAIN)
    assert "a/0.png" in files_below(tmp_path / "out")


def test_images_of_an_npz_become_png(make_case, tmp_path: Path) -> None:
    case = make_case({f"train/{n:05d}.png": "0" for n in range(6)}, kind="npz")
    pixels = np.random.default_rng(1).integers(0, 255, (6, 28, 28, 3), dtype=np.uint8)
    file = tmp_path / "cells.npz"
    np.savez(file, train_images=pixels, train_labels=np.zeros((6, 1), dtype=np.uint8))
    images = tuple(
        replace(image, pixels=pixel_hash(one)) for image, one in zip(case.dataset.images, pixels, strict=True)
    )
    dataset = replace(case.dataset, root=file, source=file, images=images)
    result = export_coreset(dataset, case.split, case.coreset, tmp_path / "out", ExportSettings(files="symlink"))
    assert files_below(tmp_path / "out" / "0") == [f"train_{i:05d}.png" for i in sorted(case.coreset.indices)]
    for index in case.coreset.indices:
        assert np.array_equal(read_rgb(tmp_path / "out" / "0" / f"train_{index:05d}.png"), pixels[index])
    assert result.files_as == "copy"
    assert verify(tmp_path / "out").ok
    np.savez(file, train_images=255 - pixels, train_labels=np.zeros((6, 1), dtype=np.uint8))
    with pytest.raises(
        ExportError, match=r"train/0000\d\.png has changed since it was scanned; scan the dataset again"
    ):
        export_coreset(dataset, case.split, case.coreset, tmp_path / "again", PLAIN)
    assert not (tmp_path / "again").exists()


@pytest.mark.slow
def test_keras_reads_an_export_with_split(case, tmp_path: Path) -> None:
    import keras

    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", ExportSettings(with_split=True))
    sets = {"train": case.coreset.indices, "val": case.split.validation, "test": case.split.test}
    for folder, indices in sets.items():
        found = keras.utils.image_dataset_from_directory(tmp_path / "out" / folder, image_size=(32, 32), verbose=False)
        assert found.class_names == list(case.dataset.classes)
        assert len(found.file_paths) == len(indices)


def test_nothing_is_overwritten_unasked(case, tmp_path: Path) -> None:
    target = tmp_path / "out"
    export_coreset(case.dataset, case.split, case.coreset, target, PLAIN)
    before = {name: (target / name).read_bytes() for name in files_below(target)}
    with pytest.raises(ExportError, match="is not empty"):
        export_coreset(case.dataset, case.split, case.coreset, target, PLAIN)
    assert {name: (target / name).read_bytes() for name in files_below(target)} == before
    export_coreset(case.dataset, case.split, case.coreset, target, ExportSettings(files="list"), overwrite=True)
    assert files_below(target) == ["coreset.csv", "coreset.json"]
    assert names_beside(tmp_path) == ["cells", "out"]


def test_a_folder_of_something_else_is_never_replaced(case, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="not overwritten"):
        export_coreset(case.dataset, case.split, case.coreset, target, PLAIN, overwrite=True)
    assert (target / "thesis.txt").read_text() == "years of work"


def test_targets_that_would_harm_the_dataset(case, tmp_path: Path) -> None:
    root = case.dataset.root
    for target, words in (
        (root, "contains the dataset"),
        (tmp_path, "contains the dataset"),
        (root / "x", "inside the"),
    ):
        with pytest.raises(ExportError, match=words):
            export_coreset(case.dataset, case.split, case.coreset, target, PLAIN, overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="is a file"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "file", PLAIN)


def test_paths_that_windows_refuses_are_measured_before_anything_is_written(
    case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (windows, export_module):
        monkeypatch.setattr(module, "is_path_limited", lambda: True)
    monkeypatch.setattr(placing.Placer, "place", lambda *_: pytest.fail("an image was written"))
    deep = tmp_path / ("d" * (230 - len(str(tmp_path)))) / "out"
    with pytest.raises(ExportError, match=r"would have (\d+) characters .* Windows allows 259") as caught:
        export_coreset(case.dataset, case.split, case.coreset, deep, ExportSettings())
    assert re.search(r"the path of (eos|neu)[/\w.]* would", str(caught.value))
    length, shorter = (int(re.search(words, str(caught.value))[1]) for words in (r"have (\d+)", r"least (\d+)"))
    assert length - shorter in (259, 247)
    assert not deep.parent.exists()
    assert names_beside(tmp_path) == ["cells"]


def test_cancel_leaves_nothing(case, tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "new" / "out", PLAIN, progress=StopAt(4))
    assert names_beside(tmp_path) == ["cells"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_fails_leaves_nothing_and_says_why(case, tmp_path: Path, monkeypatch, code: int) -> None:
    calls = []

    def fail(source: Path, target: Path) -> tuple[str, int]:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(code, os.strerror(code), str(target))
        shutil.copyfile(source, target)
        return placing.hash_file(target)

    monkeypatch.setattr(placing, "_copy", fail)
    with pytest.raises(ExportError, match="full" if code == errno.ENOSPC else "cannot be written"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN)
    assert names_beside(tmp_path) == ["cells"]


def test_a_failed_replacement_puts_the_old_export_back(case, tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "out"
    export_coreset(case.dataset, case.split, case.coreset, target, PLAIN)
    rename, aside = os.rename, []

    def fail(source: Path, to: Path) -> None:
        if source == target:
            aside.append(to)
        elif source not in aside:
            raise OSError(errno.EACCES, "Permission denied")
        rename(source, to)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(ExportError, match="cannot be written"):
        export_coreset(case.dataset, case.split, case.coreset, target, PLAIN, overwrite=True)
    assert verify(target).ok
    assert names_beside(tmp_path) == ["cells", "out"]


def test_an_export_is_never_lost_to_an_old_one_in_use(case, tmp_path: Path, monkeypatch, windows_rules) -> None:
    monkeypatch.setattr(files, "PATIENCE_SECONDS", 0.1)
    target = tmp_path / "out"
    export_coreset(case.dataset, case.split, case.coreset, target, PLAIN)
    windows_rules(tmp_path)
    with (target / "coreset.csv").open(), pytest.raises(ExportError, match="open in another program") as caught:
        export_coreset(case.dataset, case.split, case.coreset, target, PLAIN, overwrite=True)
    assert f"complete, in {target} (new)" in str(caught.value)
    assert verify(target).ok
    assert verify(tmp_path / "out (new)").ok
    assert names_beside(tmp_path) == ["cells", "out", "out (new)"]


def test_an_old_export_that_cannot_be_removed_is_told(case, tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "out"
    export_coreset(case.dataset, case.split, case.coreset, target, PLAIN)
    real = shutil.rmtree

    def refuse(folder: Path, *more: object, **named: object) -> None:
        if str(folder).endswith(".old"):
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        real(folder, *more, **named)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    result = export_coreset(case.dataset, case.split, case.coreset, target, PLAIN, overwrite=True)
    assert verify(target).ok
    (left,) = (each for each in tmp_path.iterdir() if each.name.endswith(".old"))
    assert result.notes[-1] == f"The previous export could not be removed completely; the rest is in {left}."


def test_free_space_is_checked_before_copying(case, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(ExportError, match=r"requires .* has 1 bytes left"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN)
    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", ExportSettings(files="symlink"))
    assert names_beside(tmp_path) == ["cells", "out"]


def test_an_image_changed_or_gone_since_the_scan(case, tmp_path: Path) -> None:
    file = case.dataset.root / case.dataset.images[case.coreset.indices[-1]].path
    content = file.read_bytes()
    file.write_bytes(content + b"x")
    with pytest.raises(ExportError, match="has changed since it was scanned"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN)
    file.unlink()
    with pytest.raises(ExportError, match="is no longer in"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN)
    assert names_beside(tmp_path) == ["cells"]


def test_cells_are_safe_in_a_spreadsheet(make_case, tmp_path: Path) -> None:
    case = make_case({"=cmd/+1.png": "=cmd", "=cmd/-2.png": "=cmd", "@x/1.png": "@x", "@x/2.png": "@x"})
    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN)
    text = (tmp_path / "out" / "coreset.csv").read_text()
    assert not [line for line in text.splitlines() if line[0] in "=+-@" or ",=" in line or ",@" in line]
    assert {row["class"] for row in read_rows(tmp_path / "out" / "coreset.csv")} == {"=cmd", "@x"}


def test_the_manifest_holds_what_it_takes_to_make_it_again(case, tmp_path: Path) -> None:
    settings = Settings(
        clusters=ClusterSettings(k_by_class={"eos": 3}), selection=SelectionSettings(seed=3, pinned_in=("eos/00.png",))
    )
    weights = (WeightsUsed("vgg16", "ab" * 32, "verified"),)
    export_coreset(
        case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN,
        clusters=case.clusters, all_settings=settings, weights=weights, notes=("Synthetic images.",),
    )  # fmt: skip
    manifest = read_manifest(tmp_path / "out")
    assert manifest.settings == settings_for(manifest, case.dataset) == read_settings(tmp_path / "out/coreset.json")
    assert manifest.settings == settings
    assert manifest.weights == weights
    assert "Synthetic images." in manifest.notes
    values = json.loads((tmp_path / "out/coreset.json").read_text())
    assert values["seeds"] == {"split": 0, "clusters": 0, "selection": 3}
    assert {"python", "numpy", "scikit-learn", "pillow"} <= set(values["libraries"])
    assert values["clusters"]["eos"]["k"] == 2
    assert same_selection(manifest, case.coreset, case.dataset) == ()


def test_same_selection_names_what_differs(case, tmp_path: Path) -> None:
    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN)
    manifest = read_manifest(tmp_path / "out")
    images = case.dataset.images
    other = case.coreset.indices.copy()
    gone, new = other[0], next(i for i in case.split.pool if i not in other)
    other[0] = new
    assert same_selection(manifest, replace(case.coreset, indices=other), case.dataset) == (
        f"{images[gone].path} of class {images[gone].class_name} is in the export and was not selected again.",
        f"{images[new].path} of class {images[new].class_name} is new.",
    )
    fewer = replace(case.dataset, images=images[:-1])
    assert "not that of the export" in same_selection(manifest, case.coreset, fewer)[0]


def test_what_is_no_manifest(case, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be read"):
        read_manifest(tmp_path / "nowhere.json")
    file = tmp_path / "coreset.json"
    head = '"program": "coreset-studio", "format"'
    cases = (
        ("{", "not valid JSON"),
        ("[]", "is not the"),
        (f"{{{head}: 1}}", "damaged"),
        (f"{{{head}: 99}}", "Update"),
    )
    for text, words in cases:
        file.write_text(text)
        with pytest.raises(ExportError, match=words):
            read_manifest(file)


# --- private ------------------------------------------------------------------------------------------------


def test_a_private_export_tells_no_name(make_case, tmp_path: Path) -> None:
    files = {
        f"{name}/Smith John {sub}/SmithJohn_{n}.png": name for name in ("eos", "neu") for sub in "ab" for n in range(5)
    }
    case = make_case(files, root_name="SmithJohn")
    first = case.dataset.images[case.coreset.indices[0]].path
    coreset = replace(case.coreset, notes=(f"{first} was pinned in.",))
    settings = Settings(selection=SelectionSettings(pinned_in=(first,)))
    target = tmp_path / "out"
    private = ExportSettings(with_split=True, remainder=True, private=True)
    export_coreset(case.dataset, case.split, coreset, target, private, clusters=case.clusters, all_settings=settings)
    whole = "".join(files_below(target)) + (target / "coreset.csv").read_text() + (target / "coreset.json").read_text()
    assert "Smith" not in whole
    assert not any(hashlib.sha256(path.encode()).hexdigest()[:16] in whole for path in files)
    assert all(name.count("/") == 2 for name in files_below(target) if name.endswith(".png"))
    rows = read_rows(target / "coreset.csv")
    assert [row["path"] for row in rows] == sorted(row["path"] for row in rows)
    assert verify(target).ok
    manifest = read_manifest(target)
    assert same_selection(manifest, case.coreset, case.dataset) == ()
    assert settings_for(manifest, case.dataset) == replace(settings, export=private)
    listed = {row["path"] for row in rows if row["selected"] == "1"}
    assert listed == {each.path for each in manifest.chosen}
    assert {Path(f).name for f in files_below(target / "train")} == listed


def test_two_private_exports_share_no_name(case, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / name, ExportSettings(private=True))
    one, two = (set(files_below(tmp_path / name)) for name in ("one", "two"))
    assert one & two == {"coreset.csv", "coreset.json"}


@pytest.mark.parametrize("way", ["hardlink", "symlink"])
def test_a_private_export_of_links_is_refused(case, tmp_path: Path, way: str) -> None:
    with pytest.raises(ExportError, match="cannot consist of links"):
        export_coreset(
            case.dataset, case.split, case.coreset, tmp_path / "out", ExportSettings(files=way, private=True)
        )


def _with_metadata(root: Path, kind: str) -> None:
    rng = np.random.default_rng(5)
    image = Pillow.fromarray(rng.integers(0, 255, (24, 16, 3), dtype=np.uint8))
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010E], exif[0x013B] = 6, "Smith John", "Dr House"
    options: dict[str, object] = {"exif": exif}
    if kind == "png":
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_text("Patient", "Smith John")
        text.add_itxt("Ward", "Dr House")
        options["pnginfo"] = text
    if kind == "jpg":
        options |= {"comment": b"Smith John", "progressive": True, "quality": 80}
    if kind == "tif":
        options = {"description": "Smith John", "tiffinfo": {315: "Dr House"}}
    image.save(root / f"a/0.{kind}", **options)


@pytest.mark.parametrize("kind", ["jpg", "png", "tif"])
def test_private_images_lose_their_metadata_and_keep_their_pixels(make_case, tmp_path: Path, kind: str) -> None:
    case = make_case({f"a/{n}.{kind}": "a" for n in range(4)})
    root = case.dataset.root
    _with_metadata(root, kind)
    content = (root / f"a/0.{kind}").read_bytes()
    assert b"Smith John" in content
    images = tuple(
        replace(i, file=hashlib.sha256((root / i.path).read_bytes()).hexdigest()) for i in case.dataset.images
    )
    coreset = replace(case.coreset, indices=np.array([0]), ranks=np.array([0]), reasons=("",))
    dataset = replace(case.dataset, images=images)
    result = export_coreset(dataset, case.split, coreset, tmp_path / "out", ExportSettings(private=True))
    (written,) = (tmp_path / "out" / "a").iterdir()
    assert b"Smith" not in written.read_bytes()
    assert b"House" not in written.read_bytes()
    assert np.array_equal(read_rgb(written), read_rgb(content))
    assert written.suffix == (".png" if kind == "tif" else f".{kind}")
    assert any("were converted" in note for note in result.notes) == (kind == "tif")
    if kind != "tif":
        assert written.stat().st_size < len(content)


def test_a_whole_number_of_reports_ends_at_the_total(case, tmp_path: Path) -> None:
    seen = []

    class Listen:
        def report(self, done: int, total: int, message: str = "") -> None:
            seen.append((done, total, message))

        def publish(self, result: object) -> None:
            raise AssertionError(result)

    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", PLAIN, progress=Listen())
    n = len(case.coreset.indices)
    assert seen == [(done, n, "Exporting: images") for done in range(n + 1)]
    assert export_module.LIST_NAME == "coreset.csv"


def hidden_from(monkeypatch: pytest.MonkeyPatch, file: Path, error: OSError) -> None:
    """Let `file` not be opened for reading, by hand, since nothing is unreadable to root."""
    opened = Path.open

    def opening(self: Path, mode: str = "r", *arguments, **keywords):
        if self == file and "r" in mode:
            raise error
        return opened(self, mode, *arguments, **keywords)

    reading = os.open

    def opening_below(path: object, flags: int, *arguments, **keywords):
        if path in (file, str(file)) and not flags & (os.O_WRONLY | os.O_RDWR):
            raise error
        return reading(path, flags, *arguments, **keywords)

    monkeypatch.setattr(Path, "open", opening)
    monkeypatch.setattr(os, "open", opening_below)


@pytest.mark.parametrize("settings", [PLAIN, ExportSettings(files="symlink"), ExportSettings(private=True)])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_an_image_that_cannot_be_read_is_no_fault_of_the_target(
    case, tmp_path: Path, monkeypatch, settings: ExportSettings, code: int
) -> None:
    image = case.dataset.images[case.coreset.indices[1]]
    # Without a file name, as a read that fails half-way has none.
    hidden_from(monkeypatch, case.dataset.root / image.path, OSError(code, os.strerror(code)))
    with pytest.raises(ExportError) as told:
        export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", settings)
    said = str(told.value)
    assert said.startswith(f"{image.path} can no longer be read: The file cannot be read ({os.strerror(code)}).")
    assert "Scan the dataset again, or exclude this image." in said
    assert "cannot be written" not in said
    assert names_beside(tmp_path) == ["cells"]
