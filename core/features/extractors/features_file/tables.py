"""Tables of features, one row for each image, and lists of the paths of rows."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coreset_studio.core.data.sources.csv.cells import Cells, is_xlsx, open_cells
from coreset_studio.core.errors import FeatureError
from coreset_studio.core.results import FloatArray
from coreset_studio.core.spreadsheet import plain_text

LIST_SUFFIXES = (".csv", ".tsv", ".txt")

_PATH_NAMES = (
    "path", "paths", "file", "files", "filename", "file_name", "filenames", "file_path", "filepath", "image", "images",
    "image_path", "image_name", "image_id", "img", "name", "key", "id", "ids", "sha256", "hash", "digest",
)  # fmt: skip
# Columns of numbers that are about the image, and would give its class away or tell nothing.
_NO_FEATURES = frozenset({
    "label", "labels", "class", "classes", "class_name", "class_id", "target", "split", "set", "fold", "group",
    "patient", "patient_id", "lesion_id", "slide", "slide_id", "index", "idx", "row", "unnamed:_0", "",
})  # fmt: skip
_BLOCK_COLUMN = re.compile(r"([A-Za-z0-9_-]{1,60})\[(\d{1,7})\]")
_HEAD_ROWS = 20
_EXPECTED = "expected a column with the path of each image, and a column of numbers for each feature"


@dataclass
class FeaturesTable:
    """A table of features that is open.

    Attributes
    ----------
    name : str
        Of the file.
    blocks : mapping of str to int
        Columns of each feature block.
    notes : list of str
        What was assumed.
    key_column : int
    columns : list of int
        Of the features.
    header : list of str
    rows : iterator of (int, list of str)
        Line and cells.
    decimal_comma : bool
    """

    name: str
    blocks: Mapping[str, int]
    notes: list[str]
    key_column: int
    columns: list[int]
    header: list[str]
    rows: Iterator[tuple[int, list[str]]]
    decimal_comma: bool


@contextmanager
def open_table(file: Path) -> Iterator[FeaturesTable]:
    """Open a table of features, and find which of its columns is the path and which are features.

    Raises
    ------
    FeatureError
        If it has no such columns.
    DatasetError
        If it is no table.
    """
    if is_xlsx(file):
        raise FeatureError(f"{file.name} is an Excel workbook; save the features as “CSV UTF-8” or as .npy.")
    with open_cells(file) as cells:
        if not cells.header:
            raise FeatureError(f"{file.name} is empty; {_EXPECTED}.")
        _first_row_back(cells)
        head = list(itertools.islice(_filled(cells), _HEAD_ROWS))
        if not head:
            raise FeatureError(f"{file.name} has a header and no rows; {_EXPECTED}.")
        comma = _has_decimal_commas(head)
        numeric = [_is_numeric(head, at, decimal_comma=comma) for at in range(len(cells.header))]
        key = _key_column(cells, head, numeric)
        names = [_plain(name) for name in cells.header]
        columns = [at for at, yes in enumerate(numeric) if yes and at != key and names[at] not in _NO_FEATURES]
        if not columns:
            raise FeatureError(f"{file.name} has no columns of numbers; found {_shown(cells.header)}; {_EXPECTED}.")
        notes = list(cells.notes)
        others = [at for at in range(len(numeric)) if at != key and at not in columns]
        unused = [cells.header[at] or f"column {at + 1}" for at in others]
        if unused:
            notes.append(f"{file.name}: {_shown(unused)} {'was' if len(unused) == 1 else 'were'} not used as features.")
        if comma:
            notes.append(f"{file.name}: numbers such as {_example(head, columns)} were read with a decimal comma.")
        rows = itertools.chain(head, _filled(cells))
        blocks = _blocks([cells.header[at] for at in columns])
        yield FeaturesTable(file.name, blocks, notes, key, columns, cells.header, rows, comma)


def feature_parts(table: FeaturesTable, step: int) -> Iterator[tuple[list[int], list[str], FloatArray]]:
    """Yield lines, keys and float32 rows of a table, `step` at a time.

    An empty cell is a number that is missing: not finite.

    Raises
    ------
    FeatureError
        If a row has another number of cells than the header, or text where a number is expected.
    """
    while part := list(itertools.islice(table.rows, step)):
        rows = np.empty((len(part), len(table.columns)), dtype=np.float32)
        with np.errstate(over="ignore"):  # too large for float32: not finite
            for place, (line, cells) in enumerate(part):
                rows[place] = _numbers(table, line, cells)
        yield [line for line, _ in part], [plain_text(cells[table.key_column]) for _, cells in part], rows


def read_paths(file: Path, n_rows: int) -> tuple[list[str], list[str]]:
    """Return the paths in a list, and notes on what was assumed.

    Parameters
    ----------
    file : Path
        A table with a column of paths, or a text file with a path in each line.
    n_rows : int
        Of the features, to distinguish a header from a path.

    Raises
    ------
    FeatureError
        If it has no column of paths.
    DatasetError
        If it is no table.
    """
    with open_cells(file) as cells:
        if not cells.header:
            raise FeatureError(f"{file.name} is empty; expected the path of each row of the features file.")
        rows = list(_filled(cells))
        names = [_plain(name) for name in cells.header]
        named = next((names.index(name) for name in _PATH_NAMES if name in names), None)
        generated = cells.header[0] == "column 1"
        if named is None and not generated and len(rows) == n_rows - 1:
            # As many lines as rows: the first is no header.
            rows.insert(0, (1, cells.header))
        elif named is None and len(cells.header) > 1:
            texts = [at for at in range(len(names)) if not _is_numeric(rows[:_HEAD_ROWS], at, decimal_comma=False)]
            if len(texts) != 1:
                raise FeatureError(
                    f"Which column of {file.name} is the path is not clear: found {_shown(cells.header)}. Name it path."
                )
            named = texts[0]
        at = named or 0
        lacking = next((line for line, row in rows if len(row) <= at or not row[at]), None)
        if lacking is not None:
            raise FeatureError(f"Line {lacking} of {file.name} has no path; expected one for each row of the features.")
        # That its first line names a file is the usual case of a plain list.
        notes = [] if generated else list(cells.notes)
        return [plain_text(row[at]) for _, row in rows], notes


def _numbers(table: FeaturesTable, line: int, cells: Sequence[str]) -> Sequence[float]:
    if len(cells) != len(table.header):
        raise FeatureError(
            f"Line {line} of {table.name} has {len(cells):,} cells, but the header has {len(table.header):,}. Expected "
            "a path and the same number of features in every row."
        )
    if not cells[table.key_column]:
        raise FeatureError(f"Line {line} of {table.name} has no path; expected the path of an image.")
    found = [cells[at] for at in table.columns]
    if table.decimal_comma:
        found = [cell.replace(",", ".") for cell in found]
    try:
        if "_" in "".join(found):  # Python's float takes 1_000
            raise ValueError
        return [float(cell) if cell else np.nan for cell in found]
    except ValueError:
        comma = table.decimal_comma
        at = next(at for at in table.columns if cells[at] and _number(cells[at], decimal_comma=comma) is None)
        column = table.header[at] or f"column {at + 1}"
        raise FeatureError(
            f"Line {line} of {table.name} has {cells[at][:40]!r} in the column {column}; expected a number."
        ) from None


def _first_row_back(cells: Cells) -> None:
    """Make a first line of numbers a row again, where the table has no header; names 0, 1, 2, … are a header."""
    numbers = [value for cell in cells.header if (value := _number(cell, decimal_comma=False)) is not None]
    counted = numbers == list(range(len(numbers))) or numbers == list(range(1, len(numbers) + 1))
    if not counted and 2 * len(numbers) > len(cells.header):
        first = cells.header
        cells.header = [f"column {at + 1}" for at in range(len(first))]
        cells.rows = itertools.chain([(1, first)], cells.rows)
        cells.notes.append(f"{cells.name} has no header: its first line was read as a row.")


def _key_column(cells: Cells, head: Sequence[tuple[int, list[str]]], numeric: Sequence[bool]) -> int:
    names = [_plain(name) for name in cells.header]
    named = next((names.index(name) for name in _PATH_NAMES if name in names), None)
    if named is not None:
        return named
    texts = [at for at, yes in enumerate(numeric) if not yes and names[at] not in _NO_FEATURES]
    texts = [at for at in texts if len({row[at] for _, row in head if at < len(row)}) > len(head) // 2] or texts
    if len(texts) == 1:
        return texts[0]
    several = f"several columns could be it: {_shown([cells.header[at] for at in texts])}"
    found = several if texts else "no column is text"
    raise FeatureError(f"Which column of {cells.name} is the path of the image is not clear: {found}. Name it path.")


def _blocks(names: Sequence[str]) -> Mapping[str, int]:
    """Return the blocks of columns named ``colour[0]``, ``colour[1]``, …; one block for other names."""
    found = [_BLOCK_COLUMN.fullmatch(name) for name in names]
    if not all(found):
        return {"features": len(names)}
    blocks: dict[str, int] = {}
    for each in found:
        name, number = (each[1], int(each[2])) if each else ("", 0)
        if number != blocks.get(name, 0) or (number and name != next(reversed(blocks))):
            return {"features": len(names)}
        blocks[name] = number + 1
    return blocks


def _filled(cells: Cells) -> Iterator[tuple[int, list[str]]]:
    return ((line, row) for line, row in cells.rows if any(row))


def _is_numeric(head: Sequence[tuple[int, list[str]]], at: int, *, decimal_comma: bool) -> bool:
    """Return whether most of the first cells of a column that are not empty are numbers."""
    found = [row[at] for _, row in head if at < len(row) and row[at]]
    numbers = [cell for cell in found if _number(cell, decimal_comma=decimal_comma) is not None]
    return 2 * len(numbers) > len(found) or not found


def _has_decimal_commas(head: Sequence[tuple[int, list[str]]]) -> bool:
    cells = [cell for _, row in head for cell in row if "," in cell]
    return any(_number(cell, decimal_comma=True) is not None for cell in cells)


def _number(cell: str, *, decimal_comma: bool) -> float | None:
    try:
        return None if "_" in cell else float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        return None


def _example(head: Sequence[tuple[int, list[str]]], columns: Sequence[int]) -> str:
    cells = (row[at] for _, row in head for at in columns if at < len(row))
    return next((cell for cell in cells if "," in cell), "0,5")


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().casefold())


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(f"“{name[:40]}”" for name in names[:5])
    return f"{shown} and {len(names) - 5:,} more" if len(names) > 5 else shown or "nothing"
