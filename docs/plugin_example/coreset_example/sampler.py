"""The description of a sampler, with a setting of its own. It imports nothing heavy: its code is in another file."""

from dataclasses import dataclass

from coreset_studio.plugins import Sampler, SettingsPart, choice


@dataclass(frozen=True, kw_only=True)
class EvenlySpacedSettings(SettingsPart):
    """What evenly spaced sampling reads."""

    start: int = choice(
        0, neutral=0, title="First image", tip="Place in path order of the image that is taken first", least=0
    )


DESCRIPTION = Sampler(
    name="evenly-spaced",
    title="Evenly spaced",
    tip="Takes images of each class at equal steps in path order, as a slide or a film is sampled.",
    source="An example",
    does="coreset_example.code.evenly_spaced:order",
    help="coreset_example:evenly-spaced.html",
    settings=EvenlySpacedSettings,
    nested=False,
    uses_embedding=False,
)
