"""A wheel that scrolls past a control does not change it."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QSlider, QWidget


class _WheelGuard(QObject):
    """Lets the wheel turn a control only while that has the focus."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Give a wheel that is not meant for a control to what lies around it."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def keep_from_wheel(widget: QWidget) -> None:
    """Let the wheel scroll what a widget stands in, not change its numbers and choices, unless one has the focus."""
    guard = _guard()
    for each in (widget, *widget.findChildren(QWidget)):
        if isinstance(each, QAbstractSpinBox | QComboBox | QSlider):
            if each.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                each.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            each.installEventFilter(guard)


def _guard() -> _WheelGuard:
    app = QApplication.instance()
    found = app.findChild(_WheelGuard) if app is not None else None
    return found if found is not None else _WheelGuard(app)
