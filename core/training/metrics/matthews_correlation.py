"""Correlation of predicted and true classes."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="matthews_correlation",
    title="Matthews correlation",
    short="MCC",
    is_proper=True,
    tip="Correlation of predicted and true classes (MCC): 0 if all predictions are the same, 1 if all are correct.",
    does=f"{__name__}:matthews_correlation",
    least=-1.0,
    place=120,
    column=120,
    on_request=True,
    shown={"further": 50},
    undefined="all test images are of one class",
    source="docs/method.md, section 4",
    references=("gorodkin2004",),
    help="coreset_studio.resources:help/metrics/matthews_correlation.html",
)


def matthews_correlation(evidence: "Evidence") -> "Values":
    """Return Gorodkin's R_K, which is Matthews' coefficient for two classes.

    0 where all images are classified as one class, as in scikit-learn: then nothing is learnt from a prediction.
    """
    import numpy as np

    n_images, support, answered = evidence.n_images, evidence.support, evidence.answered
    covariance = evidence.n_hits * n_images - (support * answered).sum(axis=1)
    of_answers = n_images**2 - (answered**2).sum(axis=1)
    of_labels = n_images**2 - (support**2).sum(axis=1)
    found = covariance / np.sqrt(of_answers * of_labels)
    return np.where((of_answers == 0) & (of_labels > 0), 0.0, found)
