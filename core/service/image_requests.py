"""Requests about single images to an engine process that stays: their pixels, and images that are similar to them.

`OpenImageService` starts it where nothing is clustered; the selection service answers these requests as well.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.limits import limited
from core.pipeline.study import Study
from core.progress import Progress
from core.service.requests import Request, ServiceRequest
from core.settings import Settings

if TYPE_CHECKING:
    from core.service.image_service import ImageService


@dataclass(frozen=True)
class PictureView:
    """One decoded image: ``3 * width * height`` bytes of RGB, row by row; `problem` says why there is none."""

    index: int
    width: int
    height: int
    rgb: bytes
    problem: str = ""


@dataclass(frozen=True)
class SimilarView:
    """The images that are most similar to others.

    Attributes
    ----------
    queries : tuple of int
        What they are similar to: indices of images of the dataset, without repetitions.
    indices : tuple of int
        Most similar first; equally similar ones by index. None of `queries`.
    distances : tuple of float
        Of each, the smallest Euclidean distance to any of `queries` in the embedding across classes.
    """

    queries: tuple[int, ...]
    indices: tuple[int, ...]
    distances: tuple[float, ...]


@dataclass(frozen=True)
class OpenImageService(Request["ImageService"]):
    """Open the images of a study and stay to answer requests about single ones.

    Attributes
    ----------
    study : Study
        Of its settings only data and features count; see `of`.
    content : str
        Identity of the images found. It changes no answer; a service on other images differs in it.
    with_features : bool
        Whether its features have been extracted, so that similar images can be found.
    """

    study: Study
    content: str
    with_features: bool

    @classmethod
    def of(cls, study: Study, content: str, *, with_features: bool) -> "OpenImageService":
        """Return what opens the service for `study`, without the settings that do not matter to it."""
        chosen = study.settings
        settings = Settings(data=chosen.data, features=chosen.features) if with_features else Settings(data=chosen.data)
        return cls(replace(study, settings=settings), content, with_features)

    def run(self, progress: Progress) -> "ImageService":
        """Open the images, and read the embeddings from the cache."""
        from core.service.image_service import OpenImages

        return OpenImages(self.study, progress, with_features=self.with_features)


@dataclass(frozen=True)
class FindSimilar(ServiceRequest["ImageService", SimilarView]):
    """Find the images that are most similar to one image or to any of several.

    Attributes
    ----------
    indices : tuple of int
        Images of the dataset; at least one. Each must have an embedding: it is in the pool, or a validation or test
        image.
    n : int
        At most this many are found, >= 1.
    of_class : str
        Only images of this class are found; empty: of every class.
    """

    indices: tuple[int, ...]
    n: int
    of_class: str = ""

    def run(self, service: "ImageService", progress: Progress) -> SimilarView:
        """See `ImageService.similar`."""
        return service.similar(self.indices, self.n, self.of_class, progress)


@dataclass(frozen=True)
class DecodeImage(ServiceRequest["ImageService", PictureView]):
    """Decode one image as the engine sees it."""

    index: int

    @limited(seconds=120, n_bytes=4_000_000_000)
    def run(self, service: "ImageService", progress: Progress) -> PictureView:  # noqa: ARG002
        """See `ImageService.picture`."""
        return service.picture(self.index)
