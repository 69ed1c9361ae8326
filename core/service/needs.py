"""Memory and time that a step requires, in sentences for the window. Importing this module imports no large library."""

from collections.abc import Mapping

from coreset_studio.core.estimate import USUAL_COMPONENTS, clustering_bytes, estimate_sizes
from coreset_studio.core.memory import free_memory
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.dividing import selection_bytes
from coreset_studio.core.settings import ClusterSettings
from coreset_studio.core.words import byte_size

LARGE_SHARE = 0.5
"""Share of the free memory above which the memory of a step is reported."""


def clustering_memory_words(class_sizes: Mapping[str, int], settings: ClusterSettings) -> str:
    """Return a sentence on the memory to cluster the class that needs most; empty below half of the free memory."""
    needs = {name: clustering_bytes(n, USUAL_COMPONENTS, settings) for name, n in class_sizes.items()}
    return _words("Clustering", needs)


def sizes_seconds(study: Study, n_pool: int) -> float:
    """Return an estimate of the seconds to find the size for a margin, without feature extraction."""
    return estimate_sizes(study.settings.features.extractors, n_pool, study.cache_folder)


def sampler_memory_words(class_sizes: Mapping[str, int], sampler: Sampler, exact_up_to: int = 0) -> str:
    """Return a sentence on the memory to select from the class that needs most; empty below half of the free memory."""
    if sampler.scope == "pool":
        return ""
    if sampler.scope == "joint":
        needed = selection_bytes(sampler, sum(class_sizes.values()), USUAL_COMPONENTS, exact_up_to)
        free = free_memory().n_bytes
        if needed <= LARGE_SHARE * free:
            return ""
        return (
            f"Selecting by {sampler.title_inside} requires about {byte_size(needed)} of memory; {byte_size(free)} "
            "are free."
        )
    components = USUAL_COMPONENTS if sampler.uses_embedding else 0
    needs = {name: selection_bytes(sampler, n, components, exact_up_to) for name, n in class_sizes.items()}
    return _words(f"Selecting by {sampler.title_inside} from", needs)


def _words(doing: str, needs: Mapping[str, int]) -> str:
    name = max(needs, key=lambda each: needs[each], default="")
    free = free_memory().n_bytes
    if not name or needs[name] <= LARGE_SHARE * free:
        return ""
    return f"{doing} class {name} requires about {byte_size(needs[name])} of memory; {byte_size(free)} are free."
