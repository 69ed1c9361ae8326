"""Count levels of grey."""

from collections.abc import Mapping

import numpy as np

from coreset_studio.core.features.extractors.grey_histogram import DESCRIPTION
from coreset_studio.core.features.steps import Compute, Pixels, Prepared, Steps
from coreset_studio.core.features.weight_files import Tensors
from coreset_studio.core.results import FloatArray

LEVELS = DESCRIPTION.blocks["grey"]


def prepare(rgb: Pixels) -> Prepared:
    """Return the share of the pixels in each level of the mean of red, green and blue, shape (32,), float32."""
    greys = rgb.reshape(-1, 3).sum(axis=1, dtype=np.int64) * LEVELS // (3 * 256)
    return (np.bincount(greys, minlength=LEVELS) / len(greys)).astype(np.float32)


def load(tensors: Tensors | None) -> Compute:
    """Return the function that names the block of counted images; there is nothing to load."""
    del tensors

    def compute(batch: Prepared) -> Mapping[str, FloatArray]:
        return {"grey": np.asarray(batch, dtype=np.float32)}

    return compute


STEPS = Steps(prepare=prepare, load=load)
