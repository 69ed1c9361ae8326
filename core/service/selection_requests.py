"""Requests to the selection service about clusters, coresets and single images.

`OpenSelectionService` starts it; the other requests are answered by the `SelectionService` that stays in its process.
Those about clusters and coresets bring the cluster settings they are about, so that a service that was started again
after a crash answers as the one before it.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.pipeline.study import Study
from core.progress import Progress
from core.results import ClassClusters, ClusterShares, Coreset, Coverage, FloatArray, IntArray
from core.service.requests import Request, ServiceRequest
from core.settings import ClusterSettings, SelectionSettings, Settings

if TYPE_CHECKING:
    from core.service.selection_service import SelectionService


@dataclass(frozen=True)
class ClassOverview:
    """One class at a glance: a thinned scatter of its first two components, and its clusters."""

    class_name: str
    n_images: int
    k: int
    mean_silhouette: float | None
    words: str
    points: FloatArray
    labels: IntArray
    sizes: IntArray


@dataclass(frozen=True)
class ClassView:
    """One class in full.

    Attributes
    ----------
    clusters : ClassClusters
    points : ndarray of shape (n, 2), float32
        The two selected components, rows as in ``clusters.indices``.
    components : tuple of int
        Which two, from 0.
    shares : tuple of float
        Share of the class's joined variance that each of the two holds.
    n_components : int
        That can be selected from.
    all_shares : tuple of float
        Share of every component.
    words : str
        What the silhouette says, in plain words.
    """

    clusters: ClassClusters
    points: FloatArray
    components: tuple[int, int]
    shares: tuple[float, float]
    n_components: int
    words: str
    all_shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class CoresetView:
    """A coreset as the page shows it.

    Attributes
    ----------
    shares : tuple of ClusterShares
        By class: images in each cluster, selected of it, drawn at random, expected at random.
    coverage : Coverage or None
        Its coverage; None where it was not requested.
    sentence : str
        The sentence that matters.
    """

    coreset: Coreset
    shares: tuple[ClusterShares, ...]
    coverage: Coverage | None
    sentence: str


@dataclass(frozen=True)
class OpenSelectionService(Request["SelectionService"]):
    """Prepare a study and stay to answer requests about it.

    Attributes
    ----------
    study : Study
        Of its settings only data, features and clusters count; see `of`.
    content : str
        Identity of the images found. It changes no answer; a service on other images differs in it.
    """

    study: Study
    content: str

    @classmethod
    def of(cls, study: Study, content: str) -> "OpenSelectionService":
        """Return what opens the service for `study`, without the settings that do not matter to it."""
        chosen = study.settings
        settings = Settings(data=chosen.data, features=chosen.features, clusters=chosen.clusters)
        return cls(replace(study, settings=settings), content)

    def serves(self, study: Study, content: str) -> bool:
        """Return whether what is open answers for `study`, too: it may differ in its clusters and what follows."""
        return content == self.content and _images_and_features(study) == _images_and_features(self.study)

    def run(self, progress: Progress) -> "SelectionService":
        """Prepare the study; its stages up to the clusters are usually in the cache."""
        from core.service.selection_service import SelectionService

        return SelectionService(self.study, progress)


@dataclass(frozen=True)
class DescribeClasses(ServiceRequest["SelectionService", tuple[ClassOverview, ...]]):
    """Summarise every class, sorted by name."""

    clusters: ClusterSettings

    def run(self, service: "SelectionService", progress: Progress) -> tuple[ClassOverview, ...]:
        """See `SelectionService.overview`."""
        return service.overview(self.clusters, progress)


@dataclass(frozen=True)
class DescribeClass(ServiceRequest["SelectionService", ClassView]):
    """Describe one class in full.

    Attributes
    ----------
    first, second : int
        Components that are plotted, by falling variance, from 0.
    """

    class_name: str
    first: int
    second: int
    clusters: ClusterSettings

    def run(self, service: "SelectionService", progress: Progress) -> ClassView:
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
class ChooseCoreset(ServiceRequest["SelectionService", CoresetView]):
    """Select a coreset; its coverage is requested by `MeasureCoverage`, as it takes longer."""

    selection: SelectionSettings
    clusters: ClusterSettings

    def run(self, service: "SelectionService", progress: Progress) -> CoresetView:
        """See `SelectionService.select`."""
        return service.select(self.selection, clusters=self.clusters, coverage=False, progress=progress)


@dataclass(frozen=True)
class MeasureCoverage(ServiceRequest["SelectionService", Coverage]):
    """Measure the coverage of the coreset of `selection`; stops between two classes if it is no longer required."""

    selection: SelectionSettings
    clusters: ClusterSettings

    def run(self, service: "SelectionService", progress: Progress) -> Coverage:
        """See `SelectionService.cover`."""
        return service.cover(self.selection, self.clusters, progress)


def _images_and_features(study: Study) -> Study:
    return replace(study, settings=Settings(data=study.settings.data, features=study.settings.features))
