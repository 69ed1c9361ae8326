"""Seeding of k-means++: images drawn by their squared distance from those drawn before."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="k-means-plus-plus",
    title="k-means++ seeding",
    tip="Draws images one by one, those far from all chosen ones more often.",
    good_for="spread without only outliers",
    source="Arthur and Vassilvitskii 2007",
    does="coreset_studio.core.selection.samplers.k_means_plus_plus.order:order",
    help="coreset_studio.resources:help/samplers/k-means-plus-plus.html",
    cost=Cost(seconds_per_pair=1.6e-08, basis="as for k-Center greedy, which looks at the same distances"),
    place=130,
    uses_seed=True,
)
