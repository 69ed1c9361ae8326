"""One scan of a folder beside a plain decode of the same files, in one process.

    python -m benchmarks.scan FOLDER [--times-over 1] [--repeat 3]

A plain decode is what any program must do at least: Pillow, as many threads, every file opened and converted to RGB,
and nothing kept. The scan besides hashes file and pixels, measures the quality, and writes thumbnails and the
perceptual hash. Expected: every file decoded once, a scan within 3.5 times a plain decode, and at most 6 % of it for
the quality. `--times-over 4` repeats the files under other names (17,000 of the 4,275 in the sample; hard links, so
that nothing is copied).
"""

import argparse
import contextlib
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from unittest import mock

from PIL import Image

from coreset_studio.core.data import scanning
from coreset_studio.core.data.colour import RGBArray
from coreset_studio.core.data.dataset import find_duplicates, scan
from coreset_studio.core.data.duplicates import near_pairs
from coreset_studio.core.data.quality import MEASURES
from coreset_studio.core.data.split import make_split
from coreset_studio.core.settings import DataSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times-over", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = chosen.folder
        if chosen.times_over > 1:
            folder = Path(place) / "images"
            repeat_files(chosen.folder, folder, chosen.times_over)
        measure(folder, Path(place), chosen.repeat)


def repeat_files(source: Path, target: Path, times: int) -> None:
    for file in sorted(source.rglob("*")):
        if file.is_file():
            for number in range(times):
                name = target / file.parent.relative_to(source) / f"{file.stem}_{number}{file.suffix}"
                name.parent.mkdir(parents=True, exist_ok=True)
                try:
                    os.link(file, name)
                except OSError:
                    name.write_bytes(file.read_bytes())


def plain_decode(folder: Path) -> int:
    """Decode every file with Pillow alone and return how many were images."""

    def decode(file: Path) -> bool:
        try:
            with Image.open(file) as image:
                image.convert("RGB")
        except OSError:
            return False
        return True

    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with ThreadPoolExecutor(scanning.thread_count()) as pool:
        return sum(pool.map(decode, files, chunksize=16))


def measure(folder: Path, place: Path, repeat: int) -> None:
    n_images = plain_decode(folder)  # also warms the disk cache for both
    decoded = count_decodes()
    plain, scans, unmeasured = [], [], []
    for number in range(repeat):
        plain.append(timed(lambda: plain_decode(folder)))
        with quality_unmeasured():
            unmeasured.append(timed(partial(scan, folder, cache_folder=place / f"unmeasured {number}")))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        decoded.clear()
        scans.append(timed(partial(scan, folder, cache_folder=place / f"cache {number}")))
    dataset = scan(folder, cache_folder=place / f"cache {repeat - 1}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{len(dataset.images):,} images, {n_images:,} by a plain decode; {scanning.thread_count()} threads")
    for name, times in (("plain decode", plain), ("no quality", unmeasured), ("scan", scans)):
        wall, processor = (min(part) for part in zip(*times, strict=True))
        per_image = 1000 * processor / n_images
        print(f"{name:13} {wall:6.2f} s, {n_images / wall:6,.0f} images/s; processor {per_image:.2f} ms an image")
    ratios = [min(a) / min(b) for a, b in zip(zip(*scans, strict=True), zip(*plain, strict=True), strict=True)]
    print(f"scan / plain decode: {ratios[0]:.2f} in time, {ratios[1]:.2f} in processor time")
    share = min(processor for _, processor in scans) / min(processor for _, processor in unmeasured) - 1
    print(f"measuring quality: {share:+.1%} of processor time")
    print(f"decodes by the scan: {sum(decoded.values()):,} for {len(dataset.images):,} images")
    print(f"peak memory of this process: {peak / 1024:.0f} MB, {(peak - before) / 1024:.0f} MB more than before")
    start = time.perf_counter()
    again = scan(folder, cache_folder=place / f"cache {repeat - 1}")
    print(f"second look, nothing changed: {time.perf_counter() - start:.2f} s, the same: {again == dataset}")
    start = time.perf_counter()
    found = find_duplicates(dataset)
    print(f"duplicates: {len(found):,} sets, {sum(s.conflicting for s in found):,} under two labels, "
          f"{time.perf_counter() - start:.2f} s")  # fmt: skip
    start = time.perf_counter()
    pairs = near_pairs([image.perceptual for image in dataset.images], 2)
    print(f"near-duplicates within 2 bits: {len(pairs):,} pairs, {time.perf_counter() - start:.2f} s")
    start = time.perf_counter()
    split = make_split(dataset, DataSettings())
    sizes = f"{len(split.pool):,} / {len(split.validation):,} / {len(split.test):,}"
    print(f"split {sizes}: {time.perf_counter() - start:.2f} s")


@contextlib.contextmanager
def quality_unmeasured() -> Iterator[None]:
    """Scan as if no quality were measured."""

    def nothing(*_: object) -> tuple[float, ...]:
        return (0.0,) * len(MEASURES)

    with mock.patch.object(scanning, "measure_quality", nothing):  # a mock itself would keep every image
        yield


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds; the second holds on a machine that others use too."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def count_decodes() -> Counter[str]:
    """Count the images that the scan decodes, by content."""
    decoded: Counter[str] = Counter()
    real = scanning.pixel_hash

    def counted(rgb: RGBArray) -> str:
        pixels = real(rgb)
        decoded[pixels] += 1
        return pixels

    scanning.pixel_hash = counted
    return decoded


if __name__ == "__main__":
    main()
