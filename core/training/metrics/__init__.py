"""The metrics: a file for each, with its facts and, as one function, its formula."""

from core.descriptions import Registry
from core.training.metric import Metric

METRICS = Registry("metric", Metric, __name__, "coreset_studio.metrics")


def shown_in(where: str) -> tuple[Metric, ...]:
    """Return the metrics of a list (a key of `core.training.metric.LISTS`), in its order."""
    return tuple(sorted((one for one in METRICS.values() if where in one.shown), key=lambda one: one.shown[where]))
