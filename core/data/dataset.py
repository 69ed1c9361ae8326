"""Open a source of labelled images: list it, decode each image once, and say what was left out and why."""

import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from core.cache import fingerprint
from core.cache_use import use_place
from core.data.description import Match, Source
from core.data.duplicates import find_duplicates
from core.data.listing import Listing
from core.data.scanning import Scanned, decode_all
from core.data.sources import SOURCES, source_of
from core.data.stored import load_dataset, save_dataset
from core.descriptions import SettingsPart
from core.errors import CacheError, DatasetError, MissingSourceError, ReadOnlyCacheError
from core.files import reason_of
from core.housekeeping import sweep_once
from core.progress import NO_PROGRESS, Progress
from core.reading import open_regular
from core.resources import expanded
from core.results import Dataset, Image, Skipped
from core.settings import DataSettings, own_settings, settings_to_dict

__all__ = ["find_duplicates", "load_dataset", "save_dataset", "scan", "stored_file"]

_LOG = logging.getLogger(__name__)
_FEW = 4
_HEAD_BYTES = 512


def scan(
    source: Path,
    *,
    cache_folder: Path,
    previous: Dataset | None = None,
    settings: DataSettings | None = None,
    progress: Progress = NO_PROGRESS,
) -> Dataset:
    """Scan whatever one of the sources in `core.data.sources` can read.

    Every image is decoded once: its hashes, size and thumbnail come from the same pixels. What has not
    changed since an earlier scan (`previous`, or what the cache holds of this source) is not decoded again.

    Parameters
    ----------
    source : Path
        What the user opened; content decides what it is.
    cache_folder : Path
        Where thumbnails and the result go.
    previous : Dataset, optional
        An earlier scan, such as the project's.
    settings : DataSettings, optional
        Hold what sources have as settings of their own.
    progress : Progress

    Returns
    -------
    Dataset
        Files that are no usable images are in `skipped` with the reason, and never stop the scan.

    Raises
    ------
    DatasetError
        If there is no usable image at all, or the source cannot be read.
    MissingSourceError
        If it was scanned before by a source that is not installed now.
    CacheError
        If the cache folder cannot be written. One that may only be read is used as it is: thumbnails and the result
        are not kept then.
    CancelledError
        If the user asked to stop. What was scanned is kept, and the next scan goes on from there.
    """
    sweep_once(cache_folder)
    source = expanded(source).absolute()
    stored = stored_file(cache_folder, source)
    use_place(cache_folder, stored)
    earlier = _earlier(source, stored, previous)
    settings = settings or DataSettings()
    kind = _recognised(source, settings)
    own = own_settings(settings, kind)
    if own is not None:
        stored = stored_file(cache_folder, source, own)
        use_place(cache_folder, stored)
    listing = kind.listing(source, own, progress, settings)
    for warning in listing.warnings:
        _LOG.info("%s", warning)
    known = _known(kind, earlier)
    scanned = Scanned()
    try:
        decode_all(listing, kind.reader, cache_folder, known, progress, scanned)
    except BaseException:
        if scanned.n_decoded:
            with suppress(CacheError):
                save_dataset(_dataset(source, kind, listing, scanned, known), stored)
        raise
    dataset = _dataset(source, kind, listing, scanned)
    if not dataset.images:
        raise DatasetError(_nothing(source, dataset))
    with suppress(ReadOnlyCacheError):  # scanned again next time
        save_dataset(dataset, stored)
        use_place(cache_folder, stored)  # where it is the first that stands in the cache
    return dataset


def stored_file(cache_folder: Path, source: Path, own: SettingsPart | None = None) -> Path:
    """Return where the cache holds the last scan of `source`, read under settings of its kind where it has any."""
    # Neutral settings are left out, so that what was kept before there were any is found.
    chosen = settings_to_dict(own) if own is not None else {}
    name = fingerprint(str(expanded(source).absolute()), *([chosen] if chosen else []))
    return cache_folder / "datasets" / f"{name}.json"


def _recognised(path: Path, settings: DataSettings) -> Source:
    """Return the source that is surest that `path` is its own; of equally sure ones the first in the registry."""
    try:
        head = b"" if path.is_dir() else _head(path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be opened ({reason_of(error)}). Expected {SOURCES.expected()}.") from error
    best, surest, faults = None, Match.NO, []
    for source in SOURCES.values():
        try:
            match = source.match(path, head, settings)
        except Exception as error:
            if source.name not in SOURCES.plugins:
                raise
            # A plugin that fails must not keep anybody from what it has no part in.
            faults.append(f" The plugin {SOURCES.plugins[source.name]} could not be asked: {error}.")
            continue
        if match > surest:
            best, surest = source, match
    if best is None:
        raise DatasetError(f"{path} cannot be read. Expected {SOURCES.expected()}.{''.join(faults)}")
    return best


def _head(file: Path) -> bytes:
    with open_regular(file) as stream:
        return stream.read(_HEAD_BYTES)


def _earlier(source: Path, stored: Path, previous: Dataset | None) -> list[Dataset]:
    """Return the earlier scans: what the cache holds, and `previous`."""
    earlier = []
    try:
        earlier.append(load_dataset(stored))
    except MissingSourceError as error:
        raise MissingSourceError(
            f"{source} was scanned by a source that is missing now. {error} To open it in another way, empty the cache."
        ) from error
    except DatasetError:
        pass
    if previous is not None:
        earlier.append(previous)  # whatever its root: the folder may have moved
    return earlier


def _known(kind: Source, earlier: list[Dataset]) -> dict[str, Image]:
    """Return earlier facts by entry path, later scans over earlier ones.

    Facts of files are good for whatever source names the file; those of anything else for the same source alone.
    """
    good = {each.name for each in SOURCES.values() if each.holds == kind.holds == "files"} | {kind.name}
    return {image.path: image for dataset in earlier if dataset.kind in good for image in dataset.images}


def _dataset(
    source: Path, kind: Source, listing: Listing, scanned: Scanned, known: dict[str, Image] | None = None
) -> Dataset:
    images = {**(known or {}), **{image.path: image for image in scanned.images}}
    return Dataset(
        root=listing.root,
        source=source,
        kind=kind.name,
        images=tuple(images[path] for path in sorted(images)),
        skipped=tuple(sorted(listing.skipped + scanned.skipped, key=lambda skipped: skipped.path)),
        warnings=(*listing.warnings, *_tables_beside(kind, listing.skipped), *_class_warnings(kind, listing, scanned)),
        read_as=listing.read_as,
        others=listing.others,
        columns=listing.columns,
    )


def _tables_beside(kind: Source, skipped: Iterable[Skipped]) -> list[str]:
    """Name what lies loose in a folder and can be opened itself, such as a table of the classes."""
    if not kind.is_folder:
        return []
    found = [one.path for one in skipped if "/" not in one.path and Path(one.path).suffix.lower() in SOURCES.suffixes]
    if not found:
        return []
    words = ", ".join(sorted(found)[:3])
    return [f"The folder holds {words}, which is not read with it. If it names the classes, open it itself."]


def _class_warnings(kind: Source, listing: Listing, scanned: Scanned) -> list[str]:
    counts = Counter(image.class_name for image in scanned.images)
    said = dict.fromkeys(entry.class_name for entry in listing.entries)
    warnings = [f"The class “{name}” has no usable image." for name in sorted(said) if name not in counts]
    if len(counts) == 1:
        name = next(iter(counts))
        advice = kind.reader.one_class_advice(scanned.images)
        warnings.append(f"There is one class only, “{name}”. Training and comparing want at least two{advice}.")
    for name, count in sorted(counts.items()):
        if count < _FEW:
            noun = "image" if count == 1 else "images"
            warnings.append(f"The class “{name}” has {count} {noun} only; too few to judge it by.")
    return warnings


def _nothing(source: Path, dataset: Dataset) -> str:
    expected = f"Expected {SOURCES.expected()}."
    if not dataset.skipped:
        return f"{source} holds no images. {expected}"
    expected = " ".join([expected, *_tables_beside(source_of(dataset.kind), dataset.skipped)])
    reasons = Counter(skipped.reason for skipped in dataset.skipped)
    reason, count = reasons.most_common(1)[0]
    example = next(skipped.path for skipped in dataset.skipped if skipped.reason == reason)
    noun = "file" if len(dataset.skipped) == 1 else "files"
    return (
        f"{source} holds no usable image: {len(dataset.skipped):,} {noun} left out, "
        f"{count:,} of them as {example}: {reason} {expected}"
    )
