"""Views: blocks of features, reduced and scaled, joined side by side so that squared distances add up."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from coreset_studio.core.results import FloatArray, IntArray


class FeatureRows(Protocol):
    """Interface of an extractor's output for reduction; `core.features.extraction.Extracted` is one."""

    @property
    def extractor(self) -> str:
        """Name of the extractor."""

    @property
    def block_names(self) -> tuple[str, ...]:
        """Its blocks, in the extractor's order."""

    @property
    def fingerprint(self) -> str:
        """The inputs, other than the images, on which the rows depend."""

    def rows(self, block: str, indices: IntArray) -> FloatArray:
        """Return fresh rows of shape (len(indices), n_features), float32."""


def view_scales(extractors: Sequence[str], mean_squares: Sequence[float]) -> tuple[float, ...]:
    """Return what each view is multiplied with before joining.

    Parameters
    ----------
    extractors : sequence of str
        Whose block each view is.
    mean_squares : sequence of float
        Mean squared norm of each reduced view over the images that it was fitted on; 0 without variance.

    Returns
    -------
    tuple of float
        Every extractor gets a mean squared norm of 1 in total, shared equally among its views; a view without
        variance is dropped, by a scale of 0.
    """
    sharing = {
        name: sum(1 for other, square in zip(extractors, mean_squares, strict=True) if other == name and square > 0)
        for name in extractors
    }
    return tuple(
        float(1 / np.sqrt(square * sharing[name])) if square > 0 else 0.0
        for name, square in zip(extractors, mean_squares, strict=True)
    )


def mean_square(rows: FloatArray) -> float:
    """Return the mean squared norm of rows; 0 for no rows."""
    return float(np.einsum("ij,ij->i", rows, rows, dtype=np.float64).mean()) if len(rows) else 0.0


def join(views: Sequence[FloatArray], scales: Sequence[float]) -> FloatArray:
    """Put scaled views side by side, shape (n, sum of their components).

    Views of scale 0 are dropped; where all are, one component of zeros remains.
    """
    parts = [view * np.float32(scale) for view, scale in zip(views, scales, strict=True) if scale > 0]
    if not parts:
        return np.zeros((len(views[0]), 1), dtype=np.float32)
    return np.concatenate(parts, axis=1)
