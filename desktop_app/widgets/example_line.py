"""One path of several, in which the user marks the part that names the patient."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from coreset_studio.desktop_app import theme

WAIT_MS = 120
TIP = (
    "Select the part that names the patient with the mouse, or with Shift and the arrow keys; a pattern is made from "
    "it. Up and Down show other paths, Enter uses the pattern, Esc discards it."
)


class ExampleLine(QWidget):
    """A path that can be selected in but not changed, with buttons for the next and the previous one.

    Signals
    -------
    marked : (str, int, int)
        Path, and start and end of the part that the user has selected.
    moved : (str)
        Another path is shown.
    entered, dropped : ()
        Enter, Esc.
    """

    marked = Signal(str, int, int)
    moved = Signal(str)
    entered = Signal()
    dropped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = _Line()
        self.line.setAccessibleName("Example path")
        self.line.setToolTip(TIP)
        self.line.setAccessibleDescription(TIP)
        self.before, self.after = QToolButton(), QToolButton()
        for button, icon, words in ((self.before, "chevron-left", "Previous"), (self.after, "chevron-right", "Next")):
            theme.set_icon(button, icon)
            button.setToolTip(f"{words} example")
            button.setAccessibleName(f"{words} example")
        self._paths: Sequence[str] = ()
        self._at = 0
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._wait.timeout.connect(self._emit)
        self.line.selectionChanged.connect(self._wait_for_more)
        self.line.stepped.connect(self.step)
        self.line.returnPressed.connect(self._enter)
        self.line.dropped.connect(self.dropped)
        self.before.clicked.connect(self._show_before)
        self.after.clicked.connect(self._show_after)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT // 2)
        row.addWidget(self.line, 1)
        row.addWidget(self.before)
        row.addWidget(self.after)
        self.set_paths(())

    @property
    def path(self) -> str:
        """The path that is shown; empty where there is none."""
        return self._paths[self._at] if self._paths else ""

    def set_paths(self, paths: Sequence[str]) -> None:
        """Offer other paths."""
        if tuple(paths) != tuple(self._paths) or not paths:
            self._paths, self._at = tuple(paths), 0
            self._show()

    def show_part(self, start: int, end: int) -> None:
        """Select a part, without a signal."""
        blocked = self.line.blockSignals(True)
        try:
            self.line.deselect()
            if end > start:
                self.line.setSelection(start, end - start)
        finally:
            self.line.blockSignals(blocked)

    def step(self, by: int) -> None:
        """Show another path, from the last one on the first again."""
        if self._paths:
            self._at = (self._at + by) % len(self._paths)
            self._show()
            self.moved.emit(self.path)

    def _show(self) -> None:
        self._wait.stop()
        blocked = self.line.blockSignals(True)
        try:
            self.line.setText(self.path)
            # The name of the file says most; the end of a long path is shown.
            self.line.setCursorPosition(len(self.path))
        finally:
            self.line.blockSignals(blocked)
        self.setEnabled(bool(self._paths))

    def _show_before(self) -> None:
        self.step(-1)

    def _show_after(self) -> None:
        self.step(1)

    def _wait_for_more(self) -> None:
        self._wait.start()

    def _enter(self) -> None:
        if self._wait.isActive():
            self._wait.stop()
            self._emit()
        self.entered.emit()

    def _emit(self) -> None:
        if self.line.hasSelectedText():
            start = self.line.selectionStart()
            self.marked.emit(self.path, start, start + len(self.line.selectedText()))


class _Line(QLineEdit):
    """A line that is read and marked, in which Up and Down step."""

    stepped = Signal(int)
    dropped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setPlaceholderText("Scan the images to see their paths")

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Step by Up and Down, drop by Esc."""
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.stepped.emit(1 if event.key() == Qt.Key.Key_Down else -1)
        elif event.key() == Qt.Key.Key_Escape:
            self.deselect()
            self.dropped.emit()
        else:
            super().keyPressEvent(event)
