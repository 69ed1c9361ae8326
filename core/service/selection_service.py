"""The selection service: selects coresets immediately for changed fractions, budgets, k or pins, and shows clusters.

It runs in a process of its own without TensorFlow, and keeps memory-mapped embeddings, clusters and rankings, which it
reads from the cache.
"""

from collections import OrderedDict
from dataclasses import replace

import numpy as np

from coreset_studio.core.arrays import cut_file
from coreset_studio.core.cache import fingerprint
from coreset_studio.core.pipeline.stages import Prepared, choose, cluster_classes, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.words import coreset_sentence
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import (
    ClassClusters,
    ClassCoverage,
    ClassEmbedding,
    Coreset,
    Coverage,
    Dataset,
    IntArray,
)
from coreset_studio.core.selection.clustering import cluster_words
from coreset_studio.core.selection.coverage import class_coverage, covered_worst, summarise_coverage
from coreset_studio.core.selection.kernel import Kernels
from coreset_studio.core.selection.shares import expected_random
from coreset_studio.core.service.image_service import ImageService
from coreset_studio.core.service.selection_requests import ClassOverview, ClassSummary, CoresetSummary
from coreset_studio.core.settings import ClusterSettings, SelectionSettings

MOST_POINTS = 800
MOST_CACHED = 500


class SelectionService(ImageService):
    """A prepared study that answers requests.

    Parameters
    ----------
    study : Study
        Results of its stages up to the clusters are read from the cache; missing ones are computed.
    progress : Progress

    Notes
    -----
    Requests contain the cluster settings, so that a service that was restarted after a crash gives the same answers.
    """

    def __init__(self, study: Study, progress: Progress = NO_PROGRESS) -> None:
        self._prepare(study, progress)

    def _prepare(self, study: Study, progress: Progress) -> None:
        self._prepared: Prepared = prepare(study, progress)
        self._columns: dict[str, IntArray] = {}
        self._coverage: OrderedDict[tuple[str, str], ClassCoverage] = OrderedDict()
        # One kernel per class is used by the rankings of balanced herding and by the coverage of all coresets.
        self._kernels = self._prepared.orders.kernels = Kernels()

    def overview(
        self, clusters: ClusterSettings | None = None, progress: Progress = NO_PROGRESS
    ) -> tuple[ClassOverview, ...]:
        """Return overviews of all classes, sorted by name.

        Parameters
        ----------
        clusters : ClusterSettings, optional
            Cluster settings to apply first, as in all methods.
        progress : Progress
        """
        self._use(clusters, progress)
        result = []
        for embedding, found in zip(self._prepared.embeddings, self._prepared.clusters, strict=True):
            n = len(embedding.indices)
            rows = np.arange(n) if n <= MOST_POINTS else np.linspace(0, n - 1, MOST_POINTS).astype(np.int64)
            columns = self._by_variance(embedding)[:2]
            result.append(
                ClassOverview(
                    class_name=embedding.class_name,
                    n_images=n,
                    k=found.k,
                    mean_silhouette=found.mean_silhouette,
                    words=cluster_words(found),
                    points=_two_columns(embedding, columns)[rows],
                    labels=found.labels[rows],
                    sizes=found.sizes,
                )
            )
        return tuple(result)

    def class_view(
        self,
        class_name: str,
        first: int = 0,
        second: int = 1,
        clusters: ClusterSettings | None = None,
        progress: Progress = NO_PROGRESS,
    ) -> ClassSummary:
        """Return details of one class.

        Parameters
        ----------
        class_name : str
        first, second : int
            Components by descending variance, from 0.
        clusters : ClusterSettings, optional
        progress : Progress
        """
        self._use(clusters, progress)
        embedding = self._prepared.embedding_of(class_name)
        of_class = self._prepared.clusters_of(class_name)
        order = self._by_variance(embedding)
        last = len(order) - 1
        first, second = min(first, last), min(second, last)
        variances = np.asarray(embedding.embedding).var(axis=0, dtype=np.float64)
        total = float(variances.sum()) or 1.0
        return ClassSummary(
            clusters=of_class,
            points=_two_columns(embedding, order[[first, second]]),
            components=(first, second),
            shares=(float(variances[order[first]]) / total, float(variances[order[second]]) / total),
            n_components=len(order),
            all_shares=tuple((variances[order] / total).tolist()),
            words=cluster_words(of_class),
        )

    @property
    def dataset(self) -> Dataset:
        """The images."""
        return self._prepared.dataset

    def prepared(self, progress: Progress = NO_PROGRESS) -> Prepared:
        """Return the study with its embeddings; they are computed again if their files are damaged."""
        self._use(None, progress)
        return self._prepared

    def _use(self, clusters: ClusterSettings | None, progress: Progress) -> None:
        if cut_file() is not None:  # another program has damaged a file in the cache
            self._prepare(self._prepared.study, progress)
        if clusters is not None and clusters != self._prepared.study.settings.clusters:
            self.set_clusters(clusters, progress)

    def set_clusters(self, settings: ClusterSettings, progress: Progress = NO_PROGRESS) -> tuple[ClassOverview, ...]:
        """Apply other cluster settings, such as another k of one class; unchanged classes are read from the cache."""
        study = self._prepared.study
        changed = replace(study, settings=replace(study.settings, clusters=settings))
        clusters = cluster_classes(self._prepared.embeddings, changed.settings, study.cache_folder, progress)
        self._prepared = replace(self._prepared, study=changed, clusters=clusters)
        self._coverage.clear()
        return self.overview()

    def clusters(
        self, clusters: ClusterSettings | None = None, progress: Progress = NO_PROGRESS
    ) -> tuple[ClassClusters, ...]:
        """Return the clusters of all classes, sorted by class."""
        self._use(clusters, progress)
        return self._prepared.clusters

    def select(
        self,
        settings: SelectionSettings,
        coverage: bool = True,
        clusters: ClusterSettings | None = None,
        progress: Progress = NO_PROGRESS,
    ) -> CoresetSummary:
        """Select a coreset.

        Parameters
        ----------
        settings : SelectionSettings
        coverage : bool
            Whether its coverage is measured, which takes longer than selecting.
        clusters : ClusterSettings, optional
        progress : Progress
        """
        self._use(clusters, progress)
        coreset = choose(self._prepared, settings, progress)
        shares = expected_random(self._prepared.clusters, coreset)
        measured = self._measure(coreset, progress) if coverage else None
        return CoresetSummary(coreset, shares, measured, coreset_sentence(coreset, shares))

    def cover(
        self, settings: SelectionSettings, clusters: ClusterSettings | None = None, progress: Progress = NO_PROGRESS
    ) -> Coverage:
        """Return the coverage of the coreset of `settings`; it can be stopped between two classes."""
        self._use(clusters, progress)
        return self._measure(choose(self._prepared, settings, progress), progress)

    def _measure(self, coreset: Coreset, progress: Progress) -> Coverage:
        prepared = self._prepared
        by_class = []
        for number, (embedding, clusters) in enumerate(zip(prepared.embeddings, prepared.clusters, strict=True)):
            report = (number, len(prepared.embeddings), "Measuring coverage: classes")
            progress.report(*report)
            # Computing the kernel of a class takes long the first time: report in between, so that it can be stopped.
            is_large = prepared.study.settings.clusters.is_large(len(embedding.indices))
            if len(embedding.indices) and not is_large:
                kernel = self._kernels.of(embedding.embedding)
                progress.report(*report)
                _ = kernel.class_means
                progress.report(*report)
            by_class.append(self._covered(embedding, clusters, coreset))
        limit = prepared.study.settings.clusters.exact_up_to
        worst = tuple(int(index) for index in covered_worst(prepared.embeddings, coreset, exact_up_to=limit))
        return summarise_coverage(tuple(by_class), worst)

    def _covered(self, embedding: ClassEmbedding, clusters: ClassClusters, coreset: Coreset) -> ClassCoverage:
        """Return the coverage of a class, cached by its selected images, since a slider often returns to a value."""
        inside = np.intersect1d(coreset.indices, embedding.indices)
        key = (embedding.class_name, fingerprint(inside))
        if key not in self._coverage:
            contents = self._prepared.dataset.contents
            limit = self._prepared.study.settings.clusters
            kernel = None if limit.is_large(len(embedding.indices)) else self._kernels.of(embedding.embedding)
            self._coverage[key] = class_coverage(
                contents, embedding, clusters, coreset, kernel=kernel, exact_up_to=limit.exact_up_to
            )
            while len(self._coverage) > MOST_CACHED:
                self._coverage.popitem(last=False)
        return self._coverage[key]

    def _by_variance(self, embedding: ClassEmbedding) -> IntArray:
        """Return the columns of the embedding of a class by descending variance."""
        if embedding.class_name not in self._columns:
            variances = np.asarray(embedding.embedding).var(axis=0, dtype=np.float64)
            self._columns[embedding.class_name] = np.argsort(-variances, kind="stable")
        return self._columns[embedding.class_name]


def _two_columns(embedding: ClassEmbedding, columns: IntArray) -> np.ndarray:
    """Return two columns, shape (n, 2); the second is 0 if there is only one."""
    points = np.zeros((len(embedding.indices), 2), dtype=np.float32)
    for place, column in enumerate(columns[:2]):
        if place == 0 or column != columns[0]:
            points[:, place] = embedding.embedding[:, column]
    return points
