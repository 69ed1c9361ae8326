"""Medoid coreset: K-Medoids with as many clusters as images are wanted; the medoids are the coreset."""

from core.palette import Mark
from core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="medoid",
    title="Medoid coreset",
    tip="Clusters each class around as many medoids as it may give, and takes the medoids.",
    source="Schubert and Rousseeuw 2021",
    does="core.selection.samplers.medoid.order:order",
    help="resources:help/samplers/medoid.html",
    place=90,
    mark=Mark("#E69F00", "star"),
    nested=False,
    uses_seed=True,
)
