"""Global graph coverage: cover the whole pool along one neighbour graph, within class budgets."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="global-graph-coverage",
    title="Global graph coverage",
    tip="Covers the whole pool along one neighbour graph over all classes, within the class budgets.",
    good_for="a comparison with graph coverage within each class",
    source="Rustamov et al., arXiv 2606.22002",
    references=("rustamov2026",),
    methods="global graph coverage, a greedy coverage of the graph of the 10 nearest neighbours of all classes",
    does="coreset_studio.core.selection.samplers.global_graph_coverage.order:order",
    help="coreset_studio.resources:help/samplers/global-graph-coverage.html",
    # For all images together, in the embedding across classes, which has few numbers.
    cost=Cost(seconds_per_pair=7.5e-09, bytes_fixed=57e6, bytes_per_number=57),
    place=75,
    mark=Mark("#C2185B", "plus", dark="#F06292"),
    figure="spokes",
    figure_numbered=True,
    nested=False,
    scope="joint",
    class_budget="equal",
)
