"""All classes at a glance: a small scatter each, to choose one by."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QGridLayout, QScrollArea, QSizePolicy, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.plot_export import Table
from coreset_studio.desktop_app.widgets.words import images, note_label

MOST_DRAWN = 3_000
MARGIN = 0.06


class ClassPlot(NamedTuple):
    """One class.

    Attributes
    ----------
    name : str
    points : ndarray of shape (n, 2)
        Two components; of shape (0, 2) while there are none.
    labels : ndarray of shape (n,), int64
    n_clusters : int
    n_images : int
    note : str
        A few words, such as the mean silhouette.
    """

    name: str
    points: NDArray[Any]
    labels: NDArray[np.int64]
    n_clusters: int
    n_images: int
    note: str = ""


class SmallMultiples(QScrollArea):
    """A tile a class; arrow keys, Space or the mouse choose one.

    Parameters
    ----------
    columns : int
        1 for a list at the side of a page.

    Signals
    -------
    class_chosen : (str)
    """

    class_chosen = Signal(str)

    def __init__(self, columns: int = 1, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns = columns
        self._tiles: list[_Tile] = []
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._group.idClicked.connect(self._choose)
        self.setAccessibleName("Classes")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.set_classes(())

    def set_classes(self, classes: Sequence[ClassPlot]) -> None:
        """Show classes in the order given; the chosen one stays chosen where it is still among them."""
        before = self.chosen
        for tile in self._tiles:
            self._group.removeButton(tile)
        inside = QWidget()
        inside.setObjectName("see_through")
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.UNIT)
        self._tiles = []
        if not classes:
            grid.addWidget(note_label("No clusters yet"), 0, 0)
        for number, one in enumerate(classes):
            tile = _Tile(one)
            self._group.addButton(tile, number)
            grid.addWidget(tile, number // self._columns, number % self._columns)
            self._tiles.append(tile)
        grid.setRowStretch(len(classes) // self._columns + 1, 1)
        self.setWidget(inside)
        self.set_chosen(before)

    @property
    def chosen(self) -> str:
        """Name of the chosen class; empty for none."""
        return next((tile.plot.name for tile in self._tiles if tile.isChecked()), "")

    def set_chosen(self, name: str) -> None:
        """Show a class as chosen, without a signal."""
        for tile in self._tiles:
            if tile.plot.name == name:
                tile.setChecked(True)
                self.ensureWidgetVisible(tile)

    def plot_name(self) -> str:
        """Return the name that files get."""
        return "classes"

    def plot_table(self) -> Table:
        """Return a line a class."""
        rows = [(p.name, p.n_images, p.n_clusters, p.note) for p in (tile.plot for tile in self._tiles)]
        return (("class", "images", "clusters", "note"), rows)

    def _choose(self, number: int) -> None:
        self.class_chosen.emit(self._tiles[number].plot.name)


class _Tile(QAbstractButton):
    """The plot of one class, drawn once for a size and a mode."""

    def __init__(self, plot: ClassPlot) -> None:
        super().__init__()
        self.plot = plot
        self._drawn: QImage | None = None
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setText(plot.name)
        description = ", ".join(part for part in (images(plot.n_images), self._clusters(), plot.note) if part)
        self.setAccessibleName(f"{plot.name}: {description}")
        self.setToolTip(f"{plot.name}: {description}")
        theme.changed.connect(self._forget)

    def _clusters(self) -> str:
        n = self.plot.n_clusters
        return "" if n < 1 else "1 cluster" if n == 1 else f"{n} clusters"

    def sizeHint(self) -> QSize:  # noqa: N802
        line = self.fontMetrics().height()
        return QSize(theme.UNIT * 18, 2 * line + theme.UNIT * 11)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._forget()

    def _forget(self) -> None:
        self._drawn = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        named = theme.colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        ground = named.accent_soft if self.isChecked() else named.hover if self.underMouse() else named.surface
        strong = self.isChecked() or self.hasFocus()
        painter.setPen(QPen(QColor(named.accent if strong else named.line), 2 if self.hasFocus() else 1))
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(frame, 6, 6)
        line = self.fontMetrics().height()
        words = frame.adjusted(theme.UNIT, theme.UNIT // 2, -theme.UNIT, 0)
        painter.setPen(QColor(named.text))
        painter.setFont(theme.strong_font())
        painter.drawText(words, int(Qt.AlignmentFlag.AlignLeft), self._fit(self.plot.name, words.width()))
        painter.setFont(self.font())
        painter.setPen(QColor(named.muted))
        second = " · ".join(part for part in (self._clusters(), self.plot.note) if part)
        second = second or images(self.plot.n_images)
        below = words.adjusted(0, line, 0, 0)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignLeft), self._fit(second, words.width()))
        place = frame.adjusted(theme.UNIT, 2 * line + theme.UNIT, -theme.UNIT, -theme.UNIT)
        if self._drawn is None:
            self._drawn = self._draw(place.size().toSize())
        painter.drawImage(place.topLeft(), self._drawn)
        painter.end()

    def _fit(self, words: str, width: float) -> str:
        return self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(width) - theme.UNIT // 2)

    def _draw(self, size: QSize) -> QImage:
        scale = self.devicePixelRatioF()
        image = QImage(size * scale, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(scale)
        image.fill(Qt.GlobalColor.transparent)
        points, labels = thinned(self.plot.points, self.plot.labels)
        if not len(points) or size.isEmpty():
            return image
        low, high = points.min(axis=0), points.max(axis=0)
        spread = np.where(high > low, high - low, 1.0)
        at = (points - low) / spread * (1 - 2 * MARGIN) + MARGIN
        x, y = at[:, 0] * size.width(), (1 - at[:, 1]) * size.height()
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for number in np.unique(labels).tolist():
            colour = QColor(theme.cluster_colour(number))
            colour.setAlpha(170)
            painter.setBrush(colour)
            rows = labels == number
            for px, py in zip(x[rows].tolist(), y[rows].tolist(), strict=True):
                painter.drawEllipse(QRectF(px - 1.5, py - 1.5, 3, 3))
        painter.end()
        return image


def thinned(points: NDArray[Any], labels: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return at most 3,000 of the points, evenly by row: more cannot be distinguished in a tile."""
    if len(points) <= MOST_DRAWN:
        return points, labels
    rows = np.linspace(0, len(points) - 1, MOST_DRAWN).astype(np.int64)
    return points[rows], labels[rows]
