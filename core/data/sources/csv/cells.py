"""The cells of a table as text: a CSV in any usual encoding and with any usual separator, or a sheet of an .xlsx."""

import codecs
import csv
import datetime as dt
import io
import itertools
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from coreset_studio.core.data.folder_names import has_image_suffix
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.data.sources.csv.rows import LONGEST_LINE, text_lines
from coreset_studio.core.errors import CoresetError, DatasetError
from coreset_studio.core.files import reason_of
from coreset_studio.core.reading import check_member, open_regular

OLD_EXCEL = b"\xd0\xcf\x11\xe0"
ZIP = b"PK\x03\x04"

_DELIMITERS = (",", ";", "\t", "|")
_HEAD_LINES = 60
_PIECE = 2**20
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_XLSX_BYTES = 1_000_000_000
_XLSX_CELLS = 50_000_000
_MOSTLY = 0.9

Rows = Iterator[tuple[int, list[str]]]


@dataclass
class Cells:
    """A table whose rows are read as they are requested.

    Attributes
    ----------
    name : str
        Of the file.
    word : str
        Its name in sentences: ``"CSV"`` or ``"table"``.
    header : list of str
        Names of the columns; of a table without a header ``"column 1"`` and so on.
    rows : iterator of (int, list of str)
        Number of the line or row in the file, and the cells without spaces around.
    notes : list of str
        What was assumed.
    reading : dict of str to str
        The same by what was selected.
    """

    name: str
    word: str
    header: list[str]
    rows: Rows
    notes: list[str] = field(default_factory=list)
    reading: dict[str, str] = field(default_factory=dict)


@contextmanager
def open_cells(source: Path, sheet: str = "") -> Iterator[Cells]:
    """Open a table; its rows can be read as long as it is open.

    Raises
    ------
    DatasetError
        If it cannot be read, or is not a table. What is wrong further down is raised when it is reached.
    """
    with _one_sentence(source), open_regular(source) as stream:
        head = stream.read(4)
        stream.seek(0)
        if head == OLD_EXCEL:
            raise DatasetError(
                f"{source.name} is an Excel file in the old format (.xls) or has a password. Save it as .xlsx without "
                "a password, or as “CSV UTF-8”."
            )
        if head == ZIP:
            with _sheet(source, stream, sheet) as cells:
                yield cells
        else:
            encoding = _encoding(source, stream)
            with io.TextIOWrapper(stream, encoding, newline="") as text:
                yield _of_text(source, text)


@contextmanager
def _one_sentence(source: Path) -> Iterator[None]:
    try:
        yield
    except CoresetError:
        raise
    except csv.Error as error:
        raise DatasetError(f"{source.name} is not a valid CSV ({error}).") from error
    except OSError as error:
        raise DatasetError(f"{source} cannot be read ({reason_of(error)}).") from error


# --- text ---------------------------------------------------------------------------------------------------------


def _of_text(source: Path, text: io.TextIOWrapper) -> Cells:
    cells = Cells(source.name, "CSV", [], iter(()))
    if text.encoding == "cp1252":
        cells.notes.append(
            f"{source.name} is not UTF-8 and was read as Windows-1252. If characters are wrong, save it as “CSV UTF-8”."
        )
        cells.reading["encoding"] = text.encoding
    lines = text_lines(source, text)
    head = list(itertools.islice(lines, _HEAD_LINES))
    n_dropped = 0
    delimiter = ""
    while head and (not head[0].strip(' \t\r\n,;"') or head[0].startswith("# ") or head[0].lower().startswith("sep=")):
        if head[0].lower().startswith("sep="):
            delimiter = head[0][4:].strip('\r\n"')[:1] or "\t"
        del head[0]
        n_dropped += 1
    delimiter = delimiter or _delimiter(head)
    cells.reading |= {} if delimiter in (",", "") else {"separator": {"\t": "tab"}.get(delimiter, delimiter)}
    reader = csv.reader(itertools.chain(head, lines), delimiter=delimiter)
    rows = ((reader.line_num + n_dropped, [cell.strip() for cell in row]) for row in reader)
    _take_header(cells, rows)
    return cells


def _encoding(source: Path, stream: BinaryIO) -> str:
    """Return the encoding of a text: by its mark, else UTF-8 where all of it is, else Windows-1252.

    Raises
    ------
    DatasetError
        If it is not text in any of them.
    """
    head = stream.read(4096)
    stream.seek(0)
    if head[:2] in _MARKS:
        return _MARKS[head[:2]]
    nulls = [head[at::2].count(0) for at in (0, 1)]
    if len(head) > 3 and max(nulls) > len(head) * 0.35 and min(nulls) < len(head) * 0.05:
        return "utf-16-be" if nulls[0] > nulls[1] else "utf-16-le"
    for encoding in ("utf-8-sig", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        with suppress(UnicodeError):
            while piece := stream.read(_PIECE):
                text = decoder.decode(piece)
                if encoding == "cp1252" and any(letter < " " and letter not in "\t\r\n\f\v" for letter in text[:4096]):
                    raise UnicodeError
            decoder.decode(b"", final=True)
            stream.seek(0)
            return encoding
        stream.seek(0)
    raise DatasetError(
        f"{source.name} is not UTF-8 text. Expected {SOURCES.alternatives()}; save a CSV as “CSV UTF-8”."
    )


def _delimiter(head: Sequence[str]) -> str:
    """Return what separates the cells: what gives most rows as many cells as the header, and more than one."""
    best, highest = ",", (0.0, 0.0)
    for delimiter in _DELIMITERS:
        with suppress(csv.Error):
            rows = [row for row in csv.reader(head, delimiter=delimiter) if any(cell.strip() for cell in row)]
            if not rows or len(rows[0]) < 2:
                continue
            fits = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
            if (fits, len(rows[0])) > highest:
                best, highest = delimiter, (fits, float(len(rows[0])))
    return best


def _take_header(cells: Cells, rows: Rows) -> None:
    """Take the first row as header, unless it is a row like any other."""
    for number, first in rows:
        if not any(first):
            continue
        if any(has_image_suffix(cell) for cell in first):
            cells.header = [f"column {at + 1}" for at in range(len(first))]
            cells.notes.append(f"{cells.name} has no header: its first row names a file and was read as an image.")
            cells.rows = itertools.chain([(number, first)], rows)
        else:
            cells.header = first
            cells.rows = _without_row_names(cells, rows)
        return


def _without_row_names(cells: Cells, rows: Rows) -> Rows:
    """Leave out a first column of row numbers without a name in the header, as R writes it."""
    sample = list(itertools.islice(rows, _HEAD_LINES))
    whole = [row for _, row in sample if any(row)]
    longer = [row for row in whole if len(row) == len(cells.header) + 1]
    is_numbered = len(longer) == len(whole) > 0 and all(row[0].isdecimal() for row in whole)
    for number, row in itertools.chain(sample, rows):
        yield number, row[1:] if is_numbered else row


# --- .xlsx --------------------------------------------------------------------------------------------------------


def is_xlsx(source: Path) -> bool:
    """Return whether a file is a workbook of Excel, by its content."""
    try:
        with open_regular(source) as stream, zipfile.ZipFile(stream) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except Exception:  # zipfile raises nearly any exception on damaged files
        return False


@contextmanager
def _sheet(source: Path, stream: BinaryIO, sheet_name: str) -> Iterator[Cells]:
    from openpyxl import load_workbook

    book: Any = None
    try:
        try:
            _check_archive(source, stream)
            book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            cells = _chosen_sheet(source, book, sheet_name)
        except (DatasetError, OSError):
            raise
        except Exception as error:  # openpyxl and the readers below raise nearly any exception on damaged files
            raise _damaged(source, error) from error
        yield cells
    finally:
        if book is not None:
            book.close()


def _damaged(source: Path, error: Exception) -> DatasetError:
    text = "there is not enough memory" if isinstance(error, MemoryError) else " ".join(str(error).split())
    return DatasetError(f"{source.name} is not a valid .xlsx ({text[:200].rstrip('.') or type(error).__name__}).")


def _check_archive(source: Path, stream: BinaryIO) -> None:
    with zipfile.ZipFile(stream) as archive:
        names = archive.namelist()
        if "xl/workbook.xml" not in names:
            kind = "an OpenDocument table" if "content.xml" in names else "an archive, not a table"
            raise DatasetError(f"{source.name} is {kind}. Expected {SOURCES.expected()}; save a table as .xlsx or CSV.")
        for member in archive.infolist():
            if member.filename.endswith((".xml", ".rels")):
                check_member(archive, member, _XLSX_BYTES)
    stream.seek(0)


def _chosen_sheet(source: Path, book: Any, sheet_name: str) -> Cells:
    sheets = [sheet for sheet in book.worksheets if hasattr(sheet, "reset_dimensions")]
    titles = [str(sheet.title) for sheet in sheets]
    if sheet_name and sheet_name not in titles:
        raise DatasetError(f"{source.name} has no sheet “{sheet_name}”; found {', '.join(titles)}.")
    full: list[Cells] = []
    for sheet in sheets:
        if sheet_name and sheet.title != sheet_name:
            continue
        sheet.reset_dimensions()  # the declared size may be wrong
        cells = Cells(source.name, "table", [], iter(()))
        _take_header(cells, _sheet_rows(source, sheet))
        if cells.header:
            cells.reading["sheet"] = str(sheet.title)
            full.append(cells)
    if not full:
        return Cells(source.name, "table", [], iter(()))
    if len(full) > 1:
        others = ", ".join(f"“{cells.reading['sheet']}”" for cells in full[1:4])
        full[0].notes.append(
            f"{source.name} has several sheets; “{full[0].reading['sheet']}” was read, not {others} (--sheet)."
        )
    else:
        del full[0].reading["sheet"]
    return full[0]


def _sheet_rows(source: Path, sheet: Any) -> Rows:
    n_cells = 0
    try:
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            n_cells += len(row) + 1
            if n_cells > _XLSX_CELLS:
                raise DatasetError(f"{source.name} has more than {_XLSX_CELLS:,} cells; save it as CSV.")
            cells = [_cell(value) for value in row]
            while cells and not cells[-1]:
                cells.pop()
            if any(len(cell) > LONGEST_LINE for cell in cells):
                raise DatasetError(f"{source.name} has a cell of more than {LONGEST_LINE:,} characters.")
            yield number, cells
    except DatasetError:
        raise
    except Exception as error:  # as above
        raise _damaged(source, error) from error


def _cell(value: Any) -> str:
    """Return a cell as it would be in a CSV; integers without a point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    return str(value).strip()
