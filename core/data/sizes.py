"""Sizes that suit the images of a dataset."""

import numpy as np

from coreset_studio.core.results import Dataset

SIDES = (64, 96, 128, 192, 256)
"""Sides in pixels that networks are offered, the largest as in the paper."""


def training_side(dataset: Dataset) -> int:
    """Return the side in pixels that networks are trained at, by the size of the images.

    The largest of `SIDES` that is not above the median of the images' shorter sides, so that most are made smaller and
    few larger; the least of them for images that are smaller still.

    Parameters
    ----------
    dataset : Dataset
        At least one image.
    """
    median = float(np.median([min(image.width, image.height) for image in dataset.images]))
    return max((side for side in SIDES if side <= median), default=SIDES[0])
