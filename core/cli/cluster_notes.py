"""The scheduler that a command line requests."""

import argparse

from coreset_studio.core.cluster import Scheduler
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
