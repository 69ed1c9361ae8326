"""Bars of the images a sampler takes from each cluster, next to random sampling (Fig. 2)."""

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.bar_rows import Bar, BarRow
from coreset_studio.desktop_app.widgets.bars import Bars
from coreset_studio.desktop_app.widgets.plot_export import Table
from coreset_studio.desktop_app.widgets.words import count, images


class Taken(NamedTuple):
    """The numbers of images taken from one cluster.

    Attributes
    ----------
    class_name : str
    cluster : int
        From 0.
    n_images : int
        In the cluster.
    here, random : int
        Taken by the sampler, and by random sampling of the same total.
    """

    class_name: str
    cluster: int
    n_images: int
    here: int
    random: int


class BarPairs(QScrollArea):
    """Two bars a cluster, grouped by class.

    Signals
    -------
    cluster_hovered, cluster_chosen, cluster_opened : (str, int)
        Class and number of the cluster, from 0; an empty name and -1 where the mouse left them all.
    """

    cluster_hovered = Signal(str, int)
    cluster_chosen = Signal(str, int)
    cluster_opened = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bars = Bars("Images taken from each cluster", ("taken", "random sampling"))
        self._taken: Sequence[Taken] = ()
        self._at: list[tuple[str, int]] = []
        self._sampler = "intelligent"
        self.setAccessibleName("Images taken from each cluster, compared with random sampling")
        self.setWidget(self.bars)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.bars.row_hovered.connect(self._hover)
        self.bars.row_clicked.connect(self._choose)
        self.bars.row_opened.connect(self._open)
        theme.changed.connect(self._redraw)
        self._redraw()

    def set_taken(self, taken: Sequence[Taken], sampler: str) -> None:
        """Show what is taken, by class and cluster in the order given.

        Parameters
        ----------
        taken : sequence of Taken
        sampler : str
            Name of the sampler, for its colour and title.
        """
        self._taken, self._sampler = taken, sampler
        self._redraw()

    def forget(self) -> None:
        """Show nothing, and no row as chosen."""
        self.bars.set_chosen(-1)
        self.set_taken((), self._sampler)

    def plot_name(self) -> str:
        """Return the name that files get."""
        return "taken from each cluster"

    def plot_table(self) -> Table:
        """Return a line a cluster."""
        return (
            ("class", "cluster", "images", self._sampler, "random"),
            [(one.class_name, one.cluster + 1, one.n_images, one.here, one.random) for one in self._taken],
        )

    def _redraw(self) -> None:
        here, random = theme.sampler_colour(self._sampler), theme.sampler_colour("random")
        title = theme.sampler_title(self._sampler)
        rows: list[BarRow] = []
        self._at = []
        last = None
        for one in self._taken:
            if one.class_name != last:
                last = one.class_name
                of_class = [other for other in self._taken if other.class_name == last]
                total = sum(other.here for other in of_class)
                rows.append(BarRow(last, note=f"{count(total)} of {images(sum(o.n_images for o in of_class))}"))
                self._at.append((last, -1))
            rows.append(
                BarRow(
                    f"Cluster {one.cluster + 1} ({count(one.n_images)})",
                    (
                        Bar(one.here, here, count(one.here)),
                        Bar(one.random, random, count(one.random), hollow=True),
                    ),
                    f"{one.class_name}, cluster {one.cluster + 1} of {images(one.n_images)}: {title} takes "
                    f"{count(one.here)}, random sampling {count(one.random)}",
                    theme.cluster_symbol(one.cluster),
                    theme.cluster_colour(one.cluster),
                )
            )
            self._at.append((one.class_name, one.cluster))
        self.bars.set_rows(
            rows,
            legend=((title, here, False), ("Random sampling", random, True)) if rows else (),
            note="No images taken yet",
        )

    def _hover(self, row: int) -> None:
        self.cluster_hovered.emit(*(self._at[row] if row >= 0 else ("", -1)))

    def _choose(self, row: int) -> None:
        self.bars.set_chosen(row)
        self.cluster_chosen.emit(*self._at[row])

    def _open(self, row: int) -> None:
        self.cluster_opened.emit(*self._at[row])
