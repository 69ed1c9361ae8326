"""Dialogs that compare two coresets, and measure how stable a selection is."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.results.differences import ComparedCoresets, DifferenceRow
from coreset_studio.core.settings import SelectionSettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.registries import samplers
from coreset_studio.desktop_app.widgets.controls import ComboBox, NumberBox, SpinBox
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import set_tone

MOST_TIMES = 100


class CompareCoresetsDialog(QDialog):
    """Chooses another coreset, and shows how it differs from the current one.

    Parameters
    ----------
    selection : SelectionSettings
        Of the current coreset, from which the other starts.

    Signals
    -------
    requested : (SelectionSettings, str)
        Another coreset is to be compared; with its name.
    export_requested : ()
        An export is to be opened.
    """

    requested = Signal(object, str)
    export_requested = Signal()

    def __init__(self, selection: SelectionSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selection = selection
        self.setWindowTitle("Compare coresets")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.sampler = ComboBox()
        self.sampler.setToolTip("The rule that selects the other coreset")
        self.sampler.setAccessibleName("Sampler of the other coreset")
        for name, described in samplers().items():
            self.sampler.addItem(described.title, name)
        self.sampler.setCurrentIndex(max(0, self.sampler.findData(selection.sampler)))
        self.percentage = NumberBox()
        self.percentage.setRange(0.01, 100.0)
        self.percentage.setSuffix(" %")
        self.percentage.setValue(selection.fraction * 100)
        self.percentage.setToolTip("Fraction of the pool that the other coreset has")
        self.percentage.setAccessibleName("Fraction of the other coreset")
        self.seed = SpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setValue(selection.seed)
        self.seed.setToolTip("Seed of the other coreset, for samplers that draw")
        self.seed.setAccessibleName("Seed of the other coreset")
        self.compare_button = QPushButton("Compare")
        self.compare_button.setToolTip("Select the other coreset, and compare it with the current one")
        self.compare_button.setDefault(True)
        self.compare_button.clicked.connect(self._compare)
        self.export_button = QPushButton("Compare with an export…")
        self.export_button.setToolTip("Compare the current coreset with the coreset.json of an export")
        self.export_button.clicked.connect(self.export_requested)
        self.words = QLabel("The images of the current coreset are compared with those of another one.")
        self.words.setWordWrap(True)
        self.coverage = QLabel()
        self.coverage.setWordWrap(True)
        set_tone(self.coverage, "muted")
        self.table = Table("Two coresets", _columns("the other"))
        self.table.setMinimumHeight(theme.UNIT * 26)
        self._lay_out()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Sampler", self.sampler)
        form.addRow("Fraction", self.percentage)
        form.addRow("Seed", self.seed)
        buttons = QHBoxLayout()
        buttons.addWidget(self.compare_button)
        buttons.addWidget(self.export_button)
        buttons.addStretch(1)
        close = QDialogButtonBox()
        close.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(theme.UNIT)
        column.addLayout(form)
        column.addLayout(buttons)
        column.addWidget(self.words)
        column.addWidget(self.table, 1)
        column.addWidget(self.coverage)
        column.addWidget(close)
        self.resize(theme.UNIT * 72, theme.UNIT * 66)

    def _compare(self) -> None:
        name = str(self.sampler.currentData())
        other = replace(
            self._selection, sampler=name, fraction=round(self.percentage.value() / 100, 6), images=None,
            seed=self.seed.value(), continue_from=None,
        )  # fmt: skip
        self.requested.emit(other, f"{self.sampler.currentText()} ({self.percentage.value():g} %)")

    def show_busy(self) -> None:
        """Show that a comparison is running; it is cancelled in the job bar."""
        self.compare_button.setEnabled(False)
        self.export_button.setEnabled(False)
        self.words.setText("Comparing… Cancel stops it, at the foot of the main window.")

    def show_idle(self) -> None:
        """Show that nothing is running."""
        self.compare_button.setEnabled(True)
        self.export_button.setEnabled(True)
        self.words.setText("Not compared.")

    def show_result(self, found: ComparedCoresets) -> None:
        """Show how two coresets differ."""
        self.show_idle()
        self.words.setText(" ".join([found.sentence, *found.notes]))
        self.table.set_rows(list(found.rows))
        a, b = found.coverage, found.other_coverage
        self.coverage.setText(
            f"Mean distance to the nearest selected image: {a.mean_distance:.3g} for the current coreset, "
            f"{b.mean_distance:.3g} for {found.name}. Clusters with a selected image: {a.clusters_touched:,} and "
            f"{b.clusters_touched:,} of {a.n_clusters:,}. MMD²: {a.mmd2:.3g} and {b.mmd2:.3g}. The images are coloured "
            "by “Compared coresets” on the Images page."
        )


def _columns(other: str) -> list[Column]:
    def cluster(row: DifferenceRow) -> str:
        return "all" if row.cluster < 0 else str(row.cluster + 1)

    return [
        Column("Class", lambda row: row.class_name),
        Column("Cluster", cluster, key=lambda row: row.cluster, numeric=True),
        Column("Both", lambda row: f"{row.both:,}", key=lambda row: row.both, numeric=True),
        Column("Only current", lambda row: f"{row.only_a:,}", key=lambda row: row.only_a, numeric=True),
        Column(f"Only {other}", lambda row: f"{row.only_b:,}", key=lambda row: row.only_b, numeric=True),
    ]


class StabilityDialog(QDialog):
    """Asks for the numbers of splits and seeds.

    Signals
    -------
    requested : (int, int)
        Numbers of splits and of seeds for each.
    """

    requested = Signal(int, int)

    def __init__(self, *, draws: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Stability")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        words = QLabel(
            "The coreset is selected again for each split and seed. Each image then has the share of the times in the "
            "pool that it was selected: a filter, an order and a colour of the Images page. Every split is clustered "
            "again."
        )
        words.setWordWrap(True)
        self.splits = SpinBox()
        self.splits.setRange(1, MOST_TIMES)
        self.splits.setValue(5)
        self.splits.setToolTip("Number of ways to divide the images; their seeds follow that of the settings")
        self.splits.setAccessibleName("Splits")
        self.seeds = SpinBox()
        self.seeds.setRange(1, MOST_TIMES)
        self.seeds.setValue(2 if draws else 1)
        self.seeds.setEnabled(draws)
        tip = "Number of selections for each split"
        self.seeds.setToolTip(tip if draws else "The sampler draws nothing: it selects the same images for each seed")
        self.seeds.setAccessibleName("Seeds")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.accept_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.accept_button.setText("Measure")
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("Splits", self.splits)
        form.addRow("Seeds for each", self.seeds)
        column = QVBoxLayout(self)
        column.setSpacing(theme.UNIT)
        column.addWidget(words)
        column.addLayout(form)
        column.addWidget(buttons)
        self.resize(theme.UNIT * 52, self.sizeHint().height())

    def _accept(self) -> None:
        self.requested.emit(self.splits.value(), self.seeds.value())
        self.accept()
