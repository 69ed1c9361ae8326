"""Stratified random sampling: class shares are kept, and inside a class every image is equally likely."""

from core.results import IntArray
from core.seeds import generator
from core.selection.sampling import ClassPool, Order, Sampler
from core.settings import SelectionSettings


def order(pool: ClassPool, n: int, settings: SelectionSettings) -> Order:  # noqa: ARG001
    """Return the first `n` images of a permutation that is seeded by the class's name."""
    permutation: IntArray = generator(pool.seed, "stratified", pool.class_name).permutation(pool.n_images)
    rows = permutation[:n]
    return Order(rows, ("drawn at random from the class",) * len(rows))


SAMPLER = Sampler(
    name="stratified",
    title="Stratified random",
    summary="Keeps the shares of the classes and draws at random inside each; the control for every other sampler.",
    source="Neyman 1934; proportional allocation",
    order=order,
    uses_embedding=False,
    uses_seed=True,
)
