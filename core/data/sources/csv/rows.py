"""List the images that a CSV names: columns `path` and `class`, and on request `split` and `group`."""

import csv
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.data.listing import SPLIT_NAMES, Entry, Listing, class_text
from core.data.sources import SOURCES
from core.errors import DatasetError
from core.files import reason_of
from core.results import Skipped, SplitName

_COLUMNS = ("path", "class", "split", "group")
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class _Row:
    """One usable row; `file` is the absolute path as written, tidied but with links left alone."""

    number: int
    file: str
    class_name: str
    split: SplitName | None
    group: str


def list_table(source: Path) -> Listing:
    """List the images of a CSV.

    Paths are relative to the CSV's folder or absolute. The root is the deepest folder that holds the CSV and all
    files it names, so that no path of the dataset leads upwards.

    Parameters
    ----------
    source : Path
        UTF-8 (a byte order mark is fine) or UTF-16 with its mark; separated by commas, semicolons or tabs.

    Raises
    ------
    DatasetError
        If it cannot be read, or has no columns `path` and `class`.
    """
    text = _read_text(source)
    rows, skipped, warnings = _read_rows(source.absolute(), text)
    root = _common_root(source.absolute().parent, rows)
    listing = Listing(Path(root), skipped=skipped, warnings=warnings)
    for row in _distinct(rows, listing.skipped, root):
        path = _relative(row.file, root)
        fault = _fault(Path(row.file))
        if fault:
            listing.skipped.append(Skipped(path, f"Row {row.number} of the CSV names it, but {fault}."))
        else:
            listing.entries.append(Entry(path, row.class_name, row.split, row.group))
    return listing


def _read_text(source: Path) -> str:
    try:
        data = source.read_bytes()
    except OSError as error:
        raise DatasetError(f"{source} cannot be read ({reason_of(error)}).") from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{source.name} is no text in UTF-8. Expected {SOURCES.alternatives()}; save a CSV as “CSV UTF-8”."
        ) from error
    if "\0" in text:
        raise DatasetError(f"{source.name} is no CSV. Expected {SOURCES.expected()}.")
    return text


def _read_rows(source: Path, text: str) -> tuple[list[_Row], list[Skipped], list[str]]:
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    rows: list[_Row] = []
    skipped: list[Skipped] = []
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        names = {name.strip().lower(): name for name in reader.fieldnames or () if name}
        missing = [name for name in ("path", "class") if name not in names]
        if missing:
            found = ", ".join(names) or "nothing"
            raise DatasetError(
                f"{source.name} has no column {' and no column '.join(missing)} in its first row; found {found}. "
                "A CSV has the columns path and class, and may have split and group."
            )
        for cells in reader:
            values = {name: (cells.get(names[name]) or "").strip() for name in _COLUMNS if name in names}
            if any(values.values()):
                _take_row(reader.line_num, values, source.parent, rows, skipped)
    except csv.Error as error:
        raise DatasetError(f"{source.name} is not a valid CSV ({error}).") from error
    unknown = [original for name, original in names.items() if name not in _COLUMNS]
    warnings = [f"{source.name} has columns that are not used: {', '.join(unknown)}."] if unknown else []
    return rows, skipped, warnings


def _take_row(number: int, values: dict[str, str], folder: Path, rows: list[_Row], skipped: list[Skipped]) -> None:
    path, class_name = values["path"], class_text(values["class"])
    split_text = values.get("split", "").lower()
    if not path:
        skipped.append(Skipped(f"row {number}", f"Row {number} of the CSV has no path."))
    elif not class_name:
        skipped.append(Skipped(path, f"Row {number} of the CSV has no class."))
    elif split_text and split_text not in SPLIT_NAMES:
        reason = f"Row {number} of the CSV has the split “{values['split']}”; expected train, validation or test."
        skipped.append(Skipped(path, reason))
    else:
        split = SPLIT_NAMES.get(split_text)
        rows.append(_Row(number, _absolute(folder, path), class_name, split, values.get("group", "")))


def _absolute(folder: Path, path: str) -> str:
    """Return an absolute path; a CSV written on Windows may have backslashes."""
    written = Path(os.path.normpath(folder / path))
    if "\\" in path and _fault(written):
        written = Path(os.path.normpath(folder / path.replace("\\", "/")))
    return str(written)


def _fault(file: Path) -> str:
    """Return why `file` cannot be opened, or nothing."""
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return "there is no such file"
    except (OSError, ValueError) as error:
        return f"it cannot be reached ({reason_of(error) if isinstance(error, OSError) else error})"
    return "" if stat.S_ISREG(mode) else "it is no file"


def _common_root(folder: Path, rows: list[_Row]) -> str:
    try:
        return os.path.commonpath([str(folder), *(str(Path(row.file).parent) for row in rows)])
    except ValueError:
        return str(folder)  # files on several drives


def _relative(file: str, root: str) -> str:
    try:
        return Path(os.path.relpath(file, root)).as_posix()
    except ValueError:
        return Path(file).as_posix()


def _distinct(rows: list[_Row], skipped: list[Skipped], root: str) -> Iterator[_Row]:
    """Yield each file once; one that is named under two classes is not used at all."""
    by_file: dict[str, list[_Row]] = {}
    for row in rows:
        by_file.setdefault(row.file, []).append(row)
    for file, same in by_file.items():
        if len({row.class_name for row in same}) > 1:
            places = " and ".join(f"“{row.class_name}” in row {row.number}" for row in same[:3])
            skipped.append(Skipped(_relative(file, root), f"The CSV names it under more than one class: {places}."))
        elif len({(row.split, row.group) for row in same}) > 1:
            numbers = " and ".join(str(row.number) for row in same[:3])
            reason = f"Rows {numbers} of the CSV name it with different splits or groups."
            skipped.append(Skipped(_relative(file, root), reason))
        else:
            yield same[0]
