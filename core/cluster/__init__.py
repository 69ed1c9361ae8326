"""Compute on the workers of a Dask scheduler: the connection, its checks, and which one is in use."""

from coreset_studio.core.cluster.scheduler import Cluster, Scheduler, Sent, active, connected
from coreset_studio.core.cluster.workers import WorkerFacts, facts_here

__all__ = ["Cluster", "Scheduler", "Sent", "WorkerFacts", "active", "connected", "facts_here"]
