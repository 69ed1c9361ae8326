"""Descriptions of the networks for the window, without the libraries of the engine."""

from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.network import Network

__all__ = ["NETWORKS", "Network", "network_title", "title_inside"]


def network_title(name: str) -> str:
    """Return the title of a network; its name if it is unknown, such as that of a removed plugin."""
    return NETWORKS[name].title if name in NETWORKS else name


def title_inside(name: str) -> str:
    """Return the title of a network for use in a sentence, without brackets, such as "linear probe"."""
    title = NETWORKS[name].title_inside if name in NETWORKS else name
    return title.partition(" (")[0]
