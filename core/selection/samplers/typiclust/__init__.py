"""TypiClust: the most typical image of every cluster, large clusters first, in turn."""

from core.palette import Mark
from core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="typiclust",
    title="TypiClust",
    tip="Clusters each class by k-means and takes the most typical image of each cluster in turn.",
    source="Hacohen, Dekel and Weinshall 2022",
    does="core.selection.samplers.typiclust.order:order",
    help="resources:help/samplers/typiclust.html",
    place=110,
    mark=Mark("#44AA99", "triangle-up"),
    nested=False,
    uses_seed=True,
)
