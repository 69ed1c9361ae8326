"""The kernel R of balanced herding and of the coverage figures: the similarity of two images of one class."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from coreset_studio.core.neighbours import nearest, row_blocks, squared_distances
from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.seeds import generator

MEMORY_BUDGET = 2**30
N_NEIGHBOURS = 10
# Of a class of which a sample is measured: images whose neighbours give the width.
IMAGES_OF_WIDTH = 1_000


def bandwidth(embedding: FloatArray) -> float:
    """Return the width σ of the kernel for one class.

    The median over the images of the mean distance to the 10 nearest; if that is 0 (most images have identical
    twins) the smallest distance above 0; if there is none (all images are identical, or there is one) 0.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
        Joined embeddings of one class.
    """
    if len(embedding) < 2:
        return 0.0
    _, distances = nearest(embedding, N_NEIGHBOURS)
    median = float(np.median(distances.mean(axis=1, dtype=np.float64)))
    return median if median > 0 else _smallest_distance(embedding)


def _smallest_distance(embedding: FloatArray) -> float:
    least = np.inf
    for block in row_blocks(len(embedding), len(embedding)):
        squares = squared_distances(embedding[block], embedding)
        above = squares[squares > 0]
        if above.size:
            least = min(least, float(above.min()))
    return float(np.sqrt(least)) if np.isfinite(least) else 0.0


class Kernel:
    """R_ij = exp(−d_ij² / 2σ²) over the images of one class.

    The whole matrix is held in float32 where it fits `memory_budget`; beyond that columns are computed when requested
    for, and the embeddings and a few vectors are all the memory that is needed.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
        n >= 1.
    width : float, optional
        σ; by default `bandwidth` of the embedding. 0 makes every R_ij 1.
    memory_budget : int, optional
        Bytes for the matrix; by default `MEMORY_BUDGET`, 1 GiB, which holds 16,384 images.
    """

    def __init__(self, embedding: FloatArray, width: float | None = None, memory_budget: int | None = None) -> None:
        self._embedding = np.asarray(embedding, dtype=np.float64)
        self.width = bandwidth(embedding) if width is None else width
        self._fits = 4 * len(embedding) ** 2 <= (MEMORY_BUDGET if memory_budget is None else memory_budget)

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self._embedding)

    @property
    def is_held(self) -> bool:
        """Whether the whole matrix is held, once it is computed."""
        return self._fits

    @property
    def is_computed(self) -> bool:
        """Whether the whole matrix is in memory."""
        return "_matrix" in self.__dict__

    @cached_property
    def _matrix(self) -> NDArray[np.float32]:
        n = self.n_images
        matrix = np.empty((n, n), dtype=np.float32)
        for block in row_blocks(n, n):
            matrix[block] = self._computed(self._embedding[block])
        return matrix

    def _computed(self, rows: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return R between `rows` and all images, in float32 whichever way it is stored."""
        return self._between(rows, self._embedding)

    def _between(self, rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float32]:
        if self.width == 0:
            return np.ones((len(rows), len(others)), dtype=np.float32)
        squares = squared_distances(rows, others)
        squares *= -1 / (2 * self.width**2)
        # float32 contains no e^-104, and values below it warn on some machines.
        np.maximum(squares, -87.0, out=squares)
        result: NDArray[np.float32] = np.exp(squares, dtype=np.float32, casting="same_kind")
        return result

    def rows(self, images: IntArray) -> NDArray[np.float32]:
        """Return R between some images and all, shape (len(images), n)."""
        return self._matrix[images] if self._fits else self._computed(self._embedding[images])

    def times(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return R w, shape (n,), summed in float64."""
        result = np.empty(self.n_images)
        for block in row_blocks(self.n_images, self.n_images):
            part = self._matrix[block] if self._fits else self._computed(self._embedding[block])
            result[block] = part.astype(np.float64) @ weights
        return result

    @cached_property
    def class_means(self) -> NDArray[np.float64]:
        """Mean of R between each image and the whole class, shape (n,)."""
        return self.times(np.full(self.n_images, 1 / self.n_images))

    def mean_with(self, others: FloatArray) -> float:
        """Return the mean of R between all images and others, given by their embeddings."""
        total = 0.0
        for block in row_blocks(len(others), self.n_images):
            total += float(self._computed(np.asarray(others[block], dtype=np.float64)).sum(dtype=np.float64))
        return total / (len(others) * self.n_images)

    def mean_among(self, images: IntArray) -> float:
        """Return the mean of R over all pairs of some images, each with itself too."""
        total = 0.0
        for block in row_blocks(len(images), self.n_images):
            if self._fits:
                part = self._matrix[np.ix_(images[block], images)]
            else:
                part = self._between(self._embedding[images[block]], self._embedding[images])
            total += float(part.sum(dtype=np.float64))
        return total / len(images) ** 2


class Kernels:
    """Kernels of several classes, each made once; their matrices are held while all of them fit one budget together.

    Embeddings are distinguished by identity.
    """

    def __init__(self, memory_budget: int = MEMORY_BUDGET) -> None:
        self._left = memory_budget
        self._kept: dict[int, tuple[FloatArray, Kernel]] = {}

    def of(self, embedding: FloatArray) -> Kernel:
        """Return the kernel of a class, which may compute its columns each time they are requested."""
        kept = self._kept.get(id(embedding))
        if kept is None:
            kept = embedding, Kernel(embedding, memory_budget=self._left)
            self._kept[id(embedding)] = kept
            if kept[1].is_held:
                self._left -= 4 * len(embedding) ** 2
        return kept[1]

    def for_many_steps(self, embedding: FloatArray) -> Kernel:
        """Return the kernel of a class, held whole where it fits a budget of its own, if only for the caller."""
        kernel = self.of(embedding)
        return kernel if kernel.is_held else Kernel(embedding, kernel.width)


def squared_discrepancy(kernel: Kernel, chosen: IntArray) -> float:
    """Return MMD² between the selected images and their whole class, both weighted evenly.

    Parameters
    ----------
    kernel : Kernel
        Of the class.
    chosen : ndarray of shape (m,), int64
        Rows, m >= 1.

    Returns
    -------
    float
        >= 0; the biased estimate, so 0 when the whole class is selected.

    References
    ----------
    Gretton, Borgwardt, Rasch, Schölkopf and Smola, A kernel two-sample test, JMLR 13 (2012), eq. 5.
    """
    means = kernel.class_means
    return max(kernel.mean_among(chosen) - 2 * float(means[chosen].mean()) + float(means.mean()), 0.0)


def sampled_discrepancy(embedding: FloatArray, chosen: IntArray, n_sampled: int, class_name: str) -> float:
    """Estimate MMD² between the selected images and their whole class from random samples of both.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
        Of the class.
    chosen : ndarray of shape (m,), int64
        Rows, m >= 1.
    n_sampled : int
        Images of the class, and at most so many of the selected ones, that are compared with each other.
    class_name : str
        Seeds the samples, which are the same for every coreset of a class.

    Returns
    -------
    float
        >= 0. `squared_discrepancy` has this value in the mean over samples, up to values below 0, which become 0.
        The width is that of 1,000 images among the whole class.
    """
    n = len(embedding)
    sample = np.sort(generator(0, "coverage sample", class_name).choice(n, size=min(n_sampled, n), replace=False))
    few = chosen
    if len(chosen) > n_sampled:
        few = np.sort(generator(0, "coverage chosen", class_name).choice(chosen, size=n_sampled, replace=False))
    of_class, of_chosen = np.asarray(embedding[sample]), np.asarray(embedding[few])
    kernel = Kernel(of_class, _width_among(embedding, sample), memory_budget=0)
    between = kernel.mean_with(of_chosen)
    inside = _mean_of_all(kernel.mean_with(of_class), len(sample), n)
    among = _mean_of_all(Kernel(of_chosen, kernel.width, memory_budget=0).mean_with(of_chosen), len(few), len(chosen))
    return max(among - 2 * between + inside, 0.0)


def _mean_of_all(mean: float, n_sampled: int, n: int) -> float:
    """Return the mean of R over all pairs of `n` images, each with itself too, from that of a sample of them."""
    if n_sampled == n:
        return mean
    others = (mean * n_sampled - 1) / (n_sampled - 1) if n_sampled > 1 else 1.0
    return ((n - 1) * others + 1) / n


def _width_among(embedding: FloatArray, sample: IntArray) -> float:
    """Return the median over some images of the mean distance to the 10 nearest of all."""
    found = NearestNeighbors(n_neighbors=N_NEIGHBOURS + 1, algorithm="brute").fit(embedding)
    at = sample[:: -(-len(sample) // IMAGES_OF_WIDTH)]
    distances, _ = found.kneighbors(embedding[at])
    # The nearest is the image itself.
    median = float(np.median(distances[:, 1:].mean(axis=1, dtype=np.float64)))
    return median if median > 0 else bandwidth(np.asarray(embedding[sample]))
