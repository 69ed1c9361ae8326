"""The sources: their facts, which one takes what is opened, and a plugin's source that no other file knows."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data import dataset as opening
from coreset_studio.core.data.dataset import load_dataset, save_dataset, stored_file
from coreset_studio.core.data.description import Match, Source, Sources
from coreset_studio.core.data.images import read_bytes, read_image
from coreset_studio.core.data.sources import SOURCES, source_of
from coreset_studio.core.errors import DatasetError, MissingSourceError
from coreset_studio.core.features.decoding import images_to_decode, prepared_batches
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.resources import resource_folder
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings

HEAVY = ("numpy", "PIL", "cv2", "scipy", "sklearn", "tensorflow", "keras", "matplotlib", "PySide6")

Put = Callable[..., Path]
Look = Callable[..., Dataset]


@pytest.fixture
def shelf(install_plugin_module: Any, tmp_path: Path, picture: Any, encoded: Any) -> tuple[ModuleType, Path]:
    """The plugin and a file of its kind with five images of two classes."""
    module = install_plugin_module("source", "shelf")
    images = {f"{n}.png": ("ab"[n % 2], encoded(picture(n))) for n in range(5)}
    return module, module.write_shelf(tmp_path / "things.shelf", images)


# --- facts ----------------------------------------------------------------------------------------------------


def test_the_names_stay_those_of_stored_datasets() -> None:
    assert list(SOURCES)[:4] == ["folder", "split-folder", "csv", "npz"]


def test_descriptions_import_no_library() -> None:
    code = (
        "import sys; from coreset_studio.core.data.sources import SOURCES; SOURCES.expected(); SOURCES.file_filter(); "
        f"print(len(SOURCES), *(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(SOURCES))]


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
def test_every_source_has_its_facts_and_a_help_page(source: Source) -> None:
    assert source.title
    assert source.tip.endswith(".")
    assert source.short.split(" ")[0] in ("a", "an")
    assert source.expects.startswith(("a ", "an "))
    assert source.is_folder != bool(source.suffixes)
    package, _, file = source.help.partition(":")
    assert (package, file) == ("coreset_studio.resources", f"help/sources/{source.name}.html")
    page = (resource_folder() / file).read_text(encoding="utf-8")
    assert page.startswith(f"<h1>{source.title}</h1>\n")
    for wanted in ("Example", "What is read", "At a glance"):
        assert f"<h2>{wanted}</h2>" in page
    assert "<h2>What is skipped</h2>" in page or "<h2>What is rejected</h2>" in page


def test_words_are_made_of_the_facts() -> None:
    """For two sources, whatever others there are; of all, those of the first version come first."""
    some = {name: SOURCES[name] for name in ("folder", "csv")}
    few = Sources("source", Source, "coreset_studio.core.data.sources", "nobody.sources")
    few._found = some
    assert few.alternatives() == "a folder or a CSV"
    assert few.alternatives("a project") == "a folder, a CSV or a project"
    assert few.file_words() == "CSV"
    assert few.file_filter() == "CSV (*.csv *.tsv *.xlsx)"
    assert few.expected() == (
        "a folder with one folder of images for each class, or a table (.csv, .xlsx) of images and classes"
    )
    assert SOURCES.alternatives().startswith("a folder, a CSV")
    assert "an .npz" in SOURCES.alternatives()
    assert SOURCES.file_filter().startswith("CSV")
    assert "(*.csv *.tsv *.xlsx *.npz" in SOURCES.file_filter()
    assert SOURCES.expected().startswith(
        "a folder with one folder of images for each class, a folder with train/ and test/, "
        "a table (.csv, .xlsx) of images and classes, "
    )
    assert "a MedMNIST .npz" in SOURCES.expected()


def test_words_name_a_plugin_too(shelf: tuple[ModuleType, Path]) -> None:
    assert SOURCES.alternatives().startswith("a folder, a CSV, an .npz")
    assert "a shelf" in SOURCES.alternatives()
    words, _, endings = SOURCES.file_filter().partition(" (")
    assert words.startswith("CSV, .npz")
    assert "shelf" in words
    assert "*.shelf" in endings.rstrip(")").split()
    assert "a shelf of images" in SOURCES.expected()


# --- which one it is ------------------------------------------------------------------------------------------


def test_content_decides_before_the_name(put: Put, look: Look, tmp_path: Path) -> None:
    arrays = {"train_images": np.zeros((4, 8, 8), np.uint8), "train_labels": np.arange(4)}
    with (tmp_path / "arrays.csv").open("wb") as stream:
        np.savez(stream, **arrays)
    assert look(tmp_path / "arrays.csv").kind == "npz"
    put("a.png", 1)
    put("b.png", 2)
    table = tmp_path / "images" / "table.txt"
    table.write_text("path,class\na.png,one\nb.png,two\n")
    assert look(table).kind == "csv"


def test_a_folder_with_sets_is_no_folder_of_classes(put: Put, look: Look) -> None:
    put("train/a/1.png", 1)
    put("test/a/2.png", 2)
    assert look().kind == "split-folder"
    (look().root / "test").rename(look().root / "other")
    assert look().kind == "folder"


def test_the_surest_takes_it_and_of_equals_the_first(
    put: Put, monkeypatch: pytest.MonkeyPatch, install_plugin_module: Any
) -> None:
    folder = put("a/1.png", 1).parents[1]
    module = install_plugin_module("source", "shelf")
    for match, taken in ((Match.POSSIBLE, "folder"), (Match.NAME, "folder"), (Match.CONTENT, "shelf")):
        monkeypatch.setattr(module.ShelfReader, "recognise", lambda *_, match=match: match)
        assert opening._recognised(folder, DataSettings()).name == taken


def test_a_plugin_that_fails_keeps_nobody_from_a_folder(
    put: Put, look: Look, monkeypatch: pytest.MonkeyPatch, install_plugin_module: Any
) -> None:
    def fail(*_: object) -> Match:
        raise RuntimeError("no such library")

    module = install_plugin_module("source", "shelf")
    monkeypatch.setattr(module.ShelfReader, "recognise", fail)
    put("a/1.png", 1)
    assert look().kind == "folder"


def test_what_nothing_takes_is_one_sentence(tmp_path: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.bin").write_bytes(b"\0")
    monkeypatch.setattr(type(SOURCES["csv"].reader), "recognise", lambda *_: Match.NO)
    with pytest.raises(
        DatasetError, match=r"x\.bin cannot be read\. Expected a folder with .*, (or )?a MedMNIST \.npz"
    ):
        look(tmp_path / "x.bin")


# --- a source of a plugin -------------------------------------------------------------------------------------


def test_a_plugin_is_scanned_and_read(shelf: tuple[ModuleType, Path], look: Look, picture: Any, encoded: Any) -> None:
    dataset = look(shelf[1])
    assert (dataset.kind, dataset.root, dataset.classes) == ("shelf", shelf[1], ("a", "b"))
    assert [image.path for image in dataset.images] == [f"{n}.png" for n in range(5)]
    assert np.array_equal(read_image(dataset, 3), picture(3))
    assert read_bytes(dataset, 3) == encoded(picture(3))
    (batch,) = prepared_batches(dataset, images_to_decode(dataset, range(5)), lambda rgb: rgb, 8)
    assert not batch.failures
    assert np.array_equal(batch.prepared, [picture(n) for n in range(5)])


def test_a_second_scan_of_a_plugin_decodes_nothing(
    shelf: tuple[ModuleType, Path], look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = look(shelf[1])
    monkeypatch.setattr(shelf[0].ShelfReader, "load", lambda *_: pytest.fail("decoded again"))
    assert look(shelf[1]) == first


def test_an_image_of_a_plugin_that_changed_is_not_taken_for_the_old_one(
    shelf: tuple[ModuleType, Path], look: Look, picture: Any, encoded: Any
) -> None:
    module, file = shelf
    dataset = look(file)
    module.write_shelf(file, {"0.png": ("a", encoded(picture(0))), "1.png": ("b", encoded(picture(77)))})
    os.utime(file, ns=(0, 1))
    (batch,) = prepared_batches(dataset, images_to_decode(dataset, range(3)), lambda rgb: rgb, 8)
    assert batch.keys == (dataset.images[0].pixels,)
    assert [reason for _, reason in batch.failures] == [
        "The image has changed since it was scanned; scan again.", "It is not on the shelf.",
    ]  # fmt: skip


def test_facts_of_one_source_are_not_taken_for_those_of_another(
    shelf: tuple[ModuleType, Path], put: Put, look: Look, encoded: Any, picture: Any
) -> None:
    """The same path, size and time, in a shelf and in a folder."""
    inside = look(shelf[1])
    file = put("a/0.png", 50)
    one = replace(inside.images[0], path="a/0.png", n_bytes=file.stat().st_size, modified_ns=file.stat().st_mtime_ns)
    dataset = look(previous=replace(inside, images=(one,)))
    assert np.array_equal(read_image(dataset, 0), picture(50))
    assert dataset.images[0].pixels != one.pixels


# --- a source that was not found ----------------------------------------------------------------------


def test_a_dataset_of_a_missing_plugin_is_one_sentence(look: Look, put: Put, tmp_path: Path) -> None:
    put("a/1.png", 1)
    dataset = replace(look(), kind="shelf")
    sentence = SOURCES.unknown("shelf")
    assert "If it is a source of a plugin, install that." in sentence
    for ask in (lambda: read_image(dataset, 0), lambda: read_bytes(dataset, 0), lambda: source_of(dataset.kind)):
        with pytest.raises(MissingSourceError) as caught:
            ask()
        assert str(caught.value) == sentence
    save_dataset(dataset, tmp_path / "set.json")
    with pytest.raises(MissingSourceError) as caught:
        load_dataset(tmp_path / "set.json")
    assert str(caught.value) == sentence


def test_a_source_scanned_by_a_missing_plugin_is_not_read_as_something_else(
    look: Look, put: Put, tmp_path: Path
) -> None:
    """Its classes would be others, without a word."""
    put("a/1.png", 1)
    stored = stored_file(tmp_path / "cache", tmp_path / "images")
    save_dataset(replace(look(), kind="shelf"), stored)
    with pytest.raises(
        MissingSourceError, match=r"no source named 'shelf'.*install that\. To open it with another source"
    ):
        look()
    stored.unlink()
    assert look().kind == "folder"


def test_progress_goes_to_the_readers_that_take_it_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Asked:
        def plain(self, path: Path) -> tuple[object, ...]:
            return (path,)

        def telling(self, path: Path, progress: object = None) -> tuple[object, ...]:
            return (path, progress)

    for name, expected in (("plain", (tmp_path,)), ("telling", (tmp_path, NO_PROGRESS))):
        reader = SimpleNamespace(listing=getattr(Asked(), name))
        monkeypatch.setattr(Source, "code", reader)
        assert SOURCES["folder"].listing(tmp_path, progress=NO_PROGRESS) == expected
