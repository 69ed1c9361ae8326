"""How the window looks: named colours for light and dark, fonts, icons, and the palette of clusters and samplers.

Every widget asks here and listens to `changed`; none writes a colour of its own. The frame is neutral, so that images
and plots carry the colour. Fusion is used where the platform's own style cannot do dark mode; where the native style
is good its palette is left alone.
"""

import sys
from dataclasses import asdict
from functools import cache
from string import Template
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QFont, QFontMetricsF, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication, QStyleFactory

from coreset_studio.core import palette
from coreset_studio.core.resources import resource_folder
from coreset_studio.desktop_app.colours import DARK, LIGHT, Colours, contrast, lifted, words_on

__all__ = [
    "DARK",
    "LIGHT",
    "Colours",
    "contrast",
    "lifted",
    "words_on",
]

Mode = Literal["system", "light", "dark"]

UNIT = 8
"""The one spacing unit, in logical pixels."""

FIRST_WINDOWS_11 = 22000
"""The first build of Windows 11."""

ICON_SIZES = (16, 20, 24, 32, 40, 48, 64, 96)


class _Notifier(QObject):
    """Carries the one signal of this module, and is notified when the system turns light or dark."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.mode: Mode = "system"
        self.colours = LIGHT
        self.listening = False

    def on_system_changed(self) -> None:
        """Follow the system where the user asked for that."""
        app = QApplication.instance()
        if self.mode == "system" and isinstance(app, QApplication):
            _put_on(app)


_notifier = _Notifier()
changed = _notifier.changed
"""Emitted without arguments after the colours have changed."""


def colours() -> Colours:
    """Return the named colours now in use."""
    return _notifier.colours


def mode() -> Mode:
    """Return what was asked for last: "system", "light" or "dark"."""
    return _notifier.mode


def apply(app: QApplication, scheme_mode: Mode) -> None:
    """Dress the application, now and (for "system") whenever the system turns light or dark.

    Parameters
    ----------
    app : QApplication
    scheme_mode : {"system", "light", "dark"}
    """
    _notifier.mode = scheme_mode
    if not _notifier.listening:
        app.styleHints().colorSchemeChanged.connect(_notifier.on_system_changed)
        app.setStyle(_style_name())
        _notifier.listening = True
    scheme = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}.get(scheme_mode, Qt.ColorScheme.Unknown)
    app.styleHints().setColorScheme(scheme)
    _put_on(app)


def _put_on(app: QApplication) -> None:
    dark = _notifier.mode == "dark" or (_notifier.mode == "system" and _system_is_dark(app))
    _notifier.colours = DARK if dark else LIGHT
    fusion = app.style().objectName().lower() == "fusion" or _style_name() == "Fusion"
    if fusion:
        app.setPalette(_palette(_notifier.colours))
    for cached in (icon, cluster_colour, sampler_colour):
        cached.cache_clear()
    app.setStyleSheet(_stylesheet(_notifier.colours, fusion=fusion))
    _notifier.changed.emit()


def _system_is_dark(app: QApplication) -> bool:
    return app.styleHints().colorScheme() == Qt.ColorScheme.Dark


def _style_name() -> str:
    """Return the native style where it does light and dark well, else Fusion."""
    native = {"darwin": "macos", "win32": "windows11" if _is_windows_11() else ""}.get(sys.platform, "")
    return native if native in map(str.lower, QStyleFactory.keys()) else "Fusion"


def _is_windows_11() -> bool:
    """Return whether this is Windows 11, whose style Qt also offers on Windows 10, where its symbols are missing."""
    version = getattr(sys, "getwindowsversion", None)
    return version is not None and version().build >= FIRST_WINDOWS_11


def _palette(named: Colours) -> QPalette:
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    result = QPalette()
    for where, colour in {
        role.Window: named.background,
        role.WindowText: named.text,
        role.Base: named.surface,
        role.AlternateBase: named.background,
        role.Text: named.text,
        role.Button: named.surface,
        role.ButtonText: named.text,
        role.BrightText: named.bad,
        role.ToolTipBase: named.surface,
        role.ToolTipText: named.text,
        role.PlaceholderText: named.muted,
        role.Highlight: named.accent,
        role.HighlightedText: named.on_accent,
        role.Accent: named.accent,
        role.Link: named.accent,
        role.LinkVisited: named.accent,
        role.Light: named.surface,
        role.Midlight: named.line,
        role.Mid: named.outline,
        role.Dark: named.outline,
        role.Shadow: named.sunken,
    }.items():
        result.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        result.setColor(group.Disabled, where, QColor(named.disabled))
    result.setColor(group.Disabled, role.Highlight, QColor(named.sunken))
    return result


def _stylesheet(named: Colours, *, fusion: bool) -> str:
    folder = resource_folder() / "style"
    words = {key: str(value) for key, value in asdict(named).items()}
    words |= {"style": folder.as_posix(), "mode": "dark" if named.dark else "light"}
    names = ("fusion.qss", "window.qss") if fusion else ("window.qss",)
    return "\n".join(Template((folder / name).read_text(encoding="utf-8")).substitute(words) for name in names)


# --- words ----------------------------------------------------------------------------------------------------


def title_font() -> QFont:
    """Return the larger of the two text sizes, for the title of a page, a dialog or a sentence that matters."""
    font = QFont(QGuiApplication.font())
    size = font.pointSizeF()
    if size > 0:
        font.setPointSizeF(size * 1.4)
    else:
        font.setPixelSize(round(font.pixelSize() * 1.4))
    font.setWeight(QFont.Weight.DemiBold)
    return font


def strong_font() -> QFont:
    """Return the usual size in the one other weight, for headings."""
    font = QFont(QGuiApplication.font())
    font.setWeight(QFont.Weight.DemiBold)
    return font


def text_width(text: str, font: QFont | None = None) -> float:
    """Return how wide `text` is, in logical pixels."""
    return QFontMetricsF(font or QGuiApplication.font()).horizontalAdvance(text)


# --- icons ----------------------------------------------------------------------------------------------------


@cache
def icon(name: str, colour: str = "text") -> QIcon:
    """Return a one-colour icon, tinted for the mode in use.

    Parameters
    ----------
    name : str
        File in ``resources/icons`` without its suffix.
    colour : str
        A name of `Colours`, or ``#rrggbb``.

    Raises
    ------
    FileNotFoundError
        If there is no such icon.
    """
    drawing = (resource_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    tint = colour if colour.startswith("#") else str(getattr(colours(), colour))
    result = QIcon()
    for state, shade in ((QIcon.Mode.Normal, tint), (QIcon.Mode.Disabled, colours().disabled)):
        for size in ICON_SIZES:
            result.addPixmap(_pixmap(drawing.replace("currentColor", shade), size), state)
    return result


def app_icon() -> QIcon:
    """Return the application's icon."""
    result = QIcon()
    for file in sorted((resource_folder() / "icons").glob("coreset-studio-*.png")):
        size = int(file.stem.rsplit("-", 1)[1])
        result.addFile(str(file), QSize(size, size))
    return result


def _pixmap(drawing: str, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap


class _IconBinding(QObject):
    """Gives a button or action its icon again whenever the mode changes; lives as long as its owner."""

    def __init__(self, owner: QAbstractButton | QAction, name: str, colour: str) -> None:
        super().__init__(owner)
        self._owner, self._name, self._colour = owner, name, colour
        changed.connect(self.put_on)
        self.put_on()

    def put_on(self) -> None:
        self._owner.setIcon(icon(self._name, self._colour))


def set_icon(owner: QAbstractButton | QAction, name: str, colour: str = "text") -> None:
    """Give a button or action an icon that follows the mode from now on; a later call replaces it."""
    for old in owner.findChildren(_IconBinding, options=Qt.FindChildOption.FindDirectChildrenOnly):
        changed.disconnect(old.put_on)
        old.setParent(None)
        old.deleteLater()
    _IconBinding(owner, name, colour)


def set_primary(button: QAbstractButton, primary: bool, icon: str = "") -> None:
    """Draw a button as the one thing to do next, or as one of several."""
    if bool(button.property("primary")) != primary:
        button.setProperty("primary", primary)
        button.style().unpolish(button)
        button.style().polish(button)
        if icon:
            set_icon(button, icon, "on_accent" if primary else "text")


# --- clusters and samplers ------------------------------------------------------------------------------------

_SYMBOLS = {
    "circle": "o",
    "square": "s",
    "triangle-up": "t1",
    "triangle-down": "t",
    "diamond": "d",
    "pentagon": "p",
    "hexagon": "h",
    "star": "star",
    "plus": "+",
    "cross": "x",
}


@cache
def cluster_colour(number: int) -> str:
    """Return the colour of cluster `number` (from 0), the same on every plot; on a dark ground light enough to see."""
    mark = palette.cluster_mark(number)
    return lifted(mark.dark, colours().surface) if colours().dark else mark.colour


def cluster_symbol(number: int) -> str:
    """Return the marker of cluster `number` as pyqtgraph names it; with the colour it distinguishes clusters."""
    return _SYMBOLS.get(palette.cluster_mark(number).marker, "o")


@cache
def sampler_colour(name: str) -> str:
    """Return the colour of a sampler, the same on every plot and in the report."""
    mark = palette.sampler_mark(name)
    return lifted(mark.dark, colours().surface) if colours().dark else mark.colour


def sampler_symbol(name: str) -> str:
    """Return the marker of a sampler as pyqtgraph names it."""
    return _SYMBOLS.get(palette.sampler_mark(name).marker, "o")


def sampler_title(name: str) -> str:
    """Return what legends call a sampler."""
    return palette.sampler_mark(name).title


def medoid_symbol() -> str:
    """Return the marker of medoids as pyqtgraph names it."""
    return _SYMBOLS.get(palette.medoid_mark().marker, "o")


def edge(colour: str) -> str:
    """Return the colour of the thin line around a shape filled with `colour`, so that pale ones are seen too."""
    return lifted(colour.lower(), colours().surface)
