"""Decode and prepare images in parallel threads, a bounded number ahead of the computation."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from coreset_studio.core.data.images import read_image
from coreset_studio.core.data.rereading import check_unchanged
from coreset_studio.core.errors import ImageError
from coreset_studio.core.features.steps import Pixels, Prepared
from coreset_studio.core.results import Dataset
from coreset_studio.core.threads import n_processors

_MOST_THREADS = 8
_BATCHES_AHEAD = 3


@dataclass(frozen=True)
class ImageToDecode:
    """One image content that has to be computed, and the rows of the dataset that hold it."""

    key: str
    indices: tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """Images ready to be computed on, and those that could not be read.

    Attributes
    ----------
    keys : tuple of str
    prepared : ndarray of shape (b, ...)
        In the order of `keys`; b may be 0 where nothing could be read.
    failures : tuple of (ImageToDecode, str)
        With the reason.
    """

    keys: tuple[str, ...]
    prepared: Prepared
    failures: tuple[tuple[ImageToDecode, str], ...]

    @property
    def n_images(self) -> int:
        """Images dealt with, read or not."""
        return len(self.keys) + len(self.failures)


def images_to_decode(dataset: Dataset, indices: Sequence[int]) -> list[ImageToDecode]:
    """Return each distinct content among `indices` once, in order of its first appearance."""
    places: dict[str, list[int]] = {}
    for index in indices:
        places.setdefault(dataset.images[index].pixels, []).append(int(index))
    return [ImageToDecode(key, tuple(at)) for key, at in places.items()]


def prepared_batches(
    dataset: Dataset, items: Sequence[ImageToDecode], prepare: Callable[[Pixels], Prepared], batch_size: int
) -> Generator[Batch, None, None]:
    """Yield `items` in order, `batch_size` at a time, while the next batches are being decoded.

    At most three batches are held ahead, so memory does not grow with the dataset. The order, and so what is
    in which batch, does not depend on the number of threads.
    """

    def work(item: ImageToDecode) -> Prepared | str:
        return _first_readable(dataset, item, prepare)

    # Each thread has an image to itself; OpenCV's own threads would only take turns with them.
    cv2.setNumThreads(1)
    waiting = iter(items)
    running: deque[tuple[ImageToDecode, Future[Prepared | str]]] = deque()
    pool = ThreadPoolExecutor(_thread_count(), thread_name_prefix="decode")
    try:
        while True:
            while len(running) < _BATCHES_AHEAD * batch_size and (item := next(waiting, None)) is not None:
                running.append((item, pool.submit(work, item)))
            if not running:
                return
            yield _collected([running.popleft() for _ in range(min(batch_size, len(running)))])
    finally:
        pool.shutdown(cancel_futures=True)


def _collected(group: Sequence[tuple[ImageToDecode, Future[Prepared | str]]]) -> Batch:
    keys, arrays, failures = [], [], []
    for item, future in group:
        result = future.result()
        if isinstance(result, str):
            failures.append((item, result))
        else:
            keys.append(item.key)
            arrays.append(result)
    return Batch(tuple(keys), np.stack(arrays) if arrays else np.empty(0, np.uint8), tuple(failures))


def _first_readable(dataset: Dataset, item: ImageToDecode, prepare: Callable[[Pixels], Prepared]) -> Prepared | str:
    """Prepare the first of an image's copies that can be read, or return why the first of all cannot."""
    reason = ""
    for index in item.indices:
        try:
            # A row is kept under the hash of the pixels that it was computed from.
            return prepare(check_unchanged(dataset, index, read_image(dataset, index)))
        except ImageError as error:
            reason = reason or str(error)
    return reason


def _thread_count() -> int:
    return min(_MOST_THREADS, n_processors())
