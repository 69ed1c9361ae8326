"""Interpret the names of files and arrays: images or labels, of which set of a split."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from coreset_studio.core.data.folder_names import split_word
from coreset_studio.core.results import SplitName

SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5")

_IMAGES = frozenset({"x", "images", "image", "imgs", "img", "patches", "patch", "pixels", "tiles"})
_LABELS = frozenset({"y", "labels", "label", "targets", "target", "class", "classes", "classids", "lbls", "gt"})
_META = frozenset({"meta", "metadata"})
_NO_IMAGES = frozenset({
    "mask", "masks", "segmentation", "segmentations", "heatmap", "heatmaps", "features", "weights", "kernel", "bias",
})  # fmt: skip
_FILLERS = frozenset({"set", "data", "split", "dataset"})
_GROUPS = frozenset({
    "group", "groups", "groupid", "patient", "patients", "patientid", "patientids", "subject", "subjectid", "case",
    "caseid", "donor", "donorid", "animal", "animalid", "mouse", "mouseid", "slide", "slides", "slideid", "slideids",
    "slidename", "wsi", "wsiid", "wsiname", "specimen", "specimenid", "lesion", "lesionid", "pid",
})  # fmt: skip
_CLASS_NAMES = frozenset({"classnames", "classes", "labelnames", "names", "categories", "listclasses", "labels",
                          "label", "class", "target", "targetnames"})  # fmt: skip
_MOST_FILES = 10_000


@dataclass(frozen=True)
class Name:
    """The meaning of a name.

    Attributes
    ----------
    role : {"images", "labels", "meta", "other", ""}
        ``"other"`` for what is no image, such as a mask; empty if the name does not say it.
    split : {"train", "validation", "test"} or None
    frame : tuple of str
        The other words, which names that belong together share.
    """

    role: str
    split: SplitName | None
    frame: tuple[str, ...]


def name_of(text: str) -> Name:
    """Return what a name such as ``"split_train_x"`` or ``"train/images"`` says."""
    words = [word for word in re.split(r"[\W_]+", text.casefold()) if word]
    role, split, frame = "", None, []
    # From the end: in "image_labels" the last word says what it is.
    for word in reversed(words):
        found = split_word(word) if split is None else None
        if found is not None and word not in _IMAGES | _LABELS:
            split = found[0]
        elif word in _NO_IMAGES:
            role = role or "other"
            frame.append(word)
        elif word in _IMAGES | _LABELS | _META and not role:
            role = "images" if word in _IMAGES else "labels" if word in _LABELS else "meta"
        elif word not in _FILLERS:
            frame.append(word)
    return Name(role, split, tuple(reversed(frame)))


def is_group_name(text: str) -> bool:
    """Return whether a column or array of this name says which patient or slide an image is of."""
    return re.sub(r"[\W_]+", "", text.rpartition("/")[2]).casefold() in _GROUPS


def is_class_names(text: str) -> bool:
    """Return whether an attribute or array of this name may hold the names of the classes."""
    return re.sub(r"[\W_]+", "", text.rpartition("/")[2]).casefold() in _CLASS_NAMES


@dataclass
class FileSet:
    """The files of one set of a split, or of a dataset without a split.

    Attributes
    ----------
    split : {"train", "validation", "test"} or None
    images : Path or None
        Holds images, and also labels if `labels` is None.
    labels : Path or None
    tables : list of Path
        CSV files with more about the images.
    """

    split: SplitName | None
    images: Path | None = None
    labels: Path | None = None
    tables: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Family:
    """Files that belong to one dataset.

    Attributes
    ----------
    sets : tuple of FileSet
        In the order train, validation, test.
    rest : tuple of str
        Names of HDF5 files of the folder that do not belong to it.
    """

    sets: tuple[FileSet, ...]
    rest: tuple[str, ...] = ()


_ORDER = ("train", "validation", "test", None)


def family_of(file: Path, *, alone: bool) -> Family:
    """Return the files that belong to an opened one: its labels or images, its table, and the other sets of the split.

    Parameters
    ----------
    file : Path
    alone : bool
        Without the other sets.
    """
    own = name_of(file.stem)
    by_frame, names = _in_folder(file.parent)
    if file.suffix.lower() not in SUFFIXES:  # it is known by its content
        by_frame[own.frame].append((own, file))
    # A file whose name says nothing is read on its own.
    if own.role in ("", "other") and own.split is None:
        return Family((FileSet(None, file, None, _tables(by_frame.get(own.frame, ()), None)),))
    sets = _sets(by_frame.get(own.frame, ()), file, alone=alone)
    if not any(file in (one.images, one.labels) for one in sets):  # its name says that it holds something else
        return Family((FileSet(None, file),))
    used = {each.name for one in sets for each in (one.images, one.labels) if each is not None}
    return Family(tuple(sets), tuple(sorted(set(names) - used)))


def family_in(folder: Path) -> Family | None:
    """Return the files of a folder that hold images and labels in pairs, or the sets of a split; None for none.

    Of several datasets the one with the most files is returned.
    """
    by_frame, names = _in_folder(folder)
    best: list[FileSet] = []
    for files in by_frame.values():
        sets = [each for each in _sets(files, None, alone=False) if each.images is not None]
        complete = [each for each in sets if each.labels is not None or each.split is not None]
        if len({each.split for each in complete}) > 1 or any(each.labels is not None for each in complete):
            best = max(best, complete, key=_n_files)
    if not best:
        return None
    used = {each.name for one in best for each in (one.images, one.labels) if each is not None}
    return Family(tuple(best), tuple(sorted(set(names) - used)))


def _n_files(sets: list[FileSet]) -> int:
    return sum((each.images is not None) + (each.labels is not None) for each in sets)


def _in_folder(folder: Path) -> tuple[dict[tuple[str, ...], list[tuple[Name, Path]]], list[str]]:
    """Return the HDF5 files and tables of a folder by the words that they share, and the names of the former."""
    by_frame: dict[tuple[str, ...], list[tuple[Name, Path]]] = defaultdict(list)
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry, _ in zip(entries, range(_MOST_FILES), strict=False)]
    except OSError:
        found = []
    for text in sorted(found):
        suffix = Path(text).suffix.lower()
        if text.startswith(".") or suffix not in (*SUFFIXES, ".csv"):
            continue
        name = name_of(Path(text).stem)
        if (name.role == "meta") == (suffix == ".csv"):
            by_frame[name.frame].append((name, folder / text))
        if suffix in SUFFIXES:
            names.append(text)
    return by_frame, names


def _sets(files: Iterable[tuple[Name, Path]], opened: Path | None, *, alone: bool) -> list[FileSet]:
    own = name_of(opened.stem) if opened is not None else None
    sets: dict[SplitName | None, FileSet] = {}
    # What was opened comes first, so that no other file of its name, such as x.hdf5 next to x.h5, takes its place.
    for name, file in sorted(files, key=lambda each: (each[1] != opened, each[1].name)):
        if own is not None and name.split != own.split and (alone or own.split is None or name.split is None):
            continue
        one = sets.setdefault(name.split, FileSet(name.split))
        if name.role == "meta":
            one.tables.append(file)
        elif name.role == "labels":
            one.labels = one.labels or file
        elif name.role != "other":
            one.images = one.images or file
    return sorted(sets.values(), key=lambda each: _ORDER.index(each.split))


def _tables(files: Iterable[tuple[Name, Path]], split: SplitName | None) -> list[Path]:
    return [file for name, file in files if name.role == "meta" and name.split == split]
