"""Fractions by hand: a percentage for every class."""

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.controls import NumberBox
from coreset_studio.desktop_app.widgets.words import ElideLabel


class ClassFractions(QWidget):
    """A percentage for every class.

    Signals
    -------
    changed : (object)
        Fraction by class, a dict of those that differ from the fraction of the whole.
    """

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._boxes: dict[str, QDoubleSpinBox] = {}
        self._values: dict[str, float] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(theme.UNIT // 2)
        self._grid.setColumnStretch(0, 1)
        self.setAccessibleName("Fraction of each class")

    def set_classes(self, pool: Mapping[str, int], fractions: Mapping[str, float], otherwise: float) -> bool:
        """Show a fraction for every class of the pool, without a signal; return whether there are other boxes now."""
        self._values = dict(fractions)
        are_others = list(self._boxes) != list(pool)
        if are_others:
            self._make(pool)
        for name, box in self._boxes.items():
            blocked = box.blockSignals(True)
            box.setValue(100 * fractions.get(name, otherwise))
            box.blockSignals(blocked)
        return are_others

    def _make(self, pool: Mapping[str, int]) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        self._boxes = {}
        for row, (name, n_images) in enumerate(pool.items()):
            box = NumberBox()
            box.setRange(0.01, 100.0)
            box.setKeyboardTracking(False)
            box.setSuffix(" %")
            box.setObjectName(name)
            box.setAccessibleName(f"Percent of {name}")
            box.setToolTip(f"Share of the {n_images:,} images of {name} in the pool")
            box.valueChanged.connect(self._emit)
            self._grid.addWidget(ElideLabel(name), row, 0)
            self._grid.addWidget(box, row, 1)
            self._boxes[name] = box

    def _emit(self) -> None:
        box = self.sender()
        if isinstance(box, QDoubleSpinBox):
            self.changed.emit({**self._values, box.objectName(): round(box.value() / 100, 6)})
