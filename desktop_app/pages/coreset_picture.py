"""The picture of the Coreset page: the sentence, what every cluster gives, what is covered, and the images."""

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSplitter, QTabWidget, QVBoxLayout, QWidget

from core.pipeline.views import CoresetView
from core.results import ClassCoverage, ClusterShares, Coverage
from desktop_app import theme
from desktop_app.models.table_model import Column
from desktop_app.pages.coreset_foretell import Foretelling
from desktop_app.pages.coreset_images import CoresetImages
from desktop_app.pages.images_shown import ImagesShown
from desktop_app.widgets.bar_pairs import BarPairs, Taken
from desktop_app.widgets.message_strip import MessageStrip
from desktop_app.widgets.plot_export import PlotExportButton
from desktop_app.widgets.table import Table
from desktop_app.widgets.thumbnail_row import ThumbnailRow
from desktop_app.widgets.words import count, percent, set_tone

WORST_SIDE = 56
MEASURING = "What it covers worst is being measured."


class Given(NamedTuple):
    """A row of the table: what one cluster gives."""

    class_name: str
    cluster: int
    n_images: int
    taken: int
    random: int
    expected: float


class CoresetPicture(QWidget):
    """Everything about the coreset that is chosen now.

    Signals
    -------
    opened : (int, object)
        An image, and those to walk through.
    """

    opened = Signal(int, object)

    def __init__(self, shown: ImagesShown, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images = shown
        self.sentence = QLabel()
        self.sentence.setFont(theme.strong_font())
        self.sentence.setWordWrap(True)
        self.covered = QLabel()
        self.covered.setWordWrap(True)
        set_tone(self.covered, "muted")
        self.worst = ThumbnailRow(WORST_SIDE, "The image covered worst")
        self.worst.setFixedWidth(WORST_SIDE + theme.UNIT)
        self.worst.opened.connect(self._open_worst)
        self.worst.clicked.connect(self._open_worst)
        self.notes = MessageStrip()
        self.result = MessageStrip()
        self.bars = BarPairs()
        self.table = _given_table()
        self.coverage = _coverage_table()
        self.foretelling = Foretelling()
        self.chosen = CoresetImages(shown)
        self.chosen.opened.connect(self.opened)
        self.bars.cluster_chosen.connect(self.chosen.show_only)
        self.table.row_chosen.connect(self._show_row)
        self.coverage.row_chosen.connect(self._show_row)
        self._lay_out()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(theme.UNIT // 2)
        words.addWidget(self.sentence)
        words.addWidget(self.covered)
        words.addStretch(1)
        top = QWidget()
        top.setFixedHeight(WORST_SIDE + theme.UNIT)
        top.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(top)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT * 2)
        row.addLayout(words, 1)
        row.addWidget(self.worst)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for widget, name, tip in (
            (_with_export(self.bars), "Bars", "What each cluster gives, beside what random sampling would take"),
            (_with_export(self.table), "Table", "The same in numbers"),
            (_with_export(self.coverage), "Coverage", "How far every class is covered"),
            (self.foretelling, "Foretell", "What nearest neighbours say of every size before any training"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(widget, name), tip)
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(self.tabs)
        parts.addWidget(self.chosen)
        parts.setStretchFactor(0, 1)
        parts.setStretchFactor(1, 1)
        parts.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addWidget(top)
        column.addWidget(self.notes)
        column.addWidget(self.result)
        column.addWidget(parts, 1)

    # --- content ----------------------------------------------------------------------------------------------

    def show_coreset(self, view: CoresetView, pinned_in: Sequence[int], pinned_out: Sequence[int]) -> None:
        """Show a coreset; its coverage comes later."""
        self.sentence.setText(view.sentence)
        self.covered.setText(MEASURING)
        self.bars.set_taken(_taken(view.shares), view.coreset.sampler)
        self.table.set_rows(_given(view.shares))
        self.chosen.set_coreset(view.coreset, pinned_in, pinned_out)
        notes = view.coreset.notes
        if notes:
            self.notes.show_message("warning", " ".join(notes), closable=False)
        else:
            self.notes.clear()
        if view.coverage is not None:
            self.show_coverage(view.coverage)

    def show_coverage(self, coverage: Coverage) -> None:
        """Show what the coreset leaves out."""
        self.coverage.set_rows(coverage.by_class)
        worst = coverage.worst_indices[:1]
        self.worst.set_images([self._images.thumbnail(index) for index in worst])
        touched = f"{coverage.clusters_touched:,} of {coverage.n_clusters:,} clusters give an image."
        if worst:
            name = self._images.class_of(worst[0])
            self.covered.setText(f"{touched} The image it covers worst is this one, of {name}.")
        else:
            self.covered.setText(f"{touched} Every image of the pool is chosen, or has a twin that is.")

    def _open_worst(self, index: int) -> None:
        self.opened.emit(index, [index])

    def _show_row(self, row: object) -> None:
        if isinstance(row, Given):
            self.chosen.show_only(row.class_name, row.cluster)
        elif isinstance(row, ClassCoverage):
            self.chosen.show_only(row.class_name, -1)


def _with_export(widget: BarPairs | Table) -> QWidget:
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, theme.UNIT // 2, 0, 0)
    column.setSpacing(0)
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(PlotExportButton(widget))
    column.addLayout(row)
    column.addWidget(widget, 1)
    return holder


def _taken(shares: Sequence[ClusterShares]) -> list[Taken]:
    return [
        Taken(share.class_name, number, int(n), int(chosen), int(random))
        for share in shares
        for number, (n, chosen, random) in enumerate(zip(share.sizes, share.chosen, share.random, strict=True))
    ]


def _given(shares: Sequence[ClusterShares]) -> list[Given]:
    return [
        Given(one.class_name, one.cluster, one.n_images, one.here, one.random, _expected(share, one))
        for share in shares
        for one in _taken([share])
    ]


def _expected(share: ClusterShares, one: Taken) -> float:
    return float(share.expected_random[one.cluster])


def _given_table() -> Table:
    return Table(
        "What every cluster gives",
        [
            Column("Class", lambda row: row.class_name),
            Column("Cluster", lambda row: count(row.cluster + 1), lambda row: row.cluster, numeric=True),
            Column("Pool", lambda row: count(row.n_images), lambda row: row.n_images, True, "Images of the pool in it"),
            Column("Taken", lambda row: count(row.taken), lambda row: row.taken, True, "Images in the coreset"),
            Column(
                "Share",
                lambda row: percent(round(row.taken / row.n_images, 4)) if row.n_images else "–",
                lambda row: row.taken / row.n_images if row.n_images else 0.0,
                True,
                "Taken, of the cluster",
            ),
            Column("Random", lambda row: count(row.random), lambda row: row.random, True, "One random draw takes"),
            Column(
                "Expected", lambda row: f"{row.expected:.1f}", lambda row: row.expected, True, "Random takes on average"
            ),
        ],
    )


def _coverage_table() -> Table:
    return Table(
        "Coverage by class",
        [
            Column("Class", lambda row: row.class_name),
            Column("Taken", lambda row: count(row.n_chosen), lambda row: row.n_chosen, True, "Images in the coreset"),
            Column(
                "Clusters",
                lambda row: f"{row.clusters_touched} of {row.n_clusters}",
                lambda row: row.clusters_touched / max(1, row.n_clusters),
                True,
                "Clusters that give at least one image",
            ),
            _figure("Mean distance", "mean_distance", "From an image of the class to the nearest chosen one"),
            _figure("Largest", "largest_distance", "Distance of the image covered worst"),
            _figure("MMD²", "mmd2", "How much the chosen images differ from the class as a whole; 0 is the same"),
            Column(
                "Twins",
                lambda row: count(row.duplicate_pairs),
                lambda row: row.duplicate_pairs,
                True,
                "Pairs of chosen images with the same pixels",
            ),
        ],
    )


def _figure(title: str, name: str, tip: str) -> Column:
    def value(row: ClassCoverage) -> float:
        return float(getattr(row, name))

    def text(row: ClassCoverage) -> str:
        found = value(row)
        return "–" if found != found else f"{found:.3g}"

    return Column(title, text, value, True, tip)
