"""k-Center greedy: the image farthest from all selected ones comes next."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="k-center",
    title="k-Center greedy",
    tip="Repeatedly takes the image farthest from all selected ones: outliers first, so that they can be inspected.",
    good_for="finding outliers; the worst case",
    source="Sener and Savarese 2018",
    references=("sener2018",),
    methods="k-center greedy, which repeatedly selects the image of a class that is farthest from those selected",
    does="coreset_studio.core.selection.samplers.k_center.order:order",
    help="coreset_studio.resources:help/samplers/k-center.html",
    cost=Cost(
        seconds_per_pair=1.63e-08,
        bytes_fixed=85e6,
        bytes_per_image=5e3,
        bytes_per_pair=4.2,
        bytes_per_number=8,
        pairs_up_to=16_384,
    ),
    place=100,
    continues=True,
    mark=Mark("#882255", "cross", dark="#C46A94"),
    figure="links",
    figure_numbered=True,
)
