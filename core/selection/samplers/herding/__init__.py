"""Herding: keep the mean of the selected images as close as possible to the mean of the class."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="herding",
    title="Herding",
    tip="Takes images one by one so that their mean stays as close as possible to the mean of the class.",
    good_for="small coresets, several extractors",
    source="Welling 2009",
    references=("welling2009",),
    methods="herding, which keeps the mean of the selected images close to the mean of their class",
    does="coreset_studio.core.selection.samplers.herding.order:order",
    help="coreset_studio.resources:help/samplers/herding.html",
    cost=Cost(seconds_per_pair=1.22e-08, bytes_per_number=8.5),
    divided="proportional",
    place=80,
    continues=True,
    mark=Mark("#B3A200", "plus", dark="#F0E442"),
    figure="mean",
    figure_numbered=True,
)
