"""Find images that are similar to others, for the image service and the selection service."""

from collections.abc import Sequence

import numpy as np

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.neighbours import nearest_to_any
from coreset_studio.core.pipeline.stages import Prepared
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset
from coreset_studio.core.service.image_requests import SimilarImages


def similar_images(
    prepared: Prepared, indices: Sequence[int], n: int, of_class: str = "", progress: Progress = NO_PROGRESS
) -> SimilarImages:
    """Return the images that are most similar to any of `indices`, by the embedding across classes.

    Parameters
    ----------
    prepared : Prepared
    indices : sequence of int
        Indices of images of the dataset, at least one; repetitions are ignored.
    n : int
        Largest number of similar images, >= 1.
    of_class : str
        Only find images of this class; empty: of all classes.
    progress : Progress

    Returns
    -------
    SimilarImages
        Pool, validation and test images, without `indices`.

    Raises
    ------
    SelectionError
        If an image of `indices` has no embedding, or there is no such image or class.
    """
    dataset, across = prepared.dataset, prepared.pool_embedding
    unique = tuple(dict.fromkeys(int(index) for index in indices))
    _check(dataset, unique, n, of_class)
    queries = np.array(unique, dtype=np.int64)
    rows = np.searchsorted(across.indices, queries)
    for index in queries[~np.isin(queries, across.indices)].tolist():
        raise SelectionError(_without_embedding(prepared, index))
    among = None
    if of_class:
        among = np.flatnonzero(dataset.labels[across.indices] == dataset.classes.index(of_class))
    found, distances = nearest_to_any(across.embedding, rows, n, among, progress)
    return SimilarImages(unique, tuple(across.indices[found].tolist()), tuple(distances.tolist()))


def _check(dataset: Dataset, unique: tuple[int, ...], n: int, of_class: str) -> None:
    if not unique:
        raise SelectionError("No image was selected to find similar ones for; select one or more.")
    if n < 1:
        raise SelectionError(f"The number of similar images must be at least 1; found {n:,}.")
    last = len(dataset.images) - 1
    for index in unique:
        if not 0 <= index <= last:
            raise SelectionError(
                f"There is no image {index:,}; the dataset has the images 0 to {last:,}. Scan it again."
            )
    if of_class and of_class not in dataset.classes:
        names = ", ".join(dataset.classes)
        raise SelectionError(f"There is no class “{of_class}” to find similar images in. The classes are {names}.")


def _without_embedding(prepared: Prepared, index: int) -> str:
    reasons = {each.index: each.reason for each in prepared.split.left_out}
    path = prepared.dataset.images[index].path
    sentences = (
        f"No similar images can be found for {path}, which is excluded and has no features.",
        reasons.get(index, ""),
        "Choose another image, or include this one on the Dataset page.",
    )
    return " ".join(filter(None, sentences))
