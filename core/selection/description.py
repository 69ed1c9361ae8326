"""Description of a sampler: its facts, without its code."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from coreset_studio.core.descriptions import Description
from coreset_studio.core.palette import Mark
from coreset_studio.core.settings.choices import ClassBudgetRule

if TYPE_CHECKING:
    from coreset_studio.core.selection.sampling import ClassPool, Order


@dataclass(frozen=True, kw_only=True)
class Sampler(Description):
    """A rule that selects: one function that puts the images of a class in order.

    `does` names that function: ``order(pool, n)``, or ``order(pool, n, settings)`` for a sampler with settings of its
    own, which are all that it is given. It returns exactly ``min(n, pool.n_images)`` rows. For a nested sampler the
    first m rows of ``order(pool, n)`` are ``order(pool, m)``. One that `continues` returns ``min(n, pool.n_free)``
    rows, none of those that are kept.

    Attributes
    ----------
    cost : Cost
        Of putting one class of n images in order, features and clusters being there; a pool takes the sum over its
        classes.
    good_for : str
        What to select it for, in a few words, for the table in Help.
    nested : bool
        Whether a smaller coreset is inside a larger one.
    continues : bool
        Whether its order depends on the images that are kept from an earlier coreset (`ClassPool.kept`): it gives those
        that go best with them. Any other nested sampler is not told of them, and they are passed over in its order.
    uses_clusters, uses_embedding, uses_seed : bool
        The parts of a `ClassPool` that its order depends on; it is given no others (see `ClassPool.seen_by`).
    divided : {"", "parts", "proportional", "pilot"}
        How a class beyond the limit of exact selection is ranked, if the order depends on the embedding (see
        `core.selection.parts`): ``"parts"`` in parts of neighbouring images, each of which gives as many as the
        sampler takes of it from a sample of all parts; ``"proportional"`` as many as its share of the class;
        ``"pilot"`` takes the first images from that sample itself, which suits samplers that follow a distribution.
        Empty only where time and memory grow in proportion to the images anyway. In a part, a cluster may have no
        images.
    scope : {"class", "pool", "joint"}
        ``"pool"`` selects over the whole pool, which has neither an embedding nor clusters of its own, and knows no
        class budgets. ``"joint"`` selects from all classes together, in the embedding across classes, exactly as many
        of each class as in its budget (`ClassPool.quotas`); it has no clusters and is not nested.
    class_budget : str
        Its own rule over classes, used if the setting is ``"sampler"``. It does not change, since stored settings
        name the rule and not the budgets.
    recommended_budget : str or None
        The rule over classes that measurements recommend, used if the setting is ``"recommended"``; None: its own.
        It does not change either.
    why_recommended : str
        Why it is the one to begin with, in one sentence; empty for all but one.
    evidence : str
        The measurement behind that sentence: data, figures and what they were compared with.
    mark : Mark or None
        How it is drawn; None: one of the spare marks.
    figure : {"", "clusters", "spokes", "mean", "links", "ring"}
        What its figure in Help shows: clusters, lines from each image to its selected one, the mean,
        links between selected images, the ring at the median distance; empty: the images alone.
    figure_numbered : bool
        Whether the first images are numbered there: an order, and no chance in it.

    Raises
    ------
    ValueError
        When it is made for a sampler over the whole pool that says it uses the embedding or clusters, for one from
        all classes together that says it uses clusters or is nested, or for one that continues and is not nested.
    """

    good_for: str = ""
    nested: bool = True
    continues: bool = False
    uses_clusters: bool = False
    uses_embedding: bool = True
    uses_seed: bool = False
    divided: Literal["", "parts", "proportional", "pilot"] = "parts"
    scope: Literal["class", "pool", "joint"] = "class"
    class_budget: ClassBudgetRule = "proportional"
    recommended_budget: ClassBudgetRule | None = None
    why_recommended: str = ""
    evidence: str = ""
    mark: Mark | None = None
    figure: Literal["", "clusters", "spokes", "mean", "links", "ring"] = ""
    figure_numbered: bool = False

    def __post_init__(self) -> None:
        if self.scope == "pool" and (self.uses_embedding or self.uses_clusters):
            raise ValueError(f"the sampler {self.name} selects from the whole pool, which has no embedding or clusters")
        if self.scope == "joint" and (self.uses_clusters or self.nested):
            raise ValueError(
                f"the sampler {self.name} selects from all classes together, so it can neither use clusters "
                "nor be nested"
            )
        if self.continues and not self.nested:
            raise ValueError(f"the sampler {self.name} continues from earlier coresets, so it must be nested")

    def budget_rule(self, requested: ClassBudgetRule) -> ClassBudgetRule:
        """Return the rule over classes that a setting comes to for this sampler."""
        if requested == "recommended" and self.recommended_budget is not None:
            return self.recommended_budget
        return self.class_budget if requested in ("recommended", "sampler") else requested

    @property
    def has_own_budgets(self) -> bool:
        """Whether one of its rules over classes is not proportional, so that matched random is informative."""
        return {self.class_budget, self.recommended_budget or "proportional"} != {"proportional"}

    def order(self, pool: "ClassPool", n: int, settings: Any = None) -> "Order":
        """Put the images of a class in order.

        Parameters
        ----------
        pool : ClassPool
            Reduced to the parts that it declares.
        n : int
            Number of rows to return.
        settings : SettingsPart, optional
            Its own; by default theirs.
        """
        seen = pool.seen_by(self)
        if self.settings is None:
            ordered: Order = self.code(seen, n)
        else:
            ordered = self.code(seen, n, self.settings() if settings is None else settings)
        return ordered
