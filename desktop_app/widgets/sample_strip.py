"""A few images of every class, one row each (Fig. 3)."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_model import Thumbnail
from coreset_studio.desktop_app.models.thumbnail_store import ThumbnailStore
from coreset_studio.desktop_app.widgets.plot_export import Table
from coreset_studio.desktop_app.widgets.thumbnail_row import ThumbnailRow
from coreset_studio.desktop_app.widgets.words import elide_label, note_label


class SampleStrip(QScrollArea):
    """Class names at the left, sample images next to them.

    Signals
    -------
    hovered, opened, preview_requested : (int)
        Key of an image.
    row_made : (ThumbnailRow)
        The row of a class, before it is shown.
    """

    hovered = Signal(int)
    opened = Signal(int)
    preview_requested = Signal(int)
    row_made = Signal(ThumbnailRow)

    def __init__(self, side: int = 72, parent: QWidget | None = None, store: ThumbnailStore | None = None) -> None:
        super().__init__(parent)
        self._side = side
        self._store = store
        self._samples: Mapping[str, Sequence[Thumbnail]] = {}
        self._rows: list[ThumbnailRow] = []
        self.setAccessibleName("Sample images of each class")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.set_samples({})

    def set_samples(self, samples: Mapping[str, Sequence[Thumbnail]]) -> None:
        """Show images by class, in the order given."""
        self._samples = samples
        self._rows = []
        inside = QWidget()
        inside.setObjectName("see_through")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        widest = max((theme.text_width(name) for name in samples), default=0)
        width = round(min(widest + theme.UNIT, theme.UNIT * 20))
        if not samples:
            column.addWidget(note_label("No images yet"), 1)
        for class_name, images in samples.items():
            row = ThumbnailRow(self._side, f"Images of {class_name}", store=self._store)
            row.set_images(images)
            row.hovered.connect(self.hovered)
            row.opened.connect(self.opened)
            row.preview_requested.connect(self.preview_requested)
            self.row_made.emit(row)
            name = elide_label(class_name)
            name.setFixedWidth(width)
            name.setToolTip(class_name)
            line = QHBoxLayout()
            line.setSpacing(theme.UNIT)
            line.addWidget(name)
            line.addWidget(row, 1)
            column.addLayout(line)
            self._rows.append(row)
        column.addStretch(1 if samples else 0)
        self.setWidget(inside)

    @property
    def rows(self) -> Sequence[ThumbnailRow]:
        """The rows, by class in the order given."""
        return self._rows

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Up and down go to the row above and below."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        at = next((number for number, row in enumerate(self._rows) if row.hasFocus()), -1)
        if step and at >= 0 and 0 <= at + step < len(self._rows):
            self._rows[at + step].setFocus(Qt.FocusReason.TabFocusReason)
            self.ensureWidgetVisible(self._rows[at + step])
        else:
            super().keyPressEvent(event)

    def plot_name(self) -> str:
        """Return the name that files get."""
        return "sample images"

    def plot_table(self) -> Table:
        """Return class and path of the images shown."""
        return (
            ("class", "image"),
            [(class_name, image.title) for class_name, images in self._samples.items() for image in images],
        )
