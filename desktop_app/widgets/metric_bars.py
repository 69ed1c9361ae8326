"""Metrics of the whole set and of coresets, side by side: precision, recall and F1 (Fig. 10, 11)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from PySide6.QtWidgets import QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.bar_rows import Bar, BarRow
from coreset_studio.desktop_app.widgets.bars import Bars
from coreset_studio.desktop_app.widgets.words import with_interval


class Configuration(NamedTuple):
    """The training set of a network, and its performance.

    Attributes
    ----------
    title : str
        Such as "25 % intelligent".
    sampler : str
        Gives the colour.
    means, lows, highs : mapping of str to float
        By metric; lows and highs may lack it.
    """

    title: str
    sampler: str
    means: Mapping[str, float]
    lows: Mapping[str, float]
    highs: Mapping[str, float]


class MetricBars(Bars):
    """A group of bars a metric, a bar a configuration, from 0 to 1."""

    def __init__(self, name: str = "Metrics", parent: QWidget | None = None) -> None:
        super().__init__(name, ("value",), parent)
        self._configurations: Sequence[Configuration] = ()
        self._metrics: Mapping[str, str] = {}
        self.redraw()

    def set_configurations(self, configurations: Sequence[Configuration], metrics: Mapping[str, str]) -> None:
        """Show the configurations.

        Parameters
        ----------
        configurations : sequence of Configuration
        metrics : mapping of str to str
            Key in the configurations, and what it is called: ``{"f1": "F1"}``.
        """
        self._configurations, self._metrics = configurations, metrics
        self.redraw()

    def redraw(self) -> None:
        """Make the rows again in the colours now in use."""
        rows: list[BarRow] = []
        for metric, title in self._metrics.items():
            rows.append(BarRow(title))
            rows += [_row(one, metric) for one in self._configurations if metric in one.means]
        self.set_rows(rows, largest=1.0, note="No results yet")


def _row(one: Configuration, metric: str) -> BarRow:
    value = one.means[metric]
    low, high = one.lows.get(metric, value), one.highs.get(metric, value)
    interval = low < high
    bar = Bar(
        value,
        theme.sampler_colour(one.sampler),
        with_interval(value, low, high),
        low if interval else None,
        high if interval else None,
    )
    return BarRow(one.title, (bar,))
