"""Images in each cluster of one class (Fig. 6)."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.bar_rows import Bar, BarRow
from coreset_studio.desktop_app.widgets.bars import Bars
from coreset_studio.desktop_app.widgets.words import count, images


class ClusterBars(Bars):
    """One bar a cluster, in the colour and with the marker that the scatter gives it.

    Signals
    -------
    cluster_hovered, cluster_chosen, cluster_opened : (int)
        Number of a cluster, from 0; -1 where the mouse left them all.
    """

    cluster_hovered = Signal(int)
    cluster_chosen = Signal(int)
    cluster_opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Images per cluster", ("images",), parent)
        self._sizes: Sequence[int] = ()
        self.row_hovered.connect(self.cluster_hovered)
        self.row_clicked.connect(self.cluster_chosen)
        self.row_opened.connect(self.cluster_opened)
        self.set_sizes(())

    def set_sizes(self, sizes: Sequence[int]) -> None:
        """Show the number of images in each cluster."""
        self._sizes = [int(size) for size in sizes]
        self.redraw()

    def redraw(self) -> None:
        """Make the rows again in the colours now in use."""
        total = sum(self._sizes)
        rows = [
            BarRow(
                f"Cluster {number + 1}",
                (Bar(size, theme.cluster_colour(number), count(size)),),
                f"Cluster {number + 1}: {images(size)}, {percent(round(size / total, 3))} of the class",
                theme.cluster_symbol(number),
                theme.cluster_colour(number),
            )
            for number, size in enumerate(self._sizes)
        ]
        self.set_rows(rows, note="No clusters yet")
