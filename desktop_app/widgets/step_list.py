"""The steps at the side of the window, each with its state."""

from collections.abc import Mapping, Sequence
from typing import Literal

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from coreset_studio.desktop_app import theme

StepState = Literal["ready", "stale", "running", "done"]
COMPACT_WIDTH = theme.UNIT * 9
STATE = Qt.ItemDataRole.UserRole
WHY_NOT = Qt.ItemDataRole.UserRole + 1
ICON = Qt.ItemDataRole.UserRole + 2
GAP = theme.UNIT * 2
"""Above the first page that is no step, with a line in it."""
SAYS: dict[str, str] = {
    "ready": "not run yet",
    "stale": "outdated; run it again to update it",
    "running": "running",
    "done": "done",
}
COLOUR: dict[str, str] = {"ready": "muted", "stale": "warning", "running": "accent", "done": "good"}


class StepList(QListWidget):
    """Steps with number, name and state, and other pages below them; arrow keys, Enter and the mouse choose one.

    Parameters
    ----------
    names : sequence of str
        Of the steps.
    others : mapping of str to str
        Names of the other pages, each with its icon.

    Signals
    -------
    step_chosen : (int)
        Position of the step or other page that the user went to.
    """

    step_chosen = Signal(int)

    def __init__(
        self, names: Sequence[str], others: Mapping[str, str] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        others = others or {}
        self.n_steps = len(names)
        self.setObjectName("step_list")
        self.setAccessibleName("Steps")
        self.setItemDelegate(_StepDelegate(self))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        for name in names:
            self.addItem(QListWidgetItem(name))
        for position in range(len(names)):
            self.set_state(position, "ready")
        for name, icon in others.items():
            other = QListWidgetItem(name, self)
            other.setData(ICON, icon)
            other.setData(Qt.ItemDataRole.AccessibleTextRole, name)
            self._show_tip(self.count() - 1)
        widths = (theme.text_width(name, theme.strong_font()) for name in (*names, *others))
        self._widest = round(max(widths, default=0))
        self.is_compact = False
        self.set_compact(False)
        self.currentRowChanged.connect(self._emit)
        theme.changed.connect(self.viewport().update)

    def set_state(self, position: int, state: StepState, note: str = "") -> None:
        """Show the state of a step, and a note about it in its tooltip."""
        item = self.item(position)
        item.setData(STATE, state)
        says = note or SAYS[state]
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Step {position + 1}, {item.text()}: {says}")
        self._show_tip(position, says)

    def _show_tip(self, position: int, says: str = "") -> None:
        item = self.item(position)
        if not item.data(WHY_NOT):
            item.setToolTip(f"{item.text()}{': ' if says else ''}{says} (Ctrl+{position + 1})")

    def step_state(self, position: int) -> StepState:
        """Return the state shown for a step."""
        value: StepState = self.item(position).data(STATE)
        return value

    def set_available(self, position: int, available: bool, why_not: str = "") -> None:
        """Let a step be chosen, or not and say why."""
        item = self.item(position)
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        item.setFlags(flags if available else Qt.ItemFlag.NoItemFlags)
        item.setData(WHY_NOT, "" if available else why_not)
        if available and position < self.n_steps:
            self.set_state(position, self.step_state(position))
        elif available:
            self._show_tip(position)
        else:
            item.setToolTip(why_not)

    def set_compact(self, compact: bool) -> None:
        """Show numbers and states alone, in a narrow window, or the names as well; the tooltips have them always."""
        self.is_compact = compact
        self.setFixedWidth(COMPACT_WIDTH if compact else self._widest + theme.UNIT * 13)
        self.viewport().update()

    def set_current(self, position: int) -> None:
        """Mark the step whose page is shown, without a signal."""
        self.blockSignals(True)
        self.setCurrentRow(position)
        self.blockSignals(False)
        self.viewport().update()

    def _emit(self, row: int) -> None:
        if row >= 0:
            self.step_chosen.emit(row)


class _StepDelegate(QStyledItemDelegate):
    """Draws number, name and state of a step."""

    def __init__(self, steps: StepList) -> None:
        super().__init__(steps)
        self._steps = steps

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802
        gap = GAP if index.row() == self._steps.n_steps else 0
        return QSize(theme.UNIT * 8, option.fontMetrics.height() + theme.UNIT * 3 + gap)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        named = theme.colours()
        is_step = index.row() < self._steps.n_steps
        gap = GAP if index.row() == self._steps.n_steps else 0
        rect: QRect = option.rect.adjusted(theme.UNIT, 2 + gap, -theme.UNIT, -2)
        flags: QStyle.StateFlag = option.state
        enabled = bool(flags & QStyle.StateFlag.State_Enabled)
        chosen = bool(flags & QStyle.StateFlag.State_Selected)
        painter.save()
        if gap:
            painter.setPen(QColor(named.line))
            painter.drawLine(rect.left(), rect.top() - GAP // 2, rect.right(), rect.top() - GAP // 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen:
            painter.setBrush(QColor(named.accent_soft))
            painter.drawRoundedRect(rect, 6, 6)
            painter.setBrush(QColor(named.accent))
            painter.drawRoundedRect(QRect(rect.left(), rect.top() + 6, 3, rect.height() - 12), 1.5, 1.5)
        elif enabled and flags & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(named.hover))
            painter.drawRoundedRect(rect, 6, 6)
        if flags & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(named.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect, 6, 6)
        left = theme.UNIT if self._steps.is_compact else theme.UNIT * 3 // 2
        inner = rect.adjusted(left, 0, -theme.UNIT // 2 if self._steps.is_compact else -theme.UNIT, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(named.muted if enabled else named.disabled))
        mode = QIcon.Mode.Normal if enabled else QIcon.Mode.Disabled
        if is_step:
            painter.drawText(inner, int(middle), str(index.row() + 1))
        else:
            place = QRect(inner.left() - 3, rect.center().y() - 8, 17, 17)
            theme.icon(str(index.data(ICON)), "muted").paint(painter, place, mode=mode)
        painter.setPen(QColor(named.text if enabled else named.disabled))
        if chosen:
            painter.setFont(theme.strong_font())
        if not self._steps.is_compact:
            painter.drawText(inner.adjusted(theme.UNIT * 5 // 2, 0, 0, 0), int(middle), str(index.data()))
        if is_step:
            state = str(index.data(STATE) or "ready")
            place = QRect(inner.right() - 18, rect.center().y() - 9, 18, 18)
            theme.icon(state, COLOUR[state]).paint(painter, place, mode=mode)
        painter.restore()
