"""The metrics: a file for each, with its facts and, as one function, its formula."""

from coreset_studio.core.descriptions import Registry
from coreset_studio.core.training.metric import Metric

METRICS = Registry("metric", Metric, __name__, "coreset_studio.metrics")


def with_classes() -> tuple[Metric, ...]:
    """Return the metrics that have a value for each class, in the order of the columns of a table."""
    return tuple(sorted((one for one in METRICS.values() if one.by_class), key=lambda one: one.class_place))


def shown_in(where: str) -> tuple[Metric, ...]:
    """Return the metrics of a list (a key of `core.training.metric.LISTS`), in its order."""
    return tuple(sorted((one for one in METRICS.values() if where in one.shown), key=lambda one: one.shown[where]))
