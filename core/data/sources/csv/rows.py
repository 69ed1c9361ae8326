"""List the images that a CSV names: columns `path` and `class`, and on request `split` and `group`."""

# Paths of millions of rows are texts here: making objects of them takes longer than all the rest.
# ruff: noqa: PTH116, PTH118, PTH120, PTH121

import csv
import io
import itertools
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from coreset_studio.core.data.listing import SPLIT_NAMES, Entry, Listing, class_text
from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.files import reason_of
from coreset_studio.core.garbage import collection_paused
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import open_regular
from coreset_studio.core.results import Skipped, SplitName
from coreset_studio.core.windows import why_not_found

T = TypeVar("T")

_COLUMNS = ("path", "class", "split", "group")
_DELIMITERS = (",", ";", "\t")
ROWS_PER_REPORT = 2000
# Each of them may be a question to a slow disk.
_FILES_PER_REPORT = 100
_FEW_FILES = 20

LONGEST_LINE = 1_000_000
"""Of a CSV, in characters; a path has at most some thousands of them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One usable row; `file` is the absolute path as written, tidied but with links left alone."""

    number: int
    file: str
    class_name: str
    split: SplitName | None
    group: str
    more: tuple[str, ...] = ()


def list_table(source: Path, progress: Progress = NO_PROGRESS) -> Listing:
    """List the images of a CSV.

    Paths are relative to the CSV's folder or absolute. The root is the deepest folder that contains the CSV and all
    files it names, so that no path of the dataset leads upwards.

    Parameters
    ----------
    source : Path
        UTF-8 (a byte order mark is fine) or UTF-16 with its mark; separated by commas, semicolons or tabs.
    progress : Progress

    Raises
    ------
    DatasetError
        If it cannot be read, or has no columns `path` and `class`.
    CancelledError
        If the user cancelled.
    """
    with collection_paused():
        rows, skipped, warnings = _read_rows(source.absolute(), progress)
        named = named_files(rows, progress)
        root = common_root(str(source.absolute().parent), named.folders, progress)
        listing = Listing(Path(root), skipped=skipped, warnings=warnings)
        _look_for_files(usable_rows(named, listing.skipped, root, progress), named.folders, listing, progress)
    return listing


def _look_for_files(rows: list[Row], folders: Counter[str], listing: Listing, progress: Progress) -> None:
    """Make an entry of each row whose file is there; the others are excluded."""
    root, message = str(listing.root), "Looking for the files of the CSV: files"
    done = 0
    files = Files(folders, lambda: progress.report(done, len(rows), message))
    for done, row in enumerate(rows):
        if done % _FILES_PER_REPORT == 0:
            progress.report(done, len(rows), message)
        path = relative(row.file, root)
        fault = files.fault(row.file)
        if fault:
            listing.skipped.append(Skipped(path, f"Row {row.number} of the CSV names it, but {fault}."))
        else:
            listing.entries.append(Entry(path, row.class_name, row.split, row.group))


def _text(stream: BinaryIO) -> io.TextIOWrapper:
    """Return a CSV as text; `newline=""`, since the reader of CSV needs unchanged line ends."""
    encoding = "utf-16" if stream.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    stream.seek(0)
    return io.TextIOWrapper(stream, encoding, newline="")


def text_lines(source: Path, text: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines of a CSV with their ends.

    Raises
    ------
    DatasetError
        If it is not text, or a line is longer than any row is.
    """
    try:
        while line := text.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise DatasetError(
                    f"{source.name} has a line of more than {LONGEST_LINE:,} characters; it is not a CSV. "
                    f"Expected {SOURCES.expected()}."
                )
            if "\0" in line:
                raise DatasetError(f"{source.name} is not a CSV. Expected {SOURCES.expected()}.")
            yield line
    except UnicodeError as error:
        raise DatasetError(
            f"{source.name} is not UTF-8 text. Expected {SOURCES.alternatives()}; save a CSV as “CSV UTF-8”."
        ) from error


def _read_rows(source: Path, progress: Progress) -> tuple[list[Row], list[Skipped], list[str]]:
    rows: list[Row] = []
    skipped: list[Skipped] = []
    folder = str(source.parent)
    try:
        with open_regular(source) as stream, _text(stream) as text:
            lines = text_lines(source, text)
            header = next(lines, "")
            delimiter = max(_DELIMITERS, key=header.count)
            reader = csv.reader(itertools.chain([header], lines), delimiter=delimiter)
            columns, unknown = _columns(source, next(reader, []))
            for number, cells in enumerate(reader):
                if number % ROWS_PER_REPORT == 0:
                    progress.report(number, 0, "Reading the CSV: rows")
                values = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
                if any(values.values()):
                    _take_row(reader.line_num, values, folder, rows, skipped)
    except csv.Error as error:
        raise DatasetError(f"{source.name} is not a valid CSV ({error}).") from error
    except OSError as error:
        raise DatasetError(f"{source} cannot be read ({reason_of(error)}).") from error
    warnings = [f"{source.name} has columns that are not used: {', '.join(unknown)}."] if unknown else []
    return rows, skipped, warnings


def _columns(source: Path, first_row: list[str]) -> tuple[dict[str, int], list[str]]:
    """Return the positions of the columns that are used, and the names of those that are not."""
    places = {name.strip().lower(): at for at, name in enumerate(first_row) if name}
    missing = [name for name in ("path", "class") if name not in places]
    if missing:
        found = ", ".join(places) or "nothing"
        raise DatasetError(
            f"{source.name} has no column {' and no column '.join(missing)} in its first row; found {found[:200]}. "
            "A CSV has the columns path and class, and may have split and group; others are read with --columns auto."
        )
    used = {name: places[name] for name in _COLUMNS if name in places}
    return used, [first_row[at] for name, at in places.items() if name not in _COLUMNS]


def _take_row(number: int, values: dict[str, str], folder: str, rows: list[Row], skipped: list[Skipped]) -> None:
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
        rows.append(Row(number, _absolute(folder, path), class_name, split, values.get("group", "")))


def _absolute(folder: str, path: str) -> str:
    """Return an absolute path; a CSV written on Windows may have backslashes."""
    written = os.path.normpath(os.path.join(folder, path))
    if "\\" in path and file_fault(written):
        written = os.path.normpath(os.path.join(folder, path.replace("\\", "/")))
    return written


class Files:
    """Check files, most of which are next to each other.

    Asking the system for each file takes nearly all the time of a large CSV on a slow disk, so that a folder of which
    many files are named is listed once; what is not found in it is requested after all.

    Parameters
    ----------
    folders : Counter
        How many files are named in each folder.
    still : callable
        Called regularly while a folder is listed; what it raises ends that.
    """

    def __init__(self, folders: Counter[str], still: Callable[[], None]) -> None:
        self._n_files = folders
        self._still = still
        self._known: dict[str, frozenset[str]] = {}

    def fault(self, file: str) -> str:
        """Return why `file`, or what it is a page of, cannot be opened, or nothing."""
        file, _page = file_and_page(file)
        folder, name = os.path.split(file)
        if folder not in self._known:
            n_files = self._n_files[folder]
            self._known[folder] = (
                _regular_in(folder, 4 * n_files, self._still) if n_files >= _FEW_FILES else frozenset()
            )
        return "" if name in self._known[folder] else file_fault(file)


def _regular_in(folder: str, most: int, still: Callable[[], None]) -> frozenset[str]:
    """Return the regular files among the first `most` things in a folder."""
    found = []
    try:
        with os.scandir(folder) as children:
            for number, child in enumerate(itertools.islice(children, most)):
                if number % ROWS_PER_REPORT == 0:
                    still()
                if child.is_file(follow_symlinks=False):
                    found.append(child.name)
    except (OSError, ValueError):
        return frozenset()
    return frozenset(found)


def file_fault(file: str) -> str:
    """Return why `file` cannot be opened, or nothing."""
    try:
        mode = os.stat(file).st_mode
    except FileNotFoundError as error:
        too_long = why_not_found(error)
        return f"it cannot be accessed ({too_long})" if too_long else "the file does not exist"
    except (OSError, ValueError) as error:
        return f"it cannot be accessed ({reason_of(error) if isinstance(error, OSError) else error})"
    return "" if stat.S_ISREG(mode) else "it is not a file"


def common_root(folder: str, folders: Collection[str], progress: Progress) -> str:
    """Return the deepest folder that holds `folder` and all of `folders`; `folder` where they are on several drives."""
    root = folder
    for other in reported(folders, progress, "Comparing the folders of the CSV: folders"):
        if not other.startswith(_with_separator(root)):
            try:
                root = os.path.commonpath([root, other])
            except ValueError:
                return folder
    return root


def _with_separator(folder: str) -> str:
    return folder if folder.endswith(os.sep) else folder + os.sep


def relative(file: str, root: str) -> str:
    """Return a path below `root` with forward slashes; that of a file on another drive as it is."""
    inside = _with_separator(root)
    if file.startswith(inside):
        return file[len(inside) :].replace(os.sep, "/")
    try:
        return Path(os.path.relpath(file, root)).as_posix()
    except ValueError:
        return Path(file).as_posix()


def reported(items: Collection[T], progress: Progress, message: str) -> Iterator[T]:
    """Yield the items, and report now and then how many of them are done."""
    for number, item in enumerate(items):
        if number % ROWS_PER_REPORT == 0:
            progress.report(number, len(items), message)
        yield item


@dataclass(frozen=True)
class Named:
    """The files that a CSV names.

    Attributes
    ----------
    first : dict
        The first row of each file.
    again : dict
        All rows of each file that more than one names.
    folders : Counter
        How many files are named in each folder.
    """

    first: dict[str, Row]
    again: dict[str, list[Row]]
    folders: Counter[str]


def named_files(rows: list[Row], progress: Progress, word: str = "CSV") -> Named:
    """Return the rows by the file that they name; `word` is what the table is called."""
    named = Named({}, {}, Counter())
    spellings = _Spellings(rows[0].file if rows else "")
    for read in reported(rows, progress, f"Comparing the rows of the {word}: rows"):
        row = spellings.unified(read)
        first = named.first.setdefault(row.file, row)
        if first is row:
            named.folders[os.path.dirname(row.file)] += 1
        else:
            named.again.setdefault(row.file, [first]).append(row)
    return named


class _Spellings:
    """Know files that a table names in two spellings, such as ``a.png`` and ``A.PNG``, where case is not distinguished.

    Parameters
    ----------
    file : str
        One of the files, which shows whether the file system distinguishes case.
    """

    def __init__(self, file: str) -> None:
        folder, name = os.path.split(file_and_page(file)[0])
        self._seen: dict[str, str] | None = (
            {} if _is_same_file(os.path.join(folder, name), os.path.join(folder, name.swapcase())) else None
        )

    def unified(self, row: Row) -> Row:
        """Return a row with the file as it was spelled first."""
        if self._seen is None:
            return row
        first = self._seen.setdefault(row.file.casefold(), row.file)
        return replace(row, file=first) if _is_same_file(row.file, first) else row


def _is_same_file(file: str, other: str) -> bool:
    """Return whether two different spellings lead to the same file."""
    try:
        return file != other and os.path.samefile(file_and_page(file)[0], file_and_page(other)[0])
    except (OSError, ValueError):
        return False


def usable_rows(named: Named, skipped: list[Skipped], root: str, progress: Progress, word: str = "CSV") -> list[Row]:
    """Return a row for each file; one that is named under two classes is not used at all."""
    message = "Comparing the rows of the CSV: files"
    unusable = set()
    for file in reported(named.again, progress, message):
        same = named.again[file]
        if len({row.class_name for row in same}) > 1:
            places = " and ".join(f"“{row.class_name}” in row {row.number}" for row in same[:3])
            reason = f"The {word} names it under more than one class: {places}."
        elif len({(row.split, row.group) for row in same}) > 1:
            numbers = " and ".join(str(row.number) for row in same[:3])
            reason = f"Rows {numbers} of the {word} name it with different splits or groups."
        else:
            continue
        skipped.append(Skipped(relative(file, root), reason))
        unusable.add(file)
    return [named.first[file] for file in reported(named.first, progress, message) if file not in unusable]
