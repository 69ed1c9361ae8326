"""The number of clusters of a class: silhouette with k to drag, what it says, and images per cluster."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QSplitter, QWidget

from coreset_studio.core.service.selection_requests import ClassSummary
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.cluster_bars import ClusterBars
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
from coreset_studio.desktop_app.widgets.silhouette_curve import SilhouetteCurve
from coreset_studio.desktop_app.widgets.words import set_tone

SILHOUETTE_HELP = (
    "The silhouette measures how much closer an image is to its own cluster than to the next one, from −1 to 1. "
    "Below 0.25 there are no separate groups: the clusters divide a continuum, and the coreset still covers it "
    "evenly."
)


NARROW = theme.UNIT * 26
"""Width below which the curve stands without words."""


class ClustersSide(QSplitter):
    """Silhouette above images per cluster.

    Signals
    -------
    k_chosen : (int)
        0 gives the choice back to the silhouette.
    """

    k_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self.curve = SilhouetteCurve()
        self.curve.k_chosen.connect(self.k_chosen)
        self.bars = ClusterBars()
        self.words = QLabel()
        self.words.setWordWrap(True)
        set_tone(self.words, "muted")
        self.automatic = QPushButton("Automatic")
        self.automatic.clicked.connect(self._give_back)
        self.automatic.hide()
        silhouette = self._silhouette = Card("Silhouette", SILHOUETTE_HELP)
        silhouette.add_tool(self.automatic)
        silhouette.add_tool(PlotExportButton(self.curve))
        silhouette.add(self.words)
        silhouette.add(self.curve, 1)
        sizes = Card("Images per cluster")
        sizes.add_tool(PlotExportButton(self.bars))
        # Many clusters scroll, so that they leave the curve its height.
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.viewport().setAutoFillBackground(False)
        scroll.setMinimumHeight(theme.UNIT * 10)
        scroll.setWidget(self.bars)
        self.bars.setAutoFillBackground(False)
        self.curve.setMinimumHeight(theme.UNIT * 14)
        sizes.add(scroll, 1)
        self.addWidget(silhouette)
        self.addWidget(sizes)
        self.setChildrenCollapsible(False)
        self.setSizes([theme.UNIT * 34, theme.UNIT * 14])
        self.setStretchFactor(0, 3)
        self.setStretchFactor(1, 1)
        self.setHandleWidth(theme.UNIT)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give a narrow card's height to the curve; its words are its tooltip as well."""
        super().resizeEvent(event)
        self.words.setVisible(event.size().width() >= NARROW)

    def show_class(self, summary: ClassSummary) -> None:
        """Show the clusters of a class."""
        clusters = summary.clusters
        self.curve.set_curve(clusters.curve, clusters.k, "One group: too few images, or all similar.")
        k = "1 cluster" if clusters.k == 1 else f"{clusters.k} clusters"
        by = ", set by you" if clusters.chosen_by == "user" else ""
        headline = summary.words.partition(":")[0].rstrip(".")
        self.words.setText(f"{k}{by}. {headline}. {clusters.sample_words}".rstrip())
        for widget in (self.words, self._silhouette):
            widget.setToolTip(f"<p>{summary.words}</p>")
        self.words.setAccessibleDescription(summary.words)
        own = clusters.chosen_by == "user"
        self.automatic.setEnabled(own)
        self.automatic.setVisible(own)
        self.automatic.setToolTip(
            "Let the silhouette determine the number of clusters again"
            if own
            else "The number of clusters was determined by the silhouette. Drag the line in the plot to change it."
        )
        self.bars.set_sizes([int(size) for size in clusters.sizes])

    def forget(self) -> None:
        """Show no clusters."""
        self.curve.set_curve({}, 0)
        self.words.clear()
        for widget in (self.words, self._silhouette):
            widget.setToolTip("")
        self.words.setAccessibleDescription("")
        self.automatic.setEnabled(False)
        self.automatic.hide()
        self.automatic.setToolTip("")
        self.bars.set_chosen(-1)
        self.bars.set_sizes(())

    def show_busy(self) -> None:
        """Say that the class is being clustered again."""
        self.words.setText("Clustering…")

    def _give_back(self) -> None:
        self.k_chosen.emit(0)
