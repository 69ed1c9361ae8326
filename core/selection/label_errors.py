"""Images to inspect before selecting: suspected label errors and near-duplicates. Nothing is removed here."""

import numpy as np

from coreset_studio.core.data.duplicates import near_pairs
from coreset_studio.core.estimate import BLOCK_BYTES
from coreset_studio.core.large_neighbours import is_beyond, nearest_rows, nearest_rows_bytes, nearest_targets
from coreset_studio.core.memory import LIBRARY_BYTES, memory_for
from coreset_studio.core.neighbours import row_blocks, unit_rows
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset, FloatArray, IntArray, NearDuplicate, PoolEmbedding, SuspectedLabelError

N_NEIGHBOURS = 20
LEAST_SCORE = 0.5
MOST_ALIKE = 5


def suspected_label_errors(
    dataset: Dataset,
    pool_embedding: PoolEmbedding,
    n_neighbours: int = N_NEIGHBOURS,
    progress: Progress = NO_PROGRESS,
    *,
    held_out: bool = False,
    exact_up_to: int = 0,
) -> tuple[SuspectedLabelError, ...]:
    """Find images most of whose neighbours across classes are of other classes.

    Parameters
    ----------
    pool_embedding : PoolEmbedding
        Only its pool images count as neighbours.
    n_neighbours : int
        >= 1.
    held_out : bool
        Also look at validation and test images, whose neighbours are images of the pool.
    exact_up_to : int, optional
        Of `ClusterSettings`: neighbours in a larger pool are those in near cells; see `nearest_rows`. 0: exact.

    Returns
    -------
    tuple of SuspectedLabelError
        Highest score first, ties in path order. Not all of them are errors: images of rare hidden subclasses are
        listed, too.

    Raises
    ------
    MemoryShortError
        If it requires more memory than is available.
    """
    indices = pool_embedding.indices[pool_embedding.in_pool]
    labels = dataset.labels[indices]
    needed = label_errors_bytes(len(indices), pool_embedding.embedding.shape[1], n_neighbours, exact_up_to)
    with memory_for(f"Finding suspected label errors ({len(indices):,} images)", needed):
        of_pool = pool_embedding.embedding[pool_embedding.in_pool]
        neighbours, _ = nearest_rows(of_pool, n_neighbours, exact_up_to, progress)
        if neighbours.shape[1] == 0:
            return ()
        votes = labels[neighbours]
        if held_out:
            outside = np.flatnonzero(~pool_embedding.in_pool)
            others = pool_embedding.embedding[outside]
            among_pool = nearest_targets(others, of_pool, n_neighbours, exact_up_to, progress)
            votes = np.concatenate([votes, labels[among_pool[:, : votes.shape[1]]]])
            indices = np.concatenate([indices, pool_embedding.indices[outside]])
    return _suspected(dataset, indices, votes)


def near_cells_words(n_images: int, exact_up_to: int) -> str:
    """Return a sentence for users on suspected label errors of a pool beyond the limit; else an empty text."""
    if not is_beyond(exact_up_to, n_images):
        return ""
    return (
        f"Nearest neighbours are approximate, because the pool has {n_images:,} images, more than the {exact_up_to:,} "
        "that are compared exactly (“Exact up to”)."
    )


def _suspected(dataset: Dataset, indices: IntArray, votes: IntArray) -> tuple[SuspectedLabelError, ...]:
    """Return the suspected label errors, given the classes of their neighbours, shape (n_images, n_neighbours)."""
    labels = dataset.labels[indices]
    scores = (votes != labels[:, None]).mean(axis=1)
    rows = np.flatnonzero(scores > LEAST_SCORE)
    suspected = []
    for row in rows[np.lexsort((indices[rows], -scores[rows]))].tolist():
        counts = np.bincount(votes[row][votes[row] != labels[row]], minlength=len(dataset.classes))
        suspected.append(
            SuspectedLabelError(
                index=int(indices[row]),
                score=float(scores[row]),
                class_name=dataset.classes[labels[row]],
                other_class=dataset.classes[int(np.argmax(counts))],
            )
        )
    return tuple(suspected)


def label_errors_bytes(n_images: int, n_components: int, n_neighbours: int = N_NEIGHBOURS, exact_up_to: int = 0) -> int:
    """Return the peak memory of finding suspected label errors, in bytes.

    Parameters
    ----------
    n_images : int
        Of the pool.
    n_components, n_neighbours : int
    exact_up_to : int, optional
    """
    of_pool = 4 * n_images * n_components
    found = nearest_rows_bytes(n_images, n_components, n_neighbours, exact_up_to) + 9 * n_images * n_neighbours
    return of_pool + found + LIBRARY_BYTES // 2


def near_duplicates(
    dataset: Dataset,
    *,
    bits: int = 2,
    pool_embedding: PoolEmbedding | None = None,
    cosine: float | None = None,
    progress: Progress = NO_PROGRESS,
    exact_up_to: int = 0,
) -> tuple[NearDuplicate, ...]:
    """Find pairs of images that look nearly the same: by perceptual hash and, where requested, by embedding.

    Parameters
    ----------
    bits : int
        >= 0; pairs whose 64-bit hashes differ in at most this number of bits are found. Images of equal hash are a
        chain, each paired with the next.
    pool_embedding : PoolEmbedding, optional
        Embeddings across classes; all of their images count, validation and test ones too.
    cosine : float, optional
        Up to 1; pairs of at least this cosine are found as well, for each image the 5 most similar. Requires
        `pool_embedding`.
    exact_up_to : int, optional
        Of `ClusterSettings`: of more images, the most similar are those in near cells; see `nearest_rows`. 0: exact.
        Pairs by hash are exact at every size.

    Returns
    -------
    tuple of NearDuplicate
        Fewest differing bits first, then the larger cosine, then in path order. Identical images are among them and
        marked so: near-duplicates need not be identical.
    """
    found = {(int(a), int(b)) for a, b in near_pairs([image.perceptual for image in dataset.images], bits)}
    rows: dict[int, int] = {}
    units = np.zeros((0, 1))
    if pool_embedding is not None:
        rows = {index: row for row, index in enumerate(pool_embedding.indices.tolist())}
        units = unit_rows(pool_embedding.embedding)
        if cosine is not None:
            found |= _alike(pool_embedding.indices, pool_embedding.embedding, cosine, progress, exact_up_to)
    pairs = []
    for first, second in found:
        one, other = dataset.images[first], dataset.images[second]
        known = first in rows and second in rows
        pairs.append(
            NearDuplicate(
                first=first,
                second=second,
                bits=(int(one.perceptual, 16) ^ int(other.perceptual, 16)).bit_count(),
                cosine=float(units[rows[first]] @ units[rows[second]]) if known else float("nan"),
                identical=one.pixels == other.pixels,
                conflicting=one.class_name != other.class_name,
            )
        )
    return tuple(sorted(pairs, key=_closest_first))


def _closest_first(pair: NearDuplicate) -> tuple[int, float, int, int]:
    return (pair.bits, 0.0 if np.isnan(pair.cosine) else -pair.cosine, pair.first, pair.second)


def _alike(
    indices: IntArray, embedding: FloatArray, cosine: float, progress: Progress, exact_up_to: int = 0
) -> set[tuple[int, int]]:
    """Return the pairs of indices whose cosine reaches `cosine`, for each image at most its 5 most similar."""
    n, n_components = embedding.shape
    with memory_for(f"Finding near-duplicates ({n:,} images)", alike_bytes(n, n_components, exact_up_to)):
        units = unit_rows(embedding)
        neighbours, _ = nearest_rows(units, MOST_ALIKE, exact_up_to, progress)
        cosines = np.empty(neighbours.shape)
        # Some rows at a time: their neighbours take as much again for each of them.
        for rows in row_blocks(n, MOST_ALIKE * n_components):
            cosines[rows] = np.einsum("ij,ikj->ik", units[rows], units[neighbours[rows]])
    heads, places = np.nonzero(cosines >= cosine)
    pairs = np.sort(indices[np.stack([heads, neighbours[heads, places]], axis=1)], axis=1)
    return {(int(a), int(b)) for a, b in pairs}


def alike_bytes(n_images: int, n_components: int, exact_up_to: int = 0) -> int:
    """Return the peak memory of finding similar images by their embeddings, in bytes."""
    block = min(BLOCK_BYTES, 8 * n_images * MOST_ALIKE * n_components)
    searched = nearest_rows_bytes(n_images, n_components, MOST_ALIKE, exact_up_to)
    # Unit rows in float64 and what they are made from.
    return 16 * n_images * n_components + max(searched, block + 20 * n_images * MOST_ALIKE) + LIBRARY_BYTES // 2
