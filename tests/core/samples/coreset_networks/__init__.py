"""A package that brings two networks: one on embeddings, one on pixels; and one that fails."""

from dataclasses import dataclass

from coreset_studio.core.descriptions import Cost, SettingsPart, choice
from coreset_studio.core.training.network import Network


@dataclass(frozen=True, kw_only=True)
class NearestSettings(SettingsPart):
    sharpness: float = choice(4.0, neutral=4.0, title="Sharpness", tip="How sure it is", above=0, must="above 0")


NEAREST = Network(
    name="nearest-mean",
    title="Nearest mean",
    tip="Takes an image for the class whose mean is nearest",
    words="nearest mean",
    does="coreset_networks.nearest:train",
    cost=Cost(seconds_per_image=0.5),
    settings=NearestSettings,
    sees="embeddings",
    reads=(),
)
TINY = Network(
    name="tiny",
    title="Tiny network",
    tip="One dense layer on the mean colour",
    words="tiny network",
    does="coreset_networks.tiny:train",
    by_epochs=True,
    is_saved=True,
    dropout_setting="dropout",
    dropout_words="dropout of the colours",
    remark="A tiny network sees colours alone.",
)
BROKEN = Network(
    name="broken",
    title="Broken",
    tip="Fails",
    words="broken network",
    does="coreset_networks.broken:train",
    sees="embeddings",
)
