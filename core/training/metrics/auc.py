"""How well probabilities rank the images of each class above the others."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import ByClass, Evidence, Values

DESCRIPTION = Metric(
    name="auc",
    title="AUC",
    words="mean AUC of the classes",
    tip="Area under the ROC curve of each class against all others; mean over the classes.",
    does=f"{__name__}:auc",
    needs=frozenset({"probabilities"}),
    place=80,
    column=35,
    shown={"further": 10},
    undefined="test images of at least two classes are needed",
    by_class=f"{__name__}:auc_of_classes",
    class_place=50,
    class_undefined="there are no test images of this class, or of no other",
    class_interval="area",
    source="docs/method.md, section 4",
    help="coreset_studio.resources:help/metrics/auc.html",
)


def auc(evidence: "Evidence") -> "Values":
    """Return the mean of the classes' areas under the ROC curve, one against rest."""
    from coreset_studio.core.training.ranking import auc_by_class

    return evidence.mean_over_classes(auc_by_class(evidence))


def auc_of_classes(evidence: "Evidence") -> "ByClass":
    """Return the area under the ROC curve of each class against all others."""
    from coreset_studio.core.training.evidence import ByClass
    from coreset_studio.core.training.ranking import auc_by_class

    return ByClass(auc_by_class(evidence), evidence.support)
