"""The content of the Clusters page: classes, scatter, silhouette, bars, medoids and images, all linked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSplitter, QToolButton, QWidget

from coreset_studio.core.results import IntArray
from coreset_studio.core.service.selection_requests import ClassOverview, ClassSummary
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.clusters_side import ClustersSide
from coreset_studio.desktop_app.pages.images_shown import HoverImage, ImagesShown
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.controls import ComboBox, TabWidget
from coreset_studio.desktop_app.widgets.medoid_strip import Medoid, MedoidStrip
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
from coreset_studio.desktop_app.widgets.scatter import Scatter, component_label
from coreset_studio.desktop_app.widgets.small_multiples import ClassPlot, SmallMultiples
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.words import images

CLASSES_WIDTH = theme.UNIT * 21
NARROW = theme.UNIT * 100
"""Width below which scatter, images and silhouette are tabs."""
MEDOID_SIDE = 104
ROWS = [theme.UNIT * 48, theme.UNIT * 27]
COLUMNS = [theme.UNIT * 62, theme.UNIT * 44]


class ClustersContent(QWidget):
    """One class in full next to an overview of all classes.

    Parameters
    ----------
    shown : ImagesShown

    Signals
    -------
    class_chosen : (str)
    components_chosen : (int, int)
    k_chosen : (str, int)
        Of a class; 0 gives the choice back to the silhouette.
    opened : (int, object)
        Index of an image, and the indices to walk through.
    """

    class_chosen = Signal(str)
    components_chosen = Signal(int, int)
    k_chosen = Signal(str, int)
    opened = Signal(int, object)

    def __init__(self, shown: ImagesShown, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images = shown
        self._summary: ClassSummary | None = None
        self._shares: Sequence[float] = ()
        self.classes = SmallMultiples(1)
        self.classes.setFixedWidth(CLASSES_WIDTH)
        self.classes.class_chosen.connect(self.class_chosen)
        self.scatter = Scatter()
        self.hover = HoverImage(self.scatter)
        self.side = ClustersSide()
        self.curve, self.bars, self.automatic = self.side.curve, self.side.bars, self.side.automatic
        self.medoids = MedoidStrip(MEDOID_SIDE)
        self.grid = ThumbnailGrid(72)
        self._lay_out()
        self._link()

    # --- layout -----------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        top, below = QSplitter(Qt.Orientation.Horizontal), QSplitter(Qt.Orientation.Horizontal)
        self._top = top
        top.addWidget(self._scatter_card())
        top.addWidget(self.side)
        self.medoid_card = Card("Medoids", "The medoid is the image at the centre of its cluster.")
        self.medoid_card.add(self.medoids)
        self.medoid_card.body.addStretch(1)
        self.medoids.viewport().setAutoFillBackground(False)
        self.medoids.row.setAutoFillBackground(False)
        self.grid_card = Card("Images")
        self.grid_card.add(self.grid, 1)
        self.all_button = QPushButton("Show all")
        self.all_button.setToolTip("Show all images of the class again (Esc in the plot)")
        self.all_button.clicked.connect(self._select_none)
        self.grid_card.add_tool(self.all_button)
        below.addWidget(self.medoid_card)
        below.addWidget(self.grid_card)
        self.tabs = TabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(below, "Images")
        self.tabs.tabBar().hide()
        parts = self._parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(top)
        parts.addWidget(self.tabs)
        top.setSizes(COLUMNS)
        below.setSizes([theme.UNIT * 50, theme.UNIT * 56])
        parts.setSizes(ROWS)
        for splitter, first, second in ((top, 3, 2), (below, 2, 3), (parts, 3, 1)):
            splitter.setStretchFactor(0, first)
            splitter.setStretchFactor(1, second)
            splitter.setHandleWidth(theme.UNIT)
            splitter.setChildrenCollapsible(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT)
        row.addWidget(self.classes)
        row.addWidget(parts, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Show one part at a time, in tabs, where there is no room for all of them."""
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW
        if narrow == (self.tabs.indexOf(self.side) >= 0):
            return
        if narrow:
            self.side.setOrientation(Qt.Orientation.Horizontal)
            self.tabs.insertTab(0, self._top, "Plot")
            self.tabs.addTab(self.side, "Number of clusters")
            self.tabs.setCurrentIndex(0)
        else:
            self.tabs.removeTab(self.tabs.indexOf(self.side))
            self.side.setOrientation(Qt.Orientation.Vertical)
            self.tabs.removeTab(self.tabs.indexOf(self._top))
            self._parts.insertWidget(0, self._top)
            self._top.show()
            self._top.addWidget(self.side)
            self.side.show()
            # After it is shown: a splitter gives hidden parts no room.
            self._top.setSizes(COLUMNS)
        self.tabs.tabBar().setVisible(narrow)
        self._parts.setSizes(ROWS)

    def _scatter_card(self) -> Card:
        self.card = Card("Class")
        self.first, self.second = self._component_box("across"), self._component_box("up")
        for box in (self.first, self.second):
            self.card.add_tool(box)
        pan = self.pan = QToolButton()
        pan.setCheckable(True)
        pan.setToolTip("Drag to move the plot instead of selecting with a lasso")
        pan.setAccessibleName("Pan")
        theme.set_icon(pan, "pan")
        pan.toggled.connect(self.scatter.set_panning)
        self.card.add_tool(pan)
        self.card.add_tool(PlotExportButton(self.scatter))
        self.card.add(self.scatter, 1)
        return self.card

    def _component_box(self, axis: str) -> ComboBox:
        box = ComboBox()
        box.setToolTip(f"Component on the {axis} axis")
        box.setAccessibleName(f"Component {axis}")
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(10)
        box.activated.connect(self._choose_components)
        return box

    def _link(self) -> None:
        self.scatter.hovered.connect(self._hover_row)
        self.scatter.selection_changed.connect(self._select_rows)
        self.scatter.opened.connect(self._open_row)
        self.scatter.preview_requested.connect(self._open_row)
        self.side.k_chosen.connect(self._choose_k)
        self.bars.cluster_chosen.connect(self._select_cluster)
        self.bars.cluster_hovered.connect(self._hover_cluster)
        self.bars.cluster_opened.connect(self._open_cluster)
        self.medoids.cluster_chosen.connect(self._select_cluster)
        for source in (self.medoids, self.grid):
            source.hovered.connect(self._hover_image)
            source.opened.connect(self.open_image)
            source.preview_requested.connect(self.open_image)
        self.grid.selection_changed.connect(self._highlight)
        self.grid.current_changed.connect(self._hover_image)

    # --- content ----------------------------------------------------------------------------------------------

    def show_overview(self, overview: Sequence[ClassOverview], chosen: str) -> None:
        """Show all classes at a glance."""
        self.classes.set_classes(
            [
                ClassPlot(one.class_name, one.points, one.labels, one.k, one.n_images, _silhouette_note(one))
                for one in overview
            ]
        )
        self.classes.set_chosen(chosen)

    def forget(self) -> None:
        """Show no class."""
        self._summary = None
        self.classes.set_classes(())
        self.card.set_title("Class")
        for box in (self.first, self.second):
            box.clear()
        self.pan.setChecked(False)
        self.scatter.forget()
        self.hover.forget()
        self.side.forget()
        self.medoids.set_medoids(())
        self.medoids.set_cluster(-1)
        self.grid.set_images(())
        self.grid.set_badges(medoids=())
        self.grid_card.set_note("")
        self.all_button.hide()

    def show_class(self, summary: ClassSummary) -> None:
        """Show one class in full, nothing selected."""
        self._summary = summary
        clusters = summary.clusters
        first, second = summary.components
        self.card.set_title(clusters.class_name)
        self._fill_components(summary)
        self.scatter.set_points(
            summary.points,
            clusters.labels,
            clusters.medoid_rows,
            component_label(first, summary.shares[0]),
            component_label(second, summary.shares[1]),
        )
        self.hover.hide()
        self.side.show_class(summary)
        self.bars.set_chosen(-1)
        self._show_medoids(summary)
        self.medoids.set_cluster(-1)
        self._show_images(None)

    def _fill_components(self, summary: ClassSummary) -> None:
        for box, chosen in zip((self.first, self.second), summary.components, strict=True):
            blocked = box.blockSignals(True)
            box.clear()
            for number in range(summary.n_components):
                share = summary.all_shares[number] if number < len(summary.all_shares) else None
                box.addItem(
                    component_label(number, share).replace("component", "PC").replace(" of variance", ""), number
                )
            box.setCurrentIndex(chosen)
            box.setEnabled(summary.n_components > 1)
            box.blockSignals(blocked)

    def _show_medoids(self, summary: ClassSummary) -> None:
        clusters = summary.clusters
        n = max(1, len(clusters.indices))
        self.medoids.set_medoids(
            [
                Medoid(int(index), image.file, image.title, int(size), int(size) / n)
                for index, size, image in (
                    (index, size, self._images.thumbnail(int(index)))
                    for index, size in zip(clusters.medoids, clusters.sizes, strict=True)
                )
            ]
        )

    def _show_images(self, rows: np.ndarray[Any, Any] | None) -> None:
        """Show the images of `rows`, or of the whole class, cluster by cluster and the most typical first."""
        summary = self._summary
        if summary is None:
            return
        clusters = summary.clusters
        everything = rows is None or not len(rows)
        taken = np.arange(len(clusters.indices)) if everything or rows is None else np.asarray(rows, dtype=np.int64)
        order = np.lexsort((-clusters.silhouettes[taken], clusters.labels[taken]))
        shown = taken[order]
        self.grid.set_images(self._images.thumbnails(clusters.indices[shown], clusters.labels[shown]))
        self.grid.set_badges(medoids=clusters.medoids.tolist())
        self.all_button.setVisible(not everything)
        of = f"All {images(len(shown))} of {clusters.class_name}"
        self.grid_card.set_title("Images")
        self.grid_card.set_note(of if everything else f"{images(len(shown))} selected")

    # --- linked -----------------------------------------------------------------------------------------------

    def select_rows(self, rows: np.ndarray[Any, Any]) -> None:
        """Select rows of the class in every part."""
        self.scatter.set_selection(rows)
        self._select_rows(rows)

    def _select_rows(self, rows: object) -> None:
        if self._summary is None or not isinstance(rows, np.ndarray):
            return
        labels = np.unique(self._summary.clusters.labels[rows]) if len(rows) else np.zeros(0, dtype=np.int64)
        one = int(labels[0]) if len(labels) == 1 else -1
        self.medoids.set_cluster(one)
        self.bars.set_chosen(one)
        self._show_images(rows)

    def _select_none(self) -> None:
        self.select_rows(np.zeros(0, dtype=np.int64))

    def _select_cluster(self, number: int) -> None:
        if self._summary is not None:
            self.select_rows(np.flatnonzero(self._summary.clusters.labels == number))

    def _highlight(self, keys: object) -> None:
        """Show in the plot what is selected in the grid; the grid keeps its images."""
        if isinstance(keys, np.ndarray) and len(keys):
            self.scatter.set_selection(np.flatnonzero(np.isin(self._indices(), keys)))

    def _indices(self) -> IntArray:
        return np.zeros(0, dtype=np.int64) if self._summary is None else self._summary.clusters.indices

    def _row_of(self, index: int) -> int:
        """Return the row of an image in the class, -1 for one of another class."""
        rows = np.flatnonzero(self._indices() == index)
        return int(rows[0]) if len(rows) else -1

    def _hover_row(self, row: int) -> None:
        summary = self._summary
        if summary is None or row < 0:
            self.hover.hide()
            return
        index, label = int(summary.clusters.indices[row]), int(summary.clusters.labels[row])
        self.hover.show_image(
            self._images.thumbnail(index, label),
            f"Cluster {label + 1} · silhouette {summary.clusters.silhouettes[row]:.2f}",
        )

    def _hover_image(self, index: int) -> None:
        self.scatter.set_current(self._row_of(index))

    def _hover_cluster(self, number: int) -> None:
        self._hover_image(
            int(self._summary.clusters.medoids[number]) if self._summary is not None and number >= 0 else -1
        )

    # --- asking the page --------------------------------------------------------------------------------------

    def _open_row(self, row: int) -> None:
        if self._summary is not None:
            self.open_image(int(self._summary.clusters.indices[row]))

    def _open_cluster(self, number: int) -> None:
        if self._summary is not None:
            self._select_cluster(number)
            self.open_image(int(self._summary.clusters.medoids[number]))

    def open_image(self, index: int) -> None:
        """Ask for the large display of an image, to walk through those in the grid."""
        self.opened.emit(index, self.grid.images.keys.tolist())

    def plotted(self) -> list[int]:
        """Return the images of the points of the plot, in their order."""
        return [] if self._summary is None else self._summary.clusters.indices.tolist()

    def _choose_components(self) -> None:
        self.components_chosen.emit(self.first.currentIndex(), self.second.currentIndex())

    def _choose_k(self, k: int) -> None:
        if self._summary is not None:
            self.k_chosen.emit(self._summary.clusters.class_name, k)

    def show_busy(self) -> None:
        """Say that the class is being clustered again."""
        self.side.show_busy()


def _silhouette_note(one: ClassOverview) -> str:
    return "" if one.mean_silhouette is None else f"s = {one.mean_silhouette:.2f}"
