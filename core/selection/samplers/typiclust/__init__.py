"""TypiClust: the most typical image of every cluster, large clusters first, in turn."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="typiclust",
    title="TypiClust",
    tip="Clusters each class by k-means and takes the most typical image of each cluster in turn.",
    good_for="1 or 2 %, typical examples",
    source="Hacohen, Dekel and Weinshall 2022",
    references=("hacohen2022",),
    methods="TypiClust, which takes the most typical image of each cluster of a k-means clustering of a class in turn",
    does="coreset_studio.core.selection.samplers.typiclust.order:order",
    help="coreset_studio.resources:help/samplers/typiclust.html",
    cost=Cost(seconds_per_pair=4.49e-08, bytes_fixed=66e6, bytes_per_number=61),
    place=110,
    mark=Mark("#44AA99", "triangle-up"),
    nested=False,
    uses_seed=True,
)
