"""`coreset scan` on the forms in which labs and publishers have their images: figures, notes, and wrong files."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook
from PIL import Image

from coreset_studio.core.cli import main
from coreset_studio.core.output.tables import read_rows

Scan = Callable[..., tuple[int, str]]


@pytest.fixture
def scan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scan:
    """Scan something below the test's folder; gives the exit code, and all that was printed."""

    def run(what: str, *flags: str) -> tuple[int, str]:
        code = main(["scan", str(tmp_path / what), "--cache", str(tmp_path / "cache"), *flags])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.fixture
def add_image(tmp_path: Path) -> Callable[[str], None]:
    """Write an image of its own."""
    noise = np.random.default_rng(0)

    def write(path: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(file)

    return write


FORMS = {
    "ham10000": ("lesion_id,image_id,dx,age\n", "HAM_{g},{n},{c},80.0\n", "part_1/{n}.jpg", "image_id", 4),
    "isic2019": ("image,MEL,NV\n", "{n},{one},{other}\n", "ISIC_2019_Training_Input/{n}.jpg", "image", 0),
    "nih": ("Image Index,Finding Labels,Patient ID\n", "{n}.png,{c},{g}\n", "images/{n}.png", "Image Index", 4),
    "chexpert": (
        "Path,Sex,No Finding,Edema\n", "CheXpert-v1.0-small/train/p{g}/{n}.jpg,F,{one},{other}\n",
        "train/p{g}/{n}.jpg", "Path", 0,
    ),
    "rsna": ("patientId,x,Target\n", "{n},,{other}\n", "stage_2_train_images/{n}.png", "patientId", 0),
    "hugging face": ("file_name,label\n", "{n}.png,{c}\n", "{n}.png", "file_name", 0),
    "plain": ("path,class,split,group\n", "{n}.png,{c},train,P{g}\n", "{n}.png", "path", 4),
    "of a spreadsheet": ("sep=;\nBild;Diagnose;Patient\n", "{n}.PNG;{c};{g}\n", "{n}.png", "Bild", 4),
}  # fmt: skip


def write_rows(form: str, add_image: Callable[[str], None]) -> str:
    header, row, file, _, _ = FORMS[form]
    text = header
    for number in range(8):
        kind = number % 2
        facts = {"n": f"im_{number}", "c": "ab"[kind], "g": number // 2, "one": 1 - kind, "other": kind}
        add_image("set/" + file.format(**facts))
        text += row.format(**facts)
    return text


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_and_shown(form: str, scan: Scan, add_image: Callable[[str], None], tmp_path: Path) -> None:
    text = write_rows(form, add_image)
    (tmp_path / "set" / "list.csv").write_text(text, encoding="utf-8")
    code, said = scan("set/list.csv")
    assert code == 0
    assert "8 images in 2 classes, csv" in said
    assert f"read with path column: {FORMS[form][3]}" in said
    assert ("groups: 4; images without one: 0" in said) == bool(FORMS[form][4])
    shown = [line for line in said.splitlines() if "im_" in line and line.split()[0].lower().endswith(("png", "jpg"))]
    assert len(shown) == 8
    assert "Traceback" not in said


def test_a_workbook_is_read_and_shown(scan: Scan, add_image: Callable[[str], None], tmp_path: Path) -> None:
    book = Workbook()
    for line in write_rows("ham10000", add_image).splitlines():
        book.active.append(line.split(","))
    book.save(tmp_path / "set" / "list.xlsx")
    code, said = scan("set/list.xlsx")
    assert (code, "8 images in 2 classes, csv" in said, "groups: 4" in said) == (0, True, True)
    code, said = scan("set/list.xlsx", "--group-column", "-", "--class-column", "age")
    assert (code, "8 images in 1 classes" in said, "groups" in said.split("note")[0]) == (0, True, False)


def test_options_override_the_guess(scan: Scan, add_image: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "list.csv").write_text(
        write_rows("nih", add_image).replace("im_3.png,b", "im_3.png,a|b"), encoding="utf-8"
    )
    assert scan("out/list.csv")[0] == 2
    code, said = scan("out/list.csv", "--image-folder", "../set")
    assert (code, "7 images in 2 classes" in said) == (0, True)
    code, said = scan("out/list.csv", "--image-folder", "../set", "--several-labels", "own-class")
    assert (code, "8 images in 3 classes" in said) == (0, True)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "Save it as .xlsx without a password"),
        ("x.xlsx", b"PK\x03\x04 no archive", "is not a valid .xlsx"),
        ("x.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not a CSV|is not UTF-8 text"),
        ("x.csv", b"", "found nothing"),
        ("x.csv", b"age,sex\n7,m\n", "no column that names image files"),
        ("x.csv", b"file,age\nx.png,3\n", "no column that names the class"),
        ("x.tsv", b"path\tclass\nx.png\tcat\n", "the file does not exist"),
        ("x.csv", b'path,class\n"x.png,cat\n', "the file does not exist|has no class"),
        ("x.json", b'[{"file": "x.png"}]', "no column"),
    ],
)
def test_wrong_files_are_one_sentence(name: str, content: bytes, words: str, scan: Scan, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    code, said = scan(name)
    assert code == 2
    (sentence,) = [line for line in said.splitlines() if line.startswith("coreset: ")]
    assert re.search(words, sentence), sentence


def test_an_archive_that_is_no_workbook(scan: Scan, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as archive:
        archive.writestr("readme.txt", "words")
    code, said = scan("x.xlsx")
    assert (code, "x.xlsx" in said, "Traceback" in said) == (2, True, False)


def test_patients_masks_and_an_unlabelled_test_set(
    scan: Scan, add_image: Callable[[str], None], tmp_path: Path
) -> None:
    for patient in range(12):
        for name in ("ill", "well"):
            add_image(f"patients/patient{patient:02d}/{name}/1.png")
    code, said = scan("patients")
    assert (code, "24 images in 2 classes, folder" in said, "groups: 12; images without one: 0" in said) == (
        0, True, True,
    )  # fmt: skip
    code, said = scan("patients", "--layout", "classes")
    assert (code, "24 images in 12 classes" in said) == (0, True)
    code, said = scan("patients", "--layout", "any/classes")
    assert 'note: The file names may identify patients or slides: --group-pattern "' in said
    code, said = scan("patients", "--group-pattern", "slide([0-9]+)")
    assert (code, "finds no group in any of the 24 paths, such as “patient00/ill/1.png”" in said) == (2, True)


def test_every_command_says_what_was_assumed(
    add_image: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for patient in range(12):
        for name in ("ill", "well"):
            add_image(f"patients/patient{patient:02d}/{name}/1.png")
    code = main(["select", str(tmp_path / "patients"), "--extractor", "colour-texture", "--fraction", "0.5",
                 "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "list.csv")])  # fmt: skip
    said = capsys.readouterr().err
    assert code == 0
    assert said.count("note: The folders ill and well inside the folders patient00,") == 1


def test_a_scan_counts_what_each_quality_check_flags_and_lists_it(scan: Scan, tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    for number in range(20):
        pixels = noise.integers(40, 220, (32, 32, 3), dtype=np.uint8)
        if number in (3, 4):
            pixels //= 16
        (tmp_path / "cells" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "cells" / "ab"[number % 2] / f"{number:02}.png")
    code, said = scan("cells", "--quality", str(tmp_path / "quality.csv"))
    assert code == 0
    shown = dict(re.findall(r"^(Blurry|Dark|Bright|Nearly empty|Odd size) +(\d+) ", said, re.MULTILINE))
    assert shown == {"Blurry": "0", "Dark": "2", "Bright": "0", "Nearly empty": "2", "Odd size": "0"}
    assert re.search(r"^Dark +2 +below 0.4 × median$", said, re.MULTILINE)
    assert "Flagged images are not excluded." in said
    rows = read_rows(tmp_path / "quality.csv")
    assert list(rows[0])[:4] == ["path", "class", "flags", "blurry"]
    assert [row["path"] for row in rows if "dark" in row["flags"].split()] == ["a/04.png", "b/03.png"]
    dark = {row["path"]: float(row["dark"]) for row in rows}
    assert dark["a/04.png"] < 0.1
    assert dark["a/00.png"] == pytest.approx(1, abs=0.05)
    assert re.search(r"^Dark +0 ", scan("cells", "--dark-below", "0.01")[1], re.MULTILINE)


def test_a_list_of_quality_replaces_no_file(scan: Scan, add_image: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("mine", encoding="utf-8")
    code, said = scan("set", "--quality", str(tmp_path / "mine.csv"))
    assert code == 2
    assert f"{tmp_path / 'mine.csv'} already exists. Name another file." in said
    assert (tmp_path / "mine.csv").read_text(encoding="utf-8") == "mine"
    code, said = scan("set", "--dark-below", "-1")
    assert code == 2
    assert "dark must be" in said
    assert "found -1" in said


@pytest.mark.slow
def test_thumbnails_are_suspected_and_excluded_by_a_pattern(
    tmp_path: Path, add_image: Callable[[str], None], scan: Scan
) -> None:
    for name in ("ill", "well"):
        for number in range(12):
            add_image(f"cells/{name}/c{number}.png")
    small = Image.fromarray(np.zeros((8, 12, 3), np.uint8))
    for number in range(6):
        small.putpixel((number, 0), (255, 255, 255))
        small.save(tmp_path / f"cells/ill/c{number}_thumb.png")
    code, said = scan("cells")
    assert code == 0
    assert "excluded: " not in said
    words = " ".join(said.split())
    assert (
        "note: 6 images, such as ill/c0_thumb.png, may be thumbnails: the names match *_thumb.*, and they are smaller "
        "than other images (12×8 instead of 32×24 pixels). They are used; to exclude them, use --leave-out-pattern "
        '"*_thumb.*".'
    ) in words
    code, said = scan("cells", "--leave-out-pattern", "*_thumb.*", "--leave-out-pattern", "preview")
    words = " ".join(said.split())
    assert code == 0
    assert "may be thumbnails" not in words
    assert "excluded: 6 6: It matches the pattern “*_thumb.*”." in words
    assert "The pattern “preview” of excluded images matches none of the 30 paths, such as ill/c0.png." in words
    code, said = scan("cells", "--leave-out-pattern", "*_[thumb")
    assert code == 2
    assert "in which a [ has no ]" in said
