"""List the images of tar archives: WebDataset samples with files next to each image, or folders of images."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from coreset_studio.core.data.colour import BEFORE, RGBArray, settled
from coreset_studio.core.data.folder_names import has_image_suffix
from coreset_studio.core.data.folders import images_by_folder, listed_by
from coreset_studio.core.data.images import BYTE_LIMIT, decode
from coreset_studio.core.data.layouts import FolderReading, guess_reading, read_as
from coreset_studio.core.data.listing import Entry, Listing, warn_of_spellings
from coreset_studio.core.data.masks import leave_masks_out
from coreset_studio.core.data.sources.tar.index import Member, Members, members_of, read_member
from coreset_studio.core.data.sources.tar.labels import (
    FORMS,
    LABEL_BYTES,
    Said,
    is_group_field,
    is_names_file,
    named_classes,
    names_beside,
    names_from,
    read_label,
)
from coreset_studio.core.data.sources.tar.settings import NONE, TarSettings
from coreset_studio.core.data.sources.tar.shards import archives_of, split_of
from coreset_studio.core.errors import DatasetError, ImageError
from coreset_studio.core.memory import memory_for
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Skipped
from coreset_studio.core.settings import DataSettings

_BYTES_PER_MEMBER = 600
_ENOUGH = 0.5
_MOST_TEXTS = 1000
_FEW_TEXTS = 0.5
_MASKS = frozenset({"mask", "masks", "seg", "segmentation", "target", "gt", "label", "labels"})
_REPORT = 2000


@dataclass
class _Sample:
    """The files of one key.

    Attributes
    ----------
    images : list of Member
    labels : dict of str to Member
        By their form.
    """

    images: list[Member] = field(default_factory=list)
    labels: dict[str, Member] = field(default_factory=dict)


@dataclass
class _Archive:
    """One archive with its samples by key, and its other files."""

    file: Path
    samples: dict[str, _Sample] = field(default_factory=dict)
    others: list[Member] = field(default_factory=list)
    names: Mapping[str, str] = field(default_factory=dict)
    names_file: str = ""

    def path(self, name: str) -> str:
        return f"{self.file.name}/{name}"


def list_tar(
    source: Path, settings: TarSettings, progress: Progress = NO_PROGRESS, data: DataSettings | None = None
) -> Listing:
    """List the images of an archive, or of the archives that belong to it.

    Parameters
    ----------
    source : Path
        An archive, a folder of archives, or a pattern of names with braces.
    settings : TarSettings
    progress : Progress
    data : DataSettings, optional
        Layout of the folders inside, and whether masks are excluded.

    Raises
    ------
    DatasetError
        If nothing can be read, or no image has a class.
    CancelledError
        If the user cancelled.
    """
    data = data or DataSettings()
    if data.pages == "each":
        raise DatasetError("Pages of files in a .tar are not read as separate images; unpack it, or use --pages first.")
    files, notes = archives_of(source.absolute(), settings.shards)
    listing = Listing(files[0].parent, warnings=notes)
    archives: list[_Archive] = []
    n_members = 0
    for file in files:
        found = _members(file, progress, n_members, listing, is_only=len(files) == 1)
        n_members += len(found.files) + len(found.skipped)
        archives.append(_sorted(file, found))
        listing.skipped.extend(Skipped(f"{file.name}/{one.path}", one.reason) for one in found.skipped)
    with memory_for(f"Listing {n_members:,} files", _BYTES_PER_MEMBER * n_members):
        form, said = _form(archives, settings, progress)
        if form:
            return _of_samples(listing, archives, form, said, settings)
        return _of_folders(listing, archives, data, progress)


def _members(file: Path, progress: Progress, n_before: int, listing: Listing, *, is_only: bool) -> Members:
    """Return the members of an archive; one of several that cannot be read does not stop the others."""
    found = members_of(file, progress, n_before)
    if found.fault and is_only and not found.files:
        raise DatasetError(found.fault)
    if found.fault:
        listing.warnings.append(found.fault)
    return found


def _sorted(file: Path, members: Members) -> _Archive:
    """Sort the members of an archive into samples by the part of their names before the first dot."""
    archive = _Archive(file)
    for member in members.files:
        folder, _, name = member.name.rpartition("/")
        stem, _, ending = name.partition(".")
        key, form = f"{folder}/{stem}" if folder else stem, ending.lower()
        if has_image_suffix(name):
            archive.samples.setdefault(key, _Sample()).images.append(member)
        elif is_names_file(name):
            archive.names_file = archive.names_file or member.name
        elif form in FORMS:
            archive.samples.setdefault(key, _Sample()).labels.setdefault(form, member)
        else:
            archive.others.append(member)
    if archive.names_file:
        archive.names = names_from(_content(file, archive.names_file), archive.names_file)
    return archive


def _content(file: Path, name: str) -> bytes:
    try:
        return read_member(file, name, LABEL_BYTES)
    except ImageError:
        return b""


# --- where the classes are ----------------------------------------------------------------------------------------


def _form(
    archives: Sequence[_Archive], settings: TarSettings, progress: Progress
) -> tuple[str, Mapping[tuple[str, str], Said]]:
    """Return in which files next to the images the classes are, empty for folders, and what each of them says."""
    samples = [sample for archive in archives for sample in archive.samples.values() if sample.images]
    if settings.classes_from == "folders":
        return "", {}
    if settings.classes_from != "auto":
        return settings.classes_from, _read(archives, settings.classes_from, settings.class_field, progress)
    for form in FORMS:
        n = sum(form in sample.labels for sample in samples)
        if not n or n < _ENOUGH * len(samples):
            continue
        said = _read(archives, form, settings.class_field, progress)
        labels = [each.label for each in said.values() if each.label]
        if not labels:
            continue
        different = len(set(labels))
        # Texts that all differ are captions.
        if form == "txt" and different > min(_MOST_TEXTS, max(2, _FEW_TEXTS * len(labels))):
            continue
        return form, said
    return "", {}


def _read(
    archives: Sequence[_Archive], form: str, class_field: str, progress: Progress
) -> Mapping[tuple[str, str], Said]:
    said: dict[tuple[str, str], Said] = {}
    for archive in archives:
        for key, sample in archive.samples.items():
            if form in sample.labels and sample.images:
                if len(said) % _REPORT == 0:
                    progress.report(len(said), 0, f"Reading the .{form} files: files")
                member = sample.labels[form]
                if member.size > LABEL_BYTES:
                    fault = f"Its .{form} has {member.size:,} bytes; at most {LABEL_BYTES:,} are read."
                    said[archive.file.name, key] = Said(fault=fault)
                else:
                    said[archive.file.name, key] = read_label(form, _content(archive.file, member.name), class_field)
    return said


# --- samples ------------------------------------------------------------------------------------------------------


def _of_samples(
    listing: Listing,
    archives: Sequence[_Archive],
    form: str,
    said: Mapping[tuple[str, str], Said],
    settings: TarSettings,
) -> Listing:
    """List images whose classes are in files next to them."""
    rows: list[tuple[str, _Archive, Said]] = []
    for archive in archives:
        listing.skipped.extend(_not_images(archive, archive.others))
        for key, sample in archive.samples.items():
            if not sample.images:
                path = archive.path(next(iter(sample.labels.values())).name)
                listing.skipped.append(Skipped(path, "It has no image next to it."))
                continue
            first, *others = _by_likelihood(sample.images)
            reason = f"It is not the image of its sample; {first.name} was used."
            listing.skipped.extend(Skipped(archive.path(one.name), reason) for one in others)
            found = said.get((archive.file.name, key), Said(fault=f"It has no .{form} next to it."))
            if found.label:
                rows.append((archive.path(first.name), archive, found))
            else:
                listing.skipped.append(Skipped(archive.path(first.name), found.fault))
    if not rows:
        example = f", such as {listing.skipped[0].path}: {listing.skipped[0].reason}" if listing.skipped else ""
        raise DatasetError(
            f"No image has a class in a .{form}{example} Use --tar-classes folders, or cls, json or txt."
        )
    names, names_file = _names(archives, listing.root)
    classes, is_named = named_classes([found.label for _, _, found in rows], names)
    columns, group = _columns([found.fields for _, _, found in rows], settings.group_column)
    listing = replace(listing, columns=columns, read_as={"classes_from": f".{form}"})
    if group:
        listing.read_as["group_column"] = group
    for (path, archive, found), class_name in zip(rows, classes, strict=True):
        more = tuple(found.fields.get(column, "") for column in columns)
        split = split_of(archive.file.name)
        listing.entries.append(Entry(path, class_name, split, found.fields.get(group, "") if group else "", more))
    _one_split(listing)
    if form == "txt":
        listing.warnings.append("The texts in the .txt files were read as classes; --tar-classes folders uses folders.")
    if is_named:
        listing.warnings.append(f"Classes are named by {names_file}.")
    elif names and any(not label.isdecimal() for label in set(classes)) is False:
        listing.warnings.append(f"{names_file} does not name all classes, so they are named by their numbers.")
    warn_of_spellings(listing)
    return listing


def _by_likelihood(images: Sequence[Member]) -> list[Member]:
    """Return the images of one sample, masks and other parts last."""

    def rank(member: Member) -> tuple[bool, int]:
        words = member.name.rpartition("/")[2].lower().split(".")[1:-1]
        return (any(word in _MASKS for word in words), len(words))

    return sorted(images, key=rank)


def _names(archives: Sequence[_Archive], folder: Path) -> tuple[Mapping[str, str], str]:
    """Return the names of classes by their numbers, and the file that has them."""
    for archive in archives:
        if archive.names:
            return archive.names, archive.path(archive.names_file)
    return names_beside(folder)


def _columns(rows: Sequence[Mapping[str, str]], wanted: str) -> tuple[tuple[str, ...], str]:
    """Return the fields that are kept as columns, and that of the groups."""
    counts = Counter(name for row in rows for name, value in row.items() if value)
    names = [name for name, _ in counts.most_common(40)]
    group = ""
    if wanted and wanted != NONE:
        group = next((name for name in names if name.casefold() == wanted.casefold()), "")
        if not group:
            found = ", ".join(names[:12]) or "no other fields"
            raise DatasetError(f"The .json files have no field {wanted}; found {found}.")
    elif not wanted:
        group = next((name for name in names if is_group_field(name)), "")
    first_seen = dict.fromkeys(name for row in rows[:1000] for name in row)
    order = [*(name for name in first_seen if name in names), *(name for name in names if name not in first_seen)]
    return tuple(name for name in order if name != group), group


def _one_split(listing: Listing) -> None:
    """Leave the split to the program if all archives are named like one set, as it cannot be a whole one then."""
    sets = {entry.split for entry in listing.entries}
    if len(sets) == 1:
        listing.entries[:] = [replace(entry, split=None) for entry in listing.entries]


# --- folders ------------------------------------------------------------------------------------------------------


def _of_folders(listing: Listing, archives: Sequence[_Archive], data: DataSettings, progress: Progress) -> Listing:
    """List images whose classes are the folders inside the archives."""
    found = Listing(listing.root)
    for archive in archives:
        listing.skipped.extend(_not_images(archive, archive.others))
        for sample in archive.samples.values():
            found.entries.extend(Entry(archive.path(member.name), "") for member in sample.images)
            listing.skipped.extend(_not_images(archive, list(sample.labels.values())))
    if not found.entries:
        return listing
    if data.leave_out_masks:
        leave_masks_out(found, lambda path: _pixels(listing.root, path))
    progress.report(len(found.entries), 0, "Listing: images")
    inner = Listing(listing.root, [replace(entry, path=entry.path.partition("/")[2]) for entry in found.entries])
    by_folder = images_by_folder(inner)
    reading = guess_reading(by_folder) if data.layout in ("auto", "plain") else read_as(data.layout, by_folder)
    placed = listed_by(_below_archive(reading), found, [])
    if not placed.entries:
        words = "no .cls, .json or .txt files with classes next to its images, and no class folders"
        raise DatasetError(
            f"{archives[0].file.name} has {words}; expected one of these, such as 000001.jpg with 000001.cls."
        )
    splits = {archive.file.name: split_of(archive.file.name) for archive in archives}
    if "split" not in reading.levels:
        placed.entries[:] = [
            replace(entry, split=splits[entry.path.partition("/")[0]]) if any(splits.values()) else entry
            for entry in placed.entries
        ]
        _one_split(placed)
    return replace(
        placed,
        skipped=[*listing.skipped, *placed.skipped],
        warnings=[*listing.warnings, *placed.warnings],
        read_as={"classes_from": "folders", "layout": reading.layout},
    )


def _below_archive(reading: FolderReading) -> FolderReading:
    """Return a reading of the folders inside an archive for paths that begin with the archive."""
    return replace(reading, levels=("any", *reading.levels))


def _pixels(root: Path, path: str) -> RGBArray:
    file, _, name = path.partition("/")
    return settled(decode(read_member(root / file, name, BYTE_LIMIT), BEFORE))


def _not_images(archive: _Archive, members: Sequence[Member]) -> list[Skipped]:
    return [Skipped(archive.path(member.name), "It is not an image file.") for member in members]
