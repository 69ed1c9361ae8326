"""Requests about all images at once: their map, two coresets side by side, and the stability of a selection."""

from dataclasses import dataclass
from typing import ClassVar

from coreset_studio.core.estimate import MOST_FITTED
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import ImageMap, MapMethod
from coreset_studio.core.results.differences import ComparedCoresets
from coreset_studio.core.results.stability import Stability
from coreset_studio.core.service.requests import Request
from coreset_studio.core.settings import EarlierCoreset, SelectionSettings

START_SECONDS = 3.0
SECONDS_PER_FITTED = 0.006
SECONDS_PER_PLACED = 0.0015


def map_seconds(method: MapMethod, n_images: int) -> float:
    """Return an estimate of the seconds for a map of so many images that is not in the cache."""
    if method == "pca":
        return START_SECONDS
    fitted = min(n_images, MOST_FITTED)
    return START_SECONDS + SECONDS_PER_FITTED * fitted + SECONDS_PER_PLACED * (n_images - fitted)


@dataclass(frozen=True)
class MapImages(Request[ImageMap]):
    """Compute the map of all images with features.

    Attributes
    ----------
    study : Study
        Its features have been extracted.
    method : {"pca", "tsne"}
    seed : int
        >= 0.
    """

    title: ClassVar[str] = "a map of the images"
    study: Study
    method: MapMethod
    seed: int = 0

    def run(self, progress: Progress) -> ImageMap:
        """Prepare the study, and compute the map or read it from the cache."""
        from coreset_studio.core.pipeline.maps import map_of
        from coreset_studio.core.pipeline.stages import prepare

        return map_of(prepare(self.study, progress, until="reduction"), self.method, self.seed, progress)


@dataclass(frozen=True)
class CompareCoresets(Request[ComparedCoresets]):
    """Compare the coreset of the settings with another one of the same pool.

    Attributes
    ----------
    study : Study
    other : SelectionSettings or EarlierCoreset
        How the other is selected, or the images of an export.
    name : str
        Of the other coreset.
    """

    title: ClassVar[str] = "a comparison of two coresets"
    study: Study
    other: SelectionSettings | EarlierCoreset
    name: str

    def run(self, progress: Progress) -> ComparedCoresets:
        """Select both coresets, and measure their coverage."""
        from coreset_studio.core.pipeline.differing import compare_coresets
        from coreset_studio.core.pipeline.stages import prepare

        return compare_coresets(prepare(self.study, progress), self.other, self.name, progress)


@dataclass(frozen=True)
class MeasureStability(Request[Stability]):
    """Count how often each image is selected over splits and seeds."""

    title: ClassVar[str] = "the stability of a selection"
    study: Study
    n_splits: int
    n_seeds: int

    def run(self, progress: Progress) -> Stability:
        """Select the coreset for each split and seed."""
        from coreset_studio.core.pipeline.stability import measure_stability

        return measure_stability(self.study, self.n_splits, self.n_seeds, progress).stability
