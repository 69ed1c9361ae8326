"""Intelligent sampling: every cluster of a class gives the same number of images, drawn at random inside it."""

from dataclasses import dataclass

from coreset_studio.core.descriptions import Cost, SettingsPart, choice
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.settings.choices import ClusterBudgetRule


@dataclass(frozen=True, kw_only=True)
class IntelligentSettings(SettingsPart):
    """Own settings of intelligent sampling.

    Attributes
    ----------
    budget_over_clusters : str
        How a class's budget is divided over its clusters; ``"equal"`` is the paper's water-filling.
    """

    budget_over_clusters: ClusterBudgetRule = choice(
        "equal", neutral="equal", kept=True, flat=True, title="Cluster budgets", flag="--budget-over-clusters",
        tip="How the images of a class are distributed among its clusters; the paper uses equal",
        values={
            "equal": "Equal (the paper)", "proportional": "Proportional to cluster size",
            "square-root": "Square root of cluster size", "neyman": "Size and spread (Neyman)",
        },
    )  # fmt: skip


DESCRIPTION = Sampler(
    name="intelligent",
    title="Intelligent (IS)",
    tip="Divides each class's budget equally over its clusters and draws at random within each.",
    good_for="reproducing the paper; clear clusters",
    source="Ashraf et al. 2025, section 4.4 (IS)",
    references=("ashraf2025",),
    methods="intelligent sampling, which draws images at random from each cluster of a class",
    does="coreset_studio.core.selection.samplers.intelligent.order:order",
    settings=IntelligentSettings,
    help="coreset_studio.resources:help/samplers/intelligent.html",
    cost=Cost(seconds_per_image=6e-7),
    divided="",
    place=30,
    continues=True,
    mark=Mark("#0072B2", "triangle-up", dark="#3D9BD3"),
    uses_clusters=True,
    uses_seed=True,
    figure="clusters",
)
