"""Folders whose sub-folders are classes: walk them, with links, hidden files and odd names taken care of."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from coreset_studio.core.data.folder_names import has_image_suffix, leftover, split_names
from coreset_studio.core.data.layouts import NO_CLASSES, FolderReading, guess_labelled, guess_reading, read_as
from coreset_studio.core.data.listing import (
    SPLIT_NAMES,
    Entry,
    Listing,
    class_text,
    is_text,
    printable,
    warn_of_spellings,
)
from coreset_studio.core.data.masks import leave_masks_out
from coreset_studio.core.data.reader import FileReader
from coreset_studio.core.data.unlabelled import is_unlabelled_name
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.files import reason_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import Identity, identity_of
from coreset_studio.core.results import UNLABELLED, Image, Skipped, SplitName
from coreset_studio.core.settings import DataSettings

_HIDDEN_ON_WINDOWS = 0x2


class ClassFolderReader(FileReader):
    """A reader of images that are in class folders, `depth` folders below the root."""

    depth = 0

    def parts_below_class(self, image: Image) -> tuple[str, ...]:
        """Return the path without the class folder and what is above it, but for folders such as those of patients."""
        parts = PurePosixPath(image.path).parts
        name = image.original_class or image.class_name
        for at in range(self.depth, len(parts) - 1):
            if parts[at] == name or (name == UNLABELLED and is_unlabelled_name(parts[at])):
                return parts[self.depth : at] + parts[at + 1 :]
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
        If the user cancelled.
    """
    _children_of(root)
    listing = Listing(root)
    _Walk(root, listing, progress).class_folders("", None)
    warn_of_spellings(listing)
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
        If the user cancelled.
    """
    top = _children_of(root)
    splits = _split_among(root, top)
    listing = Listing(root)
    walk = _Walk(root, listing, progress)
    for name, split in splits.items():
        walk.class_folders(name, split)
    for child in top:
        if child.name not in splits:
            walk.leave_out(child.name, "It is outside the train, validation and test folders.", child)
    warn_of_spellings(listing)
    return listing


def list_layout(root: Path, data: DataSettings, progress: Progress = NO_PROGRESS) -> Listing:
    """List every file under `root`, by the layout that is requested or, on request, by the most likely one.

    What a system or an archive created is excluded, and what was assumed is one warning.

    Parameters
    ----------
    root : Path
        An existing folder.
    data : DataSettings
        `layout` is any but ``"plain"``; see `core.data.layouts`.
    progress : Progress

    Raises
    ------
    DatasetError
        If the folder cannot be opened.
    CancelledError
        If the user cancelled.
    """
    found, folders = _everything(root, data, progress)
    return listed_by(_reading(data.layout, data, images_by_folder(found)), found, folders)


def list_layouts(
    root: Path, data: DataSettings, layouts: Sequence[str], progress: Progress = NO_PROGRESS
) -> list[tuple[FolderReading, Listing]]:
    """List a folder by several layouts, as `list_layout` does by one; the folder is walked once.

    Parameters
    ----------
    root : Path
        An existing folder.
    data : DataSettings
        Say whether masks are excluded.
    layouts : sequence of str
        ``"auto"`` or levels with slashes between.
    progress : Progress

    Raises
    ------
    DatasetError
        If the folder cannot be opened.
    CancelledError
        If the user cancelled.
    """
    found, folders = _everything(root, data, progress)
    by_folder = images_by_folder(found)
    readings = [_reading(one, data, by_folder) for one in layouts]
    return [(reading, listed_by(reading, found, folders)) for reading in readings]


def _reading(layout: str, data: DataSettings, by_folder: Counter[tuple[str, ...]]) -> FolderReading:
    if layout != "auto":
        return read_as(layout, by_folder)
    return guess_labelled(by_folder) if data.unlabelled == "auto" else guess_reading(by_folder)


def _everything(root: Path, data: DataSettings, progress: Progress) -> tuple[Listing, list[str]]:
    """Return all files below the root, without masks where these are excluded, and the folders that were entered."""
    _children_of(root)
    found = Listing(root)
    walk = _Walk(root, found, progress, leftovers=False)
    walk.everything()
    if data.leave_out_masks:
        leave_masks_out(found)
    return found, walk.folders


def listed_by(reading: FolderReading, found: Listing, folders: list[str]) -> Listing:
    """Return the files that were found with the classes, sets and groups that a reading gives them.

    Parameters
    ----------
    reading : FolderReading
    found : Listing
        All files, without classes.
    folders : list of str
        Paths of all folders, of which empty class folders are named.
    """
    others = (reading.other,) if reading.other else ()
    how = {"layout": reading.layout}
    if reading.levels == NO_CLASSES or reading.to_be_labelled:
        how["unlabelled"] = UNLABELLED
    listing = Listing(found.root, [], [*found.skipped], [*found.warnings], how, others)
    outside: Counter[tuple[str, str]] = Counter()
    for entry in found.entries:
        _place(entry, reading, listing, outside)
    for (folder, reason), count in outside.items():
        listing.skipped.append(Skipped(folder, reason.format(count=count)))
    if reading.assumed:
        advice = f" If this is wrong, use another layout (--layout {reading.other})."
        listing.warnings.append(reading.assumed + (advice if reading.other else ""))
    _warn_of_empty(folders, reading, found, listing)
    warn_of_spellings(listing)
    return listing


def listed(
    root: Path,
    data: DataSettings | None,
    plain: Callable[[Path, Progress], Listing],
    progress: Progress = NO_PROGRESS,
) -> Listing:
    """List a folder by the layout of the settings; `plain` does so as before there was a choice of it."""
    data = data or DataSettings()
    if data.layout != "plain":
        return list_layout(root, data, progress)
    listing = plain(root, progress)
    if data.leave_out_masks:
        leave_masks_out(listing)
    return listing


def images_by_folder(listing: Listing) -> Counter[tuple[str, ...]]:
    """Return how many images are in each folder itself; where nothing is named like one, how many files."""
    named = [entry.path for entry in listing.entries if has_image_suffix(entry.path)]
    return Counter(tuple(path.split("/")[:-1]) for path in named or [entry.path for entry in listing.entries])


_UNLABELLED = "It contains no class folders, so its {count:,} files have no class."
_OUTSIDE = "It is outside the train, validation and test folders."


def _place(entry: Entry, reading: FolderReading, listing: Listing, outside: Counter[tuple[str, str]]) -> None:
    """Give an entry the class, set and group of its folders, or list it with the reason why it has none.

    Files of folders that are not sets, or have no classes, are counted in `outside`.
    """
    *folders, _ = entry.path.split("/")
    if reading.levels == NO_CLASSES:
        listing.entries.append(Entry(entry.path, UNLABELLED))
        return
    names = dict(zip(reading.levels, folders, strict=False))
    split: SplitName | None = None
    if "split" in names:
        if names["split"] not in reading.splits:
            at = reading.levels.index("split") + 1
            reason = _UNLABELLED if names["split"] in reading.unlabelled else _OUTSIDE
            outside["/".join(folders[:at]), reason] += 1
            return
        split = reading.splits[names["split"]]
    if "classes" not in names:
        listing.skipped.append(Skipped(entry.path, "It is not in a class folder."))
        return
    class_name = UNLABELLED if names["classes"] in reading.to_be_labelled else class_text(names["classes"])
    listing.entries.append(Entry(entry.path, class_name, split, names.get("groups", "")))


def _warn_of_empty(folders: list[str], reading: FolderReading, found: Listing, listing: Listing) -> None:
    """Name the class folders without any file."""
    if reading.levels == NO_CLASSES:
        return
    depth = reading.class_level + 1
    full = {tuple(entry.path.split("/")[:depth]) for entry in found.entries}
    full |= {tuple(skipped.path.split("/")[:depth]) for skipped in found.skipped}
    empty = [folder for folder in folders if folder.count("/") + 1 == depth and tuple(folder.split("/")) not in full]
    for folder in empty:
        if not any(part in reading.unlabelled for part in folder.split("/")):
            _say_empty(folder, listing)


def _say_empty(folder: str, listing: Listing) -> None:
    listing.warnings.append(f"The folder “{folder}” is empty, so its class has no images.")


def is_split_folder(root: Path, data: DataSettings) -> bool:
    """Return whether `root` holds sets: a train folder and one of another set, each with folders inside.

    With a layout that is requested, whether that has sets; with the most likely one, the sets may be spelled in any
    usual way, and some of them may have no folders inside.
    """
    if data.layout not in ("plain", "auto"):
        return "split" in data.layout.split("/")
    try:
        top = _children_of(root)
        if data.layout == "plain":
            return bool(_split_among(root, top))
        folders = [child.name for child in top if _is_folder(child) and not child.name.startswith(".")]
        splits = split_names(folders)
        return any(split == "train" and _has_folders(root / name) for name, split in splits.items())
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

    def __init__(self, root: Path, listing: Listing, progress: Progress, *, leftovers: bool = True) -> None:
        self._root = root
        self._listing = listing
        self._progress = progress
        self._leftovers = leftovers
        self.folders: list[str] = []

    def everything(self) -> None:
        """Take every file below the root, whatever folder it is in; classes come later."""
        above = self._identities("")
        if above is None:
            return
        for child, folder in self._children(""):
            if folder:
                self._class_folder(child.name, "", None, above)
            else:
                self._listing.entries.append(Entry(child.name, ""))

    def class_folders(self, base: str, split: SplitName | None) -> None:
        """Take every folder in `base` (a path below the root, or empty) as a class."""
        above = self._identities(base)
        if above is None:
            return
        for child, folder in self._children(base):
            path = f"{base}/{child.name}" if base else child.name
            if not folder:
                self.leave_out(path, "It is not in a class folder.", child)
            else:
                before = len(self._listing.entries) + len(self._listing.skipped)
                self._class_folder(path, class_text(child.name), split, above)
                if before == len(self._listing.entries) + len(self._listing.skipped):
                    _say_empty(path, self._listing)

    def leave_out(self, path: str, reason: str, child: os.DirEntry[str]) -> None:
        """List `path` with `reason`, or as hidden where that is the plainer word."""
        self._listing.skipped.append(Skipped(printable(path), _hidden(child) or reason))

    def _class_folder(self, base: str, class_name: str, split: SplitName | None, above: tuple[Identity, ...]) -> None:
        pending = [(base, above)]
        while pending:
            folder, ancestors = pending.pop()
            inside = self._enter(folder, ancestors)
            if inside is None:
                continue
            self.folders.append(folder)
            self._progress.report(len(self._listing.entries), 0, "Listing: files")
            for child, is_folder in self._children(folder):
                path = f"{folder}/{child.name}"
                if is_folder:
                    pending.append((path, inside))
                else:
                    self._listing.entries.append(Entry(path, class_name, split))

    def _enter(self, folder: str, ancestors: tuple[Identity, ...]) -> tuple[Identity, ...] | None:
        """Return the ancestors with `folder` added, or None where it is one of them."""
        try:
            identity = identity_of(self._root / folder)
        except OSError as error:
            self._fail(folder, error)
            return None
        if identity in ancestors:
            self._listing.skipped.append(Skipped(f"{folder}/", "The folder is a link to a folder above it."))
            return None
        return (*ancestors, identity)

    def _identities(self, base: str) -> tuple[Identity, ...] | None:
        above: tuple[Identity, ...] | None = self._enter("", ())
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
            reason = _hidden(child) or self._leftover(child) or _odd(child)
            if reason:
                self._listing.skipped.append(Skipped(printable(path), reason))
            else:
                yield child, child.is_dir()

    def _leftover(self, child: os.DirEntry[str]) -> str:
        return "" if self._leftovers else leftover(child.name, is_folder=_is_folder(child))

    def _fail(self, folder: str, error: OSError) -> None:
        reason = f"The folder cannot be opened ({reason_of(error)})."
        self._listing.skipped.append(Skipped(f"{printable(folder)}/", reason))


def _hidden(child: os.DirEntry[str]) -> str:
    """Return why a hidden file or folder is excluded, or nothing."""
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
    """Return why something that is neither a file nor a folder is excluded, or nothing."""
    if not is_text(child.name):
        return "Its name is not valid text; rename it."
    try:
        mode = child.stat().st_mode
    except FileNotFoundError:
        return "It is a link whose target does not exist."
    except OSError as error:
        return f"It cannot be accessed ({reason_of(error)})."
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "It is neither a file nor a folder."
    return ""
