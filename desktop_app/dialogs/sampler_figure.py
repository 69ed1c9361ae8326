"""Draws what a sampler takes of an example in two dimensions, in the colours of the mode, as sharp as the screen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from coreset_studio.core.descriptions import registry
from coreset_studio.core.resources import resource_folder
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.symbols import draw_symbol, symbol_path

MOST_NUMBERS = 5
MARGIN = 0.06


@dataclass(frozen=True)
class Example:
    """The example that all figures share, as `benchmarks/sampler_figures.py` wrote it.

    Attributes
    ----------
    points : ndarray of shape (n, 2)
        Centred; the second coordinate grows upwards.
    clusters : tuple of int
        Cluster of each.
    middling : float
        Median distance to the mean.
    chosen : mapping of str to tuple of int
        Rows by sampler, in the order in which they are chosen.
    """

    points: NDArray[np.float64]
    clusters: tuple[int, ...]
    middling: float
    chosen: Mapping[str, tuple[int, ...]]


@cache
def example() -> Example:
    """Return the example that came with the program."""
    file = resource_folder() / "help" / "samplers" / "figures.json"
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    chosen = {name: tuple(rows) for name, rows in values["chosen"].items()}
    return Example(np.array(values["points"]), tuple(values["clusters"]), values["middling"], chosen)


def sampler_figure(name: str, size: QSize, ratio: float) -> QImage:
    """Return the figure of one sampler.

    Parameters
    ----------
    name : str
        As in the registry, or ``"matched"``.
    size : QSize
        In logical pixels; in a small one nothing is numbered.
    ratio : float
        Device pixels for each of them.

    Raises
    ------
    KeyError
        If there is no such sampler.
    """
    rows = example().chosen[name]
    image = QImage(size * ratio, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _Drawing(painter, QRectF(0, 0, size.width(), size.height()), name, rows).draw()
    painter.end()
    return image


class _Drawing:
    """One figure being drawn."""

    def __init__(self, painter: QPainter, frame: QRectF, name: str, rows: tuple[int, ...]) -> None:
        self._painter, self._frame, self._name, self._rows = painter, frame, name, rows
        self._example = example()
        self._large = frame.width() >= theme.UNIT * 40
        sampler = registry("sampler").get(name)
        self._seen = getattr(sampler, "figure", "") if self._large else ""
        self._numbered = self._large and getattr(sampler, "figure_numbered", False)
        low, high = self._example.points.min(axis=0), self._example.points.max(axis=0)
        room = np.array([frame.width(), frame.height()]) * (1 - 2 * MARGIN)
        self._scale = float(np.min(room / (high - low)))
        self._middle = (low + high) / 2

    def draw(self) -> None:
        """Draw the frame, what the sampler looks at, the images, and those that it takes."""
        named = theme.colours()
        self._painter.setPen(QPen(QColor(named.line), 1))
        self._painter.setBrush(QColor(named.surface))
        self._painter.drawRoundedRect(self._frame.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        self._looked_at()
        self._images(by_cluster=self._seen == "clusters")
        if self._seen in ("spokes", "mean", "ring"):
            self._mean()
        self._chosen()

    def _at(self, place: NDArray[np.float64]) -> QPointF:
        x, y = (place - self._middle) * self._scale
        return self._frame.center() + QPointF(float(x), -float(y))

    def _looked_at(self) -> None:
        drawing = {"spokes": self._spokes, "links": self._links, "ring": self._ring}.get(self._seen)
        if drawing is not None:
            shade = QColor(theme.colours().outline)
            shade.setAlphaF(0.5)
            self._painter.setPen(QPen(shade, 1))
            self._painter.setBrush(Qt.BrushStyle.NoBrush)
            drawing()

    def _images(self, *, by_cluster: bool) -> None:
        radius = 1.9 if self._large else 1.1
        self._painter.setPen(Qt.PenStyle.NoPen)
        for row, place in enumerate(self._example.points):
            cluster = self._example.clusters[row]
            shade = QColor(theme.cluster_colour(cluster) if by_cluster else theme.colours().outline)
            shade.setAlphaF(0.55 if by_cluster and not theme.colours().dark else 0.75)
            self._painter.setBrush(shade)
            self._painter.drawEllipse(self._at(place), radius, radius)

    def _chosen(self) -> None:
        size = 12.0 if self._large else 6.0
        colour, symbol = theme.sampler_colour(self._name), theme.sampler_symbol(self._name)
        for row in self._rows:
            self._marked(self._at(self._example.points[row]), symbol, colour, size)
        if self._numbered:
            self._numbers()

    def _marked(self, at: QPointF, symbol: str, colour: str, size: float) -> None:
        """Draw one chosen image, with a gap around it that keeps it apart from the others."""
        self._painter.save()
        self._painter.translate(at)
        self._painter.scale(size, size)
        gap = QPen(QColor(theme.colours().surface), 4 if self._large else 2.5)
        gap.setCosmetic(True)
        self._painter.strokePath(symbol_path(symbol), gap)
        self._painter.restore()
        draw_symbol(self._painter, at, symbol, colour, size)

    def _numbers(self) -> None:
        named = theme.colours()
        for number, row in enumerate(self._rows[:MOST_NUMBERS], 1):
            words = QPainterPath()
            words.addText(self._at(self._example.points[row]) + QPointF(7, -5), theme.strong_font(), str(number))
            self._painter.strokePath(words, QPen(QColor(named.surface), 4))
            self._painter.fillPath(words, QColor(named.text))

    def _mean(self) -> None:
        middle = self._at(np.zeros(2))
        for colour, width in ((theme.colours().surface, 4.0), (theme.colours().text, 1.6)):
            self._painter.setPen(QPen(QColor(colour), width))
            for step in (QPointF(6, 6), QPointF(6, -6)):
                self._painter.drawLine(middle - step, middle + step)

    def _spokes(self) -> None:
        for row in self._rows:
            self._painter.drawLine(self._at(np.zeros(2)), self._at(self._example.points[row]))

    def _ring(self) -> None:
        radius = self._example.middling * self._scale
        self._painter.drawEllipse(self._at(np.zeros(2)), radius, radius)

    def _links(self) -> None:
        """Join every image to the chosen one nearest to it."""
        points = self._example.points
        chosen = points[list(self._rows)]
        nearest = ((points[:, None] - chosen) ** 2).sum(axis=2).argmin(axis=1)
        for place, other in zip(points, chosen[nearest], strict=True):
            self._painter.drawLine(self._at(place), self._at(other))
