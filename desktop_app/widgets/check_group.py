"""Boxes one below the other, of which any number may be ticked."""

from collections.abc import Iterable, Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from desktop_app import theme


class CheckGroup(QWidget):
    """Boxes one below the other.

    Parameters
    ----------
    choices : mapping of str to (str, str)
        Title and tooltip by name.

    Signals
    -------
    changed : (tuple of str)
        The names ticked now, in the order shown.
    """

    changed = Signal(object)

    def __init__(self, choices: Mapping[str, tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        self.boxes: dict[str, QCheckBox] = {}
        for name, (title, tip) in choices.items():
            box = QCheckBox(title)
            box.setObjectName(f"choice_{name}")
            box.setToolTip(tip)
            box.toggled.connect(self._tell)
            self.boxes[name] = box
            column.addWidget(box)

    @property
    def names(self) -> tuple[str, ...]:
        """The names ticked now, in the order shown."""
        return tuple(name for name, box in self.boxes.items() if box.isChecked())

    def show_names(self, names: Iterable[str]) -> None:
        """Tick `names`, without a signal."""
        ticked = set(names)
        for name, box in self.boxes.items():
            blocked = box.blockSignals(True)
            box.setChecked(name in ticked)
            box.blockSignals(blocked)

    def _tell(self) -> None:
        self.changed.emit(self.names)
