"""The networks: a folder each, with the description in its ``__init__`` and the work next to it."""

from coreset_studio.core.descriptions import Registry
from coreset_studio.core.training.network import Network

__all__ = ["NETWORKS"]

NETWORKS = Registry("network", Network, __name__, "coreset_studio.networks")
