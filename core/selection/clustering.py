"""K-Medoids per class: the number of clusters with the best silhouette, and plain words for what it says."""

from collections.abc import Mapping

import kmedoids
import numpy as np
from numpy.typing import NDArray

from core.errors import SelectionError
from core.progress import NO_PROGRESS, Progress
from core.results import ClassClusters, ClassEmbedding, FloatArray, IntArray
from core.seeds import generator
from core.selection.neighbours import row_blocks, squared_distances
from core.settings import ClusterSettings

# Mean silhouettes that agree in this many decimals are equal: the smaller k is chosen.
SILHOUETTE_DECIMALS = 9
MOST_SWAP_ROUNDS = 300
# Kaufman and Rousseeuw, Finding Groups in Data (1990), table 4 of chapter 2: upper limits of their bands.
NO_STRUCTURE, WEAK_STRUCTURE, REASONABLE_STRUCTURE = 0.25, 0.50, 0.70


def cluster_class(
    embedding: ClassEmbedding, settings: ClusterSettings, progress: Progress = NO_PROGRESS
) -> ClassClusters:
    """Partition the images of one class around medoids, and choose how many (paper 4.3).

    Parameters
    ----------
    embedding : ClassEmbedding
        Of n images.
    settings : ClusterSettings
        k runs from 2 to min(k_max, n - 1), and besides the user's own k for this class is tried, which is then chosen.

    Returns
    -------
    ClassClusters
        The k of the largest mean silhouette, the smaller of equal ones. Two images or fewer, or images without
        variance, are one cluster, unless the user says otherwise. Also published to `progress`.

    Raises
    ------
    SelectionError
        If the user's k is above n.

    Notes
    -----
    Memory is 4 n² bytes for the distances: 256 MB at 8,000 images.

    References
    ----------
    Schubert and Rousseeuw, Fast and eager k-medoids clustering, Information Systems 101 (2021).
    Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20 (1987).
    """
    name, n = embedding.class_name, len(embedding.indices)
    asked = settings.k_by_class.get(name)
    if asked is not None and asked > n:
        raise SelectionError(
            f"Class {name} cannot have {asked} clusters: it has {n} image{'s' * (n != 1)} in the pool. "
            f"Choose a number of clusters from 1 to {n}."
        )
    distances = distance_matrix(embedding.embedding)
    has_structure = n > 2 and bool(distances.any())
    tried = set(range(2, min(settings.k_max, n - 1) + 1)) if has_structure else set()
    if asked is not None and asked > 1:
        tried.add(asked)
    found, curve = _try_all(distances, sorted(tried), name, settings.seed, progress)
    k = asked if asked is not None else best_k(curve)
    if k > 1:
        labels, medoids, silhouettes = found[k]
    else:
        labels, medoids = np.zeros(n, dtype=np.int64), _central(distances)
        silhouettes = np.zeros(n)
    result = ClassClusters(
        class_name=name,
        indices=embedding.indices,
        labels=labels,
        medoids=embedding.indices[medoids],
        silhouettes=silhouettes,
        curve=curve if has_structure else {},
        chosen_by="user" if asked is not None else "silhouette" if has_structure else "only",
    )
    progress.publish(result)
    return result


Clustering = tuple[IntArray, IntArray, NDArray[np.float64]]


def _try_all(
    distances: FloatArray, tried: list[int], name: str, seed: int, progress: Progress
) -> tuple[dict[int, Clustering], dict[int, float]]:
    """Return labels, medoids and silhouettes by k, and the mean silhouette by k."""
    found: dict[int, Clustering] = {}
    for step, k in enumerate(tried):
        progress.report(step, len(tried), f"Clustering {name}: numbers of clusters")
        labels, medoids = partition(distances, k, generator(seed, "clusters", name, k))
        found[k] = (labels, medoids, silhouettes_of(distances, labels, k))
    progress.report(len(tried), len(tried), f"Clustering {name}: numbers of clusters")
    return found, {k: float(silhouettes.mean()) for k, (_, _, silhouettes) in found.items()}


def best_k(curve: Mapping[int, float]) -> int:
    """Return the k of the largest mean silhouette, the smaller of equal ones; 1 for an empty curve."""
    if not curve:
        return 1
    return min(curve, key=lambda k: (-round(curve[k], SILHOUETTE_DECIMALS), k))


def _central(distances: FloatArray) -> IntArray:
    """Return the one medoid of all, the first of equally central ones."""
    return np.array([np.argmin(distances.sum(axis=1, dtype=np.float64))], dtype=np.int64)


def distance_matrix(embedding: FloatArray) -> FloatArray:
    """Return Euclidean distances, shape (n, n), float32; identical rows are at distance 0."""
    n = len(embedding)
    result = np.empty((n, n), dtype=np.float32)
    for block in row_blocks(n, n):
        result[block] = np.sqrt(squared_distances(embedding[block], embedding))
    np.fill_diagonal(result, 0)
    return result


def partition(distances: FloatArray, k: int, random: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Partition around `k` medoids with FasterPAM from a random start.

    Parameters
    ----------
    distances : ndarray of shape (n, n), float32
    k : int
        1 <= k <= n.

    Returns
    -------
    labels : ndarray of shape (n,), int64
        Clusters are numbered by size, largest first, ties by medoid. An image that is equally near to two medoids
        belongs to the medoid that comes first; a medoid to its own cluster.
    medoids : ndarray of shape (k,), int64
    """
    start = random.choice(len(distances), size=k, replace=False).astype(np.uint64)
    # One thread: the parallel version visits candidates in another order.
    solution = kmedoids.fasterpam(distances, np.sort(start), max_iter=MOST_SWAP_ROUNDS, n_cpu=1)
    medoids = np.sort(np.asarray(solution.medoids, dtype=np.int64))
    labels: IntArray = np.argmin(distances[:, medoids], axis=1)
    labels[medoids] = np.arange(k)
    order = np.lexsort((medoids, -np.bincount(labels, minlength=k)))
    number = np.empty(k, dtype=np.int64)
    number[order] = np.arange(k)
    return number[labels], medoids[order]


def silhouettes_of(distances: FloatArray, labels: IntArray, k: int) -> NDArray[np.float64]:
    """Return s_i = (b_i − a_i) / max(a_i, b_i) of every image.

    Parameters
    ----------
    distances : ndarray of shape (n, n), float32
    labels : ndarray of shape (n,), int64
        Each of 0 … k - 1 occurs; k >= 2.

    Returns
    -------
    ndarray of shape (n,), float64
        In [-1, 1]; 0 for an image alone in its cluster, and where a_i = b_i = 0.
    """
    n = len(labels)
    members = np.zeros((n, k))
    members[np.arange(n), labels] = 1
    sizes = members.sum(axis=0)
    result = np.zeros(n)
    for block in row_blocks(n, n):
        sums = distances[block].astype(np.float64) @ members
        own = labels[block]
        at = np.arange(len(own))
        inner = sums[at, own] / np.maximum(sizes[own] - 1, 1)
        sums /= sizes
        sums[at, own] = np.inf
        outer = sums.min(axis=1)
        larger = np.maximum(inner, outer)
        is_defined = (sizes[own] > 1) & (larger > 0)
        result[block] = np.where(is_defined, (outer - inner) / np.where(larger > 0, larger, 1), 0)
    return result


def structure_words(mean_silhouette: float | None) -> str:
    """Say in plain words how much cluster structure a mean silhouette shows.

    Parameters
    ----------
    mean_silhouette : float or None
        None for a single cluster.

    References
    ----------
    Kaufman and Rousseeuw, Finding Groups in Data (1990), chapter 2: strong above 0.70, reasonable above 0.50,
    weak above 0.25, no substantial structure below.
    """
    if mean_silhouette is None:
        return "One cluster: there is nothing to compare, so there is no silhouette."
    if mean_silhouette <= NO_STRUCTURE:
        return (
            "No substantial structure: the clusters of this class are not separate groups, "
            "and intelligent sampling will behave like stratified random."
        )
    if mean_silhouette <= WEAK_STRUCTURE:
        return "Weak structure: the groups overlap and could be artificial; look at the images of each cluster."
    if mean_silhouette <= REASONABLE_STRUCTURE:
        return "Reasonable structure: the clusters of this class are fairly separate groups."
    return "Strong structure: the clusters of this class are clearly separate groups."
