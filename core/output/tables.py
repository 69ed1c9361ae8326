"""Plain tables: built once, written as CSV that a spreadsheet opens safely, and shown in the report."""

import codecs
import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import reason_of
from coreset_studio.core.spreadsheet import plain_text, text_cell
from coreset_studio.core.words import duration

Cell = str | int | float | bool | None
Kind = Literal["text", "count", "share", "number", "seconds"]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        Head in the CSV, in lower case with underscores.
    title : str
        Head in the report.
    kind : {"text", "count", "share", "number", "seconds"}
        How the report prints it; every kind but text is right-aligned.
    """

    name: str
    title: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """A table of the report, and one CSV next to it.

    Attributes
    ----------
    name : str
        File name without suffix.
    title : str
    columns : tuple of Column
    rows : tuple of tuple
        As many cells as columns; None is an empty cell.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def csv_text(table: Table) -> str:
    """Return `table` as CSV: commas, lines ended by one line feed, full precision."""
    return csv_of([column.name for column in table.columns], table.rows)


def csv_of(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return `rows` under `heads` as CSV text; heads and text cells are safe to open in a spreadsheet."""
    return "".join(_csv_line(row) for row in ([text_cell(head) for head in heads], *map(_csv_cells, rows)))


def csv_bytes(text: str) -> bytes:
    """Return a CSV as UTF-8, with a byte order mark if it has other characters than those of ASCII.

    Excel reads a CSV without the mark in the code page of the system, so that accents and other scripts are wrong. A
    file of ASCII characters has none: it is read correctly without, also by programs that take the mark for text.
    """
    content = text.encode("utf-8", "backslashreplace")
    return content if content.isascii() else codecs.BOM_UTF8 + content


def write_table(folder: Path, table: Table) -> Path:
    """Write `table` as ``<name>.csv`` into `folder`, whole or not at all, and return the file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    file = folder / f"{table.name}.csv"
    write_atomically(file, csv_bytes(csv_text(table)))
    return file


def read_rows(file: Path) -> list[Mapping[str, str]]:
    """Read a CSV that this program wrote, with the apostrophes of `text_cell` taken back.

    Raises
    ------
    ExportError
        If the file cannot be read or is no CSV of UTF-8 text.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
            return [{plain_text(k): plain_text(v or "") for k, v in row.items() if k is not None} for row in rows]
    except OSError as error:
        raise ExportError(f"The list {file} cannot be read ({reason_of(error)}).") from error
    except (ValueError, csv.Error) as error:
        raise ExportError(f"The list {file} is not a CSV of UTF-8 text ({error}).") from error


def shown(cell: Cell, kind: Kind) -> str:
    """Return `cell` as the report prints it: thousands separators, honest precision, a dash where there is nothing."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell
    if kind == "count":
        return f"{cell:,.0f}"
    if kind == "share":
        return f"{cell:.3f}".replace("-", "−")
    if kind == "seconds":
        return duration(cell)
    return f"{cell:,.4g}".replace("-", "−")


def _csv_line(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    # Python quotes only those ends of lines that it writes itself; a name may hold either.
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return f"{stream.getvalue()[:-2]}\n"


def _csv_cells(row: Sequence[Cell]) -> list[str]:
    return [_csv_cell(cell) for cell in row]


def _csv_cell(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, str):
        return text_cell(cell)
    return repr(cell) if isinstance(cell, float) else str(cell)
