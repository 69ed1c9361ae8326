"""How many images of the pool each selected image represents."""

from collections.abc import Mapping, Sequence

import numpy as np

from coreset_studio.core.estimate import BLOCK_BYTES, PIECE_BYTES
from coreset_studio.core.large_neighbours import nearest_target
from coreset_studio.core.memory import LIBRARY_BYTES, memory_for
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import ClassEmbedding, Coreset


def represented(
    embeddings: Sequence[ClassEmbedding],
    coreset: Coreset,
    progress: Progress = NO_PROGRESS,
    *,
    exact_up_to: int = 0,
) -> Mapping[int, int]:
    """Return, by index of each selected image, of how many pool images of its class it is the nearest selected one.

    Parameters
    ----------
    embeddings : sequence of ClassEmbedding
        Of the classes of the pool; images are compared inside of their class alone.
    coreset : Coreset
    progress : Progress
    exact_up_to : int, optional
        Of `ClusterSettings`: the images of a larger class are compared with the selected ones of near cells if there
        are many (see `nearest_target`). 0: with all.

    Returns
    -------
    mapping of int to int
        Of equally near images the one that comes first in path order counts, so that of two selected copies the second
        represents none. The numbers of a class of which an image is selected add up to its images in the pool; a class
        of which none is selected is in no number.

    Raises
    ------
    MemoryShortError
        If it requires more memory than is available.
    """
    counts = dict.fromkeys(sorted(int(index) for index in coreset.indices), 0)
    for step, embedding in enumerate(embeddings):
        progress.report(step, len(embeddings), "Counting represented images: classes")
        chosen = np.flatnonzero(np.isin(embedding.indices, coreset.indices))
        if len(chosen) == 0:
            continue
        n, n_components = embedding.embedding.shape
        needed = represented_bytes(n, n_components, len(chosen))
        with memory_for(f"Finding the nearest of {len(chosen):,} images of class {embedding.class_name}", needed):
            nearest, _ = nearest_target(embedding.embedding, embedding.embedding[chosen], exact_up_to)
        found = np.bincount(nearest, minlength=len(chosen)).tolist()
        counts |= dict(zip(embedding.indices[chosen].tolist(), found, strict=True))
    progress.report(len(embeddings), len(embeddings), "Counting represented images: classes")
    return counts


def represented_bytes(n_images: int, n_components: int, n_chosen: int) -> int:
    """Return what counting takes of a class at its peak, in bytes."""
    block = min(BLOCK_BYTES, 8 * n_images * n_chosen) * 3 // 2 + 4 * PIECE_BYTES
    at_once = min(n_images, BLOCK_BYTES // (8 * n_chosen) + 1)
    return block + 12 * (at_once + n_chosen) * n_components + 12 * n_images + LIBRARY_BYTES
