"""How much of each class is recognised."""

from typing import TYPE_CHECKING

from core.training.metric import Metric

if TYPE_CHECKING:
    from core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="recall",
    title="Recall",
    tip="Of the images of a class, the share that were recognised; mean over the classes.",
    does=f"{__name__}:recall",
    source="docs/method.md, 1.8",
    help="resources:help/metrics/recall.html",
    place=30,
    column=70,
    shown={"table-1": 30, "bars": 20},
)


def recall(evidence: "Evidence") -> "Values":
    """Return the mean of the classes' recall."""
    return evidence.mean_over_classes(evidence.recall)
