"""Random sampling: every image of the pool is equally likely."""

from core.selection.description import Sampler

DESCRIPTION = Sampler(
    name="random",
    title="Random (RS)",
    tip="Draws from the whole pool, every image equally likely.",
    source="Ashraf et al. 2025, section 4.4 (RS)",
    does="core.selection.samplers.random.order:order",
    help="resources:help/samplers/random.html",
    place=10,
    uses_embedding=False,
    uses_seed=True,
    scope="pool",
)
