"""Balanced herding: follow the distribution of a class step by step, bent towards every cluster counting the same."""

from dataclasses import dataclass

from coreset_studio.core.descriptions import Cost, SettingsPart, choice
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler


@dataclass(frozen=True, kw_only=True)
class BalancedHerdingSettings(SettingsPart):
    """Own settings of balanced herding.

    Attributes
    ----------
    mu : float
        0 <= mu <= 1; share of "every cluster counts the same".
    """

    mu: float = choice(
        0.25, neutral=0.25, kept=True, flat=True, title="μ, weight of small clusters", flag="--mu",
        question="0 follows the distribution of the class; 1 gives every cluster the same weight.",
        tip="0 gives every image the same weight, 1 every cluster",
        least=0, most=1, must="from 0 to 1", step=0.05, decimals=2,
    )  # fmt: skip


DESCRIPTION = Sampler(
    name="balanced-herding",
    title="Balanced herding",
    tip="Follows the distribution of each class, with a little more weight on small clusters and on harder classes.",
    good_for="small coresets, more weight on small clusters",
    source="Ours; kernel herding of Chen, Welling and Smola 2010, clusters of Ashraf et al. 2025",
    references=(
        "chen2010",
        "ashraf2025",
    ),
    methods="balanced herding, a kernel herding with a Gaussian kernel towards a mixture of the distribution of "
    "the class and one in which all of its clusters have the same weight",
    does="coreset_studio.core.selection.samplers.balanced_herding.order:order",
    settings=BalancedHerdingSettings,
    help="coreset_studio.resources:help/samplers/balanced-herding.html",
    cost=Cost(
        seconds_per_pair=3.94e-08,
        bytes_fixed=125e6,
        bytes_per_image=2e3,
        bytes_per_pair=4.4,
        bytes_per_number=8,
        pairs_up_to=16_384,
    ),
    divided="pilot",
    place=40,
    continues=True,
    mark=Mark("#D55E00", "diamond"),
    uses_clusters=True,
    class_budget="difficulty",
    figure="clusters",
    figure_numbered=True,
)
