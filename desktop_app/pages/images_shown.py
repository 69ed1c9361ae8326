"""The images of a dataset as pages show them: thumbnails, and the one under the mouse."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QCursor, QPixmap
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.models.thumbnails import LazyThumbnails, Thumbnail

HOVER_SIDE = 128


def pool_by_class(summary: DatasetSummary | None) -> dict[str, int]:
    """Return how many images of the pool each class has; classes without any are left out."""
    if summary is None:
        return {}
    counts = np.bincount(summary.dataset.labels[summary.split.pool], minlength=len(summary.dataset.classes))
    return {name: int(n) for name, n in zip(summary.dataset.classes, counts, strict=True) if n}


class ImagesShown:
    """Thumbnails of a scanned dataset, with the cluster that gives each its colour."""

    def __init__(self) -> None:
        self.summary: DatasetSummary | None = None
        self._last: DatasetSummary | None = None
        self._places: dict[str, int] = {}
        self._files: dict[int, str] = {}

    def set_summary(self, summary: DatasetSummary | None) -> None:
        """Take another dataset; None while it is being read."""
        if summary is not self.summary:
            self.summary = summary
            self._last = summary or self._last
            self._places, self._files = {}, {}

    def are_others(self, summary: DatasetSummary | None) -> bool:
        """Return whether the numbers of `summary` name other images than those of the dataset before."""
        before = self._last
        if summary is None or before is None or summary is before:
            return False
        return summary.paths != before.paths

    def forget(self) -> None:
        """Have no dataset, and none before."""
        self.set_summary(None)
        self._last = None

    def thumbnail(self, index: int, cluster: int = -1) -> Thumbnail:
        """Return the thumbnail of one image."""
        if self.summary is None:
            return Thumbnail(index, "", "", cluster)
        file = self._files.get(index)
        if file is None:
            # Building a path costs 10 µs, and a class has thousands.
            file = self._files[index] = str(self.summary.thumbnail(index))
        return Thumbnail(index, file, self.summary.dataset.images[index].path, cluster)

    def thumbnails(self, indices: Any, clusters: Any) -> LazyThumbnails:
        """Return the thumbnails of many images, created on demand.

        Parameters
        ----------
        indices, clusters : array-like of shape (n,), int64
        """
        indices, clusters = np.asarray(indices, dtype=np.int64), np.asarray(clusters, dtype=np.int64)

        def make(row: int) -> Thumbnail:
            return self.thumbnail(int(indices[row]), int(clusters[row]))

        return LazyThumbnails(indices, make)

    def path(self, index: int) -> str:
        """Return the path of an image."""
        return "" if self.summary is None else self.summary.dataset.images[index].path

    def class_of(self, index: int) -> str:
        """Return the class of an image."""
        return "" if self.summary is None else self.summary.dataset.images[index].class_name

    def indices(self, paths: Iterable[str]) -> list[int]:
        """Return the images of paths that are in the dataset."""
        paths = tuple(paths)
        if self.summary is None or not paths:
            return []
        if not self._places:
            self._places = {image.path: index for index, image in enumerate(self.summary.dataset.images)}
        return [self._places[path] for path in paths if path in self._places]

    def size_words(self, index: int) -> str:
        """Return width, height and file size of an image."""
        if self.summary is None:
            return ""
        image = self.summary.dataset.images[index]
        return f"{image.width} × {image.height} pixels, {image.n_bytes / 1000:,.0f} kB"


class HoverImage(QFrame):
    """The image under the mouse, shown next to the pointer, over a plot."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self.setObjectName("hover_image")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedWidth(HOVER_SIDE + theme.UNIT * 2)
        self._file = ""
        self._thumbnail = QLabel()
        self._thumbnail.setFixedSize(QSize(HOVER_SIDE, HOVER_SIDE))
        self._thumbnail.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words = QLabel()
        self._words.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.UNIT] * 4)
        column.setSpacing(theme.UNIT // 2)
        column.addWidget(self._thumbnail)
        column.addWidget(self._words)
        self._store = shared_store()
        self._store.loaded.connect(self._on_loaded)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.hide()

    def show_image(self, image: Thumbnail, words: str) -> None:
        """Show an image next to the pointer."""
        self._file = image.file
        self._words.setText(words)
        self._draw()
        self.adjustSize()
        over = self._over
        at = over.mapFromGlobal(QCursor.pos())
        if not over.rect().contains(at):
            at = over.rect().center()
        gap = theme.UNIT * 2
        x = at.x() + gap if at.x() + gap + self.width() < over.width() else at.x() - gap - self.width()
        y = min(max(0, at.y() - self.height() // 2), max(0, over.height() - self.height()))
        self.move(QPoint(max(0, x), y))
        self.show()
        self.raise_()

    def forget(self) -> None:
        """Be gone, with nothing to show."""
        self.hide()
        self._file = ""
        self._words.clear()
        self._thumbnail.clear()

    def _draw(self) -> None:
        pixmap = self._store.pixmap(self._file)
        side = HOVER_SIDE
        if pixmap is None:
            self._thumbnail.setPixmap(QPixmap())
            return
        mode = Qt.AspectRatioMode.KeepAspectRatio
        self._thumbnail.setPixmap(pixmap.scaled(side, side, mode, Qt.TransformationMode.SmoothTransformation))

    def _on_loaded(self, file: str) -> None:
        if self.isVisible() and file == self._file:
            self._draw()

    def _restyle(self) -> None:
        named = theme.colours()
        self.setStyleSheet(
            f"#hover_image {{ background: {named.surface}; border: 1px solid {named.line}; border-radius: 6px; }}"
        )
