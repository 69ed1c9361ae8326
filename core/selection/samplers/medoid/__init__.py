"""Medoid coreset: K-Medoids with as many clusters as images to select; the medoids are the coreset."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="medoid",
    title="Medoid coreset",
    tip="Clusters each class into as many clusters as images to select, and takes the medoids.",
    good_for="1 or 2 %, each image representing a group",
    source="Schubert and Rousseeuw 2021",
    references=("schubert2021",),
    methods="K-Medoids with as many clusters per class as images to select, whose medoids are the coreset",
    does="coreset_studio.core.selection.samplers.medoid.order:order",
    help="coreset_studio.resources:help/samplers/medoid.html",
    cost=Cost(
        seconds_per_pair=3.4e-08,
        bytes_fixed=85e6,
        bytes_per_image=1.5e3,
        bytes_per_pair=4.2,
        bytes_per_number=8,
        pairs_up_to=16_384,
        in_parts=True,
    ),
    place=90,
    mark=Mark("#E69F00", "star"),
    nested=False,
    uses_seed=True,
    figure="links",
)
