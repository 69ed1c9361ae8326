"""Which columns of a table name the images, the classes, the split and groups: by their names and by what they hold."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coreset_studio.core.data.folder_names import has_image_suffix, split_word
from coreset_studio.core.data.sources.csv.settings import NONE, TableSettings
from coreset_studio.core.errors import DatasetError

_PATHS = (
    "path", "filepath", "imagepath", "filename", "file", "imagefile", "imagefilename", "imagename", "image", "imageid",
    "imageindex", "isicid", "img", "imgid", "imgname", "imgpath", "picture", "pictureid", "photo", "bild", "bildname",
    "datei", "dateiname", "bildpfad", "pfad", "sample", "sampleid", "idcode", "id", "name", "uid", "filenames",
    "images", "patientid",
)  # fmt: skip
_CLASSES = (
    "class", "classname", "label", "labels", "labelname", "dx", "diagnosis", "diagnose", "diagnostic", "findinglabels",
    "findings", "finding", "target", "category", "categories", "klasse", "kategorie", "celltype", "type", "species",
    "tissue", "tissuetype", "subtype", "grade", "benignmalignant", "groundtruth", "gt", "y", "annotation", "disease",
    "condition", "pathology", "status",
)  # fmt: skip
_SPLITS = ("split", "set", "subset", "partition", "phase", "usage", "datasplit", "dataset", "fold")
_GROUPS = (
    "group", "groups", "groupid", "patient", "patientid", "patientno", "patientnr", "patientnumber", "subject",
    "subjectid", "participant", "participantid", "person", "personid", "donor", "donorid", "animal", "animalid",
    "mouse", "mouseid", "case", "caseid", "slide", "slideid", "specimen", "specimenid", "lesion", "lesionid", "studyid",
    "patientenid", "proband", "fall", "fallnummer", "pid",
)  # fmt: skip
_MOSTLY = 0.9
_HALF = 0.5
_LOOKED_FOR = 20
_ONE_OF = frozenset({"0", "1", "-1", ""})
_MOST_CLASSES = 200

Exists = Callable[[str], bool]


@dataclass(frozen=True)
class Columns:
    """Places of the columns that are read.

    Attributes
    ----------
    path : int
    classes : tuple of int
        One column of class names, or several columns with one class each.
    split, group : int or None
    others : tuple of int
        Those that are kept with the images.
    """

    path: int
    classes: tuple[int, ...]
    split: int | None
    group: int | None
    others: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """Data for the detection of columns.

    Attributes
    ----------
    name : str
        Of the file.
    header : list of str
    sample : list of list of str
        Rows as long as the header.
    """

    name: str
    header: Sequence[str]
    sample: Sequence[Sequence[str]]

    def cells(self, at: int) -> list[str]:
        """Return what a column holds in the sample, without empty cells."""
        return [row[at] for row in self.sample if row[at]]

    def named(self, name: str) -> int:
        """Return the place of a column of that name, in capitals or not.

        Raises
        ------
        DatasetError
            If there is none, or there are several.
        """
        found = [at for at, one in enumerate(self.header) if one == name] or [
            at for at, one in enumerate(self.header) if one.casefold() == name.casefold()
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise DatasetError(f"{self.name} has {len(found)} columns “{name}”; rename all but one of them.")
        raise DatasetError(f"{self.name} has no column “{name}”; found {self.words()}.")

    def words(self) -> str:
        """Return the names of the columns."""
        return ", ".join(filter(None, self.header))[:200] or "nothing"


def choose_columns(table: Table, settings: TableSettings, exists: Exists, found: Exists) -> Columns:
    """Return the columns that the settings name, and the most likely where they name none.

    Parameters
    ----------
    table : Table
    settings : TableSettings
    exists, found : callable
        Whether a cell is the path of a file as it is written, and whether a file can be found by it at all.

    Raises
    ------
    DatasetError
        If there is no column of images or of classes, naming those that there are.
    """
    path = table.named(settings.path_column) if settings.path_column else _path(table, exists, found)
    taken: set[int | None] = {path}
    split = _optional(table, settings.split_column, lambda: _split(table, taken))
    taken.add(split)
    classes = tuple(table.named(name) for name in settings.class_columns) or _classes(table, taken)
    taken |= set(classes)
    group = _optional(table, settings.group_column, lambda: _group(table, taken))
    taken.add(group)
    others = tuple(at for at in range(len(table.header)) if at not in taken and _is_kept(table, at))
    return Columns(path, classes, split, group, others)


def _optional(table: Table, name: str, guess: Callable[[], int | None]) -> int | None:
    if name == NONE:
        return None
    return table.named(name) if name else guess()


def _path(table: Table, exists: Exists, found: Exists) -> int:
    named = _by_name(table, _PATHS)
    if named and _plain(table.header[named[0]]) == "path":
        return _single(table, named[0])
    everything = dict.fromkeys([*named, *range(len(table.header))])
    for test in (exists, found):
        shares = {at: _share(table.cells(at)[:_LOOKED_FOR], test) for at in everything}
        best = max(shares, key=lambda at: shares[at], default=0)
        if shares and shares[best] >= _HALF:
            return _single(table, best)
    for at in everything:
        if _share(table.cells(at), has_image_suffix) >= _HALF:
            return _single(table, at)
    if named:
        return _single(table, named[0])
    raise DatasetError(
        f"{table.name} has no column that names image files; found {table.words()}. Specify it (--path-column), or "
        "the folder of the images (--image-folder)."
    )


def _classes(table: Table, taken: set[int | None]) -> tuple[int, ...]:
    named = [at for at in _by_name(table, _CLASSES) if at not in taken]
    if named:
        return (_single(table, named[0]),)
    flags = tuple(at for at in range(len(table.header)) if at not in taken and _is_flag(table, at))
    if len(flags) > 1:
        return flags
    likely = [at for at in range(len(table.header)) if at not in taken and _repeats(table.cells(at))]
    likely = [at for at in likely if _plain(table.header[at]) not in (*_GROUPS, *_SPLITS, "sex", "gender", "age")]
    if len(likely) == 1:
        return (likely[0],)
    raise DatasetError(
        f"{table.name} has no column that names the class; found {table.words()}. Specify it (--class-column), or "
        "several columns with one class each."
    )


def _split(table: Table, taken: set[int | None]) -> int | None:
    for at in _by_name(table, _SPLITS):
        cells = table.cells(at)
        # A column "dataset" may state where images are from, "fold" which fifth they are in.
        if at not in taken and cells and _share(cells, lambda cell: split_word(cell) is not None) >= _HALF:
            return _single(table, at)
    return None


def _group(table: Table, taken: set[int | None]) -> int | None:
    for at in _by_name(table, _GROUPS):
        if at not in taken and table.cells(at):
            return _single(table, at)
    return None


def _by_name(table: Table, names: Sequence[str]) -> list[int]:
    plain = [_plain(name) for name in table.header]
    return [at for name in names for at, one in enumerate(plain) if one == name]


def _single(table: Table, at: int) -> int:
    """Return a place, after making sure that no other column has the same name."""
    return table.named(table.header[at]) if list(table.header).count(table.header[at]) > 1 else at


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _is_flag(table: Table, at: int) -> bool:
    """Return whether a column has ones next to zeros or nothing, as a class of its own has."""
    plain = [as_flag(row[at]) for row in table.sample]
    return all(flag is not None and str(flag) in _ONE_OF for flag in plain) and any(plain) and not _is_index(table, at)


def as_flag(cell: str) -> int | None:
    """Return the meaning of a cell of a column for one class: 1, 0, −1 for uncertain; None for any other text.

    An empty cell is 0: not mentioned.
    """
    text = cell.strip().casefold().replace(",", ".").replace("\N{MINUS SIGN}", "-")
    if text in ("", "nan", "na", "false", "no", "n"):
        return 0
    if text in ("true", "yes", "y", "x"):
        return 1
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value in (0.0, 1.0, -1.0) else None


def _is_index(table: Table, at: int) -> bool:
    return not table.header[at] or _plain(table.header[at]).startswith("unnamed")


def _is_kept(table: Table, at: int) -> bool:
    return not _is_index(table, at) and list(table.header).index(table.header[at]) == at


def _repeats(cells: Sequence[str]) -> bool:
    """Return whether cells are few different words, each of them more than once, as names of classes are."""
    different = set(cells)
    return 1 < len(different) <= min(_MOST_CLASSES, len(cells) // 2) and not any(
        re.search(r"\d[.,]\d", c) for c in cells
    )


def _share(cells: Sequence[str], holds: Exists) -> float:
    return sum(map(holds, cells)) / len(cells) if cells else 0.0
