"""Principal component analysis of one view, through the cheaper of the two Gram matrices.

`ClassPca` reduces one class to the components that reach a share of its variance (paper 4.2). `PoolPca` finds a
fixed number of leading components over the whole pool, reading its rows block by block.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.estimate import ROWS_AT_ONCE
from coreset_studio.core.results import FloatArray, IntArray

Float64Array = NDArray[np.float64]
ReadRows = Callable[[IntArray], FloatArray]

# Columns multiplied at a time: sums over them are taken in float32, sums of those in float64.
BLOCK_COLUMNS = 4096
# Rows of the pool in memory at a time; 100 MB at 25,088 features.
BLOCK_ROWS = ROWS_AT_ONCE
# Centred rows whose size is a millionth of the rows' own are rounding: identical images.
RELATIVE_ZERO = 1e-12
# A cumulative ratio this close to the requested one has reached it; sums of ratios are only that exact.
RATIO_ROUNDING = 1e-9
# A component whose variance is below this share of the total is rounding of float32 products.
LEAST_RATIO = 1e-7


class ClassPca:
    """PCA of the rows of one class; holds on to the rows, so that others can be projected, until it is let go.

    Parameters
    ----------
    rows : ndarray of shape (n, d), float32
        n >= 1. Centred in place, to have them in memory once: do not use the rows elsewhere.
    variance : float
        0 < variance <= 1: the fewest components whose cumulative explained variance ratio reaches this are kept.

    Attributes
    ----------
    scores : ndarray of shape (n, k), float32
        The reduced rows; k >= 1. Without variance, or for a single row, one component of zeros.
    explained : ndarray of shape (min(n - 1, d),), float64
        Explained variance ratios, falling, of all components; a single 0 without variance.
    has_variance : bool

    Notes
    -----
    Memory is 4 n d bytes for the rows and 16 m² for the Gram matrix and its eigenvectors, m = min(n, d). Each
    component's sign makes its largest loading (the first of equally large ones) positive.

    References
    ----------
    Ashraf et al., Coreset selection based on Intra-class diversity (2025), 4.2; centred first.
    """

    def __init__(self, rows: FloatArray, variance: float) -> None:
        self._mean, self.has_variance = _centre(rows)
        n, d = rows.shape
        self._projector: Float64Array | None = None
        self._is_dual = n <= d
        self._rows: FloatArray | None = None
        if not self.has_variance:
            self.explained = np.zeros(1)
            self.scores = np.zeros((n, 1), dtype=np.float32)
            return
        values, vectors = leading_eigen(row_products(rows) if self._is_dual else row_products(rows.T))
        n_possible = min(n - 1, d)
        self.explained = values[:n_possible] / values[:n_possible].sum()
        k = n_components_for(self.explained, variance)
        kept, vectors = np.sqrt(values[:k]), vectors[:, :k]
        if self._is_dual:
            self._rows = rows
            signs = _signs(rows, vectors)
            self._projector = vectors * (signs / kept)
            self.scores = (vectors * (signs * kept)).astype(np.float32)
        else:
            self._projector = vectors * sign_of_largest(vectors)
            self.scores = rows @ self._projector.astype(np.float32)

    def project(self, others: FloatArray) -> FloatArray:
        """Return other rows on the same components, shape (len(others), k)."""
        if self._projector is None:
            return np.zeros((len(others), 1), dtype=np.float32)
        projector = self._projector.astype(np.float32)
        centred = others - self._mean
        if self._rows is not None:
            # Through the inner products with the rows: no loadings of shape (d, k) are ever made.
            return np.asarray((centred @ self._rows.T) @ projector)
        return np.asarray(centred @ projector)


def n_components_for(explained: Float64Array, variance: float) -> int:
    """Return the fewest components whose cumulative ratio reaches `variance`; at least 1.

    Components that are nothing but rounding are never counted, so that `variance` = 1 keeps what there is.
    """
    reached = np.flatnonzero(np.cumsum(explained) >= variance - RATIO_ROUNDING)
    enough = int(reached[0]) + 1 if reached.size else len(explained)
    return max(1, min(enough, int((explained > LEAST_RATIO).sum())))


def sum_of_squares(rows: FloatArray) -> float:
    """Return the sum of the squares of all entries.

    Raises
    ------
    FeatureError
        If it is not finite.
    """
    total = float(np.einsum("ij,ij->i", rows, rows).sum(dtype=np.float64))
    if not np.isfinite(total):
        raise FeatureError(
            "The features contain values that are not finite; expected finite numbers. "
            "Extract the features again, and check the weights."
        )
    return total


def _centre(rows: FloatArray) -> tuple[FloatArray, bool]:
    """Subtract the mean in place; return it, and whether anything but rounding is left."""
    blocks = [rows[start : start + BLOCK_ROWS] for start in range(0, len(rows), BLOCK_ROWS)]
    total = sum(sum_of_squares(block) for block in blocks)
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    left = 0.0
    for block in blocks:
        block -= mean
        left += sum_of_squares(block)
    return mean, len(rows) > 1 and left > RELATIVE_ZERO * total


def row_products(rows: FloatArray) -> Float64Array:
    """Return rows @ rows.T, summed over blocks of columns in float64."""
    result = np.zeros((len(rows), len(rows)))
    for start in range(0, rows.shape[1], BLOCK_COLUMNS):
        block = rows[:, start : start + BLOCK_COLUMNS]
        result += block @ block.T
    return result


def leading_eigen(gram: Float64Array, n_largest: int | None = None) -> tuple[Float64Array, Float64Array]:
    """Return eigenvalues, falling and never negative, and eigenvectors in columns."""
    n = len(gram)
    if n_largest is None or n_largest >= n:
        values, vectors = np.linalg.eigh(gram)
    else:
        values, vectors = scipy.linalg.eigh(gram, subset_by_index=(n - n_largest, n - 1), check_finite=False)
    return np.maximum(values[::-1], 0), vectors[:, ::-1]


def sign_of_largest(loadings: NDArray[np.floating]) -> Float64Array:
    """Return +1 or -1 for each column: the sign of its entry of largest size."""
    largest = loadings[np.argmax(np.abs(loadings), axis=0), np.arange(loadings.shape[1])]
    return np.where(largest < 0, -1.0, 1.0)


def _signs(rows: FloatArray, vectors: Float64Array) -> Float64Array:
    """Return the sign of the largest loading of each component, the loadings made block by block of columns."""
    k = vectors.shape[1]
    columns = vectors.astype(np.float32)
    size, signs = np.zeros(k, dtype=np.float32), np.ones(k)
    for start in range(0, rows.shape[1], BLOCK_COLUMNS):
        loadings = columns.T @ rows[:, start : start + BLOCK_COLUMNS]
        at = np.argmax(np.abs(loadings), axis=1)
        largest = loadings[np.arange(k), at]
        larger = np.abs(largest) > size
        signs[larger] = np.where(largest[larger] < 0, -1.0, 1.0)
        size[larger] = np.abs(largest[larger])
    return signs
