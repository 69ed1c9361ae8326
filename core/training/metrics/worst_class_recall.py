"""The class that is recognised worst."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="worst_class_recall",
    title="Worst-class recall",
    short="Worst class",
    words="recall of the worst class",
    tip="Recall of the class that is recognised worst.",
    does=f"{__name__}:worst_class_recall",
    source="docs/method.md, 1.8",
    help="coreset_studio.resources:help/metrics/worst_class_recall.html",
    place=60,
    column=30,
    shown={"differences": 40, "intervals": 30, "verdicts": 30, "sizes": 20},
)


def worst_class_recall(evidence: "Evidence") -> "Values":
    """Return the lowest recall of a class."""
    return evidence.least(evidence.recall)
