"""Decode every listed image once, in parallel threads: hashes, size and thumbnail from the same pixels."""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from coreset_studio.core.cache_use import use_place
from coreset_studio.core.data.colour import RGBArray
from coreset_studio.core.data.description import Source
from coreset_studio.core.data.levels import Survey
from coreset_studio.core.data.listing import Entry, Listing, printable
from coreset_studio.core.data.quality_measures import GreyArray, measure_quality, to_grey
from coreset_studio.core.data.reader import Loaded
from coreset_studio.core.data.thumbnails import has_thumbnail, shrink, thumbnail_file, write_thumbnail
from coreset_studio.core.errors import ImageError, ReadOnlyCacheError
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import Image, Reading, Skipped, Stored
from coreset_studio.core.threads import n_processors

_BATCH = 16
_HASH_SIDE = 32
_HASH_FREQUENCIES = 8
_MOST_THREADS = 8


@dataclass(frozen=True)
class Waiting:
    """An image whose pixels wait for a range or rule of its file kind; see `core.data.levels.fixed`."""

    entry: Entry
    stored: Stored
    survey: Survey | None
    open_alpha: bool


@dataclass
class Scanned:
    """Results of decoding.

    Attributes
    ----------
    images : list of Image
    skipped : list of Skipped
    waiting : list of Waiting
        Images to be decoded again when ranges are determined; in no particular order.
    n_decoded : int
        How many were decoded now, not taken from an earlier scan.
    """

    images: list[Image] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    n_decoded: int = 0


def pixel_hash(rgb: RGBArray) -> str:
    """Return SHA-256 (hex) over height, width and pixels: what makes two images the same.

    Parameters
    ----------
    rgb : ndarray of shape (h, w, 3), uint8
    """
    digest = hashlib.sha256(f"rgb {rgb.shape[0]} {rgb.shape[1]}\n".encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def perceptual_hash(small: GreyArray) -> str:
    """Return the 64-bit perceptual hash as 16 hex digits: which of 8×8 low cosine frequencies exceed their median.

    Parameters
    ----------
    small : ndarray of shape (h, w), uint8
        Grey levels of the image or of its thumbnail.

    References
    ----------
    Zauner, Implementation and benchmarking of perceptual image hash functions (2010), section 3.2.1.
    """
    grey = cv2.resize(small, (_HASH_SIDE, _HASH_SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(grey.astype(np.float32))[:_HASH_FREQUENCIES, :_HASH_FREQUENCIES]
    # Rounded, so that the frequencies of a flat image are all 0 and not signs of what rounding left.
    low = np.round(low, 3)
    return np.packbits(low > np.median(low)).tobytes().hex()


def decode_all(
    listing: Listing,
    kind: Source,
    reading: Reading,
    cache_folder: Path,
    known: Mapping[str, Image],
    progress: Progress,
    into: Scanned,
) -> None:
    """Decode the entries of `listing` that are not `known`, filling `into` as they come.

    Parameters
    ----------
    listing : Listing
    kind : Source
        What made the listing.
    reading : Reading
        How stored values become pixels.
    cache_folder : Path
        Where thumbnails go.
    known : mapping of str to Image
        By entry path, from an earlier scan; used if its reader reports that the image has not changed.
    progress : Progress
    into : Scanned
        Holds what was finished even where this raises.

    Raises
    ------
    CancelledError
        If the user cancelled; what was begun is finished first, which takes a moment.
    CacheError
        If a thumbnail cannot be written. In a cache that may only be read none is.
    """
    stop = threading.Event()
    work = _Worker(listing.root, kind, reading, cache_folder, known, stop)
    batches = [listing.entries[start : start + _BATCH] for start in range(0, len(listing.entries), _BATCH)]
    total, done = len(listing.entries), 0
    progress.report(0, total, "Scanning: images")
    with ThreadPoolExecutor(thread_count(), thread_name_prefix="scan") as pool:
        running: set[Future[Scanned]] = set()
        try:
            for batch in batches:
                running.add(pool.submit(work, batch))
                if len(running) > 2 * thread_count():
                    running, done = _collect(running, into, done, total, progress)
            while running:
                running, done = _collect(running, into, done, total, progress)
        except BaseException:
            stop.set()
            for future in running:
                if future.cancel():
                    continue
                if future.exception() is None:
                    _merge(into, future.result())
            raise


def thread_count() -> int:
    """Return how many threads decode: one a core, up to 8; Pillow lets go of the GIL while it decodes."""
    return min(_MOST_THREADS, n_processors())


def _collect(
    running: set[Future[Scanned]], into: Scanned, done: int, total: int, progress: Progress
) -> tuple[set[Future[Scanned]], int]:
    """Wait for at least one batch, take what is finished, and report it."""
    finished, rest = wait(running, return_when=FIRST_COMPLETED)
    for future in finished:
        part = future.result()
        _merge(into, part)
        done += len(part.images) + len(part.skipped) + len(part.waiting)
    running.difference_update(finished)
    progress.report(done, total, "Scanning: images")
    return rest, done


def _merge(into: Scanned, part: Scanned) -> None:
    into.images += part.images
    into.skipped += part.skipped
    into.waiting += part.waiting
    into.n_decoded += part.n_decoded


def _hashed(loaded: Loaded) -> tuple[str, ...]:
    """Return what is kept of the header of a DICOM image; empty for any other."""
    header = loaded.decoded.header if loaded.decoded is not None else None
    if header is None:
        return ()
    from coreset_studio.core.data.dicom.subjects import hashed

    return hashed(header)


class _Worker:
    """Scan a batch of entries in one thread."""

    def __init__(
        self,
        root: Path,
        kind: Source,
        reading: Reading,
        cache_folder: Path,
        known: Mapping[str, Image],
        stop: threading.Event,
    ) -> None:
        self._root = root
        self._kind = kind
        self._reader = kind.reader
        self._reading = reading
        self._cache_folder = cache_folder
        self._known = known
        self._stop = stop
        self._read_only = False

    def __call__(self, entries: Sequence[Entry]) -> Scanned:
        part = Scanned()
        for entry in entries:
            if self._stop.is_set():
                break
            try:
                found, fresh = self._image(entry)
            except ImageError as error:
                part.skipped.append(Skipped(printable(entry.path), str(error)))
            else:
                if isinstance(found, Waiting):
                    part.waiting.append(found)
                else:
                    part.images.append(found)
                    part.n_decoded += fresh
        return part

    def _image(self, entry: Entry) -> tuple[Image | Waiting, bool]:
        """Return the facts of one image, or the missing range or rule, and whether it was decoded for them."""
        old = self._known.get(entry.path)
        if (
            old is not None
            and not self._reader.changed(self._root, old)
            and (self._read_only or self._has_thumbnail(old.pixels))
        ):
            named = replace(
                old, class_name=entry.class_name, split=entry.split, group=entry.group, more=entry.more,
                original_class=entry.original_class,
            )  # fmt: skip
            return named, False
        loaded = self._kind.load(self._root, entry.path, self._reading)
        decoded = loaded.decoded
        if decoded is not None and decoded.is_open:
            return Waiting(entry, decoded.stored or Stored(), decoded.survey, decoded.open_alpha), True
        return self._facts(entry, loaded), True

    def _has_thumbnail(self, pixels: str) -> bool:
        use_place(self._cache_folder, thumbnail_file(self._cache_folder, pixels))
        return has_thumbnail(self._cache_folder, pixels)

    def _facts(self, entry: Entry, loaded: Loaded) -> Image:
        rgb = loaded.rgb
        pixels = pixel_hash(rgb)
        small = shrink(rgb)
        grey = to_grey(small)
        quality = measure_quality(rgb, small, grey)  # while the pixels are in the processor's cache
        if not self._read_only and not self._has_thumbnail(pixels):
            file = thumbnail_file(self._cache_folder, pixels)
            try:
                use_place(self._cache_folder, file, added=write_thumbnail(file, small))
            except ReadOnlyCacheError:
                self._read_only = True
        return Image(
            path=entry.path,
            class_name=entry.class_name,
            split=entry.split,
            group=entry.group,
            width=rgb.shape[1],
            height=rgb.shape[0],
            pixels=pixels,
            file=loaded.file,
            n_bytes=loaded.n_bytes,
            modified_ns=loaded.modified_ns,
            perceptual=perceptual_hash(grey),
            stored=loaded.decoded.stored if loaded.decoded is not None else None,
            more=entry.more,
            original_class=entry.original_class,
            quality=quality,
            header=_hashed(loaded),
        )
