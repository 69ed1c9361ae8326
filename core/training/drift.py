"""Drift: the difference of the features of new images from those of the training images of a network."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from coreset_studio.core.results import FloatArray

LEAST_IMAGES = 10
WITHIN = 0.95
"""Share of the training images whose distance to the nearest other one counts as usual."""
_ROWS = 1024


@dataclass(frozen=True)
class Shift:
    """The difference of one set of images from the training images.

    Attributes
    ----------
    images : int
    mean_distance : float
        Distance of the mean features, divided by the root mean squared distance of the training images from their mean.
    outside : float
        Share of the images that are further from the nearest training image than 95 % of the training images are from
        the nearest other one.
    """

    images: int
    mean_distance: float
    outside: float


@dataclass(frozen=True)
class Drift:
    """The shift of new images, and for comparison that of the network's own test images.

    Attributes
    ----------
    training_images : int
        Of how many the features are known.
    new : Shift
    own : Shift or None
        None where the features of too few of the network's own test images are known.
    """

    training_images: int
    new: Shift
    own: Shift | None

    @property
    def sentence(self) -> str:
        """The result in one sentence."""
        own = self.own
        beside = (
            f", of the network's own test images {_percent(own.outside)} and {own.mean_distance:.2f}"
            if own is not None
            else ""
        )
        return (
            f"Drift of the network's features from {self.training_images:,} training images: "
            f"{_percent(self.new.outside)} of the images are outside their range, and the means differ by "
            f"{self.new.mean_distance:.2f} standard deviations{beside}. Different class frequencies contribute to both."
        )


def drift(training: FloatArray, own: FloatArray, new: FloatArray) -> Drift | None:
    """Compare features of new images with those of training images.

    Parameters
    ----------
    training, own, new : ndarray of shape (n, n_features)
        Of training images, of the network's own test images, and of the new images.

    Returns
    -------
    Drift or None
        None where there are fewer than 10 training images or no new ones, where features are no numbers, or where all
        training images have the same.

    Notes
    -----
    A network separates its training images better than any others, so that other images of the same kind fall outside
    their range more often than 5 %. Its own test images show by how much.
    """
    known = training.astype(np.float64)
    if len(known) < LEAST_IMAGES or len(new) == 0 or not (np.isfinite(known).all() and np.isfinite(new).all()):
        return None
    centre = known.mean(axis=0)
    spread = float(np.sqrt(((known - centre) ** 2).sum(axis=1).mean()))
    if spread == 0:
        return None
    between = cdist(known, known)
    np.fill_diagonal(between, np.inf)
    usual = float(np.quantile(between.min(axis=1), WITHIN))

    def shift(other: FloatArray) -> Shift:
        nearest = np.concatenate(
            [cdist(other[start : start + _ROWS], known).min(axis=1) for start in range(0, len(other), _ROWS)]
        )
        return Shift(
            len(other), float(np.linalg.norm(other.mean(axis=0) - centre)) / spread, float((nearest > usual).mean())
        )

    has_own = len(own) >= LEAST_IMAGES and bool(np.isfinite(own).all())
    return Drift(len(known), shift(new.astype(np.float64)), shift(own.astype(np.float64)) if has_own else None)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
