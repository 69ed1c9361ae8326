"""The code of the example's extractor."""

import numpy as np

from coreset_example.extractor import MeanColourSettings
from coreset_studio.plugin_code import Compute, Pixels, Prepared, Steps


def steps(settings: MeanColourSettings) -> Steps:
    """Return what computes the mean colour under these settings."""

    def prepare(rgb: Pixels) -> Prepared:
        height, width = rgb.shape[:2]
        top, left = (int(side * (1 - settings.middle) / 2) for side in (height, width))
        inside = rgb[top : height - top, left : width - left].reshape(-1, 3) / 255
        return np.concatenate([inside.mean(axis=0), inside.std(axis=0)]).astype(np.float32)

    def load(_: object) -> Compute:
        return lambda batch: {"colour": np.asarray(batch, dtype=np.float32)}

    return Steps(prepare=prepare, load=load)
