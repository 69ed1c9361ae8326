"""How far an answer that excludes a class can be trusted."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import ByClass, Evidence, Values

DESCRIPTION = Metric(
    name="negative_predictive_value",
    title="Negative predictive value",
    short="NPV",
    tip="Of the images not classified as a class, the share that do not belong to it; mean over the classes.",
    does=f"{__name__}:negative_predictive_value",
    place=100,
    column=100,
    on_request=True,
    shown={"further": 30},
    undefined="images must be classified as at least two classes",
    by_class=f"{__name__}:negative_predictive_value_of_classes",
    class_place=40,
    class_undefined="all test images were classified as this class",
    source="docs/method.md, section 4",
    help="coreset_studio.resources:help/metrics/negative_predictive_value.html",
)


def negative_predictive_value(evidence: "Evidence") -> "Values":
    """Return the mean of the classes' negative predictive value."""
    return evidence.mean_over_classes(negative_predictive_value_of_classes(evidence).values)


def negative_predictive_value_of_classes(evidence: "Evidence") -> "ByClass":
    """Return the share of the images not classified as each class that do not belong to it."""
    from coreset_studio.core.training.evidence import ByClass

    without = evidence.n_images[:, None] - evidence.answered
    return ByClass.share(without - (evidence.support - evidence.hits), without)
