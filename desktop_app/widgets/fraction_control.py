"""The size of the coreset: a slider, a percentage and a number of images that follow one another."""

import math

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStyle,
    QStyleOptionSlider,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.controls import NumberBox, Slider, SpinBox

STEPS = 1000
TICKS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
LEAST = 0.002


class FractionControl(QWidget):
    """The fraction of the pool, 0 < f <= 1; small fractions get as much of the slider as large ones.

    Signals
    -------
    fraction_changed : (float)
        While the user drags or types.
    """

    fraction_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Size of the coreset")
        self._pool = 0
        self._fraction = 0.05
        self._quiet = False
        self.slider = _Slider()
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(50)
        self.slider.setAccessibleName("Fraction of the pool")
        self.slider.setToolTip(
            "Fraction of the pool; arrow keys for small steps, Page Up and Page Down for large steps"
        )
        self.percent = NumberBox()
        self.percent.setRange(0.01, 100)
        self.percent.setDecimals(2)
        self.percent.setSuffix(" %")
        self.percent.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self.percent.setAccessibleName("Percent of the pool")
        self.percent.setToolTip("Percent of the pool")
        self.images = SpinBox()
        self.images.setGroupSeparatorShown(True)
        self.images.setSuffix(" images")
        self.images.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self.images.setAccessibleName("Number of images")
        self.images.setToolTip("Number of images in the coreset")
        for box in (self.percent, self.images):
            box.setAlignment(Qt.AlignmentFlag.AlignRight)
            box.setKeyboardTracking(False)
        numbers = QHBoxLayout()
        numbers.setSpacing(theme.UNIT)
        numbers.addWidget(self.percent, 1)
        self._equals = QLabel("=")
        numbers.addWidget(self._equals)
        numbers.addWidget(self.images, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        column.addWidget(self.slider)
        column.addLayout(numbers)
        self.slider.valueChanged.connect(self._slid)
        self.percent.valueChanged.connect(self._typed_percent)
        self.images.valueChanged.connect(self._typed_images)
        self.set_pool(0)

    @property
    def fraction(self) -> float:
        """The fraction shown."""
        return self._fraction

    def set_pool(self, n_images: int, why_not: str = "No images to select from yet.") -> None:
        """Tell how many images the pool has; with none, the control is off and says why."""
        self._pool = n_images
        self._quiet = True
        self.images.setRange(min(1, n_images), n_images)
        self._quiet = False
        for widget in (self.slider, self.percent, self.images):
            widget.setEnabled(n_images > 0)
        self.setToolTip("" if n_images else why_not)
        self._show()

    def set_fraction(self, fraction: float) -> None:
        """Show a fraction, without a signal."""
        self._fraction = min(1.0, max(fraction, 1e-6))
        self._show()

    def _show(self, *, but: QWidget | None = None) -> None:
        self._quiet = True
        if but is not self.slider:
            self.slider.setValue(to_step(self._fraction))
        if but is not self.percent:
            self.percent.setValue(100 * self._fraction)
        if but is not self.images:
            self.images.setValue(math.floor(self._fraction * self._pool + 0.5))
        self._quiet = False

    def _slid(self, step: int) -> None:
        self._change(to_fraction(step), self.slider)

    def _typed_percent(self, value: float) -> None:
        self._change(value / 100, self.percent)

    def _typed_images(self, value: int) -> None:
        if self._pool:
            self._change(value / self._pool, self.images)

    def _change(self, fraction: float, by: QWidget) -> None:
        if not self._quiet and fraction != self._fraction:
            self._fraction = fraction
            self._show(but=by)
            self.fraction_changed.emit(fraction)


def to_fraction(step: int) -> float:
    """Return the fraction at a step of the slider, in two significant digits; the ticks are met exactly."""
    raw = LEAST ** (1 - step / STEPS)
    for tick in TICKS:
        if abs(to_step(tick) - step) <= STEPS // 250:
            return tick
    return float(f"{raw:.2g}")


def to_step(fraction: float) -> int:
    """Return the step of the slider nearest to a fraction."""
    if fraction <= LEAST:
        return 0
    return round(STEPS * (1 - math.log(fraction) / math.log(LEAST)))


class _Slider(Slider):
    """A slider with named marks below it."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def _words_height(self) -> int:
        return self.fontMetrics().height() + 2

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(theme.UNIT * 30, 2 * (self._words_height() + theme.UNIT * 3 // 2))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(theme.UNIT * 20, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        handle = self.style().subControlRect(
            QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, self
        )
        painter = QPainter(self)
        named = theme.colours()
        painter.setPen(QColor(named.muted if self.isEnabled() else named.disabled))
        room = self.width() - handle.width()
        taken = -1.0
        for tick in TICKS:
            x = handle.width() / 2 + room * to_step(tick) / STEPS
            words = percent(tick)
            width = theme.text_width(words) + 2
            left = min(max(0.0, x - width / 2), self.width() - width)
            painter.drawLine(round(x), self.height() // 2 + 8, round(x), self.height() // 2 + 10)
            if left > taken:
                place = QRectF(left, self.height() - self._words_height(), width, self._words_height())
                painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), words)
                taken = left + width + theme.UNIT // 2
        painter.end()
