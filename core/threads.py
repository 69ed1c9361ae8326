"""Numbers of processors of this process, and of threads of numerical libraries."""

import os

from threadpoolctl import threadpool_limits

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def n_processors() -> int:
    """Return how many processor cores this process may use, at least 1; a container may allow fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def n_threads() -> int:
    """Return how many threads numerical work may use: the limit that was set, otherwise one for each processor core."""
    limit = os.environ.get(VARIABLES[0], "")
    return max(1, int(limit)) if limit.isdecimal() and limit.isascii() else n_processors()


def thread_settings() -> dict[str, str]:
    """Return the environment with which another process, on any machine, uses as many threads as this one.

    TensorFlow reads one of the variables, other libraries the others; where none is set they use a thread for each
    processor core.
    """
    return {variable: os.environ.get(variable) or str(n_processors()) for variable in VARIABLES}


def limit_threads(n_threads: int) -> None:
    """Let numerical libraries use at most this number of threads, in this process from here on.

    Those that are loaded later read the environment; TensorFlow does when it first computes something. With one thread
    its sums fall in one order, so that a training gives the same weights to the bit on any number of processors.

    Parameters
    ----------
    n_threads : int
        >= 1.
    """
    for variable in VARIABLES:
        os.environ[variable] = str(n_threads)
    threadpool_limits(n_threads)
