"""Requests to the selection service about clusters, coresets and single images.

`OpenSelectionService` starts it; the other requests are answered by the `SelectionService` in its process. Those about
clusters and coresets contain the cluster settings, so that a service that was restarted after a crash gives the same
answers.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import ClassClusters, ClusterShares, Coreset, Coverage, FloatArray, IntArray
from coreset_studio.core.service.requests import Request, ServiceRequest
from coreset_studio.core.settings import ClusterSettings, SelectionSettings, Settings

if TYPE_CHECKING:
    from coreset_studio.core.service.selection_service import SelectionService


@dataclass(frozen=True)
class ClassOverview:
    """Overview of one class: a subsampled scatter of two components, and the clusters.

    Attributes
    ----------
    class_name : str
    n_images, k : int
        Number of images and of clusters.
    mean_silhouette : float or None
        -1 to 1; None for one cluster.
    words : str
        Interpretation of the silhouette.
    points : ndarray of shape (n, 2), float32
        The two components of largest variance, of some images.
    labels : ndarray of shape (n,), int64
        Clusters of these images.
    sizes : ndarray of shape (k,), int64
        Number of images in each cluster.
    """

    class_name: str
    n_images: int
    k: int
    mean_silhouette: float | None
    words: str
    points: FloatArray
    labels: IntArray
    sizes: IntArray


@dataclass(frozen=True)
class ClassSummary:
    """Details of one class.

    Attributes
    ----------
    clusters : ClassClusters
    points : ndarray of shape (n, 2), float32
        The two selected components, rows as in ``clusters.indices``.
    components : tuple of int
        Numbers of these components by descending variance, from 0.
    shares : tuple of float
        Share of each of them in the variance of the embedding of the class, 0 to 1.
    n_components : int
        Number of components that can be selected.
    words : str
        Interpretation of the silhouette.
    all_shares : tuple of float
        Shares of all components.
    """

    clusters: ClassClusters
    points: FloatArray
    components: tuple[int, int]
    shares: tuple[float, float]
    n_components: int
    words: str
    all_shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class CoresetSummary:
    """A coreset with the facts that the page shows.

    Attributes
    ----------
    coreset : Coreset
    shares : tuple of ClusterShares
        Numbers of images from each cluster, by class.
    coverage : Coverage or None
        None if it was not requested.
    sentence : str
        Summary for the user.
    """

    coreset: Coreset
    shares: tuple[ClusterShares, ...]
    coverage: Coverage | None
    sentence: str


@dataclass(frozen=True)
class OpenSelectionService(Request["SelectionService"]):
    """Prepare a study to answer requests about it.

    Attributes
    ----------
    study : Study
        Only its data, feature and cluster settings matter; see `of`.
    content : str
        Identity of the images. It does not affect answers, but distinguishes services on different images.
    """

    study: Study
    content: str

    @classmethod
    def of(cls, study: Study, content: str) -> "OpenSelectionService":
        """Return the request that opens the service for `study`, without the settings that do not matter to it."""
        chosen = study.settings
        settings = Settings(data=chosen.data, features=chosen.features, clusters=chosen.clusters)
        return cls(replace(study, settings=settings), content)

    def serves(self, study: Study, content: str) -> bool:
        """Return whether the open service can serve `study`, which may differ in cluster and later settings."""
        return content == self.content and _images_and_features(study) == _images_and_features(self.study)

    def run(self, progress: Progress) -> "SelectionService":
        """Prepare the study; its stages up to the clusters are usually in the cache."""
        from coreset_studio.core.service.selection_service import SelectionService

        return SelectionService(self.study, progress)


@dataclass(frozen=True)
class DescribeClasses(ServiceRequest["SelectionService", tuple[ClassOverview, ...]]):
    """Summarise all classes, sorted by name."""

    clusters: ClusterSettings

    def run(self, service: "SelectionService", progress: Progress) -> tuple[ClassOverview, ...]:
        """See `SelectionService.overview`."""
        return service.overview(self.clusters, progress)


@dataclass(frozen=True)
class DescribeClass(ServiceRequest["SelectionService", ClassSummary]):
    """Describe one class in detail.

    Attributes
    ----------
    class_name : str
    first, second : int
        Components to plot, by descending variance, from 0.
    clusters : ClusterSettings
    """

    class_name: str
    first: int
    second: int
    clusters: ClusterSettings

    def run(self, service: "SelectionService", progress: Progress) -> ClassSummary:
        """See `SelectionService.class_view`."""
        return service.class_view(self.class_name, self.first, self.second, self.clusters, progress)


@dataclass(frozen=True)
class ListClusters(ServiceRequest["SelectionService", tuple[ClassClusters, ...]]):
    """List the clusters of all classes, sorted by class."""

    clusters: ClusterSettings

    def run(self, service: "SelectionService", progress: Progress) -> tuple[ClassClusters, ...]:
        """See `SelectionService.clusters`."""
        return service.clusters(self.clusters, progress)


@dataclass(frozen=True)
class ChooseCoreset(ServiceRequest["SelectionService", CoresetSummary]):
    """Select a coreset, without its coverage, which takes longer; see `MeasureCoverage`."""

    selection: SelectionSettings
    clusters: ClusterSettings

    def run(self, service: "SelectionService", progress: Progress) -> CoresetSummary:
        """See `SelectionService.select`."""
        return service.select(self.selection, clusters=self.clusters, coverage=False, progress=progress)


@dataclass(frozen=True)
class MeasureCoverage(ServiceRequest["SelectionService", Coverage]):
    """Measure the coverage of the coreset of `selection`; it can be stopped between two classes."""

    selection: SelectionSettings
    clusters: ClusterSettings

    def run(self, service: "SelectionService", progress: Progress) -> Coverage:
        """See `SelectionService.cover`."""
        return service.cover(self.selection, self.clusters, progress)


def _images_and_features(study: Study) -> Study:
    return replace(study, settings=Settings(data=study.settings.data, features=study.settings.features))
