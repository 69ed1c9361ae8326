"""Images decoded for the window."""

import numpy as np

from core.data.rereading import read_unchanged
from core.errors import ImageError
from core.results import Dataset
from core.service.selection_requests import PictureView

LARGEST_SIDE = 4_096
"""Pixels. Of a larger image every second pixel is sent to the window, or fewer: 4,096 × 4,096 of them take 50 MB."""


def decode_picture(dataset: Dataset, index: int) -> PictureView:
    """Return one image, decoded as the engine sees it, at most `LARGEST_SIDE` pixels a side.

    Its `problem` says why there is none: it cannot be read any more, or is another image than the scan saw.
    """
    try:
        rgb = read_unchanged(dataset, index)
    except ImageError as error:
        return PictureView(index, 0, 0, b"", str(error))
    step = -(-max(rgb.shape[:2]) // LARGEST_SIDE)
    rgb = np.ascontiguousarray(rgb[::step, ::step])
    return PictureView(index, rgb.shape[1], rgb.shape[0], rgb.tobytes())
