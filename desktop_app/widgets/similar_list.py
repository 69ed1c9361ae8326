"""The images that are most similar to one, in a column: thumbnail, class and distance."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.models.thumbnails import Thumbnail
from coreset_studio.desktop_app.widgets.words import paint_note

SIDE = theme.UNIT * 6


class SimilarList(QListWidget):
    """Images by rising distance; a click, Enter or Space opens one.

    Signals
    -------
    opened : (int)
        Key of the image.
    """

    opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: Sequence[Thumbnail] = ()
        self._note = ""
        self.setAccessibleName("Similar images")
        self.setIconSize(QSize(SIDE, SIDE))
        self.setSpacing(theme.UNIT // 4)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setMinimumHeight(SIDE * 2)
        self.itemClicked.connect(self._open)
        self._store = shared_store()
        self._store.loaded.connect(self._on_loaded)

    @property
    def images(self) -> Sequence[Thumbnail]:
        """The images listed, the most similar first."""
        return self._images

    @property
    def note(self) -> str:
        """The text shown while there are no images."""
        return self._note

    def set_images(self, images: Sequence[Thumbnail]) -> None:
        """List images; their captions say class and distance."""
        self._images, self._note = images, ""
        self.clear()
        for image in images:
            item = QListWidgetItem(image.caption)
            item.setToolTip(image.title)
            item.setIcon(self._icon(image.file))
            self.addItem(item)

    def set_note(self, note: str) -> None:
        """List nothing, and say why or what is to come."""
        self._images, self._note = (), note
        self.clear()
        self.setAccessibleDescription(note)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the images, or the note."""
        super().paintEvent(event)
        if not self._images and self._note:
            paint_note(self.viewport(), self._note)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Open the current image with Enter or Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.currentItem() is not None:
            self._open(self.currentItem())
        else:
            super().keyPressEvent(event)

    def _open(self, item: QListWidgetItem) -> None:
        self.opened.emit(self._images[self.row(item)].key)

    def _icon(self, file: str) -> QIcon:
        pixmap = self._store.pixmap(file)
        # The place is kept until the thumbnail has been read.
        return QIcon(pixmap) if pixmap is not None else theme.icon("image", "muted")

    def _on_loaded(self, file: str) -> None:
        for row, image in enumerate(self._images):
            if image.file == file:
                self.item(row).setIcon(self._icon(file))
