"""Precision and recall in one, class by class."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="f1",
    title="F1",
    words="macro F1",
    tip="Mean F1 of the classes.",
    does=f"{__name__}:f1",
    source="docs/method.md, 1.8",
    help="coreset_studio.resources:help/metrics/f1.html",
    place=40,
    column=50,
    shown={"differences": 30, "table-1": 40, "bars": 30, "terminal": 20},
)


def f1(evidence: "Evidence") -> "Values":
    """Return the mean of the classes' F1, the harmonic mean of precision and recall."""
    return evidence.mean_over_classes(evidence.f1)
