"""One function per stage; results are cached under the fingerprint of all their inputs."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import psutil

from coreset_studio.core.cache import ArrayCache, check_mapped, fingerprint
from coreset_studio.core.data.dataset import find_duplicates, scan
from coreset_studio.core.data.readings import with_reading
from coreset_studio.core.data.split import make_split
from coreset_studio.core.features.extraction import Extracted, extract, without_failed
from coreset_studio.core.features.extractors import extractor_named
from coreset_studio.core.features.reduction import embed_classes, embed_pool
from coreset_studio.core.features.separation import separation
from coreset_studio.core.large_neighbours import CELLS_VERSION
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Progress, StepProgress
from coreset_studio.core.results import (
    ClassClusters,
    ClassEmbedding,
    Coreset,
    Dataset,
    Duplicates,
    PoolEmbedding,
    ProxyPoint,
    Separation,
    Split,
    StageTime,
)
from coreset_studio.core.selection.budgets import share_of
from coreset_studio.core.selection.clustering import cluster_class
from coreset_studio.core.selection.coverage import proxy_curve
from coreset_studio.core.selection.difficulty import class_difficulty
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.selection.selecting import matched_random, select
from coreset_studio.core.settings import (
    ClusterSettings,
    DataSettings,
    SelectionSettings,
    Settings,
    own_settings,
    settings_to_dict,
)

CLUSTERING_VERSION = 1
_DRAWS = 3
PROBE_COMPONENTS = 300
MATCHED = "matched:"


class Clock:
    """Time and memory of each stage, in the sequence in which they ended."""

    def __init__(self) -> None:
        self.times: list[StageTime] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the time and memory of a stage."""
        started = time.perf_counter()
        yield
        self.times.append(StageTime(name, time.perf_counter() - started, peak_memory()))


def peak_memory() -> int:
    """Return the peak memory of this process in bytes; on systems other than Linux and macOS its current memory."""
    try:
        import resource
    except ImportError:
        return int(psutil.Process().memory_info().rss)
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def open_dataset(
    source: Path,
    cache_folder: Path,
    progress: Progress = NO_PROGRESS,
    *,
    settings: DataSettings | None = None,
    complete: bool = False,
) -> Dataset:
    """Scan `source`, with the settings of its kind.

    Files that have not changed since the last scan are not decoded again, unless `complete` requests measures of
    quality that an earlier version did not compute; see `core.data.dataset.scan`.

    Raises
    ------
    DatasetError
        If it contains no usable set of labelled images.
    """
    return scan(Path(source), cache_folder=cache_folder, settings=settings, complete=complete, progress=progress)


def fixed_settings(settings: Settings, dataset: Dataset) -> Settings:
    """Return the settings with the ranges that the scan fixed by file kind, so that other images are read equally."""
    if not (dataset.reading.ranges or dataset.reading.alphas):
        return settings
    return replace(settings, data=with_reading(settings.data, dataset.reading))


def split_dataset(dataset: Dataset, settings: Settings, fold: int = 0) -> Split:
    """Divide the images into pool, validation and test images; with folds, `fold` contains the test images."""
    return make_split(dataset, settings.data, fold)


def used_images(split: Split) -> np.ndarray:
    """Return the indices of all images that are in a set, ascending."""
    return np.sort(np.concatenate([split.pool, split.validation, split.test]))


def extract_features(
    study: Study,
    dataset: Dataset,
    split: Split,
    names: Sequence[str] | None = None,
    progress: Progress = NO_PROGRESS,
) -> tuple[Extracted, ...]:
    """Extract the features of all used images with each extractor; cached features are not computed again."""
    names = tuple(names if names is not None else study.settings.features.extractors)
    extractors = [extractor_named(name) for name in names]
    indices = used_images(split)
    results = []
    file = study.weights_file
    for number, extractor in enumerate(extractors):
        needs_weights = bool(extractor.weights)
        results.append(
            extract(
                dataset,
                extractor.name,
                cache_folder=study.cache_folder,
                indices=indices,
                untrained=study.settings.features.untrained,
                weights_file=file if needs_weights else None,
                settings=own_settings(study.settings.features, extractor),
                progress=StepProgress(progress, number, len(names), resolution=0),
            )
        )
        if needs_weights:
            file = None
    return tuple(results)


def _clustering_key(embedding: ClassEmbedding, settings: ClusterSettings) -> str:
    """Return the key of the clusters of a class in the cache: of its features, and the settings in stored form.

    Settings at their neutral value, k of other classes, a sample as large as the class, and a limit of exact
    clustering that the class does not exceed do not affect it.
    """
    stored, n = settings_to_dict(settings), len(embedding.indices)
    if stored.get("sample_above", 0) >= n:
        del stored["sample_above"]
    if settings.form_for(n) != "refined":
        stored.pop("exact_up_to", None)
    k_max, seed, own_k = stored.pop("k_max"), stored.pop("seed"), stored.pop("k_by_class").get(embedding.class_name)
    return fingerprint(
        CLUSTERING_VERSION,
        embedding.class_name,
        np.asarray(embedding.embedding),
        k_max,
        seed,
        own_k,
        *([stored] if stored else []),
    )


def cluster_classes(
    embeddings: Sequence[ClassEmbedding],
    settings: Settings,
    cache_folder: Path,
    progress: Progress = NO_PROGRESS,
) -> tuple[ClassClusters, ...]:
    """Cluster all classes; each is cached separately."""
    cache = ArrayCache(cache_folder)
    results = []
    for number, embedding in enumerate(embeddings):
        progress.report(number, len(embeddings), f"Clustering {embedding.class_name}: classes")
        key = _clustering_key(embedding, settings.clusters)
        stored = cache.load("clusters", key)
        if stored is None:
            # The class is handed on once it is stored.
            class_progress = StepProgress(progress, number, len(embeddings))
            clusters = cluster_class(embedding, settings.clusters, progress=class_progress)
            facts = {
                "curve": {str(k): value for k, value in clusters.curve.items()},
                "chosen_by": clusters.chosen_by,
            } | ({"n_sampled": clusters.n_sampled} if clusters.n_sampled else {})
            arrays = {"labels": clusters.labels, "medoids": clusters.medoid_rows, "silhouettes": clusters.silhouettes}
            stored = cache.store("clusters", key, arrays, facts)
        clusters = ClassClusters(
            class_name=embedding.class_name,
            indices=embedding.indices,
            labels=np.array(stored.arrays["labels"]),
            medoids=embedding.indices[np.array(stored.arrays["medoids"])],
            silhouettes=np.array(stored.arrays["silhouettes"]),
            curve={int(k): float(value) for k, value in stored.facts["curve"].items()},
            chosen_by=stored.facts["chosen_by"],
            n_sampled=int(stored.facts.get("n_sampled", 0)),
        )
        results.append(clusters)
    progress.report(len(embeddings), len(embeddings), "Clustering: classes")
    return tuple(results)


@dataclass(frozen=True)
class Prepared:
    """The results of the stages of a study that a coreset is selected from."""

    study: Study
    dataset: Dataset
    split: Split
    extracted: tuple[Extracted, ...]
    embeddings: tuple[ClassEmbedding, ...]
    clusters: tuple[ClassClusters, ...]
    pool_embedding: PoolEmbedding
    difficulty: Mapping[str, float]
    orders: OrderCache
    times: tuple[StageTime, ...] = ()

    @cached_property
    def duplicates(self) -> tuple[Duplicates, ...]:
        """Images with the same pixels."""
        return find_duplicates(self.dataset)

    def embedding_of(self, class_name: str) -> ClassEmbedding:
        """Return the embedding of one class."""
        return next(e for e in self.embeddings if e.class_name == class_name)

    def clusters_of(self, class_name: str) -> ClassClusters:
        """Return the clusters of one class."""
        return next(c for c in self.clusters if c.class_name == class_name)


def prepare(
    study: Study,
    progress: Progress = NO_PROGRESS,
    *,
    clock: Clock | None = None,
    until: Literal["reduction", "clusters"] = "clusters",
    dataset: Dataset | None = None,
) -> Prepared:
    """Run scan, split, feature extraction, reduction and clustering; cached results are read.

    Parameters
    ----------
    until : {"reduction", "clusters"}
        Last stage to run.
    dataset : Dataset, optional
        Result of an earlier scan; by default the source is scanned.
    """
    clock = clock if clock is not None else Clock()
    settings = study.settings
    with clock.stage("scan"):
        if dataset is None:
            dataset = open_dataset(study.source, study.cache_folder, progress, settings=settings.data)
    split = split_dataset(dataset, settings, study.fold)
    with clock.stage("features"):
        extracted = extract_features(study, dataset, split, progress=progress)
    split = without_failed(split, extracted)
    with clock.stage("reduction"):
        embeddings = embed_classes(
            dataset, split, extracted, settings.features, cache_folder=study.cache_folder, progress=progress
        )
    with clock.stage("clusters"):
        clustered = embeddings if until == "clusters" else ()
        clusters = cluster_classes(clustered, settings, study.cache_folder, progress)
    with clock.stage("across classes"):
        across = embed_pool(dataset, split, extracted, cache_folder=study.cache_folder, progress=progress)
        difficulty = cached_difficulty(dataset, across, study.cache_folder, settings.clusters, progress)
    return Prepared(
        study, dataset, split, extracted, embeddings, clusters, across, difficulty, OrderCache(), tuple(clock.times)
    )


def cached_difficulty(
    dataset: Dataset,
    across: PoolEmbedding,
    cache_folder: Path,
    settings: ClusterSettings,
    progress: Progress = NO_PROGRESS,
) -> Mapping[str, float]:
    """Return the difficulty of each class, from the cache if it is there.

    Its key says whether the neighbours of so many images are exact; up to the limit, it does not contain the limit.
    """
    cache = ArrayCache(cache_folder)
    names = [dataset.images[i].class_name for i in across.indices]
    limit = settings.exact_up_to if settings.is_large(len(across.pool_indices)) else 0
    form = [f"neighbours of near cells {CELLS_VERSION}"] if limit else []
    key = fingerprint(1, np.asarray(across.embedding), np.asarray(across.in_pool), names, *form)
    stored = cache.load("difficulty", key)
    if stored is None:
        labels = dataset.labels[across.pool_indices]
        found = class_difficulty(labels, dataset.classes, across.pool_rows, progress=progress, exact_up_to=limit)
        values = dict(found)
        stored = cache.store("difficulty", key, {}, {"difficulty": values})
    return {str(name): float(value) for name, value in stored.facts["difficulty"].items()}


def choose(prepared: Prepared, settings: SelectionSettings, progress: Progress = NO_PROGRESS) -> Coreset:
    """Select a coreset from a prepared study.

    The sampler ``matched:NAME`` selects at random within each class, with the class budgets of NAME.

    Raises
    ------
    CacheError
        If another program has cut a file of the cache short since the study was prepared.
    """
    check_mapped()
    if settings.sampler.startswith(MATCHED):
        model = choose(prepared, replace(settings, sampler=settings.sampler.removeprefix(MATCHED)), progress)
        return matched_random(prepared.dataset, prepared.split, model, settings.seed)
    return select(
        prepared.dataset,
        prepared.split,
        prepared.embeddings,
        prepared.clusters,
        settings,
        difficulty=prepared.difficulty,
        across=prepared.pool_embedding,
        orders=prepared.orders,
        exact_up_to=prepared.study.settings.clusters.exact_up_to,
        progress=progress,
    )


def choose_at(
    prepared: Prepared, settings: SelectionSettings, fractions: Sequence[float], progress: Progress = NO_PROGRESS
) -> list[Coreset]:
    """Select coresets at several fractions; those that round to no image are omitted."""
    possible = [fraction for fraction in fractions if share_of(fraction, len(prepared.split.pool)) >= 1]
    return [choose(prepared, replace(settings, fraction=fraction, images=None), progress) for fraction in possible]


def evaluate_sizes(
    prepared: Prepared, settings: SelectionSettings, fractions: Sequence[float], progress: Progress = NO_PROGRESS
) -> tuple[ProxyPoint, ...]:
    """Evaluate a sampler at several fractions by nearest neighbours, and random draws with the same class budgets.

    Images of an earlier coreset are not kept, since there may be more of them than a fraction selects. Without labels
    there is nothing to evaluate, and no point is returned.
    """
    if not prepared.dataset.has_labels:
        return ()
    settings = replace(settings, continue_from=None)
    coresets = choose_at(prepared, settings, fractions, progress)
    dataset, split = prepared.dataset, prepared.split
    random = [[matched_random(dataset, split, each, seed) for seed in range(_DRAWS)] for each in coresets]
    return proxy_curve(
        dataset.contents,
        dataset.labels,
        prepared.pool_embedding,
        coresets,
        random,
        progress,
        exact_up_to=prepared.study.settings.clusters.exact_up_to,
    )


def separations(prepared: Prepared, progress: Progress = NO_PROGRESS) -> tuple[Separation, ...]:
    """Return the separation of each extractor, and of all of them concatenated: leave-one-out 5-NN accuracy.

    There is none if no image has a label.
    """
    if not prepared.dataset.has_labels:
        return ()
    results = []
    sets: list[tuple[Extracted, ...]] = [(e,) for e in prepared.extracted]
    if len(prepared.extracted) > 1:
        sets.append(prepared.extracted)
    for number, extracted in enumerate(sets):
        progress.report(number, len(sets), "Neighbours across classes: extractors")
        across = embed_pool(
            prepared.dataset, prepared.split, extracted, cache_folder=prepared.study.cache_folder, progress=progress
        )
        names = tuple(e.extractor for e in extracted)
        limit = prepared.study.settings.clusters.exact_up_to
        results.append(separation(prepared.dataset, across, names, exact_up_to=limit))
    return tuple(results)
