"""How far answers and truth go together."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="mcc",
    title="MCC",
    words="Matthews correlation",
    tip="Correlation of answers and truth: 1 is perfect, 0 is what answers without regard to the image reach.",
    does=f"{__name__}:mcc",
    source="Gorodkin 2004",
    help="coreset_studio.resources:help/metrics/mcc.html",
    place=80,
    column=80,
    least=-1.0,
    shown={"differences": 80, "intervals": 80, "terminal": 80},
)


def mcc(evidence: "Evidence") -> "Values":
    """Return the correlation over all classes.

    0 where all answers, or all images, are of one class; NaN without images.
    """
    n_images = evidence.n_images
    by_chance = (evidence.support * evidence.answered).sum(axis=1)
    spread = [n_images**2 - (counts**2).sum(axis=1) for counts in (evidence.support, evidence.answered)]
    together = (spread[0] * spread[1]) ** 0.5
    is_flat = (together == 0) & (n_images > 0)
    correlation: Values = (evidence.n_hits * n_images - by_chance) / (together + is_flat)
    return correlation
