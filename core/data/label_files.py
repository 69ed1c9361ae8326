"""Read corrected classes from a file: a table, a project, or the `coreset.json` of an export."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coreset_studio.core.data.dataset import list_images
from coreset_studio.core.data.listing import Entry, Listing, class_text
from coreset_studio.core.data.sources.csv.cells import Cells, open_cells
from coreset_studio.core.errors import DatasetError, ProjectError, SettingsError
from coreset_studio.core.files import reason_of
from coreset_studio.core.forms import LIST_BYTES, read_json
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.project import SUFFIX, read_project
from coreset_studio.core.settings import DataSettings, Relabelling, settings_from_dict
from coreset_studio.core.settings.relabelling import utc_text
from coreset_studio.core.spellings import by_composed, composed
from coreset_studio.core.spreadsheet import plain_text

# The names that each column may have, the first of which is read where a table has several.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": ("path",),
    "new": ("new", "label", "class"),
    "old": ("old", "original_class"),
    "when": ("when",),
}
_EXPECTED = "expected the columns path and label (or new), and optionally old and when"


@dataclass(frozen=True)
class LabelRow:
    """A row of a table of corrected classes.

    Attributes
    ----------
    number : int
        In the table, from 1.
    path : str
        As written.
    new : str
    old, when : str
        Empty if the table does not specify them.
    """

    number: int
    path: str
    new: str
    old: str = ""
    when: str = ""


@dataclass(frozen=True)
class LabelFile:
    """Contents of a file of corrected classes.

    Attributes
    ----------
    rows : tuple of LabelRow
        Of a table; one for each path.
    records : tuple of Relabelling
        Of a project or a `coreset.json`.
    notes : tuple of str
        What was assumed and what was skipped.
    """

    rows: tuple[LabelRow, ...] = ()
    records: tuple[Relabelling, ...] = ()
    notes: tuple[str, ...] = ()


def labels_from_file(
    file: Path, source: Path, settings: DataSettings, progress: Progress = NO_PROGRESS
) -> tuple[tuple[Relabelling, ...], tuple[str, ...]]:
    """Return the corrected classes in a file for the images of a dataset, and notes on them.

    Parameters
    ----------
    file : Path
    source : Path
        The dataset.
    settings : DataSettings
        How the dataset is read.
    progress : Progress

    Raises
    ------
    SettingsError
        If the file cannot be read, is none of these, or names images that the dataset does not have.
    DatasetError
        If the dataset cannot be listed.
    """
    found = read_label_file(file)
    records, notes = found.records, list(found.notes)
    if found.rows:
        records = _records(file, found.rows, list_images(source, settings, progress))
    if not records:
        notes.append(f"{file.name} changes the class of no image.")
    return records, tuple(notes)


def read_label_file(file: Path) -> LabelFile:
    """Read a file of corrected classes without a look at a dataset.

    Raises
    ------
    SettingsError
        If it cannot be read, is no such file, or has two labels for an image.
    """
    suffix = file.suffix.lower()
    try:
        if suffix == SUFFIX:
            return LabelFile(records=read_project(file).settings.data.relabelled)
        if suffix == ".json":
            return LabelFile(records=_of_manifest(file))
        with open_cells(file) as cells:
            rows, notes = _rows(cells)
            return LabelFile(rows=rows, notes=notes)
    except ProjectError as error:
        raise SettingsError(str(error)) from error
    except DatasetError as error:  # what it expects is a dataset
        sentence = str(error).partition(" Expected ")[0]
        raise SettingsError(f"{sentence} For corrected classes: {_EXPECTED}, a project or a coreset.json.") from error


def _of_manifest(file: Path) -> tuple[Relabelling, ...]:
    try:
        values: Any = read_json(file, limit=LIST_BYTES)
    except OSError as error:
        raise SettingsError(f"{file} cannot be read ({reason_of(error)}).") from error
    except ValueError as error:
        raise SettingsError(f"{file.name} is not valid JSON ({error}).") from error
    inner = values.get("settings") if isinstance(values, dict) else None
    if not isinstance(inner, dict):
        raise SettingsError(f"{file.name} contains no settings; expected a project or the coreset.json of an export.")
    if values.get("private") is True and values.get("relabelled"):
        raise SettingsError(
            f"{file.name} is of a private export, which does not name the images. Use the project, or the "
            "coreset.json of an export that is not private."
        )
    try:
        return settings_from_dict(inner).data.relabelled
    except SettingsError as error:
        raise SettingsError(f"{file.name}: {error}") from error


# --- tables -------------------------------------------------------------------------------------------------------


def _rows(cells: Cells) -> tuple[tuple[LabelRow, ...], tuple[str, ...]]:
    places, notes = _places(cells)
    by_path: dict[str, LabelRow] = {}
    n_empty, without_zone = 0, ""
    for row in _read(cells, places):
        if not row.new:
            n_empty += 1
            continue
        known = by_path.setdefault(row.path, row)
        if known.new != row.new:
            raise _two_labels(cells.name, row.path, known, row)
        if row.when and _time(cells.name, row).tzinfo is None:
            without_zone = without_zone or row.when
    if not by_path and not n_empty:
        raise SettingsError(f"{cells.name} has no rows; {_EXPECTED}.")
    if n_empty:
        notes.append(f"{n_empty:,} row{'s' * (n_empty != 1)} of {cells.name} without a label {_were(n_empty)} skipped.")
    if without_zone:
        notes.append(f"Times in {cells.name} without a time zone, such as {without_zone}, were read as UTC.")
    return tuple(by_path.values()), (*cells.notes, *notes)


def _two_labels(name: str, path: str, first: LabelRow, second: LabelRow) -> SettingsError:
    return SettingsError(
        f"{name} has two labels for {path}: {first.new} (row {first.number}) and {second.new} (row {second.number}); "
        "keep one of them."
    )


def _were(n: int) -> str:
    return "was" if n == 1 else "were"


def _places(cells: Cells) -> tuple[dict[str, int], list[str]]:
    """Return the column of each value that the table has, and a note where two could be meant."""
    header = [name.strip().casefold() for name in cells.header]
    places, notes = {}, []
    for value, names in _COLUMNS.items():
        found = [name for name in names if name in header]
        if found:
            places[value] = header.index(found[0])
        if len(found) > 1:
            others = " and ".join(f"“{name}”" for name in found[1:])
            notes.append(f"{cells.name}: the column “{found[0]}” was used, not {others}; to change this, rename it.")
    missing = [words for value, words in (("path", "path"), ("new", "label")) if value not in places]
    if missing:
        columns = ", ".join(f"“{name}”" for name in cells.header[:8]) or "nothing"
        raise SettingsError(
            f"{cells.name} has no column {' and no column '.join(missing)}; {_EXPECTED}; found {columns}."
        )
    return places, notes


def _read(cells: Cells, places: Mapping[str, int]) -> Iterator[LabelRow]:
    n_columns = len(cells.header)
    for number, row in cells.rows:
        if not any(row):
            continue
        if any(row[n_columns:]):
            raise SettingsError(
                f"Row {number} of {cells.name} has {len(row)} cells, but the header has {n_columns}; put a cell that "
                "contains the separator in quotes."
            )
        values = {value: plain_text(row[at]) if at < len(row) else "" for value, at in places.items()}
        if not values["path"]:
            raise SettingsError(
                f"Row {number} of {cells.name} has no path; expected the path of an image in the dataset."
            )
        yield LabelRow(
            number, values["path"], class_text(values["new"]), class_text(values.get("old", "")), values.get("when", "")
        )


def _time(name: str, row: LabelRow) -> datetime:
    try:
        return datetime.fromisoformat(row.when)
    except ValueError:
        raise SettingsError(
            f"Row {row.number} of {name} has the time {row.when[:40]!r}; expected a time such as "
            "2026-11-27T09:30:00+00:00, or nothing."
        ) from None


def _when(name: str, row: LabelRow, now: str) -> str:
    if not row.when:
        return now
    time = _time(name, row)
    try:
        return utc_text(time.replace(tzinfo=UTC) if time.tzinfo is None else time)
    except OverflowError:
        raise SettingsError(
            f"Row {row.number} of {name} has the time {row.when[:40]!r}; expected one from the year 1 to 9999 in UTC."
        ) from None


# --- the dataset --------------------------------------------------------------------------------------------------


def _records(file: Path, rows: Sequence[LabelRow], listing: Listing) -> tuple[Relabelling, ...]:
    """Return the records of rows whose class is not that in the dataset.

    Raises
    ------
    SettingsError
        If the dataset does not have one of the images, or two rows name the same.
    """
    entries = {entry.path: entry for entry in listing.entries}
    spelled_entries = {spelling: entries[path] for spelling, path in by_composed(entries).items()}
    now = utc_text(datetime.now(UTC))
    named: dict[str, LabelRow] = {}
    records: list[Relabelling] = []
    unknown: list[LabelRow] = []
    for row in rows:
        entry = _entry(row.path, entries, listing.root) or _entry(composed(row.path), spelled_entries, listing.root)
        if entry is None:
            unknown.append(row)
            continue
        first = named.setdefault(entry.path, row)
        if first.new != row.new:
            raise _two_labels(file.name, entry.path, first, row)
        old = row.old or entry.class_name
        if row.new != old and first is row:
            records.append(Relabelling(entry.path, old, row.new, _when(file.name, row, now)))
    if unknown:
        example = f", such as {listing.entries[0].path}" if listing.entries else ""
        shown = ", ".join(f"{row.path} (row {row.number})" for row in unknown[:3])
        more = f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else ""
        raise SettingsError(
            f"{file.name} names {len(unknown):,} image{'s' * (len(unknown) != 1)} that the dataset does not contain: "
            f"{shown}{more}. Expected paths in the dataset{example}."
        )
    return tuple(records)


def _entry(path: str, entries: Mapping[str, Entry], root: Path) -> Entry | None:
    """Return the image that a path names: as it is in the dataset, with back slashes, or from the root of the disk."""
    forward = path.replace("\\", "/").removeprefix("./")
    for text in (path, forward, forward.removeprefix(f"{root.as_posix()}/")):
        if text in entries:
            return entries[text]
    return None
