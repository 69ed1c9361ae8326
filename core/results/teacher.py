"""Predictions of the teacher of soft labels for the pool."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.results.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Teacher:
    """Out-of-fold predictions of the teacher for the pool.

    Attributes
    ----------
    classes : tuple of str
        Those of the dataset.
    indices : ndarray of shape (n,), int64
        The pool, ascending.
    probabilities : ndarray of shape (n, n_classes), float32
        Of each image, by a probe that saw no image of its fold.
    knows : ndarray of shape (n,), bool
        Whether that probe saw images of the image's class. Where it did not, the class has probability 0, and the image
        is trained on by its label alone.
    seconds : float
        Time to fit, without features.
    notes : tuple of str
        What a user should read.
    """

    classes: tuple[str, ...]
    indices: IntArray
    probabilities: FloatArray
    knows: NDArray[np.bool_]
    seconds: float
    notes: tuple[str, ...] = ()

    def targets(self, indices: IntArray, classes: Sequence[str]) -> FloatArray:
        """Return the probabilities that images are trained on, shape (n, n_classes), float32.

        Parameters
        ----------
        indices : ndarray of shape (n,), int64
            Of images of the dataset.
        classes : sequence of str
            The classes of the network: all classes of the pool, and possibly others.

        Returns
        -------
        ndarray
            A row of zeros for an image of which the teacher knows nothing.
        """
        position = {name: place for place, name in enumerate(self.classes)}
        result = np.zeros((len(indices), len(classes)), dtype=np.float32)
        places = np.minimum(np.searchsorted(self.indices, indices), len(self.indices) - 1)
        known = (self.indices[places] == indices) & self.knows[places]
        result[known] = self.probabilities[places[known]][:, [position[name] for name in classes]]
        return result
