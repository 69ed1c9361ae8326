"""Requirements and cost of an extractor on this dataset and this machine, before anything starts."""

from collections.abc import Sequence

import numpy as np

from core.errors import FeatureError, MissingWeightsError, WeightsError
from core.estimate import USUAL_COMPONENTS, clustering_bytes, estimate_clustering, estimate_reduction
from core.features.extraction import Extracted, count_missing, extract, extractor_cost
from core.features.extractors import EXTRACTORS, extractor_named, recommended, recommended_without_weights
from core.features.reduction import embed_pool
from core.features.separation import separation
from core.features.weights import find_weights
from core.pipeline.stages import used_images
from core.pipeline.study import Study
from core.pipeline.views import ExtractorFact
from core.progress import NO_PROGRESS, Progress
from core.results import Dataset, Estimate, Separation, Split
from core.settings import ClusterSettings, own_settings


def recommended_extractors() -> tuple[str, ...]:
    """Return the extractors to select by on this machine.

    All that are recommended where their weights are, since herding on them together gains most in the mean over
    networks, one of which sees features that no sampler saw (see docs/method.md); those that need no weights elsewhere.
    """
    return recommended_without_weights() if recommended_but_missing() else recommended()


def recommended_but_missing() -> tuple[str, ...]:
    """Return the recommended extractors whose weights are not on this machine, one for each weight set."""
    one_each: dict[str, str] = {}
    for name in recommended():
        one_each.setdefault(EXTRACTORS[name].weights, name)
    return tuple(name for name in one_each.values() if weights_state(name)[0] == "missing")


def weights_state(name: str) -> tuple[str, str]:
    """Return the state of an extractor's weights, and the sentence naming the ways out where they cannot be used."""
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


def extractor_facts(study: Study, dataset: Dataset, split: Split) -> tuple[ExtractorFact, ...]:
    """Return every extractor of the registry with its needs and an estimate of what is left to compute."""
    indices = used_images(split)
    facts = []
    for name, extractor in EXTRACTORS.items():
        state, sentence = weights_state(name)
        missing = len(indices)
        if state not in ("missing", "unusable", "broken"):
            missing = count_missing(
                dataset,
                name,
                cache_folder=study.cache_folder,
                indices=indices,
                untrained=study.settings.features.untrained,
                settings=own_settings(study.settings.features, extractor),
            )
        n_features = extractor.n_features
        cost = extractor_cost(name, study.cache_folder)
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
            )
        )
    return tuple(facts)


def estimate_after_features(study: Study, dataset: Dataset, split: Split) -> Estimate:
    """Estimate reduction and clustering with the extractors that are selected."""
    sizes = [int(n) for n in np.bincount(dataset.labels[split.pool]) if n]
    seconds, memory = 0.0, 0
    for name in study.settings.features.extractors:
        for n_features in extractor_named(name).blocks.values():
            one = estimate_reduction(sizes, n_features)
            seconds, memory = seconds + one.seconds, max(memory, one.memory_bytes)
    clusters = estimate_clusters(sizes, study.settings.clusters)
    return Estimate(seconds + clusters.seconds, max(memory, clusters.memory_bytes), 0, "operations counted")


def estimate_clusters(
    class_sizes: Sequence[int], settings: ClusterSettings, n_components: int = USUAL_COMPONENTS
) -> Estimate:
    """Estimate clustering.

    Parameters
    ----------
    class_sizes : sequence of int
        Images of the pool, by class.
    settings : ClusterSettings
    n_components : int
        Of the reduced features, as far as they are known; they matter little.
    """
    largest = max((clustering_bytes(n, n_components, settings) for n in class_sizes), default=0)
    return estimate_clustering(class_sizes, settings.k_max, sample_above=settings.sample_above, memory_bytes=largest)


def separation_of(
    study: Study, dataset: Dataset, split: Split, extracted: Sequence[Extracted], progress: Progress = NO_PROGRESS
) -> Separation:
    """Return how well extractors, joined, separate the classes: leave-one-out 5-NN accuracy over the pool."""
    across = embed_pool(dataset, split, extracted, cache_folder=study.cache_folder, progress=progress)
    return separation(dataset, across, tuple(e.extractor for e in extracted))


def separation_if_computed(
    study: Study, dataset: Dataset, split: Split, fact: ExtractorFact, progress: Progress = NO_PROGRESS
) -> Separation | None:
    """Return an extractor's separation if its features are all in the cache; None elsewhere."""
    if fact.n_cached < fact.n_images or fact.n_images == 0:
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
