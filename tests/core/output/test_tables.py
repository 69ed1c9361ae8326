import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.tables import (
    Column,
    Table,
    csv_bytes,
    csv_of,
    plain_text,
    read_rows,
    shown,
    text_cell,
    write_table,
)

FORMULAS = ["=1+1", "+1", "-1", "@cmd", "\tx", "\rx", "'=1", "''@x", "＝A1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_never_stands_first_and_comes_back(text: str) -> None:
    assert text_cell(text).startswith("'")
    assert plain_text(text_cell(text)) == text


@pytest.mark.parametrize("text", ["plain", "'quoted'", "it's", "", "a=b"])
def test_other_text_stays(text: str) -> None:
    assert text_cell(text) == text
    assert plain_text(text) == text


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    assert plain_text(text_cell(text)) == text


def test_a_table_is_written_and_read_back(tmp_path: Path) -> None:
    columns = (Column("path", "Path"), Column("n", "Images", "count"), Column("share", "Share", "share"))
    table = Table("things", "Things", columns, (('=evil, "q"\nline', 3, -0.5), ("ö", None, math.nan), ("-x", 1, True)))
    file = write_table(tmp_path, table)
    assert file.read_text(encoding="utf-8-sig").splitlines()[0] == "path,n,share"
    assert read_rows(file) == [
        {"path": '=evil, "q"\nline', "n": "3", "share": "-0.5"},
        {"path": "ö", "n": "", "share": ""},
        {"path": "-x", "n": "1", "share": "1"},
    ]


def test_numbers_are_numbers_for_a_spreadsheet() -> None:
    assert csv_of(["a"], [[-1.5], [2], [False]]) == "a\n-1.5\n2\n0\n"


def test_a_file_that_is_no_csv(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be read"):
        read_rows(tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_bytes(b"path\n\xff\xfe\x00")
    with pytest.raises(ExportError, match="not a CSV"):
        read_rows(tmp_path / "bad.csv")


def test_how_cells_are_shown() -> None:
    assert shown(17092, "count") == "17,092"
    assert shown(0.92456, "share") == "0.925"
    assert shown(-0.0123, "share") == "−0.012"
    assert shown(math.nan, "share") == shown(None, "text") == "–"
    assert shown(True, "text") == "yes"
    assert shown(1234.5678, "number") == "1,235"


@pytest.mark.parametrize("text", FORMULAS)
def test_a_head_is_no_formula_either_and_comes_back(tmp_path: Path, text: str) -> None:
    file = tmp_path / "heads.csv"
    file.write_text(csv_of([text, "plain"], [["a", "b"]]), encoding="utf-8", newline="")
    with file.open(encoding="utf-8", newline="") as stream:
        heads = next(csv.reader(stream))
    assert heads == [f"'{text}", "plain"]
    assert read_rows(file) == [{text: "a", "plain": "b"}]


def test_excel_reads_accents_and_other_programs_read_ascii(tmp_path: Path) -> None:
    plain, accents = (
        write_table(tmp_path, Table(name, "", (Column("class", "Class"),), ((cell,),)))
        for name, cell in (("plain", "eos"), ("accents", "Größe · 細胞"))
    )
    assert plain.read_bytes() == b"class\neos\n"
    assert accents.read_bytes() == b"\xef\xbb\xbf" + "class\nGröße · 細胞\n".encode()
    assert read_rows(accents) == [{"class": "Größe · 細胞"}]
    assert csv_bytes("\udc80") == b"\\udc80"
