"""Requests about extractors, features and clusters."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import ExtractorFact
from coreset_studio.core.progress import Progress, StepProgress
from coreset_studio.core.results import Estimate, Separation, Skipped, ViewReduction, WeightsUsed
from coreset_studio.core.service.cluster_requests import NO_SCHEDULER, SchedulerChoice
from coreset_studio.core.service.requests import Request


@dataclass(frozen=True)
class ExtractorsSummary:
    """All extractors on this machine.

    Attributes
    ----------
    facts : tuple of ExtractorFact
    separations : tuple of Separation
        Of the extractors whose features are computed.
    after : Estimate
        Costs of reduction and clustering.
    """

    facts: tuple[ExtractorFact, ...]
    separations: tuple[Separation, ...]
    after: Estimate


@dataclass(frozen=True)
class FeaturesSummary:
    """Summary of the extracted features and their reduction.

    Attributes
    ----------
    separations : tuple of Separation
        Of each extractor.
    weights : tuple of WeightsUsed
        Of each extractor.
    failed : tuple of Skipped
        Images that could no longer be read.
    views : mapping of str to tuple of ViewReduction
        Reductions of the views, by class.
    n_images : int
    seconds : float
        Time of extraction and reduction.
    labels : tuple of str
        Labels to show with every result, such as ``"Unverified weights"``.
    """

    separations: tuple[Separation, ...]
    weights: tuple[WeightsUsed, ...]
    failed: tuple[Skipped, ...]
    views: Mapping[str, tuple[ViewReduction, ...]]
    n_images: int
    seconds: float
    labels: tuple[str, ...]


@dataclass(frozen=True)
class DescribeExtractors(Request[ExtractorsSummary]):
    """Describe the requirements and costs of all extractors, and the separation of those that are computed."""

    is_for_display: ClassVar[bool] = True
    study: Study

    def run(self, progress: Progress) -> ExtractorsSummary:
        """Inspect weights, cache and machine; nothing is extracted."""
        from coreset_studio.core.pipeline.facts import estimate_after_features, extractor_facts, separation_if_computed
        from coreset_studio.core.pipeline.stages import open_dataset, split_dataset

        study = self.study
        dataset = open_dataset(study.source, study.cache_folder, settings=study.settings.data)
        split = split_dataset(dataset, study.settings)
        facts = extractor_facts(study, dataset, split)
        found = [separation_if_computed(study, dataset, split, fact, progress) for fact in facts]
        return ExtractorsSummary(
            facts=facts,
            separations=tuple(one for one in found if one is not None),
            after=estimate_after_features(study, dataset, split),
        )


@dataclass(frozen=True)
class ComputeFeatures(Request[FeaturesSummary]):
    """Extract and reduce features, and measure the separation of each extractor.

    Attributes
    ----------
    study : Study
    scheduler : SchedulerChoice
        On whose workers features are extracted; by default on this computer.
    """

    study: Study
    scheduler: SchedulerChoice = NO_SCHEDULER

    def run(self, progress: Progress) -> FeaturesSummary:
        """Compute the results that are not in the cache."""
        from coreset_studio.core.cluster import connected
        from coreset_studio.core.cluster.notes import cluster_notes

        scheduler = self.scheduler.scheduler()
        if scheduler is not None:
            progress.report(0, 0, f"Connecting to {scheduler.url}")
        with connected(scheduler) as cluster:
            for note in cluster_notes(cluster) if cluster is not None else ():
                sys.stderr.write(f"{note}\n")  # into the log of the window
            return self._computed(progress)

    def _computed(self, progress: Progress) -> FeaturesSummary:
        from coreset_studio.core.pipeline.exporting import labels_of
        from coreset_studio.core.pipeline.stages import (
            extract_features,
            open_dataset,
            prepare,
            separations,
            split_dataset,
            used_images,
        )

        study, started = self.study, time.perf_counter()
        dataset = open_dataset(study.source, study.cache_folder, settings=study.settings.data)
        split = split_dataset(dataset, study.settings)
        extract_features(study, dataset, split, progress=StepProgress(progress, 0, 2))
        prepared = prepare(study, StepProgress(progress, 1, 2), until="reduction")
        return FeaturesSummary(
            separations=separations(prepared, progress),
            weights=tuple(e.weights for e in prepared.extracted),
            failed=tuple(skipped for e in prepared.extracted for skipped in e.failed),
            views={embedding.class_name: embedding.views for embedding in prepared.embeddings},
            n_images=len(used_images(prepared.split)),
            seconds=time.perf_counter() - started,
            labels=labels_of(prepared),
        )


@dataclass(frozen=True)
class ComputeClusters(Request[float]):
    """Cluster all classes, so that the selection service finds them in the cache; the result is the time in seconds."""

    study: Study

    def run(self, progress: Progress) -> float:
        """Compute the results that are not in the cache."""
        from coreset_studio.core.pipeline.stages import prepare

        started = time.perf_counter()
        prepare(self.study, progress)
        return time.perf_counter() - started
