"""Nearest neighbour: an image is answered as the one most like it among those trained on."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.training.network import Network

DESCRIPTION = Network(
    name="nearest-neighbour",
    title="Nearest neighbour",
    tip="Answers as the image most like it is labelled, by the features of the first extractor",
    words="nearest neighbour",
    does="coreset_studio.core.training.architectures.nearest_neighbour.training:train",
    source="Cover and Hart 1967",
    help="coreset_studio.resources:help/networks/nearest-neighbour.html",
    cost=Cost(seconds_per_image=1e-5, basis="guessed, not measured"),
    place=40,
    sees="embeddings",
    reads=(),
)
