"""The selection service: it answers at once what another fraction, budget, k or pin selects, and shows clusters.

It lives in a process of its own without TensorFlow, keeps the embeddings as memory maps, clusters and the samplers'
orders, and reads all of it from the cache.
"""

from collections import OrderedDict
from dataclasses import replace

import numpy as np

from core.arrays import cut_file
from core.cache import fingerprint
from core.pipeline.stages import Prepared, choose, cluster_classes, prepare
from core.pipeline.study import Study
from core.pipeline.words import coreset_sentence
from core.progress import NO_PROGRESS, Progress
from core.results import ClassClusters, ClassCoverage, ClassEmbedding, Coreset, Coverage, Dataset, IntArray
from core.selection.clustering import cluster_words
from core.selection.coverage import class_coverage, covered_worst, summarise_coverage
from core.selection.kernel import Kernels
from core.selection.shares import expected_random
from core.service.image_service import ImageService
from core.service.selection_requests import ClassOverview, ClassView, CoresetView
from core.settings import ClusterSettings, SelectionSettings

THINNED_TO = 800
REMEMBERED = 500


class SelectionService(ImageService):
    """A prepared study that answers questions.

    Parameters
    ----------
    study : Study
        Its stages up to the clusters must be in the cache; what is missing is computed first.

    Notes
    -----
    Requests bring the cluster settings they are about, so that a service that was started again after a crash answers
    as the one before it.
    """

    def __init__(self, study: Study, progress: Progress = NO_PROGRESS) -> None:
        self._prepare(study, progress)

    def _prepare(self, study: Study, progress: Progress) -> None:
        self._prepared: Prepared = prepare(study, progress)
        self._columns: dict[str, IntArray] = {}
        self._coverage: OrderedDict[tuple[str, str], ClassCoverage] = OrderedDict()
        # One kernel a class serves the orders of balanced herding and the coverage of every coreset.
        self._kernels = self._prepared.orders.kernels = Kernels()

    def overview(
        self, clusters: ClusterSettings | None = None, progress: Progress = NO_PROGRESS
    ) -> tuple[ClassOverview, ...]:
        """Return every class at a glance, sorted by name.

        Parameters
        ----------
        clusters : ClusterSettings, optional
            Cluster by these first, if the service has others; so in every method.
        """
        self._use(clusters, progress)
        result = []
        for embedding, found in zip(self._prepared.embeddings, self._prepared.clusters, strict=True):
            n = len(embedding.indices)
            rows = np.arange(n) if n <= THINNED_TO else np.linspace(0, n - 1, THINNED_TO).astype(np.int64)
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
    ) -> ClassView:
        """Return one class in full.

        Parameters
        ----------
        class_name : str
        first, second : int
            Components by falling variance, from 0.
        clusters : ClusterSettings, optional
        """
        self._use(clusters, progress)
        embedding = self._prepared.embedding_of(class_name)
        of_class = self._prepared.clusters_of(class_name)
        order = self._by_variance(embedding)
        last = len(order) - 1
        first, second = min(first, last), min(second, last)
        variances = np.asarray(embedding.embedding).var(axis=0, dtype=np.float64)
        total = float(variances.sum()) or 1.0
        return ClassView(
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
        """Return the study with its embeddings, made again where their files are damaged."""
        self._use(None, progress)
        return self._prepared

    def _use(self, clusters: ClusterSettings | None, progress: Progress) -> None:
        if cut_file() is not None:  # computed again, from the cache but for what another program has damaged there
            self._prepare(self._prepared.study, progress)
        if clusters is not None and clusters != self._prepared.study.settings.clusters:
            self.set_clusters(clusters, progress)

    def set_clusters(self, settings: ClusterSettings, progress: Progress = NO_PROGRESS) -> tuple[ClassOverview, ...]:
        """Cluster again with other choices, such as another k for one class; unchanged classes come from the cache."""
        study = self._prepared.study
        changed = replace(study, settings=replace(study.settings, clusters=settings))
        clusters = cluster_classes(self._prepared.embeddings, changed.settings, study.cache_folder, progress)
        self._prepared = replace(self._prepared, study=changed, clusters=clusters)
        self._coverage.clear()
        return self.overview()

    def clusters(
        self, clusters: ClusterSettings | None = None, progress: Progress = NO_PROGRESS
    ) -> tuple[ClassClusters, ...]:
        """Return all clusters, sorted by class."""
        self._use(clusters, progress)
        return self._prepared.clusters

    def select(
        self,
        settings: SelectionSettings,
        coverage: bool = True,
        clusters: ClusterSettings | None = None,
        progress: Progress = NO_PROGRESS,
    ) -> CoresetView:
        """Choose a coreset.

        Parameters
        ----------
        settings : SelectionSettings
        coverage : bool
            Also measure its coverage; takes longer than selecting.
        clusters : ClusterSettings, optional
        """
        self._use(clusters, progress)
        coreset = choose(self._prepared, settings, progress)
        shares = expected_random(self._prepared.clusters, coreset)
        measured = self._measure(coreset, progress) if coverage else None
        return CoresetView(coreset, shares, measured, coreset_sentence(coreset, shares))

    def cover(
        self, settings: SelectionSettings, clusters: ClusterSettings | None = None, progress: Progress = NO_PROGRESS
    ) -> Coverage:
        """Return the coverage of the coreset of `settings`; can be stopped between two classes."""
        self._use(clusters, progress)
        return self._measure(choose(self._prepared, settings, progress), progress)

    def _measure(self, coreset: Coreset, progress: Progress) -> Coverage:
        prepared = self._prepared
        by_class = []
        for number, (embedding, clusters) in enumerate(zip(prepared.embeddings, prepared.clusters, strict=True)):
            report = (number, len(prepared.embeddings), "Measuring coverage: classes")
            progress.report(*report)
            # The first time a class's kernel is what takes long: leave places to stop in between, keep what is there.
            kernel = self._kernels.of(embedding.embedding)
            progress.report(*report)
            if len(embedding.indices):
                _ = kernel.class_means
                progress.report(*report)
            by_class.append(self._covered(embedding, clusters, coreset))
        worst = tuple(int(index) for index in covered_worst(prepared.embeddings, coreset))
        return summarise_coverage(tuple(by_class), worst)

    def _covered(self, embedding: ClassEmbedding, clusters: ClassClusters, coreset: Coreset) -> ClassCoverage:
        """Return a class's coverage, remembered by what was selected of it: a slider often comes back."""
        inside = np.intersect1d(coreset.indices, embedding.indices)
        key = (embedding.class_name, fingerprint(inside))
        if key not in self._coverage:
            contents = self._prepared.dataset.contents
            kernel = self._kernels.of(embedding.embedding)
            self._coverage[key] = class_coverage(contents, embedding, clusters, coreset, kernel=kernel)
            while len(self._coverage) > REMEMBERED:
                self._coverage.popitem(last=False)
        return self._coverage[key]

    def _by_variance(self, embedding: ClassEmbedding) -> IntArray:
        """Return the columns of the joined embedding by falling variance."""
        if embedding.class_name not in self._columns:
            variances = np.asarray(embedding.embedding).var(axis=0, dtype=np.float64)
            self._columns[embedding.class_name] = np.argsort(-variances, kind="stable")
        return self._columns[embedding.class_name]


def _two_columns(embedding: ClassEmbedding, columns: IntArray) -> np.ndarray:
    """Return two columns, the second of zeros where there is only one."""
    points = np.zeros((len(embedding.indices), 2), dtype=np.float32)
    for place, column in enumerate(columns[:2]):
        if place == 0 or column != columns[0]:
            points[:, place] = embedding.embedding[:, column]
    return points
