"""The description of an extractor, with a setting of its own."""

from dataclasses import dataclass

from coreset_studio.plugins import Cost, Extractor, SettingsPart, choice


@dataclass(frozen=True, kw_only=True)
class MeanColourSettings(SettingsPart):
    """What the mean colour reads."""

    middle: float = choice(
        1.0, neutral=1.0, title="Middle", tip="Share of width and height, around the centre, that is looked at",
        above=0, most=1, must="a share above 0 and at most 1",
    )  # fmt: skip


DESCRIPTION = Extractor(
    name="mean-colour",
    title="Mean colour",
    tip="Mean and spread of each colour channel.",
    source="An example",
    does="coreset_example.code.mean_colour:steps",
    settings=MeanColourSettings,
    blocks={"colour": 6},
    version=1,
    input_size=64,
    batch_size=64,
    cost=Cost(seconds_per_image=0.002, bytes_fixed=100e6, basis="guessed, not measured"),
)
