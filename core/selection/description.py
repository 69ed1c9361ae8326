"""What a sampler is: the facts that describe it, without its code."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.descriptions import Description
from core.settings.choices import ClassBudgetRule

if TYPE_CHECKING:
    from core.selection.sampling import ClassPool, Order


@dataclass(frozen=True, kw_only=True)
class Sampler(Description):
    """A rule that chooses: one function that puts the images of a class in order.

    `does` names that function: ``order(pool, n)``, or ``order(pool, n, settings)`` for a sampler with settings of its
    own, which are all that it is given. It returns exactly ``min(n, pool.n_images)`` rows. For a nested sampler the
    first m rows of ``order(pool, n)`` are ``order(pool, m)``.

    Attributes
    ----------
    nested : bool
        Whether a smaller coreset lies inside a larger one.
    uses_clusters, uses_embedding, uses_seed : bool
        What of a `ClassPool` its order depends on.
    scope : {"class", "pool"}
        ``"pool"`` chooses over the whole pool and knows no class budgets.
    class_budget : str
        Its own rule over classes, used where the settings say ``"sampler"``.
    """

    nested: bool = True
    uses_clusters: bool = False
    uses_embedding: bool = True
    uses_seed: bool = False
    scope: Literal["class", "pool"] = "class"
    class_budget: ClassBudgetRule = "proportional"

    def order(self, pool: "ClassPool", n: int, settings: Any = None) -> "Order":
        """Put the images of a class in order.

        Parameters
        ----------
        pool : ClassPool
        n : int
            How many rows are wanted.
        settings : SettingsPart, optional
            Its own; by default theirs.
        """
        if self.settings is None:
            ordered: Order = self.code(pool, n)
        else:
            ordered = self.code(pool, n, self.settings() if settings is None else settings)
        return ordered
