"""How rarely images of other classes are taken for one."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import ByClass, Evidence, Values

DESCRIPTION = Metric(
    name="specificity",
    title="Specificity",
    tip="Of the images of all other classes, the share that were not classified as the class; mean over the classes.",
    does=f"{__name__}:specificity",
    place=90,
    column=90,
    on_request=True,
    shown={"further": 20},
    undefined="test images of at least two classes are needed",
    by_class=f"{__name__}:specificity_of_classes",
    class_place=20,
    class_undefined="all test images are of this class",
    source="docs/method.md, section 4",
    help="coreset_studio.resources:help/metrics/specificity.html",
)


def specificity(evidence: "Evidence") -> "Values":
    """Return the mean of the classes' specificity."""
    return evidence.mean_over_classes(specificity_of_classes(evidence).values)


def specificity_of_classes(evidence: "Evidence") -> "ByClass":
    """Return the share of the images of other classes that were not classified as each class."""
    from coreset_studio.core.training.evidence import ByClass

    others = evidence.n_images[:, None] - evidence.support
    return ByClass.share(others - (evidence.answered - evidence.hits), others)
