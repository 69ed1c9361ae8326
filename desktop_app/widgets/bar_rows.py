"""The rows of a bar chart, as plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes
    ----------
    value : float
    colour : str
    text : str
        How the value is written.
    low, high : float or None
        Its interval.
    hollow : bool
        Drawn as an outline, for what others are compared with.
    """

    value: float
    colour: str
    text: str
    low: float | None = None
    high: float | None = None
    hollow: bool = False


@dataclass(frozen=True)
class BarRow:
    """A name and its bars, one below the other; without bars it is a heading.

    Attributes
    ----------
    label : str
    bars : tuple of Bar
    tooltip : str
    symbol, symbol_colour : str
        A marker before the name, as the scatter draws it.
    note : str
        Of a heading, at the right.
    """

    label: str
    bars: tuple[Bar, ...] = ()
    tooltip: str = ""
    symbol: str = ""
    symbol_colour: str = ""
    note: str = ""

    @property
    def spoken(self) -> str:
        """The row in words."""
        return f"{self.label}: {', '.join(bar.text for bar in self.bars)}" if self.bars else f"{self.label} {self.note}"
