"""One row of images large enough to inspect: sample images of a class, or the medoids of its clusters."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_model import Badges, Thumbnail
from coreset_studio.desktop_app.models.thumbnail_store import ThumbnailStore, shared_store
from coreset_studio.desktop_app.widgets.thumbnail_painter import NO_BADGES, Look, paint_thumbnail
from coreset_studio.desktop_app.widgets.words import paint_note

NONE = -1


class ThumbnailRow(QWidget):
    """A row of images with captions; what does not fit is left out at the right, or scrolls where a page says so.

    Left and right walk, Space previews, Enter or a double click opens.

    Signals
    -------
    hovered, clicked, opened, preview_requested : (int)
        Key of the image; -1 where `hovered` left them all.
    """

    hovered = Signal(int)
    clicked = Signal(int)
    opened = Signal(int)
    preview_requested = Signal(int)

    def __init__(
        self, side: int = 112, name: str = "Images", parent: QWidget | None = None, store: ThumbnailStore | None = None
    ) -> None:
        super().__init__(parent)
        self._side = side
        self._name = name
        self._store = store or shared_store()
        self._images: Sequence[Thumbnail] = ()
        self._note = "No images yet"
        self._badges: dict[int, Badges] = {}
        self._current = 0
        self._hovered = NONE
        self._chosen = NONE
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        self._store.loaded.connect(self._on_loaded)
        self._store.failed.connect(self._on_loaded)
        theme.changed.connect(self.update)

    def set_images(self, images: Sequence[Thumbnail]) -> None:
        """Show other images."""
        self._images = images
        self._current = 0
        self._hovered = self._chosen = NONE
        spoken = "; ".join(f"{image.title} {image.caption}".strip() for image in images[:20])
        self.setAccessibleDescription(spoken)
        self.updateGeometry()
        self.update()

    def set_note(self, note: str) -> None:
        """Set the text shown while there are no images."""
        self._note = note
        self.update()

    def set_badges(self, badges: dict[int, Badges]) -> None:
        """Mark images by key."""
        self._badges = badges
        self.update()

    def set_chosen(self, key: int) -> None:
        """Show one image as chosen; -1 for none."""
        self._chosen = key
        self.update()

    @property
    def images(self) -> Sequence[Thumbnail]:
        """The images shown."""
        return self._images

    def current_key(self) -> int:
        """Return the key of the image that the keyboard is at, -1 for none."""
        return self._images[self._current].key if self._images else NONE

    def key_at(self, at: QPoint) -> int:
        """Return the key of the image at a point of the widget, -1 for none."""
        number = self._number_at(at.x())
        return self._images[number].key if number != NONE else NONE

    # --- geometry ---

    def _caption_height(self) -> int:
        lines = max((image.caption.count("\n") + 1 for image in self._images if image.caption), default=0)
        return lines * self.fontMetrics().height() + (theme.UNIT // 2 if lines else 0)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Have room for every image."""
        step = self._side + theme.UNIT
        return QSize(max(1, len(self._images)) * step, self._side + self._caption_height() + 4)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Have room for one image."""
        return QSize(self._side, self.sizeHint().height())

    def _cell(self, number: int) -> QRect:
        return QRect(number * (self._side + theme.UNIT) + 2, 2, self._side, self._side)

    def _n_visible(self) -> int:
        fitting = max(1, (self.width() - 2 + theme.UNIT) // (self._side + theme.UNIT))
        return min(len(self._images), fitting)

    def _number_at(self, x: int) -> int:
        number = (x - 2) // (self._side + theme.UNIT)
        return number if 0 <= number < self._n_visible() and self._cell(number).right() >= x else NONE

    # --- drawing ---

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw the images that fit."""
        if not self._images:
            paint_note(self, self._note)
            return
        painter = QPainter(self)
        named = theme.colours()
        for number in range(self._n_visible()):
            image = self._images[number]
            pixmap = self._store.pixmap(image.file)
            look = Look(
                chosen=image.key == self._chosen,
                focused=self.hasFocus() and number == self._current,
                hovered=number == self._hovered,
                cluster=image.cluster,
                badges=self._badges.get(image.key, NO_BADGES),
            )
            cell = self._cell(number)
            paint_thumbnail(painter, cell, pixmap, "" if pixmap else self._store.error(image.file), look)
            if image.caption:
                below = QRect(cell.left() + 3, cell.bottom() + 4, self._side - 3, self._caption_height())
                for line, words in enumerate(image.caption.split("\n")):
                    painter.setPen(QColor(named.text if line == 0 else named.muted))
                    place = below.adjusted(0, line * self.fontMetrics().height(), 0, 0)
                    short = self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, place.width())
                    painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop), short)
        painter.end()

    # --- mouse and keys ---

    def event(self, event: QEvent) -> bool:
        """Show the title, or why an image cannot be shown, as tooltip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            number = self._number_at(event.pos().x())
            if number == NONE:
                QToolTip.hideText()
            else:
                image = self._images[number]
                QToolTip.showText(event.globalPos(), self._store.error(image.file) or image.title, self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell which image is under the mouse."""
        self._hover(self._number_at(event.position().toPoint().x()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that none is."""
        super().leaveEvent(event)
        self._hover(NONE)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose an image."""
        number = self._number_at(event.position().toPoint().x())
        if event.button() == Qt.MouseButton.LeftButton and number != NONE:
            self._current = number
            self.update()
            self.clicked.emit(self._images[number].key)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Keep clicks to itself."""
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Open an image."""
        number = self._number_at(event.position().toPoint().x())
        if number != NONE:
            self.opened.emit(self._images[number].key)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Walk, preview, open."""
        last = self._n_visible() - 1
        key = event.key()
        moves = {
            Qt.Key.Key_Left: max(0, self._current - 1),
            Qt.Key.Key_Right: min(last, self._current + 1),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if last < 0:
            event.ignore()
        elif Qt.Key(key) in moves:
            self._current = moves[Qt.Key(key)]
            self.update()
            self.clicked.emit(self._images[self._current].key)
        elif key == Qt.Key.Key_Space:
            self.preview_requested.emit(self._images[self._current].key)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(self._images[self._current].key)
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.update()

    def _hover(self, number: int) -> None:
        if number != self._hovered:
            self._hovered = number
            self.update()
            self.hovered.emit(self._images[number].key if number != NONE else NONE)

    def _on_loaded(self, file: str) -> None:
        if any(image.file == file for image in self._images):
            self.update()
