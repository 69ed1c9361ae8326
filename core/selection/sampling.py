"""What a sampler is: one function that puts the images of a class in order, and the facts that describe it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.results import FloatArray, IntArray
from core.selection.kernel import Kernel
from core.settings import ClassBudgetRule, SelectionSettings


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


OrderFunction = Callable[[ClassPool, int, SelectionSettings], Order]


@dataclass(frozen=True)
class Sampler:
    """One sampler of the registry.

    Attributes
    ----------
    name : str
        As on the command line.
    title : str
        As in the window.
    summary : str
        One sentence: what it prefers.
    source : str
        Paper and section.
    order : callable
        ``order(pool, n, settings)`` returns exactly ``min(n, pool.n_images)`` rows. For a nested sampler the first m
        rows of ``order(pool, n, ...)`` are ``order(pool, m, ...)``.
    nested, uses_clusters, uses_seed : bool
    scope : {"class", "pool"}
        ``"pool"`` chooses over the whole pool and knows no class budgets.
    class_budget : str
        Its own rule over classes, used where the settings say ``"sampler"``.
    """

    name: str
    title: str
    summary: str
    source: str
    order: OrderFunction
    nested: bool = True
    uses_clusters: bool = False
    uses_embedding: bool = True
    uses_seed: bool = False
    scope: Literal["class", "pool"] = "class"
    class_budget: ClassBudgetRule = "proportional"


def rounded(gains: np.ndarray) -> np.ndarray:
    """Round to six significant digits, so that ties fall alike on any number of threads (METHOD 3)."""
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log10(np.abs(gains)))
    scale = 10.0 ** (5 - np.where(np.isfinite(exponent), exponent, 0))
    return np.round(np.asarray(gains, dtype=np.float64) * scale) / scale
