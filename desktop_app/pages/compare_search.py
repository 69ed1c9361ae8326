"""The sheet that asks for a hyperparameter search, and the one that shows what it found."""

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QLabel, QLineEdit, QWidget

from core.pipeline.grid import Grid
from core.service.networks import NETWORKS, Network
from core.words import duration
from desktop_app.models.table_model import Column
from desktop_app.widgets.card import Sheet
from desktop_app.widgets.controls import ComboBox
from desktop_app.widgets.table import Table

EPOCHS_TIP = (
    "Whole numbers separated by commas. The minimum number of training steps applies to the largest; for fewer "
    "epochs it is reduced in proportion."
)


class SearchSheet(Sheet):
    """Learning rates, dropouts, epochs; every combination is trained on the coreset.

    Signals
    -------
    search_requested : (Grid, str, bool)
        Network, and whether the whole pool is searched beside it.
    """

    search_requested = Signal(object, str, bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(
            "Search hyperparameters",
            "Trains every combination on the coreset of the Coreset page and evaluates it on the validation images. "
            "Test images are not used.",
            "Search",
            parent,
        )
        self.network = ComboBox()
        for network in _searched():
            self.network.addItem(network.title, network.name)
        self.rates = QLineEdit("0.0005, 0.002, 0.008")
        self.dropouts = QLineEdit("0, 0.1")
        self.epochs = QLineEdit("25")
        self.with_pool = QCheckBox("Also search on the whole pool, and compare the results")
        self.with_pool.setToolTip(
            "Takes as long as the search that the coreset is meant to replace; shows whether it can"
        )
        form = QFormLayout()
        for label, control, tip in (
            ("Network", self.network, "Network to train"),
            ("Learning rates", self.rates, "Numbers separated by commas"),
            ("Dropouts", self.dropouts, _dropout_tip()),
            ("Epochs", self.epochs, EPOCHS_TIP),
            ("", self.with_pool, self.with_pool.toolTip()),
        ):
            control.setToolTip(tip)
            control.setAccessibleName(label or self.with_pool.text())
            form.addRow(label, control)
        for field in (self.rates, self.dropouts, self.epochs):
            field.textChanged.connect(self._clear_problem)
        self.body.addLayout(form)

    def _clear_problem(self) -> None:
        self.set_problem("")

    def accept(self) -> None:
        """Read the numbers; a fault keeps the sheet open."""
        try:
            grid = Grid(
                _numbers(self.rates.text(), "learning rate", lambda n: 0 < n <= 1, "above 0 and at most 1"),
                _numbers(self.dropouts.text(), "dropout", lambda n: 0 <= n < 1, "from 0 to below 1"),
                tuple(
                    int(number)
                    for number in _numbers(
                        self.epochs.text(),
                        "number of epochs",
                        lambda n: n >= 1 and n == int(n),
                        "a whole number from 1",
                    )
                ),
            )
        except ValueError as error:
            self.set_problem(str(error))
            return
        self.search_requested.emit(grid, self.network.currentData(), self.with_pool.isChecked())
        super().accept()


def _searched() -> list[Network]:
    """Return the networks whose hyperparameters can be searched."""
    return [network for network in NETWORKS.values() if network.is_searched]


def _dropout_tip() -> str:
    which = "; ".join(f"{network.words}: {network.dropout_words}" for network in _searched())
    return f"Numbers from 0 to below 1, separated by commas. {which[:1].upper()}{which[1:]}"


def show_search(outcome: Any, parent: QWidget) -> None:
    """Show a finished search: the words and every point."""
    sheet = Sheet("Search results", "\n".join([outcome.text, *outcome.notes]), "Close", parent)
    columns = [
        Column("Learning rate", lambda p: f"{p.learning_rate:g}", lambda p: p.learning_rate, numeric=True),
        Column("Dropout", lambda p: f"{p.dropout:g}", lambda p: p.dropout, numeric=True),
        Column("Epochs", lambda p: f"{p.epochs:,}", lambda p: p.epochs, numeric=True),
        Column(
            "done",
            lambda p: f"{p.coreset_epochs:,}",
            lambda p: p.coreset_epochs,
            numeric=True,
            tooltip="Epochs trained on the coreset, after applying the minimum number of training steps",
        ),
        Column("On the coreset", lambda p: f"{p.coreset_accuracy:.3f}", lambda p: p.coreset_accuracy, numeric=True),
        Column("took", lambda p: duration(p.coreset_seconds), lambda p: p.coreset_seconds, numeric=True),
        Column("On the pool", _pool_accuracy, lambda p: p.pool_accuracy or 0.0, numeric=True),
        Column("took", _pool_seconds, lambda p: p.pool_seconds or 0.0, numeric=True),
    ]
    table = Table("Search points", columns)
    table.set_rows(outcome.points)
    sheet.add(table, 1)
    sheet.add(QLabel(f"Saved as {outcome.file}"))
    sheet.open()


def _numbers(text: str, what: str, fits: Callable[[float], bool], range_words: str) -> tuple[float, ...]:
    """Read numbers between commas; ValueError says what is wrong."""
    words = [word.strip() for word in text.replace(";", ",").split(",") if word.strip()]
    if not words:
        raise ValueError(f"At least one {what} is needed.")
    for word in words:
        if not fits(_number(word)):
            raise ValueError(f"“{word}” is not a valid {what}; expected {range_words}, separate several by commas.")
    return tuple(dict.fromkeys(float(word) for word in words))


def _number(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        return -1.0  # fits no range here
    return number if math.isfinite(number) else -1.0


def _pool_accuracy(point: Any) -> str:
    return "–" if point.pool_accuracy is None else f"{point.pool_accuracy:.3f}"


def _pool_seconds(point: Any) -> str:
    return "–" if point.pool_seconds is None else duration(point.pool_seconds)
