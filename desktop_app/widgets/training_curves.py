"""The training in progress: accuracy and loss by epoch, for training and validation images."""

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from coreset_studio.core import palette
from coreset_studio.core.results import Epoch
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.plot import Plot
from coreset_studio.desktop_app.widgets.plot_export import Table

LEAST_EPOCHS = 5


class TrainingCurves(QWidget):
    """Two plots side by side that grow with each epoch."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Training by epoch")
        self.accuracy = _Curve("Accuracy by epoch", "accuracy")
        self.loss = _Curve("Loss by epoch", "loss")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT * 2)
        row.addWidget(self.accuracy)
        row.addWidget(self.loss)
        self._epochs: list[Epoch] = []
        self.set_history(())

    def set_history(self, epochs: Sequence[Epoch], n_epochs: int = 0, best: int = 0) -> None:
        """Show a training.

        Parameters
        ----------
        epochs : sequence of Epoch
        n_epochs : int
            How many are planned, so that the axis need not grow; 0 where not known.
        best : int
            Number of the epoch whose weights are kept; 0 where not known yet.
        """
        self._epochs = list(epochs)
        numbers = [epoch.number for epoch in self._epochs]
        self.accuracy.set_values(
            numbers, [e.accuracy for e in self._epochs], [e.validation_accuracy for e in self._epochs], n_epochs, best
        )
        self.loss.set_values(
            numbers, [e.loss for e in self._epochs], [e.validation_loss for e in self._epochs], n_epochs, best
        )
        last = self._epochs[-1] if self._epochs else None
        self.setAccessibleDescription(
            f"Epoch {last.number}: accuracy {last.accuracy:.3f}, validation {last.validation_accuracy:.3f}"
            if last is not None
            else ""
        )

    def add_epoch(self, epoch: Epoch, n_epochs: int = 0) -> None:
        """Add an epoch that has just finished; epoch 1 begins another training."""
        self.set_history([epoch] if epoch.number <= 1 else [*self._epochs, epoch], n_epochs)

    def plot_name(self) -> str:
        """Return the name that files get."""
        return "training by epoch"

    def plot_table(self) -> Table:
        """Return a line an epoch."""
        return (
            ("epoch", "loss", "accuracy", "validation loss", "validation accuracy", "learning rate", "seconds"),
            [
                (e.number, e.loss, e.accuracy, e.validation_loss, e.validation_accuracy, e.learning_rate, e.seconds)
                for e in self._epochs
            ],
        )


class _Curve(Plot):
    """One measure for training and validation images."""

    def __init__(self, name: str, y_label: str) -> None:
        super().__init__(name, "epoch", y_label)
        self.setMouseEnabled(x=False, y=False)
        corner = (-theme.UNIT, -theme.UNIT) if y_label == "accuracy" else (-theme.UNIT, theme.UNIT)
        self._legend = self.addLegend(offset=corner, verSpacing=-4)
        self._training, self._validation = pg.PlotDataItem(), pg.PlotDataItem()
        self._best = pg.InfiniteLine(
            angle=90, label="kept", labelOpts={"position": 0.5, "anchors": [(0, 0.5), (0, 0.5)]}
        )
        for item in (self._training, self._validation):
            self.addItem(item)
        self.addItem(self._best, ignoreBounds=True)
        self._values: tuple[Sequence[int], Sequence[float], Sequence[float]] = ((), (), ())
        self._n_epochs = self._best_epoch = 0

    def set_values(
        self, numbers: Sequence[int], training: Sequence[float], validation: Sequence[float], n_epochs: int, best: int
    ) -> None:
        self._values = (numbers, training, validation)
        self._n_epochs, self._best_epoch = n_epochs, best
        self.set_note("" if numbers else "No training in progress")
        self.redraw()

    def plot_table(self) -> Table:
        return (("epoch", "training", "validation"), list(zip(*self._values, strict=True)))

    def redraw(self) -> None:
        named = theme.colours()
        numbers, training, validation = self._values
        self._legend.clear()
        self._legend.setLabelTextColor(named.text)
        self._legend.setVisible(bool(numbers))
        lines = (
            (self._training, training, "training", "train", Qt.PenStyle.SolidLine),
            (self._validation, validation, "validation", "validation", Qt.PenStyle.DashLine),
        )
        for item, values, title, kind, style in lines:
            colour = theme.lifted(palette.set_colour(kind).lower(), named.surface)
            # Validation images need not be looked at after every epoch.
            shown = [(number, value) for number, value in zip(numbers, values, strict=True) if value == value]
            known = bool(shown)
            item.setData(
                [number for number, _ in shown],
                [value for _, value in shown],
                pen=pg.mkPen(colour, width=2, style=style),
                symbol="o" if len(shown) == 1 else None,
                symbolBrush=pg.mkBrush(colour),
                symbolPen=None,
            )
            item.setVisible(known)
            if known:
                self._legend.addItem(item, title)
        self._best.setVisible(self._best_epoch > 0)
        self._best.setValue(self._best_epoch)
        self._best.label.setColor(named.muted)
        self._best.setPen(pg.mkPen(named.text, width=1, style=Qt.PenStyle.DotLine))
        if numbers:
            self.setXRange(0.5, max(self._n_epochs, LEAST_EPOCHS, numbers[-1]) + 0.5, padding=0)
            self.getViewBox().enableAutoRange(axis="y")
