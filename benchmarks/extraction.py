"""How much of the bare network's speed is left when images come from disk: decoding beside computing.

    python -m benchmarks.extraction [--images FOLDER] [--weights FOLDER] [--n 256] [EXTRACTOR …]

Both sides run in one process, in turn, on the same number of images: the bare network on batches that are ready in
memory, and `extract` from files into an empty cache. Expected: at least 0.90 for vgg16, 0.75 for the others.
Weights that are not on the machine are replaced by untrained ones, which cost the same.
"""

import argparse
import tempfile
import time
import unittest.mock
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.real_data import images_folder, weights_for
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.images import read_image
from coreset_studio.core.features.extraction import extract
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.features.weights import load_weights
from coreset_studio.core.results import Dataset

EXPECTED = {"vgg16": 0.90, "mobilenetv2": 0.75, "efficientnet-lite0": 0.75}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extractors", nargs="*", default=list(EXPECTED))
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--n", type=int, default=256, help="images in each pass")
    parser.add_argument("--repeat", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        dataset = first_images(scan(images_folder(chosen.images), cache_folder=Path(place)), chosen.n)
        for name in chosen.extractors:
            compare(dataset, name, chosen.repeat)


def first_images(dataset: Dataset, n: int) -> Dataset:
    """Keep n images of different content, spread over the classes."""
    distinct = list({image.pixels: image for image in dataset.images}.values())
    step = max(1, len(distinct) // n)
    return replace(dataset, images=tuple(distinct[::step][:n]))


def compare(dataset: Dataset, name: str, repeat: int) -> None:
    n = len(dataset.images)
    file, untrained = weights_for(name)
    _tensors, used = load_weights(name, file=file, untrained=untrained)
    pairs = list(compared_seconds(dataset, name, repeat))
    ratios = [bare / whole for whole, bare in pairs]
    print(
        f"{name} ({used.state} weights), {n} images, {repeat} times in turn: bare network "
        f"{max(n / bare for _, bare in pairs):.1f} images/s, from files {max(n / whole for whole, _ in pairs):.1f} "
        f"images/s; ratio median {np.median(ratios):.3f} ({', '.join(f'{ratio:.3f}' for ratio in ratios)}); "
        f"expected at least {EXPECTED.get(name, 0):.2f}"
    )


def compared_seconds(dataset: Dataset, name: str, repeat: int) -> Iterator[tuple[float, float]]:
    """Yield the seconds of extraction from files, and of the bare network on ready batches, in turn."""
    extractor, n = EXTRACTORS[name], len(dataset.images)
    file, untrained = weights_for(name)
    tensors, _used = load_weights(name, file=file, untrained=untrained)
    compute = extractor.load(tensors)
    prepared = np.stack([extractor.prepare(read_image(dataset, index)) for index in range(n)])
    batches = [prepared[i : i + extractor.batch_size] for i in range(0, n, extractor.batch_size)]
    for batch in (batches[0], batches[-1]):
        compute(batch)
    for _ in range(repeat):
        start = time.perf_counter()
        for batch in batches:
            compute(batch)
        bare = time.perf_counter() - start
        yield timed_extraction(dataset, name, compute, file, untrained), bare


def timed_extraction(dataset: Dataset, name: str, compute: object, file: Path | None, untrained: bool) -> float:
    """Time `extract` into an empty cache with the network loaded already, as it is for all but the first batch."""
    with (
        tempfile.TemporaryDirectory() as place,
        unittest.mock.patch("coreset_studio.core.features.extraction._loaded", return_value=compute),
    ):
        start = time.perf_counter()
        extract(dataset, name, cache_folder=Path(place), weights_file=file, untrained=untrained)
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
