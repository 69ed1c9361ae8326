"""The share of right answers."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="accuracy",
    title="Accuracy",
    tip="Share of the test images that were classified correctly.",
    does=f"{__name__}:accuracy",
    source="docs/method.md, 1.8",
    help="coreset_studio.resources:help/metrics/accuracy.html",
    place=10,
    column=10,
    shown={"differences": 10, "table-1": 10, "intervals": 10, "verdicts": 10, "terminal": 10},
)


def accuracy(evidence: "Evidence") -> "Values":
    """Return the share of the images that are answered as what they are."""
    return evidence.n_hits / evidence.n_images
