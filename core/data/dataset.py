"""Open a source of labelled images: list it, decode each image once, and list skipped files with the reasons."""

import logging
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from coreset_studio.core.cache import fingerprint
from coreset_studio.core.cache_use import use_place
from coreset_studio.core.data.braces import is_pattern
from coreset_studio.core.data.description import Match, Source
from coreset_studio.core.data.duplicates import find_duplicates
from coreset_studio.core.data.headers import is_comparable, with_header_facts
from coreset_studio.core.data.levels import fixed
from coreset_studio.core.data.listing import Listing
from coreset_studio.core.data.paged import with_each_page
from coreset_studio.core.data.reading_notes import ignored_notes, reading_notes
from coreset_studio.core.data.readings import reading_of, rules_alone, stored_choices
from coreset_studio.core.data.relabelling import relabelled
from coreset_studio.core.data.scanning import Scanned, decode_all
from coreset_studio.core.data.sources import SOURCES, source_of
from coreset_studio.core.data.stored import load_dataset, save_dataset
from coreset_studio.core.data.unlabelled import with_unlabelled, without_labels
from coreset_studio.core.descriptions import SettingsPart
from coreset_studio.core.errors import CacheError, CancelledError, DatasetError, MissingSourceError, ReadOnlyCacheError
from coreset_studio.core.files import reason_of
from coreset_studio.core.garbage import collection_paused, old_objects_left_alone
from coreset_studio.core.housekeeping import sweep_once
from coreset_studio.core.memory import LIBRARY_BYTES, memory_for
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import open_regular
from coreset_studio.core.resources import expanded
from coreset_studio.core.results import Dataset, Image, Reading, Skipped
from coreset_studio.core.settings import DataSettings, own_settings, settings_to_dict

__all__ = ["find_duplicates", "list_images", "load_dataset", "save_dataset", "scan", "stored_file"]

_LOG = logging.getLogger(__name__)
_FEW = 4
# Of a scan, measured by `benchmarks/memory.py`.
BYTES_PER_IMAGE = 1800
_HEAD_BYTES = 512


def scan(
    source: Path,
    *,
    cache_folder: Path,
    previous: Dataset | None = None,
    settings: DataSettings | None = None,
    complete: bool = False,
    progress: Progress = NO_PROGRESS,
) -> Dataset:
    """Scan a path that one of the sources in `core.data.sources` can read.

    Every image is decoded once: its hashes, size and thumbnail come from the same pixels. What has not
    changed since an earlier scan (`previous`, or what the cache holds of this source) is not decoded again.

    Parameters
    ----------
    source : Path
        The opened path; its content determines the source.
    cache_folder : Path
        Where thumbnails and the result go.
    previous : Dataset, optional
        An earlier scan, such as the project's.
    settings : DataSettings, optional
        Hold what sources have as settings of their own.
    complete : bool
        Decode unchanged images again whose quality an earlier version did not measure, once, as long as the result can
        be kept.
    progress : Progress

    Returns
    -------
    Dataset
        Files that are not usable images are in `skipped` with the reason, and never stop the scan.

    Raises
    ------
    DatasetError
        If there is no usable image at all, or the source cannot be read.
    MissingSourceError
        If it was scanned before by a source that is not installed now.
    CacheError
        If the cache folder cannot be written. One that may only be read is used as it is: thumbnails and the result
        are not kept then.
    MemoryShortError
        If the facts of all its images need more memory than there is; no image was decoded then.
    CancelledError
        If the user cancelled. What was scanned is kept, and the next scan resumes there.
    """
    sweep_once(cache_folder)
    source = expanded(source).absolute()
    settings = settings or DataSettings()
    without_own = stored_file(cache_folder, source, None, rules_alone(settings))
    earlier = _earlier(source, without_own)
    kind = _recognised(source, settings)
    own = own_settings(settings, kind)
    stored = stored_file(cache_folder, source, own, settings)
    use_place(cache_folder, stored)
    if stored != without_own:
        earlier += _earlier(source, stored)
    if previous is not None:
        earlier.append(previous)  # of any root: the folder may have been moved
    reading = _fixed_before(reading_of(settings), earlier)
    listing = _listed(source, kind, settings, progress)
    for warning in listing.warnings:
        _LOG.info("%s", warning)
    known = _known(kind, earlier, reading)
    good = _measured(known) if complete and _can_be_written(stored) else known
    with memory_for(f"Scanning {len(listing.entries):,} images", scan_bytes(len(listing.entries))):
        scanned, reading = _decoded(source, kind, listing, reading, known, good, cache_folder, stored, progress)
        with collection_paused():
            dataset = with_header_facts(_dataset(source, kind, listing, scanned, reading), settings.header_groups)
            ignored = ignored_notes(dataset.images, reading_of(settings))
            dataset = replace(dataset, warnings=(*dataset.warnings, *ignored))
            return _finished(source, dataset, scanned, cache_folder, stored, progress)


def list_images(source: Path, settings: DataSettings, progress: Progress = NO_PROGRESS) -> Listing:
    """Return the listing of a source, with the classes of the source; nothing is decoded.

    Raises
    ------
    DatasetError
        If it cannot be read or is not valid.
    """
    source = expanded(source).absolute()
    return _listed(
        source, _recognised(source, settings), replace(settings, relabelled=(), ignore_labels=False), progress
    )


def _listed(source: Path, kind: Source, settings: DataSettings, progress: Progress) -> Listing:
    """Return the listing of a source, with the classes corrected by the user."""
    listing = kind.listing(source, own_settings(settings, kind), progress, settings)
    if settings.pages == "each" and kind.holds == "files":
        listing = with_each_page(listing, progress)
    listing = with_unlabelled(listing, settings, is_folder=kind.is_folder)
    return without_labels(relabelled(listing, settings.relabelled), settings)


def scan_bytes(n_images: int) -> int:
    """Return what a scan takes at its peak in addition to the list of its images, in bytes.

    The facts of every image and the text that they are kept as; a decoded image, of which each thread has one, is
    small in comparison or is refused separately.
    """
    return BYTES_PER_IMAGE * n_images + LIBRARY_BYTES


def _decoded(
    source: Path, kind: Source, listing: Listing, reading: Reading, known: dict[str, Image], good: dict[str, Image],
    cache_folder: Path, stored: Path, progress: Progress,
) -> tuple[Scanned, Reading]:  # fmt: skip
    """Decode what is listed, and return how all are read; where that is stopped, what was decoded is kept.

    Of what is `known` from an earlier scan, what is `good` is not decoded again if it has not changed.
    """
    scanned = Scanned()
    try:
        with old_objects_left_alone():
            decode_all(listing, kind, reading, cache_folder, good, progress, scanned)
            # Before anything is decoded by it: what is kept of a scan that is stopped holds for the next one.
            reading, again = _fixed_together(listing, reading, scanned)
            if again.entries:
                decode_all(again, kind, reading, cache_folder, {}, progress, scanned)
    except BaseException:
        if scanned.n_decoded:
            with suppress(CacheError):
                save_dataset(_dataset(source, kind, listing, scanned, reading, known), stored)
        raise
    return scanned, reading


def _finished(
    source: Path, dataset: Dataset, scanned: Scanned, cache_folder: Path, stored: Path, progress: Progress
) -> Dataset:
    """Return the dataset that was scanned, and keep it."""
    if not dataset.images:
        raise DatasetError(_nothing(source, dataset))
    with suppress(ReadOnlyCacheError):  # scanned again next time
        _keep(dataset, stored, progress, worth_it=scanned.n_decoded > 0)
        use_place(cache_folder, stored)  # where it is the first that is in the cache
    return dataset


def _keep(dataset: Dataset, stored: Path, progress: Progress, *, worth_it: bool) -> None:
    """Write a finished scan; if the user cancels meanwhile, it is written first if it was worth the time."""
    try:
        save_dataset(dataset, stored, progress)
    except CancelledError:
        if worth_it:
            save_dataset(dataset, stored)
        raise


def stored_file(
    cache_folder: Path, source: Path, own: SettingsPart | None = None, settings: DataSettings | None = None
) -> Path:
    """Return where the cache contains the last scan of `source`.

    Parameters
    ----------
    own : SettingsPart, optional
        Settings of its kind, where it has any.
    settings : DataSettings, optional
        Determine how stored values become pixels; the defaults if not given.
    """
    choices = stored_choices(settings or DataSettings())
    # Neutral settings are excluded, so that what was kept before there were any is found.
    chosen = [settings_to_dict(own) if own is not None else {}, choices]
    name = fingerprint(str(expanded(source).absolute()), *(each for each in chosen if each))
    return cache_folder / "datasets" / f"{name}.json"


def _recognised(path: Path, settings: DataSettings) -> Source:
    """Return the source that matches `path` best; of equal matches the first in the registry."""
    try:
        # A name with braces names several files.
        nothing_to_read = path.is_dir() or (is_pattern(path.name) and not path.exists())
        head = b"" if nothing_to_read else _head(path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be opened ({reason_of(error)}). Expected {SOURCES.expected()}.") from error
    best, best_match, faults = None, Match.NO, []
    for source in SOURCES.values():
        try:
            match = source.match(path, head, settings)
        except Exception as error:
            if source.name not in SOURCES.plugins:
                raise
            # A failing plugin must not prevent opening other sources.
            faults.append(f" The plugin {SOURCES.plugins[source.name]} could not check it: {error}.")
            continue
        if match > best_match:
            best, best_match = source, match
    if best is None:
        raise DatasetError(f"{path} cannot be read. Expected {SOURCES.expected()}.{''.join(faults)}")
    return best


def _head(file: Path) -> bytes:
    with open_regular(file) as stream:
        return stream.read(_HEAD_BYTES)


def _earlier(source: Path, place: Path) -> list[Dataset]:
    """Return the earlier scan of `source` that the cache holds, if any.

    Raises
    ------
    MissingSourceError
        If it was made by a source that is missing now.
    """
    try:
        return [load_dataset(place)]
    except MissingSourceError as error:
        raise MissingSourceError(
            f"{source} was scanned by a source that is no longer installed. {error} To open it with another "
            "source, empty the cache."
        ) from error
    except DatasetError:
        return []


def _fixed_before(reading: Reading, earlier: list[Dataset]) -> Reading:
    """Return `reading` with what an earlier scan under the same rules fixed; the settings take precedence."""
    for dataset in reversed(earlier):
        before = dataset.reading
        if before.same_rules(reading):
            return replace(
                reading,
                ranges={**before.ranges, **reading.ranges} if "" not in reading.ranges else reading.ranges,
                alphas={**before.alphas, **reading.alphas},
            )
    return reading


def _fixed_together(listing: Listing, reading: Reading, scanned: Scanned) -> tuple[Reading, Listing]:
    """Fix what images wait for, from all of them together; return how all are read, and what to decode once more."""
    waiting, scanned.waiting = sorted(scanned.waiting, key=lambda each: each.entry.path), []
    reading = fixed(reading, ((each.stored, each.survey, each.open_alpha) for each in waiting))
    return reading, replace(listing, entries=[each.entry for each in waiting])


def _known(kind: Source, earlier: list[Dataset], reading: Reading) -> dict[str, Image]:
    """Return earlier facts by entry path, later scans over earlier ones.

    Facts of files are good for whatever source names the file; those of anything else for the same source alone. They
    are good while stored values become the same pixels.
    """
    good = {each.name for each in SOURCES.values() if each.holds == kind.holds == "files"} | {kind.name}
    return {
        image.path: image
        for dataset in earlier
        if dataset.kind in good and dataset.reading.same_rules(reading)
        for image in dataset.images
        if _is_read_equally(image, dataset.reading, reading) and is_comparable(image)
    }


def _measured(known: dict[str, Image]) -> dict[str, Image]:
    """Return the images whose quality was measured."""
    return {path: image for path, image in known.items() if image.quality is not None}


def _can_be_written(stored: Path) -> bool:
    """Return whether a scan can be kept; images that are measured for nothing would be measured at every scan."""
    folder = stored.parent if stored.parent.exists() else stored.parent.parent
    return os.access(folder, os.W_OK)


def _is_read_equally(image: Image, before: Reading, now: Reading) -> bool:
    """Return whether an image has the same pixels under two readings of the same rules."""
    stored = image.stored
    return stored is None or (
        (not stored.kind or bool(stored.window) or before.range_of(stored.kind) == now.range_of(stored.kind))
        and (not stored.alpha or before.alpha_of(stored.alpha) == now.alpha_of(stored.alpha))
    )


def _dataset(
    source: Path,
    kind: Source,
    listing: Listing,
    scanned: Scanned,
    reading: Reading,
    known: dict[str, Image] | None = None,
) -> Dataset:
    n_columns = len(listing.columns)
    # What is known of earlier scans may have columns from headers behind those of the listing.
    before = {path: replace(image, more=image.more[:n_columns]) for path, image in (known or {}).items()}
    images = {**before, **{image.path: image for image in scanned.images}}
    found = tuple(images[path] for path in sorted(images))
    tables = _tables_beside(kind, (*listing.skipped, *scanned.skipped))
    return Dataset(
        root=listing.root,
        source=source,
        kind=kind.name,
        images=found,
        skipped=tuple(sorted(listing.skipped + scanned.skipped, key=lambda skipped: skipped.path)),
        warnings=(
            # A table may list the classes of images that have none without it, so it is named first.
            *(tables if "unlabelled" in listing.read_as else ()),
            *listing.warnings,
            *(() if "unlabelled" in listing.read_as else tables),
            *reading_notes(found, reading),
            *_class_warnings(kind, listing, scanned),
        ),
        reading=reading,
        read_as=listing.read_as,
        others=listing.others,
        columns=listing.columns,
    )


def _tables_beside(kind: Source, skipped: Iterable[Skipped]) -> list[str]:
    """Name what is loose in a folder and can be opened itself, such as a table of the classes."""
    if not kind.is_folder:
        return []
    loose = [one.path for one in skipped if "/" not in one.path and not one.path.startswith(".")]
    found = [path for path in loose if Path(path).suffix.lower() in SOURCES.suffixes]
    if not found:
        return []
    words = ", ".join(sorted(found)[:3])
    lists = all(SOURCES[name].holds == "files" for path in found for name in SOURCES.likely(Path(path)))
    what = "lists the classes" if lists else "contains the images"
    return [f"The folder contains {words}, which was not read. If it {what}, open it instead."]


def _class_warnings(kind: Source, listing: Listing, scanned: Scanned) -> list[str]:
    unlabelled = listing.read_as.get("unlabelled", "")
    counts = Counter(image.class_name for image in scanned.images if image.class_name != unlabelled)
    named = dict.fromkeys(entry.class_name for entry in listing.entries if entry.class_name != unlabelled)
    warnings = [f"The class “{name}” has no usable image." for name in sorted(named) if name not in counts]
    if len(counts) == 1:
        name = next(iter(counts))
        advice = kind.reader.one_class_advice(scanned.images)
        warnings.append(f"There is only one class, “{name}”. Training and comparison require at least two{advice}.")
    for name, count in sorted(counts.items()):
        if count < _FEW:
            noun = "image" if count == 1 else "images"
            warnings.append(f"The class “{name}” has only {count} {noun}, too few to evaluate it.")
    return warnings


def _nothing(source: Path, dataset: Dataset) -> str:
    expected = f"Expected {SOURCES.expected()}."
    if not dataset.skipped:
        return f"{source} contains no images. {expected}"
    expected = " ".join([expected, *_tables_beside(source_of(dataset.kind), dataset.skipped)])
    reasons = Counter(skipped.reason for skipped in dataset.skipped)
    reason, count = reasons.most_common(1)[0]
    example = next(skipped.path for skipped in dataset.skipped if skipped.reason == reason)
    noun = "file" if len(dataset.skipped) == 1 else "files"
    return (
        f"{source} contains no usable image: {len(dataset.skipped):,} {noun} skipped, "
        f"{count:,} of them as {example}: {reason} {expected}"
    )
