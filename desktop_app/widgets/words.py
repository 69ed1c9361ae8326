"""Counts and the time left as the window writes them, and labels that shorten themselves."""

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from coreset_studio.desktop_app import theme

_NUMBER_GOES_ON = re.compile(r"[,.]?\d")


def count(number: int) -> str:
    """Write a count with thousands separators: ``17,092``."""
    return f"{number:,}"


def images(number: int) -> str:
    """Write a number of images: ``1 image``, ``479 images``."""
    return "1 image" if number == 1 else f"{number:,} images"


def files(number: int) -> str:
    """Write a number of files: ``1 file``, ``479 files``."""
    return "1 file" if number == 1 else f"{number:,} files"


def with_interval(value: float, low: float, high: float) -> str:
    """Write a value with half the width of its interval, in honest precision: ``0.924 ± 0.004``."""
    if value != value:  # NaN
        return "–"
    half = (high - low) / 2
    return f"{value:.3f}" if half != half or half == 0 else f"{value:.3f} ± {half:.3f}"


def seconds_left(seconds: float) -> str:
    """Write the time left, rounded so that it does not flicker: ``about 40 s left``."""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 57.5:
        return f"about {5 * round(seconds / 5):.0f} s left"
    if seconds < 3600:
        return f"about {max(1, round(seconds / 60))} min left"
    hours, minutes = divmod(round(seconds / 300) * 5, 60)
    return f"about {hours} h {minutes} min left" if minutes else f"about {hours} h left"


def set_tone(label: QWidget, tone: str) -> None:
    """Colour the words of a label by meaning, in every mode: "muted", "good", "warning", "bad", or "" as usual."""
    if label.property("tone") != tone:
        label.setProperty("tone", tone)
        label.style().unpolish(label)
        label.style().polish(label)


def paint_note(widget: QWidget, note: str) -> None:
    """Draw a placeholder text in the middle of an empty widget; call it while `widget` is painted."""
    painter = QPainter(widget)
    painter.setPen(QColor(theme.colours().muted))
    place = widget.rect().adjusted(theme.UNIT, 0, -theme.UNIT, 0)
    painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), note)
    painter.end()


class ElideLabel(QLabel):
    """A label of one line that shortens itself instead of pushing its neighbours; the whole text is its tooltip."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.mode = Qt.TextElideMode.ElideRight
        self._own_tooltip = ""

    def setText(self, text: str) -> None:  # noqa: N802
        """Show another text; the tooltip of the previous text is removed."""
        if self._own_tooltip and self.toolTip() == self._own_tooltip:
            self.setToolTip("")
        self._own_tooltip = ""
        super().setText(text)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Take as little as a few letters."""
        return QSize(self.fontMetrics().averageCharWidth() * 4, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw as much as fits."""
        fits = self.fontMetrics().horizontalAdvance(self.text()) <= self.contentsRect().width()
        if fits:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        if self.toolTip() in ("", self._own_tooltip):  # no tooltip of its own
            self._own_tooltip = self.text()
            self.setToolTip(self._own_tooltip)
        short = without_cut_number(
            self.text(), self.fontMetrics().elidedText(self.text(), self.mode, self.contentsRect().width())
        )
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), short)
        painter.end()


def without_cut_number(text: str, short: str) -> str:
    """Return a text that was shortened at its end without the digits of a number that was cut: "5…" reads as 5."""
    kept = short.removesuffix("…")
    if kept == short or not text.startswith(kept) or not _NUMBER_GOES_ON.match(text[len(kept) :]):
        return short
    return f"{kept.rstrip('0123456789,.')}…"


def elide_label(text: str) -> ElideLabel:
    """Return a label that shortens itself."""
    return ElideLabel(text)


def note_label(note: str) -> QLabel:
    """Return a label with a placeholder text for missing content."""
    label = QLabel(note)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    set_tone(label, "muted")
    return label


def wrapped(text: str, metrics: QFontMetrics, width: int) -> str:
    """Return a text in lines of at most `width` pixels, for what cannot wrap by itself, such as a check box."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and metrics.horizontalAdvance(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
