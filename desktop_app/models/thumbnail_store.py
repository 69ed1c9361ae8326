"""Thumbnails from files, decoded in the background and kept while there is room."""

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QBuffer, QCoreApplication, QObject, QRunnable, QThread, QThreadPool, Signal, Slot
from PySide6.QtGui import QImage, QImageReader, QPixmap

from coreset_studio.core.files import reason_of
from coreset_studio.core.reading import read_regular

MOST_PENDING = 32
"""Decodes handed to the threads at once; what was asked for last goes first, so that scrolling past costs nothing."""
MOST_WAITING = 512
ROOM_BYTES = 64_000_000
TOO_LARGE_MB = 64
MOST_BYTES = 256_000
"""Of a thumbnail's file. The scan writes at most 128 × 128 pixels; in a larger file there may be work for minutes."""
MOST_SIDE = 256


class ThumbnailStore(QObject):
    """Holds decoded thumbnails and fetches those that are asked for.

    Signals
    -------
    loaded : (str)
        A file is ready: ask again.
    failed : (str, str)
        A file cannot be shown, and the reason.
    """

    loaded = Signal(str)
    failed = Signal(str, str)
    _decoded = Signal(str, QImage, str)

    def __init__(self, parent: QObject | None = None, *, room_bytes: int = ROOM_BYTES) -> None:
        super().__init__(parent)
        self._room = room_bytes
        self._used = 0
        self._ready: OrderedDict[str, QPixmap] = OrderedDict()
        self._errors: dict[str, str] = {}
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._pending: set[str] = set()
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(max(1, min(4, QThread.idealThreadCount() - 1)))
        self._pool.setThreadPriority(QThread.Priority.LowPriority)
        self._decoded.connect(self._take)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    @property
    def n_pending(self) -> int:
        """How many files the threads are decoding or about to."""
        return len(self._pending)

    def pixmap(self, file: str) -> QPixmap | None:
        """Return the thumbnail if it is here; otherwise fetch it and return None."""
        found = self._ready.get(file)
        if found is not None:
            self._ready.move_to_end(file)
            return found
        if file and file not in self._errors and file not in self._pending:
            self._waiting[file] = None
            self._waiting.move_to_end(file)
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)
            self._feed()
        return None

    def error(self, file: str) -> str:
        """Return why a file cannot be shown; empty where it can or is not decoded yet."""
        return self._errors.get(file, "" if file else "This image has no thumbnail.")

    def forget(self) -> None:
        """Drop everything, for another dataset."""
        self._waiting.clear()
        self._ready.clear()
        self._errors.clear()
        self._used = 0

    @Slot()
    def stop(self) -> None:
        """Wait for the decodes under way; nothing is fetched afterwards."""
        self._waiting.clear()
        self._pool.clear()
        self._pool.waitForDone()
        self._pending.clear()

    def _feed(self) -> None:
        while self._waiting and len(self._pending) < MOST_PENDING:
            file, _ = self._waiting.popitem(last=True)
            self._pending.add(file)
            self._pool.start(_Decode(file, self))

    def deliver(self, file: str, image: QImage, error: str) -> None:
        """Hand over what a thread decoded; called in that thread."""
        self._decoded.emit(file, image, error)

    @Slot(str, QImage, str)
    def _take(self, file: str, image: QImage, error: str) -> None:
        self._pending.discard(file)
        if error:
            self._errors[file] = error
            self.failed.emit(file, error)
        else:
            self._keep(file, QPixmap.fromImage(image))
            self.loaded.emit(file)
        self._feed()

    def _keep(self, file: str, pixmap: QPixmap) -> None:
        self._ready[file] = pixmap
        self._used += _n_bytes(pixmap)
        while self._used > self._room and len(self._ready) > 1:
            _, oldest = self._ready.popitem(last=False)
            self._used -= _n_bytes(oldest)


class _Decode(QRunnable):
    """Decodes one file in a thread of the pool."""

    def __init__(self, file: str, store: ThumbnailStore) -> None:
        super().__init__()
        self._file, self._store = file, store

    def run(self) -> None:
        image, error = decode(self._file)
        self._store.deliver(self._file, image, error)


def decode(file: str) -> tuple[QImage, str]:
    """Decode a thumbnail.

    Returns
    -------
    QImage
        Null where it failed.
    str
        Why it failed; empty where it did not.
    """
    try:
        # Qt would wait for a pipe, and knows no limit of bytes.
        content = read_regular(Path(file), MOST_BYTES)
    except FileNotFoundError:
        return QImage(), "The thumbnail is missing. Scan the dataset again to create it."
    except OSError as error:
        return QImage(), f"The thumbnail cannot be read: {reason_of(error)}."
    buffer = QBuffer()
    buffer.setData(content)
    reader = QImageReader(buffer)
    reader.setAutoTransform(True)
    reader.setAllocationLimit(TOO_LARGE_MB)
    size = reader.size()
    if max(size.width(), size.height()) > MOST_SIDE:
        return QImage(), f"The thumbnail cannot be read: it has {size.width():,} × {size.height():,} pixels."
    image = reader.read()
    if image.isNull():
        return QImage(), f"The thumbnail cannot be read: {reader.errorString()}."
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied), ""


def _n_bytes(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4


_shared: list[ThumbnailStore] = []


def shared_store() -> ThumbnailStore:
    """Return the store that all widgets of the window share, so that nothing is decoded twice."""
    if not _shared:
        _shared.append(ThumbnailStore())
    return _shared[0]
