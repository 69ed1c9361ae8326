"""How well each extractor tells the classes apart: a group of bars an extractor, over all and by class."""

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from core.results import Separation
from desktop_app import theme
from desktop_app.widgets.bar_rows import Bar, BarRow
from desktop_app.widgets.bars import Bars


class SeparationBars(Bars):
    """Leave-one-out 5-NN accuracy, 0 to 1; a heading an extractor, its mean first, then its classes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("How well extractors separate the classes", ("5-NN accuracy",), parent)
        self._separations: Sequence[Separation] = ()
        self.redraw()

    def set_separations(self, separations: Sequence[Separation]) -> None:
        """Show separations, the best first."""
        self._separations = sorted(separations, key=lambda one: -one.accuracy)
        self.redraw()

    def redraw(self) -> None:
        """Make the rows anew in the colours now in use."""
        rows: list[BarRow] = []
        for number, one in enumerate(self._separations):
            colour = theme.cluster_colour(number)
            rows.append(BarRow(" + ".join(one.extractors)))
            rows.append(BarRow("all classes", (Bar(one.accuracy, colour, f"{one.accuracy:.3f}"),)))
            rows += [BarRow(name, (Bar(value, colour, f"{value:.3f}"),)) for name, value in one.by_class.items()]
        self.set_rows(rows, largest=1.0, note="It will stand here once features are computed.")
