"""Scanning a CSV of paths and classes."""

import gc
import os
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.data.images import read_bytes
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.data.sources.csv.rows import common_root, list_table
from coreset_studio.core.errors import CancelledError, DatasetError
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings, settings_from_dict, with_own

Write = Callable[..., Path]

NAMED = with_own(DataSettings(), "csv", **asdict(settings_from_dict({}).data.own["csv"]))
"""As before there was a choice of columns."""


@pytest.fixture
def table(tmp_path: Path, put: Callable[..., Path]) -> Write:
    """Write a CSV beside six images `a0.png` … `a5.png`."""
    for number in range(6):
        put(f"a{number}.png", number)

    def write(text: str, encoding: str = "utf-8") -> Path:
        file = tmp_path / "images" / "list.csv"
        file.write_bytes(text.encode(encoding))
        return file

    return write


def test_paths_and_classes(table: Write, look: Any, tmp_path: Path) -> None:
    dataset: Dataset = look(table("path,class\na1.png,cell\na0.png,other\n"))
    assert [(image.path, image.class_name, image.split, image.group) for image in dataset.images] == [
        ("a0.png", "other", None, ""),
        ("a1.png", "cell", None, ""),
    ]
    assert dataset.kind == "csv"
    assert dataset.root == tmp_path / "images"
    assert dataset.source == tmp_path / "images" / "list.csv"
    assert read_bytes(dataset, 0) == (tmp_path / "images/a0.png").read_bytes()


def test_split_and_group_in_any_order_and_capitals(table: Write, look: Any) -> None:
    text = "Group, CLASS ,split,Path\nP1,cell,Train,a0.png\nP2,cell,val,a1.png\n,other,TEST,a2.png\n"
    dataset: Dataset = look(table(text))
    assert [(image.split, image.group) for image in dataset.images] == [
        ("train", "P1"),
        ("validation", "P2"),
        ("test", ""),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_byte_order_mark_and_separators(table: Write, look: Any, encoding: str, separator: str) -> None:
    text = "path,class\r\na0.png,größe\r\na1.png,細胞\r\n".replace(",", separator)
    assert look(table(text, encoding)).classes == ("größe", "細胞")


def test_unknown_columns_are_a_warning(table: Write, look: Any) -> None:
    text = "path,class,age,Scanner\na0.png,cell,7,X\na1.png,other,8,Y\n"
    assert "list.csv has columns that are not used: age, Scanner." in look(table(text), settings=NAMED).warnings
    dataset = look(table(text))
    assert "list.csv has columns that are kept with the images but not used: age, Scanner." in dataset.warnings
    assert len(dataset.images) == 2


def test_missing_files_are_listed(table: Write, look: Any, tmp_path: Path) -> None:
    (tmp_path / "images" / "folder").mkdir()
    long = "z" * 300 + ".png"
    dataset = look(table(f"path,class\na0.png,cell\nsub/gone.png,cell\nfolder,cell\n{long},cell\n"))
    found = {skipped.path: skipped.reason for skipped in dataset.skipped}
    assert found["sub/gone.png"] == "Row 3 of the CSV names it, but the file does not exist."
    assert found["folder"] == "Row 4 of the CSV names it, but it is not a file."
    assert "cannot be accessed (File name too long)" in found[long]
    assert [image.path for image in dataset.images] == ["a0.png"]


def test_rows_that_lack_something_are_listed(table: Write, look: Any) -> None:
    dataset = look(table("path,class,split\na0.png,cell,train\n,cell,test\na1.png,,\na2.png,cell,some\na3.png\n,,\n"))
    assert {skipped.path: skipped.reason for skipped in dataset.skipped} == {
        "row 3": "Row 3 of the CSV has no path.",
        "a1.png": "Row 4 of the CSV has no class.",
        "a2.png": "Row 5 of the CSV has the split “some”; expected train, validation or test.",
        "a3.png": "Row 6 of the CSV has no class.",
    }


def test_one_file_in_two_rows(table: Write, look: Any) -> None:
    text = (
        "path,class,group\na0.png,cell,g\n./a0.png,cell,g\na1.png,cell,\na1.png,other,\na2.png,cell,g\na2.png,cell,h\n"
    )
    dataset = look(table(text))
    assert [image.path for image in dataset.images] == ["a0.png"]
    assert {skipped.path: skipped.reason for skipped in dataset.skipped} == {
        "a1.png": "The CSV names it under more than one class: “cell” in row 4 and “other” in row 5.",
        "a2.png": "Rows 6 and 7 of the CSV name it with different splits or groups.",
    }


def test_one_file_in_two_spellings_where_case_is_not_distinguished(table: Write, look: Any, tmp_path: Path) -> None:
    text = "path,class\na0.png,cell\nA0.png,cell\na1.png,cell\nA1.PNG,other\na2.png,other\n"
    folder = table(text).parent
    if not (folder / "A0.PNG").exists():  # links stand for a file system that does not distinguish case
        for other, name in (("A0.png", "a0.png"), ("A0.PNG", "a0.png"), ("A1.PNG", "a1.png")):
            (folder / other).hardlink_to(folder / name)
    dataset: Dataset = look(folder / "list.csv")
    assert [(image.path, image.class_name) for image in dataset.images] == [("a0.png", "cell"), ("a2.png", "other")]
    (skipped,) = dataset.skipped
    assert skipped.path == "a1.png"
    assert skipped.reason.endswith("names it under more than one class: “cell” in row 4 and “other” in row 5.")


def test_two_files_that_differ_in_case_are_two(table: Write, look: Any, put: Any) -> None:
    put("A0.PNG", 9)
    if (table("").parent / "a0.png").samefile(table("").parent / "A0.PNG"):
        pytest.skip("this file system does not distinguish case")
    dataset: Dataset = look(table("path,class\na0.png,cell\nA0.PNG,other\n"))
    assert [image.path for image in dataset.images] == ["A0.PNG", "a0.png"]


def test_absolute_paths_and_paths_upwards_move_the_root(table: Write, look: Any, tmp_path: Path, put: Any) -> None:
    outside = tmp_path / "outside" / "b.png"
    outside.parent.mkdir()
    outside.write_bytes((tmp_path / "images/a0.png").read_bytes())
    dataset = look(table(f"path,class\na1.png,cell\n../outside/b.png,other\n{tmp_path / 'images' / 'a2.png'},cell\n"))
    assert dataset.root == tmp_path
    assert [image.path for image in dataset.images] == ["images/a1.png", "images/a2.png", "outside/b.png"]


def test_backslashes_of_windows(table: Write, look: Any, put: Any) -> None:
    put("sub/deep/x.png", 9)
    assert look(table("path,class\nsub\\deep\\x.png,cell\n")).images[0].path == "sub/deep/x.png"


def test_quoted_cells(table: Write, look: Any, put: Any) -> None:
    put("one, two.png", 9)
    assert look(table('path,class\n"one, two.png","big, round"\n')).classes == ("big, round",)


def test_content_of_listed_files_still_decides(table: Write, look: Any, put: Any) -> None:
    put("text.png", b"words")
    dataset = look(table("path,class\ntext.png,cell\na0.png,cell\n"))
    assert dataset.skipped[0].reason.startswith("It is not an image")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\na0.png,cell\n", "no column path and no column class .*found file, label"),
        ("path\na0.png\n", "no column class .*found path"),
        ("", "found nothing"),
        ("path,class\n", "contains no images"),
        ("path,class\ngone.png,cell\n", "the file does not exist"),
        ("path,class\na\0b,cell\n", "is not a CSV"),
        ('path,class\n"' + "x" * 200_000 + '",cell\n', "not a valid CSV"),
    ],
)
def test_tables_that_cannot_be_used(table: Write, look: Any, text: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        look(table(text), settings=NAMED)


def test_a_table_in_another_encoding_is_an_error(table: Write, look: Any) -> None:
    with pytest.raises(DatasetError, match="not UTF-8 text"):
        look(table("path,class\na0.png,größe\n", "latin-1"), settings=NAMED)


def test_an_image_as_source_is_an_error(put: Any, look: Any) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"Expected {SOURCES.alternatives()}")):
        look(put("a/x.png", 1))


def test_what_is_no_file_is_not_waited_for(tmp_path: Path, look: Any) -> None:
    os.mkfifo(tmp_path / "table.csv")
    for source in (tmp_path / "table.csv", Path("/dev/zero")):
        with pytest.raises(DatasetError, match=r"cannot be opened \(it is not a regular file\)"):
            look(source)
        with pytest.raises(DatasetError, match=r"cannot be read \(it is not a regular file\)"):
            list_table(source)


@pytest.mark.parametrize("content", ["path,class\n" + "a" * 3_000_000, "path,class" * 300_000])
def test_a_line_longer_than_any_row_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(DatasetError, match="a line of more than 1,000,000 characters"):
        list_table(tmp_path / "table.csv")


def test_listing_tells_how_far_it_is_and_can_be_stopped(tmp_path: Path, encoded: Any, picture: Any) -> None:
    for number in range(30):
        (tmp_path / f"{number}.png").write_bytes(encoded(picture(number)))
    (tmp_path / "link.png").symlink_to("1.png")
    (tmp_path / "folder.png").mkdir()
    names = [*(f"{number}.png" for number in range(30)), "link.png", "folder.png"]
    rows = [f"{name},c" for name in names] + [f"gone/{n}.png,d" for n in range(5000)]
    (tmp_path / "table.csv").write_text("path,class\n" + "\n".join(rows))
    told: list[tuple[int, int, str]] = []

    class Listener:
        def report(self, done: int, total: int, message: str = "") -> None:
            told.append((done, total, message))
            if len(told) == stop_after:
                raise CancelledError

        def publish(self, result: object) -> None:
            raise AssertionError(result)

    stop_after = 0
    listing = list_table(tmp_path / "table.csv", Listener())
    assert [entry.path for entry in listing.entries] == names[:-1]
    assert len(listing.skipped) == 5001
    assert (2000, 0, "Reading the CSV: rows") in told
    assert (4000, 5032, "Comparing the rows of the CSV: rows") in told
    assert (4000, 5032, "Looking for the files of the CSV: files") in told
    stop_after = len(told) + 2
    with pytest.raises(CancelledError):
        list_table(tmp_path / "table.csv", Listener())


class Told:
    """Writes down every report."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, int, str]] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        self.reports.append((done, total, message))

    def publish(self, result: object) -> None:
        raise AssertionError(result)


def steps_of(told: Told, message: str) -> list[int]:
    return [done for done, _, said in told.reports if said == message]


def test_no_step_over_all_rows_is_silent(tmp_path: Path) -> None:
    """Each file in a folder of its own, each named twice, half of them with another class."""
    rows = [f"f{number % 10_000}/a.png,{number % 2 if number < 10_000 else 0}" for number in range(20_000)]
    (tmp_path / "table.csv").write_text("path,class\n" + "\n".join(rows))
    told = Told()
    listing = list_table(tmp_path / "table.csv", told)
    assert len(listing.skipped) == 10_000
    assert steps_of(told, "Reading the CSV: rows") == list(range(0, 20_000, 2000))
    assert steps_of(told, "Comparing the folders of the CSV: folders") == list(range(0, 10_000, 2000))
    # Once for the files that are named again, once for all.
    assert steps_of(told, "Comparing the rows of the CSV: files") == 2 * list(range(0, 10_000, 2000))
    assert steps_of(told, "Looking for the files of the CSV: files") == list(range(0, 5000, 100))


def test_listing_a_large_folder_reports_and_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(4500):
        (tmp_path / "many" / f"{number}.png").touch()
    rows = [f"many/{number}.png,c" for number in range(4500)]
    (tmp_path / "table.csv").write_text("path,class\n" + "\n".join(rows))
    told = Told()
    assert len(list_table(tmp_path / "table.csv", told).entries) == 4500
    # The first row, then 0, 2000 and 4000 children of its folder.
    assert steps_of(told, "Looking for the files of the CSV: files")[:5] == [0, 0, 0, 0, 100]

    class Stopping(Told):
        def report(self, done: int, total: int, message: str = "") -> None:
            super().report(done, total, message)
            if steps_of(self, "Looking for the files of the CSV: files") == [0, 0, 0]:
                raise CancelledError

    with pytest.raises(CancelledError):
        list_table(tmp_path / "table.csv", Stopping())


def test_reading_many_rows_looks_for_no_cycles_and_leaves_the_collector_on(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("path,class\n" + "".join(f"{number}.png,c\n" for number in range(20_000)))
    looked: list[str] = []

    def note(phase: str, _facts: object) -> None:
        looked.append(phase)

    class Counting(Told):
        def report(self, done: int, total: int, message: str = "") -> None:
            if not self.reports:
                looked.clear()
            super().report(done, total, message)
            self.looked = list(looked)

    counting = Counting()
    gc.callbacks.append(note)
    try:
        list_table(tmp_path / "table.csv", counting)
    finally:
        gc.callbacks.remove(note)
    assert counting.looked == []
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(
    ("folder", "folders", "root"),
    [
        ("/a/b", [], "/a/b"),
        ("/a/b", ["/a/b", "/a/b-x", "/a/b/c"], "/a"),
        ("/a/b", ["/a/b/c", "/a/b/d/e"], "/a/b"),
        ("/a", ["/b"], "/"),
        ("/", ["/b"], "/"),
    ],
)
def test_the_root_holds_the_table_and_all_that_it_names(folder: str, folders: list[str], root: str) -> None:
    assert common_root(folder, folders, NO_PROGRESS) == root
