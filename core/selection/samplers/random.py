"""Random sampling: every image of the pool is equally likely."""

from core.results import IntArray
from core.seeds import generator
from core.selection.sampling import ClassPool, Order, Sampler
from core.settings import SelectionSettings


def order(pool: ClassPool, n: int, settings: SelectionSettings) -> Order:  # noqa: ARG001
    """Return the first `n` images of one seeded permutation."""
    permutation: IntArray = generator(pool.seed, "random", pool.class_name).permutation(pool.n_images)
    rows = permutation[:n]
    return Order(rows, ("drawn at random from the pool",) * len(rows))


SAMPLER = Sampler(
    name="random",
    title="Random",
    summary="Draws from the whole pool, every image equally likely.",
    source="Ashraf et al. 2025, section 4.4 (RS)",
    order=order,
    uses_embedding=False,
    uses_seed=True,
    scope="pool",
)
