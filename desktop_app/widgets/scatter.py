"""The images of a class in two components, by cluster, with the medoids (Fig. 5)."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QWidget

from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.geometry import Points, inside, nearest
from coreset_studio.desktop_app.widgets.lasso_view import LassoView
from coreset_studio.desktop_app.widgets.like_points import LikePoints
from coreset_studio.desktop_app.widgets.plot import Plot
from coreset_studio.desktop_app.widgets.plot_export import Table

Rows = NDArray[np.int64]
NONE = -1
REACH_PX = 12.0
SIZE_FEW, SIZE_MANY = 9, 6
FEW, MANY = 300, 10_000
DIMMED = 0.22
NO_ROWS: Rows = np.zeros(0, dtype=np.int64)


class Scatter(Plot):
    """Points by cluster: colours and markers, medoids ringed.

    Left drag draws a lasso (with Shift or Ctrl it adds), a click selects one image, a click on nothing selects none;
    middle or right drag moves, the wheel zooms. Keys: Left and Right walk the images of a cluster, Up and Down go to
    the cluster before and after, Enter opens, Space previews, Ctrl+A selects all, Escape none, Home shows everything.

    Signals
    -------
    hovered, clicked, opened, preview_requested : (int)
        Row of a point; -1 where `hovered` left them all.
    selection_changed : (object)
        Selected rows, int64, ascending; empty for none.
    menu_requested : (int, QPoint)
        Row of the point that was clicked with the right button, or that the keyboard is at, -1 for none; and where on
        the screen.
    """

    hovered = Signal(int)
    clicked = Signal(int)
    opened = Signal(int)
    preview_requested = Signal(int)
    selection_changed = Signal(object)
    menu_requested = Signal(int, QPoint)

    def __init__(self, parent: QWidget | None = None, name: str = "Images by cluster") -> None:
        self._view = LassoView()
        super().__init__(name, parent=parent, view_box=self._view)
        self._points: Points = np.zeros((0, 2))
        self._labels: Rows = NO_ROWS
        self._medoids: Rows = NO_ROWS
        self._selected: Rows = NO_ROWS
        self._chosen: Rows = NO_ROWS
        self._walk: Rows = NO_ROWS
        self._current = NONE
        self._hovered = NONE
        self._pressed, self._wandered = QPointF(), 0.0
        self._items: list[Any] = []
        self._over: list[Any] = []
        self._chosen_item = self._marker(20)
        self._medoid_item = self._marker(40)
        self._ring = self._marker(50)
        self._view.outlined.connect(self._select_outline)
        self.setMouseTracking(True)
        self.set_note("No clusters yet")

    def _marker(self, depth: int) -> Any:
        item = LikePoints(pxMode=True)
        item.setZValue(depth)
        self.addItem(item)
        return item

    # --- content ---

    def set_points(
        self, points: NDArray[Any], labels: Rows, medoids: Rows, x_label: str, y_label: str, note: str = ""
    ) -> None:
        """Show the images of a class.

        Parameters
        ----------
        points : ndarray of shape (n, 2)
            Two components.
        labels : ndarray of shape (n,), int64
            Cluster of each, from 0.
        medoids : ndarray of shape (k,), int64
            Rows of the medoids.
        x_label, y_label : str
            Such as "component 1 (12 % of variance)"; see `component_label`.
        note : str
            Said in the middle while there are no points.
        """
        self._points = np.ascontiguousarray(points, dtype=np.float64)
        self._labels = np.asarray(labels, dtype=np.int64)
        self._medoids = np.asarray(medoids, dtype=np.int64)
        self._selected = self._chosen = NO_ROWS
        self._current = self._hovered = NONE
        # The keyboard walks cluster by cluster, from the outside in as the first component goes.
        self._walk = np.lexsort((self._points[:, 0], self._labels)) if len(self._points) else NO_ROWS
        self.set_axis_labels(x_label, y_label)
        self.set_note("" if len(self._points) else note or "No clusters yet")
        self.setAccessibleDescription(f"{len(self._points):,} images in {len(self._medoids)} clusters")
        self.redraw()
        self.fit()

    def forget(self) -> None:
        """Show no images, as before there were any."""
        self.set_points(np.zeros((0, 2)), NO_ROWS, NO_ROWS, "", "")

    def set_selection(self, rows: NDArray[Any]) -> None:
        """Show rows as selected, without a signal; the others fade. None selected shows all."""
        self._selected = np.unique(np.asarray(rows, dtype=np.int64))
        self._draw_selection()

    def set_chosen(self, rows: NDArray[Any]) -> None:
        """Ring the rows that are in the coreset."""
        self._chosen = np.asarray(rows, dtype=np.int64)
        self._draw_chosen()

    def set_current(self, row: int) -> None:
        """Ring one row, without a signal; -1 for none."""
        self._current = row
        self._draw_ring()

    def set_panning(self, panning: bool) -> None:
        """Let left drag move the plot instead of drawing a lasso."""
        self._view.panning = panning

    @property
    def chosen(self) -> Rows:
        """The rows that are in the coreset."""
        return self._chosen

    @property
    def selection(self) -> Rows:
        """The selected rows, ascending."""
        return self._selected

    def plot_table(self) -> Table:
        """Return coordinates, cluster and whether a medoid, a line an image."""
        medoids = set(self._medoids.tolist())
        return (
            (*self.axis_labels(), "cluster", "medoid"),
            [
                (x, y, label + 1, "yes" if row in medoids else "no")
                for row, ((x, y), label) in enumerate(zip(self._points.tolist(), self._labels.tolist(), strict=True))
            ],
        )

    # --- drawing ---

    def redraw(self) -> None:
        """Draw all points in the colours now in use: one item a cluster, as a brush a point is 25 times slower."""
        n_clusters = int(self._labels.max()) + 1 if len(self._labels) else 0
        while len(self._items) < n_clusters:
            self._items.append(self._marker(10))
            self._over.append(self._marker(30))
        for number, item in enumerate(self._items):
            self._fill(item, number, np.flatnonzero(self._labels == number) if number < n_clusters else NO_ROWS)
        named = theme.colours()
        at = self._points[self._medoids] if len(self._points) else self._points
        self._medoid_item.setData(
            at[:, 0],
            at[:, 1],
            symbol=theme.medoid_symbol(),
            size=17,
            brush=pg.mkBrush(named.medoid),
            pen=pg.mkPen(named.surface, width=1.5),
        )
        self._draw_chosen()
        self._draw_selection()
        self._draw_ring()

    def _fill(self, item: Any, number: int, rows: Rows, *, solid: bool = False) -> None:
        colour = self.colour_of(number)
        brush = QColor(colour)
        # Many selected points stay translucent: solid ones would hide the cluster below and how dense a place is.
        few = len(self._selected if solid else self._points) <= FEW * 10
        brush.setAlpha(255 if solid and few else self._alpha())
        pen = pg.mkPen(theme.edge(colour), width=0.8) if few else None
        at = self._points[rows]
        item.setData(at[:, 0], at[:, 1], symbol=self.symbol_of(number), size=self._size(), brush=brush, pen=pen)

    def colour_of(self, number: int) -> str:
        """Return the colour of a cluster, as ``#rrggbb``."""
        return theme.cluster_colour(number)

    def symbol_of(self, number: int) -> str:
        """Return the marker of a cluster as pyqtgraph names it."""
        return theme.cluster_symbol(number)

    def _alpha(self) -> int:
        """Return the opacity (0 to 255) at which dense places still show their density."""
        n = max(1, len(self._points))
        share = np.clip((np.log10(n) - np.log10(FEW)) / (np.log10(MANY) - np.log10(FEW)), 0, 1)
        return round(235 - 115 * float(share))

    def _size(self) -> float:
        n = max(1, len(self._points))
        share = np.clip((np.log10(n) - np.log10(FEW)) / (np.log10(MANY) - np.log10(FEW)), 0, 1)
        return SIZE_FEW - (SIZE_FEW - SIZE_MANY) * float(share)

    def _draw_selection(self) -> None:
        some = len(self._selected) > 0
        labels = self._labels[self._selected]
        for number, (item, over) in enumerate(zip(self._items, self._over, strict=True)):
            item.setOpacity(DIMMED if some else 1.0)
            rows = self._selected[labels == number]
            if len(rows) or len(over.data):
                self._fill(over, number, rows, solid=True)

    def _draw_chosen(self) -> None:
        at = self._points[self._chosen]
        pen = pg.mkPen(theme.colours().text, width=1.4)
        self._chosen_item.setData(at[:, 0], at[:, 1], symbol="o", size=self._size() + 5, brush=None, pen=pen)

    def _draw_ring(self) -> None:
        row = self._hovered if self._hovered != NONE else self._current
        at = self._points[[row]] if 0 <= row < len(self._points) else self._points[:0]
        pen = pg.mkPen(theme.colours().accent, width=2.5)
        self._ring.setData(at[:, 0], at[:, 1], symbol="o", size=20, brush=None, pen=pen)

    # --- mouse ---

    def row_at(self, position: QPointF) -> int:
        """Return the row of the point at a place of the widget, -1 for none."""
        if not len(self._points):
            return NONE
        scene = self.mapToScene(position.toPoint())
        if not self._view.sceneBoundingRect().contains(scene):
            return NONE
        at = self._view.mapSceneToView(scene)
        wide, high = self._view.viewPixelSize()
        return nearest(self._points / (wide, high), (at.x() / wide, at.y() / high), REACH_PX)

    def mouseMoveEvent(self, ev: QMouseEvent) -> None:  # noqa: N802
        """Tell which image is under the mouse."""
        super().mouseMoveEvent(ev)
        self._wandered = max(self._wandered, (ev.position() - self._pressed).manhattanLength())
        if ev.buttons() == Qt.MouseButton.NoButton:
            self._hover(self.row_at(ev.position()))

    def leaveEvent(self, ev: QEvent) -> None:  # noqa: N802
        """Tell that none is."""
        super().leaveEvent(ev)
        self._hover(NONE)

    def mousePressEvent(self, ev: QMouseEvent) -> None:  # noqa: N802
        """Remember where a click began."""
        self._pressed, self._wandered = ev.position(), 0.0
        super().mousePressEvent(ev)

    def mouseReleaseEvent(self, ev: QMouseEvent) -> None:  # noqa: N802
        """Select the image that was clicked."""
        super().mouseReleaseEvent(ev)
        # A lasso ends where it began: what counts is how far the mouse went in between.
        if ev.button() == Qt.MouseButton.RightButton and self._wandered < REACH_PX / 3:
            self.menu_requested.emit(self.row_at(ev.position()), ev.globalPosition().toPoint())
        elif ev.button() == Qt.MouseButton.LeftButton and self._wandered < REACH_PX / 3:
            row = self.row_at(ev.position())
            if row == NONE:
                self._select(NO_ROWS)
                return
            adding = ev.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
            self._go(row, adding=bool(adding))

    def mouseDoubleClickEvent(self, ev: QMouseEvent) -> None:  # noqa: N802
        """Open the image."""
        self._pressed, self._wandered = ev.position(), 0.0
        super().mouseDoubleClickEvent(ev)
        row = self.row_at(ev.position())
        if row != NONE:
            self.opened.emit(row)

    def _select_outline(self, corners: Points, adding: bool) -> None:
        rows = np.flatnonzero(inside(self._points, corners))
        self._select(np.union1d(self._selected, rows) if adding else rows)

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            self._hovered = row
            self._draw_ring()
            self.hovered.emit(row)

    # --- keys ---

    def drop_selection(self) -> bool:
        """Select nothing; return whether something was selected."""
        if not len(self._selected):
            return False
        self._select(NO_ROWS)
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Walk, select, open."""
        key = Qt.Key(event.key())
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and len(self._walk):
            self._step(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and len(self._medoids):
            label = self._labels[self._current] if self._current != NONE else -1
            step = 1 if key == Qt.Key.Key_Down else -1
            self._go(int(self._medoids[(label + step) % len(self._medoids)]))
        elif key == Qt.Key.Key_A and control:
            self._select(np.arange(len(self._points)))
        elif key == Qt.Key.Key_Escape and self.drop_selection():
            pass
        elif key == Qt.Key.Key_Space and self._current != NONE:
            self.preview_requested.emit(self._current)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current != NONE:
            self.opened.emit(self._current)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, ev: QContextMenuEvent) -> None:  # noqa: N802
        """Open the menu by the keyboard; the mouse does when its button is released, as it also drags."""
        if ev.reason() == QContextMenuEvent.Reason.Keyboard:
            self.menu_requested.emit(self._current, self.mapToGlobal(self.rect().center()))
        ev.accept()

    def _step(self, step: int) -> None:
        place = np.flatnonzero(self._walk == self._current)
        at = (int(place[0]) + step) % len(self._walk) if len(place) else 0
        self._go(int(self._walk[at]))

    def _go(self, row: int, *, adding: bool = False) -> None:
        self._current = row
        self._draw_ring()
        self.clicked.emit(row)
        self._select(np.setxor1d(self._selected, [row]) if adding else np.array([row]))

    def _select(self, rows: NDArray[Any]) -> None:
        rows = rows.astype(np.int64)
        if not np.array_equal(rows, self._selected):
            self._selected = rows
            self._draw_selection()
            self.selection_changed.emit(rows)


def component_label(number: int, share: float | None = None) -> str:
    """Return the label of an axis: ``component 1 (12 % of variance)``.

    Parameters
    ----------
    number : int
        From 0.
    share : float or None
        Of the variance, 0 to 1.
    """
    if share is None or share != share:
        return f"component {number + 1}"
    return f"component {number + 1} ({percent(round(share, 2 if share >= 0.0095 else 3))} of variance)"
