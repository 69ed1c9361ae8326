"""Speed of a model of the user against a bare session of ONNX Runtime, with a vision transformer of random weights.

    python -m benchmarks.onnx_model [--images FOLDER] [--n 64] [--model FILE.onnx]

Both sides run in one process, in turn, on the same images: a bare session with all threads on batches of 16 that are
ready in memory, and `extract` from files into an empty cache, which decodes, resizes and computes batches of 4 with one
thread each. Expected: at least 0.90. Also printed: seconds and memory of adding the model, and whether the features are
the same to the bit with 1 and with all threads, and for a part of the images.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import unittest.mock
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.extraction import first_images, timed_extraction
from benchmarks.real_data import images_folder
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.images import read_image
from coreset_studio.core.features.extractors import extractor_named
from coreset_studio.core.features.own_models.adding import AddedModel, add_model
from coreset_studio.core.features.own_models.libraries import import_onnxruntime
from coreset_studio.core.features.own_models.running import Runner, open_session
from coreset_studio.core.results import Dataset
from coreset_studio.core.threads import n_processors

EXPECTED, BATCH = 0.90, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--n", type=int, default=64, help="images in each pass")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--model", type=Path, default=None)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # Models are added to the user's data folder.
        with unittest.mock.patch.dict(os.environ, {"CORESET_DATA": str(folder / "data")}):
            file = chosen.model or folder / "vit-s.onnx"
            if chosen.model is None:
                # In a process of its own, so that its memory does not count.
                subprocess.run([sys.executable, "-m", "benchmarks.onnx_vit", str(file)], check=True)
            dataset = first_images(scan(images_folder(chosen.images), cache_folder=folder / "scan"), chosen.n)
            compare(dataset, add(file), chosen.repeat)


def add(file: Path) -> AddedModel:
    before, began = peak_bytes(), time.perf_counter()
    added = add_model(file, title="benchmark", is_complete=True)
    seconds = time.perf_counter() - began
    model = added.model
    print(
        f"{file.name}: {model.n_parameters / 1e6:.1f} million parameters, {model.n_bytes / 1e6:.0f} MB; checked and "
        f"added in {seconds:.1f} s, {(peak_bytes() - before) / 1e6:.0f} MB more memory; batches of 1 and of 16 differ "
        f"by {added.difference:.1g} (relative)"
    )
    return added


def compare(dataset: Dataset, added: AddedModel, repeat: int) -> None:
    model, n = added.model, len(dataset.images)
    extractor = extractor_named(model.name)
    pixels = np.stack([extractor.prepare(read_image(dataset, index)) for index in range(n)])
    runner = Runner(open_session(model.file.read_bytes(), model.title), model.port, model.settings, model.title)
    batches = [runner._input(pixels[start : start + BATCH]) for start in range(0, n, BATCH)]  # noqa: SLF001
    bare = bare_session(model.file)
    compute = extractor.load(None)
    compute(pixels[: extractor.batch_size])
    bare.run(None, {model.image: batches[0]})
    ratios, rates = [], []
    for _ in range(repeat):
        began = time.perf_counter()
        for batch in batches:
            bare.run([model.settings.output], {model.image: batch})
        alone = time.perf_counter() - began
        whole = timed_extraction(dataset, model.name, compute, None, False)
        ratios.append(alone / whole)
        rates.append((n / alone, n / whole))
    print(
        f"{n} images, {repeat} times in turn, {n_processors()} processors: bare session {max(r[0] for r in rates):.1f} "
        f"images/s, from files {max(r[1] for r in rates):.1f} images/s; ratio median {np.median(ratios):.3f} "
        f"({', '.join(f'{ratio:.3f}' for ratio in ratios)}); expected at least {EXPECTED:.2f}"
    )
    whole_rows = runner.rows(pixels)
    same = [
        ("1 thread", np.array_equal(runner.rows(pixels, n_at_once=1), whole_rows)),
        ("a part of the images", np.array_equal(runner.rows(pixels[: n // 2 + 1]), whole_rows[: n // 2 + 1])),
    ]
    print("; ".join(f"{what}: {'the same to the bit' if alike else 'OTHER numbers'}" for what, alike in same))


def bare_session(file: Path) -> Any:
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = n_processors()
    return runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def peak_bytes() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
