"""Graph coverage: cover a class along the edges of its neighbour graph, one and two steps away."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="graph-coverage",
    title="Graph coverage",
    tip="Takes images one by one so that every image is a neighbour, or a neighbour's neighbour, of a selected one.",
    good_for="like facility location, neighbours only; 5 to 10 %",
    source="Rustamov et al., arXiv 2606.22002",
    references=("rustamov2026",),
    methods="graph coverage, a greedy coverage of the graph of the 10 nearest neighbours in each class",
    does="coreset_studio.core.selection.samplers.graph_coverage.order:order",
    help="coreset_studio.resources:help/samplers/graph-coverage.html",
    cost=Cost(seconds_per_pair=4.08e-08, bytes_fixed=57e6, bytes_per_number=57),
    place=70,
    continues=True,
    mark=Mark("#CC79A7", "hexagon"),
    figure="spokes",
    figure_numbered=True,
)
