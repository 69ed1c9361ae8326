"""The reading of a table under given settings, and its first rows, for the assignment of columns."""

import itertools
from pathlib import Path

from coreset_studio.core.data.sources.csv.cells import open_cells
from coreset_studio.core.data.sources.csv.guess import Columns
from coreset_studio.core.data.sources.csv.reader import READER
from coreset_studio.core.data.sources.csv.settings import TableSettings
from coreset_studio.core.data.sources.csv.table import columns_of
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Role, TableFacts, counts_of

_ROWS = 10
_LONGEST = 200


def table_facts(source: Path, settings: TableSettings, progress: Progress = NO_PROGRESS) -> TableFacts:
    """Return the first rows of a table, what its columns are read as, and the images that this gives.

    Parameters
    ----------
    source : Path
    settings : TableSettings
    progress : Progress

    Returns
    -------
    TableFacts
        A table that cannot be read has the reason in `problem`.

    Raises
    ------
    CancelledError
        If the user cancelled.
    """
    try:
        with open_cells(source, settings.sheet) as cells:
            header = tuple(cells.header)
            found = itertools.islice((row for _, row in cells.rows if any(row)), _ROWS)
            rows = tuple(tuple(cell[:_LONGEST] for cell in [*row, *[""] * len(header)][: len(header)]) for row in found)
    except DatasetError as error:
        return TableFacts(problem=str(error))
    try:
        columns = columns_of(source, settings)
        listing = READER.listing(source, settings, progress)
    except DatasetError as error:
        return TableFacts(header, rows, problem=str(error))
    entries = listing.entries
    return TableFacts(
        header=header,
        rows=rows,
        roles=_roles(columns, len(header)),
        n_images=len(entries),
        classes=counts_of(entry.class_name for entry in entries),
        splits=counts_of(entry.split or "" for entry in entries),
        n_groups=len({entry.group for entry in entries} - {""}),
        n_skipped=len(listing.skipped),
        skipped=f"{listing.skipped[0].path}: {listing.skipped[0].reason}" if listing.skipped else "",
        notes=tuple(listing.warnings),
    )


def _roles(columns: Columns, n: int) -> tuple[Role, ...]:
    roles: list[Role] = ["ignore"] * n
    for at in columns.classes:
        roles[at] = "class"
    roles[columns.path] = "image"
    if columns.split is not None:
        roles[columns.split] = "split"
    if columns.group is not None:
        roles[columns.group] = "group"
    return tuple(roles)
