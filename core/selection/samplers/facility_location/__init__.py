"""Facility location: take the image that most raises how well every image of the class is represented."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="facility-location",
    title="Facility location",
    tip="Takes images one by one so that every image of the class has a similar one in the coreset.",
    good_for="a similar image for every image, one extractor",
    source="Nemhauser, Wolsey and Fisher 1978",
    references=("nemhauser1978",),
    methods="facility location, a greedy maximisation of the summed cosine similarity of the images of "
    "a class to their most similar selected image",
    does="coreset_studio.core.selection.samplers.facility_location.order:order",
    help="coreset_studio.resources:help/samplers/facility-location.html",
    cost=Cost(
        seconds_per_pair=4.49e-08,
        bytes_fixed=100e6,
        bytes_per_image=4.5e3,
        bytes_per_pair=4.4,
        bytes_per_number=8,
        pairs_up_to=16_384,
    ),
    place=60,
    continues=True,
    mark=Mark("#009E73", "pentagon"),
    figure="spokes",
    figure_numbered=True,
)
