"""Sentences on the workers of a scheduler."""

from collections import Counter
from collections.abc import Iterator

from coreset_studio.core.cluster.scheduler import Cluster


def cluster_notes(cluster: Cluster) -> Iterator[str]:
    """Yield sentences on the workers: their number and processors, and those refused."""
    workers = list(cluster.accepted.values())
    processors = Counter(each.processor for each in workers)
    named = ", ".join(f"{n} × {name}" for name, n in sorted(processors.items()))
    n = len(workers)
    where = cluster.client.scheduler.address
    yield f"Computing on {n:,} worker{'s' * (n != 1)} of {where}{f' ({named})' if n else ''}."
    if cluster.refused:
        yield cluster.refused_sentence()
