"""Requirements and estimated costs of extractors on this dataset and machine."""

from collections.abc import Sequence

import numpy as np

from coreset_studio.core.errors import FeatureError, MissingWeightsError, WeightsError
from coreset_studio.core.estimate import USUAL_COMPONENTS, clustering_bytes, estimate_clustering, estimate_reduction
from coreset_studio.core.features.description import Extractor
from coreset_studio.core.features.extraction import Extracted, count_missing, extract, extractor_cost, without_failed
from coreset_studio.core.features.extractors import (
    EXTRACTORS,
    extractor_in,
    extractor_named,
    recommended,
    recommended_without_weights,
)
from coreset_studio.core.features.reduction import embed_pool
from coreset_studio.core.features.separation import separation
from coreset_studio.core.features.steps import FileState
from coreset_studio.core.features.weights import find_weights
from coreset_studio.core.pipeline.stages import used_images
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import ExtractorFact
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset, Estimate, Separation, Split
from coreset_studio.core.settings import ClusterSettings, own_settings


def recommended_extractors() -> tuple[str, ...]:
    """Return the extractors that are recommended on this machine.

    If their weights are present, all recommended ones, since herding on them together has the largest mean gain over
    networks, one of which sees features that no sampler used (see docs/method.md); else those without weights.
    """
    return recommended_without_weights() if recommended_but_missing() else recommended()


def recommended_but_missing() -> tuple[str, ...]:
    """Return the recommended extractors whose weights are missing on this machine, one per weight set."""
    one_each: dict[str, str] = {}
    for name in recommended():
        one_each.setdefault(EXTRACTORS[name].weights, name)
    return tuple(name for name in one_each.values() if weights_state(name)[0] == "missing")


def weights_state(name: str) -> tuple[str, str]:
    """Return the state of the weights of an extractor, and a sentence on what to do if they cannot be used."""
    extractor = extractor_named(name)
    if not extractor.weights:
        return "needs none" if extractor.file_used is None else "unverified model", ""
    try:
        return find_weights(name).state, ""
    except MissingWeightsError as error:
        return "missing", str(error)
    except WeightsError as error:
        return "unusable", str(error)
    except FeatureError as error:
        return "broken", str(error)


def state_of(study: Study, dataset: Dataset, extractor: Extractor) -> tuple[str, str]:
    """Return the state of an extractor's weights or, if it reads a file, of that; and the sentence naming the ways out.

    Parameters
    ----------
    study : Study
    dataset : Dataset
    extractor : Extractor
        With its own settings.
    """
    if not extractor.from_file:
        return weights_state(extractor.name)
    try:
        stored = extractor.stored
    except FeatureError as error:
        return "broken", str(error)
    state = stored.state(dataset, study.cache_folder) if stored is not None else FileState("broken")
    return state.name, state.sentence


def extractor_facts(study: Study, dataset: Dataset, split: Split) -> tuple[ExtractorFact, ...]:
    """Return the requirements of all extractors of the registry, and the estimated costs of features to compute."""
    indices = used_images(split)
    facts = []
    for name, described in EXTRACTORS.items():
        own = own_settings(study.settings.features, described)
        extractor = described.with_settings(own)
        state, sentence = state_of(study, dataset, extractor)
        missing = len(indices)
        if state not in ("missing", "unusable", "broken", FileState.NOT_CHOSEN):
            missing = count_missing(
                dataset,
                name,
                cache_folder=study.cache_folder,
                indices=indices,
                untrained=study.settings.features.untrained,
                settings=own,
            )
        if state == FileState.MISSING and not missing:
            state, sentence = FileState.THERE, ""  # all that it has for these images was read before
        n_features = extractor.n_features
        cost = extractor_cost(name, study.cache_folder, own)
        estimate = Estimate(
            seconds=cost.seconds_for(missing) if missing else 0.0,
            memory_bytes=cost.bytes_for(missing),
            disk_bytes=missing * n_features * 4,
            basis=cost.basis,
        )
        facts.append(
            ExtractorFact(
                name=name,
                title=extractor.title,
                tip=extractor.tip,
                n_features=n_features,
                weights=extractor.weights,
                weights_state=state,
                missing_sentence=sentence,
                n_cached=len(indices) - missing,
                n_images=len(indices),
                estimate=estimate,
                follows=extractor.derived_from,
                file=file_words(extractor),
            )
        )
    return tuple(facts)


def file_words(extractor: Extractor) -> str:
    """Return which file an extractor with its own settings reads, and the label of its features; empty for others."""
    stored = extractor.stored if extractor.from_file else None
    return stored.label if stored is not None else ""


def estimate_after_features(study: Study, dataset: Dataset, split: Split) -> Estimate:
    """Estimate the costs of reduction and clustering with the selected extractors."""
    sizes = [int(n) for n in np.bincount(dataset.labels[split.pool]) if n]
    seconds, memory = 0.0, 0
    for name in study.settings.features.extractors:
        for n_features in extractor_in(study.settings.features, name).blocks.values():
            one = estimate_reduction(sizes, n_features)
            seconds, memory = seconds + one.seconds, max(memory, one.memory_bytes)
    clusters = estimate_clusters(sizes, study.settings.clusters)
    return Estimate(seconds + clusters.seconds, max(memory, clusters.memory_bytes), 0, "operations counted")


def estimate_clusters(
    class_sizes: Sequence[int], settings: ClusterSettings, n_components: int = USUAL_COMPONENTS
) -> Estimate:
    """Estimate the costs of clustering.

    Parameters
    ----------
    class_sizes : sequence of int
        Number of images of the pool, by class.
    settings : ClusterSettings
    n_components : int
        Number of components of the embeddings, or a guess, which has little effect.
    """
    largest = max((clustering_bytes(n, n_components, settings) for n in class_sizes), default=0)
    sampled = [settings.sample_for(n) for n in class_sizes]
    n_joined = [n for n in class_sizes if settings.form_for(n) != "whole"]
    return estimate_clustering(sampled, settings.k_max, joined=n_joined, memory_bytes=largest)


def separation_of(
    study: Study, dataset: Dataset, split: Split, extracted: Sequence[Extracted], progress: Progress = NO_PROGRESS
) -> Separation:
    """Return the separation of concatenated extractors: leave-one-out 5-NN accuracy over the pool."""
    split = without_failed(split, extracted)
    across = embed_pool(dataset, split, extracted, cache_folder=study.cache_folder, progress=progress)
    limit = study.settings.clusters.exact_up_to
    return separation(dataset, across, tuple(e.extractor for e in extracted), exact_up_to=limit)


def separation_if_computed(
    study: Study, dataset: Dataset, split: Split, fact: ExtractorFact, progress: Progress = NO_PROGRESS
) -> Separation | None:
    """Return the separation of an extractor if all its features are in the cache; else None."""
    if fact.n_cached < fact.n_images or fact.n_images == 0 or not dataset.has_labels:
        return None
    extracted = extract(
        dataset,
        fact.name,
        cache_folder=study.cache_folder,
        indices=used_images(split),
        untrained=study.settings.features.untrained,
        settings=own_settings(study.settings.features, EXTRACTORS[fact.name]),
        progress=progress,
    )
    return separation_of(study, dataset, split, (extracted,), progress)
