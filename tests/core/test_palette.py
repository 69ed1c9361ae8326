"""The palette knows what the registry has."""

from core.palette import sampler_mark, sampler_names
from core.selection.samplers import SAMPLERS


def test_every_sampler_has_a_mark_in_the_order_of_the_registry() -> None:
    """The window offers those of the palette, since it does not load the samplers."""
    assert sampler_names() == tuple(SAMPLERS)
    assert all(sampler_mark(name).title != name for name in SAMPLERS)


def test_no_two_samplers_look_alike() -> None:
    looks = {(sampler_mark(name).colour, sampler_mark(name).marker) for name in sampler_names()}
    assert len(looks) == len(SAMPLERS)
