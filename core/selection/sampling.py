"""Input and result of a sampler: the images of one class, and their ranking."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.kernel import Kernel


@dataclass(frozen=True)
class ClassPool:
    """Input of a sampler for one class (or, for a sampler over the whole pool, of the pool).

    Attributes
    ----------
    class_name : str
        Empty for the whole pool.
    embedding : ndarray of shape (n, n_components), float32
        Joined embeddings; rows in path order. Across classes for one that selects from all classes
        together, of shape (n, 0) for a sampler over the whole pool.
    labels : ndarray of shape (n,), int64
        Cluster of each image; all 0 where nothing was clustered.
    medoids : ndarray of shape (k,), int64
        Rows of the medoids, by cluster.
    seed : int
    classes : ndarray of shape (n,), int64
        Of each image, for a sampler that selects from all classes together; else empty.
    quotas : ndarray of shape (n_classes,), int64
        How many images each class gives it; else empty.
    kept : ndarray of int64
        Rows that are selected already, as those of an earlier coreset, in the order in which they were; else empty.
        None of them is given again.
    make_kernel : callable
        Returns the kernel of `embedding`; a new one, unless the caller keeps kernels.
    """

    class_name: str
    embedding: FloatArray
    labels: IntArray
    medoids: IntArray
    seed: int
    make_kernel: Callable[[FloatArray], Kernel] = Kernel
    classes: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    quotas: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    kept: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def n_free(self) -> int:
        """Number of images that can be given: those that are not kept."""
        return len(self.labels) - len(self.kept)

    @classmethod
    def plain(cls, class_name: str, n_images: int, seed: int) -> Self:
        """Return a pool of one cluster without an embedding."""
        return cls(
            class_name=class_name,
            embedding=np.zeros((n_images, 0), dtype=np.float32),
            labels=np.zeros(n_images, dtype=np.int64),
            medoids=np.zeros(1, dtype=np.int64),
            seed=seed,
        )

    def seen_by(self, sampler: Sampler) -> Self:
        """Return the input of a sampler: of embedding, clusters and seed only those that it declares.

        The others are as in `plain`, with seed 0. So an order cannot depend on what is not in the key that it is kept
        under, nor on a seed that a comparison takes it not to have.
        """
        plain = self.plain(self.class_name, self.n_images, 0)
        return replace(
            self,
            embedding=self.embedding if sampler.uses_embedding else plain.embedding,
            make_kernel=self.make_kernel if sampler.uses_embedding else Kernel,
            labels=self.labels if sampler.uses_clusters else plain.labels,
            medoids=self.medoids if sampler.uses_clusters else plain.medoids,
            seed=self.seed if sampler.uses_seed else plain.seed,
        )


@dataclass(frozen=True)
class Order:
    """Rows of a `ClassPool` in the order in which they are selected.

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
    """Round to six significant digits, so that ties are the same on any number of threads (METHOD 3)."""
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log10(np.abs(gains)))
    scale = 10.0 ** (5 - np.where(np.isfinite(exponent), exponent, 0))
    return np.round(np.asarray(gains, dtype=np.float64) * scale) / scale
