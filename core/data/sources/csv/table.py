"""List the images of a table whose columns are detected or named: read rows, find files, determine classes."""

# Paths of millions of rows are texts here: making objects of them takes longer than all the rest.
# ruff: noqa: PTH118

import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from coreset_studio.core.data.folder_names import split_word
from coreset_studio.core.data.listing import Entry, Listing, warn_of_spellings
from coreset_studio.core.data.sources.csv.cells import Cells, open_cells
from coreset_studio.core.data.sources.csv.finding import FileFinder
from coreset_studio.core.data.sources.csv.guess import Columns, Table, choose_columns
from coreset_studio.core.data.sources.csv.labels import MISSING, Labels
from coreset_studio.core.data.sources.csv.rows import (
    ROWS_PER_REPORT,
    Row,
    common_root,
    named_files,
    relative,
    reported,
    usable_rows,
)
from coreset_studio.core.data.sources.csv.settings import NONE, TableSettings
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Skipped, SplitName
from coreset_studio.core.typed_paths import unquoted

_SAMPLE = 1000
_USUAL = ("path", "class", "split", "group")
_SHOWN = 6


def list_any_table(source: Path, settings: TableSettings, progress: Progress = NO_PROGRESS) -> Listing:
    """List the images of a CSV or .xlsx.

    The root is the deepest folder that contains the table and all files that it names.

    Parameters
    ----------
    source : Path
    settings : TableSettings
        Other columns are detected, and one warning states the assumption.
    progress : Progress

    Raises
    ------
    DatasetError
        If it cannot be read, or has no columns of images and classes.
    CancelledError
        If the user cancelled.
    """
    source = source.absolute()
    folder = str(source.parent)
    images = _image_folder(folder, settings)
    if settings.image_folder and not os.path.isdir(images):  # noqa: PTH112
        raise DatasetError(f"The folder of the images, {settings.image_folder}, does not exist next to {source.name}.")
    finder = FileFinder((images, folder), progress)
    with open_cells(source, settings.sheet) as cells:
        read = _Rows(cells, settings, finder)
        read.everything(progress)
    rows = read.found(progress)
    named = named_files(rows, progress, cells.word)
    root = common_root(folder, named.folders, progress)
    listing = Listing(Path(root), skipped=read.skipped, columns=read.kept_columns, read_as=read.reading)
    for row in usable_rows(named, listing.skipped, root, progress, cells.word):
        entry = Entry(relative(row.file, root), row.class_name, row.split, row.group, row.more)
        listing.entries.append(entry)
    listing.warnings.extend(read.notes())
    warn_of_spellings(listing)
    return listing


def _image_folder(folder: str, settings: TableSettings) -> str:
    return os.path.normpath(os.path.join(folder, unquoted(settings.image_folder)))


def columns_of(source: Path, settings: TableSettings) -> Columns:
    """Return which columns of a table are read under certain settings.

    Raises
    ------
    DatasetError
        If it cannot be read, or has no columns of images and classes.
    """
    folder = str(source.absolute().parent)
    finder = FileFinder((_image_folder(folder, settings), folder))
    with open_cells(source, settings.sheet) as cells:
        if settings.names_nothing:
            known = {name.casefold() for name in cells.header}
            settings = TableSettings(
                path_column="path", class_columns=("class",), sheet=settings.sheet,
                split_column="split" if "split" in known else NONE, group_column="group" if "group" in known else NONE,
            )  # fmt: skip
        return _chosen(cells, settings, finder)[1]


def _chosen(cells: Cells, settings: TableSettings, finder: FileFinder) -> tuple[list[tuple[int, list[str]]], Columns]:
    """Return the first rows, which are read by it, and the columns that are selected by them."""
    if not cells.header:
        raise DatasetError(f"{cells.name} has no columns of image files and classes; found nothing.")
    sample = list(itertools.islice(cells.rows, _SAMPLE))
    n_columns = len(cells.header)
    fitting = [row + [""] * (n_columns - len(row)) for _, row in sample if any(row) and len(row) <= n_columns]

    def exists(text: str) -> bool:
        return not finder.as_written(text)[1]

    def is_found(text: str) -> bool:
        return not finder.find(text)[1]

    return sample, choose_columns(Table(cells.name, cells.header, fitting), settings, exists, is_found)


@dataclass
class _Rows:
    """The rows of one table as they are read."""

    cells: Cells
    settings: TableSettings
    finder: FileFinder
    skipped: list[Skipped] = field(default_factory=list)
    reading: dict[str, str] = field(default_factory=dict)
    kept_columns: tuple[str, ...] = ()

    def everything(self, progress: Progress) -> None:
        """Choose the columns by the first rows, and read all.

        Raises
        ------
        DatasetError
            If no columns of images and classes are found.
        """
        cells = self.cells
        sample, self._columns = _chosen(cells, self.settings, self.finder)
        self._labels = Labels([cells.header[at] for at in self._columns.classes], self.settings)
        self.kept_columns = tuple(cells.header[at] for at in self._columns.others)
        self._rows: list[Row] = []
        self._n_unfit, self._unfit = 0, ""
        for place, (number, row) in enumerate(itertools.chain(sample, cells.rows)):
            if place % ROWS_PER_REPORT == 0:
                progress.report(place, 0, f"Reading the {cells.word}: rows")
            if any(row):
                self._take(number, row)
        self._say_reading(self._columns)

    def _take(self, number: int, row: list[str]) -> None:
        columns, word, n_columns = self._columns, self.cells.word, len(self.cells.header)
        text = row[columns.path] if columns.path < len(row) else ""
        if len(row) > n_columns and any(row[n_columns:]):
            self._n_unfit += 1
            self._unfit = self._unfit or f"row {number} with {len(row)}"
            reason = (
                f"Row {number} of the {word} has {len(row)} cells, but the header has {n_columns}; a cell with a comma "
            )
            self.skipped.append(Skipped(text or f"row {number}", f"{reason}must be quoted."))
            return
        if len(row) < n_columns:
            row += [""] * (n_columns - len(row))
        if not text:
            self.skipped.append(Skipped(f"row {number}", f"Row {number} of the {word} has no path."))
            return
        class_name, fault = self._labels.read([row[at] for at in columns.classes])
        split: SplitName | None = None
        split_text = row[columns.split] if columns.split is not None else ""
        if not fault and split_text and split_text.casefold() not in MISSING:
            found = split_word(split_text)
            if found is None:
                fault = f"has the split “{split_text[:40]}”; expected train, validation or test"
            else:
                split = found[0]
        if fault:
            self.skipped.append(Skipped(text, f"Row {number} of the {word} {fault}."))
            return
        group = row[columns.group] if columns.group is not None else ""
        group = "" if group.casefold() in MISSING else group
        more = tuple(row[at] for at in columns.others)
        self._rows.append(Row(number, text, class_name, split, group, more))

    def found(self, progress: Progress) -> list[Row]:
        """Return the rows whose files are there, each with the absolute path in place of the text."""
        self.finder.found.counts.clear()
        self.finder.found.examples.clear()
        self.finder.expect(row.file for row in self._rows)
        found = []
        for row in reported(self._rows, progress, f"Looking for the files of the {self.cells.word}: files"):
            file, fault = self.finder.find(row.file)
            if fault:
                reason = f"Row {row.number} of the {self.cells.word} names it, but {fault}."
                self.skipped.append(Skipped(row.file, reason))
            else:
                found.append(Row(row.number, file, row.class_name, row.split, row.group, row.more))
        return found

    def _say_reading(self, columns: Columns) -> None:
        header = self.cells.header
        self.reading = {
            "path_column": header[columns.path],
            "class_columns": ", ".join(header[at] for at in columns.classes),
            **({"split_column": header[columns.split]} if columns.split is not None else {}),
            **({"group_column": header[columns.group]} if columns.group is not None else {}),
            **self.cells.reading,
        }

    def notes(self) -> list[str]:
        """Return what was assumed, what of the table is not plain, and what is not used."""
        name, header, columns = self.cells.name, self.cells.header, self._columns
        notes = [*self.cells.notes]
        given_by_user = self.settings.path_column and self.settings.class_columns
        used = [header[at].strip().casefold() for at in (columns.path, *columns.classes, columns.split, columns.group)
                if at is not None]  # fmt: skip
        if not (given_by_user or set(used) <= set(_USUAL)):
            notes.append(self._assumed())
        if self._n_unfit:
            notes.append(
                f"{self._n_unfit:,} rows of {name} do not match its header of {len(header)} columns, such as "
                f"{self._unfit}, and are skipped; a cell with a comma must be quoted."
            )
        notes += self._labels.notes(name)
        notes += self.finder.found.notes(name)
        twice = sorted(one for one, count in Counter(filter(None, header)).items() if count > 1)
        if twice:
            notes.append(f"{name} has more than one column named {', '.join(twice)}; the first of them is kept.")
        if self.kept_columns:
            shown = ", ".join(self.kept_columns[:_SHOWN])
            more = f" and {len(self.kept_columns) - _SHOWN} more" if len(self.kept_columns) > _SHOWN else ""
            notes.append(f"{name} has columns that are kept with the images but not used: {shown}{more}.")
        return notes

    def _assumed(self) -> str:
        header, columns = self.cells.header, self._columns
        classes = [header[at] for at in columns.classes]
        shown = ", ".join(classes[:_SHOWN]) + (f" and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else "")
        parts = [f"“{header[columns.path]}” as the images"]
        parts.append(f"“{shown}” as the class" if len(classes) == 1 else f"{len(classes)} columns as classes ({shown})")
        if columns.split is not None:
            parts.append(f"“{header[columns.split]}” as the split")
        if columns.group is not None:
            parts.append(f"“{header[columns.group]}” as groups that are never divided")
        return (
            f"{self.cells.name} was read with {', '.join(parts[:-1])} and {parts[-1]}. To use other columns, set "
            "--path-column, --class-column, --split-column or --group-column."
        )
