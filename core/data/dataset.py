"""Open a source of labelled images: list it, decode each image once, and say what was left out and why."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

from core.cache import fingerprint
from core.data.duplicates import find_duplicates
from core.data.folders import list_folder
from core.data.listing import Listing
from core.data.npz import list_npz
from core.data.scanning import Scanned, decode_all
from core.data.stored import load_dataset, save_dataset
from core.data.tables import list_table
from core.errors import CacheError, DatasetError
from core.progress import NO_PROGRESS, Progress
from core.results import Dataset, Image

__all__ = ["find_duplicates", "load_dataset", "save_dataset", "scan", "stored_file"]

_FEW = 4
_ZIP = b"PK\x03\x04"


def scan(
    source: Path, *, cache_folder: Path, previous: Dataset | None = None, progress: Progress = NO_PROGRESS
) -> Dataset:
    """Scan a folder of class folders, a folder of train/test(/val) folders, a CSV, or a MedMNIST .npz.

    Every image is decoded once: its hashes, size and thumbnail come from the same pixels. A file whose size and
    time are those of an earlier scan (`previous`, or what the cache holds of this source) is not decoded again.

    Parameters
    ----------
    source : Path
        What the user opened; content decides what it is.
    cache_folder : Path
        Where thumbnails and the result go.
    previous : Dataset, optional
        An earlier scan, such as the project's.
    progress : Progress

    Returns
    -------
    Dataset
        Files that are no usable images are in `skipped` with the reason, and never stop the scan.

    Raises
    ------
    DatasetError
        If there is no usable image at all, or the source cannot be read.
    CacheError
        If the cache folder cannot be written.
    CancelledError
        If the user asked to stop. What was scanned is kept, and the next scan goes on from there.
    """
    source = source.expanduser().absolute()
    listing = _list(source)
    stored = stored_file(cache_folder, source)
    known = _known(listing, previous, stored)
    scanned = Scanned()
    try:
        decode_all(listing, cache_folder, known, progress, scanned)
    except BaseException:
        if scanned.n_decoded:
            with suppress(CacheError):
                save_dataset(_dataset(source, listing, scanned, known), stored)
        raise
    dataset = _dataset(source, listing, scanned)
    if not dataset.images:
        raise DatasetError(_nothing(source, dataset))
    save_dataset(dataset, stored)
    return dataset


def stored_file(cache_folder: Path, source: Path) -> Path:
    """Return where the cache holds the last scan of `source`."""
    return cache_folder / "datasets" / f"{fingerprint(str(source.expanduser().absolute()))}.json"


def _list(source: Path) -> Listing:
    try:
        if source.is_dir():
            return list_folder(source)
        with source.open("rb") as stream:
            head = stream.read(4)
    except OSError as error:
        raise DatasetError(
            f"{source} cannot be opened ({error.strerror}). Expected a folder of class folders, a CSV or an .npz."
        ) from error
    return list_npz(source) if head == _ZIP or source.suffix.lower() == ".npz" else list_table(source)


def _known(listing: Listing, previous: Dataset | None, stored: Path) -> dict[str, Image]:
    """Return earlier facts by entry path, `previous` over what the cache holds."""
    earlier = []
    with suppress(DatasetError):
        earlier.append(load_dataset(stored))
    if previous is not None:
        earlier.append(previous)  # whatever its root: the folder may have moved
    return {
        image.path: image
        for dataset in earlier
        if (dataset.kind == "npz") == (listing.kind == "npz")
        for image in dataset.images
    }


def _dataset(source: Path, listing: Listing, scanned: Scanned, known: dict[str, Image] | None = None) -> Dataset:
    images = {**(known or {}), **{image.path: image for image in scanned.images}}
    return Dataset(
        root=listing.root,
        source=source,
        kind=listing.kind,
        images=tuple(images[path] for path in sorted(images)),
        skipped=tuple(sorted(listing.skipped + scanned.skipped, key=lambda skipped: skipped.path)),
        warnings=(*listing.warnings, *_class_warnings(listing, scanned)),
    )


def _class_warnings(listing: Listing, scanned: Scanned) -> list[str]:
    counts = Counter(image.class_name for image in scanned.images)
    said = dict.fromkeys(entry.class_name for entry in listing.entries)
    warnings = [f"The class “{name}” has no usable image." for name in sorted(said) if name not in counts]
    if len(counts) == 1:
        name = next(iter(counts))
        warnings.append(
            f"There is one class only, “{name}”. Training and comparing want at least two"
            + (_deeper(scanned.images) if listing.kind == "folder" else ".")
        )
    for name, count in sorted(counts.items()):
        if count < _FEW:
            noun = "image" if count == 1 else "images"
            warnings.append(f"The class “{name}” has {count} {noun} only; too few to judge it by.")
    return warnings


def _deeper(images: list[Image]) -> str:
    """Return what to do where the class folders seem to lie one level deeper."""
    folders = {image.path.split("/")[1] for image in images if image.path.count("/") > 1}
    if len(folders) > 1:
        top = images[0].path.split("/")[0]
        return f"; if the folders inside “{top}” are the classes, open that folder."
    return "."


def _nothing(source: Path, dataset: Dataset) -> str:
    expected = "Expected a folder with one folder of images for each class, a CSV or an .npz."
    if not dataset.skipped:
        return f"{source} holds no images. {expected}"
    reasons = Counter(skipped.reason for skipped in dataset.skipped)
    reason, count = reasons.most_common(1)[0]
    example = next(skipped.path for skipped in dataset.skipped if skipped.reason == reason)
    noun = "file" if len(dataset.skipped) == 1 else "files"
    return (
        f"{source} holds no usable image: {len(dataset.skipped):,} {noun} left out, "
        f"{count:,} of them as {example}: {reason} {expected}"
    )
