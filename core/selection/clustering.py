"""K-Medoids per class: the number of clusters with the best silhouette, and sentences for its meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import kmedoids
import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.estimate import clustering_bytes
from coreset_studio.core.memory import memory_for, round_down
from coreset_studio.core.neighbours import row_blocks, squared_distances, squared_norms
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import ClassClusters, ClassEmbedding, FloatArray, IntArray
from coreset_studio.core.seeds import generator
from coreset_studio.core.selection.refining import nearest_medoid, refined
from coreset_studio.core.settings import ClusterSettings
from coreset_studio.core.settings.listed import settings_in

# Mean silhouettes that agree in this many decimals are equal: the smaller k is selected.
SILHOUETTE_DECIMALS = 9
MOST_SWAP_ROUNDS = 300
# The largest sample that is offered where memory is short, and what is too few to speak for a class.
SENSIBLE_SAMPLE, SMALLEST_SAMPLE = 5_000, 100
# Kaufman and Rousseeuw, Finding Groups in Data (1990), table 4 of chapter 2: upper limits of their bands.
NO_STRUCTURE, WEAK_STRUCTURE, REASONABLE_STRUCTURE = 0.25, 0.50, 0.70


def cluster_class(
    embedding: ClassEmbedding, settings: ClusterSettings, progress: Progress = NO_PROGRESS
) -> ClassClusters:
    """Partition the images of one class around medoids, and select how many (paper 4.3).

    Parameters
    ----------
    embedding : ClassEmbedding
        Of n images.
    settings : ClusterSettings
        k runs from 2 to min(k_max, n - 1); a k set by the user for this class is also tried, and is then used.

    Returns
    -------
    ClassClusters
        The k of the largest mean silhouette, the smaller of equal ones. Two images or fewer, or images without
        variance, are one cluster, unless the user sets k.

    Raises
    ------
    SelectionError
        If the user's k is above n, or above the sample.
    MemoryShortError
        If the class needs more memory than there is; nothing was taken then.

    Notes
    -----
    Memory is 4 n² bytes for the distances: 256 MB at 8,000 images; see `clustering_bytes`. A class of more images than
    `ClusterSettings.sample_above` is clustered on one seeded random sample of this size, so that memory grows with the
    square of the sample: k is selected by the mean silhouette of the sample, whose curve that is. Every image then
    joins its nearest medoid, and its silhouette is measured against the sampled images of each cluster.

    Without `sample_above`, a class of more images than `ClusterSettings.exact_up_to` is clustered on a sample of 5,000
    (of `exact_up_to`, if that is fewer) in the same way, and its medoids are then refined on all of its images; see
    `core.selection.refining`. Time and memory grow in proportion to the images then.

    References
    ----------
    Schubert and Rousseeuw, Fast and eager k-medoids clustering, Information Systems 101 (2021); FasterCLARA there.
    Kaufman and Rousseeuw, Finding Groups in Data (1990), chapter 3, CLARA, which draws five samples.
    Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20 (1987).
    """
    name, n = embedding.class_name, len(embedding.indices)
    k_set = settings.k_by_class.get(name)
    if k_set is not None and k_set > n:
        raise SelectionError(
            f"Class {name} cannot have {k_set} clusters: it has {n} image{'s' * (n != 1)} in the pool. "
            f"Set a number of clusters from 1 to {n}."
        )
    form, most = settings.form_for(n), settings.sample_for(n)
    if k_set is not None and k_set > most:
        more = "a larger sample" if form == "sample" else "a larger “Exact up to”"
        raise SelectionError(
            f"Class {name} cannot have {k_set} clusters: it is clustered on a sample of {most:,} images. "
            f"Set a number of clusters from 1 to {most}, or {more}."
        )
    needed = clustering_bytes(n, embedding.embedding.shape[1], settings)

    def ways(free: int) -> Sequence[str]:
        return _smaller_sample(n, embedding.embedding.shape[1], settings, free)

    with memory_for(f"Clustering class {name} ({n:,} images)", needed, ways):
        return _clustered(embedding, settings, 0 if form == "whole" else most, progress)


def _smaller_sample(n: int, n_components: int, settings: ClusterSettings, free: int) -> list[str]:
    """Return, in words, the sample that would fit into `free` bytes; nothing where none that is worth it does."""
    fits, too_many = 0, n
    while too_many - fits > 1:
        half = (fits + too_many) // 2
        needed = clustering_bytes(n, n_components, replace(settings, sample_above=half))
        fits, too_many = (half, too_many) if needed <= free else (fits, half)
    sample = round_down(min(fits, SENSIBLE_SAMPLE))
    if sample <= max(settings.k_max, SMALLEST_SAMPLE):
        return []
    setting = next(each for each in settings_in("clusters") if each.name == "sample_above")
    control = f"“{setting.facts.title}” on the Clusters page: {sample:,}"
    return [f"cluster a random sample of the class with {setting.flag} {sample} ({control})"]


def _clustered(
    embedding: ClassEmbedding, settings: ClusterSettings, n_sampled: int, progress: Progress
) -> ClassClusters:
    """Cluster a class whole, or on a sample of `n_sampled` images where that is not 0."""
    name, n = embedding.class_name, len(embedding.indices)
    rows: IntArray = np.arange(n, dtype=np.int64)
    if n_sampled:
        random = generator(settings.seed, "cluster sample", name)
        rows = np.sort(random.choice(n, size=n_sampled, replace=False)).astype(np.int64)
    vectors = embedding.embedding[rows] if n_sampled else embedding.embedding
    k_set = settings.k_by_class.get(name)
    n = len(rows)
    distances = distance_matrix(vectors)
    has_structure = n > 2 and bool(distances.any())
    tried = set(range(2, min(settings.k_max, n - 1) + 1)) if has_structure else set()
    if k_set is not None and k_set > 1:
        tried.add(k_set)
    found, curve = _try_all(distances, sorted(tried), name, settings.seed, progress)
    k = k_set if k_set is not None else best_k(curve)
    if k > 1:
        labels, medoids, silhouettes = found[k]
    else:
        labels, medoids = np.zeros(n, dtype=np.int64), _central(distances)
        silhouettes = np.zeros(n)
    if n_sampled:
        del distances
        everyone, medoids = embedding.embedding, rows[medoids]
        if settings.form_for(len(everyone)) == "refined":
            joined, medoids = refined(everyone, medoids, generator(settings.seed, "refined medoids", name))
        else:
            joined = nearest_medoid(everyone, medoids)[0]
            # Of equally near medoids, sampled images keep the one that they had in the sample.
            joined[rows] = labels
        labels, medoids, silhouettes = _numbered(everyone, rows, joined, medoids, progress)
    return ClassClusters(
        class_name=name,
        indices=embedding.indices,
        labels=labels,
        medoids=embedding.indices[medoids],
        silhouettes=silhouettes,
        curve=curve if has_structure else {},
        chosen_by="user" if k_set is not None else "silhouette" if has_structure else "only",
        n_sampled=n_sampled,
    )


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


def _numbered(
    embedding: FloatArray, sample: IntArray, labels: IntArray, medoids: IntArray, progress: Progress
) -> Clustering:
    """Sort the clusters of a class by size, and measure silhouettes against the sampled images.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    sample : ndarray of shape (m,), int64
        Rows that were clustered, ascending.
    labels : ndarray of shape (n,), int64
    medoids : ndarray of shape (k,), int64
        Rows, by cluster.

    Returns
    -------
    labels, medoids, silhouettes
        Of all images. a_i and b_i are means over the sampled images of a cluster, without the image itself.
    """
    k, n = len(medoids), len(embedding)
    order = np.lexsort((medoids, -np.bincount(labels, minlength=k)))
    number = np.empty(k, dtype=np.int64)
    number[order] = np.arange(k)
    labels, medoids = number[labels], medoids[order]
    if k == 1:
        return labels, medoids, np.zeros(n)
    # A cluster without a sampled image is measured against its medoid.
    sample = np.union1d(sample, medoids)
    vectors = np.asarray(embedding[sample], dtype=np.float64)
    norms, members = squared_norms(vectors), _members(labels[sample], k)
    is_sampled = np.zeros(n, dtype=bool)
    is_sampled[sample] = True
    result = np.zeros(n)
    for block in row_blocks(n, len(sample)):
        progress.report(block.start, n, "Assigning to the nearest medoid: images")
        away = squared_distances(embedding[block], vectors, norms)
        np.sqrt(away, out=away)
        sums = away @ members
        # The next block is made in its place, not next to it.
        del away
        result[block] = _silhouettes(sums, labels[block], members.sum(axis=0), is_sampled[block])
    return labels, medoids, result


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
    vectors = np.asarray(embedding, dtype=np.float64)
    norms = squared_norms(vectors)
    for block in row_blocks(n, n):
        squares = squared_distances(vectors[block], vectors, norms)
        result[block] = np.sqrt(squares, out=squares)
        # The next block is made in its place, not next to it.
        del squares
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
    members = _members(labels, k)
    sizes = members.sum(axis=0)
    result = np.zeros(n)
    for block in row_blocks(n, n):
        sums = distances[block].astype(np.float64) @ members
        result[block] = _silhouettes(sums, labels[block], sizes, np.ones(len(sums), dtype=bool))
    return result


def _members(labels: IntArray, k: int) -> NDArray[np.float64]:
    """Return 1 where an image is of a cluster and 0 elsewhere, shape (n, k)."""
    members = np.zeros((len(labels), k))
    members[np.arange(len(labels)), labels] = 1
    return members


def _silhouettes(
    sums: NDArray[np.float64], own: IntArray, sizes: NDArray[np.float64], is_member: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return silhouettes from summed distances to the members of each cluster, shape (n, k), which are overwritten.

    Parameters
    ----------
    own : ndarray of shape (n,), int64
        Cluster of each image.
    sizes : ndarray of shape (k,)
        Members of each cluster.
    is_member : ndarray of shape (n,), bool
        Whether the image itself is among the members, and so not one to be compared with.
    """
    at = np.arange(len(own))
    others = sizes[own] - is_member
    inner = sums[at, own] / np.maximum(others, 1)
    sums /= sizes
    sums[at, own] = np.inf
    outer = sums.min(axis=1)
    larger = np.maximum(inner, outer)
    is_defined = (others > 0) & (larger > 0)
    return np.where(is_defined, (outer - inner) / np.where(larger > 0, larger, 1), 0)


def cluster_words(clusters: ClassClusters) -> str:
    """Describe how much structure clusters show, and whether they are those of a sample."""
    return f"{structure_words(clusters.mean_silhouette)} {clusters.sample_words}".rstrip()


def structure_words(mean_silhouette: float | None) -> str:
    """Describe how much cluster structure a mean silhouette shows.

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
        return "One cluster, so there is no silhouette."
    if mean_silhouette <= NO_STRUCTURE:
        return (
            "No substantial structure: the clusters of this class are not separate groups, "
            "and intelligent sampling will behave like stratified random."
        )
    if mean_silhouette <= WEAK_STRUCTURE:
        return "Weak structure: the groups overlap and could be artificial; inspect the images of each cluster."
    if mean_silhouette <= REASONABLE_STRUCTURE:
        return "Reasonable structure: the clusters of this class are fairly separate groups."
    return "Strong structure: the clusters of this class are clearly separate groups."
