"""How well each extractor separates the classes: a group of bars per extractor, over all and by class."""

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from coreset_studio.core.descriptions import registry
from coreset_studio.core.results import Separation
from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.bar_rows import Bar, BarRow
from coreset_studio.desktop_app.widgets.bars import Bars


class SeparationBars(Bars):
    """Share of images among their own class (leave-one-out 5-NN), 0 to 1; a heading an extractor, then its classes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Class separation by extractor", ("Images closest to their own class",), parent)
        self._separations: Sequence[Separation] = ()
        self.redraw()

    def set_separations(self, separations: Sequence[Separation]) -> None:
        """Show separations, the best first."""
        self._separations = sorted(separations, key=lambda one: -one.accuracy)
        self.redraw()

    def redraw(self) -> None:
        """Make the rows again in the colours now in use."""
        rows: list[BarRow] = []
        for number, one in enumerate(self._separations):
            colour = theme.cluster_colour(number)
            rows.append(BarRow(" + ".join(_title(name) for name in one.extractors)))
            rows.append(BarRow("all classes", (Bar(one.accuracy, colour, percent(one.accuracy)),)))
            rows += [BarRow(name, (Bar(value, colour, percent(value)),)) for name, value in one.by_class.items()]
        self.set_rows(rows, largest=1.0, note="No features yet")


def _title(name: str) -> str:
    known = registry("extractor")
    return known[name].title if name in known else name
