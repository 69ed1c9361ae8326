"""Folders whose sub-folders are classes: walk them, with links, hidden files and odd names taken care of."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from core.data.listing import SPLIT_NAMES, Entry, Listing, class_text, is_text, printable
from core.data.reader import FileReader
from core.errors import DatasetError
from core.files import reason_of
from core.progress import NO_PROGRESS, Progress
from core.results import Image, Skipped, SplitName

_HIDDEN_ON_WINDOWS = 0x2

_Identity = tuple[int, int] | str


class ClassFolderReader(FileReader):
    """A reader of images that lie in class folders, `depth` folders below the root."""

    depth = 0

    def parts_below_class(self, image: Image) -> tuple[str, ...]:
        """Return the path without the class folder and what is above it."""
        parts = PurePosixPath(image.path).parts
        if len(parts) > self.depth + 1 and parts[self.depth] == image.class_name:
            return parts[self.depth + 1 :]
        return parts


def list_folder(root: Path, progress: Progress = NO_PROGRESS) -> Listing:
    """List every file under `root`; the folder just below it names the class.

    Parameters
    ----------
    root : Path
        An existing folder.
    progress : Progress

    Raises
    ------
    DatasetError
        If the folder cannot be opened.
    CancelledError
        If the user asked to stop.
    """
    _children_of(root)
    listing = Listing(root)
    _Walk(root, listing, progress).class_folders("", None)
    _warn_of_spellings(listing)
    return listing


def list_split_folder(root: Path, progress: Progress = NO_PROGRESS) -> Listing:
    """List every file under the train, validation and test folders of `root`; the folder below these names the class.

    Parameters
    ----------
    root : Path
        An existing folder.
    progress : Progress

    Raises
    ------
    DatasetError
        If the folder cannot be opened.
    CancelledError
        If the user asked to stop.
    """
    top = _children_of(root)
    splits = _split_among(root, top)
    listing = Listing(root)
    walk = _Walk(root, listing, progress)
    for name, split in splits.items():
        walk.class_folders(name, split)
    for child in top:
        if child.name not in splits:
            walk.leave_out(child.name, "It lies outside the train, validation and test folders.", child)
    _warn_of_spellings(listing)
    return listing


def is_split_folder(root: Path) -> bool:
    """Return whether `root` has a train folder and one of another set, each with folders inside."""
    try:
        return bool(_split_among(root, _children_of(root)))
    except DatasetError:
        return False


def _children_of(root: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root) as children:
            return sorted(children, key=lambda child: child.name)
    except OSError as error:
        raise DatasetError(f"The folder {root} cannot be opened ({reason_of(error)}).") from error


def _split_among(root: Path, top: list[os.DirEntry[str]]) -> dict[str, SplitName]:
    """Return the folders that are a split: train and at least one more, each holding folders and no loose classes."""
    found = {child.name: SPLIT_NAMES[child.name.lower()] for child in top if child.name.lower() in SPLIT_NAMES}
    found = {name: split for name, split in found.items() if _has_folders(root / name)}
    sets = set(found.values())
    return found if "train" in sets and len(sets) > 1 else {}


def _has_folders(folder: Path) -> bool:
    try:
        with os.scandir(folder) as children:
            return any(_is_folder(child) and not child.name.startswith(".") for child in children)
    except OSError:
        return False


class _Walk:
    """Fill a listing from the file tree, following links but never in a circle."""

    def __init__(self, root: Path, listing: Listing, progress: Progress) -> None:
        self._root = root
        self._listing = listing
        self._progress = progress

    def class_folders(self, base: str, split: SplitName | None) -> None:
        """Take every folder in `base` (a path below the root, or empty) as a class."""
        above = self._identities(base)
        if above is None:
            return
        for child, folder in self._children(base):
            path = f"{base}/{child.name}" if base else child.name
            if not folder:
                self.leave_out(path, "It lies in no class folder.", child)
            else:
                self._class_folder(path, class_text(child.name), split, above)

    def leave_out(self, path: str, reason: str, child: os.DirEntry[str]) -> None:
        """List `path` with `reason`, or as hidden where that is the plainer word."""
        self._listing.skipped.append(Skipped(printable(path), _hidden(child) or reason))

    def _class_folder(self, base: str, class_name: str, split: SplitName | None, above: tuple[_Identity, ...]) -> None:
        pending = [(base, above)]
        while pending:
            folder, ancestors = pending.pop()
            inside = self._enter(folder, ancestors)
            if inside is None:
                continue
            self._progress.report(len(self._listing.entries), 0, "Listing: files")
            for child, is_folder in self._children(folder):
                path = f"{folder}/{child.name}"
                if is_folder:
                    pending.append((path, inside))
                else:
                    self._listing.entries.append(Entry(path, class_name, split))

    def _enter(self, folder: str, ancestors: tuple[_Identity, ...]) -> tuple[_Identity, ...] | None:
        """Return the ancestors with `folder` added, or None where it is one of them."""
        try:
            facts = (self._root / folder).stat()
        except OSError as error:
            self._fail(folder, error)
            return None
        # Some network drives number no files; there folders are known by where they really are.
        identity = (facts.st_dev, facts.st_ino) if facts.st_ino else os.path.realpath(self._root / folder)
        if identity in ancestors:
            self._listing.skipped.append(Skipped(f"{folder}/", "The folder is a link back to a folder above it."))
            return None
        return (*ancestors, identity)

    def _identities(self, base: str) -> tuple[_Identity, ...] | None:
        above: tuple[_Identity, ...] | None = self._enter("", ())
        return self._enter(base, above) if base and above is not None else above

    def _children(self, folder: str) -> Iterator[tuple[os.DirEntry[str], bool]]:
        """Yield what may be used of a folder, in name order, and whether it is a folder; list the rest."""
        try:
            with os.scandir(self._root / folder) as found:
                children = sorted(found, key=lambda child: child.name)
        except OSError as error:
            self._fail(folder, error)
            return
        for child in children:
            path = f"{folder}/{child.name}" if folder else child.name
            reason = _hidden(child) or _odd(child)
            if reason:
                self._listing.skipped.append(Skipped(printable(path), reason))
            else:
                yield child, child.is_dir()

    def _fail(self, folder: str, error: OSError) -> None:
        said = f"The folder cannot be opened ({reason_of(error)})."
        self._listing.skipped.append(Skipped(f"{printable(folder)}/", said))


def _hidden(child: os.DirEntry[str]) -> str:
    """Return why a hidden file or folder is left out, or nothing."""
    attributes = 0
    if os.name == "nt":
        attributes = getattr(child.stat(follow_symlinks=False), "st_file_attributes", 0)
    if child.name.startswith(".") or attributes & _HIDDEN_ON_WINDOWS:
        return f"It is a hidden {'folder' if _is_folder(child) else 'file'}."
    return ""


def _is_folder(child: os.DirEntry[str]) -> bool:
    try:
        return child.is_dir()
    except OSError:
        return False  # such as a link to itself


def _odd(child: os.DirEntry[str]) -> str:
    """Return why something that is neither a file nor a folder is left out, or nothing."""
    if not is_text(child.name):
        return "Its name is not valid text; rename it."
    try:
        mode = child.stat().st_mode
    except FileNotFoundError:
        return "It is a link that leads nowhere."
    except OSError as error:
        return f"It cannot be reached ({reason_of(error)})."
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "It is neither a file nor a folder."
    return ""


def _warn_of_spellings(listing: Listing) -> None:
    by_spelling: dict[str, set[str]] = {}
    for entry in listing.entries:
        by_spelling.setdefault(entry.class_name.casefold(), set()).add(entry.class_name)
    for names in by_spelling.values():
        if len(names) > 1:
            words = " and ".join(f"“{name}”" for name in sorted(names))
            listing.warnings.append(f"The classes {words} differ only in capital letters; they count as different.")
