"""The transfer network of the paper: a frozen backbone and a new head on it."""

from dataclasses import dataclass

from coreset_studio.core.descriptions import Cost, SettingsPart, choice
from coreset_studio.core.training.network import Network


@dataclass(frozen=True, kw_only=True)
class TransferSettings(SettingsPart):
    """Own settings of the transfer network.

    Attributes
    ----------
    backbone : str
        Extractor used as its backbone; ``resnet101v2`` is the paper's.
    untrained_backbone : bool
        Use seeded random weights in the backbone; every result is labelled.
    """

    backbone: str = choice(
        "resnet101v2", neutral="resnet101v2", kept=True, flat=True, title="Backbone of the transfer network",
        kind="extractor", only="backbone", tip="Frozen, its features are computed once; the paper uses ResNet101V2",
    )  # fmt: skip
    untrained_backbone: bool = choice(
        False, neutral=False, kept=True, flat=True, title="Untrained backbone, for tests",
        tip="Use seeded random weights; every result says so",
    )  # fmt: skip


DESCRIPTION = Network(
    name="transfer",
    title="Transfer network",
    tip="A frozen backbone with new output layers (paper, Listing 2)",
    words="transfer network",
    source="Ashraf et al. 2025, Listing 2",
    references=("ashraf2025",),
    methods="a transfer network, which has new output layers on the convolutional layers of another network",
    does="coreset_studio.core.training.architectures.transfer.training:train",
    settings=TransferSettings,
    help="coreset_studio.resources:help/networks/transfer.html",
    # Of the head alone, per image seen: 60,000 images' features in 9.4 s; 24,000 in 5.7 s.
    cost=Cost(seconds_per_image=0.0002),
    place=20,
    by_epochs=True,
    is_saved=True,
    extractor_setting="backbone",
    untrained_setting="untrained_backbone",
    listing="2",
    dropout_setting="dropout_before_norm",
    dropout_words="dropout before batch normalisation",
)
