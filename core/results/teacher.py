"""Predictions of the teacher of soft labels for the pool."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Teacher:
    """Out-of-fold predictions of the teacher for the pool.

    Attributes
    ----------
    classes : tuple of str
        Classes of the dataset.
    indices : ndarray of shape (n,), int64
        Images of the pool, ascending.
    probabilities : ndarray of shape (n, n_classes), float32
        Class probabilities of each image, by a probe that was fitted on the other folds.
    knows : ndarray of shape (n,), bool
        Whether the probe of an image was fitted on images of its class. If not, the class has probability 0, and the
        image is trained on with its label only.
    seconds : float
        Time to fit the probes, without feature extraction.
    notes : tuple of str
        Sentences for the user.
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
            Indices of images of the dataset.
        classes : sequence of str
            The classes of the network: all classes of the pool, and possibly others.

        Returns
        -------
        ndarray
            Rows of zeros for images that the teacher has no probabilities for.
        """
        position = {name: place for place, name in enumerate(self.classes)}
        result = np.zeros((len(indices), len(classes)), dtype=np.float32)
        places = np.minimum(np.searchsorted(self.indices, indices), len(self.indices) - 1)
        known = (self.indices[places] == indices) & self.knows[places]
        result[known] = self.probabilities[places[known]][:, [position[name] for name in classes]]
        return result
