"""Requests about single images to an engine process that stays: decode them, and find similar ones.

`OpenImageService` starts it if nothing is clustered; the selection service answers these requests as well.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coreset_studio.core.limits import limited
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import Progress
from coreset_studio.core.service.requests import Request, ServiceRequest
from coreset_studio.core.settings import Settings

if TYPE_CHECKING:
    from coreset_studio.core.service.image_service import ImageService


@dataclass(frozen=True)
class DecodedImage:
    """One decoded image.

    Attributes
    ----------
    index : int
    width, height : int
        In pixels; 0 if there is none.
    rgb : bytes
        8-bit RGB values, row by row without padding.
    problem : str
        Reason why there is none, as a sentence; else empty.
    """

    index: int
    width: int
    height: int
    rgb: bytes
    problem: str = ""


@dataclass(frozen=True)
class SimilarImages:
    """The images that are most similar to others.

    Attributes
    ----------
    queries : tuple of int
        Indices of the images that similar ones were searched for, without repetitions.
    indices : tuple of int
        Indices of the similar images, without `queries`; the most similar first, ties by index.
    distances : tuple of float
        Smallest Euclidean distance of each to any of `queries` in the embedding across classes.
    """

    queries: tuple[int, ...]
    indices: tuple[int, ...]
    distances: tuple[float, ...]


@dataclass(frozen=True)
class OpenImageService(Request["ImageService"]):
    """Open the images of a study to answer requests about single ones.

    Attributes
    ----------
    study : Study
        Only its data and feature settings matter; see `of`.
    content : str
        Identity of the images. It does not affect answers, but distinguishes services on different images.
    with_features : bool
        Whether its features have been extracted, so that similar images can be found.
    """

    study: Study
    content: str
    with_features: bool

    @classmethod
    def of(cls, study: Study, content: str, *, with_features: bool) -> "OpenImageService":
        """Return the request that opens the service for `study`, without the settings that do not matter to it."""
        chosen = study.settings
        settings = Settings(data=chosen.data, features=chosen.features) if with_features else Settings(data=chosen.data)
        return cls(replace(study, settings=settings), content, with_features)

    def run(self, progress: Progress) -> "ImageService":
        """Open the images, and read the embeddings from the cache."""
        from coreset_studio.core.service.image_service import OpenImages

        return OpenImages(self.study, progress, with_features=self.with_features)


@dataclass(frozen=True)
class FindSimilar(ServiceRequest["ImageService", SimilarImages]):
    """Find the images that are most similar to one image or to any of several.

    Attributes
    ----------
    indices : tuple of int
        Indices of images of the dataset, at least one. Each must have an embedding, so it must be a pool, validation or
        test image.
    n : int
        Largest number of similar images, >= 1.
    of_class : str
        Only find images of this class; empty: of all classes.
    """

    indices: tuple[int, ...]
    n: int
    of_class: str = ""

    def run(self, service: "ImageService", progress: Progress) -> SimilarImages:
        """See `ImageService.similar`."""
        return service.similar(self.indices, self.n, self.of_class, progress)


@dataclass(frozen=True)
class DecodeImage(ServiceRequest["ImageService", DecodedImage]):
    """Decode one image as the engine does."""

    index: int

    @limited(seconds=120, n_bytes=4_000_000_000)
    def run(self, service: "ImageService", progress: Progress) -> DecodedImage:  # noqa: ARG002
        """See `ImageService.decoded`."""
        return service.decoded(self.index)
