"""Results of extraction and reduction: weights, embeddings, separation of the classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.results.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class WeightsUsed:
    """Weights that a result was computed with.

    Attributes
    ----------
    extractor : str
    digest : str
        SHA-256 (hex) over the tensors; empty for an extractor without weights.
    state : {"none", "verified", "unverified", "untrained", "file"}
        ``"none"``: the extractor has no weights; ``"file"``: its features are read from a file; `digest` is of that.
    """

    extractor: str
    digest: str
    state: Literal["none", "verified", "unverified", "untrained", "file"]


@dataclass(frozen=True)
class ViewReduction:
    """Reduction of one view of one class.

    Attributes
    ----------
    extractor, block : str
    n_features, n_components : int
        Before and after the reduction.
    explained : ndarray of shape (n_possible,), float64
        Explained variance ratios of *all* possible components, descending, for the cumulative curve.
    scale : float
        Factor that the view was multiplied by before concatenation; 0 if it was dropped because it has no variance.
    """

    extractor: str
    block: str
    n_features: int
    n_components: int
    explained: NDArray[np.float64]
    scale: float


@dataclass(frozen=True)
class ClassEmbedding:
    """Embeddings of one class: its reduced views, concatenated.

    Attributes
    ----------
    class_name : str
    indices : ndarray of shape (n,), int64
        Pool images of the class, ascending: the rows of `embedding`.
    embedding : ndarray of shape (n, n_components), float32
    other_indices : ndarray of shape (m,), int64
        Validation and test images of the class, ascending: the rows of `other_embedding`.
    other_embedding : ndarray of shape (m, n_components), float32
        Projected by the PCA of the pool images.
    views : tuple of ViewReduction
    """

    class_name: str
    indices: IntArray
    embedding: FloatArray
    other_indices: IntArray
    other_embedding: FloatArray
    views: tuple[ViewReduction, ...]


@dataclass(frozen=True)
class PoolEmbedding:
    """Embeddings across classes: views reduced by one PCA over the whole pool, scaled and concatenated.

    Attributes
    ----------
    indices : ndarray of shape (n,), int64
        Pool, validation and test images, ascending: the rows of `embedding`.
    embedding : ndarray of shape (n, n_components), float32
    in_pool : ndarray of shape (n,), bool
        Whether each image is in the pool.
    """

    indices: IntArray
    embedding: FloatArray
    in_pool: NDArray[np.bool_]

    @property
    def pool_indices(self) -> IntArray:
        """Pool images, ascending, shape (n_pool,)."""
        return self.indices[self.in_pool]

    @property
    def pool_rows(self) -> FloatArray:
        """Embeddings of the pool images, shape (n_pool, n_components), float32."""
        return self.embedding[self.in_pool]


@dataclass(frozen=True)
class Separation:
    """Leave-one-out 5-NN accuracy over the pool: how well an extractor separates the classes.

    Attributes
    ----------
    extractors : tuple of str
        Names of one extractor, or of several whose views are concatenated.
    accuracy : float
        0 to 1.
    by_class : mapping of str to float
        Share of the images of each class that are classified correctly, 0 to 1.
    n_neighbours : int
    """

    extractors: tuple[str, ...]
    accuracy: float
    by_class: Mapping[str, float]
    n_neighbours: int
