"""Groups and further columns of the images: from a table next to the file, or from an array in it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coreset_studio.core.data.listing import class_text
from coreset_studio.core.data.sources.hdf5.container import Container
from coreset_studio.core.data.sources.hdf5.labels import is_label_shape, text_column
from coreset_studio.core.data.sources.hdf5.names import is_group_name
from coreset_studio.core.data.sources.hdf5.settings import NONE
from coreset_studio.core.files import reason_of
from coreset_studio.core.reading import read_regular

_MOST_COLUMNS = 200
_MOST_BYTES = 500_000_000


@dataclass
class Columns:
    """Metadata of the images of one array, in addition to their classes.

    Attributes
    ----------
    groups : sequence of str
        One for each image, or empty.
    group_column : str
        What the groups are from; empty if there are none.
    others : dict of str to sequence of str
        The other columns of the table by their names.
    notes : list of str
    """

    groups: Sequence[str] = ()
    group_column: str = ""
    others: dict[str, Sequence[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def columns_of(container: Container, n_rows: int, tables: Sequence[Path], wanted: str) -> Columns:
    """Return the groups and further columns of the images of a file.

    Parameters
    ----------
    container : Container
        Of the images.
    n_rows : int
    tables : sequence of Path
        CSV files next to it, with one row for each image.
    wanted : str
        Setting `group_column`.
    """
    columns = Columns()
    for table in tables:
        found = _read(table, n_rows, columns.notes)
        for name, cells in found.items():
            columns.others.setdefault(name, cells)
    name = _group_column(columns.others, wanted)
    if name:
        columns.groups, columns.group_column = columns.others.pop(name), name
    elif wanted != NONE:
        name = _group_array(container, n_rows, wanted)
        if name:
            columns.groups, columns.group_column = text_column(container, name, n_rows) or (), name
    return columns


def _read(table: Path, n_rows: int, notes: list[str]) -> dict[str, Sequence[str]]:
    """Return the columns of a table with a row for each image, without its numbering."""
    try:
        header, rows = _cells(table, n_rows)
    except OSError as error:
        notes.append(f"{table.name} cannot be read ({reason_of(error)}), so it was not used.")
        return {}
    except (UnicodeDecodeError, csv.Error) as error:
        notes.append(f"{table.name} is not a valid CSV in UTF-8 ({error}), so it was not used.")
        return {}
    while rows and not any(rows[-1]):
        rows.pop()
    if len(rows) != n_rows:
        found = f"more than {n_rows:,}" if len(rows) > n_rows else f"{len(rows):,}"
        notes.append(f"{table.name} has {found} rows for {n_rows:,} images, so it was not used.")
        return {}
    found_columns: dict[str, Sequence[str]] = {}
    for at, name in enumerate(header):
        cells_at = [row[at] if at < len(row) else "" for row in rows]
        if name and not name.casefold().startswith("unnamed") and not _is_numbering(at, cells_at):
            found_columns.setdefault(name, cells_at)
    return found_columns


def _cells(table: Path, n_rows: int) -> tuple[list[str], list[list[str]]]:
    """Return the header of a CSV and its rows, at most one more than there are images."""
    text = read_regular(table, _MOST_BYTES).decode("utf-8-sig")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [class_text(name) for name in next(rows, [])[:_MOST_COLUMNS]]
    return header, [[cell.strip() for cell in row] for row, _ in zip(rows, range(n_rows + 1), strict=False)]


def _is_numbering(at: int, cells: Sequence[str]) -> bool:
    """Return whether the first column only numbers the rows."""
    return at == 0 and all(cell == str(row) for row, cell in enumerate(cells))


def _group_column(columns: dict[str, Sequence[str]], wanted: str) -> str:
    if wanted == NONE:
        return ""
    if wanted:
        return next((name for name in columns if name.casefold() == wanted.casefold()), "")
    return next((name for name in columns if is_group_name(name)), "")


def _group_array(container: Container, n_rows: int, wanted: str) -> str:
    for key, facts in container.arrays.items():
        fits = not facts.fault and is_label_shape(facts.shape, n_rows)
        if fits and (key == wanted.strip("/") if wanted else is_group_name(key)):
            return key
    return ""
