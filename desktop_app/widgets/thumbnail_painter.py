"""How one thumbnail is drawn, in grids and strips alike."""

from typing import NamedTuple

from PySide6.QtCore import QPointF, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_model import Badges

NO_BADGES = Badges(selected=False, medoid=False, pinned_in=False, pinned_out=False, highlighted=False)
BAND = 4
BADGE = 18


class Look(NamedTuple):
    """State of a thumbnail while it is drawn."""

    chosen: bool = False
    focused: bool = False
    hovered: bool = False
    cluster: int = -1
    badges: Badges = NO_BADGES


def paint_thumbnail(painter: QPainter, cell: QRect, pixmap: QPixmap | None, error: str, look: Look) -> None:
    """Draw a thumbnail into `cell`: the image, its cluster's colour below it, rings and badges."""
    named = theme.colours()
    painter.save()
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    frame = QRectF(cell).adjusted(3, 3, -3, -3)
    if look.chosen or look.hovered:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(named.accent_soft if look.chosen else named.hover))
        painter.drawRoundedRect(QRectF(cell), 5, 5)
    inner = frame.adjusted(0, 0, 0, -BAND - 2) if look.cluster >= 0 else frame
    _paint_image(painter, inner, pixmap, error)
    if look.cluster >= 0:
        colour = theme.cluster_colour(look.cluster)
        painter.setPen(QPen(QColor(theme.edge(colour)), 1))
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(frame.left(), frame.bottom() - BAND, frame.width(), BAND), 2, 2)
    if look.chosen or look.badges.highlighted:
        painter.setPen(QPen(QColor(named.accent), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(cell).adjusted(1, 1, -1, -1), 5, 5)
    if look.focused:
        painter.setPen(QPen(QColor(named.text), 1, Qt.PenStyle.DotLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame.adjusted(0, 0, 0, 0), 3, 3)
    _paint_badges(painter, inner, look.badges)
    painter.restore()


def _paint_image(painter: QPainter, place: QRectF, pixmap: QPixmap | None, error: str) -> None:
    named = theme.colours()
    if pixmap is None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(named.sunken))
        painter.drawRoundedRect(place, 3, 3)
        if error:
            side = min(24, int(place.width()) - 4)
            spot = QRect(0, 0, side, side)
            spot.moveCenter(place.center().toPoint())
            theme.icon("broken", "muted").paint(painter, spot)
        return
    size = QSizeF(pixmap.size()).scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
    target = QRectF(QPointF(), size)
    target.moveCenter(place.center())
    painter.drawPixmap(target, pixmap, QRectF(pixmap.rect()))


def _paint_badges(painter: QPainter, place: QRectF, badges: Badges) -> None:
    named = theme.colours()
    side = min(BADGE, place.width() / 4)
    spots = iter(
        QRectF(place.left() + 2 + number * (side + 2), place.top() + 2, side, side) for number in range(len(badges))
    )
    if badges.selected:
        _disc(painter, next(spots), named.accent, "check", named.on_accent)
    if badges.medoid:
        spot = next(spots)
        _disc(painter, spot, named.medoid, "", "")
        painter.setPen(QPen(QColor(theme.words_on(named.medoid)), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(_star(spot.center(), spot.width() * 0.32))
    if badges.pinned_in:
        _disc(painter, next(spots), named.good, "pin", named.surface)
    if badges.pinned_out:
        _disc(painter, next(spots), named.bad, "close", named.surface)


def _disc(painter: QPainter, spot: QRectF, ground: str, icon: str, ink: str) -> None:
    painter.setPen(QPen(QColor(theme.words_on(ground)), 1))
    painter.setBrush(QColor(ground))
    painter.drawEllipse(spot)
    if icon:
        inset = spot.width() * 0.18
        theme.icon(icon, ink).paint(painter, spot.adjusted(inset, inset, -inset, -inset).toAlignedRect())


def _star(centre: QPointF, radius: float) -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(centre, radius, radius)
    return path
