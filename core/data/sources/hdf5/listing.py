"""List the images of HDF5 files: find the arrays of images and labels, and what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coreset_studio.core.data.listing import Entry, Listing, is_text, warn_of_spellings
from coreset_studio.core.data.sources.hdf5.arrays import (
    IncompleteError,
    Pair,
    axes_of,
    channel_axis,
    check_images,
    found_words,
    label_key_of,
    missing_note,
    no_labels,
    pairs_of,
    refuse_matlab,
)
from coreset_studio.core.data.sources.hdf5.container import ArrayFacts, opened
from coreset_studio.core.data.sources.hdf5.labels import Labels, read_labels
from coreset_studio.core.data.sources.hdf5.names import Family, FileSet, family_in, family_of, name_of
from coreset_studio.core.data.sources.hdf5.paths import row_path
from coreset_studio.core.data.sources.hdf5.settings import NONE, Hdf5Settings
from coreset_studio.core.data.sources.hdf5.tables import Columns, columns_of
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.memory import memory_for
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Skipped, SplitName

_BYTES_PER_ENTRY = 500
_NAMED = 3
_NO_CLASS = "It has no class: its label is missing, negative or not one class."


@dataclass(frozen=True)
class _Part:
    """The images of one array, as they are listed."""

    file: Path
    pair: Pair
    split: SplitName | None
    axis: str
    labels: Labels
    columns: Columns


def list_hdf5(source: Path, settings: Hdf5Settings, progress: Progress = NO_PROGRESS) -> Listing:
    """List the images of an HDF5 file, or of the files of a folder.

    Parameters
    ----------
    source : Path
        A file, or a folder with pairs of files.
    settings : Hdf5Settings
    progress : Progress

    Raises
    ------
    DatasetError
        If it cannot be read, has no arrays of images and labels, or they do not fit.
    CancelledError
        If the user cancelled.
    """
    family = _family(source, settings)
    folder = source if source.is_dir() else source.parent
    listing = Listing(folder.absolute())
    parts: list[_Part] = []
    incomplete: list[IncompleteError] = []
    for one in family.sets:
        progress.report(len(parts), 0, "Reading the labels: files")
        try:
            parts += _parts_of(one, settings, listing)
        except IncompleteError as error:
            if source.absolute() in (one.images, one.labels):
                raise
            incomplete.append(error)
    if not parts and incomplete:
        raise incomplete[0]
    listing.warnings.extend(f"{error} The set was not read." for error in incomplete)
    _check_columns(settings.group_column, parts)
    listing = Listing(listing.root, warnings=listing.warnings, columns=_names_of_others(parts), read_as=_read_as(parts))
    n_images = sum(len(part.labels.classes) for part in parts)
    with memory_for(f"Listing {n_images:,} images", _BYTES_PER_ENTRY * n_images):
        _add_entries(listing, parts, progress)
    listing.warnings.extend(_notes(source, family, parts, settings))
    warn_of_spellings(listing)
    return listing


def _family(source: Path, settings: Hdf5Settings) -> Family:
    if not source.is_dir():
        return family_of(source.absolute(), alone=settings.files == "one")
    found = family_in(source.absolute())
    if found is None:
        raise DatasetError(
            f"{source} contains no HDF5 files whose names end in x and y, or contain train and test; open one of its "
            "files."
        )
    return found


def _parts_of(one: FileSet, settings: Hdf5Settings, listing: Listing) -> list[_Part]:
    """Return the images of a file with those of its labels and tables."""
    # A file of that name may hold both.
    images_file, labels_file = (one.images, one.labels) if one.images is not None else (one.labels, None)
    if images_file is None:
        return []
    if not is_text(images_file.name) or "/" in images_file.name:
        raise DatasetError(f"The name of the file {images_file.name!r} is not valid text; rename it.")
    with opened(images_file) as container:
        refuse_matlab(container)
        pairs = pairs_of(container, settings, has_file=labels_file is not None)
        for pair in pairs:
            check_images(container.file.name, pair.images)
        parts = []
        without = [pair for pair in pairs if pair.labels is None and labels_file is None]
        if without and len(without) == len(pairs):
            raise IncompleteError(no_labels(container, without[0].images))
        for pair in without:
            note = f"{pair.images.key} of {images_file.name} was not read, since there are no labels for it."
            listing.warnings.append(note)
        for pair in pairs:
            n_rows = pair.images.shape[0]
            if pair in without:
                continue
            labels = (
                read_labels(container, pair.labels, n_rows, f"{pair.images.key} of {images_file.name}")
                if pair.labels is not None
                else _from_file(labels_file or images_file, settings.label_key, pair.images, images_file)
            )
            columns = columns_of(container, n_rows, one.tables, settings.group_column)
            axis, note = channel_axis(pair.images, settings.channel_axis)
            listing.warnings.extend(each for each in (*columns.notes, labels.note, note) if each)
            listing.warnings.extend(missing_note(images_file, pair.images))
            parts.append(_Part(images_file, pair, one.split or pair.split, axis, labels, columns))
    return parts


def _from_file(file: Path, key: str, images: ArrayFacts, images_file: Path) -> Labels:
    """Return the labels of a file of their own."""
    n_rows = images.shape[0]
    with opened(file) as container:
        found = label_key_of(container, key, n_rows, None, images.key)
        if found is None:
            numbers = [each for each in container.arrays.values() if not each.fault and each.shape]
            if len(numbers) == 1:  # its length will be wrong
                found = numbers[0].key
            else:
                raise DatasetError(
                    f"{file.name} has no array of labels for the {n_rows:,} images of {images_file.name}; "
                    f"{found_words(container)} Specify it (--label-key)."
                )
        return read_labels(container, found, n_rows, f"{images.key} of {images_file.name}")


# --- the listing --------------------------------------------------------------------------------------------------


def _add_entries(listing: Listing, parts: Sequence[_Part], progress: Progress) -> None:
    width = max((len(str(max(part.labels.numbers))) for part in parts if part.labels.numbers), default=0)
    for part in parts:
        progress.report(len(listing.entries), 0, "Listing: images")
        classes = part.labels.classes
        # Of its own array, so that the path of an image is the same whatever is read with it.
        n_digits = len(str(len(classes)))
        if part.labels.numbers:  # as many digits in every set of the split
            names = {name: name and name.zfill(width) for name in set(classes)}
            classes = [names[name] for name in classes]
        groups = part.columns.groups or [""] * len(classes)
        others = [part.columns.others.get(name, ()) for name in listing.columns]
        for row, (class_name, group) in enumerate(zip(classes, groups, strict=True)):
            path = row_path(part.file.name, part.pair.images.key, row, n_digits, _stated(part))
            if not class_name:
                listing.skipped.append(Skipped(path, _NO_CLASS))
                continue
            more = tuple(cells[row] if cells else "" for cells in others)
            listing.entries.append(Entry(path, class_name, part.split, group, more))


def _stated(part: _Part) -> str:
    """Return the axis of the channels if it is not what the shape alone means."""
    possible = axes_of(part.pair.images.shape)
    return part.axis if possible and part.axis != possible[0] else ""


def _names_of_others(parts: Sequence[_Part]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part.columns.others))


def _check_columns(wanted: str, parts: Sequence[_Part]) -> None:
    if not wanted or wanted == NONE or any(part.columns.group_column for part in parts):
        return
    found = ", ".join(_names_of_others(parts)) or "no table next to the file"
    raise DatasetError(f"There is no column or array {wanted} with a value for each image; found {found}.")


def _read_as(parts: Sequence[_Part]) -> dict[str, str]:
    def each(values: Sequence[str | None]) -> str:
        return ", ".join(dict.fromkeys(value for value in values if value))

    found = {
        "image_key": each([part.pair.images.key for part in parts]),
        "label_key": each([part.pair.labels for part in parts]),
        "group_column": each([part.columns.group_column for part in parts]),
        "channel_axis": each([part.axis for part in parts]),
    }
    return {name: value for name, value in found.items() if value}


def _notes(source: Path, family: Family, parts: Sequence[_Part], settings: Hdf5Settings) -> list[str]:
    notes = []
    files = list(dict.fromkeys(part.file.name for part in parts))
    if len(files) > 1 and not source.is_dir():
        notes.append(
            f"{_some(files)} were read together, as the sets of one split. To read {source.name} only, use "
            "“Files of the split” (--hdf5-files one)."
        )
    if source.is_dir() and family.rest:
        notes.append(f"The folder also contains {_some(family.rest)}, which was not read; open it instead.")
    for part in parts[:1]:
        key, labels = part.pair.images.key, part.pair.labels
        guessed = name_of(key).role != "images" and not settings.image_key
        guessed |= labels is not None and name_of(labels).role != "labels" and not settings.label_key
        if guessed:
            of = f"{labels} as the labels" if labels is not None else "the labels of the other file"
            notes.append(
                f"{key} of {part.file.name} was read as the images, {of}. Change it with --image-key and --label-key."
            )
    return notes


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    if rest > 0:
        return f"{', '.join(names[:_NAMED])} and {rest:,} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
