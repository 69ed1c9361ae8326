"""Recall: the share of each class that is recognised."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import ByClass, Evidence, Values

DESCRIPTION = Metric(
    name="recall",
    title="Recall",
    tip="Of the images of a class, the share that were recognised (sensitivity); mean over the classes.",
    does=f"{__name__}:recall",
    source="docs/method.md, 1.8",
    help="coreset_studio.resources:help/metrics/recall.html",
    place=30,
    column=70,
    shown={"table-1": 30, "bars": 20},
    by_class=f"{__name__}:sensitivity_of_classes",
    class_title="Sensitivity",
    class_place=10,
    class_undefined="there are no test images of this class",
)


def recall(evidence: "Evidence") -> "Values":
    """Return the mean of the classes' recall."""
    return evidence.mean_over_classes(evidence.recall)


def sensitivity_of_classes(evidence: "Evidence") -> "ByClass":
    """Return the share of the images of each class that were recognised."""
    from coreset_studio.core.training.evidence import ByClass

    return ByClass.share(evidence.hits, evidence.support)
