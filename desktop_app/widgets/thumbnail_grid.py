"""Images as a grid that scrolls: lazily loaded, with selection, badges and keys."""

from collections.abc import Iterable, Sequence

import numpy as np
from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_model import KEY, Thumbnail, ThumbnailModel
from coreset_studio.desktop_app.models.thumbnail_store import ThumbnailStore, shared_store
from coreset_studio.desktop_app.widgets.thumbnail_painter import Look, paint_thumbnail
from coreset_studio.desktop_app.widgets.words import paint_note

NONE = -1


class ThumbnailGrid(QListView):
    """A grid of images.

    Arrow keys walk, Space asks for a preview, Enter or a double click opens, Shift and Ctrl select more, Ctrl+A all.

    Signals
    -------
    hovered : (int)
        Key of the image under the mouse, -1 for none.
    current_changed : (int)
        Key of the image that the keyboard is at, -1 for none.
    opened : (int)
    preview_requested : (int)
    selection_changed : (object)
        Keys of the selected images, an int64 array in the order shown.
    """

    hovered = Signal(int)
    current_changed = Signal(int)
    opened = Signal(int)
    preview_requested = Signal(int)
    selection_changed = Signal(object)

    def __init__(self, side: int = 96, parent: QWidget | None = None, store: ThumbnailStore | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Images")
        self.images = ThumbnailModel(store or shared_store(), self)
        self.setModel(self.images)
        self.setItemDelegate(_Delegate(self))
        # List mode with wrapping lays out 17,000 cells by arithmetic; icon mode keeps a search tree of them.
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setLayoutMode(QListView.LayoutMode.SinglePass)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self._hovered = NONE
        self._note = "No images yet"
        self._has_captions = False
        self.set_side(side)
        self.doubleClicked.connect(self._open)
        self.selectionModel().selectionChanged.connect(self._emit_selection)
        self.selectionModel().currentChanged.connect(self._emit_current)
        theme.changed.connect(self.viewport().update)

    def set_side(self, side: int) -> None:
        """Show images `side` logical pixels wide and high."""
        self._side = side
        height = side + theme.UNIT + self.caption_height
        self.setGridSize(QSize(side + theme.UNIT, height))
        self.verticalScrollBar().setSingleStep(height // 2)

    def set_captions(self, shown: bool) -> None:
        """Show the captions of the images below them, or not."""
        self._has_captions = shown
        self.set_side(self._side)

    @property
    def caption_height(self) -> int:
        """Height of a caption, in logical pixels; 0 while none are shown."""
        return self.fontMetrics().height() + 2 if self._has_captions else 0

    @property
    def side(self) -> int:
        """Width and height of an image, in logical pixels."""
        return self._side

    def set_images(self, images: Sequence[Thumbnail]) -> None:
        """Show other images, from the top, none selected."""
        self.images.set_images(images)
        self._hovered = NONE
        self.scrollToTop()
        self.setAccessibleName(f"{len(images):,} images")

    def set_note(self, note: str) -> None:
        """Set the text shown while there are no images: what will appear here, or why nothing does."""
        self._note = note
        self.viewport().update()

    @property
    def note(self) -> str:
        """The text shown while there are no images."""
        return self._note

    def set_badges(self, **marks: Iterable[int] | None) -> None:
        """Mark images; see `ThumbnailModel.set_badges`."""
        self.images.set_badges(**marks)

    def selected_keys(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the keys of the selected images, in the order shown."""
        parts = self.selectionModel().selection()
        rows = sorted(row for i in range(parts.count()) for row in range(parts.at(i).top(), parts.at(i).bottom() + 1))
        return self.images.keys[rows]

    def set_selected_keys(self, keys: Iterable[int]) -> None:
        """Select images; those not shown are passed over."""
        selection = QItemSelection()
        for first, last in _runs(self.images.rows_of(keys)):
            selection.select(self.images.index(first), self.images.index(last))
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def show_key(self, key: int) -> None:
        """Make an image the current one and scroll to it."""
        row = self.images.row_of(key)
        if row >= 0:
            index = self.images.index(row)
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
            self.scrollTo(index)

    def current_key(self) -> int:
        """Return the key of the image that the keyboard is at, -1 for none."""
        index = self.currentIndex()
        return int(index.data(KEY)) if index.isValid() else NONE

    def drop_selection(self) -> bool:
        """Select nothing; return whether something was selected."""
        had_one = self.selectionModel().hasSelection()
        self.clearSelection()
        return had_one

    # --- Qt ---

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Space previews, Enter opens, Escape selects nothing."""
        key = event.key()
        if key == Qt.Key.Key_Space and self.current_key() != NONE:
            self.preview_requested.emit(self.current_key())
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current_key() != NONE:
            self.opened.emit(self.current_key())
        elif key == Qt.Key.Key_Escape and self.drop_selection():
            pass
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the images, or the text for an empty grid."""
        super().paintEvent(event)
        if not len(self.images.keys):
            paint_note(self.viewport(), self._note)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell which image is under the mouse."""
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        self._set_hovered(int(index.data(KEY)) if index.isValid() else NONE)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that no image is under the mouse."""
        super().leaveEvent(event)
        self._set_hovered(NONE)

    def _set_hovered(self, key: int) -> None:
        if key != self._hovered:
            self._hovered = key
            self.hovered.emit(key)

    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(int(index.data(KEY)))

    def _emit_selection(self) -> None:
        self.selection_changed.emit(self.selected_keys())

    def _emit_current(self, index: QModelIndex) -> None:
        self.current_changed.emit(int(index.data(KEY)) if index.isValid() else NONE)


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return ascending rows as (first, last) of runs without gaps; a selection of runs is much cheaper."""
    if not rows:
        return []
    array = np.asarray(rows)
    breaks = np.flatnonzero(np.diff(array) > 1)
    firsts, lasts = np.r_[array[0], array[breaks + 1]], np.r_[array[breaks], array[-1]]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


class _Delegate(QStyledItemDelegate):
    """Draws one image of the grid."""

    def __init__(self, grid: ThumbnailGrid) -> None:
        super().__init__(grid)
        self._grid = grid

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: ARG002, N802
        return self._grid.gridSize()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        # Past the model's `data`: Qt would turn the named tuple into a list on the way.
        image = self._grid.images.image(index.row())
        store = self._grid.images.store
        pixmap = self._grid.images.pixmap(index.row(), image)
        state = option.state
        look = Look(
            chosen=bool(state & QStyle.StateFlag.State_Selected),
            focused=bool(state & QStyle.StateFlag.State_HasFocus),
            hovered=bool(state & QStyle.StateFlag.State_MouseOver),
            cluster=image.cluster,
            badges=self._grid.images.badges(image.key),
        )
        inset = theme.UNIT // 2
        below = self._grid.caption_height
        cell = option.rect.adjusted(inset // 2, inset // 2, -inset // 2, -inset // 2 - below)
        paint_thumbnail(painter, cell, pixmap, "" if pixmap else store.error(image.file), look)
        if below and image.caption:
            place = QRect(cell.left() + 2, cell.bottom() + 2, cell.width() - 4, below)
            painter.setPen(QColor(theme.colours().text if look.chosen else theme.colours().muted))
            words = option.fontMetrics.elidedText(image.caption, Qt.TextElideMode.ElideMiddle, place.width())
            painter.drawText(place, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter), words)
