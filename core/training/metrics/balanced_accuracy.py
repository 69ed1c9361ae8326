"""Accuracy as it would be if every class had as many images."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="balanced_accuracy",
    title="Balanced accuracy",
    short="Balanced",
    tip="Mean recall of the classes, so that every class counts equally.",
    does=f"{__name__}:balanced_accuracy",
    source="docs/method.md, 1.8",
    help="coreset_studio.resources:help/metrics/balanced_accuracy.html",
    place=50,
    column=20,
    shown={"differences": 20, "intervals": 20, "verdicts": 20, "sizes": 10},
)


def balanced_accuracy(evidence: "Evidence") -> "Values":
    """Return the mean of the classes' recall."""
    return evidence.mean_over_classes(evidence.recall)
