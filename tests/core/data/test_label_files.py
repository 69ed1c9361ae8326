"""Corrected classes from a file: tables in every usual form, projects, the manifest of an export."""

import json
import unicodedata
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from coreset_studio.core.data import label_files
from coreset_studio.core.data.label_files import labels_from_file
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.project import Project, write_project
from coreset_studio.core.settings import DataSettings, Relabelling, Settings, settings_to_dict

WHEN = "2026-11-27T09:30:00+00:00"
RECORD = Relabelling("a/1.png", "a", "b", WHEN)
Put = Callable[..., Path]
ReadLabels = Callable[..., tuple[tuple[Relabelling, ...], tuple[str, ...]]]


@pytest.fixture
def read(put: Put, tmp_path: Path) -> ReadLabels:
    """Write a file of labels, and read it for four images of two classes."""
    for number, path in enumerate(["a/1.png", "a/2.png", "b/1.png", "b/=2.png"]):
        put(path, number)

    def read_labels(content: str | bytes, name: str = "labels.csv") -> tuple[tuple[Relabelling, ...], tuple[str, ...]]:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return labels_from_file(file, tmp_path / "images", DataSettings())

    return read_labels


@pytest.mark.parametrize(
    "text",
    [
        f"path,label,when\na/1.png,b,{WHEN}\n",
        f"Path;New;Old;When\na/1.png;b;a;{WHEN}\n",
        "when\tclass\tpath\n2026-11-27T10:30:00+01:00\tb\ta\\1.png\n",
        f"path,label,when,score\n./a/1.png,b,{WHEN},0.5\na/2.png,a,,\n",
        f"path,label,when\na/1.png,b,{WHEN}\na/1.png,b,{WHEN}\n",
    ],
)  # fmt: skip
def test_tables_in_the_usual_forms(read: ReadLabels, text: str) -> None:
    records, notes = read(text)
    assert records == (RECORD,)
    assert notes == ()


def test_a_record_without_a_time_is_of_now(read: ReadLabels, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fixed(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.fromisoformat(WHEN)

    monkeypatch.setattr(label_files, "datetime", Fixed)
    assert read("path,label\na/1.png,b\n")[0] == (RECORD,)


def test_absolute_paths_are_those_of_the_dataset(read: ReadLabels, tmp_path: Path) -> None:
    assert read(f"path,label\n{tmp_path / 'images/a/1.png'},b\n")[0][0].path == "a/1.png"


def test_accents_may_be_stored_in_either_form(put: Put, read: ReadLabels) -> None:
    """As after an archive of macOS: the file is in NFD, and the table was written in NFC, or the other way round."""
    put(unicodedata.normalize("NFD", "a/grün.png"), 9)
    put(unicodedata.normalize("NFC", "b/grün.png"), 10)
    text = f"path,label,when\n{unicodedata.normalize('NFC', 'a/grün.png')},b,{WHEN}\n"
    records, _ = read(text + f"{unicodedata.normalize('NFD', 'b/grün.png')},a,{WHEN}\n")
    assert [record.path for record in records] == [
        unicodedata.normalize("NFD", "a/grün.png"), unicodedata.normalize("NFC", "b/grün.png"),
    ]  # fmt: skip


def test_a_workbook(read: ReadLabels, tmp_path: Path) -> None:
    book = Workbook()
    for row in (["path", "label", "when"], ["a/1.png", "b", datetime.fromisoformat("2026-11-27T09:30:00")]):
        book.active.append(row)
    book.save(tmp_path / "labels.xlsx")
    records, notes = read((tmp_path / "labels.xlsx").read_bytes(), "labels.xlsx")
    assert records == (RECORD,)
    assert notes == (
        "Times in labels.xlsx without a time zone, such as 2026-11-27 09:30:00, were read as UTC.",
    )  # fmt: skip


def test_cells_that_a_spreadsheet_must_not_run_are_read_back(read: ReadLabels) -> None:
    [record] = read("path,label\nb/=2.png,'=x\n")[0]
    assert (record.path, record.old, record.new) == ("b/=2.png", "b", "=x")


def test_an_old_class_that_is_given_is_kept(read: ReadLabels) -> None:
    [record] = read("path,old,label\na/1.png,c,b\n")[0]
    assert record.old == "c"  # the scan then says that it is not applied


def test_what_is_assumed_is_told(read: ReadLabels) -> None:
    records, notes = read("path,label,new\na/1.png,a,b\na/2.png,,\n")
    assert [record.new for record in records] == ["b"]
    assert notes == (
        "labels.csv: the column “new” was used, not “label”; to change this, rename it.",
        "1 row of labels.csv without a label was skipped.",
    )
    assert read("path,label\na/1.png,a\n") == ((), ("labels.csv changes the class of no image.",))


def test_records_of_a_project_and_of_a_manifest(read: ReadLabels, tmp_path: Path) -> None:
    settings = Settings(data=DataSettings(relabelled=(RECORD,)))
    write_project(Project(settings=settings), tmp_path / "study.coreset")
    assert read((tmp_path / "study.coreset").read_bytes(), "study.coreset") == ((RECORD,), ())
    manifest = json.dumps({"program": "coreset-studio", "format": 1, "settings": settings_to_dict(settings)})
    assert read(manifest, "coreset.json") == ((RECORD,), ())


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("labels.csv", "image,label\na/1.png,b\n", "labels.csv has no column path; expected the columns path and"),
        ("labels.csv", "path,score\na/1.png,b\n", "has no column label; expected the columns path and label"),
        ("labels.csv", "path,score\na/1.png,b\n", "and optionally old and when; found “path”, “score”."),
        ("labels.csv", "", "no column path and no column label"),
        ("labels.csv", "path,label\n", "labels.csv has no rows"),
        ("labels.csv", "path,label\na/9.png,b\nc.png,b\n", "names 2 images that the dataset does not contain"),
        ("labels.csv", "path,label\na/9.png,b\nc.png,b\n", "c.png (row 3). Expected paths in the dataset, such as"),
        ("labels.csv", "path,label\na/1.png,b\na/1.png,c\n", "two labels for a/1.png: b (row 2) and c (row 3); keep"),
        ("labels.csv", "path,label\na/1.png,a\na\\1.png,c\n", "two labels for a/1.png: a (row 2) and c (row 3)"),
        ("labels.csv", "path,label\n,b\n", "Row 2 of labels.csv has no path"),
        ("labels.csv", "path,label\na/1.png,b,c\n", "Row 2 of labels.csv has 3 cells, but the header has 2"),
        ("labels.csv", "path,label,when\na/1.png,b,soon\n", "Row 2 of labels.csv has the time 'soon'; expected a time"),
        ("labels.csv", b"path,label\n\x00\x01\x02", "is not a CSV. For corrected classes: expected the columns"),
        ("labels.xlsx", b"PK\x03\x04", "is not a valid .xlsx"),
        ("coreset.json", "{", "coreset.json is not valid JSON"),
        ("coreset.json", "[]", "coreset.json contains no settings"),
        ("coreset.json", '{"settings": {"data": {"x": 1}}}', "coreset.json: Data has no setting named 'x'"),
        ("coreset.json", '{"settings": {}, "private": true, "relabelled": [["a", "00", "b", ""]]}', "private export"),
        ("study.coreset", "{}", "study.coreset is not a project of Coreset Studio"),
    ],
)  # fmt: skip
def test_bad_files_are_refused_in_a_sentence(read: ReadLabels, name: str, text: str | bytes, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(text, name)
    assert sentence in str(caught.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    for name in ("labels.csv", "coreset.json", "study.coreset"):
        with pytest.raises(SettingsError, match=name):
            labels_from_file(tmp_path / name, tmp_path, DataSettings())
