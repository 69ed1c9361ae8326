"""The metrics, as the window's tables and figures have them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from coreset_studio.core.descriptions import registry

if TYPE_CHECKING:
    from coreset_studio.core.training.metric import Metric


def by_column() -> "list[Metric]":
    """Return all metrics in the order of the columns of a table."""
    return sorted(_metrics().values(), key=lambda metric: metric.column)


def by_class() -> "list[Metric]":
    """Return the metrics that have a value for each class, in the order of the columns of a table."""
    return sorted((one for one in _metrics().values() if one.by_class), key=lambda one: one.class_place)


def bars() -> dict[str, str]:
    """Return names and titles of those shown as bars, after the paper's Figs. 10 and 11."""
    shown = sorted((one for one in _metrics().values() if "bars" in one.shown), key=lambda one: one.shown["bars"])
    return {metric.name: metric.title for metric in shown}


def bars_words() -> str:
    """Return what the bars show, such as ``"Precision, recall, F1"``."""
    first, *others = (_metrics()[name] for name in bars())
    return ", ".join([first.title, *(metric.label for metric in others)])


def _metrics() -> "Mapping[str, Metric]":
    return cast("Mapping[str, Metric]", registry("metric"))
