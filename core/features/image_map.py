"""The map of all classes: PCA or t-SNE of the embedding across classes, in two dimensions."""

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.estimate import BLOCK_BYTES, MOST_FITTED
from coreset_studio.core.features.pca import RELATIVE_ZERO, leading_eigen, sign_of_largest
from coreset_studio.core.memory import LIBRARY_BYTES, memory_for
from coreset_studio.core.neighbours import nearest_in
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import FloatArray, ImageMap, MapMethod, PoolEmbedding
from coreset_studio.core.seeds import generator

LEAST_FITTED = 10
PERPLEXITY = 30.0
N_NEIGHBOURS = 5
START = 1e-4
"""Standard deviation of the first dimension at the start of t-SNE, as in scikit-learn and openTSNE."""


def compute_map(
    across: PoolEmbedding,
    method: MapMethod,
    seed: int = 0,
    progress: Progress = NO_PROGRESS,
    *,
    most_fitted: int = MOST_FITTED,
) -> ImageMap:
    """Return a place in the plane for each image with features.

    Parameters
    ----------
    across : PoolEmbedding
    method : {"pca", "tsne"}
        PCA is fitted on the pool, and the other images are projected. t-SNE starts from this PCA; of more than
        `most_fitted` images it is fitted on a random sample, and each other image is placed at the median of its
        nearest images of the sample.
    seed : int
        >= 0, of the sample of t-SNE.
    progress : Progress
        Not called while t-SNE runs.
    most_fitted : int
        >= 10.

    Returns
    -------
    ImageMap
        The same for any number of threads.

    Raises
    ------
    FeatureError
        If there are too few images for t-SNE.
    MemoryShortError
        If it requires more memory than is available.

    References
    ----------
    van der Maaten and Hinton, Visualizing data using t-SNE (2008); van der Maaten, Accelerating t-SNE using
    tree-based algorithms (2014); Kobak and Berens, The art of using t-SNE for single-cell transcriptomics (2019), for
    the start from PCA; Poličar et al., openTSNE (2024), for the median of neighbours.
    """
    n, d = across.embedding.shape
    with memory_for(f"Computing the map of {n:,} images", map_bytes(n, d, most_fitted)), threadpool_limits(1):
        progress.report(0, 0, "Computing the map")
        points, shares = _pca(across)
        if method == "pca":
            return ImageMap("pca", across.indices, points.astype(np.float32), across.in_pool.copy(), shares)
        if n < LEAST_FITTED:
            raise FeatureError(
                f"A t-SNE map requires at least {LEAST_FITTED} images with features; found {n:,}. Use PCA instead."
            )
        fitted = np.ones(n, dtype=bool)
        if n > most_fitted:
            fitted[:] = False
            fitted[generator(seed, "map").choice(n, most_fitted, replace=False)] = True
        progress.report(0, 0, f"Computing the map: t-SNE of {int(fitted.sum()):,} images")
        placed = np.empty((n, 2), dtype=np.float32)
        placed[fitted] = _tsne(across.embedding[fitted], points[fitted], seed)
        if not fitted.all():
            near = nearest_in(across.embedding[~fitted], across.embedding[fitted], N_NEIGHBOURS, progress)
            placed[~fitted] = np.median(placed[fitted][near], axis=1)
    return ImageMap("tsne", across.indices, placed, fitted)


def map_bytes(n_images: int, n_components: int, most_fitted: int = MOST_FITTED) -> int:
    """Return what `compute_map` takes at its peak, in bytes."""
    n_fitted = min(n_images, most_fitted)
    # Centred in float64; the neighbours and tree of t-SNE; a block of distances and its order.
    fitting = n_fitted * (12 * n_components + 16 * 3 * int(PERPLEXITY) * 4)
    placing = min(4 * BLOCK_BYTES, 32 * n_images * n_fitted)
    return 12 * n_images * n_components + fitting + placing + LIBRARY_BYTES


def _pca(across: PoolEmbedding) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Return the first two components of the pool, of all images, and their shares of the variance."""
    pool = np.asarray(across.pool_rows, dtype=np.float64)
    mean = pool.mean(axis=0)
    covariance = (pool - mean).T @ (pool - mean)
    total = float(np.trace(covariance))
    size = float(np.einsum("ij,ij->", pool, pool))
    points = np.zeros((len(across.embedding), 2))
    if total <= RELATIVE_ZERO * size:  # identical images
        return points, (0.0, 0.0)
    values, loadings = leading_eigen(covariance, min(2, len(covariance)))
    loadings = loadings * sign_of_largest(loadings)
    loadings[:, values <= RELATIVE_ZERO * total] = 0
    points[:, : loadings.shape[1]] = (np.asarray(across.embedding, dtype=np.float64) - mean) @ loadings
    shares = [float(value) / total for value in values]
    return points, (*shares, 0.0)[:2]


def _tsne(rows: FloatArray, start: NDArray[np.float64], seed: int) -> FloatArray:
    """Return the t-SNE of rows from a start, which is scaled."""
    spread = float(start[:, 0].std())
    start = (start / spread * START if spread > 0 else start).astype(np.float32)
    tsne = TSNE(
        perplexity=min(PERPLEXITY, (len(rows) - 1) / 3),
        init=start,
        learning_rate="auto",
        method="barnes_hut",
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(tsne.fit_transform(np.asarray(rows, dtype=np.float32)), dtype=np.float32)
