"""Read the list of a coreset, as `core.output.lists` writes it."""

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coreset_studio.core.data.description import Match
from coreset_studio.core.data.listing import SPLIT_NAMES, Entry, Listing, class_text
from coreset_studio.core.data.page_names import file_and_page, page_path
from coreset_studio.core.data.reader import FileReader
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.files import reason_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import open_regular
from coreset_studio.core.results import Skipped
from coreset_studio.core.spellings import SpellingsOnDisk
from coreset_studio.core.spreadsheet import plain_text

HEAD = "path,class,split,cluster,is_medoid,selected,rank,reason"
"""Start of the first line of every such list; followed by `file` since lists contain the locations of images."""

_ROWS_PER_REPORT = 2000


@dataclass(frozen=True)
class _Row:
    number: int
    path: str
    class_name: str
    split: str
    is_chosen: bool
    file: str

    @property
    def is_in_dataset(self) -> bool:
        """Whether it is of the coreset, or of a set that evaluates it."""
        return bool(self.is_chosen or self.split in ("validation", "test"))


class CoresetListReader(FileReader):
    """Images that the list of a coreset names."""

    def recognise(self, path: Path, head: bytes) -> Match:  # noqa: ARG002
        """Take what begins as such a list does."""
        start = head.removeprefix(b"\xef\xbb\xbf")
        return Match.CONTENT if start.startswith(HEAD.encode()) else Match.NO

    def listing(self, path: Path, progress: Progress = NO_PROGRESS) -> Listing:
        """List the images of the coreset, and those of validation and test.

        Raises
        ------
        DatasetError
            If it cannot be read, or has no image with a location.
        """
        rows = list(_rows(path, progress))
        damaged = [row for row in rows if not (row.path and row.class_name)]
        usable = [row for row in rows if row.is_in_dataset and row.path and row.class_name]
        folder = path.resolve().parent
        spellings = SpellingsOnDisk()
        found = {row.number: _place(folder, row, spellings) for row in usable}
        files = [file for file in found.values() if file]
        if not files:
            raise DatasetError(_nowhere(path, usable))
        root = _common_root(str(folder), files)
        listing = Listing(Path(root))
        for row in damaged:
            reason = f"Row {row.number} of the list has no path or no class; the list was changed after it was written."
            listing.skipped.append(Skipped(row.path or f"row {row.number}", reason))
        has_split = any(not row.is_chosen for row in usable if found[row.number])
        for row in usable:
            file = found[row.number]
            if not file:
                reason = f"Row {row.number} of the list names it, but the file does not exist."
                listing.skipped.append(Skipped(row.path, reason))
                continue
            split = SPLIT_NAMES.get(row.split) if has_split else None
            listing.entries.append(Entry(_relative(file, root), row.class_name, split))
        listing.warnings.append(_note(path, rows))
        return listing


def _rows(path: Path, progress: Progress) -> Iterator[_Row]:
    try:
        with open_regular(path) as stream:
            text = stream.read().decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        for number, values in enumerate(reader):
            if number % _ROWS_PER_REPORT == 0:
                progress.report(number, 0, "Reading the list: rows")
            cells = {name: plain_text(cell or "") for name, cell in values.items() if name and isinstance(cell, str)}
            yield _Row(
                reader.line_num,
                cells.get("path", ""),
                class_text(cells.get("class", "")),
                cells.get("split", ""),
                cells.get("selected") == "1",
                cells.get("file", ""),
            )
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({reason_of(error)}).") from error
    except UnicodeError as error:
        raise DatasetError(f"{path.name} is not UTF-8 text; it was changed after it was written.") from error
    except csv.Error as error:
        raise DatasetError(f"{path.name} is not a valid CSV ({error}); it was changed after it was written.") from error


def _place(folder: Path, row: _Row, spellings: SpellingsOnDisk) -> str:
    """Return the absolute path of a row's image; empty where there is no such file.

    A list of an earlier version, which does not contain the locations of images, may be in the folder of the dataset.
    """
    for text in (row.file, row.path):
        file = os.path.normpath(os.path.join(folder, text)) if text and "\0" not in text else ""  # noqa: PTH118
        alone, page = file_and_page(file)
        if file and os.path.isfile(alone):  # noqa: PTH113
            return file
        there = spellings.find(alone) if file else ""
        if there and os.path.isfile(there):  # noqa: PTH113
            return page_path(there, page) if page else there
    return ""


def _nowhere(path: Path, usable: list[_Row]) -> str:
    if not usable:
        return f"{path.name} is the list of a coreset without images."
    if any(row.file for row in usable):
        return (
            f"{path.name} names {len(usable):,} images, such as {usable[0].file}, none of which exist; move it back to "
            "where it was written, or create the coreset again from the dataset."
        )
    return (
        f"{path.name} names {len(usable):,} images, but not their locations: it is private, from arrays, or from "
        "an earlier version. Move it to the folder of the dataset, or export with --files copy and open the folder."
    )


def _note(path: Path, rows: list[_Row]) -> str:
    counts = Counter("chosen" if row.is_chosen else row.split if row.is_in_dataset else "" for row in rows)
    others = " and ".join(f"{counts[name]:,} of {name}" for name in ("validation", "test") if counts[name])
    return (
        f"{path.name} is the list of a coreset: its {counts['chosen']:,} selected images were read"
        f"{f', with {others}' if others else ''}; {counts['']:,} others were not. To read all images, open the dataset "
        "itself."
    )


def _common_root(folder: str, files: list[str]) -> str:
    try:
        return os.path.commonpath([folder, *(os.path.dirname(file) for file in files)])  # noqa: PTH120
    except ValueError:
        return folder  # files on several drives


def _relative(file: str, root: str) -> str:
    try:
        return Path(os.path.relpath(file, root)).as_posix()
    except ValueError:
        return Path(file).as_posix()


READER = CoresetListReader()
