"""Random sampling: every image of the pool is equally likely."""

from coreset_studio.core.descriptions import Cost
from coreset_studio.core.palette import Mark
from coreset_studio.core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="random",
    title="Random (RS)",
    tip="Draws from the whole pool, every image equally likely.",
    good_for="the paper's baseline; large coresets",
    source="Ashraf et al. 2025, section 4.4 (RS)",
    references=("ashraf2025",),
    methods="random sampling, in which all images of the pool are equally likely",
    does="coreset_studio.core.selection.samplers.random.order:order",
    help="coreset_studio.resources:help/samplers/random.html",
    cost=Cost(seconds_per_image=2e-7),
    place=10,
    mark=Mark("#7A7A7A", "circle", dark="#A0A0A0"),
    uses_embedding=False,
    uses_seed=True,
    scope="pool",
)
