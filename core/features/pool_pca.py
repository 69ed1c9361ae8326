"""Leading principal components of one view over the whole pool, its rows read block by block."""

from collections.abc import Iterator

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from coreset_studio.core.estimate import EXACT_LIMIT, SPARE_COLUMNS
from coreset_studio.core.features.pca import (
    BLOCK_ROWS,
    RELATIVE_ZERO,
    Float64Array,
    ReadRows,
    leading_eigen,
    row_products,
    sign_of_largest,
    sum_of_squares,
)
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.seeds import generator

# The block Krylov method stops when every residual is below this share of the largest eigenvalue.
TOLERANCE = 3e-4
MOST_BLOCKS = 8


class PoolPca:
    """PCA over the pool with a fixed number of components.

    Parameters
    ----------
    read : callable
        ``read(indices)`` returns float32 rows of shape (len(indices), n_features).
    indices : ndarray of shape (n,), int64
        The pool; n >= 1.
    n_features : int
    n_components : int
        At most this many are kept; fewer where the pool has fewer.
    exact_limit : int
        Where n or `n_features` is not above it, the smaller Gram matrix is solved exactly; beyond, a block Krylov
        method with a fixed start finds the leading components, and needs no n×n and no d×d matrix.

    Attributes
    ----------
    loadings : ndarray of shape (n_features, k), float32
        Each column's largest entry is positive.
    mean : ndarray of shape (n_features,), float32
    has_variance : bool
        Whether there is any; without it k is 1 and the loadings are 0.

    References
    ----------
    Musco and Musco, Randomized block Krylov methods for stronger and faster approximate singular value
    decomposition (2015), with the Rayleigh-Ritz values of the whole Krylov basis.
    """

    def __init__(
        self,
        read: ReadRows,
        indices: IntArray,
        n_features: int,
        n_components: int,
        *,
        exact_limit: int = EXACT_LIMIT,
        progress: Progress = NO_PROGRESS,
    ) -> None:
        self._read = read
        self._indices = indices
        self._progress = progress
        self._n_features = n_features
        self.mean, total, left = self._moments()
        self.has_variance = len(indices) > 1 and left > RELATIVE_ZERO * total
        k = max(1, min(n_components, len(indices) - 1, n_features))
        self.loadings: FloatArray = np.zeros((n_features, k if self.has_variance else 1), dtype=np.float32)
        if not self.has_variance:
            return
        loadings: NDArray[np.floating]
        if n_features <= exact_limit:
            values, loadings = leading_eigen(self._covariance(), k)
        elif len(indices) <= exact_limit:
            rows = self._all_centred()
            values, vectors = leading_eigen(row_products(rows), k)
            # Copies of one image leave fewer components than were requested: the rest have no length to divide by.
            lengths = np.sqrt(np.where(values > RELATIVE_ZERO * left, values, np.inf))
            loadings = rows.T @ (vectors / lengths).astype(np.float32)
        else:
            values, loadings = self._krylov(k)
        # Components that are nothing but rounding of float32 rows would be noise of length 1.
        loadings[:, values <= RELATIVE_ZERO * left] = 0
        self.loadings = np.asarray(loadings * sign_of_largest(loadings), dtype=np.float32)

    def project(self, indices: IntArray) -> FloatArray:
        """Return images on the components, shape (len(indices), k); rows are read block by block."""
        blocks = [block @ self.loadings for block in self._centred(indices)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.loadings.shape[1]), dtype=np.float32)

    def _blocks(self, indices: IntArray) -> Iterator[FloatArray]:
        for start in range(0, len(indices), BLOCK_ROWS):
            self._progress.report(start, len(indices), "Reducing the pool: images")
            yield self._read(indices[start : start + BLOCK_ROWS])

    def _centred(self, indices: IntArray) -> Iterator[FloatArray]:
        for block in self._blocks(indices):
            block -= self.mean
            yield block

    def _all_centred(self) -> FloatArray:
        rows = np.empty((len(self._indices), self._n_features), dtype=np.float32)
        start = 0
        for block in self._centred(self._indices):
            rows[start : start + len(block)] = block
            start += len(block)
        return rows

    def _moments(self) -> tuple[FloatArray, float, float]:
        """Return the mean, the sum of squares, and the sum of squares about the mean."""
        # About the first row, so that identical images leave exactly nothing.
        first = self._read(self._indices[:1])[0]
        sums = np.zeros(self._n_features)
        total = about_first = 0.0
        for block in self._blocks(self._indices):
            total += sum_of_squares(block)
            block -= first
            sums += block.sum(axis=0, dtype=np.float64)
            about_first += sum_of_squares(block)
        shift = sums / len(self._indices)
        left = about_first - len(self._indices) * float(shift @ shift)
        return (first + shift).astype(np.float32), total, left

    def _covariance(self) -> Float64Array:
        result = np.zeros((self._n_features, self._n_features))
        for block in self._centred(self._indices):
            result += block.T @ block
        return result

    def _krylov(self, k: int) -> tuple[Float64Array, FloatArray]:
        """Return the `k` largest eigenvalues of the scatter matrix and their vectors, shape (n_features, k)."""
        width = min(k + SPARE_COLUMNS, self._n_features)
        most = min(MOST_BLOCKS * width, self._n_features)
        # Columns are filled block by block; memory that is never filled is never taken.
        basis = np.empty((self._n_features, most), dtype=np.float32, order="F")
        images = np.empty_like(basis)
        inner = np.zeros((most, most))
        fresh = _orthonormal(generator(0, "pool pca").standard_normal((self._n_features, width), dtype=np.float32))
        for start in range(0, most, width):
            done = slice(0, min(start + width, most))
            new = slice(start, done.stop)
            basis[:, new] = fresh[:, : new.stop - start]
            images[:, new] = self._scatter_times(basis[:, new])
            inner[done, new] = basis[:, done].T @ images[:, new]
            inner[new, done] = inner[done, new].T
            values, weights = leading_eigen(inner[done, done], k)
            single = weights.astype(np.float32)
            vectors: FloatArray = basis[:, done] @ single
            residuals = np.linalg.norm(images[:, done] @ single - vectors * values.astype(np.float32), axis=0)
            if residuals.max() <= TOLERANCE * values[0]:
                break
            fresh = images[:, new] / np.float32(values[0])
            for _ in range(2):
                fresh = _orthonormal(fresh - basis[:, done] @ (basis[:, done].T @ fresh))
        return values, vectors

    def _scatter_times(self, columns: FloatArray) -> Float64Array:
        result = np.zeros(columns.shape)
        for block in self._centred(self._indices):
            result += block.T @ (block @ columns)
        return result


def _orthonormal(columns: FloatArray) -> FloatArray:
    """Return orthonormal columns that span the same space."""
    return np.asarray(scipy.linalg.qr(columns, mode="economic", check_finite=False)[0], dtype=np.float32)
