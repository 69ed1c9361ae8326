"""The image service: decodes single images and finds similar ones, also before anything is clustered."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from coreset_studio.core.arrays import cut_file
from coreset_studio.core.data.rereading import read_unchanged
from coreset_studio.core.errors import ImageError, SelectionError
from coreset_studio.core.pipeline.stages import Prepared, open_dataset, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset
from coreset_studio.core.service.image_requests import DecodedImage, SimilarImages
from coreset_studio.core.service.similar import similar_images

LARGEST_SIDE = 4_096
"""In pixels. Larger images are subsampled before they are sent to the window: 4,096 × 4,096 pixels take 50 MB."""


class ImageService(ABC):
    """Images that stay open in an engine process, with or without embeddings."""

    @property
    @abstractmethod
    def dataset(self) -> Dataset:
        """The images."""

    @abstractmethod
    def prepared(self, progress: Progress = NO_PROGRESS) -> Prepared:
        """Return the study with its embeddings; they are computed again if their files are damaged.

        Raises
        ------
        SelectionError
            If no features have been extracted.
        """

    def decoded(self, index: int) -> DecodedImage:
        """Return one image as the engine decodes it, subsampled to at most `LARGEST_SIDE` pixels per side.

        Its `problem` states why there is none: it can no longer be read, or it has changed since the scan.
        """
        try:
            rgb = read_unchanged(self.dataset, index)
        except ImageError as error:
            return DecodedImage(index, 0, 0, b"", str(error))
        step = -(-max(rgb.shape[:2]) // LARGEST_SIDE)
        rgb = np.ascontiguousarray(rgb[::step, ::step])
        return DecodedImage(index, rgb.shape[1], rgb.shape[0], rgb.tobytes())

    def similar(
        self, indices: Sequence[int], n: int, of_class: str = "", progress: Progress = NO_PROGRESS
    ) -> SimilarImages:
        """Return the images that are most similar to any of `indices`, by the embedding across classes.

        Parameters
        ----------
        indices : sequence of int
        n : int
        of_class : str
            See `FindSimilar`.

        Raises
        ------
        SelectionError
            If an image of `indices` has no embedding, or there is no such image or class.
        """
        return similar_images(self.prepared(progress), indices, n, of_class, progress)


class OpenImages(ImageService):
    """The images of a study, and their embeddings if features have been extracted; nothing is clustered.

    Parameters
    ----------
    study : Study
        Results of its stages are read from the cache.
    with_features : bool
        Whether its features have been extracted.
    """

    def __init__(self, study: Study, progress: Progress = NO_PROGRESS, *, with_features: bool) -> None:
        self._study, self._with_features = study, with_features
        self._prepared = self._prepare(progress) if with_features else None
        if self._prepared is not None:
            self._dataset = self._prepared.dataset
        else:
            self._dataset = open_dataset(study.source, study.cache_folder, progress, settings=study.settings.data)

    @property
    def dataset(self) -> Dataset:
        """The images."""
        return self._dataset

    def prepared(self, progress: Progress = NO_PROGRESS) -> Prepared:
        """See `ImageService`."""
        if self._prepared is None:
            raise SelectionError("Finding similar images requires features. Extract them first.")
        if cut_file() is not None:
            self._prepared = self._prepare(progress)
        return self._prepared

    def _prepare(self, progress: Progress) -> Prepared:
        return prepare(self._study, progress, until="reduction")
