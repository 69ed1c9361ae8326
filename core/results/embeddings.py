"""Results of extraction and reduction: weights, embeddings, separation of the classes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class ModelUsed:
    """A model that the user added, as results name it.

    Attributes
    ----------
    title : str
        The user's name for it.
    preparation : str
        How images are prepared for it, in words.
    source, licence : str
        What the user noted; may be empty.
    key : str
        SHA-256 (hex) over the digest of the file and all that its features depend on.
    """

    title: str
    preparation: str
    source: str = ""
    licence: str = ""
    key: str = ""


@dataclass(frozen=True)
class WeightsUsed:
    """Weights, or model of the user, that a result was computed with.

    Attributes
    ----------
    extractor : str
    digest : str
        SHA-256 (hex) over the tensors, or over the file of a model; empty for an extractor without weights.
    state : {"none", "verified", "unverified", "untrained", "file"}
        ``"none"``: the extractor has no weights; ``"file"``: its features are read from a file; `digest` is of that.
    model : ModelUsed or None
        A model that the user added; None for weights of a known network.
    """

    extractor: str
    digest: str
    state: Literal["none", "verified", "unverified", "untrained", "file"]
    model: ModelUsed | None = None

    @property
    def values(self) -> dict[str, Any]:
        """All fields, as stored forms and keys have them: without `model` where there is none, as before it existed."""
        found = asdict(self)
        if self.model is None:
            del found["model"]
        return found

    @property
    def label(self) -> str:
        """The notice that must be shown with every result, in one sentence; empty if there is none."""
        if self.model is not None:
            return (
                f"Unverified model: {self.model.title} (extractor {self.extractor}, SHA-256 {self.digest}) was added "
                "by the user; it was checked that it runs and gives the same features each time, not what they are "
                "worth."
            )
        if self.state == "unverified":
            return f"Unverified weights: those of {self.extractor} match, but are not a known set."
        if self.state == "untrained":
            return f"Untrained weights: {self.extractor} has seeded random weights."
        return ""


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
