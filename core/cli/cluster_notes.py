"""The scheduler that a command line requests, and what is said about its workers."""

import argparse
from collections import Counter
from collections.abc import Iterator

from coreset_studio.core.cluster import Cluster, Scheduler
from coreset_studio.core.errors import ClusterError


def scheduler_of(options: argparse.Namespace) -> Scheduler | None:
    """Return the scheduler that a command line requests; None if none.

    Raises
    ------
    ClusterError
        If its address or TLS files are not valid, or TLS files are given without it.
    """
    address = getattr(options, "scheduler", None)
    files = [getattr(options, f"tls_{name}", None) for name in ("ca", "cert", "key")]
    if address is None:
        if any(files):
            raise ClusterError("TLS files were given without a scheduler; add --scheduler ADDRESS.")
        return None
    return Scheduler(address, *files)


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
