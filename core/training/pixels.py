"""Images as networks take them: squares of RGB bytes, decoded once in parallel threads and kept on disk."""

import re
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from coreset_studio.core.cache import check_length
from coreset_studio.core.cache_use import use_place
from coreset_studio.core.data.images import read_image
from coreset_studio.core.data.rereading import check_unchanged, named_with_reasons
from coreset_studio.core.errors import ImageError, LostImagesError
from coreset_studio.core.estimate import HELD_PIXEL_BYTES
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset, IntArray
from coreset_studio.core.row_store import read_chunk, write_chunk
from coreset_studio.core.threads import n_processors
from coreset_studio.core.training.augmenting import oriented

Pixels = NDArray[np.uint8]

MEMORY_BYTES = HELD_PIXEL_BYTES
DISK_SPARE_BYTES = 1_000_000_000
IMAGES_PER_CHUNK = 128
STORE_VERSION = 2
"""2: what is kept under a hash was hashed. Version 1 kept what was read, be it what had been scanned or not."""

_VERSIONED = {"pixels": re.compile(r"\d+-v(\d+)"), "backbone": re.compile(r".+-\d+-[0-9a-f]{16}-v\d+\.(\d+)")}


def resize(rgb: Pixels, size: int) -> Pixels:
    """Resize an image, shape (h, w, 3), to `size` × `size` pixels, bilinear; shrinking averages over all pixels."""
    if rgb.shape[:2] == (size, size):
        return rgb
    image = PIL.Image.fromarray(rgb)
    return np.asarray(image.resize((size, size), PIL.Image.Resampling.BILINEAR))


class PixelStore:
    """Squares of one size on disk, one for each image content, memory-mapped.

    Like `core.cache.RowStore` it grows by chunks, ``<n>.npy`` and then ``<n>.json`` with their keys, so that a
    chunk truncated is ignored and an image that is in several coresets is decoded once.

    Parameters
    ----------
    folder : Path
    size : int
        Side in pixels.
    cache_folder : Path, optional
        The cache that `folder` is in, whose entry is in use from here on.
    """

    def __init__(self, folder: Path, size: int, cache_folder: Path | None = None) -> None:
        self.folder = folder
        self.size = size
        self._cache_folder = cache_folder
        self._places: dict[str, tuple[int, int]] = {}
        self._chunks: list[tuple[Path, Pixels]] = []
        self._note_use()
        for keys_file in sorted(folder.glob("*.json")):
            self._read(keys_file)

    def _note_use(self, added: int = 0) -> None:
        if self._cache_folder is not None:
            use_place(self._cache_folder, self.folder, added=added)

    def _read(self, keys_file: Path) -> None:
        chunk = read_chunk(keys_file)
        if chunk is None:
            return
        keys, squares = chunk
        if squares.shape != (len(keys), self.size, self.size, 3) or squares.dtype != np.uint8:
            return
        self._chunks.append((keys_file.with_suffix(".npy"), squares))
        for row, key in enumerate(keys):
            self._places.setdefault(key, (len(self._chunks) - 1, row))

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def append(self, keys: Sequence[str], squares: Pixels) -> None:
        """Keep `squares`, shape (len(keys), size, size, 3). Raises OSError where the disk does not take them."""
        self._read(write_chunk(self.folder, keys, squares))
        self._note_use(squares.nbytes)

    def get(self, key: str) -> Pixels:
        """Return the square of `key`, still on disk.

        Raises
        ------
        KeyError
            If there is none.
        CacheError
            If its file was truncated by another program since it was opened.
        """
        chunk, row = self._places[key]
        file, squares = self._chunks[chunk]
        check_length(file, squares)
        return np.asarray(squares[row])


def discard_unchecked(cache_folder: Path) -> str:
    """Remove pixels, and what backbones computed from them, that earlier versions kept without a check.

    They may be those of images that were replaced after the scan. Features of extractors were checked and stay.

    Returns
    -------
    str
        A sentence for the user; empty where there was nothing to remove.
    """
    removed = False
    for name, pattern in _VERSIONED.items():
        folder = cache_folder / name
        for entry in sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else ():
            found = pattern.fullmatch(entry.name)
            if found and int(found[1]) < STORE_VERSION and entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
                removed = removed or not entry.exists()
    if not removed:
        return ""
    return (
        "Decoded images that an earlier version stored in the cache were discarded, because it did not check that they "
        "were still those that were scanned; they are read again. If images were changed while a study was open, "
        "repeat its trainings again in a new folder."
    )


class ImageSource:
    """The images of a training, from which batches are taken.

    Made without a cache folder it decodes every batch again. `hold` keeps the pixels for all later batches: in memory
    where they fit, in the store on disk where they do not, and nowhere where the disk has no room for them. An image
    that is another than the scan saw counts as one that cannot be read; of several with the same pixels one is enough.

    Parameters
    ----------
    dataset : Dataset
    indices : ndarray of shape (n,), int64
    size : int
        Side in pixels.

    Attributes
    ----------
    lost : dict of int to str
        Why images could not be read so far, by index in the dataset.
    """

    def __init__(self, dataset: Dataset, indices: IntArray, size: int) -> None:
        self.size = size
        self.lost: dict[int, str] = {}
        self._dataset = dataset
        self._indices = indices
        self._keys = [dataset.images[index].pixels for index in indices]
        self._copies: dict[str, list[int]] = {}
        for row, key in enumerate(self._keys):
            self._copies.setdefault(key, []).append(row)
        self._store: PixelStore | None = None
        self._in_memory: Pixels | None = None

    def __len__(self) -> int:
        return len(self._indices)

    @property
    def keys(self) -> Sequence[str]:
        """Hash of each row's pixels."""
        return self._keys

    @property
    def n_bytes(self) -> int:
        """Size of all squares."""
        return len(self._indices) * self.size**2 * 3

    def take(self, rows: IntArray) -> Pixels:
        """Return the squares of `rows`, shape (len(rows), size, size, 3), uint8.

        Raises
        ------
        LostImagesError
            If images can no longer be read as they were scanned; names all of these.
        """
        found, squares = self.readable(rows)
        if len(found) < len(rows):
            self.check()
        return squares

    def take_oriented(self, rows: IntArray, orientations: IntArray) -> Pixels:
        """Return the squares of `rows`, each in an orientation of its own, 0 to 7; see `take` and `orient`."""
        return oriented(self.take(rows), orientations)

    def readable(self, rows: IntArray) -> tuple[IntArray, Pixels]:
        """Return those of `rows` that can be read, and their squares; why the others cannot is put into `lost`."""
        if self._in_memory is not None:
            return rows, self._in_memory[rows]
        store = self._store
        if store is not None and all(self._keys[row] in store for row in rows):
            return rows, np.stack([store.get(self._keys[row]) for row in rows])
        with ThreadPoolExecutor(_threads()) as pool:
            return self._sorted_out(rows, list(pool.map(self._decode, rows)))

    def check(self) -> None:
        """Raise what was lost so far, if anything.

        Raises
        ------
        LostImagesError
        """
        if self.lost:
            one = len(self.lost) == 1
            count = "1 image" if one else f"{len(self.lost):,} images"
            names = named_with_reasons(self._dataset, self.lost)
            raise LostImagesError(
                f"{count} can no longer be read as {'it was' if one else 'they were'} scanned: {names}. "
                "Scan the dataset again.",
                self.lost,
            )

    def all(self) -> Pixels:
        """Return the squares of all rows; see `take`."""
        return self.take(np.arange(len(self)))

    def hold(
        self, cache_folder: Path, *, memory_bytes: int = MEMORY_BYTES, progress: Progress = NO_PROGRESS
    ) -> "ImageSource":
        """Decode every image once and keep the pixels; return this source.

        Parameters
        ----------
        cache_folder : Path
            What is decoded is kept there for later trainings too.
        memory_bytes : int
            What the pixels may take of memory.

        Raises
        ------
        LostImagesError
            If images can no longer be read as they were scanned; names all of these. The others are kept.
        """
        folder = cache_folder / "pixels" / f"{self.size}-v{STORE_VERSION}"
        self._store = PixelStore(folder, self.size, cache_folder)
        held = np.empty((len(self), self.size, self.size, 3), np.uint8) if self.n_bytes <= memory_bytes else None
        fresh = self._decode_missing(self._store, held, self._has_room(folder), progress)
        self.check()
        if held is not None:
            for row, key in enumerate(self._keys):
                held[row] = held[fresh[key]] if key in fresh else self._store.get(key)
            self._in_memory = held
        return self

    def _decode(self, row: int) -> Pixels | str:
        """Return the square of a row, read from the first of its copies that can be, or why its own file cannot."""
        row = int(row)
        reason = ""
        for copy in [row, *(other for other in self._copies[self._keys[row]] if other != row)]:
            index = int(self._indices[copy])
            try:
                return resize(check_unchanged(self._dataset, index, read_image(self._dataset, index)), self.size)
            except ImageError as error:
                reason = reason or str(error)
        return reason

    def _sorted_out(self, rows: IntArray, decoded: Sequence[Pixels | str]) -> tuple[IntArray, Pixels]:
        """Divide what `_decode` gave into rows with their squares and what is lost, with all copies of it."""
        kept, squares = [], []
        for row, square in zip(rows, decoded, strict=True):
            if isinstance(square, str):
                self.lost |= {int(self._indices[copy]): square for copy in self._copies[self._keys[row]]}
            else:
                kept.append(int(row))
                squares.append(square)
        none = np.empty((0, self.size, self.size, 3), np.uint8)
        return np.array(kept, dtype=np.int64), np.stack(squares) if squares else none

    def _has_room(self, folder: Path) -> bool:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return shutil.disk_usage(folder).free > self.n_bytes + DISK_SPARE_BYTES
        except OSError:
            return False

    def _decode_missing(self, store: PixelStore, held: Pixels | None, room: bool, progress: Progress) -> dict[str, int]:
        """Decode what the store lacks, to the disk where it has room and into `held`; return the rows by key."""
        first = {key: rows[0] for key, rows in self._copies.items() if key not in store}
        if held is None and not room:
            return {}
        rows = np.array(list(first.values()), dtype=np.int64)
        done = 0
        for chunk, decoded in _decoded_chunks(rows, self._decode):
            kept, squares = self._sorted_out(chunk, decoded)
            # A disk that fills up meanwhile costs time, not the training.
            room = room and (len(kept) == 0 or _kept(store, [self._keys[row] for row in kept], squares))
            if held is not None:
                held[kept] = squares
            done += len(chunk)
            progress.report(done, len(rows), "Reading for training: images")
        return first


def _kept(store: PixelStore, keys: list[str], squares: Pixels) -> bool:
    try:
        store.append(keys, squares)
    except OSError:
        return False
    return True


def decoded_ahead(source: ImageSource, batch_size: int) -> Iterator[tuple[IntArray, Pixels]]:
    """Yield all rows in batches with their squares; the next batch is read while this one is used.

    Rows that cannot be read are missing from their batch; `ImageSource.lost` has the reasons.
    """
    batches = [np.arange(start, min(start + batch_size, len(source))) for start in range(0, len(source), batch_size)]
    with ThreadPoolExecutor(1) as reader:
        waiting = deque(reader.submit(source.readable, batch) for batch in batches[:2])
        for number in range(len(batches)):
            found = waiting.popleft().result()
            if number + 2 < len(batches):
                waiting.append(reader.submit(source.readable, batches[number + 2]))
            yield found


def _decoded_chunks(
    rows: IntArray, decode: Callable[[int], Pixels | str]
) -> Iterator[tuple[IntArray, list[Pixels | str]]]:
    with ThreadPoolExecutor(_threads()) as pool:
        for start in range(0, len(rows), IMAGES_PER_CHUNK):
            chunk = rows[start : start + IMAGES_PER_CHUNK]
            yield chunk, list(pool.map(decode, chunk))


def _threads() -> int:
    return min(8, n_processors() + 1)
