"""The medoids of a class, large enough to inspect, each with its cluster's colour and share (Fig. 5)."""

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from coreset_studio.core.words import percent
from coreset_studio.desktop_app.models.thumbnail_model import Thumbnail
from coreset_studio.desktop_app.models.thumbnail_store import ThumbnailStore
from coreset_studio.desktop_app.widgets.thumbnail_row import ThumbnailRow
from coreset_studio.desktop_app.widgets.words import images


class Medoid(NamedTuple):
    """The medoid of one cluster.

    Attributes
    ----------
    key : int
        Index of the image.
    file, title : str
        Thumbnail and path.
    n_images : int
        In its cluster.
    share : float
        Of the class, 0 to 1.
    """

    key: int
    file: str
    title: str
    n_images: int
    share: float


class MedoidStrip(QScrollArea):
    """One thumbnail a cluster; scrolls sideways where they do not fit.

    Signals
    -------
    hovered, opened, preview_requested : (int)
        Key of a medoid.
    cluster_chosen : (int)
        Number of the cluster (from 0) that was clicked or walked to.
    """

    hovered = Signal(int)
    opened = Signal(int)
    preview_requested = Signal(int)
    cluster_chosen = Signal(int)

    def __init__(self, side: int = 128, parent: QWidget | None = None, store: ThumbnailStore | None = None) -> None:
        super().__init__(parent)
        self.row = ThumbnailRow(side, "Medoids", store=store)
        self.row.setToolTip("Images at the centre of each cluster")
        self.row.set_note("No clusters yet")
        self.setAccessibleName("Medoids by cluster")
        self.setWidget(self.row)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._numbers: dict[int, int] = {}
        self.row.hovered.connect(self.hovered)
        self.row.opened.connect(self.opened)
        self.row.preview_requested.connect(self.preview_requested)
        self.row.clicked.connect(self._choose)
        self._fit_height()

    def set_medoids(self, medoids: Sequence[Medoid]) -> None:
        """Show the medoids, in the order of their clusters."""
        self._numbers = {medoid.key: number for number, medoid in enumerate(medoids)}
        self.row.set_images([_thumbnail(number, medoid) for number, medoid in enumerate(medoids)])
        self.row.setMinimumWidth(self.row.sizeHint().width())
        self._fit_height()

    def set_cluster(self, number: int) -> None:
        """Show a cluster as chosen; -1 for none."""
        key = next((key for key, one in self._numbers.items() if one == number), -1)
        self.row.set_chosen(key)

    def _fit_height(self) -> None:
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(self.row.sizeHint().height() + bar)

    def _choose(self, key: int) -> None:
        self.row.set_chosen(key)
        self.cluster_chosen.emit(self._numbers[key])


def _thumbnail(number: int, medoid: Medoid) -> Thumbnail:
    share = percent(round(medoid.share, 2) if medoid.share >= 0.01 else medoid.share)
    caption = f"Cluster {number + 1} · {share}\n{images(medoid.n_images)}"
    return Thumbnail(medoid.key, medoid.file, f"Medoid of cluster {number + 1}: {medoid.title}", number, caption)
