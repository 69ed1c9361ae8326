"""Coverage of a coreset before any training: distances, discrepancy, clusters, and a 1-NN proxy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.estimate import BLOCK_BYTES, PIECE_BYTES
from coreset_studio.core.large_neighbours import (
    is_nearest_searched,
    nearest_target,
    nearest_targets,
    with_largest_exact,
)
from coreset_studio.core.memory import LIBRARY_BYTES, memory_for
from coreset_studio.core.neighbours import nearest_bytes, row_blocks, squared_distances, squared_norms
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import (
    ClassClusters,
    ClassCoverage,
    ClassEmbedding,
    Coreset,
    Coverage,
    FloatArray,
    IntArray,
    PoolEmbedding,
    ProxyPoint,
)
from coreset_studio.core.selection.dividing import part_size
from coreset_studio.core.selection.kernel import (
    MEMORY_BUDGET,
    N_NEIGHBOURS,
    Kernel,
    sampled_discrepancy,
    squared_discrepancy,
)

N_WORST = 12
# Of a digest of 64 characters, four bytes each, and its copies while they are sorted.
CONTENT_BYTES = 4 * 4 * 64
# Nearest selected images that are looked at for one that is no copy.
_NOT_COPIES = 8


def class_coverage(
    contents: Sequence[str],
    embedding: ClassEmbedding,
    clusters: ClassClusters,
    coreset: Coreset,
    *,
    kernel: Kernel | None = None,
    exact_up_to: int = 0,
) -> ClassCoverage:
    """Measure what a coreset excludes of one class, in the class's joined embeddings.

    Parameters
    ----------
    contents : sequence of str
        The content of every image, such as the digest of its pixels: equal for identical images.
    embedding, clusters : ClassEmbedding, ClassClusters
        Of the same class.
    coreset : Coreset
        Of any classes; only the images of this one count.
    kernel : Kernel, optional
        Of this embedding; pass it again to measure another coreset immediately.
    exact_up_to : int, optional
        Of `ClusterSettings`: MMD² of a larger class is estimated from a sample, and its images are compared with the
        selected ones of near cells if there are many (see `nearest_target`). 0: of none.

    Returns
    -------
    ClassCoverage
        Where the class gave nothing, distances and MMD² are NaN and `worst_index` is -1.

    Raises
    ------
    MemoryShortError
        If it requires more memory than is available.
    """
    chosen = _chosen_rows(embedding, coreset)
    mean = largest = mmd2 = float("nan")
    worst = -1
    n = len(embedding.indices)
    n_sampled = part_size(exact_up_to) if 0 < exact_up_to < n else 0
    if len(chosen):
        whole = (
            not n_sampled and 4 * n * n <= MEMORY_BUDGET
            if kernel is None
            else kernel.is_held and not kernel.is_computed
        )
        needed = coverage_bytes(n, embedding.embedding.shape[1], whole=whole)
        with memory_for(f"Measuring the coverage of class {embedding.class_name} ({n:,} images)", needed):
            distances = distances_to_chosen(embedding, coreset, exact_up_to)
            mean, largest = float(distances.mean(dtype=np.float64)), float(distances.max())
            worst = int(embedding.indices[int(np.argmax(distances))])
            if n_sampled:
                mmd2 = sampled_discrepancy(embedding.embedding, chosen, n_sampled, embedding.class_name)
            else:
                mmd2 = squared_discrepancy(kernel if kernel is not None else Kernel(embedding.embedding), chosen)
    touched = np.unique(clusters.labels[np.isin(clusters.indices, embedding.indices[chosen])])
    return ClassCoverage(
        class_name=embedding.class_name,
        n_images=len(embedding.indices),
        n_chosen=len(chosen),
        mean_distance=mean,
        largest_distance=largest,
        worst_index=worst,
        mmd2=mmd2,
        clusters_touched=len(touched),
        n_clusters=clusters.k,
        duplicate_pairs=_duplicate_pairs(contents, embedding.indices[chosen]),
        n_sampled=n_sampled,
        near_cells=is_nearest_searched(n, len(chosen), exact_up_to),
    )


def coverage_bytes(n_images: int, n_components: int, *, whole: bool) -> int:
    """Return what measuring the coverage of a class takes at its peak, in bytes.

    Parameters
    ----------
    n_images, n_components : int
        Of its embedding.
    whole : bool
        Whether the matrix of its kernel is computed and held.
    """
    # Of a block of rows: distances in float64, and the kernel made of them in float32.
    block = min(BLOCK_BYTES, 8 * n_images**2) * 3 // 2 + 4 * PIECE_BYTES
    matrix = 4 * n_images**2 if whole else 0
    measuring = max(nearest_bytes(n_images, n_components, N_NEIGHBOURS), matrix + block)
    return 8 * n_images * n_components + measuring + LIBRARY_BYTES * 3 // 2


def distances_to_chosen(embedding: ClassEmbedding, coreset: Coreset, exact_up_to: int = 0) -> NDArray[np.float32]:
    """Return the distance from every image of a class to its nearest selected one, shape (n,); infinite without any.

    Of a class of more than `exact_up_to` images with many selected, it is the distance to the nearest one of near
    cells, which may be further away; the `N_WORST` largest distances are exact.
    """
    chosen = _chosen_rows(embedding, coreset)
    if len(chosen) == 0:
        return np.full(len(embedding.indices), np.inf, dtype=np.float32)
    vectors, targets = embedding.embedding, embedding.embedding[chosen]
    distances = nearest_target(vectors, targets, exact_up_to)[1]
    if is_nearest_searched(len(vectors), len(targets), exact_up_to):
        distances = with_largest_exact(vectors, targets, distances, N_WORST)
    return distances


def covered_worst(
    embeddings: Sequence[ClassEmbedding], coreset: Coreset, n: int = N_WORST, exact_up_to: int = 0
) -> IntArray:
    """Return the images covered worst, worst first, shape (at most n,).

    Distances are compared in units of each class's mean distance to the selected, since every class has a basis of its
    own. An image that is as near to a selected one as can be (distance 0) is never among them. See
    `distances_to_chosen` for `exact_up_to`.
    """
    indices, away = [], []
    for embedding in embeddings:
        distances = distances_to_chosen(embedding, coreset, exact_up_to).astype(np.float64)
        mean = float(distances.mean())
        indices.append(embedding.indices)
        away.append(distances / mean if np.isfinite(mean) and mean > 0 else distances)
    all_indices, all_away = np.concatenate(indices), np.concatenate(away)
    order = np.lexsort((all_indices, -all_away))
    return all_indices[order[all_away[order] > 0][:n]]


def coverage(
    contents: Sequence[str],
    embeddings: Sequence[ClassEmbedding],
    clusters: Sequence[ClassClusters],
    coreset: Coreset,
    progress: Progress = NO_PROGRESS,
    *,
    exact_up_to: int = 0,
) -> Coverage:
    """Measure what a coreset excludes of every class, and on average.

    Parameters
    ----------
    contents : sequence of str
        See `class_coverage`.
    embeddings, clusters : sequence of ClassEmbedding, of ClassClusters
        Of the same classes, in any order.
    exact_up_to : int, optional
        See `class_coverage`.
    """
    by_name = {found.class_name: found for found in clusters}
    measured = []
    for step, embedding in enumerate(sorted(embeddings, key=lambda one: one.class_name)):
        progress.report(step, len(embeddings), "Measuring coverage: classes")
        of_class = by_name[embedding.class_name]
        measured.append(class_coverage(contents, embedding, of_class, coreset, exact_up_to=exact_up_to))
    progress.report(len(embeddings), len(embeddings), "Measuring coverage: classes")
    worst = covered_worst(embeddings, coreset, exact_up_to=exact_up_to)
    return summarise_coverage(measured, tuple(worst.tolist()))


def summarise_coverage(measured: Sequence[ClassCoverage], worst_indices: tuple[int, ...] = ()) -> Coverage:
    """Average the coverage of classes, weighted by their number of images."""
    sizes = np.array([one.n_images for one in measured], dtype=np.float64)

    def average(name: str) -> float:
        return float(np.average([getattr(one, name) for one in measured], weights=sizes))

    return Coverage(
        by_class=tuple(measured),
        mean_distance=average("mean_distance"),
        largest_distance=average("largest_distance"),
        mmd2=average("mmd2"),
        clusters_touched=sum(one.clusters_touched for one in measured),
        n_clusters=sum(one.n_clusters for one in measured),
        duplicate_pairs=sum(one.duplicate_pairs for one in measured),
        worst_indices=worst_indices,
    )


def proxy_accuracy(
    contents: Sequence[str],
    labels: IntArray,
    pool_embedding: PoolEmbedding,
    chosen: IntArray,
    *,
    exact_up_to: int = 0,
) -> float:
    """Return the accuracy of 1-NN across classes on the whole pool: leave-one-out where an image was selected itself.

    Every coreset of a pool is so evaluated on the same images, and so is everything, whose accuracy is the one with
    all of the pool selected. Evaluated on the images that were not selected, coresets that leave few unusual images
    would do better.

    Parameters
    ----------
    contents : sequence of str
        See `class_coverage`. An image is never evaluated by a copy of it.
    labels : ndarray of shape (n_images,), int64
        Class of every image of the dataset.
    pool_embedding : PoolEmbedding
    chosen : ndarray of int64
        Indices of the selected images, at least one of the pool.
    exact_up_to : int, optional
        Of `ClusterSettings`: in a larger pool, images are compared with the selected ones of near cells if there are
        many (see `nearest_targets`). 0: with all.

    Returns
    -------
    float
        Share of the pool whose nearest selected image, other than itself and its copies, is of its class; an image
        for which there is none counts as wrong.

    Raises
    ------
    SelectionError
        If no image of the pool is selected.
    MemoryShortError
        If it requires more memory than is available.
    """
    vectors, indices = pool_embedding.pool_rows, pool_embedding.pool_indices
    rows = np.flatnonzero(np.isin(indices, chosen))
    if not len(rows):
        raise SelectionError("No image of the pool is selected, so there is nothing to evaluate. Select at least one.")
    needed = proxy_bytes(len(vectors), vectors.shape[1], len(rows))
    with memory_for(f"Finding the nearest of {len(rows):,} for {len(vectors):,} images", needed):
        if is_nearest_searched(len(vectors), len(rows), exact_up_to):
            n_right = _n_right_near(contents, labels, vectors, indices, rows, exact_up_to)
        else:
            n_right = _n_right(contents, labels, vectors, indices, rows)
    return n_right / len(vectors)


def proxy_bytes(n_images: int, n_components: int, n_chosen: int) -> int:
    """Return what `proxy_accuracy` takes at its peak, in bytes.

    Parameters
    ----------
    n_images, n_components : int
        Of the embedding of the pool.
    n_chosen : int
    """
    # Of a block of rows: distances, and which of them are to copies.
    block = min(BLOCK_BYTES, 8 * n_images * n_chosen) * 9 // 8 + 4 * PIECE_BYTES
    at_once = min(n_images, BLOCK_BYTES // (8 * n_chosen) + 1)
    vectors = (4 * n_images + 12 * n_chosen + 12 * at_once) * n_components
    # Each content as a text of 64 characters, in an array to be sorted.
    return block + vectors + CONTENT_BYTES * n_images + LIBRARY_BYTES * 3 // 2


def _n_right(contents: Sequence[str], labels: IntArray, vectors: FloatArray, indices: IntArray, rows: IntArray) -> int:
    """Return how many images of the pool have the class of their nearest of `rows`; see `proxy_accuracy`."""
    of_pool = labels[indices]
    content = np.unique([contents[index] for index in indices.tolist()], return_inverse=True)[1]
    given, norms = vectors[rows], squared_norms(vectors[rows])
    n_right = 0
    for block in row_blocks(len(vectors), len(rows)):
        distances = squared_distances(vectors[block], given, norms)
        distances[content[block, None] == content[None, rows]] = np.inf
        best = distances.argmin(axis=1)
        is_counted = np.isfinite(distances[np.arange(len(best)), best])
        n_right += int((is_counted & (of_pool[rows][best] == of_pool[block])).sum())
    return n_right


def _n_right_near(
    contents: Sequence[str], labels: IntArray, vectors: FloatArray, indices: IntArray, rows: IntArray, exact_up_to: int
) -> int:
    """Return what `_n_right` returns, with the selected images of near cells; see `proxy_accuracy`."""
    of_pool = labels[indices]
    content = np.unique([contents[index] for index in indices.tolist()], return_inverse=True)[1]
    near = rows[nearest_targets(vectors, vectors[rows], _NOT_COPIES, exact_up_to)]
    is_other = content[near] != content[:, None]
    best = near[np.arange(len(near)), is_other.argmax(axis=1)]
    found = is_other.any(axis=1)
    n_right = int((of_pool[best] == of_pool)[found].sum())
    # All that are near are copies: look at every selected image.
    for row in np.flatnonzero(~found).tolist():
        others = rows[content[rows] != content[row]]
        if len(others):
            distances = squared_distances(vectors[row : row + 1], vectors[others])
            n_right += int(of_pool[others[int(distances.argmin())]] == of_pool[row])
    return n_right


def proxy_curve(
    contents: Sequence[str],
    labels: IntArray,
    pool_embedding: PoolEmbedding,
    coresets: Sequence[Coreset],
    random: Sequence[Sequence[Coreset]],
    progress: Progress = NO_PROGRESS,
    *,
    exact_up_to: int = 0,
) -> tuple[ProxyPoint, ...]:
    """Return the proxy of several coresets of one pool, and of random ones next to each, smallest first.

    Parameters
    ----------
    contents, labels, pool_embedding
        See `proxy_accuracy`.
    coresets : sequence of Coreset
        Such as one sampler's at several fractions.
    random : sequence of sequence of Coreset
        For each of `coresets` at least one random draw of as many images.
    exact_up_to : int, optional
        See `proxy_accuracy`.
    """
    points = []
    steps = sorted(zip(coresets, random, strict=True), key=lambda one: len(one[0].indices))
    for step, (coreset, draws) in enumerate(steps):
        progress.report(step, len(steps), "Evaluating nearest neighbours: fractions")
        accuracy, *beside = (
            proxy_accuracy(contents, labels, pool_embedding, each.indices, exact_up_to=exact_up_to)
            for each in (coreset, *draws)
        )
        low, high = min(beside), max(beside)
        mean = min(max(float(np.mean(beside)), low), high)  # of equal values it can be rounded past them
        points.append(ProxyPoint(coreset.fraction, len(coreset.indices), accuracy, mean, low, high))
    progress.report(len(steps), len(steps), "Evaluating nearest neighbours: fractions")
    return tuple(points)


def _chosen_rows(embedding: ClassEmbedding, coreset: Coreset) -> IntArray:
    return np.flatnonzero(np.isin(embedding.indices, coreset.indices)).astype(np.int64)


def _duplicate_pairs(contents: Sequence[str], chosen: IntArray) -> int:
    _, counts = np.unique([contents[index] for index in chosen.tolist()], return_counts=True)
    return int((counts * (counts - 1) // 2).sum())
