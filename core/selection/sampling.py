"""What a sampler sees and gives: the images of one class, and their order."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.results import FloatArray, IntArray
from core.selection.kernel import Kernel


@dataclass(frozen=True)
class ClassPool:
    """What a sampler sees of one class (or, for a sampler over the whole pool, of the pool).

    Attributes
    ----------
    class_name : str
        Empty for the whole pool.
    embedding : ndarray of shape (n, n_components), float32
        Joined embeddings; rows in path order. Shape (n, 0) for a sampler over the whole pool.
    labels : ndarray of shape (n,), int64
        Cluster of each image; all 0 where nothing was clustered.
    medoids : ndarray of shape (k,), int64
        Rows of the medoids, by cluster.
    seed : int
    make_kernel : callable
        Returns the kernel of `embedding`; a new one, unless whoever asks for orders keeps kernels.
    """

    class_name: str
    embedding: FloatArray
    labels: IntArray
    medoids: IntArray
    seed: int
    make_kernel: Callable[[FloatArray], Kernel] = Kernel

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self.labels)


@dataclass(frozen=True)
class Order:
    """Rows of a `ClassPool` in the order in which they are chosen.

    Attributes
    ----------
    rows : ndarray of shape (n,), int64
        Distinct.
    reasons : tuple of str
        A few words for each row.
    """

    rows: IntArray
    reasons: tuple[str, ...]


def rounded(gains: np.ndarray) -> np.ndarray:
    """Round to six significant digits, so that ties fall alike on any number of threads (METHOD 3)."""
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log10(np.abs(gains)))
    scale = 10.0 ** (5 - np.where(np.isfinite(exponent), exponent, 0))
    return np.round(np.asarray(gains, dtype=np.float64) * scale) / scale
