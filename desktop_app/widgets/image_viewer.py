"""One image, large, with its facts."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop_app import theme
from desktop_app.models.thumbnail_store import decode
from desktop_app.widgets.words import ElideLabel, set_tone

LARGEST_ZOOM = 16.0


class ImageViewer(QDialog):
    """A window with a picture at the left and what is known about it at the right.

    Left and Right (or Up and Down) ask for the image before and after; Space, Enter or Escape closes; + and - or the
    wheel zoom, 0 fits again.

    Signals
    -------
    stepped : (int)
        -1 or 1: the user wants the image before or after; answer with `show_image`.
    """

    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Image")
        self.setAccessibleName("Image preview")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.picture = _Picture()
        self._title = ElideLabel()
        self._title.mode = Qt.TextElideMode.ElideMiddle
        self._title.setFont(theme.strong_font())
        self._facts = QFormLayout()
        self._facts.setHorizontalSpacing(theme.UNIT * 2)
        self._facts.setVerticalSpacing(theme.UNIT // 2)
        self._before = self._arrow("arrow-left", "Previous image (Left)", -1)
        self._after = self._arrow("arrow-right", "Next image (Right)", 1)
        arrows = QHBoxLayout()
        arrows.addWidget(self._before)
        arrows.addWidget(self._after)
        arrows.addStretch(1)
        side = QVBoxLayout()
        side.setSpacing(theme.UNIT * 3 // 2)
        side.addWidget(self._title)
        side.addLayout(self._facts)
        side.addStretch(1)
        side.addLayout(arrows)
        beside = QWidget()
        beside.setLayout(side)
        beside.setFixedWidth(theme.UNIT * 34)
        row = QHBoxLayout(self)
        row.setSpacing(theme.UNIT * 2)
        row.addWidget(self.picture, 1)
        row.addWidget(beside)
        self.resize(theme.UNIT * 110, theme.UNIT * 75)

    def _arrow(self, icon: str, tooltip: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setToolTip(tooltip)
        button.setAccessibleName(tooltip)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setIconSize(QSize(20, 20))
        theme.set_icon(button, icon)
        button.clicked.connect(self._back if step < 0 else self._forth)
        return button

    def show_image(
        self,
        image: QImage | str | Path,
        title: str,
        facts: Sequence[tuple[str, str]],
        *,
        has_before: bool = True,
        has_after: bool = True,
    ) -> None:
        """Show an image.

        Parameters
        ----------
        image : QImage or path
            A path is that of a thumbnail, shown until the full picture is there.
        title : str
            Its path.
        facts : sequence of (str, str)
            What is known: name and value.
        has_before, has_after : bool
            Whether there is an image to step to.
        """
        problem = ""
        if not isinstance(image, QImage):
            image, problem = decode(str(image))
        self.picture.set_image(image, problem)
        self.picture.setAccessibleName(problem or title)
        self._title.setText(title)
        self._title.setToolTip(title)
        self.setWindowTitle(title.rsplit("/", 1)[-1] or "Image")
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, value in facts:
            words = QLabel(value)
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            heading = QLabel(name)
            set_tone(heading, "muted")
            self._facts.addRow(heading, words)
        self._before.setEnabled(has_before)
        self._after.setEnabled(has_after)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Step, zoom, close."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Up):
            self._back()
        elif key in (Qt.Key.Key_Right, Qt.Key.Key_Down):
            self._forth()
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.close()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.picture.zoom_by(1.25)
        elif key == Qt.Key.Key_Minus:
            self.picture.zoom_by(0.8)
        elif key == Qt.Key.Key_0:
            self.picture.fit()
        else:
            super().keyPressEvent(event)

    def _back(self) -> None:
        if self._before.isEnabled():
            self.stepped.emit(-1)

    def _forth(self) -> None:
        if self._after.isEnabled():
            self.stepped.emit(1)


class _Picture(QWidget):
    """The picture, as large as fits, or larger."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self._problem = ""
        self.zoom = 1.0
        self.setMinimumSize(theme.UNIT * 32, theme.UNIT * 32)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    @property
    def image(self) -> QImage:
        return self._image

    def set_image(self, image: QImage, problem: str) -> None:
        self._image, self._problem = image, problem
        self.fit()

    def fit(self) -> None:
        self.zoom = 1.0
        self.update()

    def zoom_by(self, factor: float) -> None:
        self.zoom = min(LARGEST_ZOOM, max(1.0, self.zoom * factor))
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        self.zoom_by(1.25 if event.angleDelta().y() > 0 else 0.8)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        named = theme.colours()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(named.sunken))
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        if self._image.isNull():
            painter.setPen(QColor(named.muted))
            words = self._problem or "Loading image…"
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), words)
        else:
            size = QSizeF(self._image.size()).scaled(QSizeF(self.size()), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(QPointF(), size * self.zoom)
            place.moveCenter(QRectF(self.rect()).center())
            painter.setClipRect(self.rect())
            painter.drawImage(place, self._image)
        painter.end()
