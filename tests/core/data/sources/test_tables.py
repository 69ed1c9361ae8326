"""Tables as they are published and as spreadsheets write them: what is guessed, what is said, what is refused."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from coreset_studio.core.data.dataset import load_dataset, save_dataset
from coreset_studio.core.data.sources.csv.settings import TableSettings
from coreset_studio.core.data.sources.csv.table import list_any_table
from coreset_studio.core.errors import CancelledError, DatasetError
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings, settings_from_dict, settings_to_dict, with_own
from coreset_studio.core.settings import Settings as AllSettings

Write = Callable[..., Path]
Look = Callable[..., Dataset]


@pytest.fixture
def table(tmp_path: Path, put: Callable[..., Path]) -> Write:
    """Write a table beside the images `a0.png` … `a5.png`."""
    for number in range(6):
        put(f"a{number}.png", number)

    def write(text: str | bytes, name: str = "list.csv", encoding: str = "utf-8") -> Path:
        file = tmp_path / "images" / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return file

    return write


@pytest.fixture
def book(tmp_path: Path, table: Write) -> Write:
    """Write an .xlsx of one sheet, or of several by name."""

    def write(sheets: dict[str, Sequence[Sequence[Any]]], name: str = "list.xlsx") -> Path:
        book = Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(list(row))
        file = tmp_path / "images" / name
        book.save(file)
        return file

    return write


def told(**own: Any) -> DataSettings:
    return with_own(DataSettings(), "csv", **own)


def images(dataset: Dataset) -> list[tuple[str, str, str | None, str]]:
    return [(image.path, image.class_name, image.split, image.group) for image in dataset.images]


def note(dataset: Dataset, part: str) -> str:
    (found,) = [warning for warning in dataset.warnings if part in warning]
    return found


# --- as they are published ------------------------------------------------------------------------------------


def test_ham10000(table: Write, put: Any, look: Look) -> None:
    for number in range(6):
        put(f"HAM10000_images_part_{number % 2 + 1}/ISIC_002741{number}.jpg", number + 10)
    rows = "".join(
        f"HAM_{n // 2},ISIC_002741{n},{'bkl' if n < 4 else 'nv'},histo,8{n}.0,male,scalp\n" for n in range(6)
    )
    dataset = look(table("lesion_id,image_id,dx,dx_type,age,sex,localization\n" + rows))
    assert images(dataset)[:2] == [
        ("HAM10000_images_part_1/ISIC_0027410.jpg", "bkl", None, "HAM_0"),
        ("HAM10000_images_part_1/ISIC_0027412.jpg", "bkl", None, "HAM_1"),
    ]
    assert len(dataset.images) == 6
    assert dataset.read_as == {"path_column": "image_id", "class_columns": "dx", "group_column": "lesion_id"}
    assert dataset.columns == ("dx_type", "age", "sex", "localization")
    assert dataset.images[0].more == ("histo", "80.0", "male", "scalp")
    assert note(dataset, "was read with") == (
        "list.csv was read with “image_id” as the images, “dx” as the class and “lesion_id” as groups that are never "
        "divided. To use other columns, set --path-column, --class-column, --split-column or --group-column."
    )
    assert "6 images of list.csv were found by their names without suffix" in note(dataset, "without suffix")


def test_isic_2019(table: Write, look: Look) -> None:
    text = "image,MEL,NV,BCC,UNK\na0,1.0,0.0,0.0,0.0\na1,0.0,1.0,0.0,0.0\na2,0.0,0.0,1.0,0.0\na3,0.0,1.0,0.0,0.0\n"
    dataset = look(table(text))
    assert [image.class_name for image in dataset.images] == ["MEL", "NV", "BCC", "NV"]
    assert "columns as classes (MEL, NV, BCC" in note(dataset, "was read with")


def test_nih_chest(table: Write, look: Look) -> None:
    text = (
        "Image Index,Finding Labels,Follow-up #,Patient ID\na0.png,Cardiomegaly,0,1\n"
        "a1.png,Cardiomegaly|Emphysema,1,1\na2.png,No Finding,0,2\na3.png,No Finding,0,3\n"
    )
    dataset = look(table(text))
    assert images(dataset) == [
        ("a0.png", "Cardiomegaly", None, "1"), ("a2.png", "No Finding", None, "2"), ("a3.png", "No Finding", None, "3"),
    ]  # fmt: skip
    assert [(one.path, one.reason) for one in dataset.skipped] == [
        ("a1.png", "Row 3 of the CSV has several classes: Cardiomegaly, Emphysema.")
    ]
    assert note(dataset, "several classes") == (
        "1 rows of list.csv have several classes and are skipped (--several-labels first or own-class)."
    )
    for rule, expected in (("first", "Cardiomegaly"), ("own-class", "Cardiomegaly|Emphysema")):
        assert look(table(text), settings=told(several_labels=rule)).images[1].class_name == expected


CHEXPERT = (
    "Path,Sex,Age,Frontal/Lateral,No Finding,Cardiomegaly,Edema\n"
    "CheXpert-v1.0-small/train/patient00001/study1/view1.jpg,Female,68,Frontal,1.0,,\n"
    "CheXpert-v1.0-small/train/patient00002/study1/view1.jpg,Male,6,Frontal,,1.0,-1.0\n"
    "CheXpert-v1.0-small/train/patient00003/study1/view1.jpg,Male,7,Frontal,,0.0,1.0\n"
    "CheXpert-v1.0-small/train/patient00004/study1/view1.jpg,Male,7,Frontal,,1.0,1.0\n"
    "CheXpert-v1.0-small/train/patient00005/study1/view1.jpg,Male,7,Frontal,,,\n"
)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {"1": "No Finding", "3": "Edema"}),
        ({"uncertain_labels": "negative"}, {"1": "No Finding", "2": "Cardiomegaly", "3": "Edema"}),
        ({"uncertain_labels": "positive", "several_labels": "first"},
         {"1": "No Finding", "2": "Cardiomegaly", "3": "Edema", "4": "Cardiomegaly"}),
        ({"uncertain_labels": "negative", "several_labels": "own-class"},
         {"1": "No Finding", "2": "Cardiomegaly", "3": "Edema", "4": "Cardiomegaly|Edema"}),
    ],
)  # fmt: skip
def test_chexpert(table: Write, put: Any, look: Look, own: dict[str, str], expected: dict[str, str]) -> None:
    for number in range(1, 6):
        put(f"train/patient0000{number}/study1/view1.jpg", number + 20)
    dataset = look(table(CHEXPERT), settings=told(**own))
    assert {image.path.split("/")[1][-1]: image.class_name for image in dataset.images} == expected
    reasons = {one.path.split("/")[2][-1]: one.reason for one in dataset.skipped}
    assert reasons["5"] == "Row 6 of the CSV has no class: no column of a class has a 1."
    if not own:
        assert reasons["2"] == "Row 3 of the CSV is uncertain about Edema."
        assert reasons["4"] == "Row 5 of the CSV has several classes: Cardiomegaly, Edema."
        assert "--uncertain-labels negative or positive" in note(dataset, "uncertain")


def test_rsna_ids_are_the_files(table: Write, look: Look) -> None:
    dataset = look(table("patientId,x,y,Target\na0,,,0\na1,26,15,1\na2,,,0\na3,1,1,1\n"))
    assert [image.class_name for image in dataset.images] == ["0", "1", "0", "1"]
    assert dataset.read_as["path_column"] == "patientId"


def test_hugging_face_metadata(table: Write, look: Look) -> None:
    dataset = look(table("file_name,label,text\na0.png,cat,x\na1.png,dog,y\n", "metadata.csv"))
    assert (dataset.classes, dataset.columns, dataset.images[1].more) == (("cat", "dog"), ("text",), ("y",))


def test_a_column_that_is_named_overrides_the_guess(table: Write, look: Look) -> None:
    text = "image,label,site,who\n" + "".join(f"a{n}.png,{'xy'[n % 2]},{'st'[n // 3]},p{n}\n" for n in range(6))
    dataset = look(table(text), settings=told(class_columns=("SITE",), group_column="who"))
    assert [(image.class_name, image.group) for image in dataset.images][:4] == [
        ("s", "p0"), ("s", "p1"), ("s", "p2"), ("t", "p3"),
    ]  # fmt: skip
    assert dataset.columns == ("label",)
    with pytest.raises(DatasetError, match=r"list\.csv has no column “nose”; found image, label, site, who\."):
        look(table(text), settings=told(class_columns=("nose",)))


def test_a_group_column_can_be_declined(table: Write, look: Look) -> None:
    text = "path,class,patient_id\na0.png,x,1\na1.png,y,1\na2.png,x,2\na3.png,y,2\n"
    assert [image.group for image in look(table(text)).images] == ["1", "1", "2", "2"]
    declined = look(table(text), settings=told(group_column="-"))
    assert [image.group for image in declined.images] == [""] * 4
    assert declined.columns == ("patient_id",)


def test_a_folder_to_look_in(table: Write, put: Any, look: Look, tmp_path: Path) -> None:
    for number in range(4):
        put(f"../elsewhere/deep/b{number}.png", number + 30)
    text = "image,label\nb0,x\nb1,y\nb2,x\nb3,y\n"
    with pytest.raises(DatasetError, match="the file does not exist"):
        look(table(text))
    pasted = look(table(text), settings=told(image_folder='"../elsewhere"'))  # as Explorer copies paths
    dataset = look(table(text), settings=told(image_folder="../elsewhere"))
    assert images(pasted) == images(dataset)
    assert [image.path for image in dataset.images] == [f"elsewhere/deep/b{n}.png" for n in range(4)]
    with pytest.raises(DatasetError, match=r"The folder of the images, nowhere, does not exist next to list\.csv"):
        look(table(text), settings=told(image_folder="nowhere"))


# --- .xlsx ----------------------------------------------------------------------------------------------------


def test_a_workbook(book: Write, look: Look) -> None:
    rows = [["Image", "Diagnosis", "Patient ID", "Age"], ["a0.png", "ill", 7, 3.5], ["a1.png", "well", 8.0, None]]
    dataset = look(book({"Sheet": rows}))
    assert (dataset.kind, images(dataset)) == ("csv", [("a0.png", "ill", None, "7"), ("a1.png", "well", None, "8")])
    assert [image.more for image in dataset.images] == [("3.5",), ("",)]


def test_the_first_sheet_with_anything_in_it(book: Write, look: Look) -> None:
    one, two = [["path", "class"], ["a0.png", "x"], ["a1.png", "y"]], [["path", "class"], ["a2.png", "z"]]
    file = book({"Empty": [], "One": one, "Two": two})
    dataset = look(file)
    assert dataset.classes == ("x", "y")
    assert "“One” was read, not “Two” (--sheet)" in note(dataset, "several sheets")
    assert look(file, settings=told(sheet="Two")).classes == ("z",)
    with pytest.raises(DatasetError, match="has no sheet “Three”; found Empty, One, Two"):
        look(file, settings=told(sheet="Three"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an Excel file in the old format"),
        ("x.xlsx", b"PK\x03\x04" + b"\0" * 100, "is not a valid .xlsx"),
        ("x.csv", b"\x89PNG\r\n\x1a\n\0\0\0", "is not UTF-8 text|is not a CSV"),
        ("x.tsv", b"\0\1\2\3" * 100, "is not UTF-8 text|is not a CSV"),
    ],
)
def test_files_that_are_no_tables(table: Write, look: Look, name: str, content: bytes, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        look(table(content, name))


def test_an_open_document_table(table: Write, look: Look, tmp_path: Path) -> None:
    import zipfile

    file = table(b"", "x.ods")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("content.xml", "<x/>")
    with pytest.raises(DatasetError, match=r"x\.ods is an OpenDocument table\."):
        look(file)


# --- lists as they are written --------------------------------------------------------------------------------


def test_a_comma_without_quotes_merges_no_classes(table: Write, look: Look) -> None:
    text = (
        'path,class\na0.png,carcinoma, ductal\na1.png,carcinoma, lobular\na2.png,"carcinoma, ductal"\na3.png,normal\n'
    )
    dataset = look(table(text))
    assert dataset.classes == ("carcinoma, ductal", "normal")
    assert [one.reason for one in dataset.skipped] == [
        f"Row {number} of the CSV has 3 cells, but the header has 2; a cell with a comma must be quoted."
        for number in (2, 3)
    ]
    assert note(dataset, "do not match") == (
        "2 rows of list.csv do not match its header of 2 columns, such as row 2 with 3, and are skipped; a cell "
        "with a comma must be quoted."
    )


@pytest.mark.parametrize("word", ["nan", "None", "NA", "N/A", "null", "?", "<NA>"])
def test_words_for_missing_classes(table: Write, look: Look, word: str) -> None:
    text = f"path,class\na0.png,x\na1.png,{word}\na2.png,y\na3.png,\n"
    dataset = look(table(text))
    assert dataset.classes == ("x", "y")
    assert [one.reason for one in dataset.skipped] == [
        f"Row 3 of the CSV has no class, but “{word}”.", "Row 5 of the CSV has no class.",
    ]  # fmt: skip
    assert "--no-leave-out-missing" in note(dataset, "instead of a class")
    assert look(table(text), settings=told(leave_out_missing=False)).classes == tuple(sorted(("x", "y", word)))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_and_separators(table: Write, look: Look, encoding: str, separator: str) -> None:
    text = "path,class,score\r\na0.png,größe,1\r\n\r\na1.png,Zelle,2\r\na2.png,größe,1\r\n".replace(",", separator)
    dataset = look(table(text, encoding=encoding))
    assert dataset.classes == ("Zelle", "größe")
    assert (encoding == "cp1252") == any("was read as Windows-1252" in word for word in dataset.warnings)


def test_the_first_line_of_excel_and_decimal_commas(table: Write, look: Look) -> None:
    dataset = look(table("sep=;\nbild;MEL;NV;dicke\na0.png;1,0;0,0;0,5\na1.png;0,0;1,0;0,7\n"))
    assert [image.class_name for image in dataset.images] == ["MEL", "NV"]
    assert dataset.images[0].more == ("0,5",)
    assert dataset.read_as["separator"] == ";"


def test_no_header(table: Write, look: Look) -> None:
    dataset = look(table("a0.png,x\na1.png,y\na2.png,x\na3.png,y\n"))
    assert [image.class_name for image in dataset.images] == ["x", "y", "x", "y"]
    assert note(dataset, "has no header") == (
        "list.csv has no header: its first row names a file and was read as an image."
    )


def test_a_column_twice(table: Write, look: Look) -> None:
    with pytest.raises(DatasetError, match=r"list\.csv has 2 columns “class”; rename all but one of them\."):
        look(table("path,class,class\na0.png,x,y\na1.png,y,y\n"))
    dataset = look(table("path,class,age,age\na0.png,x,1,2\na1.png,y,1,2\n"))
    assert "more than one column named age" in note(dataset, "more than one column")
    assert dataset.columns == ("age",)


def test_row_numbers_of_pandas_and_r(table: Write, look: Look) -> None:
    assert look(table(",path,class\n0,a0.png,x\n1,a1.png,y\n")).columns == ()
    assert look(table('"path","class"\n"1","a0.png","x"\n"2","a1.png","y"\n')).classes == ("x", "y")


def test_paths_of_another_machine(table: Write, put: Any, look: Look) -> None:
    for number in range(4):
        put(f"cells/{'xy'[number % 2]}/c{number}.png", number + 40)
    rows = "".join(f"C:\\Users\\me\\cells\\{'xy'[n % 2]}\\c{n}.png,{'xy'[n % 2]}\n" for n in range(4))
    dataset = look(table("path,class\n" + rows))
    assert [image.path for image in dataset.images] == [
        "cells/x/c0.png", "cells/x/c2.png", "cells/y/c1.png", "cells/y/c3.png",
    ]  # fmt: skip
    assert "4 images of list.csv were found in another folder" in note(dataset, "another folder")


def test_accents_in_another_form(table: Write, put: Any, look: Look) -> None:
    """As after an archive of macOS; folders, too, and where only the name without suffix is in the table."""
    for number in range(4):
        put(unicodedata.normalize("NFD", f"Größe {number % 2}/zähl {number}.png"), number + 40)
    paths = [unicodedata.normalize("NFC", f"Größe {number % 2}/zähl {number}") for number in range(4)]
    rows = "".join(f"{path}.png,{'xy'[number % 2]}\n" for number, path in enumerate(paths))
    dataset = look(table("path,class\n" + rows))
    assert sorted(image.path for image in dataset.images) == sorted(
        unicodedata.normalize("NFD", f"{path}.png") for path in paths
    )
    assert "4 images of list.csv were found with accents that are stored differently" in note(dataset, "accents")
    rows = "".join(f"{path.split('/')[1]},{'xy'[number % 2]}\n" for number, path in enumerate(paths))
    assert "4 images of list.csv were found by their names" in note(
        look(table("image,class\n" + rows)), "by their names"
    )


def test_suffixes_in_other_capitals(table: Write, look: Look) -> None:
    dataset = look(table("path,class\nA0.PNG,x\na1.Png,y\n"))
    assert [image.path for image in dataset.images] == ["a0.png", "a1.png"]
    assert "with different capitalisation" in note(dataset, "capitalisation")


def test_a_name_of_several_files_is_not_guessed(table: Write, put: Any, look: Look) -> None:
    put("one/z.png", 50)
    put("two/z.png", 51)
    dataset = look(table("path,class\nz,x\na0.png,x\na1.png,y\ntwo/z,y\n"))
    assert [image.path for image in dataset.images] == ["a0.png", "a1.png", "two/z.png"]
    assert [one.reason for one in dataset.skipped] == [
        "Row 2 of the CSV names it, but it matches 2 files; specify the folder of the images (--image-folder)."
    ]


@pytest.mark.parametrize(("said", "split"), [("Training", "train"), ("dev", "validation"), ("TEST-SET", "test")])
def test_splits_in_any_spelling(table: Write, look: Look, said: str, split: str) -> None:
    dataset = look(table(f"path,class,set\na0.png,x,{said}\na1.png,y,train\na2.png,y,other\n"))
    assert [image.split for image in dataset.images] == [split, "train"]
    assert "has the split “other”" in dataset.skipped[0].reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("age,sex\n7,m\n8,f\n", r"no column that names image files; found age, sex\. .*--path-column"),
        ("path\na0.png\n", r"no column that names the class; found path\. .*--class-column"),
        ("", "found nothing"),
        ("path,class\n", "contains no images"),
        ("path,class\na0.png,x, y\n", "Row 2 of the CSV has 3 cells, but the header has 2"),
    ],
)
def test_tables_that_cannot_be_used(table: Write, look: Look, text: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        look(table(text))


def test_a_folder_with_a_table_inside_says_so(table: Write, put: Any, look: Look, tmp_path: Path) -> None:
    table("file_name,label\na0.png,x\na1.png,y\n", "metadata.csv")
    words = "The folder contains metadata.csv, which was not read. If it lists the classes, open it instead."
    flat = look()
    assert not flat.has_labels
    assert flat.warnings[0] == words
    put("x/1.png", 60)
    put("y/1.png", 61)
    assert words in look().warnings
    # A hidden file is a program's own, such as the demo's.
    table("file_name,label\na0.png,x\n", ".metadata.csv")
    assert words in look().warnings


def test_listing_tells_how_far_it_is_and_can_be_stopped(table: Write) -> None:
    rows = "".join(f"a{number % 6}.png,{number % 2},p{number}\n" for number in range(5000))
    file = table("image,label,patient\n" + rows)
    told: list[tuple[int, int, str]] = []

    class Listener:
        def report(self, done: int, total: int, message: str = "") -> None:
            told.append((done, total, message))
            if len(told) == stop_after:
                raise CancelledError

        def publish(self, result: object) -> None:
            raise AssertionError(result)

    stop_after = 0
    list_any_table(file, TableSettings(group_column="-"), Listener())
    for expected in ((2000, 0, "Reading the CSV: rows"), (4000, 5000, "Looking for the files of the CSV: files"),
                     (4000, 5000, "Comparing the rows of the CSV: rows")):  # fmt: skip
        assert expected in told
    stop_after = len(told) + 2
    with pytest.raises(CancelledError):
        list_any_table(file, TableSettings(), Listener())


# --- what is stored -------------------------------------------------------------------------------------------


def test_an_earlier_project_reads_the_four_columns_alone(table: Write, look: Look) -> None:
    before = settings_from_dict({}).data
    text = "path,class,patient_id\na0.png,nan,1\na1.png,A|B,1\na2.png,x,2\n"
    dataset = look(table(text), settings=before)
    assert dataset.classes == ("A|B", "nan", "x")
    assert {image.group for image in dataset.images} == {""}
    with pytest.raises(DatasetError, match="no column path and no column class"):
        look(table("file,label\na0.png,x\n"), settings=before)
    assert settings_to_dict(before).get("own") is None
    assert settings_to_dict(AllSettings())["data"]["own"]["csv"] == {
        "columns": "auto", "several_labels": "leave-out", "leave_out_missing": True,
    }  # fmt: skip
    assert settings_from_dict(settings_to_dict(AllSettings())) == AllSettings()


def test_other_columns_are_stored_with_the_scan(table: Write, look: Look, tmp_path: Path) -> None:
    dataset = look(table("path,class,age\na0.png,x,7\na1.png,y,8\n"))
    save_dataset(dataset, tmp_path / "scan.json")
    assert load_dataset(tmp_path / "scan.json") == dataset
    assert [image.more for image in dataset.images] == [("7",), ("8",)]
    plain = replace(dataset, columns=(), images=tuple(replace(image, more=()) for image in dataset.images))
    save_dataset(plain, tmp_path / "scan.json")
    assert b'"more"' not in (tmp_path / "scan.json").read_bytes()
    assert load_dataset(tmp_path / "scan.json") == plain


def test_the_settings_have_their_neutral_values() -> None:
    neutral = settings_from_dict({}).data.own["csv"]
    assert neutral == TableSettings(columns="named", several_labels="own-class", leave_out_missing=False)
    assert neutral.names_nothing
    assert not TableSettings().names_nothing
