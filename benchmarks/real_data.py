"""Where the benchmarks find real images and weights: beside the repository, or where CORESET_SHARED says."""

import os
import sys
from pathlib import Path

from coreset_studio.core.errors import MissingWeightsError
from coreset_studio.core.features.weights import find_weights, held_in, weight_set


def shared_folder() -> Path:
    named = os.environ.get("CORESET_SHARED")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared"


def images_folder(given: Path | None = None) -> Path:
    """Return the folder of images given, or the blood cells beside the repository; end the program without either."""
    folder = given or shared_folder() / "data" / "pbc_sample"
    if not folder.is_dir():
        sys.exit(f"There are no images in {folder}; name a folder of class folders with --images.")
    return folder


def weights_for(name: str) -> tuple[Path | None, bool]:
    """Return a weight file for an extractor and False, or None and True where only untrained weights are to be had."""
    try:
        return find_weights(name).file, False
    except MissingWeightsError:
        found = next(held_in(shared_folder() / "weights", weight_set(name)), None)
        return (found.file, False) if found is not None else (None, True)
