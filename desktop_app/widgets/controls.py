"""Number boxes, choices, sliders and tabs that the wheel changes only while they have the focus.

A wheel that scrolls a page passes over them, and must not change a setting on its way. The program uses these and none
of Qt's own (a test reads the code).
"""

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSlider, QSpinBox, QTabBar, QTabWidget, QWidget


class ComboBox(QComboBox):
    """A choice of one of a list."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Turn to another choice, with the focus; without it, let the page scroll."""
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class SpinBox(QSpinBox):
    """A whole number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Turn to another number, with the focus; without it, let the page scroll."""
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class NumberBox(QDoubleSpinBox):
    """A number that shows no digits that say nothing: 30 %, not 30.0 %.

    Parameters
    ----------
    keeps : int
        Decimals that are shown even where they are zeros, as before a word: 1.0 points.
    """

    def __init__(self, keeps: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeps = keeps
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def textFromValue(self, value: float) -> str:  # noqa: N802
        """Return the digits shown for a value."""
        text = super().textFromValue(value)
        whole, point, digits = text.partition(self.locale().decimalPoint())
        digits = digits.rstrip(self.locale().zeroDigit()).ljust(
            min(self._keeps, len(digits)), self.locale().zeroDigit()
        )
        return f"{whole}{point}{digits}" if digits else whole

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Turn to another number, with the focus; without it, let the page scroll."""
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class Slider(QSlider):
    """A horizontal slider."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Move it, with the focus; without it, let the page scroll."""
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class TabWidget(QTabWidget):
    """Pages behind tabs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabBar(_TabBar())


class _TabBar(QTabBar):
    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        super().wheelEvent(event) if self.hasFocus() else event.ignore()
