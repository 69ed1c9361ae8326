"""One image that can be zoomed and panned, with brightness and contrast for display."""

import math
import sys

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QLabel, QPinchGesture, QSizePolicy, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.words import set_tone

LARGEST_ZOOM = 32.0
"""Physical pixels of the screen per image pixel."""
STEP = 1.25
NEAREST_ABOVE = 2.0
"""Zoom above which the pixels of an image are drawn as squares; below it they are interpolated."""
SMALLEST_LEVEL = 256
AT_ONCE = 4_000_000
"""Pixels of an image whose smaller versions are made at once."""
ByteArray = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
PART = 1 << 16
"""Bytes that are changed at once for display."""
NOTCH = 120
"""What the wheel reports for one notch."""


def display_table(brightness: int, contrast: int) -> ByteArray:
    """Return what each of the 256 values of a channel is shown as, shape (256,), uint8.

    Parameters
    ----------
    brightness, contrast : int
        −100 to 100; 0 changes nothing. Contrast multiplies the distance from mid-grey by 1/4 to 4; brightness then
        adds up to half of the range.
    """
    values = np.arange(256, dtype=np.float64)
    shown = (values - 127.5) * 4.0 ** (contrast / 100) + 127.5 + 1.275 * brightness
    return np.asarray(np.clip(np.rint(shown), 0, 255), dtype=np.uint8)


class ImageCanvas(QWidget):
    """An image, as large as fits or at a zoom of its own.

    The zoom is in physical pixels of the screen per image pixel, so that 1.0 shows every pixel once on any screen. The
    part shown can be dragged; the wheel and a pinch zoom at the pointer; a double click changes between the whole image
    and 100 %. A preview in place of the image, such as its thumbnail, is drawn as large as the image will be.

    Signals
    -------
    view_changed : ()
        Zoom or part shown have changed.

    Attributes
    ----------
    note : QLabel
        Over the foot of the image; see `set_note`.
    """

    view_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._levels: list[QImage] = []
        self._size = QSizeF()
        self._problem = ""
        self._is_preview = self._is_fitted = True
        self._own_zoom = 1.0
        self._centre = QPointF()
        self._dragged_from: QPointF | None = None
        self._adjusted = (0, 0)
        self._overlay = QImage()
        self._opacity = 1.0
        self._has_key_focus = False
        self._refine = QTimer(self, singleShot=True, interval=0)
        self._refine.timeout.connect(self._on_refine)
        # Over the image, so that nothing moves when it comes.
        self.note = QLabel()
        self.note.setObjectName("canvas_note")
        self.note.setWordWrap(True)
        self.note.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.note.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.UNIT] * 4)
        column.addStretch(1)
        column.addWidget(self.note)
        self.setMinimumSize(theme.UNIT * 32, theme.UNIT * 20)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if sys.platform != "darwin":  # there a pinch comes as a native gesture as well, and would count twice
            self.grabGesture(Qt.GestureType.PinchGesture)
        theme.changed.connect(self._restyle)
        self._restyle()

    # --- what is shown ----------------------------------------------------------------------------------------

    @property
    def image(self) -> QImage:
        """The image or its preview; null where there is none."""
        return self._levels[0] if self._levels else QImage()

    @property
    def is_preview(self) -> bool:
        """Whether the full image is still to come."""
        return self._is_preview

    def set_image(
        self, image: QImage, problem: str = "", *, size: QSize | None = None, is_preview: bool = False
    ) -> None:
        """Show an image; zoom and part shown stay where it is as large as the one before, else all of it is shown.

        Parameters
        ----------
        image : QImage
            Null where there is none.
        problem : str
            Why there is none.
        size : QSize, optional
            Size of the full image in pixels, of which `image` may be a smaller version.
        is_preview : bool
            Whether the full image is still to come.
        """
        whole = QSizeF(size if size is not None and not size.isEmpty() else image.size())
        if whole != self._size:
            self._size, self._is_fitted = whole, True
        self._problem, self._is_preview = problem, is_preview
        self._levels = [] if image.isNull() else [image.convertToFormat(QImage.Format.Format_RGB32)]
        self._refine.stop()
        self._add_level()
        self._settle()

    def _add_level(self) -> None:
        """Add smaller versions of the image, those of a large one in events of their own, so that no frame waits."""
        while self._levels and min(self._levels[-1].width(), self._levels[-1].height()) > SMALLEST_LEVEL * 2:
            if self._levels[-1].width() * self._levels[-1].height() > AT_ONCE:
                self._refine.start()
                return
            self._levels.append(_halved(self._levels[-1]))

    def _on_refine(self) -> None:
        self._levels.append(_halved(self._levels[-1]))
        self._add_level()
        self.update()

    def set_note(self, note: str, *, warning: bool = False) -> None:
        """Say over the foot of the image what to know about it; empty for nothing."""
        self.note.setText(note)
        set_tone(self.note, "warning" if warning else "muted")
        self.note.setVisible(bool(note))

    def set_display(self, brightness: int, contrast: int) -> None:
        """Show images brighter or with more contrast; see `display_table`. The images themselves stay as they are."""
        if (brightness, contrast) != self._adjusted:
            self._adjusted = (brightness, contrast)
            self.update()

    @property
    def overlay(self) -> QImage:
        """The map over the image; null where there is none."""
        return self._overlay

    def set_overlay(self, overlay: QImage) -> None:
        """Draw a transparent image over the whole image, stretched to its size; a null one removes it."""
        self._overlay = overlay
        self.update()

    def set_overlay_opacity(self, opacity: float) -> None:
        """Draw the overlay with an opacity of 0 to 1."""
        self._opacity = opacity
        if not self._overlay.isNull():
            self.update()

    # --- zoom and part shown ----------------------------------------------------------------------------------

    @property
    def zoom(self) -> float:
        """Physical pixels of the screen per image pixel."""
        return self._fit_zoom() if self._is_fitted else self._own_zoom

    @property
    def is_fitted(self) -> bool:
        """Whether all of the image is shown, as large as fits, also when the window changes its size."""
        return self._is_fitted

    def fit(self) -> None:
        """Show all of the image."""
        self._is_fitted = True
        self._settle()

    def set_zoom(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom, with the point of the image that is `at` a place of the canvas, by default its centre, staying there.

        Parameters
        ----------
        zoom : float
            Physical pixels per image pixel; kept between the smaller of 1 and what fits, and 32 or what fits.
        at : QPointF, optional
            In logical pixels of the canvas.
        """
        if self._size.isEmpty():
            return
        at = self._middle() if at is None else at
        point = self.image_point(at)
        fitting = self._fit_zoom()
        self._own_zoom = min(max(LARGEST_ZOOM, fitting), max(min(1.0, fitting), zoom))
        self._is_fitted = fitting <= 1.0 and math.isclose(self._own_zoom, fitting)
        self._centre = point - (at - self._middle()) / self._scale()
        self._settle()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom by a factor; see `set_zoom`."""
        self.set_zoom(self.zoom * factor, at)

    def pan_by(self, by: QPointF) -> None:
        """Move the image by logical pixels, until its edge reaches that of the canvas."""
        self._centre -= by / self._scale()
        self._settle()

    @property
    def can_pan(self) -> bool:
        """Whether part of the image is outside the canvas."""
        place = self.placement()
        return place.width() > self.width() + 0.5 or place.height() > self.height() + 0.5

    def image_point(self, at: QPointF) -> QPointF:
        """Return the image pixel, with fraction, that is shown at a place of the canvas in logical pixels."""
        return (at - self.placement().topLeft()) / self._scale()

    def placement(self) -> QRectF:
        """Return the rectangle of the whole image, in logical pixels of the canvas, its corner on a physical pixel."""
        scale, ratio = self._scale(), self.devicePixelRatioF()
        corner = self._middle() - self._centre * scale
        return QRectF(QPointF(round(corner.x() * ratio) / ratio, round(corner.y() * ratio) / ratio), self._size * scale)

    def _middle(self) -> QPointF:
        return QPointF(self.width() / 2, self.height() / 2)

    def _scale(self) -> float:
        """Return the logical pixels per image pixel."""
        return self.zoom / self.devicePixelRatioF()

    def _fit_zoom(self) -> float:
        if self._size.isEmpty():
            return 1.0
        across, down = self.width() / self._size.width(), self.height() / self._size.height()
        return max(min(across, down) * self.devicePixelRatioF(), 1e-6)

    def _settle(self) -> None:
        """Keep the image inside the canvas where it is smaller, and the canvas inside the image where it is larger."""
        scale = self._scale()
        self._centre = QPointF(
            _inside(self._centre.x(), self._size.width(), self.width() / scale),
            _inside(self._centre.y(), self._size.height(), self.height() / scale),
        )
        if self._dragged_from is None:
            self.setCursor(Qt.CursorShape.OpenHandCursor if self.can_pan else Qt.CursorShape.ArrowCursor)
        self.update()
        self.view_changed.emit()

    # --- mouse, wheel, gestures -------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom at the pointer."""
        turned = event.angleDelta().y()
        if turned:
            self.zoom_by(STEP ** (turned / NOTCH), event.position())
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Zoom by a pinch on a touchpad or touchscreen."""
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom_by(max(0.1, 1.0 + event.value()), event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                centre = self.mapFromGlobal(pinch.hotSpot()) if pinch.hasHotSpot() else pinch.centerPoint()
                self.zoom_by(pinch.scaleFactor(), centre)
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take hold of the image."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._dragged_from = event.position()
            if self.can_pan:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag the image."""
        if self._dragged_from is not None:
            by, self._dragged_from = event.position() - self._dragged_from, event.position()
            self.pan_by(by)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802
        """Let go."""
        self._dragged_from = None
        self._settle()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show 100 % at the pointer, or the whole image again."""
        if self._is_fitted:
            self.set_zoom(1.0, event.position())
        else:
            self.fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep what is in the middle there."""
        super().resizeEvent(event)
        self._settle()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show a frame where the focus came by the keyboard."""
        super().focusInEvent(event)
        self._has_key_focus = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show no frame."""
        super().focusOutEvent(event)
        self._has_key_focus = False

    def _restyle(self) -> None:
        named = theme.colours()
        self.note.setStyleSheet(
            f"#canvas_note {{ background: {named.surface}; border: 1px solid {named.line}; border-radius: 6px;"
            f" padding: {theme.UNIT // 2}px {theme.UNIT}px; }}"
        )
        self.update()

    # --- drawing ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw the part of the image that is shown."""
        named = theme.colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(named.accent), 2) if self._has_key_focus else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(named.sunken))
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        if not self._levels:
            painter.setPen(QColor(named.muted))
            words = self._problem or "Loading image…"
            room = self.rect().adjusted(theme.UNIT, theme.UNIT, -theme.UNIT, -theme.UNIT)
            painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), words)
        else:
            self._paint_image(painter)
            if not self._overlay.isNull():
                painter.setClipRect(self.rect())
                painter.setOpacity(self._opacity)
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(self.placement(), self._overlay, QRectF(self._overlay.rect()))
        painter.end()

    def _paint_image(self, painter: QPainter) -> None:
        place = self.placement()
        shown = place.intersected(QRectF(self.rect()))
        if self._adjusted == (0, 0):
            self._paint_part(painter, place, shown)
            return
        # Only what is seen is changed, so that a slider follows the hand at any size of the image.
        ratio = self.devicePixelRatioF()
        around = QRect(
            math.floor(shown.x()), math.floor(shown.y()), math.ceil(shown.width()) + 1, math.ceil(shown.height()) + 1
        )
        part = QImage(around.size() * ratio, QImage.Format.Format_RGB32)
        part.setDevicePixelRatio(ratio)
        inner = QPainter(part)
        inner.translate(-around.topLeft())
        self._paint_part(inner, place, shown)
        inner.end()
        pixels = np.frombuffer(part.bits(), dtype=np.uint8)
        table = display_table(*self._adjusted)
        for start in range(0, len(pixels), PART):  # NumPy makes indices of 8 bytes: 35 MB of them for all at once
            pixels[start : start + PART] = table[pixels[start : start + PART]]
        pixels[3::4] = 255
        painter.setClipRect(shown)
        painter.drawImage(around.topLeft(), part)

    def _paint_part(self, painter: QPainter, place: QRectF, shown: QRectF) -> None:
        """Draw what is shown from the smallest version of the image that is fine enough."""
        # Of the full image to the screen, and of the largest version here, which may be a preview.
        finest = self._levels[0]
        zoom = self.zoom * self._size.width() / finest.width()
        number = min(len(self._levels) - 1, max(0, math.floor(-math.log2(zoom))))
        level = self._levels[number]
        smooth = self._is_preview or zoom <= NEAREST_ABOVE
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        across, down = level.width() / place.width(), level.height() / place.height()
        corner = shown.topLeft() - place.topLeft()
        part = QRectF(corner.x() * across, corner.y() * down, shown.width() * across, shown.height() * down)
        painter.drawImage(shown, level, part)


def _inside(centre: float, extent: float, room: float) -> float:
    """Return the image coordinate for the middle of the canvas: `room` of an image of `extent` pixels is shown."""
    return extent / 2 if extent <= room else min(max(centre, room / 2), extent - room / 2)


def _halved(image: QImage) -> QImage:
    size = QSize(max(1, image.width() // 2), max(1, image.height() // 2))
    return image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
