"""A metric: its facts and its formula, which needs no import of its own, in one file."""

from typing import TYPE_CHECKING

from coreset_studio.plugins import Metric

if TYPE_CHECKING:
    from coreset_studio.plugin_code import Evidence, Values

DESCRIPTION = Metric(
    name="kappa",
    title="Kappa",
    words="Cohen's kappa",
    tip="How much better the answers are than chance with the same shares of classes; 1 is perfect, 0 is chance.",
    does="coreset_example.metric:kappa",
    source="Cohen 1960",
    least=-1.0,
    shown={"differences": 100, "intervals": 100},
)


def kappa(evidence: "Evidence") -> "Values":
    """Return (p_o − p_e) / (1 − p_e) of each resample, shape (n_resamples,)."""
    confusion = evidence.confusion
    n_images = confusion.sum(axis=(1, 2))
    expected = (confusion.sum(axis=1) * confusion.sum(axis=2)).sum(axis=1) / n_images**2
    return (evidence.n_hits / n_images - expected) / (1 - expected)
