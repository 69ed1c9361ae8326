"""Stability of a selection: how often each image is selected."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results.arrays import IntArray


@dataclass(frozen=True, eq=False)
class Stability:
    """How often each image of a dataset was selected over splits and seeds.

    Attributes
    ----------
    in_pool : ndarray of shape (n_images,), int64
        How often each image was in the pool, and could be selected.
    chosen : ndarray of shape (n_images,), int64
        How often it was selected.
    n_splits, n_seeds : int
        Numbers of splits, and of seeds for each split.
    notes : tuple of str
        Sentences for the user.
    """

    in_pool: IntArray
    chosen: IntArray
    n_splits: int
    n_seeds: int
    notes: tuple[str, ...] = ()

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of the times in the pool that each image was selected, 0 to 1; NaN if it never was in the pool."""
        return np.where(self.in_pool > 0, self.chosen / np.maximum(self.in_pool, 1), np.nan)
