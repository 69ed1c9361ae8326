"""The custom network of the paper, trained from scratch."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.training.network import Network

DESCRIPTION = Network(
    name="custom",
    title="Custom network",
    tip="The paper's 14-layer network, trained from scratch",
    words="custom network",
    source="Ashraf et al. 2025, Listing 1",
    references=("ashraf2025",),
    methods="a convolutional network of 14 layers, trained from scratch",
    does="coreset_studio.core.training.architectures.custom.training:train",
    help="coreset_studio.resources:help/networks/custom.html",
    # Per image seen: 500 images at 256 px took 4.65 s an epoch.
    # Memory per image of a batch, likewise; 64 to 512 px and 32 to 64 images agree within 12 %.
    cost=Cost(seconds_per_image=0.0093, bytes_fixed=90e6, bytes_per_image=32.1e6),
    cost_side=256,
    place=10,
    by_epochs=True,
    is_saved=True,
    listing="1",
    dropout_setting="dropout",
    dropout_words="dropout after pooling",
    remark="In our benchmark on blood cells, a network that learns its own features from scratch gained less from "
    "selection than a linear probe, and needed more images.",
)
