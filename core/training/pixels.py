"""Images as networks take them: squares of RGB bytes, decoded once in parallel threads and kept on disk."""

import json
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from core.cache import write_atomically
from core.data.images import read_image
from core.progress import NO_PROGRESS, Progress
from core.results import Dataset, IntArray

Pixels = NDArray[np.uint8]

MEMORY_BYTES = 1_000_000_000
DISK_SPARE_BYTES = 1_000_000_000
IMAGES_PER_CHUNK = 128
STORE_VERSION = 1


def resize(rgb: Pixels, size: int) -> Pixels:
    """Bring an image, shape (h, w, 3), to `size` × `size` pixels, bilinear; shrinking averages over all pixels."""
    if rgb.shape[:2] == (size, size):
        return rgb
    image = PIL.Image.fromarray(rgb)
    return np.asarray(image.resize((size, size), PIL.Image.Resampling.BILINEAR))


class PixelStore:
    """Squares of one size on disk, one for each image content, memory-mapped.

    Like `core.cache.RowStore` it grows by chunks, ``<n>.npy`` and then ``<n>.json`` with their keys, so that a
    chunk cut short is ignored and an image that stands in several coresets is decoded once.

    Parameters
    ----------
    folder : Path
    size : int
        Side in pixels.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.size = size
        self._places: dict[str, tuple[int, int]] = {}
        self._chunks: list[Pixels] = []
        for keys_file in sorted(folder.glob("*.json")):
            self._read(keys_file)

    def _read(self, keys_file: Path) -> None:
        try:
            keys = json.loads(keys_file.read_text(encoding="utf-8"))
            squares = np.load(keys_file.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
        except Exception:  # NumPy raises nearly any exception on damaged arrays
            return
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            return
        if squares.shape != (len(keys), self.size, self.size, 3) or squares.dtype != np.uint8:
            return
        self._chunks.append(squares)
        for row, key in enumerate(keys):
            self._places.setdefault(key, (len(self._chunks) - 1, row))

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def append(self, keys: Sequence[str], squares: Pixels) -> None:
        """Keep `squares`, shape (len(keys), size, size, 3). Raises OSError where the disk does not take them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".npy", dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                np.save(stream, squares, allow_pickle=False)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        keys_file = Path(name).with_suffix(".json")
        write_atomically(keys_file, json.dumps(list(keys)).encode())
        self._read(keys_file)

    def get(self, key: str) -> Pixels:
        """Return the square of `key`, still on disk. Raises KeyError if there is none."""
        chunk, row = self._places[key]
        return np.asarray(self._chunks[chunk][row])


class ImageSource:
    """The images of a training, from which batches are taken.

    Made without a cache folder it decodes every batch anew. `hold` keeps the pixels for all later batches: in memory
    where they fit, in the store on disk where they do not, and nowhere where the disk has no room for them.

    Parameters
    ----------
    dataset : Dataset
    indices : ndarray of shape (n,), int64
    size : int
        Side in pixels.
    """

    def __init__(self, dataset: Dataset, indices: IntArray, size: int) -> None:
        self.size = size
        self._dataset = dataset
        self._indices = indices
        self._keys = [dataset.images[index].pixels for index in indices]
        self._store: PixelStore | None = None
        self._in_memory: Pixels | None = None

    def __len__(self) -> int:
        return len(self._indices)

    @property
    def n_bytes(self) -> int:
        """Size of all squares."""
        return len(self._indices) * self.size**2 * 3

    def take(self, rows: IntArray) -> Pixels:
        """Return the squares of `rows`, shape (len(rows), size, size, 3), uint8.

        Raises
        ------
        ImageError
            If an image can no longer be decoded.
        """
        if self._in_memory is not None:
            return self._in_memory[rows]
        store = self._store
        if store is not None and all(self._keys[row] in store for row in rows):
            return np.stack([store.get(self._keys[row]) for row in rows])
        with ThreadPoolExecutor(_threads()) as pool:
            return np.stack(list(pool.map(self._decode, rows)))

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
        ImageError
            If an image can no longer be decoded.
        """
        folder = cache_folder / "pixels" / f"{self.size}-v{STORE_VERSION}"
        self._store = PixelStore(folder, self.size)
        held = np.empty((len(self), self.size, self.size, 3), np.uint8) if self.n_bytes <= memory_bytes else None
        fresh = self._decode_missing(self._store, held, self._has_room(folder), progress)
        if held is not None:
            for row, key in enumerate(self._keys):
                held[row] = held[fresh[key]] if key in fresh else self._store.get(key)
            self._in_memory = held
        return self

    def _decode(self, row: int) -> Pixels:
        return resize(read_image(self._dataset, int(self._indices[row])), self.size)

    def _has_room(self, folder: Path) -> bool:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return shutil.disk_usage(folder).free > self.n_bytes + DISK_SPARE_BYTES
        except OSError:
            return False

    def _decode_missing(self, store: PixelStore, held: Pixels | None, room: bool, progress: Progress) -> dict[str, int]:
        """Decode what the store lacks, to the disk where it has room and into `held`; return the rows by key."""
        first: dict[str, int] = {}
        for row, key in enumerate(self._keys):
            if key not in store:
                first.setdefault(key, row)
        if held is None and not room:
            return {}
        rows = list(first.values())
        done = 0
        for chunk, squares in _decoded_chunks(rows, self._decode):
            # A disk that fills up meanwhile costs time, not the training.
            room = room and _kept(store, [self._keys[row] for row in chunk], squares)
            if held is not None:
                held[chunk] = squares
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
    """Yield all rows in batches with their squares; the next batch is read while this one is used."""
    batches = [np.arange(start, min(start + batch_size, len(source))) for start in range(0, len(source), batch_size)]
    with ThreadPoolExecutor(1) as reader:
        waiting = deque(reader.submit(source.take, batch) for batch in batches[:2])
        for number, batch in enumerate(batches):
            squares = waiting.popleft().result()
            if number + 2 < len(batches):
                waiting.append(reader.submit(source.take, batches[number + 2]))
            yield batch, squares


def _decoded_chunks(rows: list[int], decode: Callable[[int], Pixels]) -> Iterator[tuple[list[int], Pixels]]:
    with ThreadPoolExecutor(_threads()) as pool:
        for start in range(0, len(rows), IMAGES_PER_CHUNK):
            chunk = rows[start : start + IMAGES_PER_CHUNK]
            yield chunk, np.stack(list(pool.map(decode, chunk)))


def _threads() -> int:
    return min(8, (os.cpu_count() or 1) + 1)
