"""Images of an HDF5 file, one after another, beside bare h5py.

    python -m benchmarks.hdf5_rows [FILE_x.h5] [--images 20000]

Without a file one like that of PatchCamelyon is made: 96 × 96 colour images, packed with gzip, 64 in a chunk. Bare
h5py reads whole chunks in order, which is the least that any reader must do; row by row without a cache it unpacks
each chunk for every row of it. Measured: the images per second of the reader, and of the whole scan, and the memory.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from scipy.ndimage import gaussian_filter

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.data.sources.hdf5.paths import place_of

N_UNCACHED = 200


def make(folder: Path, n: int) -> Path:
    """Write smooth noise, which packs about as well as tissue does."""
    rng = np.random.default_rng(0)
    smooth = gaussian_filter(rng.normal(0, 1, (256, 96, 96, 3)), (0, 2, 2, 0))
    block = np.clip(128 + 300 * smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
    file = folder / "made_x.h5"
    with h5py.File(file, "w") as container:
        x = container.create_dataset("x", (n, 96, 96, 3), np.uint8, chunks=(64, 96, 96, 3), compression="gzip")
        for first in range(0, n, len(block)):
            x[first : first + len(block)] = np.roll(block, first, 2)[: n - first]
    with h5py.File(folder / "made_y.h5", "w") as container:
        container["y"] = (np.arange(n) % 2).reshape(n, 1, 1, 1)
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=20_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        measure(chosen.file or make(Path(place), chosen.images), Path(place))


def measure(file: Path, place: Path) -> None:
    start = time.perf_counter()
    listing = SOURCES["hdf5"].listing(file)
    print(f"{len(listing.entries):,} images listed in {time.perf_counter() - start:.2f} s")
    first = place_of(listing.entries[0].path)
    assert first is not None
    entries = [entry for entry in listing.entries if entry.path.startswith(f"{first.file}/")]
    start = time.perf_counter()
    with h5py.File(listing.root / first.file, "r", locking=False) as container:
        array = container[first.key]
        step = array.chunks[0] if array.chunks else 64
        total = sum(int(array[at : at + step][:, 0, 0].sum()) for at in range(0, len(array), step))
    told("bare h5py, whole chunks", len(entries), start)
    start = time.perf_counter()
    with h5py.File(listing.root / first.file, "r", locking=False, rdcc_nbytes=0) as container:
        for row in range(min(N_UNCACHED, len(entries))):
            container[first.key][row]
    told("bare h5py, row by row without a cache", min(N_UNCACHED, len(entries)), start)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = 0
    for entry in entries:
        found += int(SOURCES["hdf5"].reader.read(listing.root, entry.path)[0, 0].sum())
    told("the reader, one image after another", len(entries), start)
    print(f"the same pixels: {found == total if array_is_colour(total, found) else 'greyscale, not compared'}")
    start = time.perf_counter()
    dataset = scan(file, cache_folder=place / "cache")
    told("the scan", len(dataset.images), start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory: {(peak - before) / 1024:.0f} MB more than before, {peak / 1024:.0f} MB at its peak")
    start = time.perf_counter()
    scan(file, cache_folder=place / "cache")
    print(f"second scan, nothing changed: {time.perf_counter() - start:.2f} s")


def array_is_colour(total: int, found: int) -> bool:
    return found != 3 * total


def told(what: str, n: int, start: float) -> None:
    print(f"{what}: {n / (time.perf_counter() - start):,.0f} images/s")


if __name__ == "__main__":
    main()
