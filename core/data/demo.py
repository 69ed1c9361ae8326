"""Write the demo: a folder of synthetic stained cells that shows what the program finds.

Next to well-made images it contains one file that is truncated, one image twice, and one image under two labels.
Which hidden subclass an image is of is in the hidden file `.truth.csv` and nowhere else: file names are numbers in
an order drawn by chance.
"""

import csv
import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.data.cells import CLASSES, draw_cell
from coreset_studio.core.data.scanning import thread_count
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.files import reason_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.seeds import generator

__all__ = ["demo_truth", "make_demo"]

LEAST_IMAGES = 20
SIDE = 160

_TRUTH = ".truth.csv"
_QUALITY = 92
_N_COPIES = 2
_TWICE = ("neutrophil", "neutrophil")
_UNDER_TWO_LABELS = ("eosinophil", "neutrophil")
_BROKEN = "lymphocyte"
_AT_ONCE = 32


@dataclass(frozen=True)
class _DemoImage:
    """One file to be drawn."""

    path: str
    class_name: str
    kind: str
    number: int


def make_demo(
    folder: Path, n_images: int = 600, *, seed: int = 0, side: int = SIDE, progress: Progress = NO_PROGRESS
) -> None:
    """Write the demo into `folder`, which must be empty or not exist yet.

    Parameters
    ----------
    folder : Path
    n_images : int
        Images that can be read, the two copies among them; at least 20. One file more cannot be read.
    seed : int
        >= 0. Same seed, same images.
    side : int
        Pixels.
    progress : Progress

    Raises
    ------
    DatasetError
        If the folder holds something already or cannot be written, or `n_images` is too small.
    CancelledError
        If the user cancelled; the folder then contains a part.
    """
    if n_images < LEAST_IMAGES:
        raise DatasetError(f"The demo requires at least {LEAST_IMAGES} images; found {n_images}.")
    images, copies, broken = _plan(n_images, seed)

    def write(image: _DemoImage) -> None:
        (folder / image.path).write_bytes(_drawn(image, seed, side))

    try:
        if folder.exists() and any(folder.iterdir()):
            raise DatasetError(f"{folder} already contains files; the demo requires an empty or new folder.")
        for name in CLASSES:
            (folder / name).mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(thread_count(), thread_name_prefix="demo") as pool:
            for start in range(0, len(images), _AT_ONCE):
                progress.report(start, len(images), "Drawing synthetic cells: images")
                list(pool.map(write, images[start : start + _AT_ONCE]))
        for copy, original in copies:
            (folder / copy.path).write_bytes((folder / original.path).read_bytes())
        whole = _drawn(broken, seed, side)
        (folder / broken.path).write_bytes(whole[: len(whole) // 2])
        _write_truth(folder, images + [copy for copy, _ in copies])
    except OSError as error:
        raise DatasetError(f"The demo cannot be written to {folder} ({reason_of(error)}).") from error
    progress.report(len(images), len(images), "Drawing synthetic cells: images")


def demo_truth(folder: Path) -> Mapping[str, str]:
    """Return the hidden subclass of every image of a demo by its path, to measure with and never to select by.

    Raises
    ------
    DatasetError
        If the folder is not a demo.
    """
    try:
        text = (folder / _TRUTH).read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{folder} is not a demo: it has no {_TRUTH} ({reason_of(error)}).") from error
    return {row["path"]: row["kind"] for row in csv.DictReader(io.StringIO(text))}


def _plan(n_images: int, seed: int) -> tuple[list[_DemoImage], list[tuple[_DemoImage, _DemoImage]], _DemoImage]:
    """Return the images to draw, the copies with their originals, and the file to be truncated."""
    kinds: list[tuple[str, str]] = []
    n_drawn = n_images - _N_COPIES
    by_class = _shares({name: one.share for name, one in CLASSES.items()}, n_drawn)
    for name, number in by_class.items():
        by_kind = _shares({kind: one.share for kind, one in CLASSES[name].kinds.items()}, number)
        kinds += [(name, kind) for kind, count in by_kind.items() for _ in range(count)]
    numbers = [int(number) for number in generator(seed, "demo", "numbers").permutation(n_images + 1)]
    images = [
        _DemoImage(_path(name, number), name, kind, number)
        for (name, kind), number in zip(kinds, numbers[:n_drawn], strict=True)
    ]
    copies = []
    for (origin, label), number in zip((_TWICE, _UNDER_TWO_LABELS), numbers[n_drawn:n_images], strict=True):
        original = next(image for image in images if image.class_name == origin)
        copies.append((_DemoImage(_path(label, number), label, original.kind, number), original))
    kind = next(iter(CLASSES[_BROKEN].kinds))
    broken = _DemoImage(_path(_BROKEN, numbers[n_images]), _BROKEN, kind, numbers[n_images])
    return images, copies, broken


def _shares(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Divide `total` by `shares`, at least 1 each where that is possible, the largest first."""
    by_size = sorted(shares, key=lambda name: (-shares[name], name))
    counts = dict.fromkeys(by_size[:total], 1)
    while sum(counts.values()) < total:
        lacking = max(counts, key=lambda name: shares[name] * total - counts[name])
        counts[lacking] += 1
    return counts


def _path(class_name: str, number: int) -> str:
    return f"{class_name}/synthetic_{number:05d}.jpg"


def _drawn(image: _DemoImage, seed: int, side: int) -> bytes:
    rng = generator(seed, "demo", image.class_name, image.kind, image.number)
    rgb = draw_cell(image.class_name, image.kind, side, rng)
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(rgb[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()


def _write_truth(folder: Path, images: list[_DemoImage]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "kind"))
    writer.writerows((image.path, image.kind) for image in sorted(images, key=lambda one: one.path))
    write_atomically(folder / _TRUTH, text.getvalue().encode())
