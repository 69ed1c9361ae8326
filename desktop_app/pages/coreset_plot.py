"""The chosen images of one class in the plot of its first two components."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from coreset_studio.core.service.selection_requests import ClassSummary
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.images_shown import HoverImage, ImagesShown
from coreset_studio.desktop_app.widgets.controls import ComboBox
from coreset_studio.desktop_app.widgets.scatter import Scatter, component_label
from coreset_studio.desktop_app.widgets.words import images, set_tone


class CoresetPlot(QWidget):
    """A scatter whose chosen images are ringed; lasso some, and the grid next to it shows them.

    Signals
    -------
    class_chosen : (str)
    selected : (object)
        Indices of the selected images, a list; empty for none.
    opened : (int, object)
    """

    class_chosen = Signal(str)
    selected = Signal(object)
    opened = Signal(int, object)

    def __init__(self, shown: ImagesShown, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images = shown
        self._summary: ClassSummary | None = None
        self._chosen: np.ndarray[Any, Any] = np.zeros(0, dtype=np.int64)
        self.classes = ComboBox()
        self.classes.setToolTip("Class to plot")
        self.classes.setAccessibleName("Class to plot")
        self.classes.activated.connect(self._choose)
        self.words = QLabel()
        set_tone(self.words, "muted")
        self.scatter = Scatter()
        self.hover = HoverImage(self.scatter)
        self.scatter.hovered.connect(self._hover)
        self.scatter.selection_changed.connect(self._select)
        self.scatter.opened.connect(self._open)
        self.scatter.preview_requested.connect(self._open)
        head = QHBoxLayout()
        head.setSpacing(theme.UNIT)
        head.addWidget(self.classes)
        head.addWidget(self.words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.UNIT, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addLayout(head)
        column.addWidget(self.scatter, 1)

    @property
    def summary(self) -> ClassSummary | None:
        """The class that is plotted; None while there is none."""
        return self._summary

    def set_classes(self, names: Sequence[str], chosen: str) -> None:
        """Offer classes."""
        blocked = self.classes.blockSignals(True)
        if [self.classes.itemText(i) for i in range(self.classes.count())] != list(names):
            self.classes.clear()
            self.classes.addItems(list(names))
        self.classes.setCurrentText(chosen)
        self.classes.blockSignals(blocked)

    def show_class(self, summary: ClassSummary) -> None:
        """Show a class."""
        self._summary = summary
        clusters = summary.clusters
        self.scatter.set_points(
            summary.points,
            clusters.labels,
            np.searchsorted(clusters.indices, clusters.medoids).astype(np.int64),
            component_label(summary.components[0], summary.shares[0]),
            component_label(summary.components[1], summary.shares[1]),
        )
        self._show_chosen()

    def forget(self) -> None:
        """Show and offer no class."""
        self._summary, self._chosen = None, np.zeros(0, dtype=np.int64)
        self.classes.clear()
        self.words.clear()
        self.scatter.forget()
        self.hover.forget()

    def set_chosen(self, indices: np.ndarray[Any, Any]) -> None:
        """Ring the images that are chosen."""
        self._chosen = indices
        self._show_chosen()

    def set_current(self, index: int) -> None:
        """Ring one image; -1 for none, or one of another class."""
        row = -1
        if self._summary is not None and index >= 0:
            found = np.flatnonzero(self._summary.clusters.indices == index)
            row = int(found[0]) if len(found) else -1
        self.scatter.set_current(row)

    def _show_chosen(self) -> None:
        if self._summary is None:
            return
        rows = np.flatnonzero(np.isin(self._summary.clusters.indices, self._chosen))
        self.scatter.set_chosen(rows)
        self.words.setText(
            f"Selected images have rings: {len(rows):,} of {images(len(self._summary.clusters.indices))}"
        )

    def plotted(self) -> list[int]:
        """Return the images of the points, in their order."""
        return [] if self._summary is None else self._summary.clusters.indices.tolist()

    def _choose(self) -> None:
        self.class_chosen.emit(self.classes.currentText())

    def _hover(self, row: int) -> None:
        summary = self._summary
        if summary is None or row < 0:
            self.hover.hide()
            return
        index, label = int(summary.clusters.indices[row]), int(summary.clusters.labels[row])
        chosen = "selected" if index in self._chosen else "not selected"
        self.hover.show_image(self._images.thumbnail(index, label), f"Cluster {label + 1} · {chosen}")

    def _select(self, rows: object) -> None:
        if self._summary is not None and isinstance(rows, np.ndarray):
            self.selected.emit([int(index) for index in self._summary.clusters.indices[rows]])

    def _open(self, row: int) -> None:
        if self._summary is not None:
            indices = self._summary.clusters.indices
            self.opened.emit(int(indices[row]), indices.tolist())
