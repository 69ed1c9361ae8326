"""A box for a number that shows no digits that say nothing: 30 %, not 30.0 %."""

from PySide6.QtWidgets import QDoubleSpinBox, QWidget


class NumberBox(QDoubleSpinBox):
    """A number box that leaves out zeros at the end of a fraction.

    Parameters
    ----------
    keeps : int
        Decimals that are shown even where they are zeros, as before a word: 1.0 points.
    """

    def __init__(self, keeps: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeps = keeps

    def textFromValue(self, value: float) -> str:  # noqa: N802
        """Return the digits shown for a value."""
        text = super().textFromValue(value)
        whole, point, digits = text.partition(self.locale().decimalPoint())
        digits = digits.rstrip(self.locale().zeroDigit()).ljust(
            min(self._keeps, len(digits)), self.locale().zeroDigit()
        )
        return f"{whole}{point}{digits}" if digits else whole
