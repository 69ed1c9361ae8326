"""Boxes one below the other, of which any number may be ticked."""

from collections.abc import Iterable, Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.words import wrapped

# A box and the space to its words.
BOX = theme.UNIT * 3


class CheckGroup(QWidget):
    """Boxes one below the other.

    Parameters
    ----------
    choices : mapping of str to (str, str)
        Title and tooltip by name.
    width : int
        What the words of a box may take before they go on in the next line.

    Signals
    -------
    changed : (tuple of str)
        The names ticked now, in the order shown.
    """

    changed = Signal(object)

    def __init__(self, choices: Mapping[str, tuple[str, str]], width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._width = width
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.UNIT // 2)
        self._known = frozenset(choices)
        self.boxes: dict[str, QCheckBox] = {}
        for name, (title, tip) in choices.items():
            self._add(name, title, tip)

    @property
    def names(self) -> tuple[str, ...]:
        """The names ticked now, in the order shown."""
        return tuple(name for name, box in self.boxes.items() if box.isChecked())

    def show_names(self, names: Iterable[str], others: Mapping[str, tuple[str, str]] | None = None) -> None:
        """Tick `names`, without a signal.

        Parameters
        ----------
        names : iterable of str
            One that is no choice gets a box of its own as long as it is among them, so that it can be unticked.
        others : mapping of str to (str, str)
            Title and tooltip of such names.
        """
        ticked = dict.fromkeys(names)
        for name in [each for each in self.boxes if each not in self._known and each not in ticked]:
            self.boxes.pop(name).deleteLater()
        for name in ticked:
            if name not in self.boxes:
                self._add(name, *(others or {}).get(name, (name, "")))
        for name, box in self.boxes.items():
            blocked = box.blockSignals(True)
            box.setChecked(name in ticked)
            box.blockSignals(blocked)

    def _add(self, name: str, title: str, tip: str) -> None:
        box = QCheckBox()
        box.setText(wrapped(title, box.fontMetrics(), self._width))
        box.setAccessibleName(title)
        box.setObjectName(f"choice_{name}")
        box.setToolTip(tip)
        box.setAccessibleDescription(tip)
        box.toggled.connect(self._emit)
        self.boxes[name] = box
        self._column.addWidget(box)

    def _emit(self) -> None:
        self.changed.emit(self.names)
