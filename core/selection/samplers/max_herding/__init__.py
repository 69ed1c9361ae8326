"""MaxHerding: facility location with the Gaussian kernel of the herding samplers."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="max-herding",
    title="MaxHerding",
    tip="Facility location with a Gaussian kernel as similarity, which only counts close images.",
    good_for="a comparison with herding by the same kernel",
    source="Bae, Noh and Sutherland, arXiv 2407.12212",
    references=(
        "bae2024",
        "nemhauser1978",
    ),
    methods="MaxHerding, a greedy maximisation of the summed Gaussian kernel between the images of a "
    "class and their most similar selected image",
    does="coreset_studio.core.selection.samplers.max_herding.order:order",
    help="coreset_studio.resources:help/samplers/max-herding.html",
    # The memory of facility location, whose steps and matrix it shares; its kernel takes a third more time.
    cost=Cost(
        seconds_per_pair=6.2e-08,
        bytes_fixed=100e6,
        bytes_per_image=4.5e3,
        bytes_per_pair=4.4,
        bytes_per_number=8,
        pairs_up_to=16_384,
    ),
    place=65,
    continues=True,
    mark=Mark("#5B8C00", "diamond", dark="#9CCC3C"),
    figure_numbered=True,
)
