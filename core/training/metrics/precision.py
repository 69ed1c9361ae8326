"""Precision: the share of predictions of a class that are correct."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import ByClass, Evidence, Values

DESCRIPTION = Metric(
    name="precision",
    title="Precision",
    tip="Of the images predicted as a class, the share that belong to it (the positive predictive value); mean over "
    "the classes.",
    does=f"{__name__}:precision",
    source="docs/method.md, 1.8",
    help="coreset_studio.resources:help/metrics/precision.html",
    place=20,
    column=60,
    shown={"table-1": 20, "bars": 10},
    by_class=f"{__name__}:positive_predictive_value_of_classes",
    class_title="Positive predictive value",
    class_short="PPV",
    class_place=30,
    class_undefined="no test image was classified as this class",
)


def precision(evidence: "Evidence") -> "Values":
    """Return the mean of the classes' precision; that of a class never answered is 0."""
    return evidence.mean_over_classes(evidence.precision)


def positive_predictive_value_of_classes(evidence: "Evidence") -> "ByClass":
    """Return the share of the images classified as each class that belong to it; NaN for a class never answered."""
    from coreset_studio.core.training.evidence import ByClass

    return ByClass.share(evidence.hits, evidence.answered)
