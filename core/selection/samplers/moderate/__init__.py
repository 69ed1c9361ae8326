"""Moderate: images that are neither close to the mean of their class nor far from it."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="moderate",
    title="Moderate",
    tip="Takes images at the median distance from the mean of their class, excluding typical images and outliers.",
    good_for="a published baseline",
    source="Xia et al. 2023",
    references=("xia2023",),
    methods="moderate selection, which takes the images whose distance to the mean of their class is "
    "closest to the median distance",
    does="coreset_studio.core.selection.samplers.moderate.order:order",
    help="coreset_studio.resources:help/samplers/moderate.html",
    cost=Cost(seconds_per_image=2.4e-6, bytes_per_number=17),
    place=120,
    mark=Mark("#332288", "square", dark="#8F83D6"),
    figure="ring",
    divided="",
)
