"""Agreement with the labels beyond what chance gives."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="cohen_kappa",
    title="Cohen's kappa",
    short="Kappa",
    is_proper=True,
    tip="Agreement of predicted and true classes beyond chance: 0 is chance, 1 is perfect agreement.",
    does=f"{__name__}:cohen_kappa",
    least=-1.0,
    place=110,
    column=110,
    on_request=True,
    shown={"further": 40},
    undefined="all test images are of one class and were classified as it",
    source="docs/method.md, section 4",
    references=("cohen1960",),
    help="coreset_studio.resources:help/metrics/cohen_kappa.html",
)


def cohen_kappa(evidence: "Evidence") -> "Values":
    """Return (p_o − p_e) / (1 − p_e): observed agreement, and agreement by chance at the same class frequencies."""
    import numpy as np

    n_images = evidence.n_images
    # Of integers, so that agreement that chance alone explains is exactly 0.
    by_chance = (evidence.support * evidence.answered).sum(axis=1)
    return np.asarray((evidence.n_hits * n_images - by_chance) / (n_images**2 - by_chance))
