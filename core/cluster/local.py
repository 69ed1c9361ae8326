"""A cluster on this computer, to try a scheduler without other machines."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from coreset_studio.core.errors import ClusterError
from coreset_studio.core.threads import VARIABLES

HOST = "127.0.0.1"


@contextmanager
def local_cluster(n_workers: int, *, port: int = 0, n_threads: int = 1) -> Iterator[Any]:
    """Run a scheduler and worker processes on this computer, which only programs on it can reach.

    Workers that end are replaced.

    Parameters
    ----------
    n_workers : int
        >= 1.
    port : int
        Of the scheduler; 0: a free one.
    n_threads : int
        Threads of numerical work in each worker, >= 1.

    Yields
    ------
    distributed.LocalCluster
        Its `scheduler_address` is what `Scheduler` takes.

    Raises
    ------
    ClusterError
        If Dask is not installed, or the port is in use.
    """
    try:
        from distributed import LocalCluster
    except ImportError as error:
        raise ClusterError(
            'A cluster requires Dask, which is not installed: install it with `pip install "coreset-studio[cluster]"`.'
        ) from error
    if port and _in_use(port):
        raise ClusterError(f"Port {port} of {HOST} is in use by another program; name another one with --port.")
    cluster = LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        host=HOST,
        scheduler_port=port,
        # Without an address, their HTTP servers listen on all interfaces.
        dashboard_address=f"{HOST}:0",
        worker_dashboard_address=f"{HOST}:0",
        env={variable: str(n_threads) for variable in VARIABLES},
    )
    try:
        yield cluster
    finally:
        cluster.close(timeout=10)


def _in_use(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((HOST, port)) == 0
