"""The listing of a source, before anything is decoded."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from coreset_studio.core.results import Skipped, SplitName

SPLIT_NAMES: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One image in the listing.

    Attributes
    ----------
    path : str
        Relative to the root, forward slashes.
    class_name : str
    split : {"train", "validation", "test"} or None
    group : str
        Empty where there is none.
    more : tuple of str
        What else is known of it, in the order of `Listing.columns`.
    original_class : str
        Class in the source, where the user has relabelled the image; empty otherwise.
    """

    path: str
    class_name: str
    split: SplitName | None = None
    group: str = ""
    more: tuple[str, ...] = ()
    original_class: str = ""


@dataclass(frozen=True)
class Listing:
    """All entries of a source, with what is excluded already and why.

    Attributes
    ----------
    root : Path
        What entry paths are relative to: all that a reader gets next to a path to find an image again.
    entries : list of Entry
    skipped : list of Skipped
    warnings : list of str
    read_as : dict of str to str
        How the source was read where there was a choice, by what was selected, such as ``"layout"``.
    others : tuple of str
        Layouts that it could be read by as well, the most likely first.
    columns : tuple of str
        Names of what else is known of the images, such as the other columns of a table.
    """

    root: Path
    entries: list[Entry] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    read_as: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def warn_of_spellings(listing: Listing) -> None:
    """Add a warning for classes whose names differ only in capital letters."""
    listing.warnings.extend(spelling_notes(listing.entries))


def spelling_notes(entries: Iterable[Entry]) -> list[str]:
    """Return a sentence for each set of classes whose names differ only in capital letters."""
    by_spelling: dict[str, set[str]] = {}
    for name in dict.fromkeys(entry.class_name for entry in entries):
        by_spelling.setdefault(name.casefold(), set()).add(name)
    words = [" and ".join(f"“{name}”" for name in sorted(names)) for names in by_spelling.values() if len(names) > 1]
    return [f"The classes {each} differ only in case; they are different classes." for each in words]


def class_text(name: str) -> str:
    """Return a class name in one spelling, since one system writes "é" as one character and another as two."""
    return unicodedata.normalize("NFC", name).strip()


def printable(path: str) -> str:
    """Return `path` with bytes that are not text replaced, so that it can be shown and stored."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def is_text(path: str) -> bool:
    """Return whether `path` is valid text; Linux allows file names that are not."""
    return printable(path) == path
