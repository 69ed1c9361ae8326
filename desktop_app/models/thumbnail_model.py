"""The images that a grid of thumbnails shows."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QStringListModel, Qt, QTimer
from PySide6.QtGui import QPixmap

from coreset_studio.desktop_app.models.thumbnail_store import ThumbnailStore
from coreset_studio.desktop_app.models.thumbnails import Keys, Thumbnail, keys_of

__all__ = ["KEY", "Badges", "Thumbnail", "ThumbnailModel"]

KEY = Qt.ItemDataRole.UserRole
GATHER_MS = 15


class Badges(NamedTuple):
    """The marks on an image."""

    selected: bool
    medoid: bool
    pinned_in: bool
    pinned_out: bool
    highlighted: bool

    @property
    def words(self) -> str:
        """The marks in words."""
        named = zip(("in the coreset", "medoid", "pinned in", "pinned out"), self, strict=False)
        return ", ".join(word for word, on in named if on)


class ThumbnailModel(QStringListModel):
    """Images in the order given, with their badges; pixmaps come from a `ThumbnailStore` when a view asks.

    The rows are those of a list of empty strings, because a view that lays out 17,000 images asks 34,000 times how many
    there are: answered by Qt, not by Python, that takes 20 ms less.
    """

    def __init__(self, store: ThumbnailStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self._images: Sequence[Thumbnail] = ()
        self._keys: Keys = keys_of(())
        self._rows_of_file: dict[str, int] = {}
        self._selected: frozenset[int] = frozenset()
        self._medoids: frozenset[int] = frozenset()
        self._pinned_in: frozenset[int] = frozenset()
        self._pinned_out: frozenset[int] = frozenset()
        self._highlighted: frozenset[int] = frozenset()
        self.band_names: Sequence[str] | None = None
        """What the colours of the bands below the images mean; None: clusters."""
        self._arrived: set[int] = set()
        self._gather = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._gather.timeout.connect(self._emit_arrived)
        store.loaded.connect(self._on_loaded)
        store.failed.connect(self._on_loaded)

    def set_images(self, images: Sequence[Thumbnail]) -> None:
        """Show other images."""
        self._images = images
        self._keys = keys_of(images)
        self._rows_of_file.clear()
        self._arrived.clear()
        if len(images) == self.rowCount():
            # The same empty strings in other rows: Qt need not take 100,000 of them again.
            self.beginResetModel()
            self.endResetModel()
        else:
            self.setStringList([""] * len(images))

    def set_badges(
        self,
        *,
        selected: Iterable[int] | None = None,
        medoids: Iterable[int] | None = None,
        pinned_in: Iterable[int] | None = None,
        pinned_out: Iterable[int] | None = None,
        highlighted: Iterable[int] | None = None,
    ) -> None:
        """Mark images by key; what is None stays as it is."""
        for name, keys in {
            "_selected": selected,
            "_medoids": medoids,
            "_pinned_in": pinned_in,
            "_pinned_out": pinned_out,
            "_highlighted": highlighted,
        }.items():
            if keys is not None:
                setattr(self, name, frozenset(int(key) for key in keys))
        if self._images:
            self.dataChanged.emit(
                self.index(0), self.index(len(self._images) - 1), [Qt.ItemDataRole.AccessibleTextRole]
            )

    @property
    def images(self) -> Sequence[Thumbnail]:
        """The images shown."""
        return self._images

    def row_of(self, key: int) -> int:
        """Return the row of an image, -1 where it is not shown."""
        found = np.flatnonzero(self._keys == key)  # 0.1 ms among 100,000; a dictionary of them takes 11 ms to make
        return int(found[0]) if len(found) else -1

    def rows_of(self, keys: Iterable[int]) -> list[int]:
        """Return the rows of images, ascending; those that are not shown are passed over."""
        return np.flatnonzero(np.isin(self._keys, np.fromiter((int(key) for key in keys), dtype=np.int64))).tolist()

    @property
    def keys(self) -> Keys:
        """The keys of the images shown."""
        return self._keys

    def image(self, row: int) -> Thumbnail:
        """Return the image in a row."""
        return self._images[row]

    def pixmap(self, row: int, image: Thumbnail) -> QPixmap | None:
        """Return the thumbnail of the image in a row if it is loaded; otherwise the view is notified once it is."""
        found = self.store.pixmap(image.file)
        if found is None:
            self._rows_of_file[image.file] = row
        return found

    def badges(self, key: int) -> Badges:
        """Return what is marked on an image."""
        return Badges(
            key in self._selected,
            key in self._medoids,
            key in self._pinned_in,
            key in self._pinned_out,
            key in self._highlighted,
        )

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:  # noqa: ARG002
        """Return that an image can be selected; nothing is edited, nothing dropped."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a view asks for about an image."""
        image = self._images[index.row()]
        if role == KEY:
            return image.key
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._spoken(image)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.store.error(image.file) or self._spoken(image)
        return None

    def _spoken(self, image: Thumbnail) -> str:
        cluster = "" if image.cluster < 0 else f"cluster {image.cluster + 1}"
        if self.band_names is not None:
            cluster = self.band_names[image.cluster] if 0 <= image.cluster < len(self.band_names) else ""
        parts = (image.title, image.caption, cluster, self.badges(image.key).words)
        return ", ".join(dict.fromkeys(part for part in parts if part))

    def _on_loaded(self, file: str) -> None:
        row = self._rows_of_file.pop(file, None)
        if row is not None:
            self._arrived.add(row)
            if not self._gather.isActive():
                self._gather.start()

    def _emit_arrived(self) -> None:
        # One signal for the lot, and none for what stands outside it: repainting costs less than signalling.
        rows: Collection[int] = self._arrived
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)), [Qt.ItemDataRole.DecorationRole])
        self._arrived.clear()
