"""Number boxes, choices, sliders and tabs that the wheel changes only while they have the focus.

A wheel that scrolls a page passes over them, and must not change a setting on its way. Lists open at their full height,
and Undo in a number box in which nothing is typed is the window's. The program uses these and none of Qt's own (a test
reads the code).
"""

from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QSlider,
    QSpinBox,
    QTabBar,
    QTabWidget,
    QWidget,
)


class ComboBox(QComboBox):
    """A choice of one of a list."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def showPopup(self) -> None:  # noqa: N802
        """Open the list so high that no row is cut; Qt measures it before the style has given it its margins."""
        super().showPopup()
        view = self.view()
        rows = sum(view.sizeHintForRow(row) for row in range(min(self.count(), self.maxVisibleItems())))
        missing = rows - view.viewport().height()
        if missing > 0:
            frame = view.window()
            frame.resize(frame.width(), frame.height() + missing)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Turn to another choice, with the focus; without it, let the page scroll."""
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


def _leaves_undo(box: QAbstractSpinBox, event: QEvent) -> bool:
    """Return whether Undo or Redo is meant for the window: nothing was typed that the box could take back itself."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    field, keys = box.lineEdit(), QKeySequence.StandardKey
    return (event.matches(keys.Undo) and not field.isUndoAvailable()) or (
        event.matches(keys.Redo) and not field.isRedoAvailable()
    )


class SpinBox(QSpinBox):
    """A whole number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def event(self, event: QEvent) -> bool:
        """Leave Undo and Redo to the window where there is nothing of its own to take back."""
        if _leaves_undo(self, event):
            event.ignore()
            return True
        return super().event(event)

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

    def event(self, event: QEvent) -> bool:
        """Leave Undo and Redo to the window where there is nothing of its own to take back."""
        if _leaves_undo(self, event):
            event.ignore()
            return True
        return super().event(event)

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
        self.tabBar().lower()  # reached by Tab before what is behind the tabs


class _TabBar(QTabBar):
    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


def put_value(control: QWidget, value: Any) -> None:
    """Put a value into a control of any kind.

    Parameters
    ----------
    control : QSpinBox, QDoubleSpinBox, QSlider, QComboBox, QLineEdit or checkable button
        A combo box is set to the entry whose data (or text, where it has no data) is `value`.

    Raises
    ------
    TypeError
        If it is another widget.
    """
    match control:
        case QSpinBox() | QSlider():
            control.setValue(int(value))
        case QDoubleSpinBox():
            control.setValue(float(value))
        case QComboBox():
            at = control.findData(value)
            control.setCurrentIndex(at if at >= 0 else control.findText(str(value)))
        case QLineEdit():
            if control.text() != str(value):
                control.setText(str(value))
        case QAbstractButton():
            control.setChecked(bool(value))
        case _:
            raise TypeError(f"{type(control).__name__} has no single value")
