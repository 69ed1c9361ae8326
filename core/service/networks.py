"""The networks as the window requests them: their facts, and none of the engine's libraries."""

from core.training.architectures import NETWORKS
from core.training.network import Network

__all__ = ["NETWORKS", "Network", "network_title", "title_inside"]


def network_title(name: str) -> str:
    """Return a network's title; of one that is not known now, such as that of a plugin that was removed, its name."""
    return NETWORKS[name].title if name in NETWORKS else name


def title_inside(name: str) -> str:
    """Return a network's title as it is written inside a sentence, without brackets: "linear probe"."""
    title = NETWORKS[name].title_inside if name in NETWORKS else name
    return title.partition(" (")[0]
